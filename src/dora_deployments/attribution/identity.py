"""One id for one deployment of one service, the same for every retry and every re-run."""

import hashlib
import json
from urllib.parse import urlsplit

_HEX_DIGITS = 40


def deployment_id(
    *,
    server_url: str,
    repository_id: str,
    environment: str,
    service: str,
    success: bool,
    identity: str,
) -> str:
    """Return the id: it fits Datadog's `id` and DX's `reference_id`.

    Neither the clock nor the number of the attempt is part of it. The outcome is, so that
    a good second attempt does not collide with the failed first.
    """
    return _hashed(
        urlsplit(server_url).netloc,
        repository_id,
        environment,
        service,
        "success" if success else "failure",
        identity,
    )


def id_of_one_service(deployment_id: str, *, environment: str, service: str) -> str:
    """Return the id of one of several services that share the input `deployment-id`."""
    return _hashed(deployment_id, environment, service)


def _hashed(*parts: str) -> str:
    # JSON keeps the parts apart: no two different lists have the same text.
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return f"dora-{digest[:_HEX_DIGITS]}"
