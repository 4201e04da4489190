"""The stand-in and the checks of the backfill's benchmark."""

import base64
import dataclasses
import json
import subprocess
from collections import Counter
from datetime import datetime, timezone

import pytest
import requests

from bench.backfill import checks, graph, live, page, queries, runs, written
from bench.backfill.made import REPOSITORY_ID, SLUG, START, made
from bench.backfill.queries import Refused
from bench.backfill.served import TOKEN, GitHub, Ways
from dora_deployments.attribution.github.history import GitHubHistory
from dora_deployments.attribution.github.patient import Patient
from dora_deployments.budget import Budget

YEAR = made(1_000, 5_000)
SMALL = made(60, 300)
ROOT = f"/repos/{SLUG}"


@pytest.fixture(scope="module")
def github():
    with GitHub(YEAR) as served:
        yield served


@pytest.fixture(scope="module")
def session():
    with requests.Session() as made_here:
        made_here.headers["authorization"] = f"token {TOKEN}"
        yield made_here


# --- the history


def test_a_history_is_the_same_for_a_seed_and_has_the_size_that_is_wanted():
    again, other = made(60, 300), made(60, 300, seed=8)
    assert again == SMALL
    assert other.commits != SMALL.commits
    assert len(YEAR.deployments) == 1_000
    on_trunk = sum(1 for _ in graph.log(YEAR.commits, YEAR.tip))
    assert 5_000 <= on_trunk < 5_050
    assert len(YEAR.commits) > on_trunk


def test_parents_are_made_before_their_children_whatever_the_clocks_say():
    skewed = 0
    for number, commit in enumerate(YEAR.commits):
        assert all(parent < number for parent in commit.parents)
        skewed += any(YEAR.commits[each].committed > commit.committed for each in commit.parents)
    assert skewed > 5


def test_a_history_has_all_kinds_of_deployments_within_about_a_year():
    assert {each.kind for each in YEAR.deployments} == {
        "plain",
        "preview",
        "redeployment",
        "rollback",
        "failure",
        "error",
        "failure, then success",
        "unfinished",
        "gone",
        "hotfix",
        "support",
        "other task",
        "renamed",
        "twins",
    }
    times = [each.created_at for each in YEAR.deployments]
    assert times == sorted(times)
    assert 300 < (times[-1] - START) / 86_400 < 400
    assert all(
        [status.at for status in each.statuses] == sorted(status.at for status in each.statuses)
        for each in YEAR.deployments
    )


def test_each_way_to_land_leaves_its_merge_commit_on_the_trunk():
    on_trunk = set(graph.log(YEAR.commits, YEAR.tip))
    of_trunk = [pull for pull in YEAR.pulls if pull.base == "main"]
    assert all(pull.landed in on_trunk for pull in of_trunk)
    assert all(pull in YEAR.pulls_of[pull.landed] for pull in YEAR.pulls)
    sizes = Counter(
        (
            len(YEAR.commits[pull.landed].parents),
            sum(pull in pulls for pulls in YEAR.pulls_of.values()) > 1,
        )
        for pull in of_trunk
    )
    assert sizes.keys() == {(1, False), (1, True), (2, True)}  # squashed, rebased, merged


# --- the graph


def ancestry(commits):
    found = []
    for number, commit in enumerate(commits):
        found.append({number}.union(*(found[parent] for parent in commit.parents)))
    return found


def test_a_comparison_is_what_one_reaches_and_the_other_does_not():
    reached = ancestry(SMALL.commits)
    numbers = range(0, len(SMALL.commits), 5)
    relations = Counter()
    for base in numbers:
        for head in numbers:
            found = graph.compared(SMALL.commits, base, head)
            assert set(found.ahead) == reached[head] - reached[base]
            assert found.behind == len(reached[base] - reached[head])
            assert found.merge_base == max(reached[base] & reached[head])
            relations[found.relation] += 1
    assert relations.keys() == {"identical", "ahead", "behind", "diverged"}


def test_a_log_has_the_order_of_git_itself(tmp_path):
    lines = []
    for number, commit in enumerate(SMALL.commits, 1):
        lines += [f"commit refs/heads/c{number}", f"mark :{number}"]
        lines += [f"committer Grace <grace@acme.example> {commit.committed} +0000", "data 0"]
        lines += [
            f"{'merge' if index else 'from'} :{parent + 1}"
            for index, parent in enumerate(commit.parents)
        ]
        lines.append("")
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path], check=True)
    imports = ["git", "-C", tmp_path, "fast-import", "--quiet", "--export-marks=marks"]
    subprocess.run(imports, input="\n".join(lines).encode(), check=True, cwd=tmp_path)
    marks = dict(line.split()[::-1] for line in (tmp_path / "marks").read_text().splitlines())
    listed = subprocess.run(
        ["git", "-C", tmp_path, "rev-list", f"refs/heads/c{SMALL.tip + 1}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    by_git = [int(marks[sha][1:]) - 1 for sha in listed]
    assert list(graph.log(SMALL.commits, SMALL.tip)) == by_git


# --- queries


def test_a_query_is_read_with_aliases_fragments_arguments_and_conditions():
    text = """
    query Name($first: Int!, $no: Boolean!, $yes: Boolean!) {
      a: thing(first: $first, by: {field: AT, words: ["one", "two"]}) { ...Some ... on Other { x } }
      thing(first: 2) { y @include(if: $no) z @include(if: $yes) }
      plain
    }
    fragment Some on Thing { x y }
    """
    asked = []

    def thing(**given):
        asked.append(given)
        return {"__typename": "Thing", "x": 1, "y": [2, None], "z": None}

    query = queries.parsed(text, {"first": 100, "no": False, "yes": True})
    assert query.name == "Name"
    answer = query.answer({"thing": thing, "plain": "text"})
    assert answer == {"a": {"x": 1, "y": [2, None]}, "thing": {"z": None}, "plain": "text"}
    by = {"field": "AT", "words": ["one", "two"]}
    assert asked == [{"first": 100, "by": by}, {"first": 2}]


def test_a_query_costs_a_point_for_each_hundred_connections():
    text = "query { nodes(ids: $ids) { a(first: 100) { b(first: 10) { c } } } }"
    query = queries.parsed(text, {"ids": ["x"] * 50})
    # 50 for `a`, and 5,000 for `b`.
    assert query.cost() == (50, 50 * 100 + 50 * 100 * 10)
    assert queries.parsed("{ plain }", {}).cost() == (1, 0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("query { other }", "undefinedField"),
        ("query { plain(first: 1) }", "argumentNotAccepted"),
        ("query { plain", "parse"),
        ("query { ...Missing }", "parse"),
        ("query { plain(first 1) }", "parse"),
    ],
)
def test_a_query_for_what_is_not_there_is_refused(text, kind):
    with pytest.raises(Refused) as refused:
        queries.parsed(text, {}).answer({"plain": 1})
    assert refused.value.kind == kind


# --- the stand-in


def test_lists_come_in_pages_with_links_to_the_last(github, session):
    address = f"{github.url}{ROOT}/deployments?per_page=100"
    first = session.get(f"{address}&page=1")
    last = session.get(f"{address}&page=10")
    assert [each["id"] for each in first.json()] == [each.id for each in YEAR.deployments[:-101:-1]]
    assert first.links.keys() == {"next", "last"}
    assert "page=10&" in first.links["last"]["url"]
    assert (len(last.json()), last.links) == (100, {})
    assert session.get(f"{address}&page=11").json() == []


def test_commits_come_in_gits_order_with_their_parents(github, session):
    found = session.get(f"{github.url}{ROOT}/commits?sha=main&per_page=100&page=2").json()
    walked = list(graph.log(YEAR.commits, YEAR.tip))[100:200]
    assert [each["sha"] for each in found] == [YEAR.commits[each].sha for each in walked]
    assert [[parent["sha"] for parent in each["parents"]] for each in found] == [
        [YEAR.commits[parent].sha for parent in YEAR.commits[each].parents] for each in walked
    ]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("", 200),
        ("/commits/main", 200),
        (f"/commits/{'0' * 40}", 422),
        (f"/commits?sha={'0' * 40}", 404),
        ("/contents/.github/dora.yml?ref=main", 404),
        (f"/compare/{'0' * 40}...{YEAR.commits[0].sha}?per_page=100", 404),
        ("/deployments?environment=production", 422),
        ("/issues", 404),
    ],
)
def test_it_answers_what_is_asked_for_and_refuses_what_is_not(github, session, target, status):
    assert session.get(f"{github.url}{ROOT}{target}").status_code == status


def test_it_wants_its_token(github):
    assert requests.get(github.url + ROOT, timeout=5).status_code == 401


def test_a_rate_limit_runs_out_and_is_renewed(session):
    with GitHub(SMALL) as served:
        served.forget(Ways(budget=2, window=3600))
        answers = [session.get(served.url + ROOT) for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 200, 403]
        assert [each.headers["x-ratelimit-remaining"] for each in answers] == ["1", "0", "0"]
        assert served.asked == {"repository": 2, "rate limit": 1}
        served.forget(Ways(budget=2, window=0))
        assert [session.get(served.url + ROOT).status_code for _ in range(3)] == [200] * 3


def test_with_services_there_are_files(session):
    with GitHub(SMALL) as served:
        served.forget(Ways(services=True))
        found = session.get(f"{served.url}{ROOT}/contents/.github/dora.yml?ref=main").json()
        assert base64.b64decode(found["content"]) == written.CONFIG
        sha = SMALL.commits[7].sha
        listed = session.get(f"{served.url}{ROOT}/commits/{sha}?per_page=100").json()["files"]
        assert [each["filename"] for each in listed] == [*written.files(sha)]
        number = SMALL.pulls[0].number
        text = f"""query Details {{ repository(owner: "acme", name: "shop") {{
          p0: pullRequest(number: {number}) {{ files(first: 100) {{ nodes {{ path }} }} }}
        }} }}"""
        answer = session.post(f"{served.url}/graphql", json={"query": text}).json()
        nodes = answer["data"]["repository"]["p0"]["files"]["nodes"]
        assert [each["path"] for each in nodes] == [*written.files(f"pull {number}")]
        assert served.asked == {"contents": 1, "commit": 1, "GraphQL Details": 1, "points": 1}


class Memory(dict):
    """Pages that are kept in memory."""

    put = dict.__setitem__


@pytest.fixture
def history(github):
    api = Patient(api_url=github.url, token=TOKEN, budget=Budget.of(60.0), say=lambda _: None)
    github.forget(Ways())
    yield GitHubHistory(api, SLUG, Memory())
    api.close()


def test_the_action_reads_all_of_it(github, history):
    repository = history.repository()
    assert repository == {"full_name": SLUG, "id": REPOSITORY_ID, "default_branch": "main"}
    tip = history.tip("main")
    commits = [commit for batch in history.commits(tip) for commit in batch]
    walked = list(graph.log(YEAR.commits, YEAR.tip))
    assert [sha for sha, _, _ in commits] == [YEAR.commits[number].sha for number in walked]
    found = list(history.deployments())
    assert [
        (each["deployment"]["id"], [status["state"] for status in each["statuses"]])
        for each in found
    ] == [
        (each.id, [status.state for status in each.statuses]) for each in reversed(YEAR.deployments)
    ]
    pulls = list(history.merged_pulls(datetime(2020, 1, 1, tzinfo=timezone.utc)))
    assert sorted(each["number"] for each in pulls) == [each.number for each in YEAR.pulls]
    of_pages = -(-len(walked) // 100), -(-len(YEAR.pulls) // 100)
    assert github.asked["commits"] == of_pages[0]
    assert github.asked["deployments"] == github.asked["GraphQL Statuses"] == 10
    # One that is updated meanwhile would be at the front, which is read once more.
    assert github.asked["GraphQL Pulls"] == of_pages[1] + 1
    assert not [kind for kind in github.asked if kind.startswith("refused")]


def test_the_action_reads_what_came_before_a_commit_beside_the_trunk(history):
    number = max(number for number in YEAR.pulls_of if number not in ON_TRUNK)
    sha, gone = YEAR.commits[number].sha, "0" * 40
    found = history.ancestors([sha, gone], deep=5)
    assert found[gone] is None
    walked = list(graph.log(YEAR.commits, number))[:5]
    assert [commit[0] for commit in found[sha]] == [YEAR.commits[each].sha for each in walked]


ON_TRUNK = set(graph.log(YEAR.commits, YEAR.tip))


def test_below_a_time_it_is_that_time(github, session):
    one = next(each for each in YEAR.deployments[500:] if each.environment == "production")
    finish = one.statuses[-1].at
    query = """query Past($owner: String!, $name: String!) {
      repository(owner: $owner, name: $name) {
        deployments(environments: ["production"], first: 100) {
          nodes { createdAt statuses(first: 100) { nodes { createdAt } } }
        }
      }
    }"""
    owner, name = SLUG.split("/")
    document = {"query": query, "variables": {"owner": owner, "name": name}}

    def times(then):
        address = f"{github.url}/then/{then}/graphql"
        answer = session.post(address, json=document).json()["data"]
        nodes = answer["repository"]["deployments"]["nodes"]
        statuses = [status["createdAt"] for node in nodes for status in node["statuses"]["nodes"]]
        return [node["createdAt"] for node in nodes], statuses

    created, statuses = times(one.created_at)
    assert created[0] == written.iso(one.created_at)
    assert max([*created, *statuses]) <= written.iso(one.created_at)
    assert max(times(finish)[1]) == written.iso(finish)


# --- the checks


def test_the_finishes_of_a_deployment_are_the_first_of_each_outcome():
    by_kind = {}
    for each in live.finishes(YEAR, 0, 2**40):
        states = by_kind.setdefault(each.deployment.kind, {}).setdefault(each.deployment.id, [])
        states.append(each.state)
    assert {kind: {*map(tuple, states.values())} for kind, states in by_kind.items()} == {
        "failure": {("failure",)},
        "error": {("error",)},
        "failure, then success": {("failure", "success")},
        **{
            kind: {("success",)}
            for kind in by_kind.keys() - {"failure", "error", "failure, then success"}
        },
    }
    assert not {"preview", "unfinished"} & by_kind.keys()
    some = live.finishes(YEAR, START + 10**6, START + 2 * 10**6)
    assert all(START + 10**6 <= each.at < START + 2 * 10**6 for each in some)


def test_a_sample_has_each_kind():
    finishes = live.finishes(YEAR, 0, 2**40)
    chosen = live.sample(finishes, 200)
    assert len(chosen) == 200
    assert {each.deployment.kind for each in chosen} == {each.deployment.kind for each in finishes}
    assert len(live.sample(finishes[:50], 200)) == 50


BODY = {
    "reference_id": "an-id",
    "deployed_at": "2026-01-01T00:00:00Z",
    "service": {"identifier": "shop"},
    "merge_commit_shas": ["a", "b"],
    "success": False,
}
LINE = {
    "id": "an-id",
    "service": "shop",
    "finished_at": "2026-01-01T00:00:00Z",
    "commit_sha": "c",
    "success": False,
    "pull_requests": [{"number": 1}, {"number": 2}],
    "previous_sha": None,
    "rollback": False,
    "attribution": "pull-requests",
}
REPORTED = live.Reported(
    body=BODY,
    previous_sha="",
    is_rollback=False,
    pulls=(1, 2),
    attribution="pull-requests",
)


def ran(folder, body, line):
    cells = [each if isinstance(each, str) else json.dumps(each) for each in body.values()]
    quoted = [f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in cells]
    (folder / "deployments.csv").write_text(f"{','.join(body)}\n{','.join(quoted)}\n")
    (folder / "deployments.jsonl").write_text(json.dumps(line) + "\n")
    return runs.Ran(
        exit_code=0,
        wall=1.0,
        cpu=0.5,
        peak=1,
        asked=Counter(),
        said="",
        outputs={},
        output=folder,
    )


FINISH = live.Finish(
    dataclasses.replace(YEAR.deployments[0], kind="plain", sha="c", id=1),
    "failure",
    int(datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()),
)


@pytest.mark.parametrize(
    ("reported", "differences"),
    [
        (REPORTED, ()),
        (dataclasses.replace(REPORTED, pulls=(2, 1)), ()),
        (
            dataclasses.replace(REPORTED, pulls=(1, 3)),
            ["pull requests: 1 missing, 1 too many, of 2"],
        ),
        (
            dataclasses.replace(REPORTED, previous_sha="d"),
            ["previous SHA: '', by the live path 'd'"],
        ),
        (
            dataclasses.replace(REPORTED, body={**BODY, "team": "payments"}),
            ["team: None, by the live path 'payments'"],
        ),
        (
            dataclasses.replace(REPORTED, body={**BODY, "reference_id": "other"}),
            ["other is not in the files", "shop too many"],
        ),
        ("no-service-touched", ["shop too many"]),
    ],
)
def test_what_the_live_path_reports_otherwise_is_told(tmp_path, reported, differences):
    found = checks.compared(ran(tmp_path, BODY, LINE), [(FINISH, reported)])
    assert found.differences == tuple(f"plain 1, failure: {each}" for each in differences)
    assert found.ordered == (not differences and reported is not REPORTED)


def test_what_is_missing_in_the_files_is_told(tmp_path):
    whole = ran(tmp_path, BODY, LINE)
    assert checks.of_all(whole, [FINISH]) == ()
    assert checks.of_all(whole, [FINISH, FINISH]) == ("1 deployments are missing, 0 too many",)
    assert checks.of_all(whole, []) == ("0 deployments are missing, 1 too many",)


# --- the page

ROW = page.Row(
    deployments=1_000,
    commits=5_000,
    pulls=2_000,
    reported=960,
    sent=None,
    latency=0.0,
    asked=Counter({"commits": 50, "tip": 1, "points": 30}),
    formula=90,
    wall=2.5,
    cpu=1.0,
    peak=60_000_000,
)


def test_a_row_has_its_metrics():
    slow = dataclasses.replace(ROW, sent=300, latency=0.1)
    assert page.table([ROW, slow]).splitlines()[2:] == [
        "| 1,000 | 5,000 | 2,000 | 960 | dry run |  | 51 | 90 | 2,500 ms | 1,000 ms | 60 MB |",
        "| 1,000 | 5,000 | 2,000 | 960 | 300 | 100 ms | 51 | 90 | 2,500 ms | 1,000 ms | 60 MB |",
    ]
    assert page.kinds(ROW.asked) == "commits 50, tip 1; the queries cost 30 points"


def test_each_benchmark_keeps_the_part_of_the_other():
    shown = page.Shown(
        date="2026-11-22", machine="a machine", version="0.1.0", rows=[ROW], findings=["Found."]
    )
    whole = f"# Benchmarks\n\nMeasurements.\n\n{page.section(shown)}"
    assert page.without(whole) == "# Benchmarks\n\nMeasurements.\n"
    assert f"{page.without(whole)}{page.kept(whole)}" == whole
    assert (page.without("# Benchmarks\n"), page.kept("# Benchmarks\n")) == ("# Benchmarks\n", "")
