"""The outputs of the step, each on one line and safe to use in any later step."""

import json
import os
from collections.abc import Mapping
from typing import Any

from dora_deployments.attribution.shipped import Shipped
from dora_deployments.deployment import Outcome
from dora_deployments.report.account import Account
from dora_deployments.report.text import Scrubber, for_output, words_for_output


def outputs(account: Account, scrub: Scrubber) -> dict[str, str]:
    """Return every output of action.yml, in its order; unknown ones are empty."""

    def safe(text: str) -> str:
        return for_output(scrub(text))

    resolved = account.resolved
    carried = resolved.services.value if resolved else ()
    services = [each.service.identifier for each in carried]
    environment = resolved.environment.value if resolved else ""
    if account.backfilled is not None:
        services = list(account.backfilled.services)
        environments = account.backfilled.environments
        environment = environments[0] if len(environments) == 1 else ""
    shipped = resolved.shipped if resolved else Shipped()
    is_rollback = resolved is not None and resolved.success.value and shipped.is_rollback
    told = (outcome.service for outcome in account.outcomes)
    names = _distinct({service: safe(service) for service in (*services, *told)})
    return {
        "status": account.status,
        "reason": account.reason,
        "repository": safe(resolved.repository.value if resolved else account.repository),
        "commit-sha": resolved.commit_sha.value if resolved else "",
        "previous-sha": shipped.previous.value if shipped.previous else account.previous_sha,
        "environment": safe(environment),
        "rollback": "true" if is_rollback else "false",
        "services": _json([names[service] for service in services]),
        "merge-commit-shas": _json(resolved.merge_commit_shas if resolved else ()),
        "pull-requests": _json([pull.number for pull in resolved.pulls] if resolved else ()),
        "deployment-ids": _json(
            {
                names[deployment.service.identifier]: deployment.id
                for deployment in (resolved.deployments if resolved else ())
            }
        ),
        "results": _json([_result(outcome, names) for outcome in account.outcomes]),
        "undelivered-path": path_for_output(account.kept.path, scrub),
    }


def path_for_output(path: str, scrub: Scrubber) -> str:
    """Return `path` if it is safe as an output, else nothing: changed, it would lead nowhere.

    White space around it would be cut where it is read as an input.
    """
    safe = for_output(scrub(path), also="~").strip()  # as in RUNNER~1
    return path if safe == path else ""


def _result(outcome: Outcome, names: dict[str, str]) -> dict[str, object]:
    return {
        "backend": outcome.backend.lower(),
        "service": names[outcome.service],
        "status": outcome.status,
        "id": outcome.id,
        "http_status": outcome.http_status,
        "attempts": outcome.attempts,
        "message": words_for_output(outcome.message),
    }


def _distinct(services: Mapping[str, str]) -> dict[str, str]:
    """Return for each service its safe name, and for no two of them the same."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for service, safe in services.items():
        name = safe
        while name in taken:
            numbers[safe] = numbers.get(safe, 1) + 1
            name = f"{safe}_{numbers[safe]}"
        names[service] = name
        taken.add(name)
    return names


def file_text(values: dict[str, str]) -> str:
    """Return what to append to the file of `GITHUB_OUTPUT`.

    Each value stands between delimiters that cannot be guessed, as GitHub's documentation
    of workflow commands asks ("Multiline strings").
    """
    parts = []
    for name, value in values.items():
        delimiter = f"dora_{os.urandom(16).hex()}"
        parts.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    return "".join(parts)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
