"""What the outcomes of a run amount to: both tables in full."""

from itertools import combinations

import pytest

from dora_deployments.report.account import Account, counts, exit_code_of, status_of
from tests.report.accounts import outcome

STATUSES = ("delivered", "duplicate", "rejected", "undelivered", "skipped")
# Every set of statuses that the outcomes can have, by their initials (u for duplicate).
TABLE = {
    (): "skipped",
    ("delivered",): "delivered",
    ("duplicate",): "delivered",
    ("rejected",): "rejected",
    ("undelivered",): "undelivered",
    ("skipped",): "skipped",
    ("delivered", "duplicate"): "delivered",
    ("delivered", "rejected"): "partial",
    ("delivered", "undelivered"): "partial",
    ("delivered", "skipped"): "delivered",
    ("duplicate", "rejected"): "partial",
    ("duplicate", "undelivered"): "partial",
    ("duplicate", "skipped"): "delivered",
    ("rejected", "undelivered"): "rejected",
    ("rejected", "skipped"): "rejected",
    ("undelivered", "skipped"): "undelivered",
    ("delivered", "duplicate", "rejected"): "partial",
    ("delivered", "duplicate", "undelivered"): "partial",
    ("delivered", "duplicate", "skipped"): "delivered",
    ("delivered", "rejected", "undelivered"): "partial",
    ("delivered", "rejected", "skipped"): "partial",
    ("delivered", "undelivered", "skipped"): "partial",
    ("duplicate", "rejected", "undelivered"): "partial",
    ("duplicate", "rejected", "skipped"): "partial",
    ("duplicate", "undelivered", "skipped"): "partial",
    ("rejected", "undelivered", "skipped"): "rejected",
    ("delivered", "duplicate", "rejected", "undelivered"): "partial",
    ("delivered", "duplicate", "rejected", "skipped"): "partial",
    ("delivered", "duplicate", "undelivered", "skipped"): "partial",
    ("delivered", "rejected", "undelivered", "skipped"): "partial",
    ("duplicate", "rejected", "undelivered", "skipped"): "partial",
    STATUSES: "partial",
}


def test_the_table_has_every_set_of_statuses():
    sets = {found for size in range(6) for found in combinations(STATUSES, size)}

    assert set(TABLE) == sets


@pytest.mark.parametrize(("statuses", "status"), TABLE.items(), ids=lambda value: f"{value}")
def test_the_status_of_a_run_is_what_its_outcomes_amount_to_in_any_order(statuses, status):
    outcomes = tuple(map(outcome, statuses))

    assert status_of(outcomes) == status
    assert status_of(outcomes[::-1]) == status
    assert status_of(outcomes * 2) == status


@pytest.mark.parametrize(
    ("fail_on", "failing"),
    [("never", ()), ("config", ("rejected",)), ("any", ("rejected", "undelivered"))],
)
def test_the_exit_code_is_1_if_any_outcome_counts_as_a_failure(fail_on, failing):
    for status in STATUSES:
        assert counts(outcome(status), fail_on) == (status in failing)
    for statuses in TABLE:
        outcomes = tuple(map(outcome, statuses))
        code = exit_code_of(outcomes, fail_on)
        assert (statuses, code) == (statuses, 1 if set(statuses) & set(failing) else 0)
        assert type(code) is int


def test_an_account_that_nothing_is_known_of_is_undelivered_and_fails_nothing():
    assert Account() == Account(
        fail_on="config",
        event="",
        repository="",
        previous_sha="",
        resolved=None,
        deliveries=(),
        outcomes=(),
        status="undelivered",
        reason="",
        headline="",
        advice="",
        topic=None,
        problems=(),
        warnings=(),
        hints=(),
        exit_code=0,
    )
