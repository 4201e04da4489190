"""Real payloads made different: members dropped, of another type, hostile, twice or too deep."""

import copy
import json

from hypothesis import strategies as st

from tests.report.hostile import TEXT

# The name of a member that is there already, once more.
TWICE = "\0twice"
# Texts that become what `json` would not write by itself.
RAW = {
    "\0nest": "[" * 900 + "]" * 900,
    "\0objects": '{"a":' * 300 + "0" + "}" * 300,
    "\0abyss": "[" * 100_000,
    "\0digits": "9" * 5_000,
}

LIKELY = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1.5, 1e308, 2**31, 2**53 + 1, 2**63, 10**30, 10**400),
        *(float("inf"), float("-inf"), float("nan"), "", " ", "0", "null", [], {}, [[]], [None]),
        *("0" * 40, "A" * 40, "b" * 64, "abc1234", "g" * 40, "a" * 41, "HEAD"),
        *("main", "refs/heads/main", "refs/tags/v1", "refs/tags/\u202e", "a" * 5_000),
        *("closed", "published", "released", "completed", "success", "failure", "error"),
        *("pull_request", "dependabot[bot]", "production", "PRODUCTION", "prod\n", "-", "."),
        *("acme/shop", "Acme/Shop.git", "a/..", "../..", "a/b/c", "acme/shop\n", "\u5e97/\u5e97"),
        *("2026-05-12T08:20:15Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"),
        *("2026-02-30T00:00:00Z", "1778573643", 1778573643, -1778573643, 1778573643000, 1e12),
        *("javascript:alert(1)", "https://[", "https://a@b/", "http://x.test/\r\n::error::"),
        *("::error::x", "\n::add-mask::a\n", "##[set-output name=status]x", "\r##[error]"),
        *("\ud800", "\u2028", "\0", "</code><script>", "`", "${{ github.token }}", "$(id)"),
        *RAW,
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
VALUES = LIKELY | TEXT | JSON


def places(value, path=()):
    """Return the paths of all members of a JSON object and of those inside of it."""
    found = []
    for key, inner in value.items() if isinstance(value, dict) else ():
        found += [(*path, key), *places(inner, (*path, key))]
    return found


def changes(paths):
    """Draw a few changes: of what is at a path, how, and to what."""
    kinds = st.sampled_from(["replace", "replace", "drop", "twice", "list", "object", "nested"])
    return st.lists(st.tuples(st.sampled_from(paths), kinds, VALUES), max_size=4)


def changed(value, made):
    """Return `value` after the changes that can be made to it."""
    value = copy.deepcopy(value)
    for (*parents, last), kind, new in made:
        at = value
        for key in parents:
            # An earlier change may have taken away what was here.
            at = at.get(key) if isinstance(at, dict) else None
        if not isinstance(at, dict):
            continue
        match kind:
            case "replace":
                at[last] = new
            case "drop":
                at.pop(last, None)
            case "twice":
                at[f"{last}{TWICE}"] = new
            case "list":
                at[last] = [at.get(last), new]
            case "object":
                at[last] = {last: at.get(last)}
            case "nested":
                at[last] = copy.deepcopy(at)
    return value


def text(value):
    """Return `value` as JSON text, its marks replaced by what they stand for."""
    found = json.dumps(value).replace(json.dumps(TWICE)[1:-1], "")
    for mark, raw in RAW.items():
        found = found.replace(json.dumps(mark), raw)
    return found
