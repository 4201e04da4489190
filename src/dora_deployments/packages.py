"""The packages that the composite action needs: installed when first needed, kept for later.

They lie in folders of their own, which no other program looks into, and are put on the module
path of this process alone. Until then there is only the standard library.
"""

import hashlib
import os
import re
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

from dora_deployments.budget import Budget

CORE: Final = "requirements.txt"
LOOK_UPS: Final = "requirements-look-ups.txt"
_FOLDER: Final = "dora-deployments"
# The lock has the hash of every package, so that no index can slip in another, and only wheels
# are taken, which run no code when they are installed. What is imported is compiled then: most
# modules never are.
_LOCKED: Final = ("--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:")
_UV: Final = ("pip", "install", *_LOCKED)
_PIP: Final = (
    *("-I", "-m", "pip", "install", *_LOCKED, "--no-compile", "--no-input"),
    *("--disable-pip-version-check", "--retries", "2"),
)
_NO_PIP: Final = "No module named pip"
# A machine's settings for pip may be for other kinds of installation.
_OVERRIDES: Final = {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0"}
_LAST_LINES: Final = 5


class PackagesError(Exception):
    """The packages cannot be had; the message says why, `output` what the installer said last."""

    def __init__(self, message: str, output: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.output = output


class Packages:
    """The packages of the locks in the folder `locks`, kept where `environ` says.

    That is the runner's tool cache, which outlives the job where the runner does, else its
    temporary folder, which the steps of a job share. Installers run by `python`.
    """

    def __init__(
        self, locks: Path, environ: Mapping[str, str], python: str = sys.executable
    ) -> None:
        self._locks = locks
        self._environ = environ
        self._python = python

    def provide(self, lock: str, budget: Budget) -> str | None:
        """Make the packages of that lock importable; say, in a sentence, if they were installed.

        Raises `PackagesError` if that is impossible, or not done within `budget`.
        """
        start = time.monotonic()
        said = None
        name = folder_name((self._locks / lock).read_bytes())
        homes = tuple(self._homes())
        folder = next((home / name for home in homes if _is_ours(home / name)), None)
        if folder is None:
            try:
                folder, installer = self._install(self._locks / lock, homes, name, budget)
            except OSError as error:
                raise PackagesError(
                    f"the Python packages of this action could not be installed ({error.strerror})"
                ) from error
            said = (
                f"Installed the packages of {lock} by {installer}"
                f" in {time.monotonic() - start:.1f} s"
            )
        sys.path.append(str(folder))
        return said

    def _homes(self) -> Iterator[Path]:
        """Yield the folders to keep packages in, the best one first."""
        for variable in ("RUNNER_TOOL_CACHE", "RUNNER_TEMP"):
            value = self._environ.get(variable)
            if value:
                yield Path(value) / _FOLDER

    def _install(
        self, lock: Path, homes: tuple[Path, ...], name: str, budget: Budget
    ) -> tuple[Path, str]:
        """Return the folder of the packages, once they are in it, and the installer's name.

        They appear all at once: other jobs of this machine may look for them, or install the
        same, at this very moment.
        """
        import shutil

        draft = _draft(homes, name)
        folder = draft.parent / name
        try:
            installer = self._fill(draft, lock, budget)
            try:
                (draft / "packages").rename(folder)
            except OSError:
                if not _is_ours(folder):  # else another job was faster
                    raise
            return folder, installer
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _fill(self, draft: Path, lock: Path, budget: Budget) -> str:
        """Install the packages of `lock`, by the first installer that can; return its name."""
        import shutil

        what = ("--target", str(draft / "packages"), "--requirement", str(lock))
        uv = shutil.which("uv", path=self._environ.get("PATH", ""))
        if uv and not self._run(draft, budget, uv, *_UV, "--python", self._python, *what)[0]:
            return "uv"
        code, output = self._run(draft, budget, self._python, *_PIP, *what)
        if any(_NO_PIP in line for line in output):
            code, output = self._run(draft, budget, self._own_pip(draft, budget), *_PIP, *what)
        if code:
            raise PackagesError("the Python packages of this action could not be installed", output)
        return "pip"

    def _own_pip(self, draft: Path, budget: Budget) -> str:
        """Return a Python with a pip, made for this installation alone."""
        own = draft / "venv"
        code, output = self._run(draft, budget, self._python, "-I", "-m", "venv", str(own))
        if code:
            raise PackagesError(
                "the runner's Python has no pip to install the packages of this action; install"
                " python3-pip or python3-venv there, or add actions/setup-python before this step",
                output,
            )
        return str(own / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))

    def _run(self, draft: Path, budget: Budget, *command: str) -> tuple[int, tuple[str, ...]]:
        """Run a command in `draft`; return its exit code and the last lines of what it said."""
        import subprocess

        # What is in the inputs, keys above all, is none of its business.
        environ = {
            **{key: value for key, value in self._environ.items() if not key.startswith("INPUT_")},
            **_OVERRIDES,
        }
        # To a file: a pipe would be read for as long as any child of the command holds it.
        with (draft / "output").open("w+b") as output:
            try:
                ended = subprocess.run(  # noqa: S603 - no shell, and every word is ours
                    command,
                    cwd=draft,  # in the workspace, uv would find settings
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=budget.left(),
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise PackagesError(
                    "the Python packages of this action could not be installed in time; set"
                    " `timeout` higher, or keep the runner's tool cache from job to job"
                ) from None
            output.seek(0)
            said = output.read().decode("utf-8", "replace")
        # The address of an index may hold a password.
        lines = re.sub(r"//[^/@\s]*@", "//***@", said).splitlines()
        return ended.returncode, tuple(line for line in lines if line.strip())[-_LAST_LINES:]


def folder_name(lock: bytes) -> str:
    """Return the name of the folder for the packages of `lock` and this very Python.

    Jobs in containers share the tool cache of their machine, while compiled packages fit one
    Python, one processor and one C library.
    """
    fits = [EXTENSION_SUFFIXES[0], os.uname().machine if hasattr(os, "uname") else ""]
    with suppress(AttributeError, OSError, ValueError):  # only the GNU C library says its version
        fits.append(os.confstr("CS_GNU_LIBC_VERSION") or "")
    digest = hashlib.sha256(b"\0".join([lock, *(each.encode() for each in fits)]))
    return f"{sys.implementation.cache_tag}-{digest.hexdigest()[:16]}"


def _is_ours(folder: Path) -> bool:
    """Return whether `folder` is there, can be read, and was made by us or the system's owner."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    owners = {0, os.geteuid()} if hasattr(os, "geteuid") else {found.st_uid}
    is_folder = stat.S_ISDIR(found.st_mode) and os.access(folder, os.R_OK | os.X_OK)
    return is_folder and found.st_uid in owners


def _draft(homes: tuple[Path, ...], name: str) -> Path:
    """Return a new folder to make packages in, beside where they shall be kept by that name.

    A home that cannot be written, or has something foreign of that name, is passed over. The
    last resort is a folder that no other process will know of.
    """
    import tempfile

    for home in homes:
        with suppress(OSError):
            home.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(home / name):
                return Path(tempfile.mkdtemp(prefix=".", dir=home))
    return Path(tempfile.mkdtemp(dir=tempfile.mkdtemp(prefix=f"{_FOLDER}-")))
