from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dora_deployments.budget import Budget
from dora_deployments.delivery import deliver, replay, saved, undelivered
from dora_deployments.delivery.deliver import Origin
from dora_deployments.delivery.replay import Left
from dora_deployments.deployment import Outcome
from dora_deployments.errors import InputError, Skip
from tests.builders import deployment, inputs
from tests.builders import run as run_of
from tests.delivery import wire

ORIGIN = Origin(server_url="https://github.com", repository="acme/shop")
DX = wire.dx("http://127.0.0.1:1")


@pytest.fixture
def base(tmp_path):
    (tmp_path / undelivered.FOLDER).mkdir()
    return tmp_path


@pytest.fixture
def run(base):
    return replace(run_of(), workspace=str(base), temp=None)


def written(base, path):
    """Save a deployment in the file at `path`, and return its delivery."""
    (delivery,) = deliver.prepare([deployment()], [DX])
    outcome = Outcome(
        backend="DX", service="shop", id=delivery.id, status="undelivered", message="because"
    )
    (base / path).write_text(saved.text(delivery, outcome, ORIGIN), "utf-8")
    return replace(delivery, saved=base / path)


def taken(base, *paths):
    return list(replay.deliveries(base, paths, ORIGIN, [DX], [], Budget.of(60)))


def test_files_that_there_is_no_time_to_read_are_left_for_another_run(base):
    written(base, "a.json")
    left = list(replay.deliveries(base, ["a.json", "b.json"], ORIGIN, [DX], [], Budget.of(0)))
    assert left == [Left(count=2)]


def refused(run, path):
    with pytest.raises(InputError) as raised:
        replay.found(inputs(replay_path=path), run)
    return raised.value.problems


def test_the_files_are_those_of_the_default_folder_in_order(base, run):
    for name in ("b.json", "a.json", "c.txt"):
        written(base, f"{undelivered.FOLDER}/{name}")
    paths = ("dora-undelivered/a.json", "dora-undelivered/b.json")
    assert replay.found(inputs(), run) == (base, paths)


def test_more_files_than_one_run_sends_begin_anywhere_so_that_none_waits_for_ever(base, run):
    names = [f"{number:04}.json" for number in range(replay.MOST + 1)]
    for name in names:
        (base / undelivered.FOLDER / name).touch()
    expected = [f"{undelivered.FOLDER}/{name}" for name in names]
    begins = set()
    for _ in range(10):
        _, found = replay.found(inputs(), run)
        start = expected.index(found[0])
        begins.add(start)
        assert list(found) == expected[start:] + expected[:start]
    assert len(begins) > 1


def test_as_many_files_as_one_run_sends_are_in_order(base, run):
    names = [f"{number:04}.json" for number in range(replay.MOST)]
    for name in names:
        (base / undelivered.FOLDER / name).touch()
    _, found = replay.found(inputs(), run)
    assert list(found) == [f"{undelivered.FOLDER}/{name}" for name in names]


@pytest.mark.parametrize("path", ["dora-undelivered", "none", "dora-undelivered/none.json"])
def test_where_nothing_is_saved_there_is_nothing_to_replay(run, path):
    with pytest.raises(Skip) as raised:
        replay.found(inputs(replay_path=path), run)
    assert (raised.value.reason, raised.value.explanation, raised.value.warn) == (
        "nothing-to-replay",
        f"there is no saved report in {path!r}; if there should be one, check `replay-path`",
        False,
    )


@pytest.mark.parametrize("path", ["..", "dora-undelivered/../x", "/etc/passwd"])
def test_a_path_that_leads_elsewhere_is_a_bad_input(run, path):
    assert refused(run, path) == (
        (
            f"`replay-path` is {path!r}, which is no plain path; write one that starts in the"
            " workspace, with forward slashes and without . or .. between them"
        ),
    )


def test_a_path_through_a_link_is_a_bad_input(base, run):
    (base / "link").symlink_to(base / undelivered.FOLDER)
    assert refused(run, "link") == (
        "`replay-path` is or goes through the link 'link'; write the path of the file itself",
    )


def test_each_file_is_judged_alone(base):
    good = written(base, "good.json")
    (base / "bad.json").write_bytes(b"null")
    (base / "empty.json").touch()
    assert taken(base, "bad.json", "good.json", "empty.json", "gone.json", "a\nb.json") == [
        "'bad.json' is no saved report; take it out of `replay-path`",
        good,
        (
            "'empty.json' is not JSON (Expecting value), so it is not whole; fetch it again, or"
            " run the job that saved it again"
        ),
        "'gone.json' is gone in the meantime; see whether another run replays it",
        (
            "'a\\nb.json' is 'a\\nb.json', which is no plain path; write one that starts in the"
            " workspace, with forward slashes and without . or .. between them"
        ),
    ]


@pytest.mark.threat(13)
def test_a_file_of_one_byte_too_much_is_refused(base):
    good = written(base, "good.json")
    text = (base / "good.json").read_bytes()
    (base / "good.json").write_bytes(text.ljust(saved.LARGEST))
    (base / "large.json").write_bytes(text.ljust(saved.LARGEST + 1))
    assert taken(base, "good.json", "large.json") == [
        good,
        "'large.json' is larger than 262144 bytes; shorten it, or take it away",
    ]


@pytest.mark.threat(13)
def test_what_is_beyond_a_thousand_good_files_waits_for_the_next_run(base, run):
    good = written(base, f"{undelivered.FOLDER}/0000.json")
    text = good.saved.read_bytes()
    for number in range(1, 1_002):
        (base / undelivered.FOLDER / f"{number:04}.json").write_bytes(text)
    (base / undelivered.FOLDER / "0000-bad.json").write_bytes(b"null")
    _, paths = replay.found(inputs(), run)
    found = taken(base, *paths)

    bad = "'dora-undelivered/0000-bad.json' is no saved report; take it out of `replay-path`"
    first = [replace(good, saved=base / path) for path in paths if "bad" not in path][:1_000]
    assert [each for each in found if isinstance(each, str)] == [bad]
    assert [each for each in found if not isinstance(each, str)] == [*first, Left(count=2)]
    assert taken(base, *paths[:1_001])[-1] == first[-1]


# --- attempts of a run


FINISHED = datetime(2026, 5, 11, 9, 34, 40, tzinfo=timezone.utc)


def of_attempt(path, attempt, run_id="1", *, minute=None):
    """Return what an attempt saved at `path`; each finished at a minute of its own."""
    finished_at = FINISHED + timedelta(minutes=attempt if minute is None else minute)
    (delivery,) = deliver.prepare([deployment(finished_at=finished_at)], [DX])
    return replace(delivery, saved=path, run_id=run_id, attempt=attempt)


def test_of_the_attempts_of_a_run_only_the_last_one_is_sent(tmp_path):
    first, second, third = (of_attempt(tmp_path / str(number), number) for number in (1, 2, 3))
    again = of_attempt(tmp_path / "again", 3, minute=4)
    other = of_attempt(tmp_path / "other", 1, run_id="2", minute=5)
    older = of_attempt(tmp_path / "older", 0, run_id="", minute=6)
    oldest = of_attempt(tmp_path / "oldest", 0, run_id="", minute=7)
    superseded = (tmp_path / "2", tmp_path / "1")
    assert replay.latest([third, second, other, older, oldest, again, first]) == (
        replace(third, superseded=superseded),
        replace(again, superseded=superseded),
        other,
        older,
        oldest,
    )


def test_of_copies_the_first_is_sent_and_all_are_known_to_be_the_same(tmp_path):
    one, two, three = (of_attempt(tmp_path / name, 2) for name in ("one", "two", "three"))
    before = of_attempt(tmp_path / "before", 1)
    assert replay.latest([one, before, two, three]) == (
        replace(one, superseded=(tmp_path / "before", tmp_path / "two", tmp_path / "three")),
    )
