"""A run of the action within this process, and the summary that it leaves behind.

A run has the clock of this machine, and so have the stories that it is told, up to the minute.
What depends on the clock is put back to the same moment: times are shifted, SHAs and ids that
come of them replaced, each by the same one in every run.
"""

import io
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha1
from pathlib import Path
from typing import Final

from dora_deployments.delivery.retry import Pace
from dora_deployments.main import main
from tests.end_to_end import stories
from tests.end_to_end.receivers import Datadog, Faulty, answer
from tests.end_to_end.runner import environment
from tests.end_to_end.stories import Happened, Story

API_KEY: Final = "0123456789abcdef0123456789abcdef"
SHOWN_AT: Final = datetime(2026, 6, 15, 14, 35, tzinfo=timezone.utc)
PACE: Final = Pace(base=0.01, cap=0.02)
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)([ T])(\d\d:\d\d(?::\d\d)?)")
# Of 2023 to 2046: ids of pull requests are larger.
_SECONDS: Final = re.compile(r"\b(?:1[7-9]|2[0-3])\d{8}(?=(?:0{9})?\b)")
_ID: Final = re.compile(r"dora-[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where a case takes place: a repository, GitHub, backends, and the minute before this one.

    `workspace` is the folder of the run's checkout.
    """

    story: Story
    datadog: Datadog
    down: Faulty
    at: datetime
    workspace: Path

    def ago(self, **time: float) -> datetime:
        """Return the moment so long before `at`."""
        return self.at - timedelta(**time)

    def merged(self, title: str, at: datetime, path: str = "services/checkout/main.go") -> int:
        """Merge a pull request at a time; return its number."""
        history = self.story.history
        number = len(history.pulls()) + 1
        history.now = at - timedelta(minutes=30)
        history.branch(f"change-{number}")
        history.commit(f"change-{number}", {path: f"{number}\n"})
        history.open_pull(f"change-{number}", title=title)
        history.now = at
        history.merge_pull(number, "squash")
        return number

    def backends(self) -> dict[str, str]:
        """Return the inputs for both backends and for look-ups."""
        return {
            "github-token": stories.TOKEN,
            "datadog-api-key": API_KEY,
            "datadog-site": self.datadog.url,
            "dx-token": stories.DX_TOKEN,
            "dx-instance": f"{self.story.dx.url}/api",
        }


Case = Callable[[World], tuple[Happened, Mapping[str, str]]]
"""What happened, as the event tells it, and the inputs of the step."""


def name_of(case: Case) -> str:
    """Return the name of the file that keeps the case's summary."""
    return f"{case.__name__.replace('_', '-')}.md"


def summary_of(case: Case) -> str:
    """Run the action; return its summary as it would be at `SHOWN_AT`."""
    with (
        tempfile.TemporaryDirectory() as name,
        stories.story(Path(name) / "shop.git") as story,
        Datadog(api_key=API_KEY, status=200) as datadog,
        Faulty(answer(503)) as down,
    ):
        folder = Path(name)
        workspace = folder / "workspace"
        workspace.mkdir()
        at = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=1)
        story.history.now = at - timedelta(days=7)
        world = World(story=story, datadog=datadog, down=down, at=at, workspace=workspace)
        happened, inputs = case(world)
        content = json.dumps(happened.payload).encode()
        environ = environment(folder, happened.name, content, inputs) | {
            "GITHUB_API_URL": story.github.api_url,
            "GITHUB_RUN_ID": stories.RUN_ID,
            "GITHUB_WORKSPACE": str(workspace),
            **{f"GITHUB_{key.upper()}": value for key, value in happened.variables.items()},
        }
        with redirect_stdout(io.StringIO()):
            main(environ, PACE)
        text = (folder / "summary.md").read_text("utf-8")
    for url, host in (
        (datadog.url, "https://api.datadoghq.com"),
        (story.dx.url, "https://acme.getdx.net"),
        (down.url, "https://down.example"),
    ):
        text = text.replace(url, host)
    # A backfill has times of its own.
    shift = timedelta() if "since" in inputs else SHOWN_AT - at
    return _steady(text, shift, [*story.history.commits])


def _steady(text: str, shift: timedelta, shas: list[str]) -> str:
    """Return a text whose times are shifted, with other SHAs and ids."""

    def shifted(found: re.Match[str]) -> str:
        moment = datetime.fromisoformat(f"{found[1]}T{found[3]}") + shift
        timespec = "seconds" if found[3].count(":") == 2 else "minutes"
        return moment.isoformat(found[2], timespec)

    text = _TIME.sub(shifted, text)
    text = _SECONDS.sub(lambda found: str(int(found[0]) + int(shift.total_seconds())), text)
    for number, sha in enumerate(shas):
        steady = _hex(f"commit {number}")
        text = text.replace(sha, steady).replace(sha[:7], steady[:7])
    for number, known in enumerate(dict.fromkeys(_ID.findall(text))):
        text = text.replace(known, f"dora-{_hex(f'deployment {number}')}")
    return text


def _hex(of: str) -> str:
    return sha1(of.encode(), usedforsecurity=False).hexdigest()
