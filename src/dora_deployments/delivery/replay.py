"""What earlier runs saved, as deliveries to send again."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dora_deployments.actions import workspace
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.run import Run
from dora_deployments.actions.text import shown
from dora_deployments.backends import Backend
from dora_deployments.budget import Budget
from dora_deployments.catalogue import about_input
from dora_deployments.delivery import folder, saved
from dora_deployments.delivery.deliver import Delivery, Origin
from dora_deployments.errors import InputError, Skip

MOST: Final = 1_000  # deliveries of one run


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """How many files are left for another run, unread."""

    count: int


def found(inputs: Inputs, run: Run) -> tuple[Path, tuple[str, ...]]:
    """Return the files to replay: the folder that they are in, and their paths within, in order.

    Where one run cannot send them all, they begin anywhere, so that those at the front that no
    backend ever takes do not keep the others from being tried.
    Raises `Skip` if there is none, and `InputError` if `replay-path` cannot be used.
    """
    bases = folder.bases(run)
    try:
        base, path = folder.resolve_path(inputs.replay_path, bases)
        paths = tuple(workspace.files(base, path, ".json"))
    except ValueError as error:
        raise InputError(about_input("replay-path", str(error))) from None
    if not paths:
        raise Skip(
            "nothing-to-replay",
            f"there is no saved report in {shown(inputs.replay_path)}",
            "if there should be one, check `replay-path`",
        )
    start = random.SystemRandom().randrange(len(paths)) if len(paths) > MOST else 0
    return base, (*paths[start:], *paths[:start])


def deliveries(
    base: Path,
    paths: Sequence[str],
    origin: Origin,
    backends: Sequence[Backend],
    off: Sequence[Backend],
    budget: Budget,
) -> Iterator[Delivery | str | Left]:
    """Yield what each file says to send, or why it is refused, in a sentence that names it.

    Files that `budget` has no time for, and more good ones than `MOST`, are left for another
    run: then `Left` comes last.
    """
    good = 0
    for index, path in enumerate(paths):
        if not budget.left() or good == MOST:
            yield Left(count=len(paths) - index)
            return
        try:
            yield _delivery(base, path, origin, backends, off)
            good += 1
        except ValueError as error:
            yield f"{shown(path)} {error}"


def latest(deliveries: Iterable[Delivery]) -> tuple[Delivery, ...]:
    """Return those to send: of a workflow run's attempts the last one, and of its copies one.

    A re-run has the same id and, by the clock, a later finish. Datadog does not document what it
    does with a repeated id (docs.datadoghq.com, "Send a deployment event"), so an earlier finish
    must not be sent after, or beside, a later one. Artifacts of several jobs can hold the same
    file, which must not be sent twice. Else files of other runs are not compared.
    """
    groups: dict[tuple[object, ...], list[Delivery]] = {}
    for number, delivery in enumerate(deliveries):
        about = (delivery.backend.name, delivery.name, delivery.run_id or number)
        groups.setdefault(about, []).append(delivery)
    return _without_copies(each for group in groups.values() for each in _last_attempt(group))


def _last_attempt(group: Sequence[Delivery]) -> Iterator[Delivery]:
    last = max(delivery.attempt for delivery in group)
    files = (delivery.saved for delivery in group if delivery.attempt < last)
    superseded = tuple(file for file in files if file is not None)
    for delivery in group:
        if delivery.attempt == last:
            yield replace(delivery, superseded=superseded)


def _without_copies(deliveries: Iterable[Delivery]) -> tuple[Delivery, ...]:
    """Return the first of those that say the same to the same backend, which stands for all."""
    first: dict[tuple[object, ...], Delivery] = {}
    for delivery in deliveries:
        says = (delivery.backend.name, delivery.name, delivery.requests)
        known = first.setdefault(says, delivery)
        if known is not delivery:
            files = (*known.superseded, delivery.saved, *delivery.superseded)
            superseded = tuple(dict.fromkeys(file for file in files if file is not None))
            first[says] = replace(known, superseded=superseded)
    return tuple(first.values())


def _delivery(
    base: Path, path: str, origin: Origin, backends: Sequence[Backend], off: Sequence[Backend]
) -> Delivery:
    content = workspace.read(str(base), path, saved.LARGEST)
    if content is None:
        raise ValueError("is gone in the meantime; see whether another run replays it")
    return replace(saved.read(content, origin, backends, off), saved=base / path)
