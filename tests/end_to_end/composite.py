"""Starts the composite's script as its step does, with the packages of these tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dora_deployments.packages import CORE, LOOK_UPS
from dora_deployments.packages.folders import name_of
from tests.end_to_end.runner import ROOT

COMMAND = ("/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", str(ROOT / "launch.sh"))
PATH = f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin"


def installed(cache: Path, *locks: str) -> None:
    """Make `cache` look as if an earlier step had installed the packages of `locks`, or all."""
    (installed_here,) = (Path(path) for path in sys.path if path.endswith("site-packages"))
    for lock in locks or (CORE, LOOK_UPS):
        folder = cache / "dora-deployments" / name_of((ROOT / lock).read_bytes())
        folder.mkdir(parents=True)
        for package in installed_here.iterdir():
            if "charset_normalizer" not in package.name:  # which no lock has
                (folder / package.name).symlink_to(package)


def cut_down(folder: Path, *missing: str) -> Path:
    """Make a Python in `folder` that lacks `missing` of its standard library; return it.

    It is this one, which is pointed to another folder with all that its library holds.
    """
    base = Path(sys._base_executable)
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for part in (Path(name), Path(name, "lib-dynload")):
        copy = folder / "base" / "lib" / part
        copy.mkdir(parents=True)
        for file in (base.parent.parent / "lib" / part).iterdir():
            if file.name.partition(".")[0] not in {*missing, "lib-dynload", "site-packages"}:
                (copy / file.name).symlink_to(file)
    (folder / "bin").mkdir()
    (folder / "base" / "bin").mkdir()
    (folder / "bin" / "python3").symlink_to(base)
    (folder / "pyvenv.cfg").write_text(f"home = {folder}/base/bin\n", "utf-8")
    return folder / "bin" / "python3"


def launched(environ: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start the script; `environ` is all that it sees."""
    return subprocess.Popen(
        COMMAND,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_signals,  # noqa: PLW1509 - it takes no lock
    )


def _heed_signals() -> None:
    """Undo what a shell does to what it starts in the background, such as these tests."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
