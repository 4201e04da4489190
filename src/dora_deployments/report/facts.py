"""What was deployed, fact by fact, each with where it comes from."""

from collections.abc import Iterator
from datetime import datetime

from dora_deployments.actions.text import count
from dora_deployments.attribution.resolve import Resolved


def facts(resolved: Resolved) -> Iterator[tuple[str, str, str]]:
    """Yield label, value and source of every fact, for the log and the summary alike."""
    commit = resolved.commit_sha
    yield "commit", commit.value, commit.source
    yield "repository", resolved.repository.value, resolved.repository.source
    if resolved.deployments:
        yield "environment", resolved.environment.value, resolved.environment.source
    services = ", ".join(each.service.identifier for each in resolved.services.value)
    yield "services", services, resolved.services.source
    if resolved.deployments:
        yield from _deployed(resolved)
    yield from _changes(resolved)


def _deployed(resolved: Resolved) -> Iterator[tuple[str, str, str]]:
    """Yield what only a deployment has."""
    yield "started at", _plain(resolved.started_at.value), resolved.started_at.source
    yield "finished at", _plain(resolved.finished_at.value), resolved.finished_at.source
    outcome = "success" if resolved.success.value else "failure"
    yield "outcome", outcome, resolved.success.source
    if resolved.version is not None:
        yield "version", resolved.version.value, resolved.version.source
    yield from _attributions(resolved)


def _attributions(resolved: Resolved) -> Iterator[tuple[str, str, str]]:
    """Yield how DX finds the changes: in one for all services, unless paths part them."""
    if not any(carried.by_path for carried in resolved.services.value):
        first = resolved.attributions[0]
        yield "attribution", first.value, first.source
        return
    numbers = {pull.merge_commit_sha: f"#{pull.number}" for pull in resolved.shipped.pulls}
    sent = {each.service.identifier: each.merge_commit_shas for each in resolved.deployments}
    for carried, fact in zip(resolved.services.value, resolved.attributions, strict=True):
        name = carried.service.identifier
        pulls = ", ".join(numbers.get(sha, sha[:7]) for sha in sent.get(name, ()))
        yield f"attribution of {name}", pulls or fact.value, fact.source


def _changes(resolved: Resolved) -> Iterator[tuple[str, str, str]]:
    """Yield what was there before, and how much came since."""
    shipped = resolved.shipped
    if shipped.uncertainty is not None and shipped.previous is not None:
        yield "previous commit, not certain", shipped.previous.value, shipped.previous.source
    elif shipped.previous is not None:
        yield "previous commit", shipped.previous.value, shipped.previous.source
    elif shipped.is_first:
        yield "previous commit", "unknown", "GitHub, which shows no successful deployment before"
    since = shipped.range
    if since is None:
        if shipped.merged is not None:
            merged = shipped.merged
            yield (
                "change",
                f"#{merged.number}",
                f"the event, its merge by {merged.merge_commit_sha[:7]}",
            )
        return
    span = f"the commits {since.merge_base[:7]}..{since.head[:7]}"
    if shipped.uncertainty is not None:
        yield "changes", "not certain", span
    elif shipped.is_rollback:
        yield "changes", "none, a rollback", "the commit, an ancestor of the previous one"
    elif shipped.is_redeployment:
        yield "changes", "none, a redeployment", "the commit, the same as before"
    elif since.missing is not None:
        yield "changes", count(since.commits, "commit"), span
    else:
        direct = f", {len(since.direct)} without a pull request" if since.direct else ""
        yield "changes", f"{_pulls(resolved)} in {count(since.commits, 'commit')}{direct}", span


def _pulls(resolved: Resolved) -> str:
    """Return how many pull requests the commits bring, to these services and to others."""
    every, own = len(resolved.shipped.pulls), len(resolved.pulls)
    pulls = count(every, "pull request")
    return pulls if own == every else f"{pulls} ({own} of these services)"


def _plain(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
