"""What a past event means today: by today's inputs and configuration file."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from dora_deployments.actions.event import DeploymentEvent, Event
from dora_deployments.actions.events import interpret_event
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.run import Run
from dora_deployments.attribution import branch, environment
from dora_deployments.attribution.branch import RefLookUps
from dora_deployments.backfill.past import Item, PastEvent, Source

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the events of one source are read with.

    `inputs` and `run` are those of an event's own run: nothing in them is of this one. `only`
    is the one environment whose deployments count, if there is but one. `repository` is as
    payloads have it.
    """

    source: Source
    inputs: Inputs
    run: Run
    config: "Config | None"
    repository: Item
    only: str | None
    now: datetime

    @classmethod
    def of(
        cls,
        source: Source,
        inputs: Inputs,
        run: Run,
        config: "Config | None",
        repository: Item,
        now: datetime,
    ) -> "Terms":
        """Return the terms for one source.

        An environment that the inputs name is, for deployments, the one to look for; for the
        others, which know of none, the one that they went to.
        """
        of_deployments = source.name == "deployments"
        return cls(
            source=source,
            inputs=replace(
                inputs,
                mode="deployment",
                repository=None,  # the payloads have its name of today
                environment=None if of_deployments else inputs.environment,
            ),
            run=replace(run, run_id=None, sha=None, ref=None, attempt=1, actor=None),
            config=config,
            repository=repository,
            only=inputs.environment if of_deployments else None,
            now=now,
        )

    def deployment_event(
        self, past: PastEvent, look_ups: RefLookUps
    ) -> tuple[DeploymentEvent, str]:
        """Return what happened, and the environment by the name that is reported.

        Raises `Skip` or `EventError` for what the live path would not report.
        """
        event = Event(
            name=past.name,
            payload=past.payload,
            run=replace(self.run, ref=past.ref),
            inputs=self.inputs,
            now=self.now,
        )
        deployment_event, _ = branch.check(interpret_event(event), self.inputs, look_ups)
        reported = environment.reported(deployment_event, self.inputs, self.config).value
        return deployment_event, reported
