"""A saved payload is tried as its run would be, with nothing of the shell that it is tried from."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dora_deployments import __version__
from dora_deployments.actions.payload import Payload
from dora_deployments.packages import CORE
from tests.end_to_end.composite import installed
from tests.payloads import PAYLOADS, payload_file
from tools import try_out

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "try.md").read_text("utf-8")
FILES = sorted(path.stem for path in PAYLOADS.glob("*.json"))
CONFIG = "services: {cart: {paths: [cart/]}, search: {paths: [search/]}}"
MERGED = f"""\
A dry run of pull_request, as PAYLOADS/pull_request.closed.merged.json has it. Nothing is sent
`dx-token` is left out: nothing is looked up or sent here

dora-deployments {__version__}
What was deployed, by the event pull_request
    commit: 7fd0709f3ed45ac797fbcf901f219c36cfe2b36a, from pull_request.merge_commit_sha, since\
 the pull request was merged
    repository: acme/shop, from pull_request.base.repo.full_name
    environment: production, from the default, since the event names none
    services: shop, from the input `service`
    started at: 2026-05-11T09:30:12Z, from pull_request.merged_at
    finished at: 2026-05-11T11:00:00Z, from the input `finished-at`
    outcome: success, from the event, which reports no failure
    attribution: commit, from the default, by which DX fills gaps itself
    change: #117, from the event, its merge by 7fd0709

Shipped changes
    #117 Keep the cart of signed-out shoppers (merged by 7fd0709, 1 h 29 min before this deployment)

Request for Datadog, shop
    POST https://api.datadoghq.com/api/v2/dora/deployment
    DD-API-KEY: ***
    {{
      "data": {{
        "attributes": {{
          "id": "dora-8b2ec8e65296e5f0ba45e0116d534a9250d0556f",
          "service": "shop",
          "env": "production",
          "started_at": 1778491812000000000,
          "finished_at": 1778497200000000000,
          "git": {{
            "commit_sha": "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a",
            "repository_url": "https://github.com/acme/shop"
          }}
        }}
      }}
    }}

Request for DX, shop
    POST https://acme.getdx.net/api/deployments.create
    Authorization: ***
    {{
      "reference_id": "dora-8b2ec8e65296e5f0ba45e0116d534a9250d0556f",
      "deployed_at": "2026-05-11T11:00:00Z",
      "service": {{
        "identifier": "shop"
      }},
      "environment": "production",
      "repository": "acme/shop",
      "commit_sha": "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a",
      "source_name": "GitHub Actions"
    }}

The deployment of change #117 in shop to production would be reported; nothing was sent

Outputs, but for empty ones
    status: dry-run
    repository: acme/shop
    commit-sha: 7fd0709f3ed45ac797fbcf901f219c36cfe2b36a
    environment: production
    services: ["shop"]
    merge-commit-shas: ["7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"]
    pull-requests: [117]
    deployment-ids: {{"shop":"dora-8b2ec8e65296e5f0ba45e0116d534a9250d0556f"}}

The job summary is in BUILD/try/summary.md
"""
UNMERGED = f"""\
A dry run of pull_request, as PAYLOADS/pull_request.closed.unmerged.json has it. Nothing is sent

dora-deployments {__version__}
Notice: Nothing to report (pull-request-not-merged): the pull request was closed without being\
 merged. Read more: https://github.com/acme/dora-deployments/blob/v1/docs/troubleshooting.md\
#pull-request-not-merged

Outputs, but for empty ones
    status: skipped
    reason: pull-request-not-merged
    repository: acme/shop

The job summary is in BUILD/try/summary.md
"""


@pytest.fixture(scope="session")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    installed(folder, CORE)
    return folder


@pytest.fixture
def attempt(packages, tmp_path, capfd):
    """Try something, and return the exit code and what a person sees."""
    build = tmp_path / "build"
    build.mkdir()
    (build / "packages").symlink_to(packages)

    def run(event="", variables=None, **words):
        path = str(PAYLOADS / f"{event}.json") if event in FILES else event
        environ = {"PATH": os.environ["PATH"], "EVENT": path, **words, **(variables or {})}
        exit_code = try_out.main(environ, build)
        shown, errors = capfd.readouterr()
        assert errors == ""
        for folder, word in ((PAYLOADS, "PAYLOADS"), (build, "BUILD"), (tmp_path, "FOLDER")):
            shown = shown.replace(str(folder), word)
        return exit_code, shown

    return run


def test_what_would_be_sent_is_shown_and_why(attempt, tmp_path):
    code, shown = attempt(
        "pull_request.closed.merged",
        WITH="service=shop dx-instance=acme DX-Token=secret finished-at=2026-05-11T11:00:00Z",
    )
    # What else the action warns of, such as an old event, is its own affair.
    assert re.sub(r"^Warning: .*\n", "", shown, flags=re.MULTILINE) == MERGED
    assert code == 0
    summary = (tmp_path / "build" / "try" / "summary.md").read_text("utf-8")
    assert summary.startswith("<h3>🔍 ")


def test_why_nothing_would_be_reported_is_shown(attempt):
    code, shown = attempt("pull_request.closed.unmerged")
    assert (code, shown) == (0, UNMERGED)


@pytest.mark.parametrize("event", ["release.published", "workflow_dispatch"])
def test_a_commit_that_only_github_knows_is_asked_for(attempt, event):
    asked = (
        "A run on GitHub has GITHUB_SHA as well, which the payload does not hold; here, add"
        " commit-sha= and the deployed commit to WITH\n"
    )
    code, shown = attempt(event)
    assert (code, shown.count(asked)) == (2, 1)
    code, shown = attempt(event, WITH=f"commit-sha={'5a47c3f0' * 5}")
    assert (code, shown.count(asked)) == (0, 0)


def test_a_bad_event_for_which_no_variable_helps_is_not_said_to_need_one(attempt):
    code, shown = attempt("pull_request.closed.merged.no_merge_commit")
    assert (code, shown.count("GITHUB_SHA as well")) == (2, 0)


def test_what_the_shell_has_does_not_count(attempt):
    lines = attempt("deployment_status.success", WITH="service=shop")
    assert lines == attempt(
        "deployment_status.success",
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_RUN_ID": "1",
            "GITHUB_SHA": "5a47c3f0" * 5,
            "INPUT_DRY-RUN": "false",
            "INPUT_DX-TOKEN": "secret",
            "INPUT_ENVIRONMENT": "staging",
            "RUNNER_DEBUG": "1",
        },
        WITH="service=shop",
    )


def test_a_dry_run_stays_one(attempt):
    _, shown = attempt("deployment_status.success", WITH="dry-run=false")
    assert "    status: dry-run\n" in shown


def test_services_are_those_of_the_clone(attempt, tmp_path):
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "dora.yml").write_text(CONFIG, "utf-8")
    _, shown = attempt("push.branch", REPOSITORY=str(tmp_path))
    assert '    services: ["cart","search"]\n' in shown


def test_a_name_that_is_given_counts_more_than_the_shape(attempt):
    _, shown = attempt("pull_request.closed.merged.fork", NAME="pull_request_target")
    assert shown.startswith("A dry run of pull_request_target, as ")
    assert "What was deployed, by the event pull_request_target\n" in shown


@pytest.mark.parametrize("name", FILES)
def test_an_event_is_known_by_its_shape(name):
    assert try_out.shape_of(Payload(payload_file(name))) == name.partition(".")[0]


def test_some_shapes_are_of_no_event_that_deploys():
    shapes = [{"action": "created", "starred_at": "2026-05-11"}, {"pull_request": {}, "thread": {}}]
    assert [try_out.shape_of(Payload(shape)) for shape in shapes] == [None, None]


ALONE = (
    "save the payload of one event, from its first { to its last }, without headers and as UTF-8"
)
MORE = "has more than an event's payload; save what it has at"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", f"is not JSON; {ALONE}"),
        (b"X-GitHub-Event: push\n\n{}", f"is not JSON; {ALONE}"),
        (b"[{}]", f"is not a JSON object; {ALONE}"),
        ("{}".encode("utf-16"), f"is not UTF-8 text; {ALONE}"),
        ({"event": "push", "request": {"payload": {}}}, f"{MORE} `request.payload` alone"),
        ({"headers": {}, "payload": {}}, f"{MORE} `payload` alone"),
        ({"event": {}, "ref": "refs/heads/main", "workflow": "CI"}, f"{MORE} `event` alone"),
        ({"body": "{}", "headers": {}}, f"{MORE} `body` alone"),
        (
            {"action": "started", "repository": {}},
            (
                "does not look like an event that deploys; if it is one, add NAME= and the event's"
                " name, which a delivery has as X-GitHub-Event"
            ),
        ),
    ],
)
def test_a_file_that_is_no_payload_is_refused_in_a_sentence(attempt, tmp_path, content, problem):
    file = tmp_path / "event.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    assert attempt(str(file)) == (2, f"make try: FOLDER/event.json {problem}\n")


def test_a_file_that_is_not_there_is_refused_in_a_sentence(attempt, tmp_path):
    assert attempt("") == (
        2,
        (
            'make try: write which payload: make try EVENT=payload.json WITH="service=shop"; there'
            " are some in tests/payloads\n"
        ),
    )
    missing, folder = tmp_path / "missing.json", tmp_path
    write = "write the path of a saved payload"
    assert attempt(str(missing)) == (
        2,
        f"make try: FOLDER/missing.json cannot be read (No such file or directory); {write}\n",
    )
    code, shown = attempt(str(folder))
    assert code == 2
    assert re.fullmatch(rf"make try: FOLDER cannot be read \([\w ]+\); {write}\n", shown)


def test_a_clone_that_is_not_there_is_refused_in_a_sentence(attempt, tmp_path):
    assert attempt("push.branch", REPOSITORY=str(tmp_path / "shop")) == (
        2,
        (
            "make try: FOLDER/shop is no folder; write where your clone is as REPOSITORY, or leave"
            " it out\n"
        ),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("service=shop 'b", "WITH has a quote that does not end; end it, or escape it"),
        (
            "service=the shop",
            (
                "WITH has 'shop', which is no input; write name=value, and quotes around a value"
                " with spaces"
            ),
        ),
        ("enviroment=live", "the action has no input 'enviroment'; did you mean `environment`?"),
        ("commit_sha=abc", "the action has no input 'commit_sha'; did you mean `commit-sha`?"),
        ("xyz=1", "the action has no input 'xyz'; docs/inputs.md lists those that it has"),
        ("tags=a:b tags=c:d", "WITH has `tags` twice; write all of it once, in quotes"),
        (
            "version=${{ github.ref_name }}",
            (
                "WITH holds an expression, which only GitHub can work out; write its value, and"
                " leave out the keys"
            ),
        ),
        ("mode=replay", "`mode` is replay, which reads no event; leave it out"),
        ("mode=backfill", "`mode` is backfill, which reads no event; leave it out"),
    ],
)
def test_inputs_that_nobody_could_give_are_refused_in_a_sentence(attempt, text, problem):
    assert attempt("push.branch", WITH=text) == (2, f"make try: {problem}\n")


def test_inputs_are_words_of_a_shell_and_keys_are_left_out():
    text = """service="a,b" Environment-Map='prod-*=production\npr-*=' team= github-token=x"""
    assert try_out.with_inputs(text) == (
        {
            "service": "a,b",
            "environment-map": "prod-*=production\npr-*=",
            "team": "",
            "dry-run": "true",
        },
        ("`github-token` is left out: nothing is looked up or sent here",),
    )


def test_the_inputs_are_those_of_the_action():
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    assert list(action["inputs"]) == list(try_out.INPUTS)


USUAL = {
    "GITHUB_ACTOR": "ada",
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_REPOSITORY_ID": "186853261",
    "GITHUB_SERVER_URL": "https://github.com",
}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("push.branch", {"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": "after"}),
        ("push.tag.annotated", {"GITHUB_REF": "refs/tags/v1.12.0", "GITHUB_SHA": "head_commit.id"}),
        ("push.tag.annotated.no_head_commit", {"GITHUB_REF": "refs/tags/v1.12.0"}),
        ("push.branch.deleted", {"GITHUB_REF": "refs/heads/release/2026.04"}),
        ("release.published", {"GITHUB_REF": "refs/tags/v1.12.0"}),
        ("deployment_status.success", {"GITHUB_SHA": "deployment.sha"}),
        ("workflow_run.success", {"GITHUB_REF": "refs/heads/main"}),
        ("repository_dispatch", {"GITHUB_REF": "refs/heads/main"}),
        ("workflow_dispatch", {"GITHUB_REF": "refs/heads/main"}),
        ("pull_request.closed.merged", {}),
    ],
)
def test_variables_are_what_github_would_set_as_far_as_the_payload_tells(name, more):
    content = Payload(payload_file(name))
    event = name.partition(".")[0]
    found = try_out.variables(event, content)
    told = {key: content.text(text) or text for key, text in more.items()}
    actor = {"GITHUB_ACTOR": content.text("sender.login")}
    assert found == {**USUAL, **actor, **told, "GITHUB_EVENT_NAME": event}


def test_a_server_of_ones_own_is_known_by_the_addresses_of_the_payload():
    text = json.dumps(payload_file("push.branch")).replace(
        "https://api.github.com/", "https://github.acme.example/api/v3/"
    )
    content = json.loads(text.replace("https://github.com/", "https://github.acme.example/"))
    found = try_out.variables("push", Payload(content))
    assert found["GITHUB_SERVER_URL"] == "https://github.acme.example"
    assert found["GITHUB_API_URL"] == "https://github.acme.example/api/v3"


@pytest.mark.parametrize("name", ["release", "schedule", "push", "deployment_status", "issues"])
def test_a_payload_that_tells_nothing_sets_no_more_than_the_name(name):
    assert try_out.variables(name, Payload({})) == {"GITHUB_EVENT_NAME": name}


@pytest.mark.parametrize("ref", ["refs/heads/\0", "refs/heads/\ud800"])
def test_a_payload_that_no_variable_can_hold_is_for_the_action_to_judge(attempt, tmp_path, ref):
    file = tmp_path / "event.json"
    file.write_text(json.dumps({**payload_file("push.branch"), "ref": ref}), "utf-8")
    code, shown = attempt(str(file))
    assert (code, shown.count("    status: ")) == (0, 1)


def test_commands_are_shown_in_plain_words():
    log = [
        "first",
        "::group::Facts, 100%25",
        "one: 1",
        "::endgroup::",
        "::error title=Bad input%3A a%2Cb::two%0Alines::",
        "::notice::short",
        "| ::group::of somebody else",
    ]
    assert list(try_out.readable(log)) == [
        "first",
        "Facts, 100%",
        "    one: 1",
        "",
        "Error: Bad input: a,b: two\nlines::",
        "Notice: short",
        "| ::group::of somebody else",
    ]


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make here")
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            [],
            'write which payload: make try EVENT=payload.json WITH="service=shop"; there are some',
        ),
        (
            ["EVENT=tests/payloads/push.branch.json", "WITH='$(x)$$ \"\n`'"],
            "WITH has '$(x)$$ \"\\n`', which is no input; write name=value, and quotes around",
        ),
        (
            ["PYTHON=false"],
            "this needs Python 3.10 or newer; add PYTHON=python3.12, for example",
        ),
    ],
)
def test_make_hands_on_what_it_was_given_and_nothing_else(words, problem):
    environ = {**os.environ, "EVENT": "of/the/shell", "NAME": "HOST-1", "WITH": "b=c"}
    finished = subprocess.run(
        ["make", "--silent", "try", f"PYTHON={sys.executable}", *words],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.stdout.startswith(f"make try: {problem}"), finished.stderr
    assert finished.returncode == 2


def test_the_page_shows_what_can_be_tried():
    (command,) = re.findall(r"^make try (.*)$", PAGE, re.MULTILINE)
    words = dict(word.split("=", 1) for word in shlex.split(command))
    assert (ROOT / words["EVENT"]).is_file()
    texts = [words["WITH"], *re.findall(r"`WITH='(.*?)'`", PAGE)]
    assert [list(try_out.with_inputs(text)[0]) for text in texts] == [
        ["service", "environment", "dry-run"],
        ["service", "environment-map", "dry-run"],
    ]


def test_the_page_pins_an_action_as_the_examples_do():
    used = re.findall(r"uses: (actions/.*)", PAGE)
    assert used
    assert set(used) <= set(
        re.findall(r"uses: (actions/.*)", (ROOT / "examples" / "replay.yml").read_text("utf-8"))
    )
