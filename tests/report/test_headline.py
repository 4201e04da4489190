"""The headline tells the news: what happened, and whether it was reported."""

from dataclasses import replace
from pathlib import Path

import pytest

from dora_deployments.attribution.timeline import Uncertainty
from dora_deployments.backends.datadog import Datadog
from dora_deployments.backends.dx import Dx
from dora_deployments.delivery import deliver
from dora_deployments.report.account import Account
from dora_deployments.report.headline import headline
from tests.builders import deployment
from tests.report.accounts import (
    carried,
    fact,
    outcome,
    pull_request,
    resolved,
    services,
    shipped,
)

KEY = "fedcba9876543210fedcba9876543210"
DATADOG = Datadog(url="https://api.datadoghq.com", api_key=KEY)
DX = Dx(url="https://acme.getdx.net/api", token=KEY)
BOTH = (outcome(), outcome(backend="DX"))
THREE = shipped(pull_request(1), pull_request(4), pull_request(30))


def news(known, *outcomes, **changes):
    """Return the headline of a run that told both backends, if no other outcome is given."""
    return headline(Account(resolved=known, outcomes=outcomes or BOTH, **changes))


def of(name="shop", **changes):
    """Return what was deployed of a service."""
    return resolved(*services(name), **changes)


# --- what happened


def test_several_changes_have_a_median_lead_time():
    assert news(of(shipped=THREE)) == (
        "3 changes in shop reached production, median lead time 4 h 0 min"
    )


def test_one_change_is_named_by_its_number():
    assert news(of(shipped=shipped(pull_request(4)))) == (
        "Change #4 in shop reached production, lead time 4 h 0 min"
    )


def test_a_merge_is_a_change():
    known = of(pulls=(pull_request(4),))
    merged = replace(known.shipped, merged=pull_request(4))
    assert news(replace(known, shipped=merged)) == (
        "Change #4 in shop reached production, lead time 4 h 0 min"
    )


def test_a_merge_that_does_not_count_is_told_by_its_commit():
    merged = replace(of().shipped, merged=pull_request(4))
    assert news(of(shipped=merged)) == "Commit 7fd0709 of shop reached production"


def test_changes_whose_merges_are_not_dated_have_no_lead_time():
    undated = shipped(pull_request(1, merged_at=None), pull_request(2, merged_at=None))
    assert news(of(shipped=undated)) == "2 changes in shop reached production"


def test_changes_that_may_not_be_all_are_told_as_the_least():
    known = shipped(pull_request(4), since={"missing": "one could not be looked up"})
    assert news(of(shipped=known)) == (
        "At least 1 change in shop reached production, lead time 4 h 0 min"
    )


@pytest.mark.parametrize(
    "known",
    [
        shipped(since={"missing": "too many"}),
        shipped(range=None),
        replace(of().shipped, warnings=("the look-up failed",)),
    ],
)
def test_changes_that_could_not_be_looked_up_are_told_to_be_unknown(known):
    assert news(of(shipped=known)) == (
        "Commit 7fd0709 of shop reached production, its changes unknown"
    )


@pytest.mark.parametrize(("commits", "shown"), [(1, "1 commit"), (3, "3 commits")])
def test_commits_without_a_pull_request_are_counted(commits, shown):
    assert news(of(shipped=shipped(since={"commits": commits}))) == (
        f"Commit 7fd0709 of shop reached production, with {shown} and no pull request since 31c4933"
    )


@pytest.mark.parametrize(
    "known",
    [
        replace(THREE, pulls=()),  # of another branch than the integration branch
        shipped(relation="behind", was_deployed=False, since={"commits": 0}),
    ],
)
def test_where_nothing_counts_as_a_change_the_commit_is_the_news(known):
    assert news(of(shipped=known)) == "Commit 7fd0709 of shop reached production"


def test_a_first_deployment_is_one_as_far_as_github_knows():
    first = replace(of().shipped, is_first=True)
    assert news(of(shipped=first)) == (
        "Commit 7fd0709 of shop reached production, the first deployment there that GitHub knows of"
    )


def test_a_first_deployment_of_a_branch_that_stood_elsewhere_before_has_changes():
    pushed = replace(THREE, was_deployed=False, is_first=True)
    assert news(of(shipped=pushed)) == (
        "3 changes in shop reached production, median lead time 4 h 0 min"
    )


@pytest.mark.parametrize("relation", ["ahead", "behind", "identical"])
def test_where_it_is_not_certain_what_came_before_the_changes_are_not_either(relation):
    why = Uncertainty.SEVERAL_MAKERS
    nearest = shipped(relation=relation, was_deployed=False, uncertainty=why)
    assert news(of(shipped=nearest)) == (
        "Commit 7fd0709 of shop reached production, its changes not certain"
    )


def test_a_rollback_names_both_commits():
    back = shipped(relation="behind", since={"commits": 0})
    assert news(of(shipped=back)) == (
        "Commit 7fd0709 of shop is back in production, a rollback from 31c4933"
    )


def test_a_redeployment_has_no_changes():
    again = shipped(relation="identical", since={"commits": 0})
    assert news(of(shipped=again)) == (
        "Commit 7fd0709 of shop was deployed to production again, without changes"
    )


@pytest.mark.parametrize(
    ("known", "what"),
    [
        (THREE, "deployment of 3 changes in shop to production"),
        (shipped(pull_request(4)), "deployment of change #4 in shop to production"),
        (shipped(), "deployment of commit 7fd0709 of shop to production"),
        (shipped(relation="behind"), "rollback of shop in production from 31c4933 to 7fd0709"),
        (
            shipped(relation="identical"),
            "redeployment of commit 7fd0709 of shop to production",
        ),
    ],
)
def test_a_failed_deployment_reached_nothing(known, what):
    failed = of(shipped=known, success=fact(False))
    assert news(failed) == f"The {what} failed"
    assert news(failed, outcome("skipped")) == f"The {what} failed; no backend takes it"
    assert news(failed, outcome("rejected")) == f"Rejected by Datadog: the failed {what}"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("cart", "mail"), "cart and mail"),
        (("cart", "mail", "search"), "cart, mail and search"),
        (tuple("abcdefg"), "a, b, c and 4 more"),
    ],
)
def test_several_services_are_named_or_counted(names, shown):
    known = resolved(*services(*names), environment=fact("live"), shipped=THREE)
    assert news(known) == f"3 changes in {shown} reached live, median lead time 4 h 0 min"


def test_a_service_that_no_change_reached_is_not_told_to_have_one():
    cart, mail = carried("cart", pulls=(pull_request(4),)), carried("mail")
    known = of(services=fact((*mail.value, *cart.value)), shipped=shipped(pull_request(4)))
    assert news(known) == "Change #4 in cart reached production, lead time 4 h 0 min"


@pytest.mark.parametrize(("number", "shown"), [(1, "1 change"), (2, "2 changes")])
def test_changes_that_an_input_names_are_counted(number, shown):
    known = of(merge_commit_shas=("1" * 40, "2" * 40)[:number])
    assert news(known) == f"{shown} in shop reached production"
    assert news(known, outcome("rejected")) == (
        f"Rejected by Datadog: the deployment of {shown} in shop to production"
    )


def test_changes_that_touch_no_deployed_service_are_not_its_own():
    known = of(services=carried("cart", pulls=(pull_request(4),)), shipped=THREE)
    assert news(known) == "Change #4 in cart reached production, lead time 4 h 0 min"


# --- what became of the report


@pytest.mark.parametrize(
    ("outcomes", "lacks"),
    [
        ((outcome(), outcome("rejected", backend="DX")), "DX lacks shop"),
        (
            (
                outcome(),
                outcome("rejected", backend="DX", service="cart"),
                outcome("undelivered", backend="DX"),
                outcome("undelivered", service="mail"),
            ),
            "DX lacks cart and shop, and Datadog lacks mail",
        ),
        (
            (outcome(), *[outcome("undelivered", backend="DX")] * 5),
            "DX lacks shop, shop, shop and 2 more",
        ),
    ],
)
def test_a_partial_report_says_what_is_lacking_where(outcomes, lacks):
    assert news(of(), *outcomes) == (
        f"Commit 7fd0709 of shop reached production, its changes unknown, but {lacks}"
    )


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ([outcome("rejected")], "Rejected by Datadog"),
        ([outcome("undelivered")], "Not delivered to Datadog"),
        (
            [outcome("undelivered"), outcome("undelivered", backend="DX")],
            "Not delivered to Datadog and DX",
        ),
        (
            [outcome("rejected", backend="DX"), outcome("undelivered")],
            "Rejected by DX, not delivered to Datadog",
        ),
        ([outcome("rejected"), outcome("undelivered")], "Rejected by Datadog"),
        ([outcome("undelivered"), outcome("skipped", backend="DX")], "Not delivered to Datadog"),
    ],
)
def test_a_report_that_nobody_has_is_not_told_as_one(outcomes, told):
    assert news(of(shipped=THREE), *outcomes) == (
        f"{told}: the deployment of 3 changes in shop to production"
    )


def test_what_a_backend_had_already_is_reported():
    assert news(of(shipped=THREE), outcome("duplicate")).startswith("3 changes in shop reached ")


def test_a_deployment_that_no_backend_takes_happened_all_the_same():
    assert news(of(shipped=THREE), outcome("skipped")) == (
        "3 changes in shop reached production, median lead time 4 h 0 min; no backend takes it"
    )


def test_a_dry_run_says_what_would_be_reported():
    prepared = deliver.prepare([deployment()], [DATADOG, DX])
    account = Account(is_dry_run=True, resolved=of(shipped=THREE), deliveries=prepared)
    assert headline(account) == (
        "The deployment of 3 changes in shop to production would be reported; nothing was sent"
    )


def test_a_dry_run_of_what_no_backend_takes_would_report_nothing():
    prepared = deliver.prepare([deployment(success=False)], [DATADOG])
    known = of(shipped=THREE, success=fact(False))
    account = Account(
        is_dry_run=True, resolved=known, deliveries=prepared, outcomes=(outcome("skipped"),)
    )
    assert headline(account) == (
        "Would not be reported: the failed deployment of 3 changes in shop to production"
    )


# --- other runs


def touched(names=("shop",), *, is_touched=True, merged=True):
    """Return what a run of the mode pull-services finds out."""
    known = of(services=carried(*names, is_touched=is_touched))
    pull = pull_request(4) if merged else None
    return replace(known, deployments=(), shipped=replace(known.shipped, merged=pull))


def test_in_mode_pull_services_the_news_is_what_is_touched():
    assert news(touched(("shop", "cart"))) == "Pull request #4 touches shop and cart"
    assert news(touched(), outcome("rejected", backend="DX")) == (
        "Rejected by DX: that pull request #4 touches shop"
    )
    assert news(touched(merged=False)) == "The pull request touches shop"


def test_where_it_is_unknown_of_one_service_whether_it_is_touched_none_is_named():
    known = touched(("shop", "cart"))
    shop, cart = known.services.value
    unsure = replace(known, services=fact((replace(shop, is_touched=None), cart)))
    assert news(unsure) == "Nobody knows which services pull request #4 touches"


def test_in_mode_pull_services_a_dry_run_may_have_nothing_to_report():
    account = Account(is_dry_run=True, resolved=touched(), outcomes=(outcome("skipped"),))
    assert headline(account) == "Would not be reported: that pull request #4 touches shop"


def test_in_mode_pull_services_nobody_may_know_what_is_touched():
    assert news(touched(is_touched=None), outcome("undelivered", backend="DX")) == (
        "Not delivered to DX: which services pull request #4 touches"
    )
    assert news(touched(is_touched=None), outcome("skipped")) == (
        "Nobody knows which services pull request #4 touches; no backend takes it"
    )


@pytest.mark.parametrize(
    ("number", "told"), [(1, "1 saved report was"), (3, "3 saved reports were")]
)
def test_a_replay_counts_what_it_sent(number, told):
    saved = deliver.prepare([deployment()] * number, [DX])
    account = Account(deliveries=saved, outcomes=(outcome(backend="DX"),))
    reports = told.rpartition(" ")[0]

    assert headline(account) == f"{told} sent again"
    account.refused = (Path("a"),)
    assert headline(account) == f"{told} sent again; 1 file not sent"
    account.refused = (Path("a"), Path("b"))
    account.outcomes = (outcome("undelivered", backend="DX"),)
    assert headline(account) == f"Not delivered to DX: {reports}; 2 files not sent"
    account.is_dry_run = True
    assert headline(account) == (f"{reports} would be reported; nothing was sent; 2 files not sent")


def test_a_replay_says_how_many_files_are_left_for_another_run():
    saved = deliver.prepare([deployment()] * 3, [DX])
    account = Account(deliveries=saved, outcomes=(outcome(backend="DX"),), left=(Path("a"),))

    assert headline(account) == "3 saved reports were sent again; 1 file left for another run"
    account.refused = (Path("b"),)
    account.left = (Path("c"), Path("d"))
    assert headline(account) == (
        "3 saved reports were sent again; 1 file not sent; 2 files left for another run"
    )
    account = Account(left=(Path("a"), Path("b")))
    assert headline(account) == "Nothing was sent again: 2 files left for another run"
