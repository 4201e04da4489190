"""What a deployment ships: the changes since the one before it, as far as GitHub knows them.

No look-up that fails stops the report: it becomes a warning, and the rest goes out with what is
known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from dora_deployments.actions.event import Unresolved
from dora_deployments.actions.inputs import input_fact
from dora_deployments.actions.text import shown
from dora_deployments.attribution import previous as previous_refs
from dora_deployments.attribution.answers import LARGEST_RANGE, Commit, PullsByCommit, Relation
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.attribution.predecessor import Predecessor, find_predecessor
from dora_deployments.attribution.subject import Subject
from dora_deployments.attribution.timeline import DeploymentRecord, Uncertainty
from dora_deployments.attribution.uncertainty import explain
from dora_deployments.deployment import Fact, PullRequest

if TYPE_CHECKING:
    from dora_deployments.attribution.answers import PullDetail

# A deployment that was pushed so shortly before may not have a record yet.
_SOON: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What `head` has that `base` has not: reachable from the one and not from the other.

    `landed` are the pull requests whose merge commits are in the range, the first merged
    first; `direct` the commits of no such pull request that merge nothing. `missing` says
    what of these could not be found out, and why; without it, they are exact. `is_read` says
    that the pull requests of all commits were looked up, even if not all could be placed.
    `commit_times` has all commits and when they were committed, unless there are too many.
    `merges` are the commits that merge others. `files` are as in `Comparison`.
    """

    base: str
    head: str
    relation: Relation
    merge_base: str
    commits: int
    landed: tuple[PullRequest, ...] = ()
    direct: tuple[str, ...] = ()
    committed_at: datetime | None = None
    missing: str | None = None
    is_read: bool = True
    commit_times: Mapping[str, datetime | None] = field(default_factory=dict, compare=False)
    merges: frozenset[str] = field(default=frozenset(), compare=False)
    files: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What is known of a deployment's changes.

    `previous` is the commit before it; `was_deployed` says that it was deployed here, and
    not merely pointed to by a branch, tag or release. `range` is what came since then.
    `is_first` means that GitHub was asked and shows no earlier deployment, and `uncertainty`
    why nobody can be certain which it was. `attempt` is the attempt of the run that deployed
    again, 1 if none did. `merged` is the pull request whose merge is the event. `pulls` are the
    shipped ones; `details` is what those of the range are made of, None if nobody asked.
    """

    previous: Fact[str] | None = None
    was_deployed: bool = False
    is_first: bool = False
    uncertainty: Uncertainty | None = None
    attempt: int = 1
    range: Range | None = None
    merged: PullRequest | None = None
    pulls: tuple[PullRequest, ...] = ()
    details: "Mapping[int, PullDetail] | None" = None
    committed_at: datetime | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_rollback(self) -> bool:
        """Whether an ancestor of the commit deployed before is deployed again."""
        return self.was_deployed and self.range is not None and self.range.relation == "behind"

    @property
    def is_redeployment(self) -> bool:
        """Whether the very commit deployed before is deployed again."""
        return self.was_deployed and self.range is not None and self.range.relation == "identical"

    @property
    def is_exact(self) -> bool:
        """Whether the range is from one deployment to the next, and nothing in it unknown."""
        return self.was_deployed and self.range is not None and self.range.missing is None


def shipped(subject: Subject, look_ups: LookUps) -> Shipped:
    """Return what is shipped, as far as it is known.

    The merge of a pull request ships that pull request, and nothing is looked up for it
    unless `previous-sha` says since when.
    """
    merged = _merged(subject)
    is_asked = subject.inputs.previous_sha is not None and subject.inputs.mode == "deployment"
    if subject.deployment_event.pull_number is not None and not is_asked:
        return Shipped(
            merged=merged, pulls=count_as_shipped(subject, () if merged is None else (merged,))
        )
    return _since_the_last(subject, merged, look_ups)


def _merged(subject: Subject) -> PullRequest | None:
    """Return the pull request whose merge is the event, if its merge commit is known."""
    deployment_event, landed = subject.deployment_event, subject.deployment_event.commit_sha
    if deployment_event.pull_number is None or not subject.own:
        return None
    if isinstance(landed, Unresolved):
        if subject.inputs.commit_sha is not None:
            return None
        landed = subject.commit_sha
    return PullRequest(
        number=deployment_event.pull_number,
        merge_commit_sha=landed.value,
        base=deployment_event.branch.value if deployment_event.branch else None,
        title=deployment_event.pull_title,
        merged_at=deployment_event.started_at.value if deployment_event.started_at else None,
    )


def count_as_shipped(subject: Subject, landed: tuple[PullRequest, ...]) -> tuple[PullRequest, ...]:
    """Return the pull requests that count as shipped under the inputs.

    A deployment that failed ships none: its changes belong to the next one that succeeds.
    """
    if not subject.success:
        return ()
    branch, by_hand = subject.inputs.integration_branch, subject.inputs.merge_commit_shas
    return tuple(
        pull
        for pull in landed
        if (branch is None or pull.base == branch)
        and (not by_hand or pull.merge_commit_sha.startswith(by_hand))
    )


def _since_the_last(subject: Subject, merged: PullRequest | None, look_ups: LookUps) -> Shipped:
    """Return what is shipped, as far as GitHub tells; `merged` is merged by the event itself."""
    found = _predecessor(subject, look_ups)
    known = replace(_since_when(subject, found), merged=merged)
    if known.previous is None or found.outage:
        return known
    base, commit = known.previous, subject.commit_sha.value
    try:
        since = between(look_ups, subject.repository, base.value, commit)
    except LookUpError as error:
        warning = (
            f"what came since {base.value[:7]} ({base.source}) could not be looked up: {error}"
        )
        # A commit that is gone, after a forced push for example, tells as little as none.
        lost = error.absent and subject.inputs.previous_sha is None
        return replace(
            known,
            previous=None if lost else base,
            was_deployed=known.was_deployed and not lost,
            warnings=(*known.warnings, warning),
        )
    known = replace(known, previous=Fact(value=since.base, source=base.source))
    doubt = _doubt(subject, found, since)
    if doubt is not None:
        known = _uncertain(subject, known, doubt)
    return replace(
        known,
        range=since,
        pulls=() if known.uncertainty else count_as_shipped(subject, since.landed),
        committed_at=known.committed_at or since.committed_at,
        warnings=(*known.warnings, *_doubts(since, base)),
    )


def _predecessor(subject: Subject, look_ups: LookUps) -> Predecessor:
    """Return what GitHub's records show, if they are needed and can be asked for.

    A repeated run may have deployed again, which they show as well.
    """
    is_repeated = any((run.attempt or 1) > 1 for run in subject.deployment_event.runs)
    if subject.inputs.previous_sha is not None and not is_repeated:
        return Predecessor()
    return find_predecessor(subject, look_ups)


def _since_when(subject: Subject, found: Predecessor) -> Shipped:
    """Return what was there before this deployment, and nothing yet of what came since."""
    known = Shipped(attempt=found.attempt, committed_at=found.committed_at)
    if explicit := input_fact(subject.inputs.previous_sha, "previous-sha"):
        return replace(known, previous=explicit, was_deployed=True)
    answer = found.answer
    if answer.record is not None:
        return replace(known, previous=_deployed(subject, answer.record), was_deployed=True)
    if found.problem is not None:
        warning = (
            "the deployment before this one, and so what this one ships, could not be looked up:"
            f" {found.problem}"
        )
        pointed_to = _pointed_to(subject, found)
        return replace(known, previous=pointed_to, warnings=(warning,))
    if answer.uncertainty is not None:
        nearest = answer.nearest
        previous = _deployed(subject, nearest) if nearest else _pointed_to(subject, found)
        return _uncertain(subject, replace(known, previous=previous), answer.uncertainty)
    return replace(known, previous=_pointed_to(subject, found), is_first=True)


def _uncertain(subject: Subject, known: Shipped, why: Uncertainty) -> Shipped:
    """Return what is known where `known.previous` is the nearest point, which only people see."""
    return replace(
        known,
        was_deployed=False,
        uncertainty=why,
        warnings=(*known.warnings, explain(why, shown(_environment(subject)))),
    )


def _doubt(subject: Subject, found: Predecessor, since: Range) -> Uncertainty | None:
    """Return why the range says that something else may have been deployed before, if it does."""
    answer = found.answer
    if answer.record is None or subject.inputs.previous_sha is not None:
        return None
    is_new = subject.commit_sha.value not in answer.reached
    # One tool may deploy several services, which its records tell apart by their payload alone.
    names_none = not answer.record.run_ids and not answer.record.services
    is_of_tool = names_none and subject.environment_owner is None
    if since.relation == "behind" and is_new and (is_of_tool or not answer.is_maker_known):
        return Uncertainty.NEVER_DEPLOYED_BEFORE
    if not answer.has_own_record and _is_just_after_another_push(subject, since):
        return Uncertainty.PUSHED_WITHOUT_RECORD
    return None


def _is_just_after_another_push(subject: Subject, since: Range) -> bool:
    """Return whether another push, minutes before, brought some of the pull requests."""
    before, pushed_at = subject.deployment_event.before, subject.deployment_event.started_at
    if before is None or not subject.is_events or before.value not in since.commit_times:
        return False
    order = {sha: place for place, sha in enumerate(since.commit_times)}
    if all(order[pull.merge_commit_sha] > order[before.value] for pull in since.landed):
        return False
    made_at = since.commit_times[before.value]
    if made_at is None or pushed_at is None:
        return True
    return pushed_at.value - made_at < _SOON


def _deployed(subject: Subject, record: DeploymentRecord) -> Fact[str]:
    """Return the commit that a record is of."""
    ended_at = record.succeeded_at or record.created_at
    source = (
        f"the last successful deployment to {shown(record.environment or _environment(subject))}"
        f" before, of {ended_at:%Y-%m-%d %H:%M} UTC"
    )
    return Fact(value=record.commit_sha, source=source)


def _environment(subject: Subject) -> str:
    """Return the environment by the name that GitHub knows, if the event has it."""
    told = subject.deployment_event.environment
    return subject.environment if told is None else told.value


def _pointed_to(subject: Subject, found: Predecessor) -> Fact[str] | None:
    """Return what the branch, tag or release stood for before, where no deployment is known."""
    deployment_event = subject.deployment_event
    if not subject.is_events:
        return None
    if deployment_event.before is not None:
        return Fact(
            value=deployment_event.before.value,
            source="before, where the branch was until this push, since no deployment is known",
        )
    if deployment_event.marks is None or deployment_event.version is None:
        return None
    mark = previous_refs.mark(deployment_event.version.value, subject.commit_sha.value, found.marks)
    if mark is None:
        return None
    kind = deployment_event.marks.removesuffix("s")
    return Fact(
        value=mark.commit_sha,
        source=f"the {kind} before, {shown(mark.tag)}, since no deployment is known",
    )


def _doubts(since: Range, base: Fact[str]) -> tuple[str, ...]:
    """Return warnings about a range that is known, but not what one would expect."""
    warnings = []
    if since.relation == "diverged":
        warnings.append(
            f"the deployed commit does not build on {since.base[:7]} ({base.source}); the changes"
            f" since {since.merge_base[:7]} are counted, which both build on, and what only the"
            " former has is no longer deployed"
        )
    if since.missing is not None:
        warnings.append(f"{since.missing}; so not all of the shipped pull requests are known")
    return tuple(warnings)


def between(look_ups: LookUps, repository: str, base: str, head: str) -> Range:
    """Return the range, or raise `LookUpError` if nothing of it can be found out."""
    if base == head:
        return Range(base=base, head=head, relation="identical", merge_base=base, commits=0)
    found = look_ups.comparison(repository, base, head)
    landings = PullsByCommit(by_commit={})
    missing: str | None = None
    if found.total > LARGEST_RANGE:
        missing = f"the range has {found.total} commits, and no more than {LARGEST_RANGE} are read"
    elif found.commits:
        landings = look_ups.landings(repository, [commit.sha for commit in found.commits])
        if landings.problem is not None:
            unknown = len(found.commits) - len(landings.by_commit)
            missing = (
                f"the pull requests of {unknown} of {len(found.commits)} commits could not be"
                f" looked up: {landings.problem}"
            )
    landed = landed_pulls(found.commits, landings)
    is_read = missing is None
    if unplaced := _unplaced(landings):
        # Nobody can tell whether they are among what is shipped.
        missing = f"{missing}; and {unplaced}" if missing else unplaced
    return Range(
        base=found.base,
        head=head,
        relation=found.relation,
        merge_base=found.merge_base,
        commits=found.total,
        landed=landed,
        direct=direct_commits(found.commits, landings, landed),
        committed_at=found.committed_at,
        missing=missing,
        is_read=is_read,
        commit_times={commit.sha: commit.committed_at for commit in found.commits},
        merges=frozenset(commit.sha for commit in found.commits if commit.is_merge),
        files=found.files,
    )


def landed_pulls(commits: Sequence[Commit], landings: PullsByCommit) -> tuple[PullRequest, ...]:
    """Return the pull requests whose merge commits are among `commits`, each once."""
    order = {commit.sha: index for index, commit in enumerate(commits)}
    pulls = {
        pull.number: pull
        for known in landings.by_commit.values()
        for pull in known
        if pull.merge_commit_sha in order
    }
    return tuple(sorted(pulls.values(), key=lambda pull: order[pull.merge_commit_sha]))


def _unplaced(landings: PullsByCommit) -> str:
    """Return words about the pull requests whose merge commits GitHub does not name, if any."""
    known = (pull for pulls in landings.by_commit.values() for pull in pulls)
    numbers = sorted({pull.number for pull in known if not pull.merge_commit_sha})
    if not numbers:
        return ""
    named = ", ".join(f"#{number}" for number in numbers)
    plural = "s" * (len(numbers) > 1)
    return (
        f"GitHub does not name the merge commit{plural} of the merged pull request{plural} {named}"
        " (list the merge commits of what is shipped in `merge-commit-shas`)"
    )


def direct_commits(
    commits: Sequence[Commit], landings: PullsByCommit, landed: Iterable[PullRequest]
) -> tuple[str, ...]:
    """Return the commits that came by none of the pull requests `landed`, merges aside."""
    numbers = {pull.number for pull in landed}
    return tuple(
        commit.sha
        for commit in commits
        if not commit.is_merge
        and not any(pull.number in numbers for pull in landings.by_commit.get(commit.sha, ()))
    )
