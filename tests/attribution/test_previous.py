from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.actions.event import Happening
from dora_deployments.attribution import previous
from dora_deployments.attribution.answers import Mark, PastDeployment
from dora_deployments.deployment import Fact
from tests.attribution.known import sha

RUNS = "https://github.com/acme/shop/actions/runs"
NOON = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)


def at(minute):
    return NOON + timedelta(minutes=minute)


def past(number, minute, *, commit=1, task="deploy", succeeded=True, urls=()):
    return PastDeployment(
        id=f"DE_{number}",
        commit_sha=sha(commit),
        task=task,
        created_at=at(minute),
        succeeded=succeeded,
        urls=urls,
    )


def before(known, *, commit=9, started=None, ended=None, **told):
    """Return the number of the deployment before that of commit 9."""
    happening = Happening(
        event="push",
        repository=Fact(value="acme/shop", source="repository.full_name"),
        repository_id="186853261",
        commit_sha=Fact(value=sha(commit), source="after"),
        identity="x",
        started_at=None if started is None else Fact(value=at(started), source="pushed_at"),
        **told,
    )
    ended_at = None if ended is None else at(ended)
    found = previous.deployment(happening, sha(commit), known, ended_at=ended_at)
    return None if found is None else known.index(found)


# --- the deployment before


def test_without_deployments_there_is_none_before():
    assert before([]) is None


def test_the_last_one_that_ever_reached_success_came_before():
    assert before([past(1, 3, succeeded=False), past(2, 2), past(3, 1)]) == 1


def test_deployments_may_be_listed_in_any_order():
    assert before([past(1, 1), past(2, 3), past(3, 2)]) == 1


def test_of_several_made_in_the_same_second_the_first_of_the_list_counts():
    assert before([past(1, 1), past(2, 2, commit=3), past(3, 2, commit=2)]) == 1


@pytest.mark.parametrize(("task", "index"), [("deploy", 1), ("migrate", 0), ("other", None)])
def test_only_deployments_of_the_same_task_count(task, index):
    assert before([past(1, 2, task="migrate"), past(2, 1)], task=task) == index


@pytest.mark.parametrize(
    ("ended", "index"), [(None, 0), (4, 0), (3, 1), (2.5, 1), (2, 2), (1, None), (0, None)]
)
def test_what_was_made_when_this_one_had_ended_is_not_before_it(ended, index):
    assert before([past(1, 3), past(2, 2), past(3, 1)], ended=ended) == index


@pytest.mark.parametrize(
    ("ids", "started", "index"),
    [
        ({"DE_2"}, 2, 2),
        ({"2", "DE_2"}, 2, 2),
        ({"DE_2"}, None, 2),
        ({"DE_99"}, 3, 1),
        ({"DE_99"}, None, 0),
        ({"DE_99"}, 1, None),
    ],
)
def test_the_events_own_deployment_is_known_by_its_id_and_ends_the_search(ids, started, index):
    known = [past(1, 3), past(2, 2), past(3, 1)]
    assert before(known, started=started, deployment_ids=frozenset(ids)) == index


def test_the_start_of_the_events_own_deployment_counts_more_than_a_later_attempt():
    # The statuses of an old deployment come when a newer one is there already.
    known = [past(1, 9, urls=(f"{RUNS}/77/job/1",)), past(2, 5), past(3, 4), past(4, 3)]
    told = {"run_ids": frozenset({"77"}), "deployment_ids": frozenset({"DE_3"})}
    assert before(known, started=4, ended=20, **told) == 3


def test_the_end_of_this_one_does_not_matter_if_github_has_a_record_of_it():
    known = [past(1, 3), past(2, 2, urls=(f"{RUNS}/77",)), past(3, 1)]
    assert before(known, ended=20, run_ids=frozenset({"77"})) == 2


@pytest.mark.parametrize(
    ("url", "index"),
    [
        (f"{RUNS}/8412399001", 1),
        (f"{RUNS}/8412399001/", 1),
        (f"{RUNS}/8412399001/job/23078451234", 1),
        (f"{RUNS}/8412399001/attempts/2", 1),
        (f"{RUNS}/8412399001?pr=1", 1),
        (f"{RUNS}/8412399001#summary", 1),
        (f"{RUNS}/84123990010", 0),
        (f"{RUNS}/8412399001{'0' * 30}", 0),
        (f"{RUNS}/841239900", 0),
        (f"{RUNS}/18412399001", 0),
        (f"{RUNS}/job/8412399001", 0),
        ("https://github.com/acme/shop/runs/8412399001", 0),
        ("https://shop.example/8412399001", 0),
    ],
)
def test_a_record_of_a_run_is_known_by_the_address_of_its_log(url, index):
    known = [past(1, 2, urls=("https://shop.example", url)), past(2, 1)]
    assert before(known, run_ids=frozenset({"8412399001"})) == index


def test_all_records_of_a_run_are_its_own_and_the_last_one_ends_the_search():
    run = (f"{RUNS}/77/job/1",)
    known = [past(1, 5), past(2, 4, urls=run), past(3, 3), past(4, 2, urls=run), past(5, 1)]
    assert before(known, run_ids=frozenset({"77", "78"})) == 2


@pytest.mark.parametrize(
    ("commit", "started", "index"),
    [(9, 2, 1), (9, 1, 1), (9, 3, 0), (8, 2, 0), (9, None, 0)],
    ids=["at the start", "after it", "before it", "another commit", "no start"],
)
def test_the_same_commit_deployed_after_the_event_is_this_one(commit, started, index):
    known = [past(1, 2, commit=commit), past(2, 0)]
    assert before(known, started=started, run_ids=frozenset({"77"})) == index


def test_an_earlier_attempt_of_this_run_did_not_come_before_it():
    run = (f"{RUNS}/77",)
    known = [past(1, 4, urls=run), past(2, 3, urls=run), past(3, 1)]
    assert before(known, run_ids=frozenset({"77"})) == 2


def test_an_own_record_that_failed_or_has_another_task_ends_the_search_too():
    run = (f"{RUNS}/77",)
    known = [past(1, 3), past(2, 2, urls=run, succeeded=False, task="other"), past(3, 1)]
    assert before(known, run_ids=frozenset({"77"})) == 2


# --- the release or tag before


def mark(tag, *known):
    """Return the tag before `tag`, which is of commit 0; `known` are tags or (tag, commit)."""
    marks = [
        Mark(tag=known_tag, commit_sha=sha(commit))
        for index, item in enumerate(known, 1)
        for known_tag, commit in [item if isinstance(item, tuple) else (item, index)]
    ]
    found = previous.mark(tag, sha(0), marks)
    return None if found is None else found.tag


@pytest.mark.parametrize(
    ("tag", "known", "found"),
    [
        # the next lower version, whatever the order of the list
        ("v1.2.3", ["v1.2.2", "v1.2.1"], "v1.2.2"),
        ("v1.2.3", ["v1.2.1", "v1.2.2"], "v1.2.2"),
        ("v1.2.3", ["v2.0.0", "v1.3.0", "v1.2.4", "v1.1.9"], "v1.1.9"),
        ("v1.10.0", ["v1.2.0", "v1.9.0", "v1.11.0"], "v1.9.0"),
        ("v2.0", ["v1.9.9", "v10.0"], "v1.9.9"),
        ("v1.2.3", ["v1.2"], "v1.2"),
        ("v1.2.3.4", ["v1.2.3", "v1.2.3.3"], "v1.2.3.3"),
        ("1.2.3", ["1.2.2"], "1.2.2"),
        # none lower
        ("v1.2.3", [], None),
        ("v1.2.3", ["v1.2.4", "v2.0.0"], None),
        ("v1.2", ["v1.2.0", "v1.2.0.0"], None),
        ("v1.2.3", [("v1.2.3", 0), "v1.2.3+build.1"], None),
        ("v1.2.0", ["v1.2", "v1.1"], "v1.1"),
        ("v1.2.3", ["latest", "v1"], None),
        ("v1.2.3", ["v.1", "v1.", "v1.2.", "v1.1"], "v1.1"),
        ("v0.1", ["v0.0"], "v0.0"),
        # the same commit by another name
        ("v1.2.3", [("v1.2.2", 0), "v1.2.1"], "v1.2.1"),
        # of several names of one version, the newest
        ("v1.2.3", ["v1.2.2+b", "v1.2.2+a", "v1.2.2"], "v1.2.2+b"),
        ("v1.2.3+b", ["v1.2.2"], "v1.2.2"),
        # of the same product
        ("checkout-v1.2.3", ["v1.2.2", "cart-v1.2.2", "checkout-v1.1.0"], "checkout-v1.1.0"),
        ("services/checkout@1.2", ["services/cart@1.1", "services/checkout@1.1"],
         "services/checkout@1.1"),
        ("v1.2.3", ["1.2.2", "V1.2.2"], None),
        ("app2-v1.2.3", ["app1-v1.2.2", "app2-v1.2.1"], "app2-v1.2.1"),
        # prereleases
        ("v1.2.3", ["v1.2.3-rc.1", "v1.2.2"], "v1.2.2"),
        ("v1.2.3", ["v1.2.3-rc.1"], None),
        ("v1.2.3-rc.2", ["v1.2.3", "v1.2.3-rc.3", "v1.2.3-rc.1", "v1.2.2"], "v1.2.3-rc.1"),
        ("v1.2.3-rc.1", ["v1.2.3", "v1.2.2"], "v1.2.2"),
        ("v1.2.3-rc-10", ["v1.2.3-rc-9", "v1.2.3-rc-1"], "v1.2.3-rc-9"),
        ("v1.2.3-rc.10", ["v1.2.3-rc.9", "v1.2.3-rc.1"], "v1.2.3-rc.9"),
        ("v1.2.3-rc.1", ["v1.2.3-beta.2", "v1.2.2"], "v1.2.3-beta.2"),
        ("v1.2.3-rc.1", ["v1.2.3-9", "v1.2.2"], "v1.2.3-9"),
        ("v1.2.3-rc", ["v1.2.3-rc.1", "v1.2.2"], "v1.2.2"),
        ("v1.2.3-rc.1", ["v1.2.3-rc", "v1.2.2"], "v1.2.3-rc"),
        ("v1.2.3-RC", ["v1.2.3-BETA", "v1.2.3-SNAPSHOT", "v1.2.2"], "v1.2.3-BETA"),
        ("v1.2.3-rc2", ["v1.2.3-rc.1", "v1.2.2"], "v1.2.3-rc.1"),
        ("v1.2.3-ab", ["v1.2.3-a.c", "v1.2.2"], "v1.2.3-a.c"),
        (f"v1.2.3-1{'0' * 17}", [f"v1.2.3-{'9' * 17}", "v1.2.2"], f"v1.2.3-{'9' * 17}"),
        ("checkout-v1.2.3-rc.2", ["checkout-v1.2.3-rc.1"], "checkout-v1.2.3-rc.1"),
        # dates
        ("2026.06.15", ["2026.06.09", "2026.6.14", "2025.12.31"], "2026.6.14"),
        ("release-2026.06.15.2", ["release-2026.06.15.1"], "release-2026.06.15.1"),
        # no versions: the next older one
        ("2026-06-15", ["2026-06-16", ("2026-06-15", 0), "2026-06-14"], "2026-06-14"),
        ("v7", ["v8", ("v7", 0), "v6", "v5"], "v6"),
        ("nightly", [("nightly", 0), ("stable", 0), "v1.2.3", "old"], "v1.2.3"),
        ("nightly", ["v1.2.3", ("nightly", 0)], None),
        ("nightly", [("latest", 0), ("nightly", 1), "old"], "old"),
        ("nightly", ["v1.2.3", "old"], None),
        ("nightly", [], None),
        ("v1.2.3-rc10", ["v1.2.3-rc9", "v1.2.3-rc1", "v1.2.3-rc11"], "v1.2.3-rc9"),
        ("v1.2.3-rc9", ["v1.2.3-rc10", "v1.2.3-rc8"], "v1.2.3-rc8"),
        # numbers of up to eighteen digits; what has a longer one is no version
        (f"v1.{'9' * 18}", [f"v1.1{'0' * 17}", f"v1.{'9' * 17}8", "v1.3"], f"v1.{'9' * 17}8"),
        (f"v{'9' * 18}.1", [f"v{'9' * 17}8.1", "v1.3"], f"v{'9' * 17}8.1"),
        (f"v1.{'9' * 19}", [f"v1.1{'0' * 18}", "v1.3"], None),
        (f"v1.{'9' * 19}", ["v1.3", (f"v1.{'9' * 19}", 0), "v1.4"], "v1.4"),
        ("v1.2", [f"v1.1.{'0' * 19}", f"v{'0' * 18}1.1", "v1.0"], "v1.0"),
        (f"v1.0.0-{'9' * 200}", [f"v1.0.0-{'9' * 199}8"], f"v1.0.0-{'9' * 199}8"),
        # digits of other scripts are letters
        ("v1.\u0662", ["v1.1", "old"], None),
    ],
)  # fmt: skip
def test_the_version_before_is_the_next_lower_one_of_the_product(tag, known, found):
    assert mark(tag, *known) == found


@pytest.mark.parametrize(
    ("tag", "known", "found"),
    [
        ("1.2.3-rc1.2", ["1.2.2"], "1.2.2"),
        ("1.2.3-20260101.1", ["1.2.2"], "1.2.2"),
        ("1.2.3+build1.2", ["1.2.2"], "1.2.2"),
        ("1.3.0", ["1.2.3+build1.2"], "1.2.3+build1.2"),
    ],
)
def test_a_version_without_a_product_is_read_from_its_beginning(tag, known, found):
    assert mark(tag, *known) == found


def test_a_number_without_end_is_no_version():
    assert mark(f"v1.{'9' * 5_000}", "v1.0") is None


PRODUCTS = st.sampled_from(["", "v", "cart-v", "checkout@", "2fa-"])
NUMBERS = st.lists(st.integers(0, 12) | st.integers(0, 10**18 - 1), min_size=2, max_size=4)
PRE = st.sampled_from(["", "-rc.1", "-rc.2", "-beta"])
TAGS = st.tuples(PRODUCTS, NUMBERS, PRE)


def written(tag):
    product, numbers, pre = tag
    return f"{product}{'.'.join(map(str, numbers))}{pre}"


@given(own=TAGS, others=st.lists(TAGS, max_size=8))
def test_the_version_before_is_always_lower_and_none_between_them(own, others):
    def order(tag):
        _, numbers, pre = tag
        width = 5 - len(numbers)
        return [*numbers, *[0] * width], ["-beta", "-rc.1", "-rc.2", ""].index(pre)

    lower = [
        other
        for other in others
        if other[0] == own[0] and (own[2] or not other[2]) and order(other) < order(own)
    ]
    expected = max(map(order, lower), default=None)
    found = mark(written(own), *map(written, others))
    orders = {written(other): order(other) for other in lower}
    assert (None if found is None else orders[found]) == expected
