"""The nouns: what was deployed, what is sent for it, and what came back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeVar

from dora_deployments.catalogue import Topic

T = TypeVar("T")

Attribution = Literal["pull-requests", "commit", "repository"]
Status = Literal["delivered", "duplicate", "rejected", "undelivered", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Generic[T]):
    """A value, and where it comes from and why, in words that follow "from"."""

    value: T
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What was deployed, as the backends' catalogues know it."""

    identifier: str
    name: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A merged pull request, as far as it is known.

    `merge_commit_sha` is the commit by which it landed on `base`. `first_commit_at` is when
    the first of its commits was written. The title is foreign text.
    """

    number: int
    merge_commit_sha: str
    base: str | None = None
    title: str = ""
    merged_at: datetime | None = None
    first_commit_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedServices:
    """The services whose files a merged pull request changes; at least one.

    `pull_id` is GitHub's database id of the pull request, not the number people see.
    """

    pull_id: int
    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One service put into one environment at one commit.

    Times are aware and in UTC. `attribution` says how the backend finds the
    changes: by `merge_commit_shas` (then not empty), by `commit_sha`, or by the
    repository alone. `metadata` must not change from one attempt of a run to the next.
    `committed_at` is when the deployed commit was made, `first_commit_at` when the first
    commit of the shipped pull requests was written.
    """

    id: str
    service: Service
    environment: str
    repository: str
    repository_url: str
    commit_sha: str
    started_at: datetime
    finished_at: datetime
    success: bool
    attribution: Attribution
    merge_commit_shas: tuple[str, ...] = ()
    integration_branch: str | None = None
    version: str | None = None
    team: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    is_rollback: bool = False
    committed_at: datetime | None = None
    first_commit_at: datetime | None = None
    source_url: str | None = None
    source_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """The one header that carries a key, which `input` holds. Its value shows in no `repr`."""

    input: str
    header: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How fast a backend takes many deployments.

    `requests_per_minute` is the most requests in a minute, `min_spacing_seconds` the least time
    between two deployments of a service.
    """

    requests_per_minute: int | None = None
    min_spacing_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A POST of JSON, its bytes fixed before the first attempt.

    `method` is the backend's own name for what it does.
    """

    method: str
    url: str
    body: bytes
    credential: Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a backend answered. Header names are in lower case.

    `body` may be cut short where it is long; where it broke off it is empty and not `whole`.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a backend took a request.

    `malformed` is a success status whose body is not the vendor's: the event may or may
    not be recorded, so it is sent again. `message` is our own text and safe to show
    anywhere; `detail` holds the vendor's own words and is foreign text. `topic` tells more.
    """

    status: Literal["delivered", "duplicate", "rejected", "malformed"]
    message: str
    detail: str = ""
    topic: Topic | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one backend took one service's deployment, after all attempts.

    `http_status` is that of the last answer, if there was one; `message` is our own text,
    `detail` foreign text, and `topic` tells more, as in `Verdict`.
    """

    backend: str
    service: str
    id: str
    status: Status
    message: str
    detail: str = ""
    topic: Topic | None = None
    http_status: int | None = None
    attempts: int = 0

    @property
    def is_recorded(self) -> bool:
        """Return whether the backend has it now, or had it already."""
        return self.status in {"delivered", "duplicate"}

    @property
    def is_missing(self) -> bool:
        """Return whether there was something to send that the backend does not have."""
        return self.status in {"rejected", "undelivered"}
