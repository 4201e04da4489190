"""Find the deployment before this one: read GitHub's records until the timeline answers.

A look-up that fails becomes a problem of the answer, and never stops the report.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from dora_deployments.actions.event import RunAttempt
from dora_deployments.actions.inputs import input_fact
from dora_deployments.attribution import environment
from dora_deployments.attribution.answers import Mark, Past, PastQuestion
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.attribution.subject import Subject
from dora_deployments.attribution.timeline import (
    DeploymentRecord,
    DeploymentTimeline,
    PreviousDeployment,
    ThisDeployment,
    Uncertainty,
)

# A page has a hundred records, by REST twenty.
MOST_PAGES: Final = 10
# So many are read while deployments wait, though the first one has an answer.
_MOST_WHILE_WAITING: Final = 3
# The first runs to ask for mostly tell; more of them would make GitHub slow.
_FEW_RUNS: Final = 25
_MANY_RUNS: Final = 100
# Attempts are looked at from the last one down.
_MOST_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """What is known of the deployment before this one, and of what was read on the way.

    `problem` says why GitHub's records are not known, where they are not, and `outage` that it
    would be in vain to ask GitHub more. `attempt` is the attempt of the run that deployed again.
    """

    answer: PreviousDeployment = field(default_factory=PreviousDeployment)
    attempt: int = 1
    marks: tuple[Mark, ...] = ()
    committed_at: datetime | None = None
    problem: str | None = None
    outage: bool = False

    @property
    def is_none(self) -> bool:
        """Whether it is known that there was none."""
        answer = self.answer
        return self.problem is None and answer.record is None and answer.uncertainty is None


def find_predecessor(subject: Subject, look_ups: LookUps) -> Predecessor:
    """Return the deployment before `subject`, as far as GitHub's records show it."""
    first = _first_question(subject)
    this = _this_deployment(subject)
    try:
        past = look_ups.past(subject.repository, first)
        found = Predecessor(
            marks=past.marks,
            committed_at=past.committed_at,
            problem=past.problem,
            outage=past.outage,
        )
        if past.problem is not None:
            return found
        names = _environment_names(subject, this, past, first, look_ups)
        if names is None:
            uncertain = PreviousDeployment(uncertainty=Uncertainty.ENVIRONMENT_UNKNOWN)
            return replace(found, answer=uncertain)
        question = replace(first, environments=names, run_commit=None, marks=None)
        if set(names) <= set(first.environments):
            answered = _read_on(subject, this, question, past, found, look_ups)
        else:
            answered = _read(subject, this, question, found, look_ups)
        if not answered.is_none:
            return answered
        if first.run_commit is None:
            past = Past(names_after="")
        others = _other_spellings(subject, names, past, question, look_ups)
        if not others:
            return answered
        question = replace(question, environments=(*names, *others))
        return _read(subject, this, question, found, look_ups)
    except LookUpError as error:
        return Predecessor(problem=str(error), outage=error.outage)


def _read(
    subject: Subject,
    this: ThisDeployment,
    question: PastQuestion,
    found: Predecessor,
    look_ups: LookUps,
) -> Predecessor:
    """Read the first page, and others as far as need be."""
    past = look_ups.past(subject.repository, question)
    if past.problem is not None:
        return replace(found, problem=past.problem, outage=past.outage)
    return _read_on(subject, this, question, past, found, look_ups)


def _read_on(
    subject: Subject,
    this: ThisDeployment,
    question: PastQuestion,
    past: Past,
    found: Predecessor,
    look_ups: LookUps,
) -> Predecessor:
    """Read page after page, until one has the answer or there are no more."""
    timeline = DeploymentTimeline(records=_records(past, question), is_complete=False)
    page = 1
    while True:
        timeline = replace(timeline, is_complete=past.after is None and not past.is_cut)
        dated, attempt = _with_attempt(subject, this, timeline, look_ups)
        if dated is None:
            answer = timeline.previous(this)
            uncertain = replace(answer, record=None, uncertainty=Uncertainty.ATTEMPT_UNREAD)
            return replace(found, answer=uncertain)
        timeline, error = _with_workflows(subject, dated, timeline, look_ups)
        answer = timeline.previous(dated)
        found = replace(found, answer=answer, attempt=attempt)
        if error is not None and answer.record is not None and not answer.is_maker_known:
            unknown = replace(answer, record=None)
            return replace(found, answer=unknown, problem=str(error), outage=error.outage)
        may_be_later = timeline.may_lack_later_success(dated, answer)
        most = _MOST_WHILE_WAITING if may_be_later else MOST_PAGES
        if not may_be_later and not _may_be_further_back(answer):
            return found
        if past.after is None or page >= most:
            return found
        try:
            past = look_ups.past(subject.repository, replace(question, after=past.after))
        except LookUpError as failure:
            unknown = replace(answer, record=None)
            return replace(found, answer=unknown, problem=str(failure), outage=failure.outage)
        timeline = replace(timeline, records=(*timeline.records, *_records(past, question)))
        page += 1


def _may_be_further_back(answer: PreviousDeployment) -> bool:
    further_back = {Uncertainty.LIST_CUT, Uncertainty.NEVER_BY_THIS_MAKER}
    return answer.record is None and answer.uncertainty in further_back


def _records(past: Past, question: PastQuestion) -> tuple[DeploymentRecord, ...]:
    return tuple(each for each in past.deployments if each.environment in question.environments)


# --- what is asked


def _first_question(subject: Subject) -> PastQuestion:
    """Return the question for the event's own environment, else for what it may be called."""
    deployment_event, reported = subject.deployment_event, subject.environment
    if deployment_event.environment is not None and deployment_event.deployment_ids:
        names = environment.spellings([deployment_event.environment.value])
    else:
        names = environment.likely_names(reported, subject.inputs, subject.config)
    return PastQuestion(
        environments=names,
        task=deployment_event.task if deployment_event.deployment_ids else None,
        commit_sha=subject.commit_sha.value,
        run_commit=None if deployment_event.deployment_ids else subject.run_commit,
        marks=deployment_event.marks if subject.is_events else None,
    )


def _this_deployment(subject: Subject) -> ThisDeployment:
    deployment_event, inputs = subject.deployment_event, subject.inputs
    finished_at = input_fact(inputs.finished_at, "finished-at")
    began_at, ended_at = deployment_event.started_at, deployment_event.finished_at
    owner = subject.environment_owner
    names = [each.identifier for each in inputs.service]
    if not names and owner is not None:
        names = [owner.service.identifier]
    return ThisDeployment(
        commit_sha=subject.commit_sha.value,
        task=deployment_event.task,
        record_ids=deployment_event.deployment_ids,
        run_ids=tuple(each.run_id for each in deployment_event.runs),
        reporting_run_ids=deployment_event.reporting_run_ids,
        creator=deployment_event.creator,
        services=deployment_event.named_services or frozenset(map(str.lower, names)),
        owns_environment=owner is not None,
        is_told_afterwards=deployment_event.is_told_afterwards
        or (inputs.commit_sha is not None and began_at is None),
        began_at=None if began_at is None else began_at.value,
        ended_at=None if finished_at is None else finished_at.value,
        event_ended_at=None if ended_at is None else ended_at.value,
    )


def _environment_names(
    subject: Subject, this: ThisDeployment, past: Past, question: PastQuestion, look_ups: LookUps
) -> tuple[str, ...] | None:
    """Return by which names GitHub knows the environment, None if that cannot be told.

    The run's own records say it; otherwise it may be any name that is reported as the same one. One
    that is not is taken where a job is in it as it reports, and the run has been in no other.
    """
    if question.run_commit is None and subject.deployment_event.deployment_ids:
        return question.environments
    reported = subject.environment

    def fits(name: str) -> bool:
        return environment.is_reported_as(name, reported, subject.inputs, subject.config)

    runs = frozenset(this.run_ids)
    records = [each for each in past.run_records if each.run_ids & runs and each.task == this.task]
    own = dict.fromkeys(each.environment for each in records)
    fitting = tuple(filter(fits, own))
    is_in_it = not this.reporting_run_ids and any(each.is_under_way for each in records)
    if fitting or (len(own) == 1 and is_in_it):
        return environment.spellings(fitting or own)
    if own:
        return None
    is_open = environment.has_unlisted_names(reported, subject.inputs, subject.config)
    if is_open:
        past = _with_older_names(subject, past, question, look_ups)
    named = tuple(filter(fits, past.environment_names))
    if past.are_names_cut and (is_open or not (named or past.deployments)):
        return None
    return tuple(dict.fromkeys((*question.environments, *named)))


def _other_spellings(
    subject: Subject,
    names: tuple[str, ...],
    past: Past,
    question: PastQuestion,
    look_ups: LookUps,
) -> tuple[str, ...]:
    """Return how else the environment was written that seems to have no deployment.

    GitHub minds no capitals there, while its lists are of one spelling.
    """
    lowered = set(map(str.lower, names))
    known = _with_older_names(subject, past, question, look_ups).environment_names
    return tuple(name for name in known if name.lower() in lowered and name not in names)


def _with_older_names(
    subject: Subject, past: Past, question: PastQuestion, look_ups: LookUps
) -> Past:
    """Return the past with the names of environments that have no new records."""
    for _ in range(MOST_PAGES):
        if past.names_after is None:
            break
        further = replace(question, names_after=past.names_after)
        older = look_ups.past(subject.repository, further)
        past = replace(
            past,
            environment_names=tuple(
                dict.fromkeys((*past.environment_names, *older.environment_names))
            ),
            are_names_cut=older.are_names_cut,
            names_after=older.names_after,
        )
    return past


# --- what tells the attempts and the makers apart


def _with_attempt(
    subject: Subject, this: ThisDeployment, timeline: DeploymentTimeline, look_ups: LookUps
) -> tuple[ThisDeployment | None, int]:
    """Return the deployment with when its attempt began, if a repeated run deployed again.

    The attempt beside it is part of its identity, unless its record is: then it is 1. Returns None
    in its place if that could not be read.
    """
    records = timeline.run_records(this)
    own = [each for each in records if not this.record_ids or each.id in this.record_ids]
    made_at = max((each.created_at for each in own), default=None)
    ends = [each.succeeded_at for each in records if each.succeeded_at is not None]
    run = next((each for each in subject.deployment_event.runs if _made_any(each, records)), None)
    if run is None or run.attempt == 1 or made_at is None or not ends or min(ends) > made_at:
        return this, 1
    try:
        attempt, began_at = _attempt_of(run, made_at, subject.repository, look_ups)
    except LookUpError:
        return None, 1
    if attempt == 1 or min(ends) > began_at:
        return this, 1
    return replace(this, attempt_began_at=began_at), 1 if this.record_ids else attempt


def _attempt_of(
    run: RunAttempt, made_at: datetime, repository: str, look_ups: LookUps
) -> tuple[int, datetime]:
    """Return the attempt of a run that was under way at a moment, and when it began.

    Raises `LookUpError` if GitHub does not tell, or if there were too many attempts since.
    """
    if run.attempt is None:
        run = look_ups.latest_attempt(repository, run.run_id)
    last = run.attempt or 1
    for attempt in range(last, max(0, last - _MOST_ATTEMPTS), -1):
        began_at = run.began_at if attempt == last else None
        if attempt == 1:
            return 1, began_at or made_at
        if began_at is None:
            began_at = look_ups.attempt_started_at(repository, run.run_id, attempt)
        if made_at >= began_at:
            return attempt, began_at
    raise LookUpError("the run has been repeated too often")


def _made_any(run: RunAttempt, records: tuple[DeploymentRecord, ...]) -> bool:
    return any(run.run_id in each.run_ids for each in records)


def _with_workflows(
    subject: Subject, this: ThisDeployment, timeline: DeploymentTimeline, look_ups: LookUps
) -> tuple[DeploymentTimeline, LookUpError | None]:
    """Return the timeline with the workflows of as many runs as it takes, the newest first.

    Beside it is the last error, if GitHub was down or busy: at another time it would have answered.
    """
    most, mishap = _FEW_RUNS, None
    while runs := timeline.unread_runs(this, most):
        found: Mapping[str, object] = dict.fromkeys(runs)
        try:
            found = look_ups.workflows(subject.repository, runs)
        except LookUpError as error:
            if error.outage or error.wait is not None:
                mishap = error
            most = len(timeline.records) * 2  # none of the others would be told either
            found = dict.fromkeys(timeline.unread_runs(this, most))
        timeline = replace(timeline, workflows={**timeline.workflows, **found})
        answer = timeline.previous(this)
        if answer.record is not None and answer.is_maker_known:
            break
        most = _MANY_RUNS
    return timeline, mishap
