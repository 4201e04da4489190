"""The example of docs/metrics.md, which a person can count: twelve deployments in two weeks."""

from datetime import datetime, timezone

from dora_deployments.backfill.metrics import Record

SINCE = datetime(2026, 3, 2, tzinfo=timezone.utc)
UNTIL = datetime(2026, 3, 16, tzinfo=timezone.utc)


def at(text):
    """Return the moment of that year that a text such as `03-02 10:00` names."""
    return datetime.fromisoformat(f"2026-{text}:00+00:00")


CHANGES = {  # when the first commit was written, and when it was merged
    "#1": (at("03-01 10:00"), at("03-02 08:00")),
    "#2": (at("03-02 09:00"), at("03-02 14:00")),
    "#3": (at("02-28 15:00"), at("03-02 11:00")),
    "#4": (at("03-02 17:00"), at("03-03 08:00")),
    "#5": (at("03-05 16:00"), at("03-06 06:00")),
    "#6": (at("03-06 10:00"), at("03-06 22:00")),
    "#7": (None, at("03-11 10:20")),
}


def record(finished_at, outcome, *changes):
    known = [CHANGES[number] for number in changes]
    return Record(
        environment="production",
        service="checkout",
        finished_at=at(finished_at),
        success=outcome == "succeeded",
        merged_at=tuple(merged for _, merged in known),
        first_commit_at=tuple(first for first, _ in known if first is not None),
    )


RECORDS = (
    record("03-02 10:00", "succeeded", "#1"),
    record("03-02 15:00", "succeeded", "#2", "#3"),
    record("03-03 09:00", "failed"),
    record("03-03 09:30", "failed"),
    record("03-03 11:00", "succeeded", "#4"),
    record("03-05 12:00", "succeeded"),  # a redeployment
    record("03-06 16:00", "succeeded", "#5"),
    record("03-06 16:30", "succeeded"),  # a rollback
    record("03-09 10:00", "succeeded", "#5", "#6"),  # so #5 is shipped again
    record("03-11 11:00", "failed"),
    record("03-11 11:20", "succeeded", "#7"),
    record("03-13 17:00", "failed"),  # not recovered
)
