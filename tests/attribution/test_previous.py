import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_deployments.attribution import previous
from dora_deployments.attribution.answers import Mark
from tests.attribution.known import sha


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
