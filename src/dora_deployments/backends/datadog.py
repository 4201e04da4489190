"""Datadog DORA Metrics: `POST /api/v2/dora/deployment`."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from dora_deployments import catalogue
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.moments import EPOCH
from dora_deployments.actions.text import shown
from dora_deployments.backends import replies, schema
from dora_deployments.catalogue import Note, Topic, note
from dora_deployments.deployment import Credential, Deployment, Limits, Reply, Request, Verdict

_REFUSALS = {
    400: catalogue.DATADOG_400,
    401: catalogue.DATADOG_401,
    403: catalogue.DATADOG_403,
    404: catalogue.DATADOG_404,
    413: catalogue.DATADOG_413,
}

_METHOD: Final = "deployment"
# The limit that Datadog once documented, and documents no more.
_FRESH: Final = timedelta(hours=1)
_NAMED: Final = 3  # services, in a note on their names

# "Deployments of the same service cannot occur at the same second" (Datadog, "Deployment data
# sources for DORA Metrics", API or CLI).
_LIMITS: Final = Limits(min_spacing_seconds=1.0)

NOT_CONFIGURED: Final = "Datadog is off, since `datadog-api-key` is empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Datadog:
    """One Datadog organisation, on one site. `url` is the base of its API."""

    url: str
    api_key: str = field(repr=False)
    name: str = "Datadog"
    dora_environment: str | None = None
    limits: Limits = _LIMITS

    @property
    def credential(self) -> Credential:
        """Return the API key."""
        return Credential(input="datadog-api-key", header="DD-API-KEY", value=self.api_key)

    def unsupported(self, deployment: Deployment) -> Topic | None:
        """Return why Datadog does not take `deployment`, or None if it does."""
        # Datadog has no field for the outcome and takes every event for a success
        # (documentation, "DORA Metrics: deployment data sources").
        if not deployment.success:
            return catalogue.OUTCOME_NOT_SUPPORTED
        return None

    def requests(self, deployment: Deployment) -> tuple[Request, ...]:
        """Return the single request that records `deployment`.

        Raises `InputError` where the body would break Datadog's rules.
        """
        return (self.request(_METHOD, deployment_body(deployment)),)

    def request(self, method: str, body: dict[str, object]) -> Request:
        """Return the request that calls `method`; the only one is `deployment`."""
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
            topic = _refusal(reply)
            return Verdict(
                status="rejected",
                message=f"Datadog answered {reply.status}: {topic.sentence}",
                detail=_errors(body),
                topic=topic,
            )
        # Documented are 200 and 202; 201 is taken too, as it can mean nothing else.
        data = body.get("data")
        recorded = isinstance(data, dict) and isinstance(data.get("id"), str) and data["id"]
        if reply.status not in {200, 201, 202} or not recorded:
            return Verdict(
                status="malformed",
                message=f"Datadog answered {reply.status} without the id of an event:"
                f" {replies.kind(reply)}",
                topic=catalogue.DATADOG_MALFORMED,
            )
        if reply.status == 202:
            later = catalogue.DATADOG_LATER
            return Verdict(status="delivered", message=later.means, topic=later)
        return Verdict(status="delivered", message="recorded")

    def doubts(self, requests: Sequence[Request], now: datetime | None) -> Iterator[Note]:
        """Yield a note on deployments of long ago, and on names that no service has here."""
        told = [json.loads(request.body)["data"]["attributes"] for request in requests]
        if now is not None and any(now - _moment(each["finished_at"]) > _FRESH for each in told):
            old = catalogue.OLD_EVENT
            told_late = "the deployment ended more than an hour ago"
            yield note(f"{told_late}: {old.sentence}", old)
        names = {name: usual for each in told if (usual := _usual(name := each["service"])) != name}
        if names:
            pairs = [f"{shown(name)} as `{usual}`" for name, usual in names.items()]
            some = ", ".join(pairs[:_NAMED])
            more = f", and {len(pairs) - _NAMED} more alike" if len(pairs) > _NAMED else ""
            yield note(
                f"Datadog's catalogue would write {some}{more}; if that is meant, write it so where"
                " the service is named",
                catalogue.SERVICE_NAME,
            )

    def doubt_of_repeat(self, attempt: int) -> Note:
        """Return that Datadog does not say what it does with an id that it has."""
        again = catalogue.RERUN
        return note(
            f"this is attempt {attempt} of the run, so Datadog is sent the same id with a later"
            f" finish: {again.sentence}",
            again,
        )

    def other_source(self, event: str, deployment: Deployment) -> str | None:
        """Return that APM reports versions too, if there is one."""
        del event
        if deployment.version is None:
            return None
        return "Datadog's APM reports new versions as deployments, if it is chosen as a source"


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


def _refusal(reply: Reply) -> Topic:
    if replies.is_blocked(reply):
        return catalogue.BLOCKED
    is_redirect = 300 <= reply.status < 400
    other = catalogue.DATADOG_REDIRECT if is_redirect else catalogue.DATADOG_REFUSED
    return _REFUSALS.get(reply.status, other)


def _usual(service: str) -> str:
    """Return the name of a service as Datadog's catalogue writes it."""
    # Datadog documentation, "Rules and best practices for naming tags".
    marks = "".join(
        character if character.isalnum() or character in "-.:/" else "_"
        for character in service.lower()
    )
    return re.sub("_+", "_", marks).rstrip("_") or service


def _moment(nanoseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=nanoseconds // 1_000)


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
