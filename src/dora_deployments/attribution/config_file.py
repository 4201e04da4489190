"""The configuration file: from the workspace, else from the repository as it was deployed."""

from typing import TYPE_CHECKING

from dora_deployments.actions.event import DeploymentEvent
from dora_deployments.actions.inputs import Inputs
from dora_deployments.actions.parse import DEFAULT_CONFIG_FILE, LARGEST_CONFIG_FILE
from dora_deployments.attribution import environment
from dora_deployments.attribution.look_ups import LookUpError, LookUps
from dora_deployments.catalogue import CONFIG_FILE_UNREAD
from dora_deployments.errors import ConfigurationError, HeldBackError

if TYPE_CHECKING:
    from dora_deployments.actions.config import Config


def found(
    deployment_event: DeploymentEvent,
    inputs: Inputs,
    workspace_file: bytes | None,
    repository: str,
    commit_sha: str,
    look_ups: LookUps,
) -> tuple["Config | None", tuple[str, ...]]:
    """Return what the file says, if there is one, and warnings about the way to it.

    `workspace_file` is what the workspace holds at its path. GitHub is asked only if there
    is none, and if the file is named or could name the services. Raises `ConfigurationError`
    for a file that cannot be read as one, and for a named one that does not exist. Where GitHub
    does not give the file, and it decides under which names to report, raises
    `ConfigurationError` if it is named and `HeldBackError` if not.
    """
    try:
        return looked_up(inputs, workspace_file, repository, commit_sha, look_ups), ()
    except LookUpError as error:
        path = inputs.config_file or DEFAULT_CONFIG_FILE
        where = f"`{path}` of {repository} at {commit_sha[:7]}"
        failed = f"{where} could not be looked up: {error}"
        wanted = _decided_by_file(deployment_event, inputs)
        if not wanted:
            without = (
                "the report goes without it, and without pull requests, which may be of others"
            )
            return None, (f"{failed}; {without}",)
        if inputs.config_file is not None:
            raise ConfigurationError(
                f"{failed}; only that file says {wanted}, so nothing was sent: run this job again,"
                " or check the repository out before this step"
            ) from None
        if inputs.github_token is None:  # which is to say: no look-ups
            return None, (f"{failed}; the service is named after the repository",)
        raise HeldBackError(
            f"{failed}; if there is such a file, it says {wanted}, and a report under another name"
            " would stay",
            topic=CONFIG_FILE_UNREAD,
        ) from None


def _decided_by_file(deployment_event: DeploymentEvent, inputs: Inputs) -> str:
    """Return what of a report's names the file decides, in words, or nothing if it decides none.

    Raises `Skip` if the inputs alone say that the environment is not to be reported.
    """
    services = "" if inputs.service else "which services there are"
    if not environment.may_be_mapped_by_file(deployment_event, inputs):
        environment.reported(deployment_event, inputs, None)
        return services
    if inputs.config_file is None:
        return services
    return " and ".join(filter(None, (services, "how the environment is called")))


def looked_up(
    inputs: Inputs,
    workspace_file: bytes | None,
    repository: str,
    commit_sha: str,
    look_ups: LookUps,
) -> "Config | None":
    """Return what `found` does, or raise `LookUpError` where GitHub does not tell the file."""
    path = inputs.config_file or DEFAULT_CONFIG_FILE
    if workspace_file is not None:
        return _parsed(workspace_file, f"`{path}` of the workspace")
    if inputs.service and inputs.config_file is None:
        return None
    content = look_ups.file(repository, path, commit_sha, LARGEST_CONFIG_FILE)
    if content is not None:
        return _parsed(content, f"`{path}` of {repository} at {commit_sha[:7]}")
    if inputs.config_file is not None:
        raise ConfigurationError(
            f"`config-file` is {path}, which neither the workspace has nor {repository} at"
            f" {commit_sha[:7]}, as far as `github-token` may see (`contents: read`); correct it,"
            " or check the file in"
        )
    return None


def _parsed(content: bytes, source: str) -> "Config":
    from dora_deployments.actions import config

    return config.parse(content, source)
