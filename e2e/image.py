"""Build the image, and run it as GitHub's runner runs the image of a Docker action.

How that is, its ContainerActionHandler.cs and DockerCommandManager.cs say. One thing is
otherwise: containers share the network of this machine, where the stand-ins for all services are.
"""

import functools
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.end_to_end.runner import ROOT, Finished, environment, saved_in
from tests.report import runner
from tools import release

NAME = "dora-deployments:e2e"
STAND_IN = "dora-deployments-base:trixie"
LABELS = {"VERSION": "1.2.3", "REVISION": "109cf4c2b7a94a9c8a1f1f6f0d0b3b2a5c6d7e8f"}
PYTHON = "/opt/dora/venv/bin/python"
_PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
_OFFICIAL = (
    'CMD ["python3"]',
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
)
_CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
# The command of the engine reads these two as well, so they go by value.
_BY_VALUE = ("HOME", "PATH")


class NoBaseError(Exception):
    """There is no image to build upon; the message says why."""


@functools.cache
def why_not() -> str | None:
    """Return in words why no container can be run here, or None."""
    if shutil.which("docker") is None:
        return "this machine has no docker"
    if docker("info").returncode:
        return "no container engine answers `docker info`"
    return None


def docker(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of the engine to its end."""
    return subprocess.run(
        ["docker", *arguments], text=True, check=False, **{"capture_output": True, **options}
    )


# --- the image


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image, what it is built upon, and what the engine knows of both."""

    name: str
    base: str
    facts: dict[str, Any]
    base_facts: dict[str, Any]

    @property
    def added(self) -> int:
        """How many bytes it has more than its base, uncompressed."""
        added: int = self.facts["Size"] - self.base_facts["Size"]
        return added

    def python(self, script: str) -> Any:
        """Return the JSON that a Python script prints in the image."""
        printed = docker(
            *("run", "--rm", "--network=none", "--entrypoint", PYTHON),
            *(self.name, "-I", "-c", script),
        )
        assert (printed.returncode, printed.stderr) == (0, "")
        return json.loads(printed.stdout)


def built() -> Image:
    """Build the Dockerfile upon its own base, or, where that cannot be had, upon a stand-in.

    Raises `NoBaseError` if there is neither.
    """
    base = _base(release.base((ROOT / "Dockerfile").read_text("utf-8")))
    given = {"PYTHON_IMAGE": base, **LABELS}
    if "PIP_INDEX_URL" in os.environ:
        given["PIP_INDEX_URL"] = os.environ["PIP_INDEX_URL"]
    arguments = [f"--build-arg={name}={value}" for name, value in given.items()]
    finished = docker("build", "--network=host", "--tag", NAME, *arguments, str(ROOT))
    if finished.returncode:
        raise RuntimeError(f"the image cannot be built\n{finished.stdout}{finished.stderr}")
    facts = [json.loads(docker("image", "inspect", name).stdout)[0] for name in (NAME, base)]
    return Image(name=NAME, base=base, facts=facts[0], base_facts=facts[1])


def _base(name: str) -> str:
    for image in (name, STAND_IN):
        if docker("image", "inspect", image).returncode == 0:
            return image
        if image == name and docker("pull", "--quiet", image).returncode == 0:
            return image
    _make_stand_in(name)
    return STAND_IN


def _make_stand_in(name: str) -> None:
    """Make an image of Debian's Python, which is the same one but for its place.

    Like the official image it has no tests of Python's own library, and no byte-code. Where the
    variables of `_CERTIFICATES` name certificates for who downloads, it trusts these.
    """
    cannot = f"{name} cannot be pulled, and to make a stand-in for it needs"
    if shutil.which("debootstrap") is None:
        raise NoBaseError(f"{cannot} debootstrap")
    if os.geteuid() != 0:
        raise NoBaseError(f"{cannot} root")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "trixie", str(root)],
            capture_output=True,
            check=False,
        )
        if made.returncode:
            raise NoBaseError(f"{cannot} a mirror of Debian")
        (library,) = root.glob("usr/lib/python3.*")
        shutil.rmtree(library / "test")
        for cache in [*library.rglob("__pycache__"), root / "var/lib/apt/lists"]:
            shutil.rmtree(cache)
        for archive in root.glob("var/cache/apt/**/*.*"):
            archive.unlink()
        for variable in _CERTIFICATES:
            if os.environ.get(variable):
                shutil.copy(os.environ[variable], root / "etc/ssl/certs/ca-certificates.crt")
                break
        with subprocess.Popen(
            ["tar", "--directory", str(root), "--create", "."], stdout=subprocess.PIPE
        ) as packed:
            changes = [f"--change={change}" for change in _OFFICIAL]
            imported = docker("import", *changes, "-", STAND_IN, stdin=packed.stdout)
        if imported.returncode or packed.returncode:
            raise RuntimeError(f"the stand-in cannot be imported: {imported.stderr}")


# --- a step


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step that runs the image. `temp` and `workspace` are the runner's, and stay for the next.

    It gives the container what the runner does: five folders, the engine's socket, a working
    directory, the variables, and inputs whose names keep their hyphens.
    """

    image: Image
    temp: Path
    workspace: Path

    @property
    def home(self) -> Path:
        """The home of all container actions of a job."""
        return self._folder("_github_home")

    def run(self, *happened: Any, **engine: Any) -> Finished:
        """Run the action to its end; all that is given is as `started` takes it."""
        with self.started(*happened, **engine) as process:
            return self.ended(process)

    @contextmanager
    def started(
        self,
        event_name: str,
        content: object,
        inputs: Mapping[str, str],
        variables: Mapping[str, str] | None = None,
        *,
        options: Sequence[str] = ("--network=host",),
        arguments: Sequence[str] = (),
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start the action on an event; the process is the engine's command, as the runner's is.

        `options` and `arguments` are the engine's.
        """
        raw = json.dumps(content).encode()
        environ = environment(self._folder("_github_workflow"), event_name, raw, inputs)
        del environ["PATH"]
        environ |= {
            "GITHUB_EVENT_PATH": "/github/workflow/event.json",
            "GITHUB_OUTPUT": "/github/file_commands/output",
            "GITHUB_STEP_SUMMARY": "/github/file_commands/summary.md",
            "GITHUB_WORKSPACE": "/github/workspace",
            "HOME": "/github/home",
            "RUNNER_TEMP": "/github/runner_temp",
            **(variables or {}),
        }
        commands = self._folder("_runner_file_commands")
        for file in ("output", "summary.md"):
            (commands / file).write_bytes(b"")
        mounts = {
            Path("/var/run/docker.sock"): "/var/run/docker.sock",
            self.temp: "/github/runner_temp",
            self.home: "/github/home",
            self._folder("_github_workflow"): "/github/workflow",
            commands: "/github/file_commands",
            self.workspace: "/github/workspace",
        }
        name = f"dora-e2e-{uuid.uuid4().hex}"
        command = [
            *("docker", "run", "--name", name, "--label", "dora-e2e"),
            *("--workdir", "/github/workspace", "--rm"),
            *(f"--env={key}={environ[key]}" for key in _BY_VALUE if key in environ),
            *(f"--env={key}" for key in environ if key not in _BY_VALUE),
            *(f"--volume={ours}:{theirs}" for ours, theirs in mounts.items() if ours.exists()),
            *(*options, self.image.name, *arguments),
        ]
        own = {key: os.environ[key] for key in _BY_VALUE if key in os.environ}
        with subprocess.Popen(
            command,
            env={**os.environ, **environ, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    docker("rm", "--force", name)

    def ended(self, process: subprocess.Popen[bytes]) -> Finished:
        """Wait for the action's end, and return what it left behind."""
        log, errors = process.communicate(timeout=120)
        commands = self._folder("_runner_file_commands")
        return Finished(
            exit_code=process.returncode,
            log=log.decode(),
            errors=errors.decode(),
            outputs=runner.outputs((commands / "output").read_text("utf-8")),
            summary=(commands / "summary.md").read_text("utf-8"),
            saved=saved_in(self.workspace),
        )

    def _folder(self, name: str) -> Path:
        folder = self.temp / name
        folder.mkdir(exist_ok=True)
        return folder
