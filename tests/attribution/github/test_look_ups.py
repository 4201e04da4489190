from dataclasses import replace
from functools import partial

import pytest

from dora_deployments.attribution.answers import (
    ChangedFiles,
    Mark,
    PastQuestion,
    Promotion,
    PullDetails,
)
from dora_deployments.attribution.github import LOOK_UP_SECONDS, GitHub
from dora_deployments.attribution.github.api import Api
from dora_deployments.attribution.look_ups import LookUpError
from dora_deployments.attribution.timeline import WorkflowOfRun
from dora_deployments.budget import Budget
from tests.attribution.github.answers import SLUG, TOKEN
from tests.end_to_end.github.history import START

QUESTION = PastQuestion(environments=("production",), task="deploy", commit_sha="5" * 40)


def test_every_look_up_is_answered(serve, history):
    base = history.commit("main", {".github/dora.yml": "x", "a": "x"})
    history.tag("v1")
    tag_object = history.annotated_tag("v2")
    history.deploy(base)
    workflow = history.workflow()
    run = str(history.run(workflow, base))
    history.branch("side")
    history.commit("side", {"b": "x"})
    number = history.open_pull("side")
    head = history.merge_pull(number)
    server, _ = serve()
    budget = Budget.of(LOOK_UP_SECONDS)
    with GitHub(Api(api_url=server.api_url, token=TOKEN, budget=budget)) as github:
        assert github.has_time()
        assert github.default_branch(SLUG) == "main"
        assert github.commit(SLUG, base[:10]) == base
        assert github.tag_commit(SLUG, "v1") == base
        assert github.peeled(SLUG, tag_object) == base
        assert github.merge_commit(SLUG, number) == head
        assert github.file(SLUG, ".github/dora.yml", head, 100) == b"x"
        question = replace(QUESTION, commit_sha=head, marks="tags")
        past = github.past(SLUG, question)
        assert [each.commit_sha for each in past.deployments] == [base]
        assert Mark(tag="v1", commit_sha=base) in past.marks
        assert github.workflows(SLUG, [run]) == {
            run: WorkflowOfRun(workflow_id=workflow, event="push")
        }
        assert github.latest_attempt(SLUG, run).attempt == 1
        assert github.attempt_started_at(SLUG, run, 1) == history.runs[int(run)].created_at
        compared = github.comparison(SLUG, base, head)
        assert (compared.relation, compared.total) == ("ahead", 2)
        assert compared.files == github.compared_files(SLUG, base, head) == frozenset({"b"})
        landed = github.landings(SLUG, [base, head]).by_commit
        assert [[pull.number for pull in landed[sha]] for sha in (base, head)] == [[], [number]]
        details = github.pull_details(SLUG, [number], files=True).by_number[number]
        assert details.files == frozenset({"b"})
        side = Promotion(number=number, head="side", base="main", merged_at=START)
        (branch,) = github.branch_histories(SLUG, [side])
        assert (branch.merged, len(branch.promoted_at)) == ((), 1)
        assert github.commit_files(SLUG, [base]) == ChangedFiles(
            by_commit={base: frozenset({".github/dora.yml", "a"})},
        )


def test_when_the_budget_is_over_there_is_no_time():
    with GitHub(Api(api_url="http://127.0.0.1:9", token=TOKEN, budget=Budget.of(0))) as github:
        assert not github.has_time()


def test_without_a_token_every_look_up_fails(serve):
    server, _ = serve()
    with GitHub(Api(api_url=server.api_url, token=None, budget=Budget.of(1))) as github:
        for look_up, arguments in (
            (github.default_branch, ()),
            (github.commit, ("5" * 7,)),
            (github.tag_commit, ("v1",)),
            (github.peeled, ("5" * 40,)),
            (github.merge_commit, (1,)),
            (github.file, ("a", "5" * 40, 1)),
            (github.past, (QUESTION,)),
            (github.workflows, (["77"],)),
            (github.latest_attempt, ("77",)),
            (github.attempt_started_at, ("77", 1)),
            (github.comparison, ("5" * 40, "6" * 40)),
            (github.compared_files, ("5" * 40, "6" * 40)),
            (partial(github.pull_details, files=True), ([1],)),
            (github.commit_files, (["5" * 40],)),
        ):
            with pytest.raises(LookUpError) as raised:
                look_up(SLUG, *arguments)
            assert str(raised.value) == "`github-token` is empty"
        assert github.pull_details(SLUG, [1], files=False) == PullDetails()
        assert github.landings(SLUG, ["5" * 40]).problem == "`github-token` is empty"
    assert server.asked == []
