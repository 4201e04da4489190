"""The requests, as the log shows them before any is sent."""

from collections.abc import Iterable

from dora_deployments.delivery.deliver import Delivery
from dora_deployments.report.log import Log
from dora_deployments.report.text import Scrubber, pretty_json


def show(deliveries: Iterable[Delivery], scrub: Scrubber, log: Log) -> None:
    """Print every request, its key hidden."""
    for delivery in deliveries:
        about = ", ".join(delivery.services)
        if delivery.saved is not None:
            about += f", saved in {delivery.saved.name}"
        for request in delivery.requests:
            log.debug(f"{delivery.backend.name}: {len(request.body)} bytes for {request.url}")
            log.group(
                f"Request for {delivery.backend.name}, {about}",
                (
                    f"POST {request.url}",
                    f"{request.credential.header}: ***",
                    *pretty_json(request.body, scrub),
                ),
            )
