"""Our own action, started as its composite starts it, and the program alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from bench.contenders import Contender, FailedError, callers_environ, search_path, spawned
from bench.measurements import Title
from bench.stands import API_KEY, DX_TOKEN, GITHUB_TOKEN, SecureDatadog, taken
from tests.end_to_end.github.apart import Apart
from tests.end_to_end.receivers import Datadog, Dx
from tests.end_to_end.runner import ROOT, environment
from tests.payloads import payload_file
from tests.report import runner

_STEP = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")
DELIVERED = "delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """Makes contenders of this action. `work` is for their files, `tools` the shared tool cache."""

    action: Path
    work: Path
    tools: Path
    datadog: Datadog
    dx: Dx

    def direct(self, title: Title, given: Mapping[str, str]) -> Contender:
        """Report a merged pull request, which looks nothing up; `given` are inputs."""
        event = payload_file("pull_request.closed.merged")
        return self._contender(title, event_name="pull_request", event=event, given=given)

    def secure(self, title: Title, to: SecureDatadog) -> Contender:
        """Report to Datadog alone, over TLS, with all of the public authorities at hand."""
        given = {**self.to_datadog, "datadog_site": to.secure_url}
        made = self.direct(title, given)
        return replace(
            made,
            environ={**made.environ, "REQUESTS_CA_BUNDLE": str(to.bundle)},
            count=lambda: taken(to),
        )

    def alone(self, title: Title) -> Contender:
        """Run the program by this very Python, without the shell around it."""
        made = self.direct(title, self.to_datadog)
        python = (sys._base_executable, "-I", "-S", "-X", "utf8", "-u")  # noqa: SLF001 - so named
        program = str(self.action / "entrypoint.py")
        return replace(made, command=(*python, program, "composite"))

    def looking_up(
        self, title: Title, served: tuple[Apart, dict[str, Any]], pulls: int
    ) -> Contender:
        """Report a deployment to both, once GitHub was asked which `pulls` pull requests it has."""
        github, event = served

        def complaint() -> str:
            shipped = self.dx.received[-1].json.get("merge_commit_shas", ())
            return "" if len(shipped) == pulls else f"{len(shipped)} pull requests were found"

        return self._contender(
            title,
            event_name="deployment_status",
            event=event,
            given={**self.to_datadog, **self.to_dx},
            variables={"GITHUB_API_URL": github.api_url},
            asked=lambda: len(github.asked()),
            complaint=complaint,
        )

    @property
    def to_datadog(self) -> dict[str, str]:
        """The inputs that turn Datadog on."""
        return {"datadog_api_key": API_KEY, "datadog_site": self.datadog.url}

    @property
    def to_dx(self) -> dict[str, str]:
        """The inputs that turn DX on."""
        return {"dx_token": DX_TOKEN, "dx_instance": self.dx.url}

    def first_step(self, served: tuple[Apart, dict[str, Any]]) -> None:
        """Run one that looks up as the first step of a job, which installs all to `tools`.

        Raises `FailedError` if that is impossible.
        """
        first = self.looking_up(Title("first-step", "", ""), served, pulls=0)
        first.prepare()
        environ = {**callers_environ(), **first.environ, "INPUT_TIMEOUT": "300"}
        exit_code, *_, said = spawned(first.command, environ, first.folder)
        if exit_code:
            raise FailedError("its packages could not be installed", said)

    def _contender(
        self,
        title: Title,
        *,
        event_name: str,
        event: Mapping[str, Any],
        given: Mapping[str, str],
        variables: Mapping[str, str] | None = None,
        asked: Callable[[], int] = lambda: 0,
        complaint: Callable[[], str] = lambda: "",
    ) -> Contender:
        folder = self.work / title.key
        folder.mkdir(parents=True)
        environ = step_environ(folder, event_name, event, given)
        environ.update({"RUNNER_TOOL_CACHE": str(self.tools), **(variables or {})})
        status = "dry-run" if "dry_run" in given else DELIVERED

        def prepare() -> None:
            self.dx.deployments.clear()  # or DX would know the deployment of the run before
            empty(folder)

        return Contender(
            title=title,
            command=(*_STEP, str(self.action / "launch.sh")),
            environ=environ,
            folder=folder,
            prepare=prepare,
            count=lambda: taken(self.datadog) + taken(self.dx) + asked(),
            complaint=lambda: ended(folder, status) or complaint(),
        )


def step_environ(
    folder: Path, event_name: str, event: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of the composite's step, with every input of action.yml in it."""
    declared = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"]
    inputs = {name.replace("-", "_"): each.get("default", "") for name, each in declared.items()}
    # An outage would be no failure of the step otherwise.
    inputs |= {"github_token": GITHUB_TOKEN, "service": "shop", "fail_on": "any", **given}
    return {
        **environment(folder, event_name, json.dumps(event).encode(), inputs),
        "PATH": search_path(),
    }


def empty(folder: Path) -> None:
    """Empty the files that a step writes to, as the runner does for each step."""
    for name in ("output", "summary.md"):
        (folder / name).write_bytes(b"")


def ended(folder: Path, status: str) -> str:
    """Say what is wrong if the step did not end with this status."""
    found = runner.outputs((folder / "output").read_text("utf-8")).get("status", "")
    return "" if found == status else f"its status is {found!r}"
