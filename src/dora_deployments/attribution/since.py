"""What came since the deployment before, as far as GitHub knows it.

No look-up that fails stops the report: it becomes a warning, and the rest goes out with what is
known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from dora_deployments.actions.inputs import input_fact
from dora_deployments.actions.text import shown
from dora_deployments.attribution import previous as previous_refs
from dora_deployments.attribution.answers import LARGEST_RANGE, Commit, PullsByCommit
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.attribution.predecessor import Predecessor, find_predecessor
from dora_deployments.attribution.shipped import Range, Shipped, count_as_shipped, merged_pull
from dora_deployments.attribution.subject import Subject
from dora_deployments.attribution.timeline import DeploymentRecord, Uncertainty
from dora_deployments.attribution.uncertainty import explain
from dora_deployments.deployment import Fact, PullRequest

# A deployment that was pushed so shortly before may not have a record yet.
_SOON: Final = timedelta(minutes=10)


def shipped_since_previous(subject: Subject, look_ups: LookUps) -> Shipped:
    """Return what is shipped, as far as GitHub knows."""
    found = _predecessor(subject, look_ups)
    known = replace(_since_when(subject, found), merged=merged_pull(subject))
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
