"""When the deployment began and ended."""

from datetime import datetime

from dora_deployments.actions.event import Happening
from dora_deployments.actions.inputs import Inputs, given
from dora_deployments.actions.moments import whole_seconds
from dora_deployments.deployment import Fact
from dora_deployments.errors import InputError


def started_and_finished(
    happening: Happening, inputs: Inputs, now: datetime
) -> tuple[Fact[datetime], Fact[datetime]]:
    """Return start and finish; a start that was not given is never later than the finish.

    Raises `InputError` for a given start that is.
    """
    finished = given(inputs.finished_at, "finished-at") or happening.finished_at
    clock = finished is None
    if finished is None:
        finished = Fact(
            value=whole_seconds(now),
            source="the clock, since this step runs when the deployment is done",
        )
    started = given(inputs.started_at, "started-at") or happening.started_at
    if started is None:
        return Fact(value=finished.value, source="the finish, since no start is known"), finished
    if started.value <= finished.value:
        return started, finished
    within_the_second = clock and whole_seconds(started.value) <= finished.value
    if inputs.started_at is not None and not within_the_second:
        raise InputError(
            f"`started-at` ({started.value.isoformat()}) is later than the finish"
            f" ({finished.value.isoformat()}, from {finished.source}); correct it, or set"
            " `finished-at`"
        )
    source = f"{started.source}, cut back to the finish"
    return Fact(value=finished.value, source=source), finished
