"""Stand between act and one `run` step of a composite action, and give it what GitHub would.

GitHub gives a composite's steps what their `env:` says, and no `INPUT_*` besides. act sets
`INPUT_<NAME>` for each input, hyphens and all, so that a step which forgot to map `service` would
find it all the same. In the copy that act runs (see composite.py) the step's own variables have
therefore been renamed `GIVEN_*`; here act's `INPUT_*` are dropped, and the step's get their names
back.

The workflows under test name the vendors' hosts, as anybody's would; `hosts.json` maps each to a
stand-in on this machine, and a host without one ends the step before anything is sent to it.
"""

import json
import os
import sys
from pathlib import Path

GIVEN = "GIVEN_"
HOSTS = ("INPUT_DATADOG_SITE", "INPUT_DX_INSTANCE")

given = {
    name.removeprefix(GIVEN): value for name, value in os.environ.items() if name.startswith(GIVEN)
}
script = os.environ["E2E_SCRIPT"]
environ = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("INPUT_", GIVEN, "E2E_")) and name != "ACT"
}
folder = Path(os.environ["E2E_FOLDER"])
with (folder / "inputs").open("a", encoding="utf-8") as inputs:
    of_inputs = {name: value for name, value in given.items() if name.startswith("INPUT_")}
    inputs.write(json.dumps(of_inputs) + "\n")
stand_ins = {"": "", **json.loads((folder / "hosts.json").read_text("utf-8"))}
for name in HOSTS:
    if name in given:
        host = given[name]
        if host not in stand_ins:
            sys.exit(f"{name} is {host!r}, for which there is no stand-in")
        given[name] = stand_ins[host]
command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
os.execvpe(command[0], command, environ | given)
