"""DX: `deployments.create` and `deployments.setPullServices` of its Web API."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from dora_deployments import catalogue
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.moments import EPOCH, UTC
from dora_deployments.backends import replies, schema
from dora_deployments.catalogue import Note, Topic
from dora_deployments.deployment import (
    Credential,
    Deployment,
    Limits,
    Reply,
    Request,
    Service,
    TouchedServices,
    Verdict,
)
from dora_deployments.errors import ConfigurationError

# DX, deployments.create, "Errors".
_ERRORS = {
    "not_authed": catalogue.DX_NOT_AUTHED,
    "invalid_auth": catalogue.DX_INVALID_AUTH,
    "account_inactive": catalogue.DX_ACCOUNT_INACTIVE,
    "invalid_json": catalogue.DX_INVALID_JSON,
    "required_params_missing": catalogue.DX_REQUIRED_PARAMS_MISSING,
    "repo_not_found": catalogue.DX_REPO_NOT_FOUND,
}
_REFUSALS = {
    401: catalogue.DX_401,
    403: catalogue.DX_403,
    404: catalogue.DX_404,
    413: catalogue.DX_413,
    422: catalogue.DX_422,
}
# What a 422 says of a deployment that DX has already: as a code, or in plain words.
_REFERENCE_ID: Final = re.compile("(?<![a-z])reference[_ -]?id(?![a-z])", re.IGNORECASE)
_TAKEN: Final = re.compile(
    "(?<![a-z])(?:already|taken|reference_id_exists|duplicated?|conflicts?|conflicting"
    "|not[_ ]unique|in[_ ]use|(?:was|been)[_ ]used|(?:other|different|changed)[_ ]values"
    "|values[_ ]changed)"
    "(?![a-z])",
    re.IGNORECASE,
)
_EXISTS: Final = re.compile(
    "(?<![a-z])(?:duplicate[_ ]deployment"
    "|deployment[_ ](?:has[_ ])?already[_ ](?:exists|been[_ ](?:created|recorded|reported)))"
    "(?![a-z])",
    re.IGNORECASE,
)
# What makes a statement say the opposite, or that DX had it once.
_DENIAL: Final = re.compile(
    "(?<![a-z])(?:no|not|never|none|nor|without|isn't|wasn't|hasn't)(?![a-z])(?![_ ]unique)"
    "|(?<![a-z])(?:deleted|removed|archived|discarded)(?![a-z])",
    re.IGNORECASE,
)
# What an answer may consist of that names the id alone, or says "already exists" of nothing else.
_VOCABULARY: Final = frozenset(
    {
        *("already", "code", "conflict", "detail", "entity", "error", "errors", "exists", "field"),
        *("id", "message", "pointer", "reference", "referenceid", "source", "title"),
        "unprocessable",
    }
)
_PATH: Final = 200  # characters of the keys that lead to a text
_LONGEST_SHA = 40
_CREATE: Final = "deployments.create"
_SET_PULL_SERVICES: Final = "deployments.setPullServices"

# An account has 1,000 requests a minute (DX Web API, "Rate limits"); some are left for others.
_LIMITS: Final = Limits(requests_per_minute=900)

NOT_CONFIGURED: Final = "DX is off, since `dx-token` and `dx-instance` are empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dx:
    """One DX instance. `url` is the base of its Web API, which the method follows."""

    url: str
    token: str = field(repr=False)
    name: str = "DX"
    dora_environment: str | None = "production"
    limits: Limits = _LIMITS

    @property
    def credential(self) -> Credential:
        """Return the token, as the header has it."""
        return Credential(input="dx-token", header="Authorization", value=f"Bearer {self.token}")

    def unsupported(self, deployment: Deployment) -> Topic | None:
        """Return why DX does not take `deployment`, or None if it does."""
        shas: tuple[str, ...] = ()
        if deployment.attribution == "commit":
            shas = (deployment.commit_sha,)
        elif deployment.attribution == "pull-requests":
            shas = deployment.merge_commit_shas
        if any(len(sha) > _LONGEST_SHA for sha in shas):
            return catalogue.DX_LONG_SHA
        return None

    def requests(self, deployment: Deployment) -> tuple[Request, ...]:
        """Return the requests that record `deployment`, in sending order.

        Raises `InputError` where the body would break DX's rules.
        """
        return (self.request(_CREATE, deployment_body(deployment)),)

    def touched_requests(self, touched: TouchedServices) -> tuple[Request, ...]:
        """Return the request that tells which services a pull request touches."""
        return (self.request(_SET_PULL_SERVICES, touched_body(touched)),)

    def request(self, method: str, body: dict[str, object]) -> Request:
        """Return the request that calls `method`, one of DX's Web API."""
        schema.check(f"dx.{method}", body)
        return Request(
            method=method,
            url=f"{self.url}/{method}",
            body=json.dumps(body).encode(),
            credential=self.credential,
        )

    def verdict(self, method: str, reply: Reply) -> Verdict:
        """Return how DX took a request: only `ok` counts, and it must be `true` itself.

        Only a deployment has an id, by which DX may know it already.
        """
        body = replies.json_object(reply)
        error = body.get("error")
        code = error if isinstance(error, str) and error in _ERRORS else None
        words = (body.get("error"), body.get("message"))
        detail = "; ".join(word for word in words if isinstance(word, str) and word)
        if 200 <= reply.status < 300:
            if body.get("ok") is True:
                return Verdict(status="delivered", message="recorded")
            if body.get("ok") is not False:
                return Verdict(
                    status="malformed",
                    message=f"DX answered {reply.status} without saying ok: {replies.kind(reply)}",
                    topic=catalogue.DX_MALFORMED,
                )
        elif (
            method == _CREATE
            and reply.status == 422
            and code is None
            and _is_duplicate(reply, body)
        ):
            return Verdict(
                status="duplicate",
                message=catalogue.DX_DUPLICATE.sentence,
                detail=detail,
                topic=catalogue.DX_DUPLICATE,
            )
        name, topic = str(reply.status), _refusal(reply)
        if code:
            name, topic = f"{name} {code}", _ERRORS[code]
        return Verdict(
            status="rejected",
            message=f"DX answered {name}: {topic.sentence}",
            detail=detail,
            topic=topic,
        )

    def doubts(self, requests: Sequence[Request], now: datetime | None) -> Iterator[Note]:
        """Yield nothing: DX takes deployments of any age, under any name."""
        del requests, now
        yield from ()

    def doubt_of_repeat(self, attempt: int) -> None:
        """Return None: DX refuses an id that it has, which counts as a duplicate."""
        del attempt

    def other_source(self, event: str, deployment: Deployment) -> str | None:
        """Return that DX reads GitHub's deployments itself, if this is one."""
        del deployment
        if event != "deployment_status":
            return None
        return "DX's GitHub Deployments connector reads the same deployments, where it is on"


def configured(inputs: Inputs) -> Dx | None:
    """Return the DX backend if asked for; `ConfigurationError` if only half of it is."""
    if inputs.dx_token is None and inputs.dx_instance is None:
        return None
    if inputs.dx_token is None or inputs.dx_instance is None:
        given, lacking = "dx-instance", "dx-token"
        hint = " (a secret that does not exist here arrives empty)"
        if inputs.dx_instance is None:
            given, lacking, hint = lacking, given, ""
        raise ConfigurationError(
            f"`{given}` is set and `{lacking}` is empty; DX needs both, so set `{lacking}` as"
            f" well, or leave both out{hint}",
            topic=catalogue.HALF_OF_DX,
        )
    return Dx(url=inputs.dx_instance, token=inputs.dx_token)


def sample(inputs: Inputs) -> Dx:
    """Return the backend without a token, to show in a dry run what would be sent."""
    return Dx(url=inputs.dx_instance or "https://your-instance.getdx.net/api", token="")


def deployment_body(deployment: Deployment) -> dict[str, object]:
    """Return `deployment` as the arguments of `deployments.create`.

    Everything in it stays the same from one attempt to the next, or DX answers 422.
    """
    body: dict[str, object] = {
        "reference_id": deployment.id,
        "deployed_at": deployment.finished_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "service": _service(deployment.service),
        # Never left out: without it DX counts staging as production.
        "environment": deployment.environment,
        "repository": deployment.repository,
    }
    if deployment.attribution == "pull-requests":
        body["merge_commit_shas"] = list(deployment.merge_commit_shas)
    elif deployment.attribution == "commit":
        body["commit_sha"] = deployment.commit_sha
        if deployment.integration_branch is not None:
            body["integration_branch"] = deployment.integration_branch
    if deployment.source_url is not None:
        body["source_url"] = deployment.source_url
    if deployment.source_name is not None:
        body["source_name"] = deployment.source_name
    if metadata := _metadata(deployment):
        body["metadata"] = metadata
    if not deployment.success:
        body["success"] = False
    return body


def touched_body(touched: TouchedServices) -> dict[str, object]:
    """Return the arguments of `deployments.setPullServices`, which adds to what is known."""
    return {
        "github_pull_id": touched.pull_id,
        "services": [_service(service) for service in touched.services],
    }


def _refusal(reply: Reply) -> Topic:
    if replies.is_blocked(reply):
        return catalogue.BLOCKED
    is_redirect = 300 <= reply.status < 400
    return _REFUSALS.get(
        reply.status, catalogue.DX_REDIRECT if is_redirect else catalogue.DX_REFUSED
    )


def _service(service: Service) -> dict[str, object]:
    body: dict[str, object] = {"identifier": service.identifier}
    if service.name is not None:
        body["name"] = service.name
    return body


def _metadata(deployment: Deployment) -> dict[str, object]:
    """Return what DX has no field for; what the workflow's author wrote wins."""
    known: dict[str, object] = {}
    if deployment.version is not None:
        known["version"] = deployment.version
    if deployment.committed_at is not None:
        known["commit_timestamp"] = _seconds(deployment.committed_at)
    if deployment.first_commit_at is not None:
        known["first_commit_timestamp"] = _seconds(deployment.first_commit_at)
    if deployment.is_rollback:
        known["rollback"] = True
    return {**known, **deployment.metadata}


def _seconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(seconds=1)


def _is_duplicate(reply: Reply, body: dict[str, object]) -> bool:
    """Return whether a 422 says that DX has this deployment already: an allow list.

    DX, deployments.create: "DX returns a 422 error if a subsequent request for the same
    reference_id changes the values." The time of a re-run is such a value. DX documents no words
    for it, so either something says of `reference_id` that it is taken, or of the deployment that
    it exists, or the answer names the one or says the other and nothing else at all. An answer
    that only quotes the id, or finds it invalid, is none.
    """
    if not reply.whole or len(reply.body) > replies.MAX_BODY:
        return False  # it may say more where nobody can see it
    said = list(_statements(body))
    stated = (each for each in said if not _DENIAL.search(each))
    if any(_EXISTS.search(each) or _is_taken(each) for each in stated):
        return True
    everything = " ".join(said).lower()
    names_it = _REFERENCE_ID.search(everything) or re.search("already[_ ]exists", everything)
    return bool(names_it) and set(re.findall("[a-z0-9]+", everything)) <= _VOCABULARY


def _is_taken(said: str) -> bool:
    return _REFERENCE_ID.search(said) is not None and _TAKEN.search(said) is not None


def _statements(value: object) -> Iterator[str]:
    """Yield what a JSON value says: each text, after the keys that lead to it.

    The texts of an object come together too, for `{"field": "reference_id", "message": "taken"}`.
    """
    pending: list[tuple[str, object]] = [("", value)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            pending.extend((f"{path} {key}"[-_PATH:], each) for key, each in value.items())
            yield " ".join(each for each in value.values() if isinstance(each, str))
        elif isinstance(value, list):
            pending.extend((path, each) for each in value)
        elif isinstance(value, str):
            yield f"{path} {value}"
