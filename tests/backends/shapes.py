"""Deployments of every shape, and a way to send one."""

from itertools import count, product

from dora_deployments.delivery import session
from dora_deployments.deployment import Service
from tests.builders import deployment

SHA = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
_NUMBERS = count()


def _shape(attribution, success, full, service, environment):
    given = {}
    if full:
        given = {
            "version": "v1.12.07",
            "team": "payments",
            "tags": tuple(f"key{number}:value" for number in range(100)),
            "integration_branch": "develop",
            "metadata": {"colour": "blue", "nested": {"list": [1, 2.5, None, True, "\u5e97"]}},
        }
    else:
        given = {"source_url": None, "source_name": None}
    return deployment(
        id=f"dora-{next(_NUMBERS):011}",
        attribution=attribution,
        merge_commit_shas=(SHA, "a" * 7, "b" * 40) if attribution == "pull-requests" else (),
        success=success,
        service=service,
        environment=environment,
        **given,
    )


SHAPES = tuple(
    _shape(*axes)
    for axes in product(
        ("commit", "pull-requests", "repository"),
        (True, False),
        (True, False),
        (Service(identifier="shop"), Service(identifier="caf\u00e9", name="\u5e97 \U0001f6d2")),
        ("production", "staging/eu-1"),
    )
)


def sent(backend, shape):
    """Send the only request of a deployment and return the reply."""
    (request,) = backend.requests(shape)
    with session.Session() as http:
        return session.post(http, request, (5, 5))
