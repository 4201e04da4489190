"""The composite's packages: installed once, by whatever can, and never seen half.

Real installers run, on an index that is a folder with one small package.
"""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dora_deployments.budget import Budget
from dora_deployments.packages import Packages, PackagesError, folder_name

LOCK = "requirements.txt"
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
    return folder_name((locks / LOCK).read_bytes())


def contents(folder):
    """Return what a folder holds, apart from what tells of the installation itself."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".dist-info"))


def start_of(said):
    """Return a sentence without its seconds."""
    return said.rpartition(" in ")[0]


def provide(locks, environ, budget=None, **given):
    return Packages(locks, environ, **given).provide(LOCK, budget or Budget.of(60))


def test_packages_are_installed_by_pip_in_the_tool_cache_and_importable(locks, environ, home):
    said = provide(locks, environ)
    assert start_of(said) == "Installed the packages of requirements.txt by pip"
    assert contents(home) == [named(locks)]  # and no draft of it
    assert contents(home / named(locks)) == ["tiny.py"]  # which is compiled when it is imported
    assert sys.path[-1] == str(home / named(locks))
    script = "import sys; sys.path.append(sys.argv[1]); import tiny; print(tiny.SIZE)"
    command = [sys.executable, "-I", "-S", "-c", script, sys.path[-1]]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"1\n"


def test_packages_are_installed_by_uv_where_there_is_one(locks, environ, home, tmp_path):
    (tmp_path / "bin" / "uv").symlink_to(BIN / "uv")
    said = provide(locks, environ)
    assert start_of(said) == "Installed the packages of requirements.txt by uv"
    assert contents(home) == [named(locks)]
    assert "tiny.py" in contents(home / named(locks))


def test_a_uv_that_fails_leaves_the_work_to_pip(locks, environ, home, tmp_path):
    installer(tmp_path, "mkdir $2; touch $2/half; exit 2")
    assert start_of(provide(locks, environ)).endswith("by pip")
    assert "tiny.py" in contents(home / named(locks))


def test_a_python_without_pip_gets_one_for_the_moment(locks, environ, home, tmp_path):
    bare = tmp_path / "bare"
    subprocess.run([sys._base_executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    said = provide(locks, environ, python=str(bare / "bin" / "python"))
    assert start_of(said).endswith("by pip")
    assert contents(home) == [named(locks)]
    assert contents(home / named(locks)) == ["tiny.py"]


def test_a_python_that_can_have_no_pip_is_refused_with_what_to_do(locks, environ, tmp_path):
    # As Debian's is without its packages for pip and venv.
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\ncase "$*" in\n  *venv*) echo ensurepip is not available; exit 1 ;;\n'
        "  *) echo $0: No module named pip; exit 1 ;;\nesac\n",
        "utf-8",
    )
    python.chmod(0o755)
    with pytest.raises(PackagesError) as caught:
        provide(locks, environ, python=str(python))
    assert str(caught.value) == (
        "the runner's Python has no pip to install the packages of this action; install python3-pip"
        " or python3-venv there, or add actions/setup-python before this step"
    )
    assert caught.value.output == ("ensurepip is not available",)


def test_what_is_there_is_taken_without_any_installer(locks, environ, home):
    (home / named(locks)).mkdir(parents=True)
    assert provide(locks, environ, Budget.of(0), python="/nowhere/python") is None
    assert sys.path[-1] == str(home / named(locks))


def test_another_lock_has_another_folder(locks, environ, home):
    (home / named(locks)).mkdir(parents=True)
    with (locks / LOCK).open("a", encoding="utf-8") as lock:
        lock.write("# of another version\n")
    assert start_of(provide(locks, environ)).endswith("by pip")
    assert len(contents(home)) == 2


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
    assert provide(locks, environ, python="/nowhere/python") is None  # in the next step


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
        for path in sorted(folder.parent.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.parent.rmdir()


def planted_link(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")


def planted_by_another_user(folder, _):
    folder.mkdir()
    os.chown(folder, 12345, 12345)


@pytest.mark.threat(17)
@pytest.mark.parametrize(
    "plant",
    [
        planted_link,
        pytest.param(
            planted_by_another_user,
            marks=pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away"),
        ),
    ],
)
def test_what_someone_else_put_in_the_tool_cache_is_not_taken(
    plant, locks, environ, home, tmp_path
):
    home.mkdir()
    plant(home / named(locks), tmp_path)
    said = provide(locks, environ)
    assert start_of(said).endswith("by pip")
    assert sys.path[-1] == str(tmp_path / "temp" / "dora-deployments" / named(locks))


def test_of_two_jobs_that_install_the_same_both_have_it_whole(locks, environ, home, tmp_path):
    # The other one is done while ours installs.
    installer(
        tmp_path,
        f"mkdir $2; touch $2/ours; mkdir {home}/{named(locks)}; touch {home}/{named(locks)}/theirs",
    )
    assert start_of(provide(locks, environ)).endswith("by uv")
    assert contents(home / named(locks)) == ["theirs"]
    assert contents(home) == [named(locks)]


@pytest.mark.threat(17)
def test_what_someone_else_put_there_meanwhile_is_not_taken(locks, environ, home, tmp_path):
    installer(tmp_path, f"mkdir $2; touch {home}/{named(locks)}")
    with pytest.raises(PackagesError) as caught:
        provide(locks, environ)
    assert str(caught.value) == (
        "the Python packages of this action could not be installed (Not a directory)"
    )


@pytest.mark.threat(16)
def test_a_package_other_than_the_locked_one_is_refused(locks, environ, home, tmp_path):
    wheel(tmp_path / "index").write_bytes(b"something else")
    with pytest.raises(PackagesError) as caught:
        provide(locks, environ)
    assert str(caught.value) == "the Python packages of this action could not be installed"
    assert any("DO NOT MATCH THE HASHES" in line for line in caught.value.output)
    assert contents(home) == []


@pytest.mark.threat(16)
def test_a_package_that_is_not_locked_is_not_installed(locks, environ, home, tmp_path):
    wheel(tmp_path / "index", "other")
    with (locks / LOCK).open("a", encoding="utf-8") as lock:
        lock.write("other==1.0\n")
    with pytest.raises(PackagesError):
        provide(locks, environ)
    assert contents(home) == []


def test_an_installer_that_takes_too_long_is_ended(locks, environ, home, tmp_path):
    installer(tmp_path, "sleep 20 & wait")
    with pytest.raises(PackagesError) as caught:
        provide(locks, environ, Budget.of(0.5))
    assert str(caught.value) == (
        "the Python packages of this action could not be installed in time; set `timeout` higher,"
        " or keep the runner's tool cache from job to job"
    )
    assert contents(home) == []


def test_a_python_that_cannot_be_started_is_told(locks, environ):
    with pytest.raises(PackagesError) as caught:
        provide(locks, environ, python="/nowhere/python")
    assert str(caught.value) == (
        "the Python packages of this action could not be installed (No such file or directory)"
    )


@pytest.mark.threat(4)
def test_no_installer_is_told_an_input_and_no_password_of_an_index_is_shown(
    locks, environ, tmp_path
):
    installer(tmp_path, f"env > {tmp_path}/told; exit 1")
    (tmp_path / "index" / "tiny-1.0-py3-none-any.whl").unlink()
    environ |= {
        "INPUT_DX_TOKEN": "dx-token-of-the-tests",
        "PIP_FIND_LINKS": "http://me:s3cr3t@127.0.0.1:9/",
        "PIP_RETRIES": "0",
    }
    with pytest.raises(PackagesError) as caught:
        provide(locks, environ)
    told = (tmp_path / "told").read_text("utf-8")
    assert "PIP_FIND_LINKS=" in told
    assert "INPUT_" not in told
    assert "s3cr3t" not in "".join(caught.value.output)


@pytest.mark.parametrize("variable", ["PIP_REQUIRE_VIRTUALENV", "PIP_USER"])
def test_settings_of_the_machine_for_other_installations_do_not_count(locks, environ, variable):
    assert start_of(provide(locks, {**environ, variable: "1"})).endswith("by pip")


def test_settings_in_the_workspace_do_not_count(locks, environ, tmp_path):
    (tmp_path / "bin" / "uv").symlink_to(BIN / "uv")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "uv.toml").write_text("no-binary = true\n", "utf-8")
    before = Path.cwd()
    os.chdir(workspace)
    try:
        assert start_of(provide(locks, environ)).endswith("by uv")
    finally:
        os.chdir(before)
