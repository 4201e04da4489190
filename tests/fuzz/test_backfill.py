"""Whatever happens in a repository, a backfill reports what was reported when it happened."""

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dora_deployments.actions import moments
from tests.end_to_end.diary import BEGAN, Diary, diary
from tests.end_to_end.github.history import PullRequest

METHODS = ("squash", "merge", "rebase")
BRANCHES = ("main", "release", "hotfix")
PLACES = (
    ("production", "deploy"),
    ("staging", "deploy"),
    ("production", "migrate"),
    ("pr-7", "deploy"),
)
STATES = ("queued", "in_progress", "success", "failure", "error", "inactive")
FILES = ("checkout/a.txt", "checkout/b.txt", "cart/a.txt", "README.md")
CONFIG = b"""\
services:
  checkout: {paths: ["checkout/**"]}
  cart: {paths: ["cart/**"]}
"""
INPUTS = (
    {},
    {"attribution": "pull-requests"},
    {"attribution": "commit"},
    {"attribution": "repository"},
    {"integration-branch": "release"},
    {"branches": "release", "tags": "a:b"},
    {"environment-map": "prod*=live\nstag*="},
    {"metadata": '{"by": "hand"}', "source-name": "CI", "team": "web"},
)
DAY = timedelta(days=1)
# Steps are (what, a number, another number): the numbers choose among what there is.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                *("commit", "land", "land", "land", "branch", "merge", "revert", "pick", "force"),
                *("open", "open", "close", "begin", "begin", "state", "state"),
                *("deploy", "deploy", "deploy", "back", "again", "lost", "later"),
                *("push", "together"),
            )
        ),
        st.integers(0, 11),
        st.integers(0, 11),
    ),
    min_size=8,
    max_size=40,
)


class Steps:
    """Lets things happen; what is not possible as things are does not happen."""

    def __init__(self, written: Diary) -> None:
        self.diary = written
        self.history = written.history
        self.story = written.story
        self.started: list[int] = []
        self.count = 0

    def take(self, what: str, one: int, other: int) -> None:
        getattr(self, f"_{what}")(one, other)

    def _file(self, number: int) -> dict[str, str | None]:
        self.count += 1
        path = _of(FILES, number)
        if number > 8 and path in self.history.commits[self.history.branches["main"]].files:
            return {path: None, _of(FILES, number + 2): f"{self.count}\n"}
        return {path: f"{self.count}\n"}

    def _branch_of(self, number: int) -> str:
        return _of([name for name in BRANCHES if name in self.history.branches], number)

    def _commit(self, one: int, other: int) -> None:
        self.history.commit(self._branch_of(one), self._file(other))

    def _opened(self, base: str, count: int, file: int) -> int:
        number = len(self.history.pulls()) + 1
        self.history.branch(f"change-{number}", base)
        for n in range(count):
            self.history.commit(f"change-{number}", self._file(file + n))
        return self.history.open_pull(f"change-{number}", base)

    def _land(self, one: int, other: int) -> None:
        number = self._opened(self._branch_of(one // 3), 1 + other % 3, other)
        self.history.merge_pull(number, _of(METHODS, one))

    def _open(self, one: int, other: int) -> None:
        self._opened(self._branch_of(one), 1 + other % 2, other)

    def _close(self, one: int, other: int) -> None:
        if opened := self._to_merge():
            self.history.merge_pull(_of(opened, one).number, _of(METHODS, other))

    def _push(self, one: int, _: int) -> None:
        ahead = [
            each
            for each in self._to_merge()
            if self.history.is_ancestor(each.base_sha, each.head_sha)
        ]
        if ahead:
            self.diary.pushed(_of(ahead, one).number)

    def _to_merge(self) -> list[PullRequest]:
        commits = self.history.commits
        return [
            each
            for each in self.history.pulls()
            # There may be nothing left of it after a force-push.
            if each.merged_at is None and any(len(commits[sha].parents) < 2 for sha in each.commits)
        ]

    def _branch(self, one: int, other: int) -> None:
        name = _of(BRANCHES[1:], one)
        if name not in self.history.branches:
            self.history.branch(name, _of(self._recent(), other))

    def _merge(self, one: int, other: int) -> None:
        into, of = self._branch_of(one), self._branch_of(other)
        base = self.history.branches
        if not self.history.is_ancestor(base[of], base[into]):
            self.history.merge(into, of)

    def _revert(self, one: int, other: int) -> None:
        self.history.revert(self._branch_of(one), _of(self._recent(), other))

    def _pick(self, one: int, other: int) -> None:
        self.history.cherry_pick(self._branch_of(one), _of(self._recent(), other))

    def _force(self, one: int, other: int) -> None:
        self.history.force(self._branch_of(one), _of(self._recent(), other))

    def _begin(self, one: int, other: int) -> None:
        environment, task = _of(PLACES, other)
        sha = self.history.branches[self._branch_of(one)]
        self.started.append(
            self.diary.begin(sha, environment, task, transient=environment == "pr-7")
        )

    def _state(self, one: int, other: int) -> None:
        if self.started:
            self.diary.end(_of(self.started, one), _of(STATES, other))

    def _deploy(self, one: int, other: int) -> None:
        self._put(self.history.branches[self._branch_of(one // 4)], one, other)

    def _back(self, one: int, other: int) -> None:
        self._put(_of(self._recent(), one), 0, other)

    def _again(self, one: int, other: int) -> None:
        if self.started:
            self._put(self.history.deployments[_of(self.started, one)].sha, 0, other)

    def _lost(self, one: int, other: int) -> None:
        self._put(f"{one + 1:x}" * 40, 0, other)

    def _put(self, sha: str, one: int, other: int) -> None:
        environment, task = _of(PLACES, one)
        states = (("success",), ("failure",), ("error", "success"), ("success", "inactive"))
        log_url = "https://github.com/acme/shop/actions/runs/7/job/1" if other == 11 else None
        self.started.append(
            self.diary.deployed(
                sha,
                environment,
                *_of(states, other),
                task=task,
                transient=environment == "pr-7",
                log_url=log_url,
            )
        )

    def _together(self, one: int, other: int) -> None:
        moment = self.history.now
        self._begin(one, other)
        self.history.now = moment
        self._begin(one + 1, other)

    def _later(self, one: int, _: int) -> None:
        self.diary.later(days=1 + one)

    def _recent(self) -> list[str]:
        return list(self.history.commits)[-12:]


def _of(choices, number: int):
    return choices[number % len(choices)]


def _agree(
    steps, inputs: dict[str, str], file: bytes | None = None, days: tuple[int, int] = (0, 999)
) -> None:
    since, until = (BEGAN.replace(hour=0) + timedelta(days=each) for each in days)
    with tempfile.TemporaryDirectory() as name, diary(Path(name), inputs) as written:
        written.file = file
        written.history.commit()
        going = Steps(written)
        for step in steps:
            going.take(*step)

        # The story may be over before the period begins.
        written.history.now = max(written.history.now, since)
        until = min(until, written.history.now + DAY)
        backfilled = written.backfilled(
            **{
                "backfill-source": "deployments",
                "since": since.isoformat(),
                "until": until.isoformat(),
            }
        )

        reported = {
            id_: entry
            for id_, entry in written.reported.items()
            if since <= moments.iso(entry.body["deployed_at"]) < until
        }
        if reported:
            assert backfilled.finished.exit_code == 0, backfilled.finished.log
            assert backfilled.entries == reported
        else:
            assert backfilled.finished.outputs["reason"] == "nothing-to-backfill"


@settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    STEPS,
    st.sampled_from(({"service": "shop"}, {"service": "checkout, other"}, {})),
    st.sampled_from(INPUTS),
    st.sampled_from((None, CONFIG)),
    st.just((0, 999)) | st.tuples(st.integers(0, 30), st.integers(1, 30)),
)
def test_a_backfill_reports_what_was_reported_on_the_day(steps, service, inputs, file, days):
    since, length = days
    _agree(steps, {**service, **inputs}, file, (since, since + length))
