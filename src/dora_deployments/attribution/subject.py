"""Whose changes are asked for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dora_deployments.actions.event import DeploymentEvent
from dora_deployments.actions.inputs import Inputs
from dora_deployments.deployment import Fact

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config, MappedService


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A commit in an environment, whose changes are asked for.

    `own` says whether the repository that is reported is the event's own. `environment` is the
    name that is reported. `run_commit` is the commit of the run that deployed, None if there is
    no run.
    """

    deployment_event: DeploymentEvent
    inputs: Inputs
    repository: str
    own: bool
    commit_sha: Fact[str]
    environment: str
    success: bool = True
    config: "Config | None" = None
    run_commit: str | None = None

    @property
    def is_events(self) -> bool:
        """Whether the commit is the event's own, so that what the event says of it holds."""
        return self.own and self.inputs.commit_sha is None

    @property
    def environment_owner(self) -> "MappedService | None":
        """The service that the configuration gives the event's environment to, if it does."""
        if self.config is None or self.deployment_event.environment is None:
            return None
        return self.config.service_of(self.deployment_event.environment.value)
