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
        # dates whose year stands last have no order
        ("prod-05112026", ["prod-31102026", "prod-04122025", "prod-04112026"], None),
        ("prod-11052026", ["prod-10312026"], None),
        ("prod-05112026-hotfix", ["prod-04112026"], None),
        ("build-40112026", ["build-40112025", "build-05112026"], "build-40112025"),
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
        ("v1.2.3-beta.b", ["v1.2.3-beta.a.c", "v1.2.2"], "v1.2.3-beta.a.c"),
        (f"v1.2.3-1{'0' * 17}", [f"v1.2.3-{'9' * 17}", "v1.2.2"], f"v1.2.3-{'9' * 17}"),
        ("checkout-v1.2.3-rc.2", ["checkout-v1.2.3-rc.1"], "checkout-v1.2.3-rc.1"),
        # dates
        ("2026.06.15", ["2026.06.09", "2026.6.14", "2025.12.31"], "2026.6.14"),
        ("release-2026.06.15.2", ["release-2026.06.15.1"], "release-2026.06.15.1"),
        ("prod-20261105", ["staging-20261104", "prod-20261103", "prod-20261106"], "prod-20261103"),
        ("prod-20261105", ["staging-20261104"], None),
        ("prod-20261105-2", ["prod-20261105", "prod-20261105-1", "prod-20261104-9"],
         "prod-20261105-1"),
        ("prod-20261105-10", ["prod-20261105-9"], "prod-20261105-9"),
        ("prod-20261105.1", ["prod-20261104.2"], "prod-20261104.2"),
        ("prod-20261105-0930", ["prod-20261105-1430", "prod-20261104-1430"], "prod-20261104-1430"),
        ("202611051430", ["20261105142959", "202611051431"], "20261105142959"),
        ("20261101T000000Z", ["20261031T235959Z"], "20261031T235959Z"),
        ("deploy-2026-11-01T09-30-00Z", ["deploy-2026-10-31T10-30-00Z"],
         "deploy-2026-10-31T10-30-00Z"),
        ("2026-06-01", ["2026-06-02", ("2026-06-01", 0), "2026-05-31"], "2026-05-31"),
        ("release_2026_06_01", ["release_2026_05_31"], "release_2026_05_31"),
        ("release-2026.11.05", ["release-2026.10.31", "hotfix-2026.11.04"], "release-2026.10.31"),
        ("release-2026.11.05-2", ["release-2026.11.05", "release-2026.11.04-3"],
         "release-2026.11.05"),
        ("2027-w01", ["2026-w53", "2026-w09"], "2026-w53"),
        ("2026w10", ["2026w9", "2026w09"], "2026w09"),
        ("2026.06.15", ["2026.06.14-prod"], None),
        ("20261105-prod", ["20261104-staging", "20261103-prod"], "20261103-prod"),
        ("2026.11.05-prod", ["2026.11.04-staging"], None),
        ("python3.11-20261105", ["python3.12-20261104", "python3.11-20261103"],
         "python3.11-20261103"),
        ("v1.2.3-20261105", ["v1.2.3-20261104", "v1.2.2"], "v1.2.3-20261104"),
        # build numbers and versions of one number
        ("checkout/42", ["search/77", "checkout/43", "checkout/41", "search/41"], "checkout/41"),
        ("checkout/42", ["search/7"], None),
        ("v12", ["v9", "v11", "v13", "v11.3"], "v11"),
        ("v7", ["v8", ("v7", 0), "v6", "v5"], "v6"),
        ("build-1042", ["build-999", "build-1041", "1041"], "build-1041"),
        ("build1042", ["build1041"], "build1041"),
        ("1042", ["1041", "v1041"], "1041"),
        ("build-0100", ["build-0099", "build-98"], "build-0099"),
        ("v02", ["v01"], "v01"),
        ("v1.02", ["v1.2", "v1.01"], "v1.01"),
        ("region2-v7", ["region1-v6", "region2-v6"], "region2-v6"),
        ("prod-2-42", ["prod-1-41"], None),
        ("2fa-42", ["2fa-41", "3fa-41"], "2fa-41"),
        ("app1-web", ["app0-web"], None),
        ("42-prod", ["41-staging", "40-prod"], "40-prod"),
        ("v12-rc.2", ["v12-rc.1", "v12"], "v12-rc.1"),
        ("v12", ["v12-rc.1", "v11"], "v11"),
        # products with numbers, and those that stand behind the version
        ("python3.11-v1.2.3", ["python3.10-v1.2.2", "python3.11-v1.2.2"], "python3.11-v1.2.2"),
        ("v1.2.3-web", ["v1.2.2-api", "v1.2.2", "v1.2.1-web"], "v1.2.1-web"),
        ("v1.2.3", ["v1.2.2-alpine", "v1.2.1"], "v1.2.1"),
        ("v1.2.3-web.2", ["v1.2.3-web.1", "v1.2.3-web"], "v1.2.3-web.1"),
        # hotfixes come after what they fix
        ("v1.3.0-hotfix.1", ["v1.3.0", "v1.2.9"], "v1.3.0"),
        ("v1.3.0-hotfix.2", ["v1.3.0", "v1.3.0-hotfix.1", "v1.3.0-rc.1"], "v1.3.0-hotfix.1"),
        ("v1.3.0", ["v1.3.0-hotfix.1", "v1.2.9-hotfix.1", "v1.2.9"], "v1.2.9-hotfix.1"),
        ("v1.3.1", ["v1.3.0-hotfix.1", "v1.3.0"], "v1.3.0-hotfix.1"),
        ("1.3.0.post1", ["1.3.0", "1.3.0rc1"], "1.3.0"),
        ("v1.3.0-p1", ["v1.3.0"], "v1.3.0"),
        ("v1.3.0-4-g5a47c3f", ["v1.3.0", "v1.3.0-3-gabcdef0"], "v1.3.0-3-gabcdef0"),
        # the many ways to write a release
        ("1.3.0.Final", ["1.3.0.RC1", "1.2.0.Final"], "1.2.0.Final"),
        ("1.3.0.RC2", ["1.3.0.RC1", "1.2.0.Final"], "1.3.0.RC1"),
        ("1.3.0rc1", ["1.3.0b2", "1.2.0"], "1.3.0b2"),
        ("v1_3_0", ["v1_2_10", "v1_2_9"], "v1_2_10"),
        ("v1.2.3", ["v1.2.x", "v1.1"], "v1.1"),
        # metadata tells builds of one version apart, where both have it
        ("1.2.3+42", ["1.2.3+43", "1.2.3+9", "1.2.3+41", "1.2.2+40"], "1.2.3+41"),
        ("1.2.3+build.42", ["1.2.3+build.41", "1.2.3"], "1.2.3+build.41"),
        ("1.2.4+1", ["1.2.3+9", "1.2.3+10"], "1.2.3+10"),
        ("1.2.3+5a47c3f", ["1.2.3+1bcdef0", "1.2.2"], "1.2.2"),
        # a SHA has no order: of two of one version or day the list knows which was first
        ("deploy-5a47c3f", ["deploy-fff1234", ("deploy-5a47c3f", 0), "staging-abc1234",
         "deploy-deadbee", "deploy-abc1234", "deploy-abc1235"], "deploy-abc1234"),
        ("deploy-5a47c3f", ["deploy-abc1234"], None),
        ("prod-20261105-5a47c3f", ["prod-20261105-fff1234", ("prod-20261105-5a47c3f", 0),
         "prod-20261105-abc1234", "prod-20261104-abc1234"], "prod-20261105-abc1234"),
        ("v1.2.3-5a47c3f", ["v1.2.2-abc1234", "v1.2.1"], "v1.2.2-abc1234"),
        ("v1.2.3-5a47c3f", ["v1.2.3-abc1234", "v1.2.2-abc1234"], None),
        ("prod-20261105-5a47c3f", ["prod-20261104-abc1234"], "prod-20261104-abc1234"),
        ("prod-20261105-5a47c3f", ["prod-20261105-abc1234", "prod-20261104-abc1234"], None),
        ("prod-20261105-5a47c3f", [("prod-20261105-5a47c3a", 0), "prod-20261104-abc1234"],
         "prod-20261104-abc1234"),
        ("sha-7654321", ["sha-1234567", "sha-5a47c3f"], None),
        ("sha-7654321", ["sha-1234567"], "sha-1234567"),
        # without a version there is no order
        ("nightly", [("nightly", 0), ("stable", 0), "v1.2.3", "old"], None),
        ("nightly", [("latest", 0), ("nightly", 1), "old"], None),
        ("nightly", [], None),
        ("v1.2.3-rc10", ["v1.2.3-rc9", "v1.2.3-rc1", "v1.2.3-rc11"], "v1.2.3-rc9"),
        ("v1.2.3-rc9", ["v1.2.3-rc10", "v1.2.3-rc8"], "v1.2.3-rc8"),
        # numbers of up to eighteen digits; what has a longer one is no version
        (f"v1.{'9' * 18}", [f"v1.1{'0' * 17}", f"v1.{'9' * 17}8", "v1.3"], f"v1.{'9' * 17}8"),
        (f"v{'9' * 18}.1", [f"v{'9' * 17}8.1", "v1.3"], f"v{'9' * 17}8.1"),
        (f"v1.{'9' * 19}", [f"v1.1{'0' * 18}", "v1.3"], None),
        (f"v1.{'9' * 19}", ["v1.3", (f"v1.{'9' * 19}", 0), "v1.4"], None),
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
