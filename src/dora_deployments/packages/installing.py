"""Installing the packages of a lock: by uv where there is one, else by pip, within a budget."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dora_deployments.budget import Budget
from dora_deployments.catalogue import PACKAGES_UNAVAILABLE
from dora_deployments.errors import PackagesError
from dora_deployments.packages.diagnosis import Diagnosis, diagnose, diagnose_import, is_untrusted

PACKAGES: Final = "packages"
FAILED: Final = "the Python packages of this action could not be installed"
# The lock has the hash of every package, so that no index can slip in another, and only wheels
# are taken, which run no code when they are installed.
_LOCKED: Final = ("--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:")
_UV: Final = ("pip", "install", *_LOCKED, "--link-mode", "copy")
_PIP: Final = (
    *("-I", "-m", "pip", "install", *_LOCKED, "--no-compile", "--no-input"),
    *("--disable-pip-version-check", "--retries", "2"),
)
_NO_PIP: Final = "No module named pip"
# Settings of the machine that say how to reach an index; others are for other installations.
_SETTING: Final = re.compile("(PIP|UV)_")
_OF_INDEXES: Final = re.compile(
    "INDEX|FIND_LINKS|HOST|CERT|TLS|PROXY|CACHE|TIMEOUT|CONFIG_FILE|KEYRING|OFFLINE"
)
_SECRET: Final = re.compile("^INPUT_|TOKEN|SECRET|PASSWORD|KEY", re.IGNORECASE)
_OVERRIDES: Final = {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0"}
_LAST_LINES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The packages of `lock`, to be installed for `python` in the folder PACKAGES of `draft`.

    `check` is an import of them, which may need what is in the folders `beside`. `tell` is
    given, line by line, how it goes.
    """

    lock: Path
    draft: Path
    python: str
    check: str
    beside: Sequence[str]
    environ: Mapping[str, str]
    budget: Budget
    tell: Callable[[str], None]

    def run(self) -> None:
        """Install them by the first installer that can. Raises `PackagesError` if none can."""
        import shutil

        uv = shutil.which("uv", path=self.environ.get("PATH", ""))
        if uv:
            # What uv cannot, since its settings are its own, pip may, and is left the time for.
            half = self.budget.capped(self.budget.left() / 2)
            if self._try("uv", (uv, *_UV, "--python", self.python), half) is None:
                return
        problem = self._try("pip", (self.python, *_PIP), self.budget)
        if problem == _NO_PIP:
            problem = self._try("a pip of its own", (self._own_python(), *_PIP), self.budget)
        if isinstance(problem, Diagnosis):
            raise PackagesError(f"{FAILED}: {problem.message}", topic=problem.topic)

    def _try(self, name: str, command: Sequence[str], budget: Budget) -> Diagnosis | str | None:
        """Install them into an empty folder, and import them; return why not, if so."""
        import shutil

        self.tell(f"Installing {self.lock.name} by {name}")
        target = self.draft / PACKAGES
        shutil.rmtree(target, ignore_errors=True)  # what another left half would be taken for whole
        log = self.draft / "log"
        of_pip = () if name == "uv" else ("--log", str(log), "--progress-bar", "off")
        where = ("--target", str(target), "--requirement", str(self.lock), *of_pip)
        code, said = self._execute((*command, *where), budget)
        authority = self.environ.get("SSL_CERT_FILE")
        if of_pip and code and authority and is_untrusted(said):  # pip before 24.2 leaves it out
            code, said = self._execute((*command, *where, "--cert", authority), budget)
        if code == 0:
            script = f"import sys; sys.path += sys.argv[1:]; import {self.check}"
            imported = (self.python, "-I", "-S", "-W", "ignore", "-c", script)
            code, said = self._execute((*imported, *self.beside, str(target)), budget)
            if code == 0:
                return None
            self._tell_last(said)
            return diagnose("", "", is_late=True) if code is None else diagnose_import()
        if _NO_PIP in said:
            return _NO_PIP
        self._tell_last(said)
        answers = log.read_text("utf-8", "replace") if log.exists() else ""
        return diagnose(said, answers, is_late=code is None)

    def _own_python(self) -> str:
        """Return a Python with a pip, made for this installation alone."""
        own = self.draft / "venv"
        code, said = self._execute((self.python, "-I", "-m", "venv", str(own)), self.budget)
        if code is None:
            late = diagnose("", "", is_late=True)
            raise PackagesError(f"{FAILED}: {late.message}", topic=late.topic)
        if code != 0:
            self._tell_last(said)
            raise PackagesError(
                f"{FAILED}, since the runner's Python has no pip; install python3-pip or"
                " python3-venv there, or add actions/setup-python before this step",
                topic=PACKAGES_UNAVAILABLE,
            )
        return str(own / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))

    def _tell_last(self, said: str) -> None:
        for line in [line for line in said.splitlines() if line.strip()][-_LAST_LINES:]:
            self.tell(f"| {line}")

    def _execute(self, command: Sequence[str], budget: Budget) -> tuple[int | None, str]:
        """Run a command; return its exit code, or None if it took too long, and its words.

        All that it has started ends with it.
        """
        import subprocess

        with subprocess.Popen(  # noqa: S603 - no shell, and every word is ours
            command,
            cwd=self.draft,  # in the workspace, uv would find settings
            env=environ_of(self.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o022 if os.name == "posix" else -1,  # nobody else may change what is kept
        ) as process:
            code: int | None = None
            try:
                output, _ = process.communicate(timeout=budget.left())
                code = process.returncode
            except subprocess.TimeoutExpired:
                _end(process.pid)
                output, _ = process.communicate()
            except BaseException:  # the job is cancelled
                _end(process.pid)
                raise
        return code, without_passwords(output.decode("utf-8", "replace"), self.environ)


def environ_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what an installer is told: no secret, and no setting but those of an index."""
    kept = {
        name: value
        for name, value in environ.items()
        if (_OF_INDEXES.search(name) if _SETTING.match(name) else not _SECRET.search(name))
    }
    return {**kept, **_OVERRIDES}


def without_passwords(said: str, environ: Mapping[str, str]) -> str:
    """Return what an installer said without the passwords that addresses of indexes may hold.

    One that is not escaped as it should be may be taken for a port or path, and be quoted.
    """
    for value in (value for name, value in environ.items() if _SETTING.match(name)):
        for login in re.findall(r"//(\S*)@", value):
            for part in re.split(r"[:/?#@]", login):
                said = said.replace(part, "***") if len(part) > 2 else said
    return re.sub(r"//[^/@\s]*@", "//***@", said)


def _end(pid: int) -> None:
    """End a process and, where the system has groups of them, all that it has started."""
    import signal

    end = getattr(os, "killpg", os.kill)
    with suppress(ProcessLookupError):  # it has just ended by itself
        end(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
