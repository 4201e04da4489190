"""Read the action's inputs, once, into one frozen object."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from dora_deployments.actions import hosts, moments, parse
from dora_deployments.actions.text import parts, shown, without_shas
from dora_deployments.catalogue import DOUBTFUL_INPUT, Note, about_input
from dora_deployments.deployment import Fact, Service
from dora_deployments.errors import InputError

if TYPE_CHECKING:
    from dora_deployments.actions.patterns import BranchFilter, EnvironmentRule

T = TypeVar("T")
D = TypeVar("D")

Mode = Literal["deployment", "pull-services", "replay", "backfill"]
AttributionChoice = Literal["auto", "pull-requests", "commit", "repository"]
SuccessChoice = Literal["auto", "true", "false", "success", "failure", "cancelled", "skipped"]
FailOn = Literal["never", "config", "any"]

SECRETS: Final = ("github-token", "datadog-api-key", "dx-token")
ATTRIBUTION_CHOICES: Final[tuple[AttributionChoice, ...]] = (
    "auto",
    "pull-requests",
    "commit",
    "repository",
)
SUCCESS_CHOICES: Final[tuple[SuccessChoice, ...]] = (
    "auto",
    "true",
    "false",
    "success",
    "failure",
    "cancelled",
    "skipped",
)
MODES: Final[tuple[Mode, ...]] = ("deployment", "pull-services", "replay", "backfill")
FAIL_ON_CHOICES: Final[tuple[FailOn, ...]] = ("never", "config", "any")
# What can be true of one deployment alone.
_OF_ONE: Final = (
    "commit-sha",
    "previous-sha",
    "merge-commit-shas",
    "version",
    "started-at",
    "finished-at",
    "success",
    "deployment-id",
    "source-url",
)
_OF_BACKFILL: Final = (("since", "90d"), ("until", None), ("backfill-source", "auto"))
# By these a run may differ from the one that it goes on with.
_NO_PLAN: Final = (*SECRETS, "timeout", "dry-run", "fail-on", "output-path")
DEFAULT_REPLAY_PATH: Final = "dora-undelivered"
# Shorter ones, made up for a test, may well be part of another input by chance.
LONG_SECRET: Final = 16
# A part of a secret that is as long is no chance any more.
_SHORTEST_PART: Final = 12
_BARE_BEARER: Final = "bearer"
_BEARER: Final = re.compile(rf"^{_BARE_BEARER}\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Every input of action.yml, in the same order, parsed.

    None, or an empty tuple, means that the workflow's author left the input out.
    `datadog_site` and `dx_instance` are base URLs; times are aware and in UTC; `timeout`
    is in seconds. `warnings` are about the inputs and safe to show.
    """

    mode: Mode
    service: tuple[Service, ...]
    environment: str | None
    environment_map: "tuple[EnvironmentRule, ...]"
    branches: "BranchFilter | None"
    repository: str | None
    commit_sha: str | None
    previous_sha: str | None
    merge_commit_shas: tuple[str, ...]
    attribution: AttributionChoice
    integration_branch: str | None
    version: str | None
    team: str | None
    tags: tuple[str, ...]
    metadata: Mapping[str, object]
    started_at: datetime | None
    finished_at: datetime | None
    success: SuccessChoice
    deployment_id: str | None
    source_url: str | None
    source_name: str
    config_file: str | None
    github_token: str | None = field(repr=False)
    datadog_api_key: str | None = field(repr=False)
    datadog_site: str
    dx_token: str | None = field(repr=False)
    dx_instance: str | None
    fail_on: FailOn
    timeout: int
    dry_run: bool
    replay_path: str
    since: datetime
    until: datetime
    backfill_source: str
    output_path: str
    warnings: tuple[Note, ...] = ()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], now: datetime) -> "Inputs":
        """Parse `environ`, or raise one `InputError` that names every bad input.

        `now` bounds the times that can be true, and is what `since` and `until` count from.
        """
        reader = _Reader(environ)
        read = reader.read

        def moment(text: str) -> datetime:
            return moments.parse(text, now)

        def day(text: str) -> datetime:
            return _day(text, now)

        mode: Mode = read("mode", parse.one_of(*MODES), "deployment")
        longest = parse.LONGEST_BACKFILL if mode == "backfill" else parse.LONGEST_TIMEOUT
        inputs = cls(
            mode=mode,
            service=read("service", parse.services, ()),
            environment=read("environment", parse.environment, None),
            environment_map=read("environment-map", parse.environment_map, ()),
            branches=read("branches", parse.branches, None),
            repository=read("repository", parse.repository, None),
            commit_sha=read("commit-sha", parse.commit_sha, None),
            previous_sha=read("previous-sha", parse.previous_sha, None),
            merge_commit_shas=read("merge-commit-shas", parse.commit_shas, ()),
            attribution=read("attribution", parse.one_of(*ATTRIBUTION_CHOICES), "auto"),
            integration_branch=read("integration-branch", parse.line, None),
            version=read("version", parse.line, None),
            team=read("team", parse.line, None),
            tags=read("tags", parse.tags, ()),
            metadata=read("metadata", parse.metadata, {}),
            started_at=read("started-at", moment, None),
            finished_at=read("finished-at", moment, None),
            success=read("success", parse.one_of(*SUCCESS_CHOICES), "auto"),
            deployment_id=read("deployment-id", parse.deployment_id, None),
            source_url=read("source-url", parse.web_url, None),
            source_name=read("source-name", parse.line, "GitHub Actions"),
            config_file=read("config-file", parse.config_path, None),
            github_token=reader.secret("github-token"),
            datadog_api_key=reader.secret("datadog-api-key"),
            datadog_site=read("datadog-site", hosts.datadog_url, "https://api.datadoghq.com"),
            dx_token=reader.secret("dx-token"),
            dx_instance=read("dx-instance", hosts.dx_url, None),
            fail_on=read("fail-on", parse.one_of(*FAIL_ON_CHOICES), "config"),
            timeout=read("timeout", parse.seconds(longest), 60),
            dry_run=read("dry-run", parse.flag, False),
            replay_path=read("replay-path", parse.line, DEFAULT_REPLAY_PATH),
            since=read("since", day, now - timedelta(days=90)),
            until=read("until", day, now),
            backfill_source=read("backfill-source", _backfill_source, "auto"),
            output_path=read("output-path", parse.line, "dora-backfill"),
            warnings=tuple(reader.warnings),
        )
        unread = {problem.input for problem in reader.problems}
        problems = (*reader.problems, *_contradictions(inputs, unread))
        if problems:
            raise InputError(*problems)
        return replace(inputs, warnings=(*inputs.warnings, *_doubts(inputs)))

    @property
    def has_key(self) -> bool:
        """Return whether there is the key of any backend."""
        keys = (name.replace("-", "_") for name in SECRETS if name != "github-token")
        return any(getattr(self, key) is not None for key in keys)

    def deploys(self, commit_sha: str | None) -> bool:
        """Return whether no other commit than this one is given."""
        return self.commit_sha is None or (commit_sha or "").startswith(self.commit_sha)


def input_fact(value: T | None, name: str) -> Fact[T] | None:
    """Return the value of the input of that name as a fact, if it was given."""
    return None if value is None else Fact(value=value, source=f"the input `{name}`")


def masks(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return every form of the secrets that could reach the log, longest first.

    Read before the inputs are judged, so that a bad secret is masked too. Asterisks, the
    word Bearer and texts under four characters are left out: masking them would wreck the
    whole log.
    """
    found: set[str] = set()
    for name in SECRETS:
        value = _raw(environ, name) or ""
        forms = {value, _BEARER.sub("", value), *value.splitlines()}
        found.update(form.strip() for form in forms if form.strip(" *"))
    found -= {form for form in found if form.lower() == _BARE_BEARER}
    return tuple(sorted((form for form in found if len(form) >= 4), key=lambda f: (-len(f), f)))


def spelt_for(entry: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that only a step before this one can have planted.

    GitHub gives a Docker action `INPUT_DX-TOKEN`, and the composite passes `INPUT_DX_TOKEN` to
    itself. Each sets all of its own inputs, empty ones too, and none in the other spelling.
    `entry` is `docker` or `composite`.
    """
    foreign = {"docker": "_", "composite": "-"}[entry]
    return {
        name: value
        for name, value in environ.items()
        if foreign not in name.removeprefix("INPUT_") or not name.startswith("INPUT_")
    }


def fail_on(environ: Mapping[str, str]) -> FailOn:
    """Return the input `fail-on` alone, so that bad inputs can be judged by it.

    One that is itself bad counts as its default.
    """
    return _Reader(environ).read("fail-on", parse.one_of(*FAIL_ON_CHOICES), "config")


def of_backfill(environ: Mapping[str, str]) -> tuple[Note, ...]:
    """Return what is wrong with inputs that say what to fill in, where the mode is another one.

    Who gives them hardly means to report what is deployed now. Their defaults are no harm.
    """
    return tuple(
        about_input(
            name,
            "is of `mode: backfill`, and `mode` is another one; set `mode: backfill`, or leave"
            f" `{name}` out",
        )
        for name, default in _OF_BACKFILL
        if _raw(environ, name) not in {None, default}
    )


def plan(environ: Mapping[str, str]) -> str:
    """Return a digest of what a run is to do, by which the next one knows whether to go on with it.

    No part of it are the secrets, how long it may take, what fails it and where it writes.
    """
    names = (field.name.replace("_", "-") for field in fields(Inputs) if field.name != "warnings")
    texts = {name: _raw(environ, name) for name in names if name not in _NO_PLAN}
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


class _Reader:
    """Collects problems, so that one run reports them all."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._parts = {
            part
            for secret in masks(environ)
            if len(secret) >= LONG_SECRET
            for part in parts(secret, _SHORTEST_PART)
        }
        self.problems: list[Note] = []
        self.warnings: list[Note] = []

    def read(self, name: str, parser: Callable[[str], T], default: D) -> T | D:
        """Return the parsed input, or `default` where it is absent or bad."""
        value = without_shas(_raw(self._environ, name) or "")
        if any(part in value for part in self._parts):
            # Else a message or a request might show it, and nobody knows half a key as one.
            problem = (
                "holds the secret of another input, or a part of it; take it out, and check that no"
                " two inputs are swapped"
            )
            self.problems.append(about_input(name, problem))
            return default
        return self._parsed(name, parser, default)

    def _parsed(self, name: str, parser: Callable[[str], T], default: D) -> T | D:
        value = _raw(self._environ, name)
        if value is None:
            return default
        try:
            value.encode()
            return parser(value)
        except UnicodeEncodeError:
            problem = "is not valid UTF-8 text; type it again"
        except ValueError as error:
            problem = str(error)
        self.problems.append(about_input(name, problem))
        return default

    def secret(self, name: str) -> str | None:
        """Return the secret, less what people often paste along with it."""

        def parser(text: str) -> str:
            bare = _BEARER.sub("", text)
            if bare != text:
                self._doubt(name, "starts with Bearer; store the token alone")
            return parse.secret(bare)

        raw = _exact(self._environ, name)
        if raw is None or _BEARER.sub("", raw.strip()).lower() == _BARE_BEARER:
            return None  # the word stands before a secret that does not exist here
        if raw != raw.strip():
            self._doubt(name, "has white space around it, which was cut; store it without")
        return self._parsed(name, parser, None)

    def _doubt(self, name: str, words: str) -> None:
        self.warnings.append(about_input(name, words, DOUBTFUL_INPUT))


def _exact(environ: Mapping[str, str], name: str) -> str | None:
    # A Docker action is given INPUT_DX-TOKEN, which no shell can spell; the composite
    # passes INPUT_DX_TOKEN. GitHub gives an input that was left out as an empty string.
    key = f"INPUT_{name.upper()}"
    for spelling in (key, key.replace("-", "_")):
        value = environ.get(spelling, "")
        if value.strip():
            return value
    return None


def _raw(environ: Mapping[str, str], name: str) -> str | None:
    value = _exact(environ, name)
    return value and value.strip()


def _day(text: str, now: datetime) -> datetime:
    """Return the moment that an ISO date, a time or a number of days before `now` means."""
    if days := re.fullmatch(r"(\d{1,4})d?", text, re.ASCII):
        return now - timedelta(days=int(days[1]))
    try:
        is_date = re.fullmatch(r"\d{4}-\d\d-\d\d", text)
        return moments.parse(f"{text}T00:00:00Z" if is_date else text, now)
    except ValueError:
        raise ValueError(
            f"is {shown(text)}; write a past date from the year 2000 on, such as 2026-01-31, or a"
            " number of days, such as 90d"
        ) from None


def _backfill_source(text: str) -> str:
    words = r"auto|deployments|releases|pull-requests|workflow-runs:.+"
    if not re.fullmatch(words, parse.line(text)):
        raise ValueError(
            f"is {shown(text)}; write auto, deployments, releases, pull-requests or"
            " workflow-runs:NAME"
        )
    return text


def _contradictions(inputs: Inputs, unread: Collection[str]) -> tuple[Note, ...]:
    """Return what is wrong with inputs that are each good by themselves; `unread` are not."""
    problems = []
    started, finished = inputs.started_at, inputs.finished_at
    if inputs.mode == "backfill":
        of_one = ((name, getattr(inputs, name.replace("-", "_"))) for name in _OF_ONE)
        problems += [
            about_input(
                name, "is of one deployment, and `mode: backfill` reports many; leave it out"
            )
            for name, value in of_one
            if value and (name, value) != ("success", "auto")
        ]
    elif started and finished and started - finished > moments.MOST_SKEW:
        problem = (
            f"({started.isoformat()}) is later than `finished-at` ({finished.isoformat()}); swap or"
            " correct them"
        )
        problems.append(about_input("started-at", problem))
    since, until = (moments.whole_seconds(each) for each in (inputs.since, inputs.until))
    if inputs.since > inputs.until and not {"since", "until"} & {*unread}:
        problem = (
            f"({since.isoformat()}) is later than `until` ({until.isoformat()}); write an earlier"
            " `since` or a later `until`"
        )
        problems.append(about_input("since", problem))
    return tuple(problems)


def _doubts(inputs: Inputs) -> Iterator[Note]:
    """Return warnings about inputs that can be used, but hardly as they were meant."""
    key = inputs.datadog_api_key
    if key and not re.fullmatch(r"[0-9a-f]{32}", key, re.IGNORECASE):
        yield about_input(
            "datadog-api-key",
            "is not 32 hex digits, as Datadog's API keys are; an application key or a token of"
            " another vendor will be refused",
            DOUBTFUL_INPUT,
        )
    if key and key == inputs.dx_token:
        yield about_input(
            "datadog-api-key",
            "and `dx-token` hold the same secret; one must be wrong",
            DOUBTFUL_INPUT,
        )
    if key and inputs.datadog_site.endswith("ddog-gov.com"):
        yield about_input(
            "datadog-site",
            "is a government site, for which Datadog's documentation says that DORA Metrics are not"
            " available; leave `datadog-api-key` out",
            DOUBTFUL_INPUT,
        )
