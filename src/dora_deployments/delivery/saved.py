"""The text of a saved delivery: what it says, how it is signed, and when it is sent again.

A checkout may hold what a stranger's commit planted there, so only what was signed with the
backend's key is taken back. It says what to send, never where to or with which key: these
come from the inputs alone.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dora_deployments.actions import strict_json
from dora_deployments.actions.text import shown
from dora_deployments.backends import Backend
from dora_deployments.delivery.deliver import Delivery, Origin
from dora_deployments.deployment import Credential, Outcome
from dora_deployments.errors import InputError

LARGEST: Final = 256 * 1024
_FORMAT: Final = 1
_ABOUT: Final = (
    "A deployment report that was not delivered. It holds no key; `mode: replay` sends it again."
)
_SIGNATURE: Final = "hmac_sha256"
# What an input may be nested, within what is around it here.
_DEEPEST: Final = strict_json.DEEPEST + 8


def text(delivery: Delivery, outcome: Outcome, origin: Origin) -> str:
    """Return the text to save for a delivery that ended with `outcome`: JSON in plain ASCII."""
    fields: dict[str, object] = {
        "about": _ABOUT,
        "format": _FORMAT,
        "server": origin.server_url,
        "repository": origin.repository,
        "run_id": origin.run_id,
        "attempt": origin.attempt,
        "backend": delivery.backend.name,
        "services": list(delivery.services),
        "id": delivery.id,
        "name": delivery.name,
        "status": outcome.status,
        "message": outcome.message,
        "requests": [
            {"method": request.method, "body": json.loads(request.body)}
            for request in delivery.requests
        ],
    }
    fields[_SIGNATURE] = _signature(fields, delivery.backend.credential)
    # A line for each field: to be read by people, and not much longer than what is sent.
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in fields.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read(
    content: bytes, origin: Origin, backends: Sequence[Backend], off: Sequence[Backend]
) -> Delivery:
    """Return what the content of a saved file says to send, the same bytes as before.

    `off` are the backends that this run has no keys for. Raises `ValueError` with words that
    follow the file's name: what is wrong, and what to do.
    """
    fields = _fields(content)
    backend = _backend(fields, backends, off)
    signature = fields.pop(_SIGNATURE, None)
    if not isinstance(signature, str) or not hmac.compare_digest(
        signature.encode(), _signature(fields, backend.credential).encode()
    ):
        raise ValueError(
            f"is not signed with `{backend.credential.input}`: it was planted, changed, or saved"
            " under another key; if the key was replaced since, run the job that saved it again"
        )
    # From here on it is what this action wrote.
    if not _is_from(fields, origin):
        raise ValueError(
            f"is of {fields['repository']} on {fields['server']}, and this run is of"
            f" {origin.repository} on {origin.server_url}; replay it there, or, if the repository"
            " was renamed, run the job that saved it again"
        )
    try:
        requests = tuple(
            backend.request(request["method"], request["body"]) for request in fields["requests"]
        )
    except InputError as error:
        raise ValueError(
            f"is not what {backend.name} takes: {error}; replay it by the version of this action"
            " that saved it"
        ) from None
    return Delivery(
        backend=backend,
        services=tuple(fields["services"]),
        id=fields["id"],
        name=fields["name"],
        requests=requests,
        # Files of earlier versions do not say them.
        run_id=fields.get("run_id", ""),
        attempt=fields.get("attempt", 0),
    )


def repeats(content: bytes, delivery: Delivery, origin: Origin) -> bool:
    """Return whether a saved file says to send just what `delivery` does, under the same key."""
    try:
        earlier = read(content, origin, [delivery.backend], [])
    except ValueError:
        return False
    return earlier.requests == delivery.requests


def _fields(content: bytes) -> dict[str, Any]:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text; take it out of `replay-path`") from None
    try:
        fields = strict_json.loads(text, longest=LARGEST, deepest=_DEEPEST)
    except strict_json.JsonError as error:
        # Not to be corrected by hand: it would not be what was signed.
        raise ValueError(
            f"{error.what}, so it is not whole; fetch it again, or run the job that saved it again"
        ) from None
    if not isinstance(fields, dict) or not isinstance(fields.get("format"), int):
        raise ValueError("is no saved report; take it out of `replay-path`")
    if fields["format"] != _FORMAT:
        raise ValueError(
            f"is of the format {fields['format']}, which this version does not know; replay it by"
            " the version of this action that saved it"
        )
    return fields


def _backend(
    fields: Mapping[str, object], backends: Sequence[Backend], off: Sequence[Backend]
) -> Backend:
    name = fields.get("backend")
    for backend in backends:
        if backend.name == name:
            return backend
    for backend in off:
        if backend.name == name:
            raise ValueError(
                f"is for {name}, which is off; set `{backend.credential.input}` to replay it"
            )
    raise ValueError(f"is for the backend {shown(str(name))}, which this version does not know")


def _is_from(fields: Mapping[str, Any], origin: Origin) -> bool:
    return (fields["server"].lower(), fields["repository"].lower()) == (
        origin.server_url.lower(),
        origin.repository.lower(),
    )


def _signature(fields: Mapping[str, object], credential: Credential) -> str:
    signed = json.dumps(fields).encode()
    return hmac.new(credential.value.encode(), signed, hashlib.sha256).hexdigest()
