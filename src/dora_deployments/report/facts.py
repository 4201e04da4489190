"""What was deployed, fact by fact, each with where it comes from."""

from collections.abc import Iterator
from datetime import datetime

from dora_deployments.attribution.resolve import Resolved


def facts(resolved: Resolved) -> Iterator[tuple[str, str, str]]:
    """Yield label, value and source of every fact, for the log and the summary alike."""
    commit = resolved.commit_sha
    yield "commit", commit.value, commit.source
    yield "repository", resolved.repository.value, resolved.repository.source
    yield "environment", resolved.environment.value, resolved.environment.source
    services = ", ".join(service.identifier for service in resolved.services.value)
    yield "services", services, resolved.services.source
    yield "started at", _plain(resolved.started_at.value), resolved.started_at.source
    yield "finished at", _plain(resolved.finished_at.value), resolved.finished_at.source
    outcome = "success" if resolved.success.value else "failure"
    yield "outcome", outcome, resolved.success.source
    if resolved.version is not None:
        yield "version", resolved.version.value, resolved.version.source
    yield "attribution", resolved.attribution.value, resolved.attribution.source
    for pull in resolved.pull_requests:
        yield "pull request", f"#{pull.number}", f"the merge by {pull.merge_commit_sha[:7]}"


def _plain(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
