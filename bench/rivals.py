"""What else reports deployments: datadog-ci, DX's documented workflow, a bare request."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.contenders import Contender, FailedError, callers_environ, search_path
from bench.measurements import Title
from bench.stands import API_KEY, DX_TOKEN, SITE, SecureDatadog, taken
from tests.end_to_end.receivers import Faulty

DATADOG_CI: Final = "@datadog/datadog-ci@5.25.0"
PROGRAM: Final = "node_modules/.bin/datadog-ci"
UV: Final = "uv==0.13.9"
SLUG: Final = "acme/shop"
SHA: Final = "5a47c3f0e2b94d6c81a7f3e5d9b0c4a6e8f1d2b3"
DEPLOYMENT: Final = (
    *("dora", "deployment", "--service", "shop", "--env", "production"),
    *("--started-at", "1763700000", "--finished-at", "1763700300"),
)
COMMIT: Final = ("--git-repository-url", f"https://github.com/{SLUG}", "--git-commit-sha", SHA)
NPM_INSTALL: Final = ("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix")
_HERE: Final = Path(__file__).parent


def install_datadog_ci(folder: Path) -> None:
    """Install datadog-ci, as `PROGRAM` within `folder`; `FailedError` if it cannot be."""
    _run("`datadog-ci` could not be installed", *NPM_INSTALL, str(folder), DATADOG_CI)


def install_uv(folder: Path) -> None:
    """Install uv, as `bin/uv` within `folder`; `FailedError` if it cannot be."""
    pip = ("python3", "-m", "pip", "install", "--quiet", "--upgrade", "--target")
    _run("`uv` could not be installed", *pip, str(folder), UV)


def checkout(folder: Path) -> Path:
    """Make a repository of one commit, as actions/checkout leaves it; return its folder."""
    who = ("-c", "user.name=Grace", "-c", "user.email=grace@acme.example")
    folder.mkdir(parents=True)
    for command in (
        ("init", "--quiet"),
        (*who, "commit", "--quiet", "--allow-empty", "--message", "A change"),
        ("remote", "add", "origin", f"https://github.com/{SLUG}"),
    ):
        _run("a checkout could not be made", "git", "-C", str(folder), *command)
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """Makes contenders of the others.

    `work` is for their files, `installed` where datadog-ci is, `repository` a checkout.
    """

    work: Path
    installed: Path
    repository: Path
    datadog: SecureDatadog
    dx: Faulty

    def datadog_ci(self, title: Title, *arguments: str) -> Contender:
        """Run datadog-ci in the checkout with these arguments."""
        environ = self._environ(title.key) | {"DD_API_KEY": API_KEY, "DD_SITE": SITE}
        if "--dry-run" not in arguments:
            # Nothing that a run without requests would have to read.
            environ |= {
                "HTTPS_PROXY": self.datadog.url,
                "NODE_EXTRA_CA_CERTS": str(self.datadog.authority),
            }
        return Contender(
            title=title,
            command=("node", str(self.installed / PROGRAM), *DEPLOYMENT, *arguments),
            environ=environ,
            folder=self.repository,
            count=lambda: taken(self.datadog),
        )

    def dx_workflow(self, title: Title) -> Contender:
        """Run what DX's page has in its workflow."""
        for program in ("git", "jq", "curl"):
            need(program)
        return self._to_dx(title, "bash", "-e", str(_HERE / "dx_workflow.sh"))

    def bare_requests(self, title: Title) -> Contender:
        """Run a bare request by this very Python."""
        return self._to_dx(title, sys.executable, str(_HERE / "bare_requests.py"))

    def _to_dx(self, title: Title, *command: str) -> Contender:
        return Contender(
            title=title,
            command=command,
            environ=self._environ(title.key) | {"DX_TOKEN": DX_TOKEN, "DX_URL": self.dx.url},
            folder=self.repository,
            count=lambda: len(self.dx.requests),
        )

    def _environ(self, key: str) -> dict[str, str]:
        folder = self.work / key
        folder.mkdir(parents=True)
        return {
            "PATH": search_path(),
            "HOME": str(folder),
            "CI": "true",
            "GITHUB_REPOSITORY": SLUG,
            "GITHUB_SHA": SHA,
            "RUNNER_TEMP": str(folder),
        }


def need(program: str) -> None:
    """Raise `FailedError` if there is no such program."""
    if not shutil.which(program, path=search_path()):
        raise FailedError(f"there is no `{program}`")


def _run(failure: str, *command: str) -> None:
    need(command[0])
    environ = callers_environ()
    ended = subprocess.run(  # noqa: S603 - words of ours
        command, env=environ, capture_output=True, check=False, text=True
    )
    if ended.returncode:
        raise FailedError(failure, ended.stdout + ended.stderr)
