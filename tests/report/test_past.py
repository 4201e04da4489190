"""How a backfill went, in words."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from dora_deployments.actions.run import DOCS
from dora_deployments.backfill.metrics import metrics
from dora_deployments.backfill.result import Backfilled
from dora_deployments.catalogue import BACKFILL_STOPPED, DX_422, STEP_ENDED
from dora_deployments.deployment import Outcome
from dora_deployments.report import past
from dora_deployments.report.account import Account
from dora_deployments.report.text import Scrubber
from tests.backfill.worked import RECORDS, SINCE, UNTIL
from tests.report.accounts import tally

PERIOD = "2026-03-02 to 2026-03-16"
NOBODY = Scrubber(())
METRICS = metrics(RECORDS, SINCE, UNTIL)


def backfilled(**changes):
    """Return a backfill of twelve deployments that went well; `changes` replace single fields."""
    return Backfilled(
        **{
            "repository": "acme/shop",
            "since": SINCE,
            "until": UNTIL,
            "folder": "dora-backfill",
            "source": "GitHub deployments",
            "deployments": 12,
            "metrics": METRICS,
            "requests": 1_234,
            **changes,
        }
    )


def headline(*tallies, is_dry_run=False, **changes):
    of = backfilled(tallies=tallies, **changes)
    account = Account(outcomes=past.outcomes(of), backfilled=of, is_dry_run=is_dry_run)
    return past.headline(account, of)


# --- the headline


def test_while_not_all_is_read_nobody_knows_how_many_there_are():
    assert headline(metrics=None) == (
        f"The deployments of acme/shop, {PERIOD}, are not all read yet"
    )


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 deployment"), (12, "12 deployments"), (1_200, "1,200 deployments")]
)
def test_all_that_was_found_is_reported(count, words):
    assert headline(tally(count=count), deployments=count) == (
        f"{words} of acme/shop, {PERIOD}: all reported"
    )


def test_what_a_backend_does_not_take_is_counted():
    skipped = [tally("skipped", 3, "Datadog"), tally("skipped", 1), tally("skipped", 1_000)]
    assert headline(tally(), tally(backend="Datadog"), *skipped) == (
        f"12 deployments of acme/shop, {PERIOD}: all reported, but for 3 that Datadog does not"
        " take and 1,001 that DX does not take"
    )


def test_a_dry_run_sends_nothing():
    assert headline(is_dry_run=True) == (
        f"12 deployments of acme/shop, {PERIOD}, would be reported; nothing was sent"
    )


def test_skipped_ones_are_told_to_nobody():
    assert headline(tally("skipped")) == (
        f"12 deployments of acme/shop, {PERIOD}: no backend takes them"
    )


def test_what_each_backend_lacks_is_counted():
    found = headline(
        tally("undelivered", 1_000, "Datadog"),
        tally("rejected", 234, "Datadog"),
        tally("delivered", 5),
        tally("duplicate", 5),
        tally("skipped", 1),
        tally("rejected", 1),
    )
    assert found == (f"12 deployments of acme/shop, {PERIOD}: Datadog lacks 1,234 and DX lacks 1")


# --- outcomes


def test_all_of_a_service_that_ended_alike_are_one_outcome():
    refused = tally(
        "rejected", 1, message="it said no", topic=DX_422, attempts=2, http_status=422, detail="id"
    )
    late = tally("undelivered", 1_500, message="late", topic=STEP_ENDED, http_status=None)
    assert past.outcomes(backfilled(tallies=(refused, late))) == (
        Outcome(
            backend="DX",
            service="checkout",
            id="",
            status="rejected",
            message="1 report: it said no",
            detail="id",
            topic=DX_422,
            http_status=422,
            attempts=2,
        ),
        Outcome(
            backend="DX",
            service="checkout",
            id="",
            status="undelivered",
            message="1,500 reports: late",
            detail="",
            topic=STEP_ENDED,
            http_status=None,
            attempts=1_500,
        ),
    )


def test_of_many_services_those_that_ended_alike_are_one():
    names = tuple(f"s{number}" for number in range(11))
    tallies = tuple(tally(service=name, count=2, attempts=3) for name in names)
    (outcome,) = past.outcomes(backfilled(services=names, tallies=tallies))
    assert (outcome.service, outcome.attempts) == ("11 services", 33)
    assert outcome.message.startswith("22 reports: ")
    few = past.outcomes(backfilled(services=names[:10], tallies=tallies[:10]))
    assert [each.service for each in few] == [*names[:10]]


@pytest.mark.parametrize(
    ("attempts", "message"), [(0, "5 reports: not sent yet"), (1, "5 reports: late")]
)
def test_what_was_not_even_tried_says_why_the_run_stopped(attempts, message):
    waiting = tally(
        status="undelivered", message="late", topic=STEP_ENDED, attempts=attempts, count=5
    )
    (outcome,) = past.outcomes(backfilled(tallies=(waiting,), stopped=BACKFILL_STOPPED))
    topic = STEP_ENDED if attempts else BACKFILL_STOPPED
    assert (outcome.message, outcome.topic) == (message, topic)


# --- the log

READ = "Counted by the GitHub deployments, read by 1,234 requests to GitHub's API"
WRITTEN = (
    "Written to `dora-backfill/deployments.csv`, in DX's fields, and"
    " `dora-backfill/deployments.jsonl`"
)


@pytest.mark.parametrize(
    ("records", "told"),
    [
        (
            RECORDS,
            (
                "8 succeeded, 4 failed, 4 a week; lead time 3 h 30 min, 90 % 2 d 16 h; change"
                " failure rate 33.3 %; recovery time 1 h 10 min"
            ),
        ),
        (RECORDS[2:3], "0 succeeded, 1 failed, 0 a week; change failure rate 100 %"),
    ],
)
def test_the_log_has_the_metrics_of_each_service(records, told):
    of = backfilled(metrics=metrics(records, SINCE, UNTIL))
    assert [*past.lines(of)] == [READ, WRITTEN, f"checkout to production: {told}"]


def test_the_log_has_all_services_together_as_well():
    both = (RECORDS[0], replace(RECORDS[1], service="search"))
    found = past.lines(backfilled(metrics=metrics(both, SINCE, UNTIL)))
    assert [line.partition(":")[0] for line in found] == [
        READ,
        WRITTEN,
        "all services to production",
        "checkout to production",
        "search to production",
    ]


def test_the_log_has_no_more_than_twenty_rows_of_metrics():
    many = [replace(RECORDS[0], environment=f"pr-{number}") for number in range(23)]
    found = [*past.lines(backfilled(metrics=metrics(many, SINCE, UNTIL)))]
    assert (len(found), found[-1]) == (23, "and 3 more rows, in the summary")
    found = [*past.lines(backfilled(metrics=metrics(many[:20], SINCE, UNTIL)))]
    assert len(found) == 22


def test_without_metrics_the_log_has_none():
    assert [*past.lines(backfilled(metrics=None))] == []


# --- the summary


def first(of):
    return next(past.sections(of, NOBODY, DOCS))


FILES = (
    "Written to <code>dora-backfill/deployments.csv</code>, in DX&#x27;s fields, and"
    " <code>dora-backfill/deployments.jsonl</code>.</p>\n"
)


def test_without_metrics_there_is_nothing_to_show():
    assert [*past.sections(backfilled(metrics=None), NOBODY, DOCS)] == []


def test_the_summary_says_what_was_read_and_where_it_is():
    assert first(backfilled()) == (
        "<p>Counted by the GitHub deployments, read by 1,234 requests to GitHub&#x27;s API.<br>"
        f"{FILES}"
    )
    assert len([*past.sections(backfilled(), NOBODY, DOCS)]) > 1


def test_the_summary_says_where_nothing_had_to_be_read_again():
    assert first(backfilled(requests=0)) == (
        f"<p>Counted by the GitHub deployments, read by an earlier run.<br>{FILES}"
    )


def test_the_summary_counts_what_was_left_out():
    left = {"environment-ignored": 1_000, "prerelease": 1}
    elsewhere = {"staging": 5, "a": 1, "b": 2, "<i>": 3}
    assert first(backfilled(left_out=left, elsewhere=elsewhere)).endswith(
        "<br>Left out: 1,000 as <code>environment-ignored</code>, 1 as <code>prerelease</code>,"
        f" 5 to &#x27;staging&#x27;, 1 to &#x27;a&#x27;, 2 to &#x27;b&#x27; and 1 more.<br>{FILES}"
    )


def test_the_period_is_told_in_days():
    since = datetime(2025, 12, 31, 23, 59, tzinfo=timezone.utc)
    assert headline(since=since, metrics=None) == (
        "The deployments of acme/shop, 2025-12-31 to 2026-03-16, are not all read yet"
    )
