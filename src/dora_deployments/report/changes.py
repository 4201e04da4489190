"""The shipped changes, as people read them: which, since when, and how long they waited."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from dora_deployments.attribution.resolve import Resolved
from dora_deployments.attribution.services import carried_pulls
from dora_deployments.deployment import PullRequest


def lines(resolved: Resolved) -> Iterator[str]:
    """Yield a line for each shipped pull request, for the log."""
    for pull in resolved.pulls:
        lead = lead_time(pull, resolved.finished_at.value)
        waited = "" if lead is None else f", {span(lead)} before this deployment"
        title = f" {pull.title}" if pull.title else ""
        yield f"#{pull.number}{title} (merged by {pull.merge_commit_sha[:7]}{waited})"


def lead_time(pull: PullRequest, finished_at: datetime) -> timedelta | None:
    """Return the time from the merge to the deployment; clocks that disagree make it zero."""
    if pull.merged_at is None:
        return None
    return max(finished_at - pull.merged_at, timedelta())


def median_lead_time(pulls: Sequence[PullRequest], finished_at: datetime) -> timedelta | None:
    """Return the median over the pull requests whose time of merging is known."""
    known = [lead_time(pull, finished_at) for pull in pulls]
    ordered = sorted(lead for lead in known if lead is not None)
    if not ordered:
        return None
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[~middle]) / 2


def lead_time_of(pulls: Sequence[PullRequest], finished_at: datetime) -> str:
    """Return how long they waited in words that follow what they are, or nothing if unknown."""
    lead = median_lead_time(pulls, finished_at)
    if lead is None:
        return ""
    return f", {'' if len(pulls) == 1 else 'median '}lead time {span(lead)}"


def carried(resolved: Resolved) -> tuple[PullRequest, ...]:
    """Return the shipped pull requests that are changes of a deployed service, by its paths."""
    return carried_pulls(resolved.services.value, resolved.shipped)


def span(time: timedelta) -> str:
    """Return a length of time by its two largest units, such as `4 h 12 min`."""
    hours, minutes = divmod(int(time.total_seconds()) // 60, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else "under 1 min"
