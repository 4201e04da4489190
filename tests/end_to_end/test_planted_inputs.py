"""A step before ours may set any variable for it, inputs in another spelling among them."""

import json
import subprocess
import sys

import pytest

from tests.builders import payload_file
from tests.end_to_end.composite import COMMAND, PATH, installed
from tests.end_to_end.receivers import Dx
from tests.end_to_end.runner import ROOT, environment
from tests.report import runner

TOKEN = "dx-token-of-the-tests"


def docker(folder, inputs, planted):
    """Return the outputs of the Docker action's entry point."""
    command = [sys.executable, "-I", "-X", "utf8", "-u", str(ROOT / "entrypoint.py"), "docker"]
    return outputs(
        folder, command, inputs, {name.replace("-", "_"): planted[name] for name in planted}
    )


def composite(folder, inputs, planted):
    """Return the outputs of the composite action's script, whose packages are there already."""
    installed(folder)
    return outputs(
        folder, COMMAND, {name.replace("-", "_"): inputs[name] for name in inputs}, planted
    )


def outputs(folder, command, inputs, planted):
    event = json.dumps(payload_file("push.branch")).encode()
    process = subprocess.run(
        command,
        env={**environment(folder, "push", event, {**planted, **inputs}), "PATH": PATH},
        capture_output=True,
        check=False,
    )
    assert process.stderr == b""
    return runner.outputs((folder / "output").read_text("utf-8"))


@pytest.fixture
def honest():
    with Dx(token=TOKEN, repositories=("acme/shop",)) as server:
        yield server


@pytest.fixture
def planted():
    with Dx(token=TOKEN, repositories=("acme/shop",)) as server:
        yield server


@pytest.mark.threat(2)
@pytest.mark.parametrize("action", [docker, composite])
def test_the_key_goes_where_the_author_said(action, honest, planted, tmp_path):
    inputs = {"DX-TOKEN": TOKEN, "DX-INSTANCE": honest.url, "GITHUB-TOKEN": "", "FAIL-ON": ""}
    found = action(tmp_path, inputs, {"DX-INSTANCE": planted.url, "FAIL-ON": "none"})
    assert found["status"] == "delivered"
    assert (len(honest.received), planted.received) == (1, [])


@pytest.mark.threat(2)
@pytest.mark.parametrize("action", [docker, composite])
def test_what_the_author_left_out_is_not_filled_in(action, planted, tmp_path):
    inputs = {"DX-TOKEN": TOKEN, "DX-INSTANCE": "", "GITHUB-TOKEN": "", "DRY-RUN": ""}
    found = action(tmp_path, inputs, {"DX-INSTANCE": planted.url, "DRY-RUN": "true"})
    assert (found["status"], found["reason"]) == ("rejected", "bad-configuration")
    assert planted.received == []
