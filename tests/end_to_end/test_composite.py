"""The composite's script: it finds a Python, brings what the run needs, and becomes the action."""

import ast
import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dora_deployments.packages import CORE, LOOK_UPS
from tests.builders import DOCS, payload_file
from tests.delivery import tls
from tests.end_to_end import receivers, stories
from tests.end_to_end.composite import PATH, cut_down, installed, launched
from tests.end_to_end.receivers import Dx, Faulty
from tests.end_to_end.runner import ROOT, environment
from tests.report import runner

TOKEN = "dx-token-of-the-tests"
INSTALLING = "\nInstalling {} by uv\n"
# Stands in for uv, and for the index that it would ask.
INSTALLER = """\
#!/bin/sh
PATH=/usr/bin:/bin
while [ "$1" != --target ]; do shift; done
echo "$4" >> {folder}/asked
case "$4" in {refused}) exit 1 ;; esac
mkdir "$2"
ln -s {packages}/* "$2"
rm "$2"/charset_normalizer
"""
NEVER = "nothing"
NO_PYTHON = (
    "This runner has no usable Python 3.10 or newer{others}, so the deployment was not reported."
    " Add actions/setup-python before this step, and run the job again"
)
PAGE = f"{DOCS}/troubleshooting.md#no-python"
NOTHING_KNOWN = (
    "status=undelivered\nreason=internal-error\nrollback=false\nservices=[]\n"
    "merge-commit-shas=[]\npull-requests=[]\ndeployment-ids={}\nresults=[]\n"
)


@pytest.fixture
def dx():
    with Dx(token=TOKEN, repositories=("acme/shop",)) as server:
        yield server


@pytest.fixture
def tools(tmp_path):
    """A folder that is first on the search path."""
    folder = tmp_path / "tools"
    folder.mkdir()
    return folder


@pytest.fixture
def environ(tmp_path, tools, dx):
    """The step's environment after a push; nothing is installed yet."""
    for file in ("output", "summary.md"):
        (tmp_path / file).touch()
    return {
        **environment(
            tmp_path,
            "push",
            json.dumps(payload_file("push.branch")).encode(),
            {"DX_TOKEN": TOKEN, "DX_INSTANCE": dx.url, "GITHUB_TOKEN": "", "DATADOG_API_KEY": ""},
        ),
        "PATH": f"{tools}:{PATH}",
        "RUNNER_TOOL_CACHE": str(tmp_path / "tool cache"),
    }


def program(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    file.chmod(0o755)


def installer(tools, refused=NEVER):
    (packages,) = (path for path in sys.path if path.endswith("site-packages"))
    text = INSTALLER.format(folder=tools, packages=packages, refused=refused)
    program(tools / "uv", text)


def asked(tools):
    """Return the locks that the installer was asked for."""
    file = tools / "asked"
    return [Path(line).name for line in file.read_text().splitlines()] if file.exists() else []


def run(environ):
    """Return what a run of the script ends with, prints and puts out."""
    process = launched(environ)
    log, errors = process.communicate(timeout=60)
    assert errors == ""
    outputs = runner.outputs(Path(environ["GITHUB_OUTPUT"]).read_text("utf-8"))
    return process.returncode, log, outputs


def test_the_first_step_installs_and_the_second_starts_at_once(environ, tools, dx):
    installer(tools)
    exit_code, log, outputs = run(environ)
    assert (exit_code, outputs["status"]) == (0, "delivered")
    assert INSTALLING.format(CORE) in log
    again = {**environ, "INPUT_ENVIRONMENT": "another"}
    exit_code, log, outputs = run(again)
    assert (exit_code, outputs["status"], outputs["environment"]) == (0, "delivered", "another")
    assert "Install" not in log
    assert asked(tools) == [CORE]
    assert len(dx.deployments) == 2


def test_what_github_is_asked_with_is_installed_once_something_is_asked(environ, tools, tmp_path):
    installer(tools)
    with stories.story(tmp_path / "story") as story:
        story.history.deploy(story.history.commit())
        before = story.history.commit()
        merged = story.landed("squash")
        happened = story.push(story.history.branches["main"], before)
        Path(environ["GITHUB_EVENT_PATH"]).write_text(json.dumps(happened.payload), "utf-8")
        environ |= {
            "GITHUB_API_URL": story.github.api_url,
            "INPUT_GITHUB_TOKEN": stories.TOKEN,
            "INPUT_DX_TOKEN": stories.DX_TOKEN,
            "INPUT_DX_INSTANCE": story.dx.url,
        }
        exit_code, log, outputs = run(environ)
    assert (exit_code, outputs["status"]) == (0, "delivered")
    assert json.loads(outputs["pull-requests"]) == [merged]
    assert asked(tools) == [CORE, LOOK_UPS]
    assert log.index(INSTALLING.format(CORE)) < log.index(INSTALLING.format(LOOK_UPS))


def test_where_nothing_can_be_asked_with_the_report_goes_out_without(environ, tools, dx):
    installer(tools, refused=f"*{LOOK_UPS}")
    environ |= {"INPUT_GITHUB_TOKEN": "token-of-the-tests", "PIP_NO_INDEX": "1"}
    environ["INPUT_SERVICE"] = "shop"
    del environ["RUNNER_TOOL_CACHE"]
    exit_code, log, outputs = run(environ)
    assert (exit_code, outputs["status"], len(dx.deployments)) == (0, "delivered", 1)
    assert "the Python packages of this action could not be installed" in log
    assert asked(tools) == [CORE, LOOK_UPS]


def test_a_run_that_has_nothing_to_report_installs_nothing(environ, tools):
    installer(tools)
    environ["GITHUB_EVENT_NAME"] = "issues"
    exit_code, _, outputs = run(environ)
    assert (exit_code, outputs["reason"]) == (0, "event-not-a-deployment")
    assert asked(tools) == []


def test_packages_that_cannot_be_had_are_an_outage_and_the_report_is_saved(environ, tools, dx):
    installer(tools, refused="*")
    exit_code, log, outputs = run({**environ, "PIP_NO_INDEX": "1"})
    assert (exit_code, outputs["status"], dx.deployments) == (0, "undelivered", {})
    (result,) = json.loads(outputs["results"])
    assert result["message"] == (
        "not sent, since the Python packages of this action could not be installed: what the"
        " installer said last stands above"
    )
    assert "ERROR: No matching distribution found for" in log
    installer(tools)
    exit_code, _, outputs = run(
        {**environ, "INPUT_MODE": "replay", "INPUT_REPLAY_PATH": outputs["undelivered-path"]}
    )
    assert (exit_code, outputs["status"], len(dx.deployments)) == (0, "delivered", 1)


@pytest.mark.parametrize(
    ("fail_on", "exit_code", "level"),
    [("", 0, "warning"), ("config", 0, "warning"), ("never", 0, "warning"), (" Any ", 1, "error")],
)
def test_a_runner_without_python_warns_and_fails_only_where_outages_do(
    fail_on, exit_code, level, environ, tools
):
    environ |= {"INPUT_FAIL_ON": fail_on, "PATH": str(tools)}
    process = launched(environ)
    said = NO_PYTHON.format(others="")
    assert process.communicate(timeout=60) == (
        f"::{level} title=Not reported::{said}. Read more: {PAGE}\n",
        "",
    )
    assert process.returncode == exit_code
    assert Path(environ["GITHUB_OUTPUT"]).read_text("utf-8") == NOTHING_KNOWN
    summary = Path(environ["GITHUB_STEP_SUMMARY"]).read_text("utf-8")
    assert summary == f"### Not reported\n\n{said}. [Read more]({PAGE})\n"


@pytest.mark.parametrize(
    ("environ_of_action", "docs"),
    [
        (
            {"DORA_ACTION_REPOSITORY": "octo-org/dora", "DORA_ACTION_REF": "feature/x"},
            "https://github.com/octo-org/dora/blob/feature/x/docs",
        ),
        (
            {
                "DORA_ACTION_REPOSITORY": "octo-org/dora",
                "DORA_ACTION_REF": "v1.2.3",
                "GITHUB_SERVER_URL": "https://ghe.test",
            },
            "https://ghe.test/octo-org/dora/blob/v1.2.3/docs",
        ),
        ({"DORA_ACTION_REPOSITORY": "", "DORA_ACTION_REF": ""}, DOCS),
        ({"DORA_ACTION_REPOSITORY": "octo-org/dora", "DORA_ACTION_REF": "x\n::error::y"}, DOCS),
        ({"DORA_ACTION_REPOSITORY": "../../x/y", "DORA_ACTION_REF": "v1"}, DOCS),
    ],
)
def test_the_pages_to_read_are_of_the_ref_that_was_fetched_with_python_or_without(
    environ_of_action, docs, environ, tools
):
    environ |= environ_of_action
    log, _ = launched({**environ, "PATH": str(tools)}).communicate(timeout=60)
    assert log.splitlines()[0].endswith(f". Read more: {docs}/troubleshooting.md#no-python")

    installer(tools)
    _, log, _ = run({**environ, "GITHUB_EVENT_NAME": "issues"})
    (skipped,) = (line for line in log.splitlines() if line.startswith("::notice"))
    assert skipped.endswith(f". Read more: {docs}/troubleshooting.md#event-not-a-deployment")
    summary = Path(environ["GITHUB_STEP_SUMMARY"]).read_text("utf-8")
    assert summary.count(f"{docs}/troubleshooting.md#") == 2


@pytest.mark.parametrize(
    ("python3", "python", "others"),
    [
        ("echo Python 3.9.25", "exit 9", " (python3 is Python 3.9.25)"),
        (
            "echo Python 3.1.5",
            "echo Python 2.7.18",
            " (python3 is Python 3.1.5; python is Python 2.7.18)",
        ),
        ("echo Python 3.12.1; exit 9", "echo 'not Python 3.12'", " (python3 is Python 3.12.1)"),
    ],
)
def test_a_python_that_is_too_old_or_none_is_not_started(python3, python, others, environ, tools):
    program(tools / "python3", f"#!/bin/sh\n{python3}\n")
    program(tools / "python", f"#!/bin/sh\n{python}\n")
    process = launched({**environ, "PATH": str(tools)})
    said = f"::warning title=Not reported::{NO_PYTHON.format(others=others)}. Read more: {PAGE}\n"
    assert process.communicate(timeout=60) == (said, "")
    assert process.returncode == 0


def test_a_python_is_asked_once_in_a_job_as_long_as_the_search_path_stays(environ, tools, tmp_path):
    log = tmp_path / "asked"
    program(
        tools / "python3",
        f'#!/bin/sh\ncase "$*" in *probe.py*) echo "$PATH" >> {log} ;; esac\n'
        f'exec {sys.executable} "$@"\n',
    )
    installer(tools)
    environ |= {"GITHUB_EVENT_NAME": "issues", "PATH": f"{tools}:{environ['PATH']}"}
    longer = {**environ, "PATH": f"{environ['PATH']}:/nowhere"}
    for each in (environ, environ, longer, environ):
        exit_code, _, outputs = run(each)
        assert (exit_code, outputs["reason"]) == (0, "event-not-a-deployment")

    assert log.read_text("utf-8").splitlines() == [environ["PATH"], longer["PATH"]]


@pytest.mark.parametrize("planted", ["python3", "", "link"])
def test_what_another_step_wrote_about_pythons_starts_none_and_is_left_alone(
    planted, environ, tools, tmp_path
):
    program(tools / "python3", "#!/bin/sh\necho Python 3.9.25\n")
    known = Path(environ["RUNNER_TEMP"]) / "dora-deployments-python"
    target = tmp_path / "target"
    if planted == "link":
        known.symlink_to(target)
    else:
        known.write_text(planted, "utf-8")
    process = launched({**environ, "PATH": str(tools)})
    said = NO_PYTHON.format(others=" (python3 is Python 3.9.25)")
    assert said in process.communicate(timeout=60)[0]
    assert not target.exists()


@pytest.mark.threat(6)
def test_a_folder_of_the_tool_cache_can_name_no_workflow_command(environ, tools, tmp_path):
    version = "3.9\n::set-output name=status::delivered\n##[add-mask]x"
    program(
        tmp_path / "tool cache" / "Python" / version / "x64" / "bin" / "python3",
        "#!/bin/sh\necho Python 3.9.25\n",
    )
    process = launched({**environ, "PATH": str(tools)})
    log, errors = process.communicate(timeout=60)
    assert ([each.name for each in runner.commands(log)], errors) == (["warning"], "")
    assert "/3.9_::set-output name_status::delivered_" in log


@pytest.mark.parametrize("variable", ["PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__", "BASHOPTS"])
def test_what_confuses_python_or_the_shell_confuses_nothing(variable, environ, tmp_path):
    installed(tmp_path / "tool cache")
    value = "failglob" if variable == "BASHOPTS" else "/nowhere/python"
    exit_code, _, outputs = run({**environ, variable: value})
    assert (exit_code, outputs["status"]) == (0, "delivered")


def test_the_first_python_that_is_found_is_taken_also_the_oldest_that_will_do(
    environ, tools, tmp_path
):
    installed(tmp_path / "tool cache")
    started = f'[ "$1" = --version ] && echo Python 3.10.0 || exec {sys.executable} "$@"'
    program(tools / "python3", f"#!/bin/sh\n{started}\n")
    program(tools / "python", "#!/bin/sh\necho Python 3.14.0\n[ $# = 1 ] || exit 9\n")
    exit_code, _, outputs = run({**environ, "PATH": str(tools)})
    assert (exit_code, outputs["status"]) == (0, "delivered")


def test_a_runner_without_python_that_takes_no_outputs_either_does_not_fail(environ, tools):
    process = launched(
        {
            **environ,
            "PATH": str(tools),
            "GITHUB_OUTPUT": "/nowhere/o",
            "GITHUB_STEP_SUMMARY": "/nowhere/s",
        }
    )
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("missing", ["json", "_ssl"])
@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("config", 0), ("any", 1)])
def test_a_python_without_all_of_its_library_is_named_and_not_started(
    missing, fail_on, code, environ, tools, tmp_path
):
    python3 = cut_down(tmp_path / "cut down", missing)
    (tools / "python3").symlink_to(python3)
    path = f"{python3.parent}:{tools}"
    exit_code, log, outputs = run({**environ, "PATH": path, "INPUT_FAIL_ON": fail_on})
    version = ".".join(map(str, sys.version_info[:3]))
    told = NO_PYTHON.format(others=f" (python3 is Python {version} without {missing})")
    level = "error" if code else "warning"
    assert log == f"::{level} title=Not reported::{told}. Read more: {PAGE}\n"
    assert (exit_code, outputs["status"], outputs["reason"]) == (
        code,
        "undelivered",
        "internal-error",
    )


def test_a_python_that_lacks_much_is_described_in_one_line(environ, tmp_path):
    missing = ["csv", "decimal", "difflib", "email", "hmac", "html", "http", "json", "logging"]
    python3 = cut_down(tmp_path / "cut down", *missing, "queue")
    _, log, _ = run({**environ, "PATH": str(python3.parent)})
    assert f" without {', '.join(missing[:8])} and 2 more), so the deployment" in log


@pytest.mark.parametrize("place", ["tool cache/Python/3.12.1/x64/bin/python3", "tools/python3.12"])
@pytest.mark.parametrize("first", ["json", "hangs"])
def test_the_next_python_is_taken_where_the_first_cannot_run_the_action(
    first, place, environ, tmp_path
):
    installed(tmp_path / "tool cache")
    python3 = tmp_path / "first" / "bin" / "python3"
    if first == "hangs":
        program(python3, "#!/bin/sh\nPATH=/usr/bin:/bin\nexec sleep 600\n")
    else:
        cut_down(tmp_path / "first", first)
    program(tmp_path / place, f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    path = f"{python3.parent}:{tmp_path / 'tools'}"
    exit_code, _, outputs = run({**environ, "PATH": path, "INPUT_TIMEOUT": " 10 "})
    assert (exit_code, outputs["status"]) == (0, "delivered")


def test_pythons_that_give_no_answer_do_not_outlast_the_timeout(environ, tools, tmp_path):
    started = tmp_path / "started"
    hanging = f"#!/bin/sh\nPATH=/usr/bin:/bin\necho $$ >> {started}\nexec sleep 600\n"
    for name in ("python3", "python", "python3.12"):
        program(tools / name, hanging)
    start = time.monotonic()
    exit_code, log, outputs = run({**environ, "PATH": str(tools), "INPUT_TIMEOUT": "5"})
    assert time.monotonic() - start < 5
    assert (exit_code, outputs["status"]) == (0, "undelivered")
    assert NO_PYTHON.format(others=" (python3 gives no answer; python gives no answer)") in log
    hung = started.read_text().split()
    assert [pid for pid in hung if Path("/proc", pid).exists()] == []
    assert len(hung) == 2


def test_the_time_that_pythons_took_to_answer_counts(environ, tools, tmp_path):
    installed(tmp_path / "tool cache")
    program(tools / "python3", "#!/bin/sh\nPATH=/usr/bin:/bin\nexec sleep 600\n")
    program(tools / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    with Faulty(receivers.hang(600)) as stuck:
        slow = {"PATH": str(tools), "INPUT_TIMEOUT": "10", "INPUT_DX_INSTANCE": stuck.url}
        start = time.monotonic()
        exit_code, _, outputs = run({**environ, **slow})
    assert time.monotonic() - start < 12  # without what the first Python took, it would be more
    assert (exit_code, outputs["status"]) == (0, "undelivered")


@pytest.mark.parametrize(("mode", "taken"), [("deployment", True), ("backfill", False)])
def test_a_module_that_only_a_backfill_needs_is_asked_for_only_then(mode, taken, environ, tmp_path):
    installed(tmp_path / "tool cache")
    python3 = cut_down(tmp_path / "cut down", "_sqlite3")
    path = {"PATH": str(python3.parent), "INPUT_MODE": mode}
    _, log, outputs = run({**environ, **path})
    assert (outputs["status"] == "delivered") is taken
    assert ("without _sqlite3), so the deployment" in log) is not taken


def test_a_python_that_can_install_packages_is_preferred(environ, tools, tmp_path):
    installed(tmp_path / "tool cache")
    first = cut_down(tmp_path / "first", "ensurepip")
    started = tmp_path / "started"
    second = tools / "python"
    program(second, f'#!/bin/sh\necho x >> {started}\nexec {sys.executable} "$@"\n')
    path = f"{first.parent}:{tools}"
    for found in (True, False):
        exit_code, _, outputs = run({**environ, "PATH": path})
        assert (exit_code, outputs["status"]) == (0, "delivered")
        assert started.exists() is found
        # Without another one the first will do: packages may be there already.
        started.unlink(missing_ok=True)
        second.unlink(missing_ok=True)


@pytest.mark.parametrize(
    "set_before",
    [
        {"SHELLOPTS": "noglob"},
        {"GLOBIGNORE": "*"},
        {"SHELLOPTS": "posix"},
        {"POSIXLY_CORRECT": "1"},
    ],
)
def test_no_option_of_the_shell_hides_the_tool_cache(set_before, environ, tools, tmp_path):
    installed(tmp_path / "tool cache")
    program(
        tmp_path / "tool cache" / "Python" / "3.12.1" / "x64" / "bin" / "python3",
        f'#!/bin/sh\nexec {sys.executable} "$@"\n',
    )
    exit_code, _, outputs = run({**environ, **set_before, "PATH": str(tools)})
    assert (exit_code, outputs["status"]) == (0, "delivered")


def test_every_module_that_the_program_imports_is_asked_for():
    imported = {
        name.partition(".")[0]
        for file in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    probe = (ROOT / "probe.py").read_text("utf-8")
    asked_for = set(re.search(r'NEEDED = """(.*?)"""', probe, re.DOTALL)[1].split())
    always_there = {"builtins", "sys", "time"}
    of_a_backfill = {"sqlite3"}
    standard = imported & sys.stdlib_module_names
    assert standard - asked_for == of_a_backfill | (standard & always_there - asked_for)


@pytest.mark.parametrize("name", ["python3", "python", "py"])
def test_python_is_found_by_any_of_its_names(name, environ, tools, tmp_path):
    installed(tmp_path / "tool cache")
    shift = "shift; " if name == "py" else ""
    program(tools / name, f'#!/bin/sh\n{shift}exec {sys.executable} "$@"\n')
    for other, version in {"python3": "Python 3.9.25", "python": "Python 2.7.18"}.items():
        if other != name:
            program(tools / other, f"#!/bin/sh\necho {version}\n")
    exit_code, _, outputs = run({**environ, "PATH": str(tools)})
    assert (exit_code, outputs["status"]) == (0, "delivered")


@pytest.mark.parametrize("file", ["bin/python3", "python.exe"])
def test_python_is_found_in_the_runners_tool_cache(file, environ, tools, tmp_path):
    installed(tmp_path / "tool cache")
    program(
        tmp_path / "tool cache" / "Python" / "3.12.1" / "x64" / file,
        f'#!/bin/sh\nexec {sys.executable} "$@"\n',
    )
    exit_code, _, outputs = run({**environ, "PATH": str(tools)})
    assert (exit_code, outputs["status"]) == (0, "delivered")


@pytest.mark.fault(103)
def test_nothing_is_imported_from_beside_the_runners_python(environ, tools, tmp_path):
    # As if whoever prepared the job had installed this for the Python that runs it.
    planted = tmp_path / "planted"
    for name in ("sitecustomize", "usercustomize", "requests"):
        program(planted / f"{name}.py", "raise SystemExit('planted')\n")
    installed(tmp_path / "tool cache")
    bare = tmp_path / "bare"
    (bare / "bin").mkdir(parents=True)
    (bare / "bin" / "python3").symlink_to(sys._base_executable)
    (bare / "pyvenv.cfg").write_text(f"home = {Path(sys._base_executable).parent}\n", "utf-8")
    packages = bare / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
    packages.parent.mkdir(parents=True)
    packages.symlink_to(planted)
    (tools / "python3").symlink_to(bare / "bin" / "python3")
    environ["PYTHONPATH"] = str(planted)
    exit_code, _, outputs = run({**environ, "PATH": f"{bare}/bin:{environ['PATH']}"})
    assert (exit_code, outputs["status"]) == (0, "delivered")


def test_a_usual_run_imports_no_package_that_it_can_do_without(environ, dx):
    script = (
        "import os, sys; sys.path += sys.argv[1:]\n"
        "from dora_deployments.main import main; main(os.environ)\n"
        "print(*sorted({'github', 'jsonschema', 'pathspec', 'requests', 'yaml'} & {*sys.modules}))"
    )
    process = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, str(ROOT / "src"), *sys.path],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(dx.deployments) == 1
    *_, names = process.stdout.splitlines()
    assert names == "requests"


@pytest.mark.fault(100)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_python_that_gives_no_answer_ends_with_the_job(number, code, environ, tools, tmp_path):
    started = tmp_path / "started"
    hanging = f"#!/bin/sh\nPATH=/usr/bin:/bin\necho $$ > {started}.new\n"
    program(tools / "python3", f"{hanging}mv {started}.new {started}\nexec sleep 600\n")
    process = launched(environ)
    pause = threading.Event()
    while not started.exists():
        pause.wait(0.02)
    start = time.monotonic()
    process.send_signal(number)
    # Whoever holds its output open would be waited for.
    process.communicate(timeout=60)

    assert (process.returncode, time.monotonic() - start < 3) == (code, True)
    assert not Path("/proc", started.read_text().strip()).exists()


@pytest.mark.fault(100)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("during", ["python3", "uv"])
def test_a_job_that_is_cancelled_before_the_program_can_report_has_its_outputs(
    during, number, code, environ, tools, tmp_path
):
    reached = tmp_path / "reached"
    program(tools / during, f"#!/bin/sh\nPATH=/usr/bin:/bin\ntouch {reached}\nexec sleep 1\n")
    process = launched(environ)
    pause = threading.Event()
    while not reached.exists():
        pause.wait(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (code, "")
    outputs = runner.outputs(Path(environ["GITHUB_OUTPUT"]).read_text("utf-8"))
    assert outputs["status"] == "undelivered"


def test_an_installation_is_given_up_in_time_to_report_that(environ, tools):
    program(tools / "uv", "#!/bin/sh\nPATH=/usr/bin:/bin\nexec sleep 600\n")
    with Faulty(receivers.hang(600)) as index:
        slow = {"INPUT_TIMEOUT": "15", "PIP_INDEX_URL": f"{index.url}/simple"}
        exit_code, log, outputs = run({**environ, **slow})
    assert (exit_code, outputs["status"]) == (0, "undelivered")
    assert "could not be installed: the package index 127.0.0.1 did not answer in time; " in log


def test_the_keys_of_a_run_s_connections_are_written_nowhere(environ, tmp_path):
    installed(tmp_path / "tool cache")
    authority, keys = tmp_path / "ca.pem", tmp_path / "keys"
    tls.CA.cert_pem.write_to_path(str(authority))
    with tls.Https(tls.good()) as dx:
        exit_code, _, outputs = run(
            {
                **environ,
                "INPUT_DX_INSTANCE": f"https://localhost:{dx.port}",
                "REQUESTS_CA_BUNDLE": str(authority),
                "SSLKEYLOGFILE": str(keys),
            }
        )
        assert len(dx.requests) == 1
    assert (exit_code, outputs["status"]) == (0, "delivered")
    assert not keys.exists()


@pytest.mark.parametrize("spoilt", ["", "no certificate", None])
def test_a_company_s_authority_is_trusted_where_only_ssl_cert_file_names_it(
    spoilt, environ, tmp_path
):
    installed(tmp_path / "tool cache")
    authority = tmp_path / "ca.pem"
    tls.CA.cert_pem.write_to_path(str(authority))
    if spoilt is not None:
        authority.write_text(spoilt)
    with tls.Https(tls.good()) as dx:
        _, log, outputs = run(
            {
                **environ,
                "INPUT_DX_INSTANCE": f"https://localhost:{dx.port}",
                "SSL_CERT_FILE": str(authority),
            }
        )
    if spoilt is None:
        assert outputs["status"] == "delivered"
    else:
        assert outputs["status"] == "rejected"
        assert "the certificate of the server is of an unknown authority" in log
