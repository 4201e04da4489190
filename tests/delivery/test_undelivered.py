import errno
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dora_deployments.delivery import deliver, saved, undelivered
from dora_deployments.delivery.deliver import Origin
from dora_deployments.delivery.dispatch import SendResult
from dora_deployments.delivery.undelivered import FOLDER, SavedReports
from dora_deployments.deployment import Outcome, Service, TouchedServices
from tests.builders import deployment
from tests.builders import run as run_of
from tests.delivery import wire

ORIGIN = Origin(server_url="https://github.com", repository="acme/shop")
DATADOG = wire.datadog("http://127.0.0.1:1")
DX = wire.dx("http://127.0.0.1:1")
NAME = f"{wire.ID}-dx.json"
ANOTHER = 1001
SOURCE = Path(__file__).parents[2]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
root_only = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="root alone gives files away"
)
NOWHERE = (
    "what was not delivered is saved nowhere; the log shows it, and to run the job again sends it"
    " under the same id"
)

NO_FOLDER = "it is a link, or no folder; remove it"


@pytest.fixture
def run(tmp_path):
    (tmp_path / "workspace").mkdir()
    (tmp_path / "temp").mkdir()
    return replace(run_of(), workspace=str(tmp_path / "workspace"), temp=str(tmp_path / "temp"))


@pytest.fixture
def folder(tmp_path, run):
    del run
    return tmp_path / "workspace" / FOLDER


def delivery(backend=DX, **changes):
    (only,) = deliver.prepare([deployment(**changes)], [backend])
    return only


def ended(status="undelivered", of=None):
    of = of or delivery()
    outcome = Outcome(
        backend=of.backend.name, service=of.services[0], id=of.id, status=status, message="because"
    )
    return SendResult(delivery=of, outcomes=(outcome,))


def text(each):
    return saved.text(each.delivery, each.outcome, ORIGIN)


def settle(run, *endings, refused=()):
    return undelivered.settle(endings, ORIGIN, run, refused)


def contents(folder):
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


def not_in(folder, why):
    return f"what was not delivered cannot be saved in {folder}: {why}"


LOST = "the log shows them, and to run the job again sends them under the same id"
IS_FOLDER = "Is a directory; remove the folder that is in its place"
FULL = "No space left on device; make room on that disk"


def denied(why):
    return f"{why}; let the step's user write there"


# --- saved


def test_what_is_lost_is_saved_beside_what_hides_it_from_git(run, folder):
    lost = [ended("undelivered"), ended("rejected", delivery(DATADOG))]
    assert settle(run, *lost, ended("skipped", delivery(id="a" * 16))) == SavedReports(path=FOLDER)
    assert contents(folder) == {
        ".gitignore": "*\n",
        NAME: text(lost[0]),
        f"{wire.ID}-datadog.json": text(lost[1]),
    }


@pytest.mark.parametrize("status", ["delivered", "duplicate", "skipped"])
def test_nothing_is_made_if_nothing_is_lost(run, folder, status):
    assert settle(run, ended(status)) == SavedReports()
    assert settle(run) == SavedReports()
    assert not folder.exists()


def test_git_sees_nothing_of_what_is_saved(run, tmp_path):
    git = ["git", "-C", str(tmp_path / "workspace")]
    subprocess.run([*git, "init", "--quiet"], check=True)
    settle(run, ended())
    status = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True)
    assert status.stdout == b""


def test_the_services_that_a_pull_request_touches_are_saved_under_its_number(run, folder):
    touched = TouchedServices(pull_id=7, services=(Service(identifier="shop"),))
    (first,) = deliver.prepare_touched(touched, [DX], goes_first=True)
    lost = ended(of=first)
    assert settle(run, lost) == SavedReports(path=FOLDER)
    assert contents(folder) == {".gitignore": "*\n", "pull-request~7-dx.json": text(lost)}


def test_a_second_step_adds_to_what_the_first_one_saved(run, folder):
    endings = [ended(of=delivery(id=letter * 16)) for letter in "ab"]
    for each in endings:
        assert settle(run, each) == SavedReports(path=FOLDER)
    assert contents(folder) == {
        ".gitignore": "*\n",
        **{f"{each.delivery.id}-dx.json": text(each) for each in endings},
    }


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("run:8412399001:shop", "run%3A8412399001%3Ashop"),
        (".hidden-0123456789", "%2Ehidden-0123456789"),
        ("..0123456789abcdef", "%2E.0123456789abcdef"),
        ("a" * 128, "a" * 128),
        (":" * 66 + "a", "%3A" * 66 + "a"),
        (":" * 67, hashlib.sha256(b":" * 67).hexdigest()),
        ("." + ":" * 127, hashlib.sha256(b"." + b":" * 127).hexdigest()),
        ("pull-request~3498120117", "pull-request~3498120117"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("C:\\caf\u00e9", "C%3A%5Ccaf%C3%A9"),
    ],
)
def test_any_name_is_the_name_of_a_file(run, folder, name, stem):
    lost = ended(of=replace(delivery(), name=name))
    assert undelivered.file_name(lost.delivery) == f"{stem}-dx.json"
    assert settle(run, lost) == SavedReports(path=FOLDER)
    assert contents(folder) == {".gitignore": "*\n", f"{stem}-dx.json": text(lost)}


def test_what_is_too_large_to_be_replayed_is_saved_with_a_warning(run, folder):
    around = len(text(ended(of=delivery(metadata={"x": ""}))))
    fits, large = (
        ended(of=delivery(id=letter * len(wire.ID), metadata={"x": "y" * size}))
        for letter, size in (("a", saved.LARGEST - around), ("b", saved.LARGEST - around + 1))
    )
    name = undelivered.file_name(large.delivery)
    assert settle(run, fits, large) == SavedReports(
        path=FOLDER,
        problems=(
            (
                f"`{name}` is larger than 262144 bytes, so `mode: replay` does not take it; run the"
                " job again instead"
            ),
        ),
    )
    assert {path.name: path.stat().st_size for path in folder.glob("*.json")} == {
        undelivered.file_name(fits.delivery): saved.LARGEST,
        name: saved.LARGEST + 1,
    }


# --- readable


@posix_only
@pytest.mark.threat(22)
def test_any_user_may_read_what_is_saved_whatever_the_mask(run, folder):
    before = os.umask(0o077)
    try:
        settle(run, ended())
    finally:
        os.umask(before)
    assert {path.name: modes(path) for path in (folder, *folder.iterdir())} == {
        FOLDER: 0o755,
        ".gitignore": 0o644,
        NAME: 0o644,
    }


def modes(path):
    return stat.S_IMODE(path.stat().st_mode)


@root_only
@pytest.mark.threat(18, 22)
def test_what_root_saves_belongs_to_the_owner_of_the_workspace(run, folder):
    os.chown(folder.parent, ANOTHER, ANOTHER)
    settle(run, ended())
    owners = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in folder.iterdir()}
    owners[FOLDER] = (folder.stat().st_uid, folder.stat().st_gid)
    assert owners == dict.fromkeys([FOLDER, ".gitignore", NAME], (ANOTHER, ANOTHER))


# --- where it cannot be saved


@posix_only
@pytest.mark.threat(10, 22)
@pytest.mark.parametrize("kind", ["link to a folder", "link to nothing", "file", "pipe"])
def test_a_folder_that_is_none_is_left_alone_and_the_temporary_one_taken(
    run, folder, tmp_path, kind
):
    outside = tmp_path / "outside"
    outside.mkdir()
    make = {
        "link to a folder": lambda: folder.symlink_to(outside),
        "link to nothing": lambda: folder.symlink_to(tmp_path / "nothing"),
        "file": folder.touch,
        "pipe": lambda: os.mkfifo(folder),
    }
    make[kind]()
    before = folder.lstat()
    temp = tmp_path / "temp" / FOLDER
    assert settle(run, ended()) == SavedReports(
        path=temp.as_posix(), problems=(not_in(folder, NO_FOLDER),)
    )
    assert contents(temp) == {".gitignore": "*\n", NAME: text(ended())}
    assert list(outside.iterdir()) == []
    assert (folder.lstat().st_ino, folder.lstat().st_mode) == (before.st_ino, before.st_mode)


@posix_only
@pytest.mark.parametrize("name", [NAME, ".gitignore"])
def test_a_folder_in_the_place_of_a_file_is_left_alone(run, folder, tmp_path, name):
    (folder / name / "precious").mkdir(parents=True)
    temp = tmp_path / "temp" / FOLDER
    assert settle(run, ended()) == SavedReports(
        path=temp.as_posix(), problems=(not_in(folder, IS_FOLDER),)
    )
    assert contents(temp) == {".gitignore": "*\n", NAME: text(ended())}
    assert (folder / name / "precious").is_dir()
    assert [path.name for path in folder.iterdir() if path.is_file()] in ([], [".gitignore"])


@posix_only
@pytest.mark.threat(10, 22)
@pytest.mark.parametrize("name", [NAME, ".gitignore"])
@pytest.mark.parametrize("kind", ["symlink_to", "hardlink_to"])
def test_a_planted_link_is_never_written_through(run, folder, tmp_path, name, kind):
    target = tmp_path / "target"
    target.write_text("precious", "utf-8")
    folder.mkdir()
    getattr(folder / name, kind)(target)
    expected = {".gitignore": "*\n", NAME: text(ended())}
    if (name, kind) == (NAME, "hardlink_to"):  # a file like any other, and so left alone
        expected = {".gitignore": "*\n", NAME: "precious", other_name(ended()): text(ended())}
    assert settle(run, ended()) == SavedReports(path=FOLDER)
    assert contents(folder) == expected
    assert not (folder / name).is_symlink()
    assert target.read_text("utf-8") == "precious"


def other_name(each):
    """Return the name of what is saved where the usual one is taken."""
    return f"{wire.ID}-dx-{hashlib.sha256(text(each).encode()).hexdigest()[:8]}.json"


@pytest.mark.fault(99)
def test_nothing_is_saved_over_what_another_step_saved_under_the_same_name(run, folder):
    first, again = ended("undelivered"), ended("rejected")
    staging = ended(of=delivery(environment="staging"))
    other_key = ended(of=delivery(replace(DX, token="of another instance")))
    for each in (first, staging, other_key, again, staging, other_key):
        assert settle(run, each) == SavedReports(path=FOLDER)
    assert contents(folder) == {
        ".gitignore": "*\n",
        NAME: text(again),
        other_name(staging): text(staging),
        other_name(other_key): text(other_key),
    }


@root_only
@pytest.mark.threat(10, 22)
def test_a_folder_of_another_user_is_left_alone(run, folder, tmp_path):
    folder.mkdir()
    os.chown(folder, ANOTHER, ANOTHER)
    temp = tmp_path / "temp" / FOLDER
    problem = not_in(folder, "it belongs to another user; remove it")
    assert settle(run, ended()) == SavedReports(path=temp.as_posix(), problems=(problem,))
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("workspace", ["", "none", "file"])
def test_without_a_workspace_the_temporary_folder_is_taken(run, tmp_path, workspace):
    (tmp_path / "file").touch()
    path = str(tmp_path / workspace) if workspace else None
    temp = tmp_path / "temp" / FOLDER
    assert settle(replace(run, workspace=path), ended()) == SavedReports(path=temp.as_posix())
    assert contents(temp) == {".gitignore": "*\n", NAME: text(ended())}


SETTLES = """
import os, sys
from dataclasses import replace
from tests.delivery import test_undelivered as tests

workspace, temp, status, user = sys.argv[1:]
run = replace(tests.run_of(), workspace=workspace, temp=temp)
ended = tests.ended(status)
tests.text(ended)  # what is read for it is read as the user that may
if user:
    os.setgroups([])
    os.setgid(int(user))
    os.setuid(int(user))
print(ascii(tests.settle(run, ended)))
"""


def settled(*command, at, status="undelivered", user=""):
    """Return how a process of its own settles, with its temporary folder in `at`."""
    process = subprocess.run(
        [*command, at / "workspace", at / "temp", status, user],
        env={**os.environ, "TMPDIR": str(at / "tmp"), "PYTHONPATH": "src:."},
        cwd=SOURCE,
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stdout


def python():
    return [sys.executable, "-X", "utf8", "-B", "-c", SETTLES]


def test_what_can_be_saved_nowhere_is_said(run, tmp_path):
    del run
    (tmp_path / "tmp").mkdir()
    places = [tmp_path / name / FOLDER for name in ("workspace", "temp", "tmp")]
    for place in places:
        place.touch()
    problems = [not_in(place, NO_FOLDER) for place in places]
    assert settled(*python(), at=tmp_path) == f"{SavedReports(problems=(*problems, NOWHERE))!a}\n"


@pytest.mark.fault(101)
@pytest.mark.parametrize(
    ("mount", "why"),
    [
        ("-t tmpfs -o nr_inodes=2", FULL),
        ("-t tmpfs -o size=4k", FULL),
        ("-t tmpfs -o ro", "Read-only file system; mount it so that the step can write there"),
    ],
    ids=["no inode left", "full", "read-only"],
)
def test_a_file_system_that_is_full_or_read_only_is_not_the_end(run, tmp_path, mount, why):
    del run
    script = f'mount {mount} none "$1"; shift; exec "$@"'
    unshare = ["unshare", "--map-root-user", "--mount", "sh", "-e", "-c", script, "sh"]
    workspace = tmp_path / "workspace"
    if not shutil.which("unshare"):
        pytest.skip("there is no unshare here")
    if subprocess.run([*unshare, workspace, "true"], check=False, capture_output=True).returncode:
        pytest.skip("nothing may be mounted here")
    temp = tmp_path / "temp" / FOLDER
    assert settled(*unshare, workspace, *python(), at=tmp_path) == (
        f"{SavedReports(path=temp.as_posix(), problems=(not_in(workspace / FOLDER, why),))!a}\n"
    )
    assert set(contents(temp)) == {".gitignore", NAME}


@contextmanager
def full_after(number):
    """Let the disk be full once so many files were saved: from then on each is too large."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    each = len(text(ended(of=numbered(number))))
    resource.setrlimit(resource.RLIMIT_FSIZE, (each, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def numbered(number):
    """Return a delivery whose file is longer than those of smaller numbers."""
    return replace(delivery(), name=f"d{number}", services=("s" * (10 + number),))


TOO_LARGE = "File too large; raise the limit of that user on the size of files"


@pytest.mark.fault(101)
@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_what_a_disk_takes_before_it_is_full_is_saved_and_the_rest_is_said(
    run, tmp_path, monkeypatch
):
    (tmp_path / "tmp").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    deliveries = [ended(of=numbered(number)) for number in range(5)]
    with full_after(2):
        kept = settle(run, *deliveries)

    assert kept == SavedReports(
        path=FOLDER,
        problems=(
            not_in(tmp_path / "workspace" / FOLDER, TOO_LARGE),
            not_in(tmp_path / "temp" / FOLDER, TOO_LARGE),
            f"2 of 5 undelivered reports are saved nowhere; {LOST}",
        ),
    )
    saved_files = {f"d{number}-dx.json": text(deliveries[number]) for number in range(3)}
    assert contents(tmp_path / "workspace" / FOLDER) == {".gitignore": "*\n", **saved_files}
    assert contents(tmp_path / "temp" / FOLDER) == {".gitignore": "*\n"}


@pytest.mark.fault(101)
def test_what_a_full_disk_took_does_not_stay_beside_what_another_has_but_for_older_files(
    run, tmp_path
):
    first, second = ended(of=numbered(0)), ended(of=numbered(1))
    settle(run, first)
    deliveries = [first, second, ended(of=replace(numbered(2), name="x" * 199))]
    long_names = tmp_path / "workspace" / FOLDER
    (long_names / f"{'x' * 199}-dx.json").mkdir()
    mode = long_names / f"{'x' * 199}-dx.json" / "full"
    mode.touch()

    temp = tmp_path / "temp" / FOLDER
    kept = settle(run, *deliveries)

    assert kept == SavedReports(path=temp.as_posix(), problems=(not_in(long_names, IS_FOLDER),))
    assert set(contents(temp)) == {
        ".gitignore", "d0-dx.json", "d1-dx.json", f"{'x' * 199}-dx.json"
    }  # fmt: skip
    mode.unlink()
    mode.parent.rmdir()
    assert contents(long_names) == {".gitignore": "*\n", "d0-dx.json": text(first)}


@pytest.fixture
def shared():
    """A folder that other users may look into, which the usual one is not."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        for inner in ("workspace", "temp"):
            (place / inner).mkdir()
        (place / "temp").chmod(0o777)
        yield place


@root_only
@pytest.mark.parametrize("status", ["undelivered", "delivered"])
@pytest.mark.parametrize("closed", ["workspace", "around"])
def test_what_the_user_may_not_look_into_is_no_place(shared, closed, status):
    folder = shared / "workspace" / FOLDER
    folder.parent.chmod(0o700)
    if closed == "around":
        (shared / "around").mkdir(0o700)
        folder.parent.rename(shared / "around" / "workspace")
        (shared / "workspace").symlink_to(shared / "around" / "workspace")
    kept = SavedReports()
    if status == "undelivered":
        problems = (not_in(folder, denied("Permission denied")),) if closed == "workspace" else ()
        kept = SavedReports(path=(shared / "temp" / FOLDER).as_posix(), problems=problems)
    assert settled(*python(), at=shared, status=status, user=str(ANOTHER)) == f"{kept!a}\n"


# --- removed


def of_attempt(number, run_id="1"):
    return replace(ORIGIN, run_id=run_id, attempt=number)


def left_after(run, folder, status, origin):
    """Return which of the files stay that five attempts saved, once another one has ended."""
    folder.mkdir()
    stem = NAME.removesuffix(".json")
    for name, saver in {
        "": of_attempt(1),
        "-2": of_attempt(2),
        "-3": of_attempt(3),
        "-of-another-run": of_attempt(1, "2"),
        "-of-before": ORIGIN,
    }.items():
        each = ended()
        content = saved.text(each.delivery, each.outcome, saver)
        (folder / f"{stem}{name}.json").write_text(content, "utf-8")
    (folder / f"{stem}-planted.json").write_text("{}", "utf-8")
    before = set(contents(folder))
    undelivered.settle([ended(status)], origin, run)
    return sorted(name[len(stem) :].removesuffix(".json") for name in before - {*contents(folder)})


@pytest.mark.parametrize(
    ("status", "origin", "removed"),
    [
        ("delivered", of_attempt(3), ["", "-2"]),
        ("duplicate", of_attempt(2), [""]),
        ("delivered", of_attempt(1), []),
        ("delivered", replace(ORIGIN, attempt=9), []),
        ("undelivered", of_attempt(3), []),
    ],
)
def test_what_is_recorded_removes_what_earlier_attempts_of_its_run_saved_here(
    run, folder, status, origin, removed
):
    assert left_after(run, folder, status, origin) == removed


@pytest.mark.fault(99)
@pytest.mark.parametrize("status", ["delivered", "duplicate"])
def test_what_an_earlier_step_saved_stays_for_a_replay_whatever_this_one_delivers(
    run, folder, status
):
    settle(run, ended(), ended(of=delivery(DATADOG)))
    before = contents(folder)
    assert settle(run, ended(status)) == SavedReports()
    assert contents(folder) == before


def replayed(status, file):
    return ended(status, replace(delivery(), saved=file))


@pytest.mark.parametrize("status", ["delivered", "duplicate"])
def test_what_was_replayed_is_removed_where_it_was(run, folder, status):
    other = folder / "artifact" / "any name.json"
    other.parent.mkdir(parents=True)
    for file in (folder / NAME, other):
        file.touch()
    assert settle(run, replayed(status, other)) == SavedReports()
    assert not other.exists()
    assert (folder / NAME).exists()
    assert settle(run, replayed(status, other)) == SavedReports()  # twice is harmless


@pytest.mark.parametrize("status", ["rejected", "undelivered"])
def test_what_was_replayed_in_vain_stays_as_it_is(run, folder, status):
    folder.mkdir()
    (folder / NAME).write_text("as it is", "utf-8")
    assert settle(run, replayed(status, folder / NAME)) == SavedReports(path=FOLDER)
    assert contents(folder) == {NAME: "as it is"}


@posix_only
@pytest.mark.threat(10)
def test_nothing_is_removed_behind_a_link(run, folder, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / NAME).touch()
    folder.symlink_to(tmp_path / "outside")
    assert settle(run, ended("delivered")) == SavedReports()
    assert (tmp_path / "outside" / NAME).exists()


@posix_only
def test_what_cannot_be_removed_is_said(run, folder):
    (folder / NAME).mkdir(parents=True)
    why = os.strerror(errno.EISDIR if sys.platform == "linux" else errno.EPERM)
    problem = (
        f"`{NAME}` is delivered, but cannot be removed ({why}); remove it, or leave it: to send it"
        " twice does no harm"
    )
    assert settle(run, replayed("delivered", folder / NAME)) == SavedReports(problems=(problem,))


@pytest.mark.parametrize("place", ["missing/x.json", "file/x.json"])
def test_what_is_gone_already_needs_not_be_removed(run, tmp_path, place):
    (tmp_path / "file").touch()
    assert settle(run, replayed("delivered", tmp_path / place)) == SavedReports()


# --- where it is


@pytest.mark.parametrize(
    ("files", "path"),
    [
        (["workspace/saved/a.json"], "saved"),
        (["workspace/saved/a.json", "workspace/saved/b.json"], "saved"),
        (["workspace/saved/one/a.json", "workspace/saved/two/b.json"], "saved"),
        (["workspace/saved/one/a.json", "workspace/saved/b.json"], "saved"),
        (["workspace/a.json"], "a.json"),
        (["temp/saved/a.json"], "{}/temp/saved"),
        (["temp/a.json"], "{}/temp/a.json"),
    ],
)
def test_the_path_is_the_folder_around_all_that_remains(run, tmp_path, files, path):
    kept = settle(run, *(replayed("undelivered", tmp_path / file) for file in files))
    assert kept == SavedReports(path=path.format(tmp_path.as_posix()))


@pytest.mark.parametrize(
    ("refused", "endings", "path"),
    [
        (["workspace/saved/a.json"], [], "saved"),
        (["workspace/a.json"], [], "a.json"),
        (["workspace/saved/one/a.json", "workspace/saved/b.json"], [], "saved"),
        (["workspace/saved/one/a.json"], ["workspace/saved/two/b.json"], "saved"),
        (["temp/saved/a.json"], [], "{}/temp/saved"),
    ],
)
def test_the_path_is_around_the_files_that_were_refused_too(run, tmp_path, refused, endings, path):
    lost = [replayed("undelivered", tmp_path / file) for file in endings]
    good = replayed("delivered", tmp_path / "workspace" / "elsewhere" / "c.json")
    kept = settle(run, *lost, good, refused=[tmp_path / file for file in refused])
    assert kept == SavedReports(path=path.format(tmp_path.as_posix()))
