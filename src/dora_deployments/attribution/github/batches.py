"""Queries about many things, a hundred at a time, or fewer where that is too much."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.github.graphql import TooLargeError
from dora_deployments.attribution.look_ups import LookUpError

if TYPE_CHECKING:
    from dora_deployments.attribution.github.client import Client

K = TypeVar("K", str, int)
V = TypeVar("V")

# How many things one query asks about, and to how few it is cut where that is too many.
SIZES: Final = (100, 50, 25, 12, 6)


def ask_in_batches(
    api: Api,
    needs: str,
    keys: Sequence[K],
    query: "Callable[[Sequence[K], Client], Mapping[K, V]]",
    found: dict[K, V],
) -> LookUpError | None:
    """Add the answers about `keys` to `found`; return why some are missing, if they are.

    What is too much for the server is asked in halves. As long as it has answered nothing,
    the first half goes alone, to see whether its size will do.
    """
    problem: LookUpError | None = None
    for size in SIZES:
        missing = [key for key in keys if key not in found]
        if problem and (len(missing) <= size or not api.has_time()):
            continue  # nothing would get smaller, or the other way needs the time
        batches = [missing[start : start + size] for start in range(0, len(missing), size)]
        probes = 1 if problem and not found else len(batches)
        for group in (batches[:probes], batches[probes:]):
            problem = _ask(api, needs, group, query, found) or problem
            if problem and not found:
                break
        if len(found) == len(set(keys)):
            return None
        if not isinstance(problem, TooLargeError):
            break
    return problem


def _ask(
    api: Api,
    needs: str,
    batches: Sequence[Sequence[K]],
    query: "Callable[[Sequence[K], Client], Mapping[K, V]]",
    found: dict[K, V],
) -> LookUpError | None:
    """Add the answers to all of `batches` to `found`; return the worst problem, if any."""
    problem: LookUpError | None = None
    for answer in api.ask_all(needs, [partial(query, batch) for batch in batches]):
        if not isinstance(answer, LookUpError):
            found.update(answer)
        elif problem is None or isinstance(problem, TooLargeError):
            problem = answer
    return problem
