"""Every way in which a run can end: what the account holds and what the log says."""

import io
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dora_deployments.backfill.metrics import metrics
from dora_deployments.backfill.result import Backfilled
from dora_deployments.catalogue import (
    BACKFILL_STOPPED,
    BAD_EVENT,
    BAD_INPUT,
    BRANCH_UNKNOWN,
    BROKE_OFF,
    CANCELLED,
    CONFIG_FILE,
    DATADOG_LATER,
    DX_403,
    DX_DUPLICATE,
    DX_LONG_SHA,
    HALF_OF_DX,
    INTERNAL_ERROR,
    OUTCOME_NOT_SUPPORTED,
    PACKAGES,
    PACKAGES_UNAVAILABLE,
    REF_DELETED,
    REPLAY_REFUSED,
    Note,
    about_input,
    note,
    notes,
)
from dora_deployments.delivery.deliver import Delivery, SavedReports
from dora_deployments.errors import (
    ConfigurationError,
    EventError,
    InputError,
    Interrupted,
    PackagesError,
    Skip,
)
from dora_deployments.report import ending
from dora_deployments.report.account import Account
from dora_deployments.report.log import Log
from dora_deployments.report.past import outcomes
from dora_deployments.report.summary import summary
from dora_deployments.report.text import Scrubber
from tests.builders import DOCS, MORE, topic
from tests.report.accounts import (
    FINISHED,
    ID,
    outcome,
    pull_request,
    resolved,
    shipped,
    tally,
)

KEY = "fedcba9876543210fedcba9876543210"


def told(end, account, *given, debug=False):
    """Return the lines that the log has after a run ended."""
    stream = io.StringIO()
    end(account, Log(stream, Scrubber((KEY,)), debug=debug), *given)
    return stream.getvalue().splitlines()


def ended(end, cause, account, **options):
    """Return the same of a run that ended for an error."""
    return told(lambda account, log: end(account, cause, log), account, **options)


QUIET = Log(io.StringIO(), Scrubber(()), debug=False)


# --- with outcomes

HIDDEN = "(not shown, since a part of a key is in it)"
RECORDED = outcome()
LATER = outcome(message="accepted", http_status=202, topic=DATADOG_LATER)
KNOWN = outcome(
    "duplicate",
    backend="DX",
    message="known",
    detail="taken",
    http_status=422,
    topic=DX_DUPLICATE,
)
REFUSED = outcome(
    "rejected",
    backend="DX",
    message="refused",
    detail=f"no\n{KEY}",
    http_status=403,
    attempts=2,
    topic=DX_403,
)
DOWN = outcome("undelivered", message="no answer", http_status=None, attempts=4, topic=BROKE_OFF)
LEFT_OUT = outcome(
    "skipped", message="it failed", http_status=None, attempts=0, topic=OUTCOME_NOT_SUPPORTED
)
ON_RECORDED = f"Datadog: shop delivered (HTTP 200, 1 attempt, id {ID}): recorded"
ON_REFUSED = f"DX: shop rejected (HTTP 403, 2 attempts, id {ID})"
ON_DOWN = f"Datadog: shop undelivered (4 attempts, id {ID})"
ON_LEFT_OUT = f"Datadog: shop skipped (0 attempts, id {ID})"
DOWN_WORDS = "no answer; send it again, under the same id"
REFUSED_WORDS = f"refused; check the scopes of `dx-token`. It said: {HIDDEN}"
REACHED = "Commit 7fd0709 of shop reached production, its changes unknown"
REPORT = "the deployment of commit 7fd0709 of shop to production"
TOLD_OF_LATER = (
    f"::notice title=Datadog%3A shop delivered::accepted; no action is needed. {MORE}datadog-202"
)
TOLD_OF_KNOWN = (
    "::notice title=DX%3A shop duplicate::known; no action is needed, since DX keeps it as it is."
    f" It said: taken. {MORE}dx-duplicate"
)
TOLD_OF_REFUSED = f"title=DX%3A shop rejected::{REFUSED_WORDS}. {MORE}dx-403"
TOLD_OF_DOWN = f"title=Datadog%3A shop undelivered::{DOWN_WORDS}. {MORE}broke-off"
WARNED_OF_DOWN = f"::warning {TOLD_OF_DOWN}"
TOLD_OF_LEFT_OUT = (
    "::notice title=Datadog%3A shop skipped::it failed; DX counts failed ones as well."
    f" {MORE}outcome-not-supported"
)
AGAIN = "Run this job again"
REPLAY = "keep `dora-undelivered` as an artifact and send it by `mode: replay`"
FIX = "Fix the problem above, then run this job again"
SAVED = f"{FIX}. The report is saved in `{{}}`, and can be replayed only with the same key"


@pytest.mark.parametrize(
    ("outcomes", "fail_on", "status", "code", "lines", "advice"),
    [
        ((RECORDED,), "any", "delivered", 0, [ON_RECORDED, REACHED], ""),
        (
            (LATER,),
            "any",
            "delivered",
            0,
            [
                f"Datadog: shop delivered (HTTP 202, 1 attempt, id {ID})",
                TOLD_OF_LATER,
                REACHED,
            ],
            "",
        ),
        (
            (KNOWN,),
            "any",
            "delivered",
            0,
            [
                f"DX: shop duplicate (HTTP 422, 1 attempt, id {ID})",
                TOLD_OF_KNOWN,
                REACHED,
            ],
            "",
        ),
        (
            (RECORDED, REFUSED),
            "config",
            "partial",
            1,
            [
                ON_RECORDED,
                ON_REFUSED,
                f"::error {TOLD_OF_REFUSED}",
                f"{REACHED}, but DX lacks shop",
            ],
            FIX,
        ),
        (
            (REFUSED,),
            "never",
            "rejected",
            0,
            [
                ON_REFUSED,
                f"::warning {TOLD_OF_REFUSED}",
                f"Rejected by DX: {REPORT}",
            ],
            FIX,
        ),
        (
            (DOWN,),
            "config",
            "undelivered",
            0,
            [ON_DOWN, WARNED_OF_DOWN, f"Not delivered to Datadog: {REPORT}"],
            AGAIN,
        ),
        (
            (DOWN,),
            "any",
            "undelivered",
            1,
            [
                ON_DOWN,
                f"::error {TOLD_OF_DOWN}",
                f"Not delivered to Datadog: {REPORT}",
            ],
            AGAIN,
        ),
    ],
)
def test_a_run_that_sent_ends_as_its_outcomes_say(outcomes, fail_on, status, code, lines, advice):
    known = resolved()
    account = Account(fail_on=fail_on, outcomes=outcomes, resolved=known)

    assert told(ending.finish, account) == [*lines, *([advice] if advice else [])]
    assert account == Account(
        fail_on=fail_on,
        outcomes=outcomes,
        resolved=known,
        status=status,
        exit_code=code,
        headline=lines[-1],
        advice=advice,
    )


def test_the_log_ends_with_the_headline_of_the_summary():
    account = Account(outcomes=(RECORDED,), resolved=resolved(shipped=shipped(pull_request(4))))

    *_, last = told(ending.finish, account)

    assert account.headline == last == "Change #4 in shop reached production, lead time 4 h 0 min"
    assert f" {last}</h3>\n" in summary(account, Scrubber((KEY,)))


def test_an_outcome_of_no_topic_has_no_place_to_read_more():
    account = Account(outcomes=(replace(DOWN, topic=None),), resolved=resolved())

    _, annotation, *_ = told(ending.finish, account)

    assert annotation == "::warning title=Datadog%3A shop undelivered::no answer"


KEEP = (
    "Run this job again, or keep `dora-undelivered` as an artifact and send it by `mode: replay`;"
    " the ids stay the same"
)
KEEP_ELSEWHERE = (
    "Run this job again, or keep `/temp/dora-undelivered` as an artifact and send it by `mode:"
    " replay` with `replay-path: /temp/dora-undelivered`; the ids stay the same"
)


@pytest.mark.fault(54, 55)
@pytest.mark.parametrize(
    ("outcomes", "path", "advice"),
    [
        ((RECORDED, KNOWN, LEFT_OUT), "", ""),
        # A saved file that was refused may be all that is left.
        ((RECORDED,), "dora-undelivered", ""),
        ((DOWN,), "", AGAIN),
        ((DOWN,), "dora-undelivered", KEEP),
        ((RECORDED, DOWN), "dora-undelivered", KEEP),
        ((DOWN,), "/temp/dora-undelivered", KEEP_ELSEWHERE),
        ((REFUSED,), "", FIX),
        ((REFUSED,), "dora-undelivered", SAVED.format("dora-undelivered")),
        ((DOWN, REFUSED), "x", SAVED.format("x")),
    ],
)
def test_the_advice_says_what_to_do_about_what_is_missing(outcomes, path, advice):
    account = Account(outcomes=outcomes, resolved=resolved(), kept=SavedReports(path=path))

    lines = told(ending.finish, account)

    assert account.advice == advice
    assert lines[lines.index(account.headline) + 1 :] == ([advice] if advice else [])


def of_replay(*outcomes, **changes):
    """Return the account of a run that replays one saved report for each outcome."""
    deliveries = tuple(
        Delivery(backend=None, services=(each.service,), id=each.id, name=each.id)
        for each in outcomes
    )
    return Account(deliveries=deliveries, outcomes=outcomes, **changes)


@pytest.mark.parametrize(
    ("outcomes", "headline"),
    [
        ((RECORDED,), "1 saved report was sent again"),
        ((RECORDED, RECORDED), "2 saved reports were sent again"),
    ],
)
def test_a_replay_counts_what_it_sent_again(outcomes, headline):
    account = of_replay(*outcomes)

    assert told(ending.finish, account) == [
        *[ON_RECORDED for _ in outcomes],
        headline,
    ]
    assert (account.status, account.exit_code) == ("delivered", 0)


@pytest.mark.parametrize(("fail_on", "code"), [("config", 2), ("any", 2), ("never", 0)])
@pytest.mark.parametrize(
    ("problems", "files"),
    [(("`a` is odd",), 1), (("`a` is odd", "b is odd"), 2), (("x", "and 9 more files"), 10)],
)
@pytest.mark.parametrize(
    ("outcomes", "lines", "headline", "advice"),
    [
        ((RECORDED,), [ON_RECORDED], "1 saved report was sent again", ""),
        (
            (RECORDED, DOWN),
            [ON_RECORDED, ON_DOWN, WARNED_OF_DOWN],
            "2 saved reports were sent again, but Datadog lacks shop",
            KEEP,
        ),
        (
            (DOWN,),
            [ON_DOWN, WARNED_OF_DOWN],
            "Not delivered to Datadog: 1 saved report",
            KEEP,
        ),
    ],
    ids=["all recorded", "some recorded", "none recorded"],
)
def test_a_replay_with_files_that_are_refused_is_a_bad_one(
    outcomes, lines, headline, advice, problems, files, fail_on, code
):
    known = {
        "fail_on": fail_on,
        "problems": notes(problems, REPLAY_REFUSED),
        "refused": tuple(Path(f"{number}.json") for number in range(files)),
        "kept": SavedReports(path="dora-undelivered"),
    }
    account = of_replay(*outcomes, **known)
    level = "error" if fail_on == "any" else "warning"
    not_sent = "1 file not sent" if files == 1 else f"{files} files not sent"

    # The files were named already, when they were read.
    assert told(ending.finish, account) == [
        *[line.replace("::warning", f"::{level}") for line in lines],
        f"{headline}; {not_sent}",
        *([advice] if advice else []),
    ]
    assert account == of_replay(
        *outcomes,
        **known,
        status="rejected",
        reason="bad-input",
        exit_code=code,
        headline=f"{headline}; {not_sent}",
        advice=advice,
    )


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("config", 0), ("any", 1)])
@pytest.mark.parametrize(
    ("outcomes", "is_dry_run", "status"),
    [
        ((RECORDED,), False, "partial"),
        ((RECORDED, DOWN), False, "partial"),
        ((DOWN,), False, "undelivered"),
        ((), False, "undelivered"),
        ((), True, "dry-run"),
    ],
)
def test_a_replay_that_leaves_files_for_another_run_is_never_all_delivered(
    outcomes, is_dry_run, status, fail_on, code
):
    left = (Path("1.json"),)
    account = of_replay(*outcomes, fail_on=fail_on, is_dry_run=is_dry_run, left=left)
    told(ending.finish, account)

    assert (account.status, account.reason) == (status, "")
    assert account.exit_code == (0 if is_dry_run else code)


@pytest.mark.parametrize(
    ("fail_on", "level"), [("config", "error"), ("any", "error"), ("never", "warning")]
)
def test_files_that_are_refused_are_told_before_anything_is_sent(fail_on, level):
    problems = (about_input("a", "is odd"), note("b is odd", REPLAY_REFUSED))
    known = {"fail_on": fail_on, "problems": problems}
    account = Account(**known)

    assert told(ending.log_problems, account) == [
        (f"::{level} title=Bad input::`a` is odd. Read more: {DOCS}/inputs.md#a"),
        f"::{level} title=Bad input::b is odd. {MORE}replay-refused",
    ]
    assert account == Account(**known)


def test_a_run_of_which_no_backend_can_be_told_is_skipped():
    account = Account(outcomes=(LEFT_OUT,), resolved=resolved())

    assert told(ending.finish, account) == [
        ON_LEFT_OUT,
        TOLD_OF_LEFT_OUT,
        f"{REACHED}; no backend takes it",
    ]
    assert (account.status, account.reason) == ("skipped", "outcome-not-supported")


def test_a_dry_run_tells_of_what_would_be_skipped():
    account = Account(is_dry_run=True, resolved=resolved(), outcomes=(LEFT_OUT,))

    assert told(ending.finish, account) == [
        ON_LEFT_OUT,
        TOLD_OF_LEFT_OUT,
        f"Would not be reported: {REPORT}",
    ]
    assert (account.status, account.exit_code) == ("dry-run", 0)


# --- without


@pytest.mark.parametrize(
    ("warn", "level", "what"),
    [(False, "notice", "Nothing to report"), (True, "warning", "Not reported")],
)
@pytest.mark.parametrize(
    ("fix", "explanation"), [("", "'a; b' is gone"), ("c; d", "'a; b' is gone; c; d")]
)
def test_a_skipped_run_says_why_and_only_the_log_what_to_do(fix, explanation, warn, level, what):
    account = Account(fail_on="any")

    lines = ended(
        ending.finish_skipped, Skip("ref-deleted", "'a; b' is gone", fix, warn=warn), account
    )

    assert lines == [f"::{level} title={what} (ref-deleted)::{explanation}. {MORE}ref-deleted"]
    assert account == Account(
        fail_on="any",
        status="skipped",
        reason="ref-deleted",
        headline=f"{what}: 'a; b' is gone",
        topic=REF_DELETED,
    )


@pytest.mark.parametrize(
    ("error", "title", "reason", "topic"),
    [
        (
            InputError(about_input("a", "is odd"), about_input("b", "is odd")),
            "Bad input",
            "bad-input",
            BAD_INPUT,
        ),
        (
            InputError("`a` is odd", topic=REPLAY_REFUSED),
            "Bad input",
            "bad-input",
            REPLAY_REFUSED,
        ),
        (
            ConfigurationError("line 3 is odd"),
            "Bad configuration",
            "bad-configuration",
            CONFIG_FILE,
        ),
        (
            ConfigurationError("`a` is odd", topic=HALF_OF_DX),
            "Bad configuration",
            "bad-configuration",
            HALF_OF_DX,
        ),
        (EventError("`a` is odd", "so is b"), "Bad event", "bad-event", BAD_EVENT),
        (
            EventError("`a` is odd", topic=BRANCH_UNKNOWN),
            "Bad event",
            "bad-event",
            BRANCH_UNKNOWN,
        ),
    ],
)
@pytest.mark.parametrize(
    ("fail_on", "code", "level"),
    [("config", 2, "error"), ("any", 2, "error"), ("never", 0, "warning")],
)
def test_a_refused_run_names_every_problem(error, title, reason, topic, fail_on, code, level):
    account = Account(fail_on=fail_on)

    lines = ended(ending.finish_refused, error, account)

    assert lines == [
        *[
            f"::{level} title={title}::{problem.text}. Read more: {DOCS}/{problem.page}"
            for problem in error.notes
        ],
        f"{title}: nothing was sent ({reason})",
    ]
    assert account == Account(
        fail_on=fail_on,
        status="rejected",
        reason=reason,
        headline=f"{title}: nothing was sent",
        topic=topic,
        problems=error.notes,
        exit_code=code,
    )


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("undelivered", "Run this again"),
        ("rejected", "Fix the problem above, then run this again"),
    ],
)
def test_who_goes_on_with_a_backfill_mends_first_what_was_refused(status, advice):
    past = Backfilled(
        repository="acme/shop",
        since=FINISHED,
        until=FINISHED,
        folder="dora-backfill",
        metrics=metrics((), FINISHED, FINISHED + timedelta(days=1)),
        unfinished=note("some are left", BACKFILL_STOPPED),
        tallies=(tally(status, 3),),
    )
    account = Account(outcomes=outcomes(past), backfilled=past)

    assert told(ending.finish, account)[-1] == (
        f"{advice} with the same inputs: it goes on where it stopped"
    )


@pytest.mark.parametrize(
    ("status", "headline"),
    [("delivered", "not all was sent"), ("undelivered", "nothing was sent")],
)
def test_a_run_that_broke_off_while_it_sent_says_what_was_sent(status, headline):
    account = Account(outcomes=(outcome(status),))

    lines = ended(ending.finish_refused, InputError(about_input("output-path", "is full")), account)

    assert lines[0].startswith(f"Datadog: shop {status} (")
    assert lines[-2:] == [
        (
            "::error title=Bad input::`output-path` is full. Read more:"
            f" {DOCS}/inputs.md#output-path"
        ),
        f"Bad input: {headline} (bad-input)",
    ]
    assert (account.status, account.headline) == ("rejected", f"Bad input: {headline}")


@pytest.mark.parametrize(
    ("topic", "advice"),
    [
        (PACKAGES, AGAIN),
        (PACKAGES_UNAVAILABLE, FIX),
    ],
)
@pytest.mark.parametrize(
    ("fail_on", "code", "level"),
    [("never", 0, "warning"), ("config", 0, "warning"), ("any", 1, "error")],
)
def test_a_run_that_lacks_packages_is_an_outage(fail_on, code, level, topic, advice):
    account = Account(fail_on=fail_on)

    error = PackagesError("the index is away; wait", topic=topic)
    lines = ended(ending.finish_without_packages, error, account)

    assert lines == [
        f"::{level} title=Not reported::the index is away; wait. {advice}. {MORE}{topic.slug}"
    ]
    assert account == Account(
        fail_on=fail_on,
        status="undelivered",
        reason="internal-error",
        exit_code=code,
        headline="Not reported: the index is away; wait",
        advice=advice,
        topic=topic,
    )


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("", FIX),
        ("dora-undelivered", f"{FIX}, or {REPLAY}; the ids stay the same"),
    ],
)
def test_what_another_run_cannot_deliver_either_is_not_to_be_run_again_at_once(path, advice):
    lacking = replace(DOWN, topic=PACKAGES_UNAVAILABLE)
    account = Account(outcomes=(lacking,), kept=SavedReports(path=path), resolved=resolved())

    told(ending.finish, account)

    assert account.advice == advice


@pytest.mark.fault(100)
@pytest.mark.parametrize(
    ("number", "name", "code"),
    [(signal.SIGINT, "SIGINT", 130), (signal.SIGTERM, "SIGTERM", 143)],
)
@pytest.mark.parametrize(
    ("known", "lines", "before", "advice", "status"),
    [
        ({}, [], "anything was sent", AGAIN, "undelivered"),
        ({"outcomes": (RECORDED,)}, [ON_RECORDED], "the report was done", AGAIN, "delivered"),
        (
            {"outcomes": (RECORDED, DOWN), "kept": SavedReports(path="dora-undelivered")},
            [ON_RECORDED, ON_DOWN, WARNED_OF_DOWN],
            "the report was done",
            KEEP,
            "partial",
        ),
        (
            {"outcomes": (DOWN,)},
            [ON_DOWN, WARNED_OF_DOWN],
            "the report was done",
            AGAIN,
            "undelivered",
        ),
    ],
    ids=["nothing sent", "all recorded", "saved", "not saved"],
)
def test_a_cancelled_run_tells_what_it_had_done(
    number, name, code, known, lines, before, advice, status
):
    account = Account(fail_on="never", **known)

    shown = ended(ending.finish_cancelled, Interrupted(number), account)

    headline = f"The job was cancelled ({name}) before {before}"
    assert shown == [*lines, f"::error title=Cancelled::{headline}. {advice}. {MORE}cancelled"]
    assert account == Account(
        fail_on="never",
        **known,
        status=status,
        exit_code=code,
        headline=headline,
        advice=advice,
        topic=CANCELLED,
    )


PLEASE = "Please report the bug on the issues page of this action's repository"


def fall():
    {}[KEY]


def stumble():
    fall()


def bug():
    try:
        stumble()
    except KeyError as error:
        return error


@pytest.mark.parametrize(
    ("fail_on", "code", "level"),
    [("never", 0, "warning"), ("config", 0, "warning"), ("any", 1, "error")],
)
def test_a_bug_of_ours_is_one_line_with_its_place_and_without_its_words(fail_on, code, level):
    error = bug()
    place = f"test_ending.py:{error.__traceback__.tb_next.tb_next.tb_lineno}"
    account = Account(fail_on=fail_on)

    lines = ended(ending.finish_crashed, error, account)

    headline = f"A bug in this action stopped the report: KeyError at {place}"
    advice = f"{AGAIN}. {PLEASE}"
    assert lines == [f"::{level} title=Internal error::{headline}. {advice}. {MORE}internal-error"]
    assert account == Account(
        fail_on=fail_on,
        status="undelivered",
        reason="internal-error",
        exit_code=code,
        headline=headline,
        advice=advice,
        topic=INTERNAL_ERROR,
    )


@pytest.mark.parametrize(
    ("known", "status", "advice"),
    [
        ({"outcomes": (RECORDED,)}, "delivered", AGAIN),
        (
            {"outcomes": (RECORDED, DOWN), "kept": SavedReports(path="dora-undelivered")},
            "partial",
            KEEP,
        ),
        ({"outcomes": (REFUSED,)}, "rejected", FIX),
    ],
)
def test_a_bug_leaves_the_status_and_says_what_to_do_as_without_one(known, status, advice):
    account = Account(**known)

    ended(ending.finish_crashed, bug(), account)

    assert (account.status, account.advice) == (status, f"{advice}. {PLEASE}")


def test_the_trace_of_a_bug_is_shown_where_debug_logging_is_on_and_without_secrets():
    _, *trace = ended(ending.finish_crashed, bug(), Account(), debug=True)

    assert trace[0] == "::debug::Traceback (most recent call last):"
    assert trace[-1] == "::debug::KeyError: '***'"
    assert all(line.startswith("::debug::") for line in trace)


def told_first(*outcomes):
    account = Account(fail_on="any", outcomes=(RECORDED,))
    return told(
        lambda account, log: ending.report_touched_services(account, outcomes, log), account
    ), account


def test_where_nothing_went_first_nothing_is_told():
    assert told_first() == ([], Account(fail_on="any", outcomes=(RECORDED,)))


def test_what_went_first_and_well_is_a_line_for_all_its_services_and_no_result():
    of_dx = outcome(backend="DX", id="")

    lines, account = told_first(of_dx, replace(of_dx, service="cart"))

    assert lines == ["DX: recorded which services the pull request touches"]
    assert account == Account(fail_on="any", outcomes=(RECORDED,))


@pytest.mark.parametrize(
    ("failed", "words", "slug"),
    [
        (REFUSED, REFUSED_WORDS, "dx-403"),
        (replace(DOWN, backend="DX"), DOWN_WORDS, "broke-off"),
        (
            replace(LEFT_OUT, backend="DX", message="it is long", topic=DX_LONG_SHA),
            f"it is long; {DX_LONG_SHA.change}",
            "dx-long-sha",
        ),
        (replace(DOWN, backend="DX", topic=None), "no answer", "services-not-told"),
    ],
)
def test_what_went_first_in_vain_is_one_warning_and_fails_no_step(failed, words, slug):
    text = f"DX was not told which services the pull request touches: {words}"

    lines, account = told_first(failed, replace(failed, service="cart"))

    assert lines == [f"::warning title=Deployment report::{text}. {MORE}{slug}"]
    warning = Note(text=text, topic=topic(slug))
    assert account == Account(fail_on="any", outcomes=(RECORDED,), warnings=(warning,))


def test_each_backend_that_went_first_is_told_of_by_itself():
    lines, account = told_first(REFUSED, RECORDED)

    assert lines == [
        (
            "::warning title=Deployment report::DX was not told which services the pull request"
            f" touches: {REFUSED_WORDS}. {MORE}dx-403"
        ),
        "Datadog: recorded which services the pull request touches",
    ]
    assert len(account.warnings) == 1


FIRST = Note(text="first", topic=topic("rerun"))
SECOND = Note(text="second", topic=topic("clock-skew"))
THIRD = Note(text=f"third, 100%, {KEY}", topic=BAD_INPUT, input="third")


def test_warnings_are_kept_and_shown_in_order():
    account = Account(warnings=(FIRST,))

    assert told(ending.add_warnings, account, iter([SECOND, THIRD])) == [
        f"::warning title=Deployment report::second. {MORE}clock-skew",
        f"::warning title=Deployment report::third, 100%25, ***. Read more: {DOCS}/inputs.md#third",
    ]
    assert account == replace(Account(), warnings=(FIRST, SECOND, THIRD))


def test_what_to_check_once_is_kept_and_shown_in_order_and_no_warning():
    account = Account(hints=(FIRST,))

    assert told(ending.add_hints, account, iter([SECOND, THIRD])) == [
        f"Check once: second. Read more: {DOCS}/troubleshooting.md#clock-skew",
        f"Check once: third, 100%, ***. Read more: {DOCS}/inputs.md#third",
    ]
    assert account == replace(Account(), hints=(FIRST, SECOND, THIRD))


def test_a_warning_and_a_hint_are_given_once():
    shown = io.StringIO()
    log, account = Log(shown, Scrubber(())), Account()
    for _ in range(2):
        ending.add_warnings(account, log, [note("look out", PACKAGES)])
        ending.add_hints(account, log, [note("look there", PACKAGES)])
    assert account.warnings == (note("look out", PACKAGES),)
    assert account.hints == (note("look there", PACKAGES),)
    assert shown.getvalue().splitlines() == [
        f"::warning title=Deployment report::look out. {MORE}packages",
        f"Check once: look there. {MORE}packages",
    ]
