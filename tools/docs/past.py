"""The generated parts of docs/backfill.md: the columns of the CSV file, and how long it takes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from math import ceil
from pathlib import Path
from typing import Any, Final

import yaml

from dora_deployments import backends
from dora_deployments.actions.inputs import Inputs
from dora_deployments.backfill import csv_file
from tools.docs.markdown import table

ROOT: Final = Path(__file__).parent.parent.parent
NOW: Final = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)

# What DX is sent for a deployment.
BODY: Final[Mapping[str, Any]] = {
    "reference_id": "dora-0c4e6f1a2b3d5e7f8091a2b3c4d5e6f708192a3b",
    "deployed_at": "2026-01-14T09:31:07Z",
    "service": {"identifier": "checkout"},
    "environment": "production",
    "repository": "acme/shop",
    "merge_commit_shas": [
        "5a47c3f0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6",
        "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a",
    ],
    "source_url": "https://github.com/acme/shop/actions/runs/20987654321",
    "source_name": "GitHub Actions",
    "metadata": {"commit_timestamp": 1768382881, "first_commit_timestamp": 1768294413},
}
# What the other columns contain, and when.
ELSE: Final[Mapping[str, str]] = {
    "commit_sha": "the deployed commit, where the pull requests are not known exactly",
    "integration_branch": "`develop`, if that is the input, with `commit_sha`",
    "success": "`false`, if the deployment failed",
}

PAGE: Final = 100  # what GitHub returns at once
# For each repository by REST: its current name, the newest commit, .github/dora.yml, and a
# source without records; by GraphQL, at least: commits that are not on the default branch.
FEW_BY_REST: Final = 4
FEW_BY_GRAPHQL: Final = 2
JOBS: Final = 256  # of one matrix
JOB: Final = timedelta(minutes=1)  # the least that GitHub bills
# For a token that reads all repositories: requests by REST, points by GraphQL, and its owner.
# GitHub, "Rate limits for the REST API" and "Rate limits and query limits for the GraphQL API".
AN_HOUR: Final = (
    (5_000, 5_000, "a fine-grained token"),
    (15_000, 10_000, "an app of an Enterprise Cloud organisation"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A number of repositories, and what each of them has in the period."""

    name: str
    repositories: int = 1
    deployments: int
    commits: int
    pulls: int

    @property
    def by_rest(self) -> int:
        """Return the requests for one of them by REST: its deployments, its commits."""
        return ceil(self.deployments / PAGE) + ceil(self.commits / PAGE) + FEW_BY_REST

    @property
    def by_graphql(self) -> int:
        """Return those by GraphQL: how deployments ended, whose they are, and pull requests."""
        return 2 * ceil(self.deployments / PAGE) + ceil(self.pulls / PAGE) + FEW_BY_GRAPHQL

    @property
    def requests(self) -> int:
        """Return all requests for one of them."""
        return self.by_rest + self.by_graphql


LARGE: Final = Kind(name="large", deployments=10_000, commits=50_000, pulls=12_000)
# A year of a made-up organisation.
ORGANISATION: Final = (
    Kind(name="quiet", repositories=2_000, deployments=20, commits=60, pulls=30),
    Kind(name="usual", repositories=800, deployments=200, commits=800, pulls=250),
    Kind(name="busy", repositories=200, deployments=2_500, commits=8_000, pulls=2_500),
)


def columns() -> str:
    """Return the columns of the CSV file, each with an example."""
    return table(
        ("column", "for example"), ((f"`{each}`", _cell(each)) for each in csv_file.COLUMNS)
    )


def _cell(column: str) -> str:
    if column not in BODY:
        return ELSE[column]
    value = BODY[column]
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def one() -> str:
    """Return how long one large repository takes."""
    requests_per_minute, apart = _limits()
    size = f"{LARGE.deployments:,} deployments of one service, {LARGE.commits:,} commits"
    size += f" and {LARGE.pulls:,} pull requests"
    return table(
        (size, ""),
        (
            ("requests to read them", f"about {round(LARGE.requests, -1):,}"),
            (
                f"to send them to DX, {requests_per_minute} a minute",
                _span(timedelta(minutes=LARGE.deployments / requests_per_minute)),
            ),
            (
                f"to send them to Datadog, one in {apart:g} s",
                _span(timedelta(seconds=LARGE.deployments * apart)),
            ),
        ),
    )


def requests() -> str:
    """Return the requests that an organisation takes, by the kinds of its repositories."""
    rows = [
        (
            kind.name,
            f"{kind.repositories:,}",
            f"{kind.deployments:,}",
            f"{kind.commits:,}",
            f"{kind.pulls:,}",
            f"{kind.requests:,}",
            f"{kind.repositories * kind.requests:,}",
        )
        for kind in ORGANISATION
    ]
    return table(
        (
            "kind",
            "repositories",
            "deployments of each",
            "commits",
            "pull requests",
            "requests for each",
            "for all",
        ),
        rows,
    )


def time() -> str:
    """Return how long an organisation takes."""
    by_rest = sum(kind.repositories * kind.by_rest for kind in ORGANISATION)
    by_graphql = sum(kind.repositories * kind.by_graphql for kind in ORGANISATION)
    reported = sum(kind.repositories * kind.deployments for kind in ORGANISATION)
    requests_per_minute, apart = _limits()
    at_once = side_by_side()
    return table(
        ("what", "how much"),
        (
            ("runs, one for each shard", f"{ceil(_repositories() / JOBS)}"),
            (
                "requests in all",
                f"{by_rest + by_graphql:,}: {by_rest:,} by REST, {by_graphql:,} by GraphQL",
            ),
            *(
                (
                    (
                        f"the rate limit of {whose}: {rest:,} REST requests and {points:,} GraphQL"
                        " points an hour"
                    ),
                    _span(timedelta(hours=max(by_rest / rest, by_graphql / points))),
                )
                for rest, points, whose in AN_HOUR
            ),
            ("runner minutes, one for each job", f"{_repositories():,}"),
            (f"the jobs, {at_once} at once", _span(JOB * _repositories() / at_once)),
            (
                f"to send all {reported:,} deployments to DX, {requests_per_minute} a minute",
                _span(timedelta(minutes=reported / requests_per_minute)),
            ),
            (
                f"to send them to Datadog, one in {apart:g} s for each of {at_once} services",
                _span(timedelta(seconds=reported * apart) / at_once),
            ),
        ),
    )


def side_by_side() -> int:
    """Return how many jobs the example has at once."""
    text = (ROOT / "examples" / "backfill-organisation.yml").read_text("utf-8")
    return int(yaml.safe_load(text)["jobs"]["backfill"]["strategy"]["max-parallel"])


def _repositories() -> int:
    return sum(kind.repositories for kind in ORGANISATION)


def _limits() -> tuple[int, float]:
    """Return how many DX is sent in a minute, and how many seconds Datadog is given for one."""
    every = [backend.limits for backend in backends.samples(Inputs.from_environ({}, NOW))]
    (requests_per_minute,) = (
        limits.requests_per_minute for limits in every if limits.requests_per_minute is not None
    )
    return requests_per_minute, max(limits.min_spacing_seconds for limits in every)


def _span(length: timedelta) -> str:
    """Return a length of time as people say it, in whole minutes."""
    hours, minutes = divmod(round(length.total_seconds() / 60), 60)
    return " ".join([*([f"{hours} h"] if hours else []), *([f"{minutes} min"] if minutes else [])])
