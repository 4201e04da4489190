# ruff: noqa: E501 - a table reads best with a problem on a line
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dora_deployments.actions import config, parse
from dora_deployments.actions.config import Config, MappedService
from dora_deployments.actions.patterns import EnvironmentRule
from dora_deployments.deployment import Service
from dora_deployments.errors import ConfigurationError
from tests.actions.refusals import refusal

CONFIGS = Path(__file__).parent / "configs"
WHERE = "`.github/dora.yml` of the workspace"
SECRET = "s3cr3tValue"

GOOD = "services:\n  a:\n    paths: [x]\n"
WHOLE = "write services, environments or both, and no other key"
PATHS = 'write a list of 1 to 100 patterns such as ["services/checkout/**"]'
PATTERN = 'write a pattern of 1 to 500 characters such as "services/checkout/**"'
NAME = 'write a name of 1 to 255 characters such as "Checkout", or leave it out'
TEAM = 'write a team of 1 to 255 characters such as "payments", or leave it out'
SERVICE = "write paths, environments or both, optionally name and team, and no other key"
SERVICES = "write 1 to 1000 services, each an identifier with its paths or environments below it"
OWN_GLOBS = 'write a list of 1 to 100 globs such as ["Production \u2013 web", "web-*"]'
OWN_GLOB = 'write a glob of 1 to 255 characters such as "web-*"'
NEITHER = f"has neither paths nor environments; {SERVICE}"
IDENTIFIER = "write an identifier of 1 to 255 characters, as the input `service` takes it"
GLOBS = 'write a list of 1 to 100 globs such as ["prod-*", "live"]'
GLOB = 'write a glob of 1 to 255 characters such as "prod-*"'
ENVIRONMENT = 'write a name of 1 to 255 characters, or "" for what is never reported'
ONE_PLAIN_LINE = "has a line break or another control character; write one plain line"
SHARED = (
    "is the same glob as services.a.environments[0], and an environment belongs to one service"
    " only; write it once"
)
SPACE = "has white space around it; write it without"
AWAY = "only takes files away; write a pattern without ! before them"
DOTS = (
    "has . or .. as a folder; write the path from the top of the repository, such as"
    " services/checkout/**"
)


def problems(content):
    content = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(ConfigurationError) as caught:
        config.parse(content, WHERE)
    for problem in caught.value.problems:
        assert problem.startswith(WHERE)
        assert problem.isprintable()
    return [problem.removeprefix(WHERE) for problem in caught.value.problems]


def service(identifier, *paths, name=None, team=None, environments=()):
    return MappedService(
        service=Service(identifier=identifier, name=name, team=team),
        paths=paths,
        environments=environments,
    )


# --- what is read


def test_the_example_of_the_documentation_is_read():
    assert config.parse((CONFIGS / "dora.yml").read_bytes(), WHERE) == Config(
        services=(
            service(
                "checkout",
                "services/checkout/**",
                "libs/cart/**",
                name="Checkout",
                team="payments",
            ),
        ),
        environments=(
            EnvironmentRule(glob="prod-*", name="production"),
            EnvironmentRule(glob="live", name="production"),
            EnvironmentRule(glob="pr-*", name=""),
            EnvironmentRule(glob="preview/*", name=""),
        ),
        source=WHERE,
    )


def test_text_is_what_editors_take_for_text():
    assert config.parse((CONFIGS / "every-form.yml").read_bytes(), WHERE) == Config(
        services=(
            service("8080", "/Makefile", "!*.md", "*.go", "a b"),
            service("on", "y", name="yes", team="off"),
            service("caf\xe9/\U0001f680", "services/ caf\xe9", name="Caf\xe9"),
        ),
        environments=(
            EnvironmentRule(glob="live", name="production"),
            EnvironmentRule(glob="no", name="no"),
            EnvironmentRule(glob="2026-01-31", name="no"),
            EnvironmentRule(glob="1:30:00", name="no"),
            EnvironmentRule(glob="pr=*", name=""),
        ),
        source=WHERE,
    )


@pytest.mark.parametrize(
    "content",
    [
        GOOD.encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        b'{"services": {"a": {"paths": ["x"]}}}',
        b"---\n" + GOOD.encode() + b"...\n",
    ],
    ids=["plain", "byte order mark", "CRLF", "CR", "JSON", "markers"],
)
def test_the_same_file_can_be_written_in_many_ways(content):
    assert config.parse(content, WHERE) == Config(
        services=(service("a", "x"),), environments=(), source=WHERE
    )


@pytest.mark.parametrize("path", [".github/dora.yml", "dora.yaml", "caf\xe9/a b.yml", "x" * 255])
def test_the_path_of_the_file_is_a_plain_one(path):
    assert parse.config_path(path) == path


@pytest.mark.parametrize(
    "path", ["/etc/dora.yml", "../dora.yml", ".github\\dora.yml", "C:/x", "a//b", "a\nb", "x" * 256]
)
def test_another_path_is_refused(path):
    shown = repr(path) if len(path) <= 200 else f"'\u2026' ({len(path)} characters)"
    assert refusal(parse.config_path, path) == (
        f"is {shown}, which is no plain path of at most 255 characters with forward slashes;"
        " write a path inside the repository, such as .github/dora.yml"
    )


# --- the shape


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("[]", [f", line 1: the file is a list; {WHOLE}"]),
        ("shop", [f", line 1: the file is text; {WHOLE}"]),
        ("{}", [f", line 1: the file is empty; {WHOLE}"]),
        ('service: 1\nenviroments: 2\nother: 3\n"a\\nb": 4', [
            ", line 1: the file has the unknown key 'service'; write services",
            ", line 2: the file has the unknown key 'enviroments'; write environments",
            f", line 3: the file has the unknown key 'other'; {WHOLE}",
            f", line 4: the file has the unknown key 'a\\nb'; {WHOLE}",
        ]),
        ("services:", [f", line 1: services is empty; {SERVICES}"]),
        ("services: {}", [f", line 1: services is empty; {SERVICES}"]),
        ("services: [a]", [f", line 1: services is a list; {SERVICES}"]),
        ("services:\n  a:\n    - x", [f", line 2: services.a is a list; {SERVICE}"]),
        ("services:\n  a:\n    name: x", [f", line 2: services.a {NEITHER}"]),
        ("services:\n  a:\n    path: [x]\n  b:\n    environment: [x]", [
            f", line 2: services.a {NEITHER}",
            ", line 3: services.a has the unknown key 'path'; write paths",
            f", line 4: services.b {NEITHER}",
            ", line 5: services.b has the unknown key 'environment'; write environments",
        ]),
        ("services:\n  a:\n    environments: x\n  b:\n    environments: []\n  c:\n    environments: [1, '', ' ']", [
            f", line 3: services.a.environments is text; {OWN_GLOBS}",
            f", line 5: services.b.environments is empty; {OWN_GLOBS}",
            f", line 7: services.c.environments[0] is a number; {OWN_GLOB}",
            f", line 7: services.c.environments[1] is empty; {OWN_GLOB}",
            f", line 7: services.c.environments[2] is blank; {OWN_GLOB}",
        ]),
        (f"services:\n  a:\n    environments: [{'x' * 256}]", [f", line 3: services.a.environments[0] is longer than 255 characters; {OWN_GLOB}"]),
        (f"services:\n  a:\n    environments: [{','.join(map(chr, range(0x4E00, 0x4E65)))}]", [f", line 3: services.a.environments has 101 entries; {OWN_GLOBS}"]),
        ("services:\n  a:\n    paths: x", [f", line 3: services.a.paths is text; {PATHS}"]),
        ("services:\n  a:\n    paths: []", [f", line 3: services.a.paths is empty; {PATHS}"]),
        ("services:\n  a:\n    paths:\n    - 1\n    - 0x1f\n    - -.5e3\n    - .inf\n    - TRUE\n    - ~\n    - {a: b}\n    - ''\n    - ' '", [
            f", line 4: services.a.paths[0] is a number; {PATTERN}",
            f", line 5: services.a.paths[1] is a number; {PATTERN}",
            f", line 6: services.a.paths[2] is a number; {PATTERN}",
            f", line 7: services.a.paths[3] is a number; {PATTERN}",
            f", line 8: services.a.paths[4] is a boolean; {PATTERN}",
            f", line 9: services.a.paths[5] is empty; {PATTERN}",
            f", line 10: services.a.paths[6] is a mapping; {PATTERN}",
            f", line 11: services.a.paths[7] is empty; {PATTERN}",
            f", line 12: services.a.paths[8] is blank; {PATTERN}",
        ]),
        (f"services:\n  a:\n    paths: [{'x' * 501}]", [f", line 3: services.a.paths[0] is longer than 500 characters; {PATTERN}"]),
        (f"services:\n  a:\n    paths: [{'x,' * 101}]", [f", line 3: services.a.paths has 101 entries; {PATHS}"]),
        (f"services: {{{''.join(f's{n}: {{paths: [x]}},' for n in range(1001))}}}", [f", line 1: services has 1001 entries; {SERVICES}"]),
        ("services:\n  '': {paths: [x]}\n  ' ': {paths: [x]}", [
            f", line 2: services.'' is empty; {IDENTIFIER}",
            f", line 3: services.' ' is blank; {IDENTIFIER}",
        ]),
        (f"services:\n  {'x' * 256}: {{paths: [x]}}", [f", line 2: services.'\u2026' (256 characters) is longer than 255 characters; {IDENTIFIER}"]),
        ("services:\n  a:\n    paths: [x]\n    name: 1\n    team: []", [
            f", line 4: services.a.name is a number; {NAME}",
            f", line 5: services.a.team is a list; {TEAM}",
        ]),
        ("environments:\n  a: live\n  b: []\n  c: [1, '']\n  ' ': [x]", [
            f", line 2: environments.a is text; {GLOBS}",
            f", line 3: environments.b is empty; {GLOBS}",
            f", line 4: environments.c[0] is a number; {GLOB}",
            f", line 4: environments.c[1] is empty; {GLOB}",
            f", line 5: environments.' ' is blank; {ENVIRONMENT}",
        ]),
    ],
)  # fmt: skip
def test_another_shape_is_refused_with_every_place(content, found):
    assert problems(content) == found


# --- the content


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("services:\n  a,b: {paths: [x]}\n  c=d: {paths: [x]}\n  ' e': {paths: [x]}\n  \"f\\ng\": {paths: [x]}", [
            ", line 2: services.'a,b' has a comma or an equals sign, which `service` cannot name; leave it out",
            ", line 3: services.'c=d' has a comma or an equals sign, which `service` cannot name; leave it out",
            f", line 4: services.' e' {SPACE}",
            f", line 5: services.'f\\ng' {ONE_PLAIN_LINE}",
        ]),
        ("services:\n  a:\n    paths: [x]\n    name: ' A'\n    team: \"a\\tb\"", [
            f", line 4: services.a.name {SPACE}",
            f", line 5: services.a.team {ONE_PLAIN_LINE}",
        ]),
        ("services:\n  a:\n    paths: [x, ' x', \"x\\n\", '#x']", [
            f", line 3: services.a.paths[1] {SPACE}",
            f", line 3: services.a.paths[2] {ONE_PLAIN_LINE}",
            ", line 3: services.a.paths[3] is a comment in gitignore; write \\# to mean the sign itself",
        ]),
        ("services:\n  a:\n    environments: [x, ' y', \"z\\n\", x]\n  b:\n    environments:\n    - x-*\n    - X\nenvironments: {x: [x]}", [
            f", line 3: services.a.environments[1] {SPACE}",
            f", line 3: services.a.environments[2] {ONE_PLAIN_LINE}",
            f", line 3: services.a.environments[3] {SHARED}",
            f", line 7: services.b.environments[1] {SHARED}",
        ]),
        ("environments: [[null], [' x']]", [
            ", line 1: environments is a list; write 1 to 1000 environments, each a name with a list of globs",
            f", line 1: environments[1][0] {SPACE}",
        ]),
        ("services: [{name: 1, paths: 2}, {paths: [null]}]", [f", line 1: services is a list; {SERVICES}"]),
        ("services:\n  a:\n    paths: ['!x', '!y']", [f", line 3: services.a.paths {AWAY}"]),
        ("environments:\n  production: [a]\n  Production: [b]\n  'x ': [c]\n  y: ['d ', \"e\\ud800\"]", [
            ", line 3: environments.Production is the same environment as environments.production; write it once",
            f", line 4: environments.'x ' {SPACE}",
            f", line 5: environments.y[0] {SPACE}",
            f", line 5: environments.y[1] {ONE_PLAIN_LINE}",
        ]),
        ("services:\n  a:\n    paths: ['./x']\n    name: 1\nenvironments: 5", [
            f", line 3: services.a.paths[0] {DOTS}",
            f", line 4: services.a.name is a number; {NAME}",
            ", line 5: environments is a number; write 1 to 1000 environments, each a name with a list of globs",
        ]),
    ],
)  # fmt: skip
def test_what_the_schema_cannot_say_is_refused_too(content, found):
    assert problems(content) == found


def test_a_service_owns_the_files_that_its_paths_take():
    checkout = service("checkout", "services/checkout/**", "!*.md")
    owned = config.owners([checkout, service("docs", "*.md")])
    assert owned.of("services/checkout/a.py") == (0,)
    assert owned.of("services/checkout/README.md") == (1,)


def test_a_service_without_paths_owns_no_file():
    owned = config.owners([service("web", environments=("web-*",))])
    assert owned.of("web/a.py") == ()


# --- services by environment

WEB = service("web", environments=("Production \u2013 web", "web-*"))
ADMIN = service("admin", "admin/**", environments=("web-admin", "admin/*"))
API = service("api", "api/**")
OF_ENVIRONMENTS = """\
services:
  web: {environments: ["Production \u2013 web", "web-*"]}
  admin: {environments: [web-admin, "admin/*"], paths: ["admin/**"]}
  api: {paths: ["api/**"]}
"""


def test_a_service_has_paths_or_environments_or_both():
    assert config.parse(OF_ENVIRONMENTS.encode(), WHERE) == Config(
        services=(WEB, ADMIN, API), environments=(), source=WHERE
    )


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ("Production \u2013 web", WEB),
        ("web-prod", WEB),
        ("web-admin", WEB),  # by its web-*, which comes first in the file
        ("admin/eu/1", ADMIN),
        ("production \u2013 web", WEB),
        ("WEB-PROD", WEB),
        ("Production - web", None),
        ("my-web-prod", None),
        ("api", None),
        ("", None),
    ],
)
def test_an_environment_belongs_to_the_first_service_with_a_glob_that_matches(environment, found):
    assert config.parse(OF_ENVIRONMENTS.encode(), WHERE).service_of(environment) == found


# --- the schema


def test_the_schema_is_one_and_takes_its_own_examples():
    schema = json.loads(config.SCHEMA.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)

    def check(part):
        assert {"title", "description", "errorMessage", "examples"} <= part.keys()
        for example in part.get("examples", ()):
            assert list(Draft202012Validator(part).iter_errors(example)) == []
        for inner in part.get("properties", {}).values():
            check(inner)
        for key in ("propertyNames", "additionalProperties", "items"):
            if isinstance(part.get(key), dict):
                check(part[key])

    check(schema)


def test_the_example_files_name_the_schema():
    first = (CONFIGS / "dora.yml").read_text("utf-8").splitlines()[0]
    assert first == (
        f"# yaml-language-server: $schema={json.loads(config.SCHEMA.read_text('utf-8'))['$id']}"
    )


# --- hostile files


HOSTILE = {
    "laughs": (CONFIGS / "billion-laughs.yml").read_bytes(),
    "brackets": b"[" * 50_000,
    "braces": b"{" * 50_000,
    "brackets after a key": b"services: " + b"[" * 50_000,
    "dashes": b"- " * 40_000,
    "question marks": b"? " * 40_000,
    "keys": "".join(f"k{n}: v\n" for n in range(10_000)).encode(),
    "the same key": b"a: b\n" * 2_000,
    "entries": b"services: {a: {paths: [" + b"b," * 2_000 + b"]}}",
    "commas": b"services: [" + b"," * 100_000,
    "digits": b"services: " + b"9" * 100_000,
    "hex digits": b"services: 0x" + b"f" * 100_000,
    "points": b"services: " + b"1." * 50_000,
    "quotes": b'"' * 100_000,
    "blank lines": b"\n" * 50_000,
    "line ends in quotes": b'"' + b"x\n" * 20_000 + b'"',
    "a long key": b"? " + b"k" * 100_000 + b"\n: v",
    "anchors": b"".join(b"a%d: &a%d x\n" % (n, n) for n in range(1_000)),
    "indents": b"".join(b" " * n + b"a:\n" for n in range(300)),
    "comments": b"# x\n" * 20_000,
    "tabs": b"\t" * 50_000,
    "stars": b"*" * 50_000,
    "patterns": b"services: {a: {paths: [" + b"'" + b"*a" * 240 + b"']}}",
    "too large": b"x" * (parse.LARGEST_CONFIG_FILE + 1),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_in_few_words(content):
    found = problems(content)
    assert len(found) <= 51
    assert all(len(problem) < 500 for problem in found)


def test_more_problems_than_anyone_reads_are_cut_short():
    found = problems("".join(f"k{n}: v\n" for n in range(51)))
    assert found == [
        *(f", line {n}: the file has the unknown key 'k{n - 1}'; {WHOLE}" for n in range(1, 51)),
        " has more problems than these; correct them first",
    ]
    assert problems("".join(f"k{n}: v\n" for n in range(50))) == found[:-1]


def test_the_limit_of_a_file_is_256_kib():
    assert parse.LARGEST_CONFIG_FILE == 262_144


def test_a_file_may_map_environments_alone():
    found = config.parse(b"environments:\n  live: [prod-*]\n", "x")
    assert (found.services, len(found.environments)) == ((), 1)


@pytest.mark.parametrize(
    "content",
    [
        f"services: {SECRET}",
        f"services: {{a: {SECRET}}}",
        f"services: {{a: {{paths: {SECRET}}}}}",
        f"services: {{a: {{environments: {SECRET}}}}}",
        f"services: {{a: {{environments: ['{SECRET}', '{SECRET}', ' {SECRET}']}}}}",
        f"services: {{a: {{paths: ['../{SECRET}', '#{SECRET}', '[{SECRET}'], name: ' {SECRET}'}}}}",
        f"environments: {{a: [' {SECRET}']}}",
        f"services: '{SECRET}",
        f"services: [{SECRET}",
        f"services: {SECRET}: {SECRET}",
        f"services: *{SECRET}",
        f"services: &{SECRET} x",
        f"services: !{SECRET} x",
        f"services: !<{SECRET}",
        f"%{SECRET} x",
        f"%YAML {SECRET}",
        f"services: *.{SECRET}",
        f'services: "\\q{SECRET}"',
    ],
)
def test_no_value_is_ever_quoted(content):
    assert SECRET not in "".join(problems(content))


TEXTS = st.text() | st.sampled_from(["services", "environments", "paths", "name", "team", "a"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
YAML = st.text(" \n\t:-?[]{},'\"*&!|>%@#~<.\\xuU09ab", max_size=60)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(
    content=st.binary()
    | st.text().map(lambda text: text.encode(errors="surrogatepass"))
    | YAML.map(str.encode)
    | YAML.map(lambda text: f"services:\n  a:\n    paths:\n{text}".encode())
    | VALUES.map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_are_a_config_or_refused_line_by_line(content):
    try:
        assert isinstance(config.parse(content, WHERE), Config)
    except ConfigurationError as error:
        for problem in error.problems:
            assert problem.isprintable()
            assert re.match(
                rf"{re.escape(WHERE)}(, line \d+(, column \d+,|,|:)| is| has) ", problem
            )


@settings(deadline=None, max_examples=25)
@given(
    identifier=st.from_regex(r"[a-z][a-z0-9/@.:-]{0,20}", fullmatch=True),
    names=st.lists(st.from_regex(r"[a-z0-9 \xe9]{0,8}[a-z]", fullmatch=True), min_size=1),
    globs=st.lists(st.from_regex("[a-z \u2013*?]{0,8}[a-z]", fullmatch=True).map(str.strip)),
)
def test_what_is_written_as_json_comes_back(identifier, names, globs):
    paths = [name.strip() for name in names][:100]
    environments = [*dict.fromkeys(globs)][:100]
    written = {"paths": paths, **({"environments": environments} if environments else {})}
    content = json.dumps({"services": {identifier: written}}).encode()
    assert config.parse(content, WHERE).services == (
        service(identifier, *paths, environments=tuple(environments)),
    )
