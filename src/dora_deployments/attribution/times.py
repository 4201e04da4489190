"""When the deployment began and ended."""

from datetime import datetime

from dora_deployments.actions.event import DeploymentEvent
from dora_deployments.actions.inputs import Inputs, input_fact
from dora_deployments.actions.moments import MOST_SKEW, whole_seconds
from dora_deployments.catalogue import about_input
from dora_deployments.deployment import Fact
from dora_deployments.errors import InputError


def started_and_finished(
    deployment_event: DeploymentEvent, inputs: Inputs, now: datetime
) -> tuple[Fact[datetime], Fact[datetime]]:
    """Return start and finish; the start is never later than the finish.

    Raises `InputError` for a given start that is later by more than clocks may differ.
    """
    finished = input_fact(inputs.finished_at, "finished-at") or deployment_event.finished_at
    if finished is None:
        finished = Fact(
            value=whole_seconds(now),
            source="the clock, since this step runs when the deployment is done",
        )
    started = input_fact(inputs.started_at, "started-at") or deployment_event.started_at
    if started is None:
        return Fact(value=finished.value, source="the finish, since no start is known"), finished
    if started.value <= finished.value:
        return started, finished
    if inputs.started_at is not None and started.value - finished.value > MOST_SKEW:
        problem = (
            f"({started.value.isoformat()}) is later than the finish ({finished.value.isoformat()},"
            f" from {finished.source}); correct it, or set `finished-at`"
        )
        raise InputError(about_input("started-at", problem))
    source = f"{started.source}, cut back to the finish"
    return Fact(value=finished.value, source=source), finished
