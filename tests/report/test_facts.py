"""What was deployed is told fact by fact, with where each comes from."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from dora_deployments.attribution.timeline import Uncertainty
from dora_deployments.report.facts import facts
from tests.report.accounts import (
    BASE,
    SHA,
    carried,
    fact,
    pull_request,
    resolved,
    services,
    shipped,
)

BEFORE = ("previous commit", BASE, "the last successful deployment to 'production' before")
SINCE = "the commits 31c4933..7fd0709"
UNKNOWN = ("previous commit", "unknown", "GitHub, which shows no successful deployment before")
KNOWN = [
    ("commit", SHA, "deployment.sha"),
    ("repository", "acme/shop", "repository.full_name"),
    ("environment", "production", "deployment.environment"),
    ("services", "shop", "the repository's name"),
    ("started at", "2026-05-11T09:30:12Z", "deployment.created_at"),
    ("finished at", "2026-05-11T09:34:40Z", "deployment_status.created_at"),
    ("outcome", "success", "deployment_status.state"),
]
BY_COMMIT = ("attribution", "commit", "the default")


def test_every_fact_has_its_label_its_value_and_its_source():
    known = resolved(
        *services("shop", "cart"),
        success=fact(False, "the input `success`"),
        version=fact("v1.2", "release.tag_name"),
        shipped=shipped(pull_request(7), pull_request(12)),
        started_at=fact(datetime(2026, 5, 11, 9, 30, 12, 250_000, tzinfo=timezone.utc), "x"),
    )

    assert list(facts(known)) == [
        ("commit", SHA, "deployment.sha"),
        ("repository", "acme/shop", "repository.full_name"),
        ("environment", "production", "deployment.environment"),
        ("services", "shop, cart", "the repository's name"),
        ("started at", "2026-05-11T09:30:12.250000Z", "x"),
        ("finished at", "2026-05-11T09:34:40Z", "deployment_status.created_at"),
        ("outcome", "failure", "the input `success`"),
        ("version", "v1.2", "release.tag_name"),
        BY_COMMIT,
        BEFORE,
        ("changes", "2 pull requests in 3 commits", SINCE),
    ]


def test_what_is_not_known_is_left_out():
    assert list(facts(resolved())) == [*KNOWN, BY_COMMIT]


def test_without_a_deployment_before_that_is_told():
    first = replace(resolved().shipped, is_first=True)
    assert list(facts(resolved(shipped=first))) == [*KNOWN, BY_COMMIT, UNKNOWN]


def about(shipped, **changes):
    """Return the facts about attribution and changes."""
    known = list(facts(resolved(shipped=shipped, **changes)))
    assert known[: len(KNOWN)] == [*KNOWN]
    return known[len(KNOWN) :]


def test_the_commit_before_that_could_not_be_looked_up_is_no_unknown_one():
    failed = replace(resolved().shipped, warnings=("the look-up failed",))
    assert about(failed) == [BY_COMMIT]


def test_where_it_is_not_certain_what_came_before_neither_is_what_changed():
    nearest = shipped(was_deployed=False, uncertainty=Uncertainty.SEVERAL_MAKERS)
    label, *before = BEFORE
    assert about(nearest) == [
        BY_COMMIT,
        (f"{label}, not certain", *before),
        ("changes", "not certain", SINCE),
    ]
    unknown = replace(resolved().shipped, uncertainty=Uncertainty.LIST_CUT)
    assert about(unknown) == [BY_COMMIT]


def test_a_merge_is_a_change_of_its_own_of_which_no_range_is_told():
    merged = replace(resolved().shipped, merged=pull_request(7))
    assert about(merged) == [BY_COMMIT, ("change", "#7", "the event, its merge by 0000000")]


def test_a_merge_since_a_given_commit_has_a_range():
    merged = shipped(pull_request(7), merged=pull_request(7))
    assert about(merged) == [BY_COMMIT, BEFORE, ("changes", "1 pull request in 3 commits", SINCE)]


def test_a_merge_since_a_commit_whose_range_is_unknown_is_a_change_of_its_own():
    merged = shipped(range=None, merged=pull_request(7))
    assert about(merged) == [
        BY_COMMIT,
        BEFORE,
        ("change", "#7", "the event, its merge by 0000000"),
    ]


def test_a_commit_before_whose_range_is_unknown_is_told_alone():
    assert about(shipped(range=None)) == [BY_COMMIT, BEFORE]


@pytest.mark.parametrize(
    ("known", "changes"),
    [
        (
            shipped(relation="behind", since={"commits": 0}),
            (
                "changes",
                "none, a rollback",
                "the commit, an ancestor of the previous one",
            ),
        ),
        (
            shipped(relation="identical", since={"commits": 0}),
            ("changes", "none, a redeployment", "the commit, the same as before"),
        ),
        (
            shipped(since={"missing": "too many", "commits": 7_000}),
            ("changes", "7,000 commits", SINCE),
        ),
        (shipped(since={"missing": "one", "commits": 1}), ("changes", "1 commit", SINCE)),
        (
            shipped(since={"commits": 1, "direct": (SHA,)}),
            ("changes", "0 pull requests in 1 commit, 1 without a pull request", SINCE),
        ),
        (
            shipped(
                pull_request(7), relation="diverged", since={"direct": (SHA, BASE), "commits": 5}
            ),
            ("changes", "1 pull request in 5 commits, 2 without a pull request", SINCE),
        ),
        (
            shipped(relation="diverged", since={"merge_base": "a" * 40}),
            ("changes", "0 pull requests in 3 commits", "the commits aaaaaaa..7fd0709"),
        ),
        # Neither rolls back what was never deployed.
        (
            shipped(relation="behind", was_deployed=False, since={"commits": 0}),
            ("changes", "0 pull requests in 0 commits", SINCE),
        ),
    ],
)
def test_how_much_came_since_the_commit_before(known, changes):
    assert about(known) == [BY_COMMIT, BEFORE, changes]


def test_services_that_are_mapped_by_paths_have_an_attribution_each():
    pulls = (pull_request(7), pull_request(12))
    cart, search, docs, shop = services("cart", "search", "docs", "shop")
    known = resolved(
        replace(cart, merge_commit_shas=tuple(pull.merge_commit_sha for pull in pulls)),
        search,
        docs,
        replace(shop, merge_commit_shas=(SHA, pulls[0].merge_commit_sha)),
        services=carried("cart", "search", "docs", "shop", pulls=pulls),
        attributions=(
            fact("pull-requests", "the changed files"),
            fact("commit", "the default"),
            fact("repository", "the input `attribution`"),
            fact("pull-requests", "the input `merge-commit-shas`"),
        ),
        shipped=shipped(*pulls),
    )
    assert [each for each in facts(known) if each[0].startswith("attribution")] == [
        ("attribution of cart", "#7, #12", "the changed files"),
        ("attribution of search", "commit", "the default"),
        ("attribution of docs", "repository", "the input `attribution`"),
        ("attribution of shop", f"{SHA[:7]}, #7", "the input `merge-commit-shas`"),
    ]


def test_pull_requests_of_other_services_are_told_apart():
    mine, others = pull_request(7), (pull_request(8), pull_request(9))
    known = replace(resolved(shipped=shipped(mine, *others)), pulls=(mine,))
    of = next(fact for fact in facts(known) if fact[0] == "changes")
    assert of == ("changes", "3 pull requests (1 of these services) in 3 commits", SINCE)


def test_an_attribution_by_pull_requests_that_are_not_known_here_is_told_as_such():
    known = resolved(services=carried("shop"), attributions=(fact("pull-requests", "the input"),))
    assert ("attribution of shop", "pull-requests", "the input") in list(facts(known))


def test_in_mode_pull_services_nothing_is_told_of_a_deployment():
    known = replace(
        resolved(services=carried("shop"), shipped=replace(shipped(), range=None)),
        deployments=(),
    )
    labels = [label for label, _, _ in facts(known)]
    assert labels == ["commit", "repository", "services", "previous commit"]
