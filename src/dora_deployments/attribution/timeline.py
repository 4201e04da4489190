"""Which deployment came before this one: a timeline of one environment, read as values.

GitHub keeps a record for every job with `environment:` and for every deployment that a tool makes:
other services, smoke tests, the reporting job itself, approvals that nobody gave. A record counts
from its first success on, whatever it is now, and belongs to whoever made it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Final, NamedTuple

APP: Final = "[bot]"  # how an app's login ends
# Actions' own app, which makes the records of steps that have the job's token. Those of jobs with
# `environment:` are by whoever started the run (github.com/chrnorm/deployment-action/issues/68,
# github.com/cli/cli/issues/5541), which says nothing of the workflow.
_ACTIONS: Final = "github-actions[bot]"
# A job waits 30 days for its approval at most ("Reviewing deployments"), and a run ends after 35
# ("Usage limits, billing, and administration").
_LONGEST_RUN: Final = timedelta(days=35)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRecord:
    """What GitHub remembers of one deployment.

    `id` is the node id, or the database id in digits. `succeeded_at` is when it first reached
    `success`, None if it never did; then `gave_up_at` is when it ended otherwise, None while it is
    under way. Where `is_end_known` is false, it has so many statuses that it may have succeeded
    earlier, or at all. `run_ids` are the workflow runs that its statuses link to.
    `creator` is the login of a user, or of an app if it ends with `[bot]`, empty if unknown.
    `services` are the ones that its payload names, in lower case.
    """

    id: str
    environment: str
    commit_sha: str
    task: str
    created_at: datetime
    succeeded_at: datetime | None = None
    gave_up_at: datetime | None = None
    is_end_known: bool = True
    run_ids: frozenset[str] = frozenset()
    creator: str = ""
    services: frozenset[str] = frozenset()

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended yet."""
        return self.succeeded_at is None and self.gave_up_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowOfRun:
    """Which workflow a run belongs to, and the name of the event that started the run."""

    workflow_id: int
    event: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThisDeployment:
    """The deployment whose predecessor is looked for.

    `record_ids` name its own record, if the event does. `run_ids` are the runs that may have
    deployed it, the likeliest first; `reporting_run_ids` those that only report it.
    `services` are names in lower case, empty if unknown; `owns_environment` says that the
    configuration gives the environment to this service alone.

    `began_at` is the event's own time, `event_ended_at` the finish that it tells, and `ended_at`
    the one that an input sets; each is None if unknown. Where `is_told_afterwards`, its record may
    be older than the event. `attempt_began_at` is when the attempt began that deployed again.
    """

    commit_sha: str
    task: str = "deploy"
    record_ids: frozenset[str] = frozenset()
    run_ids: tuple[str, ...] = ()
    reporting_run_ids: frozenset[str] = frozenset()
    creator: str = ""
    services: frozenset[str] = frozenset()
    owns_environment: bool = False
    is_told_afterwards: bool = False
    began_at: datetime | None = None
    ended_at: datetime | None = None
    event_ended_at: datetime | None = None
    attempt_began_at: datetime | None = None


class Uncertainty(Enum):
    """Why nobody can be certain which deployment came before."""

    LIST_CUT = "list-cut"
    STATUSES_CUT = "statuses-cut"
    SEVERAL_MAKERS = "several-makers"
    MAKERS_UNREAD = "makers-unread"
    PUSHED_WITHOUT_RECORD = "pushed-without-record"
    NEVER_BY_THIS_MAKER = "never-by-this-maker"
    NEWER_THAN_EVENT = "newer-than-event"
    ROLLED_BACK_BY_OTHER = "rolled-back-by-other"
    SERVICES_DIFFER = "services-differ"
    ATTEMPT_UNREAD = "attempt-unread"
    ENVIRONMENT_UNKNOWN = "environment-unknown"
    NEVER_DEPLOYED_BEFORE = "never-deployed-before"
    MAY_BE_THIS_ONE = "may-be-this-one"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousDeployment:
    """The answer: a record, none at all (neither `record` nor `uncertainty`), or not certain.

    `nearest` is the latest earlier success of any maker. `reached` are the commits that the
    same series has deployed; `is_maker_known` is false where records count as one maker's only
    because nothing shows otherwise. `has_own_record` says that GitHub has one of this deployment.
    """

    record: DeploymentRecord | None = None
    uncertainty: Uncertainty | None = None
    nearest: DeploymentRecord | None = None
    reached: frozenset[str] = frozenset()
    is_maker_known: bool = True
    has_own_record: bool = False


class _Maker(NamedTuple):
    """Who made a record: a workflow, else an app or user, about which less is known."""

    workflow_id: int | None
    is_run: bool
    creator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentTimeline:
    """The records of one environment, as GitHub lists them: the newest first.

    `workflows` has the workflow of each run that was asked for, None if GitHub did not tell.
    `is_complete` says that the list was read to its end.
    """

    records: tuple[DeploymentRecord, ...] = ()
    workflows: Mapping[str, WorkflowOfRun | None] = field(default_factory=dict)
    is_complete: bool = True

    def unread_runs(self, this: ThisDeployment, most: int) -> tuple[str, ...]:
        """Return the runs whose workflows would tell makers apart, `most` at a time.

        There are none while no run but this one's could have made a record that counts.
        """
        earlier = [
            each for each in reversed(self._earlier(this)) if not (each.services and this.services)
        ]
        runs = [run for each in earlier for run in sorted(each.run_ids)]
        if not runs:
            return ()
        own = [run for each in self._own(this) for run in sorted(each.run_ids)]
        wanted = dict.fromkeys((*(own or this.run_ids), *runs))
        return tuple(run for run in wanted if run not in self.workflows)[:most]

    def run_records(self, this: ThisDeployment) -> tuple[DeploymentRecord, ...]:
        """Return the records of the run that deployed, whatever the attempt."""
        for run in this.run_ids:
            found = tuple(each for each in self._of_task(this) if run in each.run_ids)
            if found:
                return found
        return ()

    def previous(self, this: ThisDeployment) -> PreviousDeployment:
        """Return the last deployment of the same service that had succeeded before this ended."""
        named = frozenset[str]().union(*(each.services for each in self._own(this)))
        if named.isdisjoint(this.services):  # its maker may call services by other names
            this = replace(this, services=named or this.services)
        each_service = [this]
        if any(each.services for each in self.records):
            each_service = [
                replace(this, services=frozenset({name})) for name in sorted(this.services)
            ] or each_service
        answers = [self._previous(each) for each in each_service]
        first = answers[0]
        if all(each.record == first.record for each in answers):
            return next((each for each in answers if each.uncertainty), first)
        return replace(first, record=None, uncertainty=Uncertainty.SERVICES_DIFFER)

    def may_lack_later_success(self, this: ThisDeployment, answer: PreviousDeployment) -> bool:
        """Return whether a record that is not listed may have succeeded after the answer.

        It began before all that are listed. While one of these waits, for an approval for example,
        one before them may have waited as well, and have been approved last.
        """
        if self.is_complete or answer.record is None:
            return False
        own = {each.id for each in self._own(this)}
        is_any_waiting = any(
            each.is_under_way and each.id not in own for each in self._of_task(this)
        )
        oldest = min(each.created_at for each in self.records)
        return is_any_waiting and _end_of(answer.record) - oldest < _LONGEST_RUN

    # --- the records that matter

    def _of_task(self, this: ThisDeployment) -> list[DeploymentRecord]:
        return [each for each in self.records if each.task == this.task]

    def _own(self, this: ThisDeployment) -> list[DeploymentRecord]:
        """Return GitHub's own records of this deployment."""
        known = self._of_task(this)
        if this.record_ids:
            return [each for each in known if each.id in this.record_ids]
        if of_run := self.run_records(this):
            began_at = this.attempt_began_at
            return [each for each in of_run if began_at is None or each.created_at >= began_at]
        return self._own_by_commit(this)

    def _own_by_commit(self, this: ThisDeployment) -> list[DeploymentRecord]:
        """Return the records that a tool made of this deployment, known by the commit.

        Of a deployment that is told afterwards it is the latest on the commit, unless its maker
        has deployed since. A record of another run of this very workflow is not this deployment.
        """
        own_workflow = self._workflow_of(this.run_ids)
        known = [
            each
            for each in self._of_task(this)
            if each.run_ids.isdisjoint(this.reporting_run_ids)
            and (own_workflow is None or self._workflow_of(each.run_ids) != own_workflow)
        ]
        began_at = this.began_at
        if began_at is not None and not this.is_told_afterwards:
            return [
                each
                for each in known
                if each.commit_sha == this.commit_sha and each.created_at >= began_at
            ]
        done = self._by_end(known) if this.is_told_afterwards else []
        latest = next((each for each in reversed(done) if each.commit_sha == this.commit_sha), None)
        if latest is None or (began_at is not None and _end_of(latest) < began_at):
            return []
        newer = done[done.index(latest) + 1 :]
        maker = self._maker(latest)
        return [] if any(_is_same(maker, self._maker(each)) for each in newer) else [latest]

    def _counting(self, this: ThisDeployment) -> list[DeploymentRecord]:
        """Return the successes that are not this deployment's own, by the time of their end.

        A record of the same run counts if it had succeeded before the attempt began that made this
        one; the others are parts of this deployment.
        """
        own = self._own(this)
        own_ids = {each.id for each in own}
        runs = {run for each in own for run in each.run_ids}.union(this.run_ids)
        before = this.attempt_began_at
        return [
            each
            for each in self._by_end(self._of_task(this))
            if each.id not in own_ids
            and each.run_ids.isdisjoint(this.reporting_run_ids)
            and (each.run_ids.isdisjoint(runs) or (before is not None and _end_of(each) <= before))
        ]

    def _earlier(self, this: ThisDeployment) -> list[DeploymentRecord]:
        """Return what counts and had succeeded before this one ended."""
        counting = self._counting(this)
        own = self._own(this)
        succeeded = self._by_end(own)
        if this.ended_at is None and succeeded and not any(each.is_under_way for each in own):
            order = self._by_end(self.records)
            end = order.index(succeeded[-1])
            before = {each.id for each in order[:end]}
            return [each for each in counting if each.id in before]
        end_at = this.ended_at or this.event_ended_at
        if end_at is None and own and not any(each.is_under_way for each in own):
            end_at = max(each.gave_up_at for each in own if each.gave_up_at is not None)
        if end_at is not None:
            return [each for each in counting if _end_of(each) <= end_at]
        if own or this.began_at is None or this.is_told_afterwards:
            return counting  # it is still under way, or has just ended
        return [each for each in counting if each.created_at <= this.began_at]

    def _by_end(self, records: Iterable[DeploymentRecord]) -> list[DeploymentRecord]:
        """Return the successes in the order of their end; of two in one second, as begun."""
        place = {each.id: -index for index, each in enumerate(self.records)}
        done = [each for each in records if each.succeeded_at is not None]
        return sorted(done, key=lambda each: (_end_of(each), each.created_at, place[each.id]))

    # --- the answer

    def _previous(self, this: ThisDeployment) -> PreviousDeployment:
        own = self._own(this)
        earlier = [each for each in self._earlier(this) if not _is_of_other_service(each, this)]
        maker = self._maker_of(this, own)
        if maker is not None:
            answer = self._of_maker(this, maker, earlier)
        elif labelled := [each for each in earlier if each.services & this.services]:
            answer = _of_labelled(labelled, earlier)
        else:
            answer = self._of_only_maker(this, earlier)
        if not own and self._is_overtaken(this, maker, answer):
            answer = PreviousDeployment(uncertainty=Uncertainty.NEWER_THAN_EVENT)
        if not own and self._may_have_own_record(this, maker):
            answer = PreviousDeployment(uncertainty=Uncertainty.MAY_BE_THIS_ONE)
        if answer.record is None and answer.uncertainty is None and not self.is_complete:
            answer = PreviousDeployment(uncertainty=Uncertainty.LIST_CUT)
        if answer == PreviousDeployment() and self._is_named_otherwise(this):
            answer = PreviousDeployment(uncertainty=Uncertainty.NEVER_BY_THIS_MAKER)
        of_task = self._of_task(this)
        if any(not each.is_end_known for each in self._of_maker_or_open(this, maker, of_task)):
            answer = PreviousDeployment(uncertainty=Uncertainty.STATUSES_CUT)
        nearest = earlier[-1] if earlier else None
        return replace(answer, nearest=nearest, has_own_record=bool(own))

    def _is_named_otherwise(self, this: ThisDeployment) -> bool:
        """Return whether there were successes that may be this one's by other names.

        Those of other tasks may, unless its own task is known, and those of other services if none
        of its own is named anywhere.
        """
        runs = frozenset(this.run_ids) | this.reporting_run_ids
        if not this.record_ids and any(
            each.task != this.task and each.run_ids.isdisjoint(runs)
            for each in self._by_end(self.records)
        ):
            return True
        is_named = any(each.services & this.services for each in self.records)
        return not is_named and bool(self._earlier(this))

    def _of_maker(
        self, this: ThisDeployment, maker: _Maker, earlier: Sequence[DeploymentRecord]
    ) -> PreviousDeployment:
        """Return the latest of the same service, given who deploys it.

        What cannot be told from this maker's counts as its own, unless something shows otherwise.
        """
        is_same = [
            True if each.services & this.services else _is_same(maker, self._maker(each))
            for each in earlier
        ]
        both = [each for each, same in zip(earlier, is_same, strict=True) if same is not False]
        if not both:
            never = Uncertainty.NEVER_BY_THIS_MAKER if earlier else None
            return PreviousDeployment(uncertainty=never)
        latest = both[-1]
        newer = earlier[earlier.index(latest) + 1 :]
        if this.owns_environment and any(each.commit_sha != latest.commit_sha for each in newer):
            return PreviousDeployment(uncertainty=Uncertainty.SEVERAL_MAKERS)
        reached = frozenset(each.commit_sha for each in both)
        away = [each for each in newer if each.commit_sha != latest.commit_sha]
        if any(self._only_repeats(each, earlier, reached) for each in away):
            return PreviousDeployment(uncertainty=Uncertainty.ROLLED_BACK_BY_OTHER)
        certain = [each for each, same in zip(earlier, is_same, strict=True) if same]
        is_known = bool(certain) and certain[-1].commit_sha == latest.commit_sha
        if not is_known and (why := self._shows_several_makers(this, both)):
            return PreviousDeployment(uncertainty=why)
        return PreviousDeployment(record=latest, reached=reached, is_maker_known=is_known)

    def _of_only_maker(
        self, this: ThisDeployment, earlier: Sequence[DeploymentRecord]
    ) -> PreviousDeployment:
        """Return the latest, where nothing says who made this one: if all have one maker."""
        if not earlier:
            return PreviousDeployment()
        latest = {self._series_of(each): each.commit_sha for each in earlier}
        if len(set(latest.values())) > 1:
            return PreviousDeployment(uncertainty=Uncertainty.SEVERAL_MAKERS)
        if len(latest) == 1 and (why := self._shows_several_makers(this, earlier)):
            return PreviousDeployment(uncertainty=why)
        return PreviousDeployment(
            record=earlier[-1],
            reached=frozenset(each.commit_sha for each in earlier),
            is_maker_known=not self._is_any_unread(earlier),
        )

    def _series_of(self, record: DeploymentRecord) -> tuple[object, ...]:
        """Return what only records have in common that seem to be of one series."""
        workflow = self._workflow_of(record.run_ids)
        maker = _tool_of(record) if workflow is None else workflow
        return (maker, record.environment, record.services)

    def _is_overtaken(
        self, this: ThisDeployment, maker: _Maker | None, answer: PreviousDeployment
    ) -> bool:
        """Return whether something else was deployed between the event and its report.

        That matters only where nothing says when this deployment ended.
        """
        if this.ended_at is not None or this.event_ended_at is not None:
            return False
        done = self._of_maker_or_open(this, maker, self._counting(this))
        if this.is_told_afterwards:
            on_commit = [each for each in done if each.commit_sha == this.commit_sha]
            return bool(on_commit) and answer.record not in on_commit
        return this.began_at is not None and any(each.created_at > this.began_at for each in done)

    def _may_have_own_record(self, this: ThisDeployment, maker: _Maker | None) -> bool:
        """Return whether a record of this commit may be this deployment's own, which nothing says.

        A step of the run may have made one that does not name the run. Where the event has no time,
        nobody knows whether that was before or now.
        """
        if this.record_ids or this.began_at is not None or this.is_told_afterwards:
            return False
        return any(
            each.commit_sha == this.commit_sha and not each.run_ids
            for each in self._of_maker_or_open(this, maker, self._counting(this))
        )

    def _of_maker_or_open(
        self, this: ThisDeployment, maker: _Maker | None, records: Iterable[DeploymentRecord]
    ) -> list[DeploymentRecord]:
        """Return those of the records that may be of the same service and the same maker."""
        return [
            each
            for each in records
            if not _is_of_other_service(each, this)
            and (maker is None or _is_same(maker, self._maker(each)) is not False)
        ]

    def _shows_several_makers(
        self, this: ThisDeployment, earlier: Sequence[DeploymentRecord]
    ) -> Uncertainty | None:
        """Return why records whose makers cannot be told apart look like those of several.

        They do if several people or apps made them, or where the workflows of runs are unknown, if
        several runs deployed one commit, or if runs overlap.
        """
        records = sorted((*earlier, *self._own(this)), key=lambda each: each.created_at)
        if len(_tools_of(records)) > 1:
            return Uncertainty.SEVERAL_MAKERS
        if not self._is_any_unread(earlier):
            return None
        runs_by_commit: dict[str, frozenset[str]] = {}
        last = records[0]
        for each in records:
            runs = runs_by_commit.setdefault(each.commit_sha, each.run_ids)
            if _are_apart(runs, each.run_ids) or _is_overlapping(last, each):
                return Uncertainty.MAKERS_UNREAD
            last = max(last, each, key=_end_or_never)
        return None

    def _is_any_unread(self, records: Iterable[DeploymentRecord]) -> bool:
        return any(self.workflows.get(run) is None for each in records for run in each.run_ids)

    def _only_repeats(
        self,
        record: DeploymentRecord,
        earlier: Sequence[DeploymentRecord],
        reached: frozenset[str],
    ) -> bool:
        """Return whether a record's workflow seems to exist for rollbacks of this series.

        It does if people start it by hand, for nothing but commits that the series had deployed.
        """
        workflow = self._workflow_of(record.run_ids)
        return all(
            each.commit_sha in reached
            and any(
                run is not None and run.event == "workflow_dispatch"
                for run in map(self.workflows.get, each.run_ids)
            )
            for each in earlier
            if each is record or self._workflow_of(each.run_ids) == workflow
        )

    # --- makers

    def _maker_of(self, this: ThisDeployment, own: Sequence[DeploymentRecord]) -> _Maker | None:
        """Return who made this deployment, None if its records do not say."""
        if makers := {self._maker(each) for each in own}:
            return makers.pop() if len(makers) == 1 else None
        workflow = self._workflow_of(this.run_ids)
        if this.record_ids:
            return _Maker(workflow, is_run=bool(this.run_ids), creator=this.creator)
        made = {self._workflow_of(each.run_ids) for each in self._of_task(this)}
        if workflow is not None and workflow in made:
            return _Maker(workflow, is_run=True, creator="")
        return None

    def _maker(self, record: DeploymentRecord) -> _Maker:
        workflow = self._workflow_of(record.run_ids)
        return _Maker(workflow, is_run=bool(record.run_ids), creator=record.creator)

    def _workflow_of(self, run_ids: Iterable[str]) -> int | None:
        known = (self.workflows.get(run) for run in run_ids)
        return next((each.workflow_id for each in known if each is not None), None)


def _is_same(one: _Maker, other: _Maker) -> bool | None:
    """Return whether two makers are one, None if that cannot be told."""
    if one.workflow_id is not None and other.workflow_id is not None:
        return one.workflow_id == other.workflow_id
    if one.creator != other.creator and one.creator and other.creator:
        # Two apps are two makers, while several people may deploy the same service.
        tools = {_ACTIONS if each.is_run else each.creator for each in (one, other)}
        return False if len(tools) > 1 and all(tool.endswith(APP) for tool in tools) else None
    return None if one.is_run or other.is_run else True


def _of_labelled(
    labelled: Sequence[DeploymentRecord], earlier: Sequence[DeploymentRecord]
) -> PreviousDeployment:
    """Return the latest record that names this service, unless newer ones name none."""
    latest = labelled[-1]
    newer = earlier[earlier.index(latest) + 1 :]
    if any(each.commit_sha != latest.commit_sha for each in newer):
        return PreviousDeployment(uncertainty=Uncertainty.SEVERAL_MAKERS)
    reached = frozenset(each.commit_sha for each in labelled)
    return PreviousDeployment(record=latest, reached=reached)


def _is_of_other_service(record: DeploymentRecord, this: ThisDeployment) -> bool:
    return bool(record.services and this.services) and not record.services & this.services


def _tool_of(record: DeploymentRecord) -> str:
    """Return which app or user made a record, if known: Actions, whoever started the run."""
    return _ACTIONS if record.run_ids and record.creator else record.creator


def _tools_of(records: Sequence[DeploymentRecord]) -> set[str]:
    """Return which apps and users made records; one that starts runs as well counts once."""
    tools = {each.creator for each in records if each.creator and not each.run_ids}
    starters = {each.creator for each in records if each.creator and each.run_ids}
    return tools | {_ACTIONS} if starters - tools else tools


def _are_apart(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether two records were made by different runs."""
    return bool(one and other) and one.isdisjoint(other)


def _is_overlapping(first: DeploymentRecord, second: DeploymentRecord) -> bool:
    """Return whether two runs deployed at the same time; the first began no later."""
    is_at_once = first.succeeded_at is None or first.succeeded_at > second.created_at
    return is_at_once and _are_apart(first.run_ids, second.run_ids)


def _end_or_never(record: DeploymentRecord) -> datetime:
    return record.succeeded_at or datetime.max.replace(tzinfo=timezone.utc)


def _end_of(record: DeploymentRecord) -> datetime:
    """Return when a success was reached."""
    assert record.succeeded_at is not None
    return record.succeeded_at
