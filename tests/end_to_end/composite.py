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
