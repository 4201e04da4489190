"""The action as a runner fetches it."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
_LIST = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")


def why_not() -> str | None:
    """Return in words why nobody knows what belongs to the action, or None."""
    if shutil.which("git") is None:
        return "this needs git"
    if subprocess.run(_LIST, cwd=ROOT, capture_output=True, check=False).returncode:
        return "this needs a checkout of git, which tells what belongs to the action"
    return None


def fetched(folder: Path) -> Path:
    """Copy what a checkout of the action holds to `folder`; return that."""
    listed = subprocess.run(_LIST, cwd=ROOT, capture_output=True, check=True).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder
