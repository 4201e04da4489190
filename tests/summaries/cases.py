"""What happened in each case."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from tests.end_to_end.stories import Happened
from tests.payloads import payload_file
from tests.summaries.case import Case, World

FOLDER: Final = Path(__file__).parent
TITLES: Final = (
    "Round prices half up, as invoices do",
    "Keep the cart over a log-in",
    "Show delivery dates in the reader's time zone",
)
CONFIG: Final = """\
services:
  checkout:
    paths: ["services/checkout/**"]
  search:
    paths: ["services/search/**"]
  accounts:
    paths: ["services/accounts/**"]
  mail:
    paths: ["services/mail/**"]
  images:
    paths: ["services/images/**"]
"""
WORDS: Final = ("Cache", "Log", "Measure", "Simplify", "Speed up", "Test", "Translate")


def _deployment(world: World, sha: str, state: str = "success") -> Happened:
    """Deploy a commit within four minutes; return the event of its last status."""
    states = ("queued", "in_progress", "in_progress", state)
    number = world.story.history.deploy(sha, created_at=world.ago(minutes=4), states=states)
    return world.story.status(number, state=state)


def _three_changes(world: World) -> str:
    """Return the commit with three changes since the last deployment."""
    history = world.story.history
    history.deploy(history.commit())
    for title, hours in zip(TITLES, (26.3, 4.2, 0.9), strict=True):
        world.merged(title, world.ago(hours=hours))
    return history.branches["main"]


def delivered(world):
    happened = _deployment(world, _three_changes(world))
    return happened, {**world.backends(), "service": "checkout", "version": "v2.14.0"}


def partial(world):
    happened = _deployment(world, _three_changes(world))
    given = {**world.backends(), "dx-token": "dx-token-of-another-account"}
    return happened, {**given, "service": "checkout"}


def undelivered(world):
    happened = _deployment(world, _three_changes(world))
    down = {"datadog-site": world.down.url, "dx-instance": f"{world.down.url}/api"}
    return happened, {**world.backends(), **down, "service": "checkout"}


def failed_deployment(world):
    happened = _deployment(world, _three_changes(world), "failure")
    return happened, {**world.backends(), "service": "checkout"}


def dry_run(world):
    happened = _deployment(world, _three_changes(world))
    token = world.backends()["github-token"]
    return happened, {"github-token": token, "service": "checkout", "dry-run": "true"}


def rollback(world):
    history = world.story.history
    before = history.commit()
    history.deploy(before)
    history.deploy(_three_changes(world))
    return _deployment(world, before), {**world.backends(), "service": "checkout"}


def first_deployment(world):
    happened = _deployment(world, world.story.history.commit())
    return happened, {**world.backends(), "service": "checkout"}


def several_services(world):
    history = world.story.history
    history.deploy(history.commit())
    folders = ("checkout", "search", "accounts", "mail", "images")
    for number in range(21):
        folder = folders[number % len(folders)]
        title = f"{WORDS[number % len(WORDS)]} the {folder} page"
        path = f"services/{folder}/{number}.go"
        world.merged(title, world.ago(hours=70 - 3 * number, minutes=number), path)
    (world.workspace / ".github").mkdir()
    (world.workspace / ".github" / "dora.yml").write_text(CONFIG, "utf-8")
    return _deployment(world, history.branches["main"]), world.backends()


def look_up_refused(world):
    happened = _deployment(world, _three_changes(world))
    given = {**world.backends(), "github-token": "token-of-nobody"}
    return happened, {**given, "service": "checkout"}


def pull_services(world):
    world.story.history.commit()
    happened = world.story.merge(world.merged(TITLES[0], world.ago(minutes=4)))
    finished = f"{world.at:%Y-%m-%dT%H:%M:%SZ}"
    given = {"mode": "pull-services", "service": "checkout, search", "finished-at": finished}
    return happened, {**world.backends(), **given}


def skipped(world):
    happened = Happened(name="pull_request", payload=payload_file("pull_request.closed.unmerged"))
    return happened, {**world.backends(), "service": "checkout"}


def no_credentials_on_a_fork(world):
    world.story.history.commit()
    happened = world.story.merge(world.merged(TITLES[0], world.ago(minutes=4)))
    happened.payload["pull_request"]["head"]["repo"] = None
    finished = f"{world.at:%Y-%m-%dT%H:%M:%SZ}"
    return happened, {"service": "checkout", "finished-at": finished}


def configuration_error(world):
    (world.workspace / ".github").mkdir()
    config = CONFIG.replace('paths: ["services/search/**"]', "path: services/search")
    (world.workspace / ".github" / "dora.yml").write_text(config, "utf-8")
    return _deployment(world, _three_changes(world)), world.backends()


def bad_input(world):
    given = {"environment": "prod\nuction", "timeout": "soon", "metadata": "{"}
    return _deployment(world, _three_changes(world)), {**world.backends(), **given}


def backfill(world):
    history, at = world.story.history, datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
    history.now = at
    history.commit()
    for number in range(36):
        at += timedelta(hours=30 + 17 * (number % 5) + 60 * (number % 7 == 3))
        for part in range(number % 3 + 1):
            world.merged(TITLES[part], at - timedelta(hours=2 + 5 * part + number % 4))
        deployed = ("in_progress", "failure" if number in {8, 9, 21, 30} else "success")
        history.deploy(history.branches["main"], created_at=at, states=deployed)
    given = {"mode": "backfill", "since": "2026-03-02", "until": "2026-06-15", "timeout": "60"}
    in_dx = {name: value for name, value in world.backends().items() if "datadog" not in name}
    started = Happened(name="workflow_dispatch", payload={})
    return started, {**in_dx, **given, "service": "checkout"}


CASES: Final[tuple[Case, ...]] = (
    delivered,
    partial,
    undelivered,
    failed_deployment,
    dry_run,
    rollback,
    first_deployment,
    several_services,
    look_up_refused,
    pull_services,
    backfill,
    skipped,
    no_credentials_on_a_fork,
    configuration_error,
    bad_input,
)
