"""Read what GitHub remembers: what was deployed, and where ranges begin and end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from dora_deployments.actions import moments
from dora_deployments.actions.text import shown
from dora_deployments.attribution import config_file
from dora_deployments.attribution.github import GitHub
from dora_deployments.attribution.github.history import GitHubHistory
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.backfill import past, reading
from dora_deployments.backfill.archive import Archive
from dora_deployments.backfill.commits import Commits
from dora_deployments.backfill.job import Job
from dora_deployments.backfill.meaning import Terms
from dora_deployments.backfill.past import Item
from dora_deployments.backfill.progress import Progress, Tell
from dora_deployments.backfill.reading import Found
from dora_deployments.backfill.state import State
from dora_deployments.backfill.workflows import Workflows
from dora_deployments.catalogue import INCOMPLETE, notes
from dora_deployments.errors import Skip

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config

_DAY: Final = timedelta(days=1)  # by which clocks that make commits may be wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What was deployed, and the commits and pull requests by which it is attributed.

    `pulls_since` is when the oldest of the archive's pull requests may have been merged.
    """

    found: Found
    commits: Commits
    archive: Archive
    workflows: Workflows
    pulls_since: datetime


def gathered(
    job: Job,
    github: GitHub,
    history: GitHubHistory,
    state: State,
    period: tuple[datetime, datetime],
) -> Gathered:
    """Return what GitHub remembers of a period, from when until when.

    Raises `Skip` if there is nothing to report in it, and `LookUpError`. Whichever it is, the
    log has what is missing.
    """
    try:
        return _gathered(job, github, history, state, period)
    finally:
        job.warn(notes(history.cut, INCOMPLETE))


def _gathered(
    job: Job,
    github: GitHub,
    history: GitHubHistory,
    state: State,
    period: tuple[datetime, datetime],
) -> Gathered:
    repository = history.repository()
    try:
        tip = history.tip(repository["default_branch"])
    except LookUpError as error:
        if not error.absent:
            raise
        raise Skip("nothing-to-backfill", f"{repository['full_name']} has no commits") from None
    # Without the file, every past deployment might go to the wrong services.
    full_name = repository["full_name"]
    config = config_file.looked_up(job.inputs, job.file, full_name, tip, github)
    workflows = Workflows(github, full_name, state)
    found = _found(job, github, history, state, config, workflows, period)
    if found.terms.source.name == "deployments":
        workflows.of(found.neighbours.run_ids())
    commits = Commits(history, tip)
    archive = Archive(github, full_name, state, config)
    since = found.oldest or period[0]
    if found.terms.source.name != "pull-requests":  # each of them is a change by itself
        commits.read_since(since - _DAY, _telling(job, "Read commits:", since))
        commits.read(found.commits)
        made = [commits.committed_at(sha) for sha in found.commits]
        since = min([since, *(moment for moment in made if moment is not None)])
    since = max(since, moments.EARLIEST) - _DAY  # git takes any date for a commit's
    tell = _telling(job, "Read merged pull requests:", since)
    archive.add_pulls(_told(history.merged_pulls(since), tell))
    archive.look_up(commits.plain(since))
    return Gathered(
        found=found, commits=commits, archive=archive, workflows=workflows, pulls_since=since
    )


def _found(
    job: Job,
    github: GitHub,
    history: GitHubHistory,
    state: State,
    config: "Config | None",
    workflows: Workflows,
    period: tuple[datetime, datetime],
) -> Found:
    """Return what the source tells, or the first of those that tells anything.

    Raises `Skip` if none does.
    """
    chosen = job.inputs.backfill_source
    repository = history.repository()
    since, until = period
    why: list[str] = []
    advice = ""
    for name in past.AUTO if chosen == "auto" else (chosen,):
        source = past.named(name)
        job.say(f"Reading the {source.noun} of {repository['full_name']}")
        terms = Terms.of(source, job.inputs, job.run, config, repository, job.now)
        tell = _telling(job, f"Read {source.noun}:", since)
        found = reading.read(terms, history, state, github, workflows, period, tell)
        if found.events:
            return found
        why.append(_nothing(source.noun, found))
        if found.elsewhere:  # it is known where they go, and that is another place
            advice = "name one of these in `environment`, or map them to it by `environment-map`"
            break
        job.say(f"There are {why[-1]}")
    raise Skip(
        "nothing-to-backfill",
        f"from {since:%Y-%m-%d} until {until:%Y-%m-%d}, {repository['full_name']} has"
        f" {', '.join(why)}",
        advice,
    )


def _nothing(noun: str, found: Found) -> str:
    """Return what a source had that is not reported, in words that follow "has"."""
    left = [f"{count} as {reason}" for reason, count in found.left_out.items()]
    left += [f"{count} to {shown(where)}" for where, count in found.elsewhere.items()]
    return f"no {noun} to report" + (f" (left out: {', '.join(left)})" if left else "")


def _telling(job: Job, doing: str, since: datetime) -> Tell:
    """Return what is called with how many were read, and says so now and then.

    They come newest first, down to `since`: from how far back the last one is follows how many
    there may be.
    """
    progress = Progress(doing, job.clock)

    def tell(done: int, moment: datetime | None) -> None:
        total = None
        if moment is not None and since < moment < job.now:
            total = round(done * ((job.now - since) / (job.now - moment)))
        if text := progress.line(done, total, "(estimated)" if total else ""):
            job.say(text)

    return tell


def _told(pulls: Iterable[Item], tell: Tell) -> Iterator[Item]:
    """Yield merged pull requests, and tell how many there were."""
    for count, pull in enumerate(pulls, 1):
        tell(count, moments.iso(pull["updated_at"]))
        yield pull
