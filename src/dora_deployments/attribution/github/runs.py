"""Workflow runs: which workflow each belongs to, and when an attempt began."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from dora_deployments.actions import moments
from dora_deployments.actions.event import RunAttempt
from dora_deployments.actions.payload import Payload
from dora_deployments.attribution.github import graphql
from dora_deployments.attribution.github.api import Api, get
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.timeline import WorkflowOfRun

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

_NEEDS: Final = "actions: read"
_AT_ONCE: Final = 100
_FEWEST: Final = 12  # that a query is cut to, where a hundred are too many for the server


def workflows(
    api: Api, server_url: str, repository: str, run_ids: Sequence[str]
) -> Mapping[str, WorkflowOfRun | None]:
    """Return the workflow of each run, a hundred by one query; None for an unknown run.

    A run's page is the only name by which a query finds it (GitHub GraphQL reference,
    `Query.resource`). Raises `LookUpError` if none of them could be read.
    """

    def ask(batch: Sequence[str], client: "Client") -> dict[str, WorkflowOfRun | None]:
        try:
            return query(batch, client)
        except graphql.TooLargeError:
            middle = len(batch) // 2
            if middle < _FEWEST:
                raise
        return {**ask(batch[:middle], client), **ask(batch[middle:], client)}

    def query(batch: Sequence[str], client: "Client") -> dict[str, WorkflowOfRun | None]:
        urls = [f"{server_url}/{repository}/actions/runs/{run_id}" for run_id in batch]
        answer = graphql.ask_root(client, graphql.workflows(urls))
        return {
            run_id: _workflow(Payload(answer.get(f"r{index}")))
            for index, run_id in enumerate(batch)
        }

    found: dict[str, WorkflowOfRun | None] = {}
    batches = [run_ids[start : start + _AT_ONCE] for start in range(0, len(run_ids), _AT_ONCE)]
    for answer in api.ask_all(_NEEDS, [partial(ask, batch) for batch in batches]):
        if isinstance(answer, LookUpError):
            raise answer
        found.update(answer)
    return found


def latest_attempt(api: Api, repository: str, run_id: str) -> RunAttempt:
    """Return the last attempt of a workflow run, and when it began."""
    found = _read_run(api, f"/repos/{repository}/actions/runs/{run_id}")
    return RunAttempt(
        run_id=run_id, attempt=found.id("run_attempt") or 1, began_at=_started_at(found)
    )


def attempt_started_at(api: Api, repository: str, run_id: str, attempt: int) -> datetime:
    """Return when an attempt of a workflow run began."""
    path = f"/repos/{repository}/actions/runs/{run_id}/attempts/{attempt}"
    return _started_at(_read_run(api, path))


def _read_run(api: Api, path: str) -> Payload:
    return Payload(api.ask(_NEEDS, lambda client: get(client, path)))


def _started_at(run: Payload) -> datetime:
    started_at = moments.iso(run.get("run_started_at"))
    if started_at is None:
        raise LookUpError("GitHub's answer does not say when the attempt began")
    return started_at


def _workflow(run: Payload) -> WorkflowOfRun | None:
    workflow_id = run.id("workflow.databaseId")
    if workflow_id is None:
        return None
    return WorkflowOfRun(workflow_id=workflow_id, event=run.text("event") or "")
