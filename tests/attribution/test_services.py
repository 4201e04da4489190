from dataclasses import replace
from datetime import datetime, timezone

import pytest

from dora_deployments.actions.config import Config, MappedService
from dora_deployments.attribution import services
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.services import ServiceChanges
from dora_deployments.attribution.shipped import Range, Shipped
from dora_deployments.attribution.since import between
from dora_deployments.catalogue import NO_SERVICE_TO_TELL
from dora_deployments.deployment import Fact, Service, TouchedServices
from dora_deployments.errors import ConfigurationError, Skip
from tests.attribution.known import LINE, SLUG, Known, Nobody, pull, sha
from tests.builders import inputs

FILE = "`.github/dora.yml` of the workspace"
CART = Service(identifier="cart", name="Cart", team="payments")
CHECKOUT = Service(identifier="checkout")
DOCS = Service(identifier="docs")
OTHER = Service(identifier="other")
CONFIG = Config(
    services=(
        MappedService(service=CART, paths=("cart/**", "!*.md")),
        MappedService(service=CHECKOUT, paths=("checkout/**", "lib/**")),
        MappedService(service=DOCS, paths=("*.md",)),
    ),
    environments=(),
    source=FILE,
)
EMPTY = Config(services=(), environments=(), source=FILE)

# Pull request 12 lands by commit 2, and 13 by commit 3; commits 4 and 5 are pushed directly.
TWELVE, THIRTEEN = pull(12, 2), pull(13, 3)
KNOWN = Known(
    parents=LINE,
    landed={2: [TWELVE], 3: [THIRTEEN]},
    changes={
        12: ["cart/a.py"],
        13: ["cart/b.md", "lib/c.py"],
        sha(4): ["README.md"],
        sha(5): ["Makefile"],
    },
)


def since(base, head, *, known=KNOWN, was_deployed=True, pulls=None, merged=None):
    """Return what is shipped from one commit to another."""
    found = between(known, SLUG, sha(base), sha(head))
    return Shipped(
        previous=Fact(value=sha(base), source="x"),
        was_deployed=was_deployed,
        range=found,
        merged=merged,
        pulls=found.landed if pulls is None else pulls,
    )


def deployed(shipped, known=KNOWN, config=CONFIG, **given):
    return services.deployed(inputs(**given), config, SLUG, shipped, known)


def mapped(service, *pulls, touched=True):
    return ServiceChanges(
        service=service, pulls=pulls, is_exact=True, by_path=True, is_touched=touched
    )


def unknown(service, *, touched=None):
    return ServiceChanges(
        service=service, pulls=(), is_exact=False, by_path=True, is_touched=touched
    )


# --- which services there may be


@pytest.mark.parametrize("config", [None, EMPTY])
def test_without_any_named_the_repository_is_the_service_and_no_file_is_looked_up(config):
    shipped = since(1, 4)
    carried = ServiceChanges(
        service=Service(identifier="shop"), pulls=(TWELVE, THIRTEEN), is_exact=True
    )
    known = replace(KNOWN, changes={})
    assert services.deployed(inputs(), config, SLUG, shipped, known) == (
        Fact(value=(carried,), source="the repository's name"),
        (),
    )


@pytest.mark.parametrize("config", [None, EMPTY, CONFIG])
def test_named_services_without_paths_carry_everything_and_no_file_is_looked_up(config):
    shipped = since(1, 3, was_deployed=False)
    assert services.deployed(inputs(service="other=Other, x"), config, SLUG, shipped, Nobody()) == (
        Fact(
            value=(
                ServiceChanges(
                    service=Service(identifier="other", name="Other"),
                    pulls=(TWELVE, THIRTEEN),
                    is_exact=False,
                ),
                ServiceChanges(
                    service=Service(identifier="x"), pulls=(TWELVE, THIRTEEN), is_exact=False
                ),
            ),
            source="the input `service`",
        ),
        (),
    )


@pytest.mark.parametrize("mode", ["deployment", "pull-services"])
def test_without_the_named_file_nobody_knows_which_pull_requests_are_of_a_service(mode):
    # A named file that does not exist is refused before, so this one could not be looked up.
    given = inputs(service="checkout, x", config_file="dora.yml", mode=mode)
    expected = tuple(unknown(Service(identifier=name)) for name in ("checkout", "x"))
    found = services.deployed(given, None, SLUG, since(1, 3), Nobody())
    assert found == (Fact(value=expected, source="the input `service`"), ())
    assert services.touched(given, 7, Shipped(merged=TWELVE), expected) is None


def test_an_input_says_more_of_a_service_than_the_file():
    fact, _ = deployed(since(1, 2), service="cart=My cart, checkout=Checkout, other")
    assert [each.service for each in fact.value] == [
        Service(identifier="cart", name="My cart", team="payments"),
        Service(identifier="checkout", name="Checkout"),
        OTHER,
    ]
    assert deployed(since(1, 2), service="cart")[0].value[0].service == CART


# --- which of them are deployed


def test_those_of_the_file_are_deployed_whose_files_were_changed():
    assert deployed(since(1, 5)) == (
        Fact(
            value=(mapped(CART, TWELVE), mapped(CHECKOUT, THIRTEEN), mapped(DOCS, THIRTEEN)),
            source=f"{FILE}, by the files that were changed",
        ),
        (),
    )
    assert deployed(since(1, 2))[0].value == (mapped(CART, TWELVE),)


def test_a_commit_without_a_pull_request_touches_services_too():
    assert deployed(since(3, 4))[0].value == (mapped(DOCS),)


def test_where_no_file_is_of_any_service_nothing_is_deployed():
    with pytest.raises(Skip) as raised:
        deployed(since(4, 5))
    assert (raised.value.reason, raised.value.explanation) == (
        "no-service-touched",
        f"no changed file is of a service of {FILE}",
    )


def test_services_that_are_named_are_always_deployed():
    assert deployed(since(4, 5), service="cart, other") == (
        Fact(
            value=(
                mapped(CART, touched=False),
                ServiceChanges(service=OTHER, pulls=(), is_exact=True),
            ),
            source="the input `service`",
        ),
        (),
    )


def test_a_named_service_without_paths_carries_everything_beside_one_with_them():
    assert deployed(since(1, 3), service="cart, other")[0].value == (
        mapped(CART, TWELVE),
        ServiceChanges(service=OTHER, pulls=(TWELVE, THIRTEEN), is_exact=True),
    )


def test_in_the_mode_for_services_those_that_are_named_must_be_touched_as_well():
    given = {"mode": "pull-services", "service": "cart, checkout"}
    assert deployed(since(1, 2), **given)[0] == Fact(
        value=(mapped(CART, TWELVE),), source="the input `service`, by the files that were changed"
    )
    with pytest.raises(Skip) as raised:
        deployed(since(3, 5), **given)
    assert raised.value.explanation == "no changed file is of a service of the input `service`"


def test_pull_requests_that_do_not_count_touch_services_all_the_same():
    assert deployed(since(1, 3, pulls=(THIRTEEN,)))[0].value == (
        mapped(CART),
        mapped(CHECKOUT, THIRTEEN),
        mapped(DOCS, THIRTEEN),
    )


@pytest.mark.parametrize(
    "config",
    [
        None,
        EMPTY,
        replace(EMPTY, services=(MappedService(service=OTHER, environments=("other",)),)),
    ],
)
def test_pull_services_needs_a_service_to_tell_of(config):
    with pytest.raises(ConfigurationError) as raised:
        deployed(Shipped(merged=TWELVE), config=config, mode="pull-services")
    (problem,) = raised.value.problems
    assert problem == (
        "`mode` is pull-services, but no service is known to report; name `service`, or map"
        " services to paths in `config-file`"
    )
    assert raised.value.topic == NO_SERVICE_TO_TELL


# --- services by environment

ADMIN = Service(identifier="admin", name="Admin")
STORE = Service(identifier="store")
BY_ENVIRONMENT = Config(
    services=(
        MappedService(service=ADMIN, environments=("Production \u2013 admin",)),
        MappedService(service=CART, paths=("cart/**",), environments=("cart-*", "*-cart")),
        MappedService(service=DOCS, paths=("*.md",)),
    ),
    environments=(),
    source=FILE,
)
WITHOUT_PATHS = Config(
    services=(
        MappedService(service=ADMIN, environments=("Production \u2013 admin",)),
        MappedService(service=STORE, environments=("store",)),
    ),
    environments=(),
    source=FILE,
)


def deployed_to(environment, shipped, known=KNOWN, config=BY_ENVIRONMENT, **given):
    told = None
    if environment is not None:
        told = Fact(value=environment, source="deployment_status.environment")
    return services.deployed(inputs(**given), config, SLUG, shipped, known, told)


def test_an_environment_of_a_service_without_paths_deploys_it_with_every_pull_request():
    admin = ServiceChanges(service=ADMIN, pulls=(TWELVE, THIRTEEN), is_exact=True)
    assert deployed_to("Production \u2013 admin", since(1, 5)) == (
        Fact(
            value=(admin,),
            source=f"{FILE}, whose services.admin.environments match 'Production \u2013 admin'"
            " (deployment_status.environment)",
        ),
        (),
    )


def test_an_environment_of_a_service_with_paths_deploys_it_with_those_that_touch_it():
    source = (
        f"{FILE}, whose services.cart.environments match 'eu-cart' (deployment_status.environment)"
    )
    assert deployed_to("eu-cart", since(1, 5)) == (
        Fact(value=(mapped(CART, TWELVE, THIRTEEN),), source=source),
        (),
    )
    assert deployed_to("eu-cart", since(4, 5)) == (
        Fact(value=(mapped(CART, touched=False),), source=source),
        (),
    )


def test_a_service_is_deployed_to_its_environment_by_the_commit_where_no_file_is_known():
    known = Known(parents=LINE, fails={"pull_details": LookUpError("GitHub's API answered 500")})
    fact, warnings = deployed_to("cart-1", since(1, 3), known)
    assert fact.value == (unknown(CART),)
    assert warnings == (
        (
            "the changed files could not be looked up: GitHub's API answered 500; so it is not"
            " known which services they belong to"
        ),
    )


@pytest.mark.parametrize("environment", ["production", "my-cart-1", None])
def test_another_environment_deploys_the_services_with_paths_whose_files_were_changed(environment):
    assert deployed_to(environment, since(1, 5)) == (
        Fact(
            value=(mapped(CART, TWELVE, THIRTEEN), mapped(DOCS, THIRTEEN)),
            source=f"{FILE}, by the files that were changed",
        ),
        (),
    )
    assert deployed_to(environment, Shipped())[0].value == (unknown(CART), unknown(DOCS))


def test_services_that_are_named_are_deployed_whatever_the_environment():
    assert deployed_to("cart-1", since(1, 3), service="admin, other")[0] == Fact(
        value=(
            ServiceChanges(service=ADMIN, pulls=(TWELVE, THIRTEEN), is_exact=True),
            ServiceChanges(service=OTHER, pulls=(TWELVE, THIRTEEN), is_exact=True),
        ),
        source="the input `service`",
    )


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ("storybook", "no service has the environment 'storybook'"),
        (None, "the event names no environment"),
    ],
)
def test_without_paths_another_environment_deploys_nothing(environment, told):
    with pytest.raises(Skip) as raised:
        deployed_to(environment, since(1, 5), Nobody(), WITHOUT_PATHS)
    assert (raised.value.reason, raised.value.explanation) == (
        "no-service-touched",
        f"{told}, and none has paths in {FILE}",
    )


def test_in_the_mode_for_services_an_environment_tells_nothing():
    given = {"mode": "pull-services"}
    fact, _ = deployed_to("Production \u2013 admin", since(1, 2), **given)
    assert fact.value == (mapped(CART, TWELVE),)
    fact, _ = deployed_to(None, since(1, 2), service="admin, docs", **given)
    assert fact.value == (ServiceChanges(service=ADMIN, pulls=(TWELVE,), is_exact=True),)


# --- rollbacks and merged pull requests


def test_a_rollback_deploys_whatever_loses_changes():
    assert deployed(since(3, 2))[0].value == (mapped(CHECKOUT), mapped(DOCS))


def test_what_diverged_deploys_whatever_gains_or_loses_changes():
    known = Known(
        parents={1: (), 2: (1,), 3: (1,)},
        landed={2: [TWELVE], 3: [THIRTEEN]},
        changes=KNOWN.changes,
    )
    found, _ = deployed(since(2, 3, known=known), known)
    assert found.value == (mapped(CART), mapped(CHECKOUT, THIRTEEN), mapped(DOCS, THIRTEEN))


def test_a_merged_pull_request_touches_by_its_own_files():
    shipped = Shipped(merged=TWELVE, pulls=(TWELVE,))
    assert deployed(shipped)[0].value == (mapped(CART, TWELVE),)
    assert deployed(Shipped(merged=TWELVE))[0].value == (mapped(CART),)


def test_the_range_of_a_merged_pull_request_counts_more_than_its_own_files():
    assert deployed(since(2, 3, merged=TWELVE))[0].value == (
        mapped(CHECKOUT, THIRTEEN),
        mapped(DOCS, THIRTEEN),
    )


# --- where the files are not known

ALL = (unknown(CART), unknown(CHECKOUT), unknown(DOCS))
BEFORE = "all of them, since it is not known what they had before"


@pytest.mark.parametrize(
    ("shipped", "why"),
    [
        (since(3, 3), "all of them, since the same commit is deployed again"),
        (Shipped(), BEFORE),
        (Shipped(previous=Fact(value=sha(1), source="x"), was_deployed=True), BEFORE),
        (since(1, 3, was_deployed=False), BEFORE),
        (since(3, 1, was_deployed=False), BEFORE),
        (since(3, 3, was_deployed=False), BEFORE),
        (since(1, 3, known=Known(parents=LINE, unknown=[2])), BEFORE),
    ],
    ids=["redeployed", "nothing", "no range", "pointed to", "back", "same", "incomplete"],
)
def test_where_it_is_not_known_what_changed_all_are_deployed_by_the_commit(shipped, why):
    assert services.deployed(inputs(), CONFIG, SLUG, shipped, Nobody()) == (
        Fact(value=ALL, source=f"{FILE}, {why}"),
        (),
    )


def test_a_pull_request_that_cannot_be_placed_leaves_the_services_known_and_their_changes_inexact():
    lost = replace(THIRTEEN, merge_commit_sha="")
    known = replace(
        KNOWN, landed={2: [TWELVE], 3: [lost]}, changes={**KNOWN.changes, sha(3): ["lib/c.py"]}
    )
    fact, warnings = deployed(since(1, 3, known=known), known)
    assert fact.value == (
        replace(mapped(CART, TWELVE), is_exact=False),
        replace(mapped(CHECKOUT), is_exact=False),
    )
    assert warnings == ()


def test_where_the_lost_changes_are_not_all_known_all_are_deployed():
    known = Known(parents=LINE, unknown=[3])
    assert deployed(since(3, 2), known) == (Fact(value=ALL, source=f"{FILE}, {BEFORE}"), ())


@pytest.mark.parametrize(
    ("shipped", "look_up"),
    [
        (since(1, 3), "pull_details"),
        (since(3, 4), "commit_files"),
        (since(3, 1), "comparison"),
        (since(3, 1), "landings"),
    ],
)
def test_a_look_up_that_fails_deploys_all_with_a_warning(shipped, look_up):
    known = Known(parents=LINE, fails={look_up: LookUpError("GitHub's API answered 500")})
    assert deployed(shipped, known) == (
        Fact(value=ALL, source=f"{FILE}, all of them, since no file is known"),
        (
            (
                "the changed files could not be looked up: GitHub's API answered 500; so it is"
                " not known which services they belong to"
            ),
        ),
    )


@pytest.mark.parametrize("matched", [0, 3])
def test_where_the_time_is_over_all_are_deployed_with_a_warning(matched):
    class Slow(Known):
        left = iter([True] * matched)

        def has_time(self):
            return next(self.left, False)

    known = Slow(parents=LINE, changes=KNOWN.changes)
    expected = (
        Fact(value=ALL, source=f"{FILE}, all of them, since there was no time to find out which"),
        (
            (
                "the time for look-ups was over before all changed files were matched with `paths`;"
                " so it is not known which services they belong to"
            ),
        ),
    )
    assert deployed(since(1, 5), known) == expected


def test_a_list_that_is_cut_counts_as_every_file():
    known = Known(parents=LINE, changes=KNOWN.changes, cut=True)
    assert deployed(since(1, 3), known) == (
        Fact(
            value=tuple(unknown(each, touched=True) for each in (CART, CHECKOUT, DOCS)),
            source=f"{FILE}, all of them, since not every changed file is known",
        ),
        (("the changed files are too many to be listed; so they count as those of every service"),),
    )


def test_where_only_the_files_of_direct_commits_are_cut_pull_requests_are_told_exactly():
    class Many(Known):
        def commit_files(self, repository, commit_shas):
            return replace(super().commit_files(repository, commit_shas), cut=True)

    known = Many(parents=LINE, changes=KNOWN.changes)
    assert deployed(since(1, 5), known) == (
        Fact(
            value=(mapped(CART, TWELVE), mapped(CHECKOUT, THIRTEEN), mapped(DOCS, THIRTEEN)),
            source=f"{FILE}, all of them, since not every changed file is known",
        ),
        (("the changed files are too many to be listed; so they count as those of every service"),),
    )
    assert deployed(since(1, 2), known)[0].value == (mapped(CART, TWELVE),)
    assert deployed(since(3, 5), known)[0].value == (mapped(CART), mapped(CHECKOUT), mapped(DOCS))


def test_named_services_are_deployed_by_the_commit_where_the_files_are_not_known():
    assert deployed(Shipped(), service="cart, other")[0] == Fact(
        value=(unknown(CART), ServiceChanges(service=OTHER, pulls=(), is_exact=False)),
        source="the input `service`",
    )


def test_a_warning_about_files_reaches_those_who_name_the_services():
    known = Known(parents=LINE, changes=KNOWN.changes, cut=True)
    fact, warnings = deployed(since(1, 3), known, service="cart")
    assert fact == Fact(value=(unknown(CART, touched=True),), source="the input `service`")
    assert len(warnings) == 1


def test_only_the_pull_requests_and_commits_of_the_range_are_asked_for():
    class Listed(Known):
        def pull_details(self, repository, numbers, *, files):
            assert (repository, list(numbers), files) == (SLUG, [12, 13], True)
            return super().pull_details(repository, numbers, files=files)

        def commit_files(self, repository, commit_shas):
            assert (repository, list(commit_shas)) == (SLUG, [sha(4), sha(5)])
            return super().commit_files(repository, commit_shas)

    known = Listed(parents=LINE, changes=KNOWN.changes)
    assert deployed(since(1, 5), known) == deployed(since(1, 5))


# --- the files of whole comparisons


class NoCommits(Known):
    """Must not be asked for the files of single commits."""

    def commit_files(self, repository, commit_shas):
        raise AssertionError(f"asked for {commit_shas} of {repository}")


def test_where_commits_came_by_no_pull_request_the_files_of_the_comparison_count():
    known = NoCommits(
        parents=LINE,
        landed=KNOWN.landed,
        changes=KNOWN.changes,
        compared={(1, 4): ["cart/a.py", "checkout/x"], (3, 5): []},
    )
    assert deployed(since(1, 4, known=known), known)[0].value == (
        mapped(CART, TWELVE),
        mapped(CHECKOUT, THIRTEEN),
        mapped(DOCS, THIRTEEN),
    )
    only = replace(known, compared={(3, 5): ["checkout/x"]})
    assert deployed(since(3, 5, known=only), only)[0].value == (mapped(CHECKOUT),)
    with pytest.raises(Skip):
        deployed(since(3, 5, known=known), known)


def test_without_such_commits_they_do_not():
    known = replace(KNOWN, compared={(1, 2): ["checkout/x", "README.md"]})
    assert deployed(since(1, 2, known=known), known)[0].value == (mapped(CART, TWELVE),)


def test_of_what_diverged_each_side_has_its_own():
    known = Known(
        parents={1: (), 2: (1,), 3: (1,)},
        changes={sha(3): ["README.md"]},
        compared={(3, 2): ["cart/a.py"]},
    )
    found, _ = deployed(since(2, 3, known=known), known)
    assert found.value == (mapped(CART), mapped(DOCS))


# --- when the pull requests were begun

BEGUN = {12: datetime(2026, 6, 1, 8, tzinfo=timezone.utc)}
BEGUN_TWELVE = replace(TWELVE, first_commit_at=BEGUN[12])


@pytest.mark.parametrize("service", ["other", "cart, other", "cart"])
def test_exactly_known_pull_requests_are_told_with_the_times_of_their_first_commits(service):
    known = replace(KNOWN, begun=BEGUN)
    fact, warnings = deployed(since(1, 3), known, service=service)
    assert warnings == ()
    assert {each.service.identifier: each.pulls for each in fact.value} == {
        name: {"cart": (BEGUN_TWELVE,), "other": (BEGUN_TWELVE, THIRTEEN)}[name]
        for name in service.split(", ")
    }


def test_nobody_is_asked_for_times_that_are_known_or_not_of_use():
    known = replace(TWELVE, first_commit_at=BEGUN[12])
    for shipped in (
        since(1, 2, pulls=()),
        since(1, 2, pulls=(known,)),
        since(1, 2, was_deployed=False),
        Shipped(merged=TWELVE, pulls=(TWELVE,)),
    ):
        fact, _ = services.deployed(inputs(service="other"), None, SLUG, shipped, Nobody())
        assert fact.value[0].pulls == shipped.pulls


def test_the_merge_of_a_pull_request_is_told_without_the_time():
    known = replace(KNOWN, begun=BEGUN)
    shipped = Shipped(merged=TWELVE, pulls=(TWELVE,))
    assert deployed(shipped, known)[0].value == (mapped(CART, TWELVE),)


def test_times_that_are_not_told_are_no_warning():
    fact, warnings = deployed(since(1, 3), KNOWN, service="other")
    assert (fact.value[0].pulls, warnings) == ((TWELVE, THIRTEEN), ())


# --- which services a merged pull request touches


@pytest.mark.parametrize(
    ("carried", "theirs"),
    [
        ([mapped(CART, TWELVE)], (TWELVE,)),
        ([mapped(CART, THIRTEEN), mapped(CHECKOUT, THIRTEEN, TWELVE)], (TWELVE, THIRTEEN)),
        ([mapped(DOCS)], ()),
        ([mapped(DOCS), mapped(CART, THIRTEEN)], (THIRTEEN,)),
        ([ServiceChanges(service=CART, pulls=(TWELVE,), is_exact=False, by_path=True)], (TWELVE,)),
        # Whose they are is not known, or no service is reported of which they could be.
        ([unknown(CART)], (TWELVE, THIRTEEN)),
        ([mapped(DOCS, TWELVE), unknown(CART)], (TWELVE, THIRTEEN)),
        ([], (TWELVE, THIRTEEN)),
    ],
)
def test_the_pull_requests_of_other_services_are_not_told(carried, theirs):
    assert services.pulls_of(tuple(carried), since(1, 3)) == theirs


@pytest.mark.parametrize(
    ("carried", "given", "told"),
    [
        ([mapped(CART), mapped(DOCS)], {}, (CART, DOCS)),
        ([mapped(CART, touched=False), mapped(DOCS)], {}, (DOCS,)),
        ([mapped(CART, touched=False)], {}, None),
        ([unknown(CART)], {}, None),
        ([unknown(CART, touched=True)], {}, (CART,)),
        ([ServiceChanges(service=OTHER, pulls=(), is_exact=True)], {}, None),
        ([ServiceChanges(service=OTHER, pulls=(), is_exact=True), mapped(CART)], {}, (CART,)),
        (
            [ServiceChanges(service=OTHER, pulls=(), is_exact=True), mapped(CART)],
            {"mode": "pull-services"},
            (OTHER, CART),
        ),
        ([mapped(CART, touched=False)], {"mode": "pull-services"}, None),
        ([unknown(CART)], {"mode": "pull-services"}, None),
        ([], {"mode": "pull-services"}, None),
    ],
)
def test_services_are_told_that_a_pull_request_surely_touches(carried, given, told):
    shipped = Shipped(merged=TWELVE, pulls=(TWELVE,))
    found = services.touched(inputs(**given), 3498120117, shipped, tuple(carried))
    expected = None if told is None else TouchedServices(pull_id=3498120117, services=told)
    assert found == expected


def test_what_is_no_pull_request_or_more_than_one_touches_nothing_for_dx():
    whole = Range(base=sha(1), head=sha(2), relation="ahead", merge_base=sha(1), commits=1)
    carried = (mapped(CART),)
    assert services.touched(inputs(), None, Shipped(), carried) is None
    assert services.touched(inputs(), 3498120117, Shipped(range=whole), carried) is None


def test_to_tell_of_services_it_is_enough_that_they_are_named_or_mapped():
    named, _ = deployed(since(1, 3), config=None, service="other", mode="pull-services")
    mapped_alone, _ = deployed(since(1, 3), mode="pull-services")
    assert [each.service.identifier for each in named.value] == ["other"]
    assert [each.service for each in mapped_alone.value] == [CART, CHECKOUT, DOCS]
