"""What was merged into branches and out of them, asked of GitHub."""

import json
from datetime import timedelta

import pytest

from dora_deployments.attribution.answers import BranchHistory, Promotion
from dora_deployments.attribution.github.branches import branch_histories
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.deployment import PullRequest
from tests.attribution.github.answers import SLUG

NOT_READ = "GitHub's answer to the query for merged branches could not be read"


def merge(history, head, base, *, fork_branch=None, method="squash"):
    """Merge a commit of its own from a branch into another; return the pull request's number."""
    if head not in history.branches:
        history.branch(head, base)
    history.commit(head, {f"{head}.txt": f"{history.now}"})
    number = history.open_pull(head, base, fork_branch=fork_branch)
    history.merge_pull(number, method)
    return number


def of(history, number):
    """Return a pull request as it is told."""
    pull = history.pull(number)
    return PullRequest(
        number=number,
        merge_commit_sha=pull.merge_commit_sha,
        base=pull.base,
        title=pull.title,
        merged_at=pull.merged_at,
    )


def promotion(history, head, base="main", number=9):
    return Promotion(number=number, head=head, base=base, merged_at=history.now)


def failure(*arguments):
    with pytest.raises(LookUpError) as raised:
        branch_histories(*arguments)
    return raised.value


def test_what_was_merged_into_branches_and_onward_takes_one_request(serve, history):
    history.commit()
    for branch in ("develop", "stäble", "main2"):
        history.branch(branch)
    first, second = (merge(history, head, "develop") for head in ("a", "b"))
    onward = merge(history, "develop", "main", method="merge")
    merge(history, "develop", "main2")
    merge(history, "side", "main", fork_branch="develop")
    history.branch("open", "develop")
    history.commit("open")
    history.open_pull("open", "develop")
    third = merge(history, "c", "stäble")
    history.touch_pull(first)
    history.hide_merge_commit(second)
    github, api = serve()
    asked = [
        promotion(history, "develop", number=90),
        promotion(history, "stäble"),
        promotion(history, "develop", number=91),
    ]

    of_develop = BranchHistory(
        merged=(
            of(history, first),
            PullRequest(
                number=second,
                merge_commit_sha="",
                base="develop",
                title=history.pull(second).title,
                merged_at=history.pull(second).merged_at,
            ),
        ),
        promoted_at=(history.pull(onward).merged_at,),
    )
    assert branch_histories(api, SLUG, asked) == [
        of_develop,
        BranchHistory(merged=(of(history, third),)),
        of_develop,
    ]
    assert len(github.asked) == 1


def test_a_hundred_are_listed_and_since_when(serve, history):
    history.commit()
    history.branch("develop")
    numbers = [merge(history, f"b{number}", "develop") for number in range(101)]
    _, api = serve()
    (found,) = branch_histories(api, SLUG, [promotion(history, "develop")])
    assert [pull.number for pull in found.merged] == numbers[:0:-1]
    assert found.listed_since == history.pull(numbers[1]).merged_at


def test_many_branches_are_asked_for_in_several_requests(serve, history):
    history.commit()
    github, api = serve()
    asked = [promotion(history, f"b{number}") for number in range(26)]
    assert branch_histories(api, SLUG, asked) == [BranchHistory()] * 26
    assert len(github.asked) == 2


def test_no_branch_takes_no_request(serve):
    github, api = serve()
    assert branch_histories(api, SLUG, []) == []
    assert github.asked == []


NODE = {
    "number": 1,
    "title": "",
    "mergedAt": "2026-06-01T08:00:00Z",
    "updatedAt": "2026-06-01T08:00:00Z",
    "baseRefName": "develop",
    "mergeCommit": None,
}
PAGE = {"pageInfo": {"hasNextPage": False}, "nodes": []}


def answered(into, onward, **beside):
    """Return the fault by which GitHub answers so."""
    body = {"data": {"repository": {"into0": into, "onward0": onward}}, **beside}
    return lambda _: (200, {}, json.dumps(body).encode())


NO_PULLS = "GitHub's answer to a query has no pull requests"


@pytest.mark.parametrize(
    ("into", "onward", "why"),
    [
        (None, PAGE, f"{NO_PULLS} into a branch"),
        ({**PAGE, "nodes": None}, PAGE, f"{NO_PULLS} into a branch"),
        (PAGE, None, f"{NO_PULLS} out of a branch"),
        (PAGE, {"nodes": None}, f"{NO_PULLS} out of a branch"),
        ({"nodes": []}, PAGE, NOT_READ),
        ({**PAGE, "nodes": [{**NODE, "updatedAt": "today"}]}, PAGE, NOT_READ),
        ({**PAGE, "nodes": [NODE, {**NODE, "number": None}]}, PAGE, NOT_READ),
        ({**PAGE, "nodes": [{**NODE, "mergedAt": None}]}, PAGE, NOT_READ),
        ({**PAGE, "nodes": [None]}, PAGE, NOT_READ),
        (PAGE, {"nodes": [{"mergedAt": None, "isCrossRepository": False}]}, NOT_READ),
        (PAGE, {"nodes": [{"mergedAt": NODE["mergedAt"], "isCrossRepository": None}]}, NOT_READ),
    ],
)
def test_an_answer_of_another_kind_is_none(serve, history, into, onward, why):
    github, api = serve()
    github.fault = answered(into, onward)
    assert str(failure(api, SLUG, [promotion(history, "develop")])) == why


def test_a_part_that_is_refused_makes_all_of_it_unknown(serve, history):
    github, api = serve()
    github.fault = answered(PAGE, PAGE, errors=[{"type": "FORBIDDEN", "message": "no"}])
    error = failure(api, SLUG, [promotion(history, "develop")])
    assert str(error) == "GitHub refused the query for merged branches"


def test_promotions_are_told_with_the_moments_of_their_merges(serve, history):
    history.commit()
    history.branch("develop")
    numbers = []
    for _ in range(2):
        numbers.append(merge(history, "develop", "main"))
        history.now += timedelta(days=1)
    _, api = serve()
    (found,) = branch_histories(api, SLUG, [promotion(history, "develop")])
    assert found.promoted_at == tuple(
        history.pull(number).merged_at for number in reversed(numbers)
    )
