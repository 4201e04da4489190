"""The files to hand over: a CSV file in DX's fields, and JSON Lines."""

import csv
import io
import json
from datetime import datetime, timezone

import pytest

from dora_deployments.attribution.services import ServiceChanges
from dora_deployments.backfill import csv_file
from dora_deployments.backfill.metrics import Record
from dora_deployments.deployment import PullRequest, Service
from tests.builders import deployment
from tests.report.accounts import BASE, SHA, pull_request, resolved, shipped

HEAD = (
    "reference_id,deployed_at,service,environment,repository,commit_sha,merge_commit_shas,"
    "integration_branch,source_url,source_name,metadata,success\n"
)
MERGED = datetime(2026, 5, 11, 9, 0, 0, tzinfo=timezone.utc)
BEGUN = datetime(2026, 5, 10, 9, 0, 0, tzinfo=timezone.utc)


def carried(*pulls):
    return ServiceChanges(service=Service(identifier="shop"), pulls=pulls, is_exact=True)


def pull(number, **changes):
    return PullRequest(
        number=number, **{"merge_commit_sha": f"{number:040x}", "merged_at": MERGED, **changes}
    )


# --- the CSV file


def test_the_csv_file_begins_with_the_names_of_dxs_fields():
    assert csv_file.header() == HEAD


def test_what_is_absent_is_an_empty_cell():
    assert csv_file.row({"reference_id": "one", "other": "unknown"}) == "one,,,,,,,,,,,\n"


def test_text_stands_as_it_is_and_all_else_is_json():
    body = {
        "reference_id": 'a "quoted", id',
        "service": {"identifier": "shop"},
        "merge_commit_shas": ["a", "b"],
        "metadata": {"rollback": True},
        "success": False,
        "source_name": "über\nall",
    }
    text = csv_file.row(body)
    assert text == (
        '"a ""quoted"", id",,"{""identifier"": ""shop""}",,,,"[""a"", ""b""]",,,"über\nall",'
        '"{""rollback"": true}",false\n'
    )
    (cells,) = csv.reader(io.StringIO(text))
    assert len(cells) == len(csv_file.COLUMNS)


# --- JSON Lines


def test_a_line_has_all_of_a_deployment_and_the_pull_requests_it_carries():
    of = deployment(
        service=Service(identifier="shop", name="Shop"),
        team="payments",
        version="v2",
        attribution="pull-requests",
        merge_commit_shas=("a" * 40,),
        is_rollback=True,
        success=False,
    )
    first = pull(1, first_commit_at=BEGUN)
    since = shipped(first)
    line = csv_file.line(of, carried(first, pull(2, merged_at=None)), resolved(shipped=since), None)
    assert line.endswith("}\n")
    assert json.loads(line) == {
        "id": "dora-0123456789abcdef0123456789abcdef01234567",
        "repository": "acme/shop",
        "environment": "production",
        "service": "shop",
        "service_name": "Shop",
        "team": "payments",
        "version": "v2",
        "commit_sha": SHA,
        "previous_sha": BASE,
        "started_at": "2026-05-11T09:30:12Z",
        "finished_at": "2026-05-11T09:34:40Z",
        "success": False,
        "rollback": True,
        "attribution": "pull-requests",
        "merge_commit_shas": ["a" * 40],
        "pull_requests": [
            {
                "number": 1,
                "merge_commit_sha": f"{1:040x}",
                "merged_at": "2026-05-11T09:00:00Z",
                "first_commit_at": "2026-05-10T09:00:00Z",
            },
            {
                "number": 2,
                "merge_commit_sha": f"{2:040x}",
                "merged_at": None,
                "first_commit_at": None,
            },
        ],
        "commits": 3,
        "source_url": "https://github.com/acme/shop/actions/runs/8412399001",
    }


def test_what_is_not_known_of_a_deployment_is_null():
    fields = json.loads(csv_file.line(deployment(source_url=None), carried(), resolved(), None))
    unknown = ("service_name", "team", "version", "previous_sha", "commits", "source_url")
    assert [fields[name] for name in unknown] == [None] * 6
    assert (fields["merge_commit_shas"], fields["pull_requests"]) == ([], [])


def test_the_first_commit_of_an_event_counts_where_the_pull_request_has_none_itself():
    other = datetime(2026, 5, 9, 9, 0, 0, tzinfo=timezone.utc)
    pulls = (pull(1, first_commit_at=other), pull_request(2))
    fields = json.loads(csv_file.line(deployment(), carried(*pulls), resolved(), BEGUN))
    assert [each["first_commit_at"] for each in fields["pull_requests"]] == [
        "2026-05-09T09:00:00Z",
        "2026-05-10T09:00:00Z",
    ]


def test_lines_are_read_back_for_the_metrics():
    first = pull(1, first_commit_at=BEGUN)
    known = carried(first, pull(2, merged_at=None), pull(3))
    lines = [
        csv_file.line(deployment(), known, resolved(), None),
        csv_file.line(deployment(success=False, environment="test"), carried(), resolved(), None),
    ]
    finished_at = datetime(2026, 5, 11, 9, 34, 40, tzinfo=timezone.utc)
    assert [*csv_file.records(lines)] == [
        Record(
            environment="production",
            service="shop",
            finished_at=finished_at,
            success=True,
            merged_at=(MERGED, MERGED),
            first_commit_at=(BEGUN,),
        ),
        Record(environment="test", service="shop", finished_at=finished_at, success=False),
    ]


def test_a_line_without_a_time_is_none_of_ours():
    line = csv_file.line(deployment(), carried(), resolved(), None)
    broken = json.dumps({**json.loads(line), "finished_at": None})
    with pytest.raises(ValueError, match=r"^a deployment has no time$"):
        list(csv_file.records([broken]))
