"""The workflow run, as GitHub's `GITHUB_*` variables describe it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from dora_deployments.actions.payload import full_sha, slug
from dora_deployments.errors import EventError

# The address of docs/, where it is not known which repository and ref the action is from.
DOCS: Final = "https://github.com/acme/dora-deployments/blob/v1/docs"

# The page of a workflow run, or of one of its jobs or attempts.
RUN_URL: Final = re.compile(r"/actions/runs/(\d{1,19})(?![0-9])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where and for what this step runs; what a variable does not hold is None.

    `server_url` and `api_url` have no trailing slash and no user info. `attempt` counts
    from 1.
    """

    event_name: str | None
    event_path: str | None
    repository: str | None
    repository_id: str | None
    sha: str | None
    ref: str | None
    server_url: str
    api_url: str
    run_id: str | None
    attempt: int
    actor: str | None
    workspace: str | None
    temp: str | None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Run":
        """Return the run; `EventError` if a server's address cannot be one."""

        def read(name: str) -> str | None:
            return environ.get(name, "").strip() or None

        return cls(
            event_name=read("GITHUB_EVENT_NAME"),
            event_path=read("GITHUB_EVENT_PATH"),
            repository=slug(read("GITHUB_REPOSITORY")),
            repository_id=_digits(read("GITHUB_REPOSITORY_ID")),
            sha=full_sha(read("GITHUB_SHA")),
            ref=read("GITHUB_REF"),
            server_url=_server(
                "GITHUB_SERVER_URL", read("GITHUB_SERVER_URL"), "https://github.com"
            ),
            api_url=_server("GITHUB_API_URL", read("GITHUB_API_URL"), "https://api.github.com"),
            run_id=_digits(read("GITHUB_RUN_ID")),
            attempt=int(_digits(read("GITHUB_RUN_ATTEMPT")) or 1),
            actor=read("GITHUB_ACTOR"),
            workspace=read("GITHUB_WORKSPACE"),
            temp=read("RUNNER_TEMP"),
        )

    def url(self, repository: str) -> str | None:
        """Return the address of this run's page; it is the same for every attempt."""
        if self.run_id is None:
            return None
        return f"{self.server_url}/{repository}/actions/runs/{self.run_id}"


def docs_url(environ: Mapping[str, str]) -> str:
    """Return the address of docs/ in the repository and at the ref that the action is from.

    GitHub says both in `GITHUB_ACTION_*` to a Docker action, and to a composite one only in
    expressions (actions/runner#2473), which action.yml passes on as `DORA_ACTION_*`. Both are
    empty where the action is part of the workflow's own repository.
    """
    prefix = "DORA_ACTION" if "DORA_ACTION_REF" in environ else "GITHUB_ACTION"
    repository = slug(environ.get(f"{prefix}_REPOSITORY"))
    ref = environ.get(f"{prefix}_REF", "")
    if repository is None or not re.fullmatch(r"[A-Za-z0-9_./-]{1,255}", ref):
        return DOCS
    server = environ.get("GITHUB_SERVER_URL", "").strip()
    try:
        server = _server("GITHUB_SERVER_URL", server, "https://github.com")
    except EventError:
        return DOCS
    return f"{server}/{repository}/blob/{ref}/docs"


def _digits(text: str | None) -> str | None:
    return text if text and re.fullmatch(r"\d{1,19}", text, re.ASCII) else None


def _server(name: str, text: str | None, default: str) -> str:
    """Return a server's address without user info, query or trailing slash."""
    problem = EventError(
        f"{name} is not the address of a server; GitHub sets it, so do not set it yourself"
    )
    try:
        url = urlsplit(text or default)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise problem from None
    if (
        url.scheme not in {"http", "https"}
        or not re.fullmatch(r"[a-z0-9.:-]+", host)
        or not re.fullmatch(r"[A-Za-z0-9_./~-]*", url.path)
    ):
        raise problem
    host = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{host}{f':{port}' if port else ''}{url.path.rstrip('/')}"
