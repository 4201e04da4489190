"""The packages that the composite action needs: installed when first needed, kept for later.

They lie in folders of their own, which no other program looks into, and are put on the module
path of this process alone. Until then there is only the standard library.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from dora_deployments.budget import Budget
from dora_deployments.errors import PackagesError
from dora_deployments.packages import folders

CORE: Final = "requirements.txt"
LOOK_UPS: Final = "requirements-look-ups.txt"
# What is imported of each before it is kept: of those that are compiled, since they may be for
# another system, and of what every run needs, which is compiled by that.
IMPORTS: Final = {
    CORE: "requests, rpds, yaml._yaml",
    LOOK_UPS: "cryptography.hazmat.bindings._rust, nacl.bindings",
}
Tell = Callable[[str], None]
Provide = Callable[[str, Budget, Tell], None]
_SHARE: Final = 0.75  # of a budget; the rest is for the work that needs the packages


def all_there(lock: str, budget: Budget, tell: Tell) -> None:
    """Provide nothing, where whoever started the program has installed all packages."""
    del lock, budget, tell


class Packages:
    """The packages of the locks in the folder `locks`, kept where `environ` says.

    Each of `imports` is what to import of a lock's packages, to see that they are whole.
    Installers run by `python`.
    """

    def __init__(
        self,
        locks: Path,
        environ: Mapping[str, str],
        python: str = sys.executable,
        imports: Mapping[str, str] = IMPORTS,
    ) -> None:
        self._locks = locks
        self._environ = environ
        self._python = python
        self._imports = imports
        self._provided: list[str] = []
        self._failure: PackagesError | None = None

    def provide(self, lock: str, budget: Budget, tell: Tell) -> None:
        """Make the packages of that lock importable, and tell how it goes if that takes anything.

        Raises `PackagesError` if it is impossible, or not done within most of `budget`. Once
        one lock failed, nothing is tried any more.
        """
        if self._failure is not None:
            raise self._failure
        name = folders.name_of((self._locks / lock).read_bytes())
        homes = tuple(folders.homes(self._environ))
        folder = next((home / name for home in homes if folders.is_ours(home / name)), None)
        if folder is None:
            within = budget.capped(budget.left() * _SHARE)
            try:
                folder = self._install(lock, homes, name, within, tell)
            except PackagesError as error:
                self._failure = error
                raise
        sys.path.append(str(folder))
        self._provided.append(str(folder))

    def _install(
        self, lock: str, homes: Sequence[Path], name: str, budget: Budget, tell: Tell
    ) -> Path:
        """Return the folder of the packages, once they are in it.

        They appear all at once: other jobs of this machine may look for them, or install the
        same, at this very moment.
        """
        import shutil

        from dora_deployments.packages.installing import FAILED, PACKAGES, Installation

        start = time.monotonic()
        try:
            draft = folders.draft(homes, name)
            folder = draft.parent / name
            try:
                Installation(
                    lock=self._locks / lock,
                    draft=draft,
                    python=self._python,
                    check=self._imports[lock],
                    beside=self._provided,
                    environ=self._environ,
                    budget=budget,
                    tell=tell,
                ).run()
                try:
                    (draft / PACKAGES).rename(folder)
                except OSError:
                    if not folders.is_ours(folder):  # else another job was faster
                        raise
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as error:
            raise PackagesError(f"{FAILED} ({error.strerror})") from error
        tell(f"Installed in {time.monotonic() - start:.1f} s, and kept in {folder.parent}")
        return folder
