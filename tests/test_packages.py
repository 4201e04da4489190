"""The composite's packages: installed once, by whatever can, and never seen half.

Real installers run, on an index that is a folder with one small package.
"""

import base64
import hashlib
import importlib.machinery
import os
import platform
import re
import select
import shutil
import signal
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dora_deployments import signals
from dora_deployments.budget import Budget
from dora_deployments.catalogue import PACKAGES, PACKAGES_UNAVAILABLE
from dora_deployments.errors import Interrupted, PackagesError
from dora_deployments.packages import Packages
from dora_deployments.packages.folders import name_of, what_fits
from dora_deployments.packages.installing import without_passwords
from tests.delivery import tls

LOCK = "requirements.txt"
NAME = "tiny-1.0-py3-none-any.whl"
NOT_INSTALLED = "the Python packages of this action could not be installed"
BIN = Path(sys.executable).parent
# What an installer of another make would do; the arguments are those of uv.
INSTALLER = """\
#!/bin/sh
PATH=/usr/bin:/bin
while [ "$1" != --target ]; do shift; done
{what}
"""


def wheel(folder, name="tiny"):
    """Write a wheel of one module; return its file."""
    file = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "SIZE = 1\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={digest_of(text)},{len(text)}\n" for path, text in files.items()
    )
    with zipfile.ZipFile(file, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return file


def digest_of(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def locks(tmp_path):
    """A folder with a lock of the one package that the index has."""
    folder = tmp_path / "action"
    folder.mkdir()
    index = tmp_path / "index"
    index.mkdir()
    digest = hashlib.sha256(wheel(index).read_bytes()).hexdigest()
    (folder / LOCK).write_text(f"tiny==1.0 \\\n    --hash=sha256:{digest}\n", "utf-8")
    return folder


@pytest.fixture
def environ(tmp_path):
    for name in ("cache", "temp", "bin"):
        (tmp_path / name).mkdir()
    index = str(tmp_path / "index")
    return {
        "PATH": str(tmp_path / "bin"),
        "HOME": str(tmp_path),
        "RUNNER_TOOL_CACHE": str(tmp_path / "cache"),
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": index,
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": index,
        "UV_NO_CACHE": "1",
    }


@pytest.fixture(autouse=True)
def _module_path():
    before = [*sys.path]
    yield
    sys.path[:] = before


@pytest.fixture
def home(tmp_path):
    return tmp_path / "cache" / "dora-deployments"


def installer(tmp_path, what):
    """Put a program called `uv` on the path."""
    file = tmp_path / "bin" / "uv"
    file.write_text(INSTALLER.format(what=what), "utf-8")
    file.chmod(0o755)


def named(locks):
    return name_of((locks / LOCK).read_bytes())


def contents(folder):
    """Return what a folder holds, apart from what describes the installation itself."""
    of_installers = {"__pycache__", "bin"}
    names = (path.name for path in folder.iterdir())
    return sorted(n for n in names if n not in of_installers and not n.endswith(".dist-info"))


def provide(locks, environ, budget=None, **given):
    """Return what is told while the packages are provided."""
    told = []
    packages = Packages(locks, environ, imports={LOCK: "tiny"}, **given)
    packages.provide(LOCK, budget or Budget.of(120), told.append)
    return told


def by(told):
    """Return which installers were tried, in their order."""
    start = f"Installing {LOCK} by "
    return [line.removeprefix(start) for line in told if line.startswith(start)]


def refusal(locks, environ, **given):
    """Return why the packages cannot be provided, and what is told before."""
    told = []
    packages = Packages(locks, environ, imports={LOCK: "tiny"}, **given)
    for _ in range(2):  # the second time nothing is tried
        with pytest.raises(PackagesError) as caught:
            packages.provide(LOCK, Budget.of(120), told.append)
    return str(caught.value), told


def test_packages_are_installed_by_pip_in_the_tool_cache_and_importable(locks, environ, home):
    told = provide(locks, environ)
    assert by(told) == ["pip"]
    assert re.fullmatch(rf"Installed in \d+\.\d s, and kept in {re.escape(str(home))}", told[-1])
    assert len(told) == 2
    assert contents(home) == [named(locks)]  # and no draft of it
    assert contents(home / named(locks)) == ["tiny.py"]
    assert len([*(home / named(locks) / "__pycache__").iterdir()]) == 1  # compiled already
    assert sys.path[-1] == str(home / named(locks))
    script = "import sys; sys.path.append(sys.argv[1]); import tiny; print(tiny.SIZE)"
    command = [sys.executable, "-I", "-S", "-c", script, sys.path[-1]]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"1\n"


def test_packages_are_installed_by_uv_where_there_is_one(locks, environ, home, tmp_path):
    (tmp_path / "bin" / "uv").symlink_to(BIN / "uv")
    assert by(provide(locks, {**environ, "UV_LINK_MODE": "symlink"})) == ["uv"]
    assert contents(home) == [named(locks)]
    module = home / named(locks) / "tiny.py"
    assert (module.is_symlink(), module.lstat().st_nlink) == (False, 1)  # nobody else has it


def test_a_uv_that_fails_half_way_leaves_the_work_to_pip(locks, environ, home, tmp_path):
    installer(tmp_path, "mkdir $2; touch $2/tiny.py $2/half; echo no way; exit 2")
    told = provide(locks, environ)
    assert told[:3] == [
        "Installing requirements.txt by uv",
        "| no way",
        "Installing requirements.txt by pip",
    ]
    assert contents(home / named(locks)) == ["tiny.py"]
    assert (home / named(locks) / "tiny.py").read_text() == "SIZE = 1\n"


def test_what_uv_calls_done_but_cannot_be_imported_leaves_the_work_to_pip(
    locks, environ, home, tmp_path
):
    installer(tmp_path, "mkdir $2; echo 'import another_system' > $2/tiny.py")
    told = provide(locks, environ)
    assert by(told) == ["uv", "pip"]
    assert "| ModuleNotFoundError: No module named 'another_system'" in told
    assert contents(home / named(locks)) == ["tiny.py"]


def test_a_uv_that_never_ends_leaves_pip_its_time(locks, environ, home, tmp_path):
    installer(tmp_path, "exec sleep 600")
    assert by(provide(locks, environ, Budget.of(10))) == ["uv", "pip"]
    assert contents(home / named(locks)) == ["tiny.py"]


def test_a_python_without_pip_gets_one_for_the_moment(locks, environ, home, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys._base_executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    told = provide(locks, environ, python=str(bare / "bin" / "python"))
    assert by(told) == ["pip", "a pip of its own"]
    assert len(told) == 3  # and nothing of a module that is missing
    assert contents(home) == [named(locks)]
    assert contents(home / named(locks)) == ["tiny.py"]


# As Debian's is without its packages for pip and venv.
PYTHON = """\
#!/bin/sh
PATH=/usr/bin:/bin
case "$*" in
  *venv*) {venv} ;;
  *) echo $0: No module named pip; exit 1 ;;
esac
"""


def python(tmp_path, venv):
    file = tmp_path / "python"
    file.write_text(PYTHON.format(venv=venv), "utf-8")
    file.chmod(0o755)
    return str(file)


def test_a_python_that_can_have_no_pip_is_refused_with_what_to_do(locks, environ, tmp_path):
    bare = python(tmp_path, "echo ensurepip is not available; exit 1")
    why, told = refusal(locks, environ, python=bare)
    assert why == (
        "the Python packages of this action could not be installed, since the runner's Python has"
        " no pip; install python3-pip or python3-venv there, or add actions/setup-python before"
        " this step"
    )
    assert told == ["Installing requirements.txt by pip", "| ensurepip is not available"]


def test_a_pip_that_takes_too_long_to_make_is_given_up(locks, environ, tmp_path):
    bare = python(tmp_path, "exec sleep 600")
    with pytest.raises(PackagesError) as caught:
        provide(locks, environ, Budget.of(1), python=bare)
    assert "that took too long; set `timeout` higher" in str(caught.value)


def test_what_is_there_is_taken_without_any_installer(locks, environ, home):
    (home / named(locks)).mkdir(parents=True)
    assert provide(locks, environ, Budget.of(0), python="/nowhere/python") == []
    assert sys.path[-1] == str(home / named(locks))


@pytest.mark.parametrize("changed", range(4))
def test_another_lock_python_processor_or_c_library_has_another_folder(changed):
    fits = ["lock", *what_fits()]
    before = name_of(fits[0].encode(), fits[1:])
    assert before == name_of(b"lock")
    fits[changed] += "x"
    assert name_of(fits[0].encode(), fits[1:]) != before


def test_the_folder_is_named_after_this_python():
    python, processor, c_library = what_fits()
    assert python in importlib.machinery.EXTENSION_SUFFIXES
    assert processor == platform.machine()
    assert c_library == " ".join(platform.libc_ver()).strip()
    assert name_of(b"").startswith(f"{sys.implementation.cache_tag}-")


@pytest.mark.parametrize("missing", ["unset", "empty", "a file"])
def test_without_a_tool_cache_the_temporary_folder_of_the_job_is_taken(
    locks, environ, missing, tmp_path
):
    (tmp_path / "file").touch()
    environ["RUNNER_TOOL_CACHE"] = {"a file": str(tmp_path / "file")}.get(missing, "")
    if missing == "unset":
        del environ["RUNNER_TOOL_CACHE"]
    provide(locks, environ)
    assert sys.path[-1] == str(tmp_path / "temp" / "dora-deployments" / named(locks))
    assert provide(locks, environ, python="/nowhere/python") == []  # in the next step


def test_a_tool_cache_that_is_named_from_here_is_found_from_anywhere(locks, environ, tmp_path):
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        provide(locks, {**environ, "RUNNER_TOOL_CACHE": "cache"})
    finally:
        os.chdir(before)
    assert sys.path[-1] == str(tmp_path / "cache" / "dora-deployments" / named(locks))


def test_without_any_folder_of_the_runner_a_private_one_is_made(locks, environ):
    for variable in ("RUNNER_TOOL_CACHE", "RUNNER_TEMP"):
        del environ[variable]
    provide(locks, environ)
    folder = Path(sys.path[-1])
    try:
        assert folder.name == named(locks)
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        assert contents(folder) == ["tiny.py"]
    finally:
        shutil.rmtree(folder.parent)


@pytest.mark.threat(22)
def test_drafts_of_who_was_killed_are_cleared_away(locks, environ, home):
    for name, age in ((".draft-old", 7200), (".draft-new", 60), (".ssh", 7200)):
        (home / name / "packages").mkdir(parents=True)
        os.utime(home / name, (time.time() - age,) * 2)
    provide(locks, environ)
    assert contents(home) == [".draft-new", ".ssh", named(locks)]


def planted_link(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")


def open_to_all(folder, _):
    folder.mkdir()
    folder.chmod(0o777)


def of_another_user(folder, _):
    folder.mkdir()
    os.chown(folder, 12345, 12345)


@pytest.mark.threat(22)
@pytest.mark.parametrize(
    "plant",
    [
        planted_link,
        open_to_all,
        pytest.param(
            of_another_user,
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives files away"),
        ),
    ],
)
def test_what_someone_else_could_change_in_the_tool_cache_is_not_taken(
    plant, locks, environ, home, tmp_path
):
    home.mkdir()
    plant(home / named(locks), tmp_path)
    assert by(provide(locks, environ)) == ["pip"]
    assert sys.path[-1] == str(tmp_path / "temp" / "dora-deployments" / named(locks))


@pytest.mark.threat(22)
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_what_is_kept_can_be_changed_by_nobody_else_and_read_by_all(locks, environ, home, umask):
    before = os.umask(umask)
    try:
        provide(locks, environ)
    finally:
        os.umask(before)
    kept = home / named(locks)
    assert {path.stat().st_mode & 0o022 for path in (home, kept, *kept.rglob("*"))} == {0}
    assert kept.stat().st_mode & 0o777 == 0o755


def test_of_two_jobs_that_install_the_same_both_have_it_whole(locks, environ, home, tmp_path):
    # The other one is done while ours installs.
    other = home / named(locks)
    installer(tmp_path, f"mkdir $2; touch $2/tiny.py; mkdir {other}; touch {other}/theirs")
    assert by(provide(locks, environ)) == ["uv"]
    assert contents(home / named(locks)) == ["theirs"]
    assert contents(home) == [named(locks)]


@pytest.mark.threat(22)
def test_what_someone_else_put_there_meanwhile_is_not_taken(locks, environ, home, tmp_path):
    installer(tmp_path, f"mkdir $2; touch $2/tiny.py {home}/{named(locks)}")
    why, _ = refusal(locks, environ)
    assert why == "the Python packages of this action could not be installed (Not a directory)"


@pytest.mark.threat(16)
def test_a_package_other_than_the_locked_one_is_refused(locks, environ, home, tmp_path):
    wheel(tmp_path / "index").write_bytes(b"something else")
    why, told = refusal(locks, environ)
    assert why == (
        "the Python packages of this action could not be installed: the package index has another"
        " package than the one that is locked; check your mirror, if it is one. Nothing of that"
        " package was run"
    )
    assert any(re.fullmatch(r"\| +Got +[0-9a-f]{64}", line) for line in told)
    assert contents(home) == []


@pytest.mark.threat(16)
def test_a_package_that_is_not_locked_is_not_installed(locks, environ, home, tmp_path):
    wheel(tmp_path / "index", "other")
    with (locks / LOCK).open("a", encoding="utf-8") as lock:
        lock.write("other==1.0\n")
    refusal(locks, environ)
    assert contents(home) == []


@pytest.mark.threat(16)
def test_a_package_that_would_run_code_when_it_is_installed_is_refused(locks, environ, tmp_path):
    index = tmp_path / "index"
    (index / "tiny-1.0-py3-none-any.whl").unlink()
    source = index / "tiny-1.0.tar.gz"
    (tmp_path / "setup.py").write_text("import pathlib; pathlib.Path('/planted').touch()\n")
    with tarfile.open(source, "w:gz") as archive:
        archive.add(tmp_path / "setup.py", "tiny-1.0/setup.py")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    (locks / LOCK).write_text(f"tiny==1.0 --hash=sha256:{digest}\n", "utf-8")
    _, told = refusal(locks, environ)
    assert any("No matching distribution found for tiny==1.0" in line for line in told)


def test_an_installer_that_takes_too_long_is_ended_with_all_that_it_started(
    locks, environ, home, tmp_path
):
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    installer(tmp_path, f"exec 3> {alive}; sleep 600 & echo working; wait")
    (tmp_path / "index" / "tiny-1.0-py3-none-any.whl").unlink()
    told = []
    packages = Packages(locks, environ, imports={LOCK: "tiny"})
    with pytest.raises(PackagesError):
        packages.provide(LOCK, Budget.of(3), told.append)
    assert told[:2] == ["Installing requirements.txt by uv", "| working"]
    select.select([reader], [], [], 10)  # until the last of those who were killed is gone
    assert os.read(reader, 1) == b""  # or else somebody would still hold the other end
    os.close(reader)
    assert contents(home) == []


@pytest.mark.fault(100)
def test_an_installer_ends_with_the_job_that_is_cancelled(locks, environ, home, tmp_path):
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    installer(tmp_path, f"exec 3> {alive}; sleep 600 & touch {tmp_path}/reached; wait")

    def cancel():
        pause = threading.Event()
        while not (tmp_path / "reached").exists():
            pause.wait(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with signals.restored(), signals.interruptible():
        threading.Thread(target=cancel).start()
        with pytest.raises(Interrupted):
            provide(locks, environ)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    select.select([reader], [], [], 10)
    assert os.read(reader, 1) == b""
    os.close(reader)
    assert contents(home) == []


def test_a_python_that_cannot_be_started_is_told(locks, environ):
    why, _ = refusal(locks, environ, python="/nowhere/python")
    assert why == (
        "the Python packages of this action could not be installed (No such file or directory)"
    )


class Index:
    """An index on loopback that has one package, or answers as `mode` says; use it by `with`."""

    def __init__(self, mode, digest, context=None):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                is_file = self.path.endswith(".whl")
                if mode == "hangs" or (mode == "hangs with the file" and is_file):
                    closing.wait(60)
                    return
                if mode == "hangs up":
                    return
                status = int(mode) if mode.isdigit() else 200
                file, needs = {
                    "of another system": ("tiny-1.0-cp310-cp310-win32.whl", ""),
                    "of another python": (NAME, ' data-requires-python="&gt;=3.99"'),
                    "as source": ("tiny-1.0.tar.gz", ""),
                }.get(mode, (NAME, ""))
                page = f'<html><a href="/{file}#sha256={digest}"{needs}>{file}</a></html>'
                body = bytes_of_wheel if is_file else page.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.closing = closing = threading.Event()
        with tempfile.TemporaryDirectory() as folder:
            bytes_of_wheel = wheel(Path(folder)).read_bytes()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        scheme = "http"
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://grace:h0pper@127.0.0.1:{self.server.server_port}/simple"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def digest(tmp_path):
    return hashlib.sha256((tmp_path / "index" / NAME).read_bytes()).hexdigest()


def asking(environ, url):
    """Return the environment of a runner that asks the index at `url` instead of a folder."""
    of_folders = {"PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_OFFLINE", "UV_FIND_LINKS"}
    kept = {name: value for name, value in environ.items() if name not in of_folders}
    return {**kept, "PIP_INDEX_URL": url, "UV_DEFAULT_INDEX": url, "PIP_NO_CACHE_DIR": "1"}


ANOTHER_INDEX = (
    "check the runner's way to it, or set PIP_INDEX_URL for pip, or UV_DEFAULT_INDEX for uv, to one"
    " that the runner can reach"
)
ANOTHER_PYTHON = (
    "take another Python by actions/setup-python, or use the Docker variant of this action"
)
MIRROR = "if it is a mirror, let it have what PyPI has"
UNFIT = f"has no package that fits this Python and system; {ANOTHER_PYTHON}"
REFUSED = "refuses the runner (HTTP {}); check the credentials in its URL"


@pytest.mark.parametrize("first", ["pip", "uv"])
@pytest.mark.parametrize(
    ("mode", "message", "topic"),
    [
        ("hangs up", f"cannot be reached; {ANOTHER_INDEX}", PACKAGES),
        ("503", "is out of order (HTTP 503)", PACKAGES),
        ("429", "is out of order (HTTP 429)", PACKAGES),
        ("401", REFUSED.format(401), PACKAGES_UNAVAILABLE),
        ("403", REFUSED.format(403), PACKAGES_UNAVAILABLE),
        ("404", f"does not have a package that is needed; {MIRROR}", PACKAGES_UNAVAILABLE),
        ("of another system", UNFIT, PACKAGES_UNAVAILABLE),
        ("of another python", UNFIT, PACKAGES_UNAVAILABLE),
        (
            "as source",
            f"does not have a package that is needed as a wheel; {MIRROR}",
            PACKAGES_UNAVAILABLE,
        ),
    ],
)
def test_what_an_index_answers_is_told_and_whether_another_run_can_help(
    mode, message, topic, first, locks, environ, digest, tmp_path
):
    if first == "uv":
        (tmp_path / "bin" / "uv").symlink_to(BIN / "uv")
    with Index(mode, digest) as index, pytest.raises(PackagesError) as caught:
        provide(locks, asking(environ, index.url), Budget.of(40))
    assert str(caught.value) == f"{NOT_INSTALLED}: the package index 127.0.0.1 {message}"
    assert caught.value.topic == topic


@pytest.mark.parametrize("mode", ["hangs", "hangs with the file"])
def test_an_index_that_does_not_answer_is_told(mode, locks, environ, digest):
    with Index(mode, digest) as index, pytest.raises(PackagesError) as caught:
        provide(locks, asking(environ, index.url), Budget.of(10))
    assert str(caught.value) == (
        f"{NOT_INSTALLED}: the package index 127.0.0.1 did not answer in time; {ANOTHER_INDEX}"
    )
    assert caught.value.topic == PACKAGES


def test_an_index_that_cannot_be_reached_is_told(locks, environ):
    with pytest.raises(PackagesError) as caught:
        provide(locks, asking(environ, "http://127.0.0.1:9/simple"))
    problem = f"the package index 127.0.0.1 cannot be reached; {ANOTHER_INDEX}"
    assert str(caught.value) == f"{NOT_INSTALLED}: {problem}"
    assert caught.value.topic == PACKAGES


def test_a_host_that_does_not_resolve_is_told(locks, environ):
    with pytest.raises(PackagesError) as caught:
        provide(locks, asking(environ, "https://index.invalid/simple"))
    problem = f"the package index index.invalid cannot be reached; {ANOTHER_INDEX}"
    assert str(caught.value) == f"{NOT_INSTALLED}: {problem}"


def test_an_index_by_http_on_another_machine_is_told(locks, environ):
    with pytest.raises(PackagesError) as caught:
        provide(locks, asking(environ, "http://index.invalid/simple"))
    assert str(caught.value) == (
        f"{NOT_INSTALLED}: the package index is not asked, since its URL begins with http; write"
        " https, or set PIP_TRUSTED_HOST"
    )
    assert caught.value.topic == PACKAGES_UNAVAILABLE


def test_packages_that_this_python_cannot_import_are_told(locks, environ):
    told = []
    packages = Packages(locks, environ, imports={LOCK: "tiny, another_system"})
    with pytest.raises(PackagesError) as caught:
        packages.provide(LOCK, Budget.of(120), told.append)
    assert str(caught.value) == (
        f"{NOT_INSTALLED}: this Python cannot import what was installed; {ANOTHER_PYTHON}"
    )
    assert caught.value.topic == PACKAGES_UNAVAILABLE
    assert told[-1] == "| ModuleNotFoundError: No module named 'another_system'"


def test_an_import_that_takes_too_long_is_given_up(locks, environ):
    packages = Packages(locks, environ, imports={LOCK: "time; time.sleep(600)"})
    with pytest.raises(PackagesError) as caught:
        packages.provide(LOCK, Budget.of(12), lambda _: None)
    assert str(caught.value) == (
        f"{NOT_INSTALLED}: that took too long; set `timeout` higher, or keep the runner's tool"
        " cache from job to job"
    )
    assert caught.value.topic == PACKAGES


@pytest.mark.parametrize("installer_of", ["pip", "uv"])
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", None])
def test_an_index_of_a_company_is_trusted_by_ssl_cert_file_alone(
    variable, installer_of, locks, environ, digest, tmp_path
):
    if installer_of == "uv":
        (tmp_path / "bin" / "uv").symlink_to(BIN / "uv")
    authority = tmp_path / "ca.pem"
    tls.CA.cert_pem.write_to_path(str(authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.good().configure_cert(context)
    with Index("", digest, context) as index:
        environ = asking(environ, index.url)
        if variable:
            assert by(provide(locks, {**environ, variable: str(authority)})) == [installer_of]
            return
        with pytest.raises(PackagesError) as caught:
            provide(locks, environ)
    assert str(caught.value) == (
        f"{NOT_INSTALLED}: the certificate of the package index 127.0.0.1 is not trusted; set"
        " SSL_CERT_FILE or PIP_CERT to the file of its authority"
    )
    assert caught.value.topic == PACKAGES_UNAVAILABLE


@pytest.mark.threat(4)
def test_no_installer_is_told_a_secret(locks, environ, tmp_path):
    installer(tmp_path, f"env > {tmp_path}/told; exit 1")
    environ |= {
        "INPUT_DX_TOKEN": "dx-token-of-the-tests",
        "INPUT_SERVICE": "shop",
        "GITHUB_TOKEN": "token",
        "ACTIONS_RUNTIME_TOKEN": "token",
        "DD_API_KEY": "key",
        "SSLKEYLOGFILE": "/nowhere",
        "npm_config_token": "token",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "UV_INDEX_OURS_PASSWORD": "password",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "PIP_CONSTRAINT": "/nowhere",
        "UV_PYTHON": "/nowhere",
    }
    provide(locks, environ)
    told = {line.partition("=")[0] for line in (tmp_path / "told").read_text("utf-8").splitlines()}
    of_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert told - of_shell == {
        "HOME",
        "HTTPS_PROXY",
        "PATH",
        "PIP_FIND_LINKS",
        "PIP_NO_INDEX",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_USER",
        "RUNNER_TEMP",
        "RUNNER_TOOL_CACHE",
        "UV_FIND_LINKS",
        "UV_INDEX_OURS_PASSWORD",
        "UV_NO_CACHE",
        "UV_OFFLINE",
    }


@pytest.mark.threat(4)
@pytest.mark.parametrize(
    "password", ["s3cr3t", "s3c/r3t", "s3c#r3t", "s3c?r3t", "s3c:r3t", "s3c@r3t"]
)
def test_no_password_of_an_index_is_shown(locks, environ, tmp_path, password):
    (tmp_path / "index" / "tiny-1.0-py3-none-any.whl").unlink()
    environ["PIP_INDEX_URL"] = f"http://grace:{password}@127.0.0.1:9/simple"
    del environ["PIP_NO_INDEX"]
    why, told = refusal(locks, environ)
    shown = "".join([why, *told])
    assert [part for part in ("s3c", "r3t", "s3cr3t", "grace") if part in shown] == []


@pytest.mark.threat(4)
def test_no_password_of_an_address_is_shown_wherever_it_comes_from():
    said = "from https://grace:s3cr3t@mirror.acme.test/simple and http://127.0.0.1/"
    assert without_passwords(said, {}) == (
        "from https://***@mirror.acme.test/simple and http://127.0.0.1/"
    )


@pytest.mark.parametrize(
    "variable", ["PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_DRY_RUN", "PIP_PREFIX", "PIP_ROOT"]
)
def test_settings_of_the_machine_for_other_installations_do_not_count(
    locks, environ, variable, tmp_path
):
    value = str(tmp_path) if variable in {"PIP_PREFIX", "PIP_ROOT"} else "1"
    assert by(provide(locks, {**environ, variable: value})) == ["pip"]


def test_settings_in_the_workspace_do_not_count(locks, environ, tmp_path):
    (tmp_path / "bin" / "uv").symlink_to(BIN / "uv")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "uv.toml").write_text("no-binary = true\n", "utf-8")
    before = Path.cwd()
    os.chdir(workspace)
    try:
        assert by(provide(locks, environ)) == ["uv"]
    finally:
        os.chdir(before)


def test_packages_may_need_those_that_were_provided_before(locks, environ, home, tmp_path):
    digest = hashlib.sha256(wheel(tmp_path / "index", "other").read_bytes()).hexdigest()
    (locks / "second.txt").write_text(f"other==1.0 --hash=sha256:{digest}\n", "utf-8")
    packages = Packages(locks, environ, imports={LOCK: "tiny", "second.txt": "tiny, other"})
    for lock in (LOCK, "second.txt"):
        packages.provide(lock, Budget.of(120), lambda _: None)
    assert len(contents(home)) == 2
    assert sys.path[-2] == str(home / named(locks))
