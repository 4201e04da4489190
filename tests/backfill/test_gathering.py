"""What GitHub says about a past that is not as it should be ends no backfill."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from tests.attribution.github.answers import said
from tests.backfill.shop import deployed_thrice, page
from tests.end_to_end.stories import SLUG

FIRST_OF_ALL = datetime(1, 1, 1, tzinfo=timezone.utc)
CONTENTS = f"/repos/{SLUG}/contents/.github/dora.yml"


def test_one_deployment_that_cannot_be_read_is_left_out_and_the_log_says_so(shop, capsys):
    _, odd, *_ = deployed_thrice(shop)
    deployments = shop.history.deployments
    deployments[odd] = replace(deployments[odd], environment="")
    assert shop.ended() == (0, "delivered", "")
    assert len(shop.lines()) == 3
    log = capsys.readouterr().out
    told = "1 of the GitHub deployments could not be read and is left out"
    assert log.count(told) == 1
    assert "::warning title=" in next(line for line in log.splitlines() if told in line)


def test_where_nothing_is_left_the_log_says_why_too(shop, capsys):
    odd = shop.history.deploy(shop.history.commit(), log_url=page(1))
    deployments = shop.history.deployments
    deployments[odd] = replace(deployments[odd], environment="")
    assert shop.ended() == (0, "skipped", "nothing-to-backfill")
    told = "1 of the GitHub deployments could not be read and is left out"
    assert capsys.readouterr().out.count(told) == 1


def test_a_deployment_of_the_first_day_of_all_is_odd(shop, capsys):
    first, *_ = deployed_thrice(shop)
    deployments = shop.history.deployments
    deployments[first] = replace(deployments[first], created_at=FIRST_OF_ALL)
    assert shop.ended() == (0, "delivered", "")
    assert "1 of the GitHub deployments could not be read" in capsys.readouterr().out


def test_a_deployment_of_before_this_century_is_odd(shop, capsys):
    first, *_ = deployed_thrice(shop)
    deployments = shop.history.deployments
    long_ago = datetime(1999, 12, 31, tzinfo=timezone.utc)
    deployments[first] = replace(deployments[first], created_at=long_ago)
    assert shop.ended() == (0, "delivered", "")
    assert "1 of the GitHub deployments could not be read" in capsys.readouterr().out


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_commit_may_be_of_any_time(shop, date):
    deployed_thrice(shop)
    shop.backfill()
    expected = shop.short("commit_sha", "previous_sha", "pull_requests")
    history = shop.history
    listed = [
        {
            "sha": sha,
            "commit": {"committer": {"date": date}},
            "parents": [{"sha": parent} for parent in history.commits[sha].parents],
        }
        for sha in history.log(history.branches["main"])
    ]
    shop.story.github.fault = lambda asked: (
        said(listed) if asked.path == f"/repos/{SLUG}/commits" else None
    )
    assert shop.ended() == (0, "delivered", "")
    assert shop.short("commit_sha", "previous_sha", "pull_requests") == expected


def test_a_pull_request_may_have_been_merged_before_its_time(shop):
    history = shop.history
    before = history.commit()
    history.deploy(before, log_url=page(1))
    number = shop.story.landed()
    history.deploy(history.branches["main"], log_url=page(2))
    merged_at = history.commits[before].committed - timedelta(hours=1)
    history._pulls[number] = replace(
        history.pull(number), created_at=merged_at, merged_at=merged_at
    )
    assert shop.ended() == (0, "delivered", "")
    pulls = [line["pull_requests"] for line in shop.lines()]
    assert [[pull["number"] for pull in each] for each in pulls] == [[], [number]]


def test_without_its_file_nothing_is_reported(shop, capsys):
    deployed_thrice(shop)
    shop.story.github.fault = lambda asked: said({}, 403) if asked.path == CONTENTS else None
    assert shop.ended() == (2, "rejected", "bad-configuration")
    why = "the past cannot be read: `github-token` may not read this (403); add `contents: read`"
    assert why in capsys.readouterr().out
    assert shop.told() == []
