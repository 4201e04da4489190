"""Datadog DORA Metrics: `POST /api/v2/dora/deployment`."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.moments import EPOCH
from dora_deployments.backends import replies, schema
from dora_deployments.deployment import Credential, Deployment, Reply, Request, Verdict

_HINTS = {
    400: "the body is not what Datadog expects; correct what it names",
    401: "the key is not valid; check `datadog-api-key`, and that `datadog-site` is its site",
    403: "the key is not valid on this site, most often because it belongs to another; check"
    " `datadog-site` first, then `datadog-api-key`",
    404: "there is no DORA endpoint here; check `datadog-site`",
    413: "the body is too large; shorten `tags`",
}

_METHOD: Final = "deployment"

OFF: Final = "Datadog is off, since `datadog-api-key` is empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Datadog:
    """One Datadog organisation, on one site. `url` is the base of its API."""

    url: str
    api_key: str = field(repr=False)
    name: str = "Datadog"

    @property
    def credential(self) -> Credential:
        """Return the API key."""
        return Credential(input="datadog-api-key", header="DD-API-KEY", value=self.api_key)

    def unsupported(self, deployment: Deployment) -> str | None:
        """Return why Datadog cannot be told of `deployment`, if it cannot."""
        # Datadog has no field for the outcome and takes every event for a success
        # (documentation, "DORA Metrics: deployment data sources").
        if not deployment.success:
            return "Datadog counts successful deployments only, and this one failed"
        return None

    def requests(self, deployment: Deployment) -> tuple[Request, ...]:
        """Return the single request that records `deployment`.

        Raises `InputError` where the body would break Datadog's rules.
        """
        return (self.request(_METHOD, deployment_body(deployment)),)

    def request(self, method: str, body: dict[str, object]) -> Request:
        """Return the request that calls `method`, of which there is one: `deployment`."""
        schema.check(f"datadog.{method}", body)
        return Request(
            method=method,
            url=f"{self.url}/api/v2/dora/{method}",
            body=json.dumps(body).encode(),
            credential=self.credential,
        )

    def verdict(self, method: str, reply: Reply) -> Verdict:
        """Return how Datadog took a request; 202 means accepted, to be recorded later."""
        del method  # there is only one
        body = replies.json_object(reply)
        if not 200 <= reply.status < 300:
            hint = _HINTS.get(reply.status, replies.hint(reply.status, "`datadog-site`"))
            return Verdict(
                status="rejected",
                message=f"Datadog answered {reply.status}: {hint}",
                detail=_errors(body),
            )
        # Documented are 200 and 202; 201 is taken too, as it can mean nothing else.
        data = body.get("data")
        recorded = isinstance(data, dict) and isinstance(data.get("id"), str) and data["id"]
        if reply.status not in {200, 201, 202} or not recorded:
            return Verdict(
                status="malformed",
                message=f"Datadog answered {reply.status} without the id of an event:"
                f" {replies.kind(reply)}",
            )
        if reply.status == 202:
            message = "accepted, to be recorded later because of an incident at Datadog"
            return Verdict(status="delivered", message=message)
        return Verdict(status="delivered", message="recorded")


def configured(inputs: Inputs) -> Datadog | None:
    """Return the Datadog backend, if its key is given."""
    if inputs.datadog_api_key is None:
        return None
    return Datadog(url=inputs.datadog_site, api_key=inputs.datadog_api_key)


def sample(inputs: Inputs) -> Datadog:
    """Return the backend without a key, to show in a dry run what would be sent."""
    return Datadog(url=inputs.datadog_site, api_key="")


def deployment_body(deployment: Deployment) -> dict[str, object]:
    """Return `deployment` in Datadog's JSON:API form; times in whole nanoseconds."""
    attributes: dict[str, object] = {
        "id": deployment.id,
        "service": deployment.service.identifier,
        "env": deployment.environment,
        "started_at": _nanoseconds(deployment.started_at),
        "finished_at": _nanoseconds(deployment.finished_at),
        "git": {
            "commit_sha": deployment.commit_sha,
            "repository_url": deployment.repository_url,
        },
    }
    if deployment.version is not None:
        attributes["version"] = deployment.version
    if deployment.team is not None:
        attributes["team"] = deployment.team
    if deployment.tags:
        attributes["custom_tags"] = list(deployment.tags)
    return {"data": {"attributes": attributes}}


def _nanoseconds(moment: datetime) -> int:
    # Whole numbers throughout: a float holds no nanoseconds of this century.
    return (moment - EPOCH) // timedelta(microseconds=1) * 1_000


def _errors(body: dict[str, object]) -> str:
    """Return Datadog's own words, from either shape of its errors."""
    errors = body.get("errors")
    words = []
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, str):
            words.append(error)
        elif isinstance(error, dict):
            source = error.get("source")
            pointer = source.get("pointer") if isinstance(source, dict) else None
            parts = (error.get("title"), error.get("detail"), pointer)
            words.append(": ".join(part for part in parts if isinstance(part, str)))
    return "; ".join(word for word in words if word)
