"""From past events to deployments, and their distance from each other."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.attribution.answers import Comparison, PullsByCommit
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.backends import dx
from dora_deployments.backfill import csv_file
from dora_deployments.backfill.day import UnavailableError
from dora_deployments.backfill.deriving import Spacing, derived
from dora_deployments.backfill.gathering import Gathered
from dora_deployments.backfill.neighbours import of_deployment
from dora_deployments.backfill.past import named
from dora_deployments.backfill.reading import Found, Items
from dora_deployments.backfill.workflows import Workflows
from dora_deployments.deployment import Limits, Service
from dora_deployments.errors import InputError
from tests.attribution.github.conftest import Kept
from tests.attribution.look_ups import Answers
from tests.backfill.terms import terms_of
from tests.builders import deployment, inputs
from tests.delivery import wire

START = datetime(2026, 6, 1, 8, tzinfo=timezone.utc)
SAMPLE = dx.sample(inputs())


def at(minute):
    return START + timedelta(minutes=minute)


def text(minute):
    return at(minute).strftime("%Y-%m-%dT%H:%M:%SZ")


def sha(number):
    return f"{number:040x}"


def deployed(number, commit=None, **changes):
    """Return a deployment of that minute, which succeeded at once."""
    return {
        "deployment": {
            "id": number,
            "sha": commit or sha(number),
            "ref": "main",
            "environment": "production",
            "created_at": text(number),
            **changes,
        },
        "statuses": [
            {
                "state": "success",
                "created_at": text(number),
                "log_url": None,
                "environment_url": None,
            }
        ],
        "is_tag": False,
    }


class Known:
    """Stands for commits and archive, which know that each commit came after the one before."""

    def __init__(self, error=None):
        self.error = error

    def committed_at(self, commit):
        return at(int(commit, 16)) if len(commit) == 40 else None

    def compare(self, base, _head):
        if self.error is not None:
            raise self.error
        return Comparison(
            relation="identical", base=base, merge_base=base, total=0, committed_at=None
        )

    def landings(self, commit_shas, old):
        del old
        return PullsByCommit(by_commit=dict.fromkeys(commit_shas, ()))


def derived_of(*items, error=None, in_dx=SAMPLE, config=None, **given):
    """Return what is derived of deployments, and the reasons of those that are left out."""
    source = named("deployments")
    found = Found(terms=terms_of(source, config, **given), items=Items(Kept(), source.name))
    for item in items:
        number = found.items.add(item)
        finished_at = datetime.fromisoformat(
            item["statuses"][0]["created_at"].replace("Z", "+00:00")
        )
        found.events.append((finished_at, number, 0))
        if neighbour := of_deployment(item):
            found.neighbours.add("production", neighbour)
    known = Known(error)
    gathered = Gathered(
        found=found,
        commits=known,
        archive=known,
        workflows=Workflows(Answers(), "acme/shop", Kept()),
        pulls_since=START,
    )
    return [*derived(gathered, in_dx)], found


def test_each_event_is_a_deployment_with_its_line_and_its_row():
    (first, second), found = derived_of(deployed(1), deployed(2, sha(1)), service="shop")
    assert [each.deployment.finished_at for each in (first, second)] == [at(1), at(2)]
    assert [each.deployment.commit_sha for each in (first, second)] == [sha(1)] * 2
    assert [json.loads(each.line)["previous_sha"] for each in (first, second)] == [None, sha(1)]
    assert [each.line.count("\n") for each in (first, second)] == [1, 1]
    for each in (first, second):
        (request,) = SAMPLE.requests(each.deployment)
        assert each.row == csv_file.row(json.loads(request.body))
        assert each.doubts == ()
    assert found.left_out == {}


def test_each_service_is_a_deployment():
    found, _ = derived_of(deployed(1), service="cart\nshop")
    assert [each.deployment.service.identifier for each in found] == ["cart", "shop"]
    assert [json.loads(each.line)["service"] for each in found] == ["cart", "shop"]


def test_what_cannot_be_reported_is_left_out_and_told():
    found, of = derived_of(
        deployed(1, transient_environment=True), deployed(2, "main"), deployed(3)
    )
    assert [each.deployment.commit_sha for each in found] == [sha(3)]
    assert of.left_out == {"transient-environment": 1, "bad-event": 1}
    (problem,) = of.problems
    assert problem.startswith("2026-06-01 08:02 UTC: ")


def test_what_is_not_certain_is_a_doubt():
    gone = LookUpError("GitHub knows no such commit any more", absent=True)
    (_, second), _ = derived_of(deployed(1), deployed(2), error=gone)
    (doubt,) = second.doubts
    assert doubt.startswith(f"what came since {sha(1)[:7]} (")
    assert doubt.endswith(") could not be looked up: GitHub knows no such commit any more")
    assert second.deployment.attribution == "commit"


def test_what_cannot_be_asked_now_ends_it():
    with pytest.raises(UnavailableError):
        derived_of(deployed(1), deployed(2), error=LookUpError("down", outage=True, wait=0.0))


def test_what_dx_cannot_be_told_of_has_no_row():
    (found,), of = derived_of(deployed(1, "a" * 64))
    assert (found.deployment.commit_sha, found.row) == ("a" * 64, None)
    assert json.loads(found.line)["commit_sha"] == "a" * 64
    assert of.left_out == {}


class Refusing:
    """A DX that takes nothing."""

    def unsupported(self, _deployment):
        return None

    def requests(self, _deployment):
        raise InputError("the body breaks a rule")


def test_what_dx_would_refuse_has_no_row_and_may_be_told_to_others():
    (found,), of = derived_of(deployed(1), in_dx=Refusing())
    assert (found.deployment.commit_sha, found.row) == (sha(1), None)
    assert of.left_out == {}


# --- spacing


@dataclass(frozen=True, kw_only=True)
class Slow:
    """A backend that wants its deployments so far apart."""

    limits: Limits
    name: str = "Slow"


def spaced(*seconds, min_spacing_seconds=1.0):
    """Return when deployments of these seconds are told to have ended."""
    spacing = Spacing()
    backend = Slow(limits=Limits(min_spacing_seconds=min_spacing_seconds))
    return [
        (
            spacing.spaced(deployment(finished_at=START + timedelta(seconds=each)), backend)
        ).finished_at.timestamp()
        - START.timestamp()
        for each in seconds
    ]


def test_deployments_of_one_second_are_put_a_second_apart():
    assert spaced(0, 0, 0, 1, 5, 5) == [0, 1, 2, 3, 5, 6]


def test_a_fraction_of_a_second_is_of_its_second():
    assert spaced(0.75, 0.8, 2) == [0.75, 1, 2]
    assert spaced(0.75, 1.25) == [0.75, 1.25]


def test_the_rest_of_a_deployment_stays_as_it_is():
    spacing, backend = Spacing(), Slow(limits=Limits(min_spacing_seconds=1.0))
    first = deployment()
    assert spacing.spaced(first, backend) == first
    later = first.finished_at.replace(microsecond=0) + timedelta(seconds=1)
    assert spacing.spaced(first, backend) == deployment(finished_at=later)


def test_other_services_and_backends_are_none_of_its_business():
    spacing, slow = Spacing(), Slow(limits=Limits(min_spacing_seconds=1.0))
    other = Slow(limits=Limits(min_spacing_seconds=1.0), name="Other")
    cart = deployment(service=Service(identifier="cart"))
    for each, backend in ((deployment(), slow), (cart, slow), (deployment(), other)):
        assert spacing.spaced(each, backend) is not None
        assert each.finished_at == deployment().finished_at
    assert spacing.spaced(cart, other) == cart


def test_where_no_distance_is_asked_for_none_is_kept():
    assert spaced(0, 0, min_spacing_seconds=0.0) == [0, 0]
    spacing, backend = Spacing(), wire.dx("http://127.0.0.1:1")
    assert [spacing.spaced(deployment(), backend) for _ in range(2)] == [deployment()] * 2


def test_datadogs_distance_is_a_second():
    spacing, backend = Spacing(), wire.datadog("http://127.0.0.1:1")
    found = [spacing.spaced(deployment(), backend).finished_at for _ in range(2)]
    assert found[1] - found[0] == timedelta(seconds=1)
