"""The start from nothing: every cache is empty, and packages come from their indexes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bench.contenders import Contender, callers_environ, search_path
from bench.measurements import Title
from bench.ours import DELIVERED, empty, ended, step_environ
from bench.rivals import COMMIT, DATADOG_CI, DEPLOYMENT, NPM_INSTALL, PROGRAM, need
from bench.stands import API_KEY, taken
from e2e.action import fetched
from tests.end_to_end.receivers import Datadog
from tests.payloads import payload_file

_UV = ("uv", "uvx", "uv.exe", "uvx.exe")


def composite(title: Title, *, work: Path, datadog: Datadog, path: str) -> Contender:
    """Report to Datadog by a composite action that was just fetched, with this search path."""
    folder = work / title.key
    event = payload_file("pull_request.closed.merged")
    given = {"datadog_api_key": API_KEY, "datadog_site": datadog.url, "timeout": "300"}
    folder.mkdir(parents=True)
    step = step_environ(folder, "pull_request", event, given)
    own = {name: value for name, value in step.items() if name != "HOME"}
    content = (folder / "event.json").read_bytes()

    def prepare() -> None:
        shutil.rmtree(folder)
        fetched(folder / "action")
        (folder / "event.json").write_bytes(content)
        empty(folder)

    return Contender(
        title=title,
        command=("bash", "--noprofile", "--norc", "-eo", "pipefail", f"{folder}/action/launch.sh"),
        environ={
            **callers_environ(),
            **own,
            "PATH": path,
            "RUNNER_TOOL_CACHE": str(folder / "tools"),
            **_caches(folder),
        },
        folder=folder,
        prepare=prepare,
        count=lambda: taken(datadog),
        complaint=lambda: ended(folder, DELIVERED),
        installs=True,
    )


def datadog_ci(title: Title, *, work: Path) -> Contender:
    """Install datadog-ci and let it show a deployment."""
    need("npm")
    folder = work / title.key
    install = " ".join((*NPM_INSTALL, ".", DATADOG_CI))
    run = " ".join((PROGRAM, *DEPLOYMENT, *COMMIT, "--dry-run"))

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    return Contender(
        title=title,
        command=("bash", "-ec", f"{install}; {run}"),
        environ={**callers_environ(), "CI": "true", "DD_API_KEY": API_KEY, **_caches(folder)},
        folder=folder,
        prepare=prepare,
        installs=True,
    )


def path_with(uv: Path) -> str:
    """Return a search path on which uv comes from this folder."""
    return os.pathsep.join([str(uv), search_path()])


def path_without_uv(work: Path) -> str:
    """Return the search path without uv: folders that have it are mirrored in `work`."""
    folders = []
    for number, name in enumerate(search_path().split(os.pathsep)):
        folder = Path(name)
        if any((folder / each).exists() for each in _UV):
            mirror = work / f"path-{number}"
            mirror.mkdir(parents=True)
            for program in folder.iterdir():
                if program.name not in _UV:
                    (mirror / program.name).symlink_to(program)
            folder = mirror
        folders.append(str(folder))
    return os.pathsep.join(folders)


def _caches(folder: Path) -> dict[str, str]:
    names = {
        "PIP_CACHE_DIR": "pip",
        "UV_CACHE_DIR": "uv",
        "npm_config_cache": "npm",
        "XDG_CACHE_HOME": "xdg",
    }
    return {variable: str(folder / "caches" / name) for variable, name in names.items()}
