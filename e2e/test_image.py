"""The image that is published: what is in it, and how it runs as a step on GitHub's runner."""

import json
import os
import re
import signal
import subprocess
import sys
import threading

import pytest

from dora_deployments.actions.events import EVENTS
from e2e import image as images
from e2e.conftest import not_run
from tests.builders import payload_file
from tests.end_to_end import stories
from tests.end_to_end.audit import KEY
from tests.end_to_end.receivers import Datadog, Dx, Faulty, answer
from tests.end_to_end.runner import ROOT, run_action
from tests.end_to_end.stories import DX_TOKEN, RUN_ID, TOKEN

LOCKS = ("requirements.txt", "requirements-look-ups.txt")
LIMIT = 45_000_000
DEPLOYED = "31c49334e066b8cc72f3bacdcbe7c76ff9b5284f"
MERGED = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
PUSHED = "53d5a576a77f71c0b37048fec0fc2f052e17712d"
# What depends on the clock and the run.
OF_THE_RUN = {"reference_id", "deployed_at", "source_url", "source_name"}

# Without the image not even what needs none counts as passed.
pytestmark = pytest.mark.usefixtures("image")


@pytest.fixture(scope="session")
def image():
    if why := images.why_not():
        not_run(why)
    try:
        return images.built()
    except images.NoBaseError as error:
        not_run(str(error))


@pytest.fixture
def step(image, tmp_path):
    for name in ("temp", "workspace"):
        (tmp_path / name).mkdir()
    return images.Step(image=image, temp=tmp_path / "temp", workspace=tmp_path / "workspace")


@pytest.fixture
def datadog():
    with Datadog(api_key=KEY, status=200) as server:
        yield server


@pytest.fixture
def dx():
    with Dx(token=DX_TOKEN, repositories=("acme/shop",)) as server:
        yield server


def to(datadog, dx, **more):
    """Return the inputs that report to these two, with all hyphens of their names."""
    return {
        "DATADOG-API-KEY": KEY,
        "DATADOG-SITE": datadog.url,
        "DX-TOKEN": DX_TOKEN,
        "DX-INSTANCE": dx.url,
        "GITHUB-TOKEN": "",
        **{name.replace("_", "-").upper(): value for name, value in more.items()},
    }


def bodies(server):
    return [received.json for received in server.received]


# --- what is in it

CONTENTS = """\
import glob, importlib.metadata, importlib.util, json, os, shutil, subprocess, sys

def byte_code(source):
    try:
        with open(importlib.util.cache_from_source(source), "rb") as file:
            header = file.read(16)
    except OSError:
        return None
    with open(source, "rb") as file:
        digest = importlib.util.source_hash(file.read())
    return header == importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + digest

def base(*arguments):
    ended = subprocess.run(
        [sys._base_executable, "-I", *arguments], capture_output=True, text=True, check=False
    )
    return (ended.stdout or ended.stderr).strip().rpartition(": ")[2]

sources = [
    source
    for folder in ("src", "venv/lib")
    for source in glob.glob(f"/opt/dora/{folder}/**/*.py", recursive=True)
]
tools = "pip pip3 ensurepip gcc cc g++ c++ clang ld as make cmake rustc cargo git curl wget"
print(json.dumps({
    "user": os.getuid(),
    "top": sorted(os.listdir("/opt/dora")),
    "tools": [tool for tool in tools.split() if shutil.which(tool)],
    "pip": base("-m", "pip"),
    "ensurepip": base("-m", "ensurepip"),
    "of the base": base(
        "-c",
        "import importlib.metadata as m; print([d.name for d in m.distributions(name='pip')])",
    ),
    "sources": len(sources),
    "not compiled": [source for source in sources if not byte_code(source)],
    "for others to write": [
        os.path.join(folder, name)
        for folder, folders, files in os.walk("/opt/dora")
        for name in [*folders, *files]
        if os.lstat(os.path.join(folder, name)).st_mode & 0o022
        and not os.path.islink(os.path.join(folder, name))
    ],
    "packages": sorted([d.name.lower().replace("_", "-"), d.version]
        for d in importlib.metadata.distributions()),
}))
"""


@pytest.fixture(scope="session")
def contents(image):
    return image.python(CONTENTS)


def test_the_image_is_small(image, capsys):
    whole, base = (facts["Size"] / 1e6 for facts in (image.facts, image.base_facts))
    with capsys.disabled():
        sys.stdout.write(
            f"\nimage: {whole:.1f} MB, its base {image.base} {base:.1f} MB, so"
            f" {whole - base:.1f} MB over it (at most {LIMIT / 1e6:.0f})\n"
        )
    assert 0 < image.added <= LIMIT


def test_the_image_says_what_it_is_and_how_it_starts(image):
    config = image.facts["Config"]
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in config["Labels"].items()
    }
    assert labels == {
        "title": "dora-deployments",
        "description": "Report deployments from GitHub Actions to Datadog and DX",
        "licenses": "MIT",
        "source": "https://github.com/acme/dora-deployments",
        "documentation": "https://github.com/acme/dora-deployments#readme",
        "version": images.LABELS["VERSION"],
        "revision": images.LABELS["REVISION"],
    }
    of_base = image.base_facts["Config"]
    for name in ("Env", "ExposedPorts", "Healthcheck", "User", "Volumes", "WorkingDir"):
        assert (config.get(name) or None) == (of_base.get(name) or None)
    assert (config["Cmd"], config["Entrypoint"]) == (
        None,
        [images.PYTHON, "-I", "-X", "utf8", "-u", "/opt/dora/entrypoint.py", "docker"],
    )


def test_nothing_in_the_image_installs_or_builds_anything(contents):
    assert {name: contents[name] for name in ("tools", "pip", "ensurepip", "of the base")} == {
        "tools": [],
        "pip": "No module named pip",
        "ensurepip": "No module named ensurepip",
        "of the base": "[]",
    }


def test_the_image_holds_the_program_and_the_packages_of_the_locks(contents):
    text = "\n".join((ROOT / name).read_text("utf-8") for name in LOCKS)
    locked = [list(entry) for entry in re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, re.MULTILINE)]
    assert contents["top"] == ["entrypoint.py", "src", "venv"]
    assert [package for package in contents["packages"] if package not in locked] == []
    # Of a package that is locked for several systems one is enough.
    assert {name for name, _ in contents["packages"]} >= {"pygithub", "requests", "pyyaml"}


def test_all_of_it_is_compiled_and_nobody_but_root_may_change_it(contents):
    assert contents["sources"] > 500
    assert (contents["not compiled"], contents["for others to write"], contents["user"]) == (
        [],
        [],
        0,
    )


@pytest.mark.parametrize("processor", ["x86_64", "aarch64"])
def test_every_package_of_the_locks_is_there_for_both_processors(image, processor, tmp_path):
    python = image.python("import json, sys; print(json.dumps(sys.version_info[:2]))")
    fetched = subprocess.run(
        [
            *(sys.executable, "-I", "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", "--dest", str(tmp_path)),
            *("--python-version", "{}.{}".format(*python), "--implementation", "cp"),
            *(
                f"--platform=manylinux{version}_{processor}"
                for version in ("2014", "_2_17", "_2_28", "_2_34")
            ),
            *(f"--requirement={ROOT / name}" for name in LOCKS),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert fetched.returncode == 0, fetched.stderr


# --- how it reports


HAPPENED = [
    ("pull_request", "pull_request.closed.merged", {}, MERGED),
    ("pull_request_target", "pull_request.closed.merged", {}, MERGED),
    ("push", "push.branch", {}, PUSHED),
    ("release", "release.published", {"commit_sha": PUSHED}, PUSHED),
    ("deployment_status", "deployment_status.success", {}, DEPLOYED),
    ("workflow_run", "workflow_run.success", {}, None),
    ("workflow_dispatch", "workflow_dispatch.no_inputs", {"commit_sha": PUSHED}, PUSHED),
    ("repository_dispatch", "repository_dispatch", {}, None),
    ("schedule", "schedule", {"commit_sha": PUSHED}, PUSHED),
]


def test_every_event_that_the_action_reads_is_run():
    assert {name for name, *_ in HAPPENED} == {*EVENTS, "schedule"}


@pytest.mark.parametrize(
    ("name", "file", "given", "commit_sha"), HAPPENED, ids=[name for name, *_ in HAPPENED]
)
def test_the_image_reports_each_event_as_the_source_does(
    name, file, given, commit_sha, step, datadog, dx
):
    content = payload_file(file)
    inputs = to(datadog, dx, finished_at="2026-11-01T10:00:00Z", **given)
    of_image = step.run(name, content, inputs)
    told = bodies(datadog), bodies(dx)
    with Datadog(api_key=KEY, status=200) as again, Dx(token=DX_TOKEN) as dx_again:
        of_source = run_action(
            name, content, {**inputs, "DATADOG-SITE": again.url, "DX-INSTANCE": dx_again.url}
        )
        assert told == (bodies(again), bodies(dx_again))
        shown = of_image.summary.replace(datadog.url, again.url).replace(dx.url, dx_again.url)

    assert of_image.outputs == of_source.outputs
    assert of_image.outputs["status"] == "delivered"
    if commit_sha is not None:
        assert told[1][0]["commit_sha"] == commit_sha
    assert (of_image.exit_code, of_image.errors) == (0, "")
    assert shown == of_source.summary
    assert list(step.workspace.iterdir()) == []


# --- what it finds out


CONFIG = """\
services:
  shop:
    name: Shop
    paths: ["src/**"]
"""
NOISY = ("-v", "-I", "-X", "utf8", "-u", "/opt/dora/entrypoint.py", "docker")


def test_look_ups_work_and_nothing_is_compiled_for_them(step, datadog, tmp_path):
    (step.workspace / ".github").mkdir()
    (step.workspace / ".github" / "dora.yml").write_text(CONFIG, "utf-8")
    with stories.story(tmp_path) as story:
        base = story.history.commit()
        story.landed("squash")
        story.landed("merge")
        head = story.history.branches["main"]
        story.history.deploy(base)
        happened = story.push(head)
        variables = {f"GITHUB_{name.upper()}": value for name, value in happened.variables.items()}
        finished = step.run(
            happened.name,
            happened.payload,
            to(datadog, story.dx, github_token=TOKEN),
            {"GITHUB_API_URL": story.github.api_url, "GITHUB_RUN_ID": RUN_ID, **variables},
            options=("--network=host", "--entrypoint", images.PYTHON),
            arguments=NOISY,
        )
        expected = story.body(head, 1, 2, service={"identifier": "shop", "name": "Shop"})
        merged = [story.merge_commit(number) for number in (1, 2)]
        told = bodies(story.dx)

    outputs = finished.outputs
    assert [{key: body[key] for key in body if key not in OF_THE_RUN} for body in told] == [
        expected
    ]
    assert (finished.exit_code, outputs["status"], outputs["previous-sha"]) == (
        0,
        "delivered",
        base,
    )
    assert json.loads(outputs["pull-requests"]) == [1, 2]
    assert json.loads(outputs["merge-commit-shas"]) == merged
    # This is how Python says, with -v, what a module's code comes from.
    loaded = re.findall(r"^# code object from '?([^'\n]*?)'?$", finished.errors, re.MULTILINE)
    assert [path for path in loaded if not path.endswith(".pyc")] == []
    assert any("/github/" in path for path in loaded)


# --- what may go wrong around it


def test_what_an_earlier_step_planted_does_nothing(step, datadog, dx):
    trap = "open('/github/workspace/trapped', 'w').close()\nraise SystemExit('planted')\n"
    for folder in (step.workspace, step.home):
        for name in ("sitecustomize", "usercustomize", "requests", "json", "dora_deployments"):
            (folder / f"{name}.py").write_text(trap, "utf-8")
        for name in ("python", "python3", "sh"):
            (folder / name).write_text("#!/bin/sh\ntouch /github/workspace/trapped\n", "utf-8")
            (folder / name).chmod(0o755)
        (folder / ".netrc").write_text("default login planted password planted\n", "utf-8")
    finished = step.run(
        "push",
        payload_file("push.branch"),
        to(datadog, dx),
        {
            "NETRC": "/github/home/.netrc",
            "PATH": "/github/workspace:/github/home",
            "PYTHONHOME": "/github/workspace",
            "PYTHONINSPECT": "1",
            "PYTHONPATH": "/github/workspace:/github/home",
            "PYTHONSTARTUP": "/github/workspace/sitecustomize.py",
            "PYTHONUSERBASE": "/github/home",
        },
    )

    assert (finished.exit_code, finished.errors, finished.outputs["status"]) == (0, "", "delivered")
    assert not (step.workspace / "trapped").exists()
    (to_datadog,), (to_dx,) = datadog.received, dx.received
    assert "authorization" not in to_datadog.headers
    assert to_dx.headers["authorization"] == f"Bearer {DX_TOKEN}"


def test_an_input_whose_name_has_no_hyphens_is_none(step, datadog, dx):
    inputs = to(datadog, dx)
    planted = {name.replace("-", "_"): inputs.pop(name) for name in ("DX-TOKEN", "DX-INSTANCE")}
    finished = step.run("push", payload_file("push.branch"), {**inputs, **planted})

    assert (finished.exit_code, finished.outputs["status"]) == (0, "delivered")
    assert (len(datadog.received), dx.received) == (1, [])


def test_a_root_file_system_that_cannot_be_written_is_enough(step, datadog, dx):
    finished = step.run(
        "push",
        payload_file("push.branch"),
        to(datadog, dx),
        options=("--network=host", "--read-only"),
    )

    assert (finished.exit_code, finished.errors, finished.outputs["status"]) == (0, "", "delivered")
    assert (len(datadog.received), len(dx.received)) == (1, 1)


def test_without_a_network_the_report_is_saved_and_the_step_is_green(step):
    finished = step.run(
        "push",
        payload_file("push.branch"),
        {
            "DATADOG-API-KEY": KEY,
            "DX-TOKEN": DX_TOKEN,
            "DX-INSTANCE": "acme",
            "GITHUB-TOKEN": TOKEN,
            "SERVICE": "shop",  # else a file that cannot be looked up may name others
            "TIMEOUT": "5",
        },
        options=("--network=none",),
    )

    assert (finished.exit_code, finished.errors) == (0, "")
    assert finished.outputs["status"] == "undelivered"
    assert finished.results() == dict.fromkeys([("datadog", "shop"), ("dx", "shop")], "undelivered")
    (deployment_id,) = json.loads(finished.outputs["deployment-ids"]).values()
    assert set(finished.saved) == {f"{deployment_id}-{name}.json" for name in ("datadog", "dx")}
    assert finished.outputs["undelivered-path"] == "dora-undelivered"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_cancelled_job_saves_what_it_waits_to_send_for_the_owner_of_the_workspace(
    number, step, datadog, dx
):
    if os.geteuid() == 0:  # else whoever runs this is another one than the container's root
        os.chown(step.workspace, 1001, 123)
    left = threading.Event()

    def answer_and_see_off(connection, request):
        answer(503, b"", [("Retry-After", "30")])(connection, request)
        connection.recv(1)  # nothing, once the client has read the answer and left
        left.set()

    content = payload_file("deployment_status.success")
    with (
        Faulty(answer_and_see_off) as down,
        step.started("deployment_status", content, to(datadog, down)) as process,
    ):
        assert left.wait(120)
        process.send_signal(number)
        finished = step.ended(process)

    assert (finished.exit_code, finished.errors) == (128 + number, "")
    assert finished.log.splitlines()[-1].startswith(
        f"::error title=Cancelled::The job was cancelled ({number.name}) before the report was done"
    )
    to_datadog, to_dx = json.loads(finished.outputs["results"])
    assert (to_datadog["status"], to_dx["status"]) == ("delivered", "undelivered")
    assert to_dx["message"] == (
        "DX answered 503: the backend itself has a problem, not tried again before the step had to"
        " end"
    )
    assert finished.outputs["undelivered-path"] == "dora-undelivered"
    folder = step.workspace / "dora-undelivered"
    names = {"": folder, **{path.name: path for path in folder.iterdir()}}
    assert set(names) == {"", ".gitignore", f"{to_dx['id']}-dx.json"}
    owner = step.workspace.stat()
    assert {(path.stat().st_uid, path.stat().st_gid) for path in names.values()} == {
        (owner.st_uid, owner.st_gid)
    }

    again = step.run("schedule", payload_file("schedule"), to(datadog, dx, mode="replay"))

    assert (again.exit_code, again.saved) == (0, {})
    assert again.results() == {("dx", "shop"): "delivered"}
    saved = json.loads(finished.saved[f"{to_dx['id']}-dx.json"])
    assert bodies(dx) == [request["body"] for request in saved["requests"]]
    assert len(datadog.received) == 1
