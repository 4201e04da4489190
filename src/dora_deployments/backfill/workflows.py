"""Which workflow each past run belongs to, asked for a hundred at a time and kept."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.attribution.timeline import WorkflowOfRun

if TYPE_CHECKING:
    from dora_deployments.attribution.github.pages import Pages

_AT_ONCE: Final = 100


class Workflows:
    """The workflows of a repository's runs, as far as GitHub shows them to the token."""

    def __init__(self, look_ups: LookUps, repository: str, pages: "Pages") -> None:
        self._look_ups = look_ups
        self._repository = repository
        self._pages = pages
        self._known: dict[str, WorkflowOfRun | None] = {}

    def of(self, run_ids: Iterable[str]) -> Mapping[str, WorkflowOfRun | None]:
        """Return the workflow of each run, None where GitHub does not say.

        Raises `LookUpError` if GitHub cannot be asked now.
        """
        wanted = [*dict.fromkeys(run_ids)]
        unknown = [run_id for run_id in wanted if run_id not in self._known]
        for start in range(0, len(unknown), _AT_ONCE):
            self._read(unknown[start : start + _AT_ONCE])
        return {run_id: self._known[run_id] for run_id in wanted}

    def _read(self, run_ids: Sequence[str]) -> None:
        name = f"workflows:{hashlib.sha256(' '.join(run_ids).encode()).hexdigest()}"
        kept: dict[str, Any] | None = self._pages.get(name)
        if kept is None:
            kept = {
                run_id: None if each is None else asdict(each)
                for run_id, each in self._asked(run_ids).items()
            }
            self._pages.put(name, kept)
        for run_id, each in kept.items():
            self._known[run_id] = None if each is None else WorkflowOfRun(**each)

    def _asked(self, run_ids: Sequence[str]) -> Mapping[str, WorkflowOfRun | None]:
        try:
            return self._look_ups.workflows(self._repository, run_ids)
        except LookUpError as error:
            if error.outage or error.wait is not None:
                raise
            return dict.fromkeys(run_ids)
