"""What came since the deployment before, as GitHub knows it.

No look-up that fails stops the report: it becomes a warning, and the rest goes out with what
is known.
"""

from dataclasses import replace

from dora_deployments.actions.inputs import given
from dora_deployments.actions.text import shown
from dora_deployments.attribution import previous
from dora_deployments.attribution.answers import Past
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.attribution.ranges import Range, between
from dora_deployments.attribution.shipped import Shipped, Subject, counted
from dora_deployments.deployment import Fact, PullRequest


def since_the_last(subject: Subject, merged: PullRequest | None, look_ups: LookUps) -> Shipped:
    """Return what is shipped, as far as GitHub tells; `merged` is merged by the event itself."""
    past = _past(subject, look_ups)
    known = replace(_since_when(subject, past), merged=merged)
    if known.previous is None or past.outage:
        return known
    base, commit = known.previous, subject.commit_sha.value
    try:
        found = between(look_ups, subject.repository, base.value, commit)
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
    return replace(
        known,
        previous=Fact(value=found.base, source=base.source),
        range=found,
        pulls=counted(subject, found.landed),
        committed_at=known.committed_at or found.committed_at,
        warnings=(*known.warnings, *_doubts(found, base)),
    )


def _past(subject: Subject, look_ups: LookUps) -> Past:
    """Return what GitHub remembers, if it is needed and can be asked."""
    if subject.inputs.previous_sha is not None:
        return Past()
    happening, commit = subject.happening, subject.commit_sha.value
    marks = happening.marks if subject.is_events else None
    try:
        return look_ups.past(subject.repository, subject.environment, happening.task, commit, marks)
    except LookUpError as error:
        return Past(problem=str(error), outage=error.outage)


def _since_when(subject: Subject, past: Past) -> Shipped:
    """Return what was there before this deployment, and nothing yet of what came since."""
    if explicit := given(subject.inputs.previous_sha, "previous-sha"):
        return Shipped(previous=explicit, was_deployed=True)
    happening, environment = subject.happening, subject.environment
    finish = given(subject.inputs.finished_at, "finished-at") or happening.finished_at
    last = previous.deployment(
        happening,
        subject.commit_sha.value,
        past.deployments,
        ended_at=None if finish is None else finish.value,
    )
    if last is not None:
        source = (
            f"the last successful deployment to {shown(environment)} before, of"
            f" {last.created_at:%Y-%m-%d %H:%M} UTC"
        )
        fact = Fact(value=last.commit_sha, source=source)
        return Shipped(previous=fact, was_deployed=True, committed_at=past.committed_at)
    warnings: tuple[str, ...] = ()
    if past.problem is not None:
        warning = (
            "the deployment before this one, and so what this one ships, could not be looked up:"
            f" {past.problem}"
        )
        warnings = (warning,)
    return Shipped(
        previous=_pointed_to(subject, past) if subject.is_events else None,
        is_first=past.problem is None,
        committed_at=past.committed_at,
        warnings=warnings,
    )


def _pointed_to(subject: Subject, past: Past) -> Fact[str] | None:
    """Return what the branch, tag or release stood for before, where no deployment is known."""
    happening = subject.happening
    if happening.before is not None:
        return Fact(
            value=happening.before.value,
            source="before, where the branch was until this push, since no deployment is known",
        )
    if happening.marks is None or happening.version is None:
        return None
    mark = previous.mark(happening.version.value, subject.commit_sha.value, past.marks)
    if mark is None:
        return None
    kind = happening.marks.removesuffix("s")
    return Fact(
        value=mark.commit_sha,
        source=f"the {kind} before, {shown(mark.tag)}, since no deployment is known",
    )


def _doubts(found: Range, base: Fact[str]) -> tuple[str, ...]:
    """Return warnings about a range that is known, but not what one would expect."""
    warnings = []
    if found.relation == "diverged":
        warnings.append(
            f"the deployed commit does not build on {found.base[:7]} ({base.source}); the changes"
            f" since {found.merge_base[:7]} are counted, which both build on, and what only the"
            " former has is no longer deployed"
        )
    if found.missing is not None:
        warnings.append(f"{found.missing}; so not all of the shipped pull requests are known")
    return tuple(warnings)
