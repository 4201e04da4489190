"""`mode: replay`: send what earlier runs saved."""

from itertools import zip_longest
from typing import Final

from dora_deployments import backends, signals
from dora_deployments.catalogue import REPLAY_LEFT, REPLAY_REFUSED, note, notes
from dora_deployments.context import Context
from dora_deployments.delivery.deliver import Delivery
from dora_deployments.errors import InputError
from dora_deployments.modes import sending
from dora_deployments.packages import CORE
from dora_deployments.report import ending

_MOST_PROBLEMS: Final = 50  # that are shown one by one


def report(context: Context) -> None:
    """Send the saved reports that `replay-path` names."""
    with signals.interruptible():
        _read_saved(context)
        sending.refuse_secrets(context, context.account.deliveries)
        sending.send(context)


def _read_saved(context: Context) -> None:
    """Prepare what earlier runs saved, and keep what to say about the others."""
    from dora_deployments.delivery import replay

    inputs, run, account = context.inputs, context.run, context.account
    base, paths = replay.found(inputs, run)
    chosen = sending.choose_backends(context, from_fork=False)
    off, origin = backends.samples(inputs), sending.origin(run, account.repository)
    # All of them stay where they are until they are read, however this run ends.
    account.left = tuple(base / path for path in paths)
    context.ensure_packages(CORE)
    half = context.budget.capped(context.budget.left() / 2)
    taken = tuple(replay.deliveries(base, paths, origin, chosen, off, half))
    account.deliveries = replay.latest(each for each in taken if isinstance(each, Delivery))
    for each in account.deliveries:
        for file in each.superseded:
            context.log.line(
                f"{file.name!r} is of an earlier attempt of its run, or a copy: not sent"
            )
    problems = _first(tuple(each for each in taken if isinstance(each, str)))
    account.problems = notes(problems, REPLAY_REFUSED)
    account.refused = tuple(
        base / path
        for path, each in zip_longest(paths, taken, fillvalue="")
        if isinstance(each, str)
    )
    last = taken[-1]
    account.left = account.left[-last.count :] if isinstance(last, replay.Left) else ()
    if problems and not account.deliveries:
        raise InputError(*problems, topic=REPLAY_REFUSED)
    ending.log_problems(account, context.log)
    if account.left:
        one = "one file is" if len(account.left) == 1 else f"{len(account.left):,} files are"
        more = f"`replay-path` holds more than one run can send: {one} left"
        context.add_warnings([note(f"{more}; {REPLAY_LEFT.change}", REPLAY_LEFT)])


def _first(problems: tuple[str, ...]) -> tuple[str, ...]:
    more = len(problems) - _MOST_PROBLEMS
    return problems if more <= 0 else (*problems[:_MOST_PROBLEMS], f"and {more} more files")
