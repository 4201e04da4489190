import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dora_deployments.actions import parse
from dora_deployments.actions.patterns import BranchFilter, EnvironmentRule
from dora_deployments.actions.strict_json import JsonError
from dora_deployments.deployment import Service
from tests.actions.refusals import refusal

SHA = "7fd0709f3ed45ac797fbcf901f219c36cfe2b36a"
SHA_256 = SHA + "0123456789abcdef01234567"
ONE_PLAIN_LINE = "has a line break or another control character; write one plain line"
NO_SHA = (
    "which is not a commit SHA; write all 40 hex digits, as ${{ github.sha }} gives them, not a"
    " branch, a tag or HEAD"
)
ZEROS = "is all zeros, by which GitHub means no commit; write a commit's SHA, or leave it out"
NO_SECONDS = "write a whole number from 5 to 300, or to 21600 with `mode: backfill`, without a unit"
CONTROLS = ["a\tb", "a\x00b", "a\x1b[31mb", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b", "a\ud800b"]


def one_of(text):
    return parse.one_of("never", "config", "any")(text)


def seconds(text):
    return parse.seconds(300)(text)


@pytest.mark.parametrize("text", ["config", "Config", "CONFIG"])
def test_a_word_is_taken_in_any_capitalisation(text):
    assert one_of(text) == "config"


@pytest.mark.parametrize(
    "text", ["conf", "configs", " config", "config\n", "never,any", "n\xe9ver"]
)
def test_another_word_is_refused_with_the_choice(text):
    assert refusal(one_of, text) == f"is {text!r}; write never, config or any"


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False)],
)
def test_a_flag_is_true_or_false(text, value):
    assert parse.flag(text) is value


@pytest.mark.parametrize("text", ["yes", "no", "on", "off", "1", "0", "y", "t", "null", '"true"'])
def test_other_words_for_true_and_false_are_refused(text):
    assert refusal(parse.flag, text) == f"is {text!r}; write true or false"


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), ("300", 300), ("60", 60), ("060", 60), ("000000300", 300)]
)
def test_a_whole_number_within_its_bounds_is_taken(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "4",
        "301",
        "0",
        "-5",
        "+60",
        "60s",
        "60.0",
        "6e1",
        "0x40",
        "6_0",
        " 60",
        "60\n",
        "\u0666\u0660",
        "0000000060",
        "9" * 30,
        "sixty",
        "",
    ],
)
def test_anything_else_is_no_number(text):
    assert refusal(seconds, text) == f"is {text!r}; {NO_SECONDS}"


def test_what_is_too_long_for_a_mode_is_refused_in_the_same_words():
    assert parse.seconds(21_600)("21600") == 21_600
    assert refusal(parse.seconds(21_600), "21601") == f"is '21601'; {NO_SECONDS}"
    assert refusal(parse.seconds(21_600), "4") == f"is '4'; {NO_SECONDS}"


@pytest.mark.parametrize("text", ["a", "two words", "caf\xe9 \U0001f680", "a,b=c", "x" * 4_096])
def test_one_line_of_any_text_is_taken_as_it_is(text):
    assert parse.line(text) == text


@pytest.mark.parametrize("text", ["a\nb", "a\rb", *CONTROLS], ids=ascii)
def test_control_characters_are_refused_in_a_line(text):
    assert refusal(parse.line, text) == ONE_PLAIN_LINE


@pytest.mark.parametrize(
    ("text", "by_line", "by_comma_or_line"),
    [
        ("a", ("a",), ("a",)),
        ("a\nb", ("a", "b"), ("a", "b")),
        ("a\r\nb\rc", ("a", "b", "c"), ("a", "b", "c")),
        (" a \n\n \t\n b \n", ("a", "b"), ("a", "b")),
        ("b\na\nb", ("b", "a"), ("b", "a")),
        ("a, b ,,c", ("a, b ,,c",), ("a", "b", "c")),
        ("b,a\nb", ("b,a", "b"), ("b", "a")),
        (",\n ,", (",",), ()),
        ("", (), ()),
        ("a\u2028b", ("a\u2028b",), ("a\u2028b",)),
    ],
    ids=ascii,
)
def test_lists_are_parted_trimmed_and_said_once_in_order(text, by_line, by_comma_or_line):
    assert parse.lines(text) == by_line
    assert parse.items(text) == by_comma_or_line


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("shop", [("shop", None)]),
        ("shop,cart", [("shop", None), ("cart", None)]),
        ("shop\r\ncart=Cart & Co", [("shop", None), ("cart", "Cart & Co")]),
        (" shop = The shop ", [("shop", "The shop")]),
        ("shop=", [("shop", None)]),
        ("shop=a=b", [("shop", "a=b")]),
        ("shop,shop=", [("shop", None)]),
        ("shop=A, shop = A ,cart", [("shop", "A"), ("cart", None)]),
        ("Shop,shop", [("Shop", None), ("shop", None)]),
        ("caf\xe9=\U0001f680", [("caf\xe9", "\U0001f680")]),
        ("team:shop/api@v1", [("team:shop/api@v1", None)]),
    ],
    ids=ascii,
)
def test_services_are_identifiers_with_or_without_a_name(text, services):
    assert parse.services(text) == tuple(
        Service(identifier=identifier, name=name) for identifier, name in services
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",", "names no service; write at least one identifier"),
        ("=", "has '=', which has no identifier; write identifier=Name"),
        ("shop,=Cart", "has '=Cart', which has no identifier; write identifier=Name"),
        ("shop=A,shop=B", "has 'shop' twice with different names; write it once"),
        ("shop,shop=Shop", "has 'shop' twice with different names; write it once"),
        ("shop\tcart", ONE_PLAIN_LINE),
        ("shop=A\u2028B", ONE_PLAIN_LINE),
    ],
    ids=ascii,
)
def test_services_that_cannot_be_told_apart_are_refused(text, message):
    assert refusal(parse.services, text) == message


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("production", "production"),
        ("Production", "production"),
        ("PRODUCTION", "production"),
        ("prod", "prod"),
        ("Staging", "Staging"),
        ("production-eu", "production-eu"),
        ("Production EU/West", "Production EU/West"),
    ],
)
def test_production_has_one_spelling_and_other_environments_their_own(text, name):
    assert parse.environment(text) == name


@pytest.mark.parametrize("text", ["a\nb", *CONTROLS], ids=ascii)
def test_an_environment_is_one_plain_line(text):
    assert refusal(parse.environment, text) == ONE_PLAIN_LINE


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("live=production", [("live", "production")]),
        ("live=PRODUCTION", [("live", "production")]),
        ("prod-*=Production EU", [("prod-*", "Production EU")]),
        ("pr-*=", [("pr-*", "")]),
        ("a=b=c", [("a=b", "c")]),
        ("a=b=", [("a=b", "")]),
        ("a, b=c, d", [("a, b", "c, d")]),
        (
            " prod-* = production \r\n\n pr-* =\n*=staging",
            [("prod-*", "production"), ("pr-*", ""), ("*", "staging")],
        ),
    ],
    ids=ascii,
)
def test_environment_rules_are_parted_at_the_last_equals_sign(text, rules):
    assert parse.environment_map(text) == tuple(
        EnvironmentRule(glob=glob, name=name) for glob, name in rules
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("live", "has the line 'live'; write glob=name, or glob= to skip"),
        (
            "a=b\nlive:production",
            "has the line 'live:production'; write glob=name, or glob= to skip",
        ),
        ("=production", "has the line '=production'; write glob=name, or glob= to skip"),
        (" = ", "has the line '='; write glob=name, or glob= to skip"),
        ("a=b\tc", ONE_PLAIN_LINE),
        ("a=b\u2028c", ONE_PLAIN_LINE),
    ],
    ids=ascii,
)
def test_a_line_that_is_no_rule_is_refused(text, message):
    assert refusal(parse.environment_map, f"ok=fine\n{text}") == message


def test_branches_are_a_list_of_patterns():
    assert parse.branches("main, release/**\r\n!release/*-rc,main") == BranchFilter(
        ("main", "release/**", "!release/*-rc")
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",", "names no branch; write at least one, or leave it out"),
        ("main\tdevelop", ONE_PLAIN_LINE),
        ("!main", "only takes branches away; write a pattern without ! before them"),
        (
            "main,c++",
            (
                "has the pattern 'c++' with nothing before + to repeat; put a \\ before it to mean"
                " the character itself"
            ),
        ),
    ],
    ids=["no name", "control", "only away", "pattern"],
)
def test_branches_that_make_no_filter_are_refused(text, message):
    assert refusal(parse.branches, text) == message


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("acme/shop", "acme/shop"),
        ("Acme/Shop.js", "Acme/Shop.js"),
        ("acme/.github", "acme/.github"),
        ("acme/shop.git", "acme/shop"),
        ("acme/shop/", "acme/shop"),
        ("https://github.com/acme/shop", "acme/shop"),
        ("https://github.com/acme/shop.git", "acme/shop"),
        ("https://github.com/acme/shop.git/", "acme/shop"),
        ("http://github.acme.example:8080/acme/shop//", "acme/shop"),
    ],
)
def test_a_repository_is_owner_and_name_or_its_address(text, slug):
    assert parse.repository(text) == slug


@pytest.mark.parametrize(
    "text",
    [
        "shop",
        "acme/",
        "acme/shop/tree/main",
        "https://github.com/acme",
        "https://github.com/acme/shop/pull/1",
        "https://github.com/",
        "ssh://github.com/acme/shop",
        "x https://github.com/acme/shop",
        "https://git hub.com/acme/shop",
        "github.com/acme/shop",
        "acme/shop?x=1",
        "acme/shop\n",
        "acme\\shop",
        "acme/..",
        "../shop",
        "acme/caf\xe9",
        "acme/.git",
        "acme/shop,acme/cart",
    ],
)
def test_what_is_no_repository_is_refused(text):
    assert refusal(parse.repository, text) == f"is {text!r}; write owner/name"


@pytest.mark.parametrize(
    "text",
    [
        "git@github.com:acme/shop.git",
        "https://x-access-token:ghs_0123456789@github.com/acme/shop",
        "https://github.com/acme/shop@main",
    ],
)
def test_a_repositorys_address_with_a_login_is_refused_and_never_shown(text):
    assert refusal(parse.repository, text) == (
        "has an @, as addresses with a login have; write owner/name"
    )


@pytest.mark.parametrize(
    ("text", "sha"),
    [
        (SHA, SHA),
        (SHA.upper(), SHA),
        (SHA_256, SHA_256),
        (SHA[:7], SHA[:7]),
        (SHA[:39].upper(), SHA[:39]),
        ("0000001", "0000001"),
        ("1234567", "1234567"),
    ],
    ids=["full", "upper case", "64 digits", "7 digits", "39 digits", "nearly zeros", "no letters"],
)
def test_a_commit_sha_is_full_or_a_prefix_of_seven_digits_at_least(text, sha):
    assert parse.commit_sha(text) == sha


@pytest.mark.parametrize("length", [1, 6, 7, 39, 40, 41, 64])
def test_zeros_are_no_commit(length):
    assert refusal(parse.commit_sha, "0" * length) == ZEROS


@pytest.mark.parametrize("length", [40, 64])
def test_zeros_are_no_previous_commit(length):
    assert parse.previous_sha("0" * length) is None


@pytest.mark.parametrize("text", ["5a47c3f", "0" * 39 + "1", "A" * 40, "b" * 64])
def test_a_previous_commit_is_read_as_any_commit(text):
    assert parse.previous_sha(text) == parse.commit_sha(text) == text.lower()


@pytest.mark.parametrize("text", ["main", "HEAD^", "5a47c3", "v1.2"])
def test_what_is_no_commit_is_no_previous_commit_either(text):
    assert refusal(parse.previous_sha, text) == refusal(parse.commit_sha, text)


@pytest.mark.parametrize(
    "text",
    [
        "HEAD",
        "main",
        "v1.2",
        "refs/heads/main",
        SHA[:6],
        f"{SHA}0",
        SHA_256[:63],
        f"{SHA}\n",
        f" {SHA}",
        f"{SHA[:39]}g",
        f"{SHA[:39]}\u0663",
        f"{SHA[:39]}\uff11",
        "HEAD~1",
        "${{ github.sha }}",
    ],
    ids=ascii,
)
def test_what_is_no_commit_sha_is_refused(text):
    assert refusal(parse.commit_sha, text) == f"is {text!r}, {NO_SHA}"


A, B = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("text", "shas"),
    [
        (A, (A,)),
        (f"{B},{A}", (B, A)),
        (f"{A}\r\n\n {B} ,", (A, B)),
        (f"{A},{A.upper()},{B}", (A, B)),
        (f'["{A}", "{B}"]', (A, B)),
        (f'[\n  " {B} ",\n  "",\n  "{A.upper()}",\n  "{A}"\n]', (B, A)),
        (f"{SHA[:7]},{A}", (SHA[:7], A)),
        ("[]", ()),
        ('[""]', ()),
        (",", ()),
    ],
    ids=[
        "one",
        "by comma",
        "by line",
        "said twice",
        "JSON",
        "JSON, untidy",
        "short",
        "JSON, empty",
        "JSON, blank",
        "comma alone",
    ],
)
def test_commit_shas_are_a_list_or_a_json_array_each_once_in_order(text, shas):
    assert parse.commit_shas(text) == shas


NO_ARRAY = 'is not a JSON array of strings; write one, such as ["5a47c3f"], or a list by comma'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{A},main", f"has an entry that is 'main', {NO_SHA}"),
        (f"{A} {B}", f"has an entry that is '{A} {B}', {NO_SHA}"),
        (f"{A},{'0' * 40}", f"has an entry that {ZEROS}"),
        (f'["{A}", "main"]', f"has an entry that is 'main', {NO_SHA}"),
        (f'["{A},{B}"]', f"has an entry that is '{A},{B}', {NO_SHA}"),
        (f'{{"a": "{A}"}}', f'has an entry that is \'{{"a": "{A}"}}\', {NO_SHA}'),
        (f'["{A}", 1]', NO_ARRAY),
        (f'["{A}", null]', NO_ARRAY),
        (f'[["{A}"]]', NO_ARRAY),
        (
            f"['{A}']",
            "is not JSON (Expecting value); correct it at line 1, column 2",
        ),
        (f'["{A}"', "is not JSON (Expecting ',' delimiter); correct it at line 1, column 44"),
        (f'["{A}"] x', "is not JSON (Extra data); correct it at line 1, column 46"),
        ("[NaN]", "has NaN, which JSON does not know; write a number, a string or null"),
    ],
    ids=[
        "branch",
        "by space",
        "zeros",
        "branch in JSON",
        "list in JSON",
        "object",
        "number",
        "null",
        "nested",
        "quotes",
        "unfinished",
        "more behind",
        "NaN",
    ],
)
def test_an_entry_that_is_no_commit_sha_is_refused(text, message):
    assert refusal(parse.commit_shas, text) == message


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("team:payments", ("team:payments",)),
        ("a:1\r\n\n b:2 \na:1", ("a:1", "b:2")),
        ("url:https://example.com/a,b", ("url:https://example.com/a,b",)),
        ("path:C:", ("path:C:",)),
        ("caf\xe9:\U0001f680", ("caf\xe9:\U0001f680",)),
        (f"a:{'x' * 198}", (f"a:{'x' * 198}",)),
        ("\n".join(f"k:{n}" for n in range(100)), tuple(f"k:{n}" for n in range(100))),
        ("\n".join(f"k:{n % 100}" for n in range(150)), tuple(f"k:{n}" for n in range(100))),
    ],
    ids=[
        "one",
        "lines",
        "colons and commas",
        "colon at the end",
        "emoji",
        "200 characters",
        "100 tags",
        "twice",
    ],
)
def test_tags_are_lines_of_key_and_value(text, tags):
    assert parse.tags(text) == tags


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:1\nteam", "has 'team'; write key:value, one on each line"),
        ("team:", "has 'team:'; write key:value, one on each line"),
        (":payments", "has ':payments'; write key:value, one on each line"),
        (" : x", "has ': x'; write key:value, one on each line"),
        ("team=payments", "has 'team=payments'; write key:value, one on each line"),
        ("a:b\tc", ONE_PLAIN_LINE),
        (
            "team\na:1\n:x\nb:2\nc:",
            "has 'team', ':x', 'c:'; write key:value, one on each line",
        ),
        (
            "a\nb\nc\nd\ne\nf\ng",
            "has 'a', 'b', 'c', 'd', 'e' and 2 more; write key:value, one on each line",
        ),
        (
            f"a:{'x' * 199}\nb:1\nc:{'y' * 199}",
            "has tags longer than 200 characters, with the keys 'a', 'c'; shorten them",
        ),
        (
            "\n".join(f"k:{n}" for n in range(101)),
            "has 101 tags; write 100 at most, which is all that Datadog takes",
        ),
    ],
    ids=[
        "no colon",
        "no value",
        "no key",
        "blank key",
        "equals sign",
        "tab",
        "several",
        "more than are named",
        "long",
        "many",
    ],
)
def test_tags_that_datadog_would_refuse_are_refused(text, message):
    assert refusal(parse.tags, text) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        ('{"region": "eu-west-1"}', {"region": "eu-west-1"}),
        (
            ' {"a": [1, 2.5, true, null, {"a": "\\u00e9\\ud83d\\ude80"}], "b": {}} \n',
            {"a": [1, 2.5, True, None, {"a": "\xe9\U0001f680"}], "b": {}},
        ),
        (f'{{"n": {"1" * 100}}}', {"n": int("1" * 100)}),
        ('{"n": -1.5e300, "tiny": 1e-999}', {"n": -1.5e300, "tiny": 0.0}),
        ('{"a": {"a": 1}}', {"a": {"a": 1}}),
    ],
    ids=["empty", "one", "many", "100 digits", "floats", "one key on two levels"],
)
def test_metadata_is_a_json_object(text, value):
    assert parse.metadata(text) == value


NO_OBJECT = 'is not a JSON object; write one, such as {"region": "eu-west-1"}'
TOO_DEEP = "is nested more than 32 levels deep; write it flatter"
HALF_A_PAIR = "has half of a surrogate pair in a string; write whole characters"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", NO_OBJECT),
        ('"text"', NO_OBJECT),
        ("1", NO_OBJECT),
        ("null", NO_OBJECT),
        ("region", "is not JSON (Expecting value); correct it at line 1, column 1"),
        ('{"a": }', "is not JSON (Expecting value); correct it at line 1, column 7"),
        (
            '{\n"a": 1\n"b": 2}',
            "is not JSON (Expecting ',' delimiter); correct it at line 3, column 1",
        ),
        (
            '\ufeff{"a": 1}',
            "starts with a byte order mark; save it as UTF-8 without one",
        ),
        (
            '{"a": "b\nc"}',
            "is not JSON (Invalid control character at); correct it at line 1, column 9",
        ),
        ('{"a": 1, "b": 2, "a": 1}', "has the key 'a' twice in one object; write it once"),
        ('{"x": [{"b": 1, "a": 1, "a": 2}]}', "has the key 'a' twice in one object; write it once"),
        ('{"a": NaN}', "has NaN, which JSON does not know; write a number, a string or null"),
        (
            '{"a": [-Infinity]}',
            "has -Infinity, which JSON does not know; write a number, a string or null",
        ),
        (
            '{"a": Infinity}',
            "has Infinity, which JSON does not know; write a number, a string or null",
        ),
        ('{"a": 1e999}', "has the number '1e999', which is too large; write it as text"),
        ('{"a": -1e999}', "has the number '-1e999', which is too large; write it as text"),
        (
            f'{{"a": {"1" * 101}}}',
            f"has the number '{'1' * 101}', which is too large; write it as text",
        ),
        (
            f'{{"a": {"1" * 5_000}}}',
            "has the number '\u2026' (5000 characters), which is too large; write it as text",
        ),
        ('{"a": "\\ud800"}', HALF_A_PAIR),
        ('{"a": ["\\udc00\\ud800"]}', HALF_A_PAIR),
        ('{"\\ud800": 1}', HALF_A_PAIR),
        ("[" * 60_000, TOO_DEEP),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, TOO_DEEP),
        ('{"a":' * 900 + "1" + "}" * 900, TOO_DEEP),
        ('{"a":' * 33 + "1" + "}" * 33, TOO_DEEP),
        ('{"a":' + "[" * 32 + "]" * 32 + "}", TOO_DEEP),
        (f'{{"a": "{"x" * 65_528}"}}', "is longer than 65536 characters; write less"),
    ],
    ids=[
        "array",
        "text",
        "number",
        "null",
        "word",
        "no value",
        "no comma",
        "byte order mark",
        "line break",
        "key twice",
        "key twice, deep within",
        "NaN",
        "-Infinity",
        "Infinity",
        "float too large",
        "float too small",
        "101 digits",
        "5000 digits",
        "half a pair",
        "pair reversed",
        "half a pair for a key",
        "deep and unfinished",
        "deep",
        "900 levels",
        "33 levels of objects",
        "33 levels with arrays",
        "too long",
    ],
)
def test_metadata_that_readers_of_json_take_differently_is_refused(text, message):
    assert refusal(parse.metadata, text) == message


def test_metadata_may_be_as_deep_and_as_long_as_the_messages_say():
    for inmost in ("[1]", "[]"):
        deep = '{"a":' * 31 + inmost + "}" * 31
        assert json.dumps(parse.metadata(deep), separators=(",", ":")) == deep
    long = f'{{"a": "{"x" * 65_527}"}}'
    assert len(long) == 65_536
    assert parse.metadata(long) == {"a": "x" * 65_527}


@pytest.mark.parametrize("text", ["a" * 16, "a" * 128, "AZaz09-_.:AZaz09", "-" * 16])
def test_a_deployment_id_fits_datadogs_alphabet_and_length(text):
    assert parse.deployment_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a" * 15,
        "a" * 129,
        "deploy 1234567890",
        "deploy/1234567890",
        "deploy-1234567890\n",
        "d\xe9ploy-1234567890",
        "1234567890\u0661\u0662\u0663\u0664\u0665\u0666",
    ],
    ids=ascii,
)
def test_a_deployment_id_that_datadog_would_refuse_is_refused(text):
    assert refusal(parse.deployment_id, text) == (
        f"is {text!r}; write 16 to 128 characters of A-Z a-z 0-9 - _ . : and no other"
    )


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com",
        "http://example.com:8080/deployments/1?a=b&c=d#log",
        "https://127.0.0.1/x",
        "https://[::1]:8080/",
        "https://example.com/@acme",
        "https://example.com/?to=a@b",
        f"https://example.com/{'x' * 2_028}",
    ],
)
def test_a_web_address_is_taken_as_it_is(text):
    assert parse.web_url(text) == text
    assert parse.is_web_url(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "example.com",
        "//example.com",
        "https:example.com",
        "https:/example.com",
        "https://",
        "https:///x",
        "https://:443/x",
        "ftp://example.com",
        "javascript://example.com/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "http\u017f://example.com",
        "https://user:password@example.com/",
        "https://user@example.com",
        "https://@example.com",
        "https://example.com\\@evil.com",
        "https://[::1",
        "https://example.com/a b",
        "https://example.com/a\tb",
        "https://example.com/\n",
        "https://example.com/caf\xe9",
        "https://example.com/\u017f",
        "https://example.com/\x7f",
        f"https://example.com/{'x' * 2_029}",
        "",
    ],
    ids=ascii,
)
def test_what_is_no_plain_web_address_is_refused_and_never_shown(text):
    assert parse.is_web_url(text) is False
    assert refusal(parse.web_url, text) == (
        "is not a plain web address; write an https:// URL of at most 2048 characters, without"
        " user info or spaces"
    )


EXPRESSION = (
    "holds an expression that was not evaluated; write ${{ secrets.NAME }} in the workflow's own"
    " file, without quotes or escapes around it"
)
ASTERISKS = (
    "holds only asterisks, as a masked value copied from a log does; store the key itself in the"
    " secret"
)
HEADER = "starts with the header's name DD-API-KEY; store the key alone in the secret"
QUOTES = "starts or ends with a quote; store it in the secret without quotes"
CHARACTERS = (
    "has a space, a line break or another character that no key has; store the key alone in the"
    " secret"
)


@pytest.mark.parametrize(
    "text",
    [
        "0123456789abcdef0123456789abcdef",
        "ghs_AZaz09-._~+/=",
        "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        "x",
        "abc***",
        "bearer-x",
        "dd-api-key",
        "${NAME}",
        "X12345678X",
        "{{",
    ],
)
def test_a_secret_of_visible_ascii_is_taken_as_it_is(text):
    assert parse.secret(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${{ secrets.DX_TOKEN }}", EXPRESSION),
        ("${{secrets.DX_TOKEN}}", EXPRESSION),
        ("'${{ secrets.DX_TOKEN }}'", EXPRESSION),
        ("x${{ secrets.DX\n", EXPRESSION),
        ("***", ASTERISKS),
        ("*", ASTERISKS),
        ("DD-API-KEY: 0123456789abcdef", HEADER),
        ("dd-api-key:0123456789abcdef", HEADER),
        ('"0123456789abcdef"', QUOTES),
        ("'0123456789abcdef'", QUOTES),
        ('"0123456789abcdef', QUOTES),
        ("'0123456789abcdef", QUOTES),
        ('0123456789abcdef"', QUOTES),
        ("0123456789abcdef'", QUOTES),
        ("01234567\n89abcdef", CHARACTERS),
        ("01234567\r\n89abcdef", CHARACTERS),
        ("01234567 89abcdef", CHARACTERS),
        ("01234567\t89abcdef", CHARACTERS),
        ("01234567\x0089abcdef", CHARACTERS),
        ("01234567\x7f89abcdef", CHARACTERS),
        ("0123456789abcd\xe9f", CHARACTERS),
        ("\ufeff0123456789abcdef", CHARACTERS),
        ("0123456789abcdef\u200b", CHARACTERS),
        ("\u201c0123456789abcdef\u201d", CHARACTERS),
        ("Authorization: Bearer 0123456789abcdef", CHARACTERS),
    ],
    ids=ascii,
)
def test_a_secret_that_no_header_can_hold_is_refused_and_never_shown(text, message):
    assert refusal(parse.secret, text) == message


PARSERS = {
    "one_of": one_of,
    "flag": parse.flag,
    "seconds": seconds,
    "line": parse.line,
    "lines": parse.lines,
    "items": parse.items,
    "services": parse.services,
    "environment": parse.environment,
    "environment_map": parse.environment_map,
    "branches": parse.branches,
    "repository": parse.repository,
    "commit_sha": parse.commit_sha,
    "previous_sha": parse.previous_sha,
    "commit_shas": parse.commit_shas,
    "tags": parse.tags,
    "metadata": parse.metadata,
    "deployment_id": parse.deployment_id,
    "web_url": parse.web_url,
    "secret": parse.secret,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
).map(json.dumps)


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
@settings(deadline=None, max_examples=60)
@given(text=st.text(min_size=1) | st.text("aA0=:,!*?+[]\\/.- \r\n", min_size=1) | JSON)
def test_any_text_is_a_value_or_refused_in_one_short_line(parser, text):
    try:
        parser(text)
    except ValueError as error:
        message = str(error)
        assert type(error) in {ValueError, JsonError}  # noqa: PT017 - some texts are good
        assert parse.line(message) == message
        assert len(message) < 400


@settings(deadline=None)
@given(
    value=st.dictionaries(
        st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    )
)
def test_metadata_comes_back_as_it_was_written(value):
    assert parse.metadata(json.dumps(value)) == value
    assert parse.metadata(json.dumps(value, ensure_ascii=False, indent=2)) == value


def test_merge_commits_of_64_digits_are_left_to_the_backends_to_refuse():
    assert parse.commit_shas(f"{A},{SHA_256}") == (A, SHA_256)


def test_a_scheme_in_capitals_is_no_plain_web_address():
    assert not parse.is_web_url("HTTPS://example.com/")


def test_metadata_is_as_deep_as_its_deepest_value():
    text = f'{{"a": 1, "b": [[], {"[" * 31}{"]" * 31}, []], "c": []}}'
    assert refusal(parse.metadata, text) == "is nested more than 32 levels deep; write it flatter"


def test_five_bad_tags_are_all_named():
    assert refusal(parse.tags, "a\nb\nc\nd\ne") == (
        "has 'a', 'b', 'c', 'd', 'e'; write key:value, one on each line"
    )
