"""Where the measurements come from: the machine and the versions of what ran."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from bench.contenders import search_path

ROOT = Path(__file__).parent.parent


def machine() -> str:
    """Describe processor, cores, memory, system and load in a line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [_processor(), f"{cores} cores"]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        parts.append(f"{memory / 2**30:.0f} GiB of memory")
    parts.append(f"{_system()} on {platform.machine()}, {platform.system()} {_kernel()}")
    if hasattr(os, "getloadavg"):
        parts.append(f"load {os.getloadavg()[0]:.1f} at the start")
    return ", ".join(parts)


def versions(programs: dict[str, tuple[str, ...]]) -> str:
    """Return the versions of this action and of programs, each by the command that tells it."""
    known = [("this action", _action())]
    known += [(name, _first_version(command)) for name, command in programs.items()]
    return ", ".join(f"{name} {version}" for name, version in known)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = (
        re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE)
        if info.exists()
        else None
    )
    return found[1].strip() if found else platform.processor() or platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def _kernel() -> str:
    found = re.match(r"\d+\.\d+", platform.release())
    return found[0] if found else platform.release()


def _action() -> str:
    text = (ROOT / "src/dora_deployments/__init__.py").read_text("utf-8")
    found = re.search('__version__[^"]*"([^"]+)"', text)
    version = found[1] if found else "of no version"
    commit = _said(("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"))
    if not commit:
        return version
    ours = ("launch.sh", "probe.py", "entrypoint.py", "src", ":(glob)requirements*.txt")
    changed = _said(("git", "-C", str(ROOT), "status", "--porcelain", "--", *ours))
    return f"{version} (commit {commit}{', with changes' if changed else ''})"


def _first_version(command: tuple[str, ...]) -> str:
    found = re.search(r"\d+(?:\.\d+)+", _said(command))
    return found[0] if found else "missing"


def _said(command: tuple[str, ...]) -> str:
    environ = {**os.environ, "PATH": search_path()}
    try:
        ended = subprocess.run(  # noqa: S603 - words of ours
            command, env=environ, capture_output=True, check=False, text=True
        )
    except OSError:
        return ""
    return ended.stdout.strip()
