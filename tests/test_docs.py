"""What the pages link to is there, and what they tell people to copy works."""

import json
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from dora_deployments import backends
from dora_deployments.actions import config
from dora_deployments.actions.hosts import SITES
from dora_deployments.actions.inputs import SECRETS, Inputs
from dora_deployments.errors import ActionError
from tests.builders import NOW
from tests.test_flow import STAGES
from tools import pages

ROOT = Path(__file__).parent.parent
PAGES = [path.relative_to(ROOT).as_posix() for path in pages.pages(ROOT)]
LANGUAGES = {"diff", "json", "mermaid", "sh", "text", "yaml"}
# Nothing is fetched. Whoever links elsewhere adds the host here, and looks at the page once.
HOSTS = {
    "docs.datadoghq.com",
    "docs.getdx.com",
    "github.com",
    "keepachangelog.com",
    "semver.org",
    "www.npmjs.com",
}
OURS = "https://github.com/acme/dora-deployments/blob/v1/"
ACTION = re.compile(r"acme/dora-deployments(/docker)?@(v1|[0-9a-f]{40})")
# An action by its commit with the version beside it, or of the organisation that is made up here.
PINNED = re.compile(r"\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+|acme/(dora-deployments|workflows)\S*@v1")
INPUTS = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"]
SCHEMA = json.loads(config.SCHEMA.read_text("utf-8"))["$id"]
TARGETS = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)


def problems(page, path="docs/page.md"):
    """Return what is wrong with the text of a page, which is at that path."""
    found = [problem for link in pages.links(page) for problem in of_link(link, page, path)]
    found += [problem for words in pages.code(page) for problem in of_command(words)]
    for block in pages.blocks(page):
        found += [f"line {block.line}: {problem}" for problem in of_block(block)]
    return found


def of_link(link, page, path):
    if link.startswith(OURS):
        link, path = link.removeprefix(OURS), "README.md"
    elif "://" in link:
        url = urlsplit(link)
        if url.scheme != "https" or url.hostname not in HOSTS:
            yield f"{link} is not https, or of a host that nobody has looked at"
        return
    name, _, anchor = link.partition("#")
    target = ((ROOT / path).parent / name).resolve()
    if name and not (target.exists() and target.is_relative_to(ROOT)):
        yield f"{link} leads nowhere"
    elif name and anchor and target.suffix != ".md":
        yield f"{link} names a heading of what is no page"
    elif anchor and anchor not in pages.anchors(target.read_text("utf-8") if name else page):
        yield f"{link} leads to no heading"


def of_block(block):
    if block.language not in LANGUAGES:
        yield f"the language {block.language!r} is none of {', '.join(sorted(LANGUAGES))}"
    if block.language == "sh":
        for line in block.text.splitlines():
            yield from of_command(line)
    try:
        if block.language == "json":
            json.loads(block.text)
        if block.language == "yaml":
            content = yaml.load(block.text, yaml.BaseLoader)  # `on` is a text, and so is `true`
            yield from of_yaml(content, block.text)
    except (ValueError, yaml.YAMLError) as error:
        yield f"this cannot be read: {str(error).splitlines()[0]}"


def of_command(line):
    """Yield what is wrong with a line of shell: targets and files that do not exist."""
    words = shlex.split(line, comments=True) if line.startswith(("make ", ".")) else []
    is_make = words[:1] == ["make"]
    for word in words[1:]:
        name, is_given, value = word.partition("=")
        if is_make and not is_given and not name.startswith("-") and name not in TARGETS:
            yield f"make has no target {name}"
        file = value if is_given else name
        if "/" in file and (ROOT / file.split("/")[0]).is_dir() and not (ROOT / file).exists():
            yield f"there is no {file}"


def of_yaml(content, text):
    """Yield what is wrong with a block of YAML, which is one of four kinds."""
    if isinstance(content, dict) and "jobs" in content:
        yield from of_workflow(content, text)
    elif isinstance(content, list):
        yield from of_steps(content, text)
    elif isinstance(content, dict) and content.keys() <= {"services", "environments"}:
        yield from of_configuration(text)
    elif isinstance(content, dict) and content.keys() <= INPUTS.keys():
        yield from of_inputs(content)
    else:
        yield "this is no workflow, no steps, no configuration file and no inputs"


def of_workflow(workflow, text):
    if not {"name", "on", "permissions"} <= workflow.keys():
        yield "a workflow has a name, `on` and `permissions`"
    for name, job in workflow["jobs"].items():
        if "uses" not in job and "timeout-minutes" not in job:
            yield f"the job {name} has no timeout-minutes"
        steps = job.get("steps", [])
        yield from of_steps(steps, text)
        for step in steps:
            if ACTION.fullmatch(step.get("uses", "")):
                yield from of_credentials(step.get("with", {}))


def of_steps(steps, text):
    for used in re.findall(r"\buses: +(\S.*)", text):
        if not PINNED.match(used) and not used.startswith("./"):
            yield f"{used} is not pinned to a commit with the version beside it"
    for step in steps:
        if not step.keys() & {"uses", "run"}:
            yield "a step has neither uses nor run"
        if "${{" in step.get("run", ""):
            yield "an expression stands in a script"
        if ACTION.fullmatch(step.get("uses", "")):
            yield from of_inputs(step.get("with", {}))


def of_inputs(given):
    yield from (f"there is no input {name}" for name in given if name not in INPUTS)
    try:
        parsed(given)
    except ActionError as error:
        yield from error.problems


def of_credentials(given):
    """Yield why a step of a whole workflow would report to nobody."""
    try:
        backends.reported_to(parsed(given), from_fork=False)
    except ActionError as error:
        yield str(error)


def of_configuration(text):
    server = re.search(r"^# yaml-language-server: \$schema=(.*)$", text, re.MULTILINE)
    if server and server[1] != SCHEMA:
        yield "the schema that an editor is told is not ours"
    try:
        config.parse(text.encode(), "this")
    except ActionError as error:
        yield str(error)


def parsed(given):
    """Return the inputs as the action takes them, expressions by what they may come to."""
    values = {
        name: "0123456789abcdef0123456789abcdef" if name in SECRETS and "${{" in value else value
        for name, value in given.items()
        if name in SECRETS or not re.fullmatch(r"\$\{\{[^}]*\}\}", value)
    }
    filled = {name: re.sub(r"\$\{\{.*?\}\}", "1", value) for name, value in values.items()}
    return Inputs.from_environ(
        {f"INPUT_{name.upper()}": value for name, value in filled.items()}, NOW
    )


# --- the pages


@pytest.mark.parametrize("path", PAGES)
def test_what_a_page_links_to_and_shows_is_good(path):
    assert problems((ROOT / path).read_text("utf-8"), path) == []


def test_the_pages_of_the_project_are_found():
    assert {"README.md", "CONTRIBUTING.md", "docs/README.md", "docs/faults.md"} <= set(PAGES)
    assert [path for path in PAGES if "node_modules" in path or path.startswith(".venv")] == []


def test_the_hosts_that_may_be_linked_to_are_those_that_are():
    links = [link for path in PAGES for link in pages.links((ROOT / path).read_text("utf-8"))]
    assert {urlsplit(link).hostname for link in links if "://" in link} == HOSTS


def test_the_index_has_every_page_and_every_example():
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    listed = {(ROOT / "docs" / link).resolve() for link in pages.links(index)}
    there = {*(ROOT / "docs").glob("*.md"), *(ROOT / "examples").iterdir()}
    assert there - listed == {ROOT / "docs" / "README.md"}


def test_every_site_of_datadog_is_on_its_page():
    page = (ROOT / "docs" / "datadog.md").read_text("utf-8")
    assert [site for site in SITES if f"`{site}`" not in page] == []


def test_the_page_of_the_architecture_leads_to_every_stage():
    links = pages.links((ROOT / "docs" / "architecture.md").read_text("utf-8"))
    named = {Path(link).stem for link in links if link.startswith("../src/dora_deployments/")}
    assert set(STAGES) - named == set()


def test_the_linters_are_given_every_workflow_of_a_page(tmp_path):
    (tmp_path / "of-another-time-1.yml").touch()
    pages.main(tmp_path)
    shown = [
        block.text
        for path in PAGES
        for block in pages.blocks((ROOT / path).read_text("utf-8"))
        if block.is_workflow
    ]
    written = [path.read_text("utf-8") for path in tmp_path.iterdir()]
    assert (len(shown) > 0, sorted(written)) == (True, sorted(shown))


# --- how they are read


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("What counts as shipped", "what-counts-as-shipped"),
        ("`timeout`", "timeout"),
        ("`dx-token`, `dx-instance`", "dx-token-dx-instance"),
        ("What's new in v1.2?", "whats-new-in-v12"),
        ("Tags & releases", "tags--releases"),
        ("[Unreleased](https://example.com/a_b)", "unreleased"),
        ("**Bold** and `deployment_status`", "bold-and-deployment_status"),
        ("Über 100 %, naïve", "über-100--naïve"),
        ("1. First, do this", "1-first-do-this"),
        ('<a name="x"></a>With HTML', "with-html"),
    ],
)
def test_a_heading_has_the_name_that_github_gives_it(heading, name):
    assert pages.slug(heading) == name


def test_headings_of_the_same_text_are_numbered_and_comments_in_code_are_none():
    page = "# A\n## A ##\n### A\n<a id='no'></a><a id=\"own\"></a>\n```sh\n# B\n```\n#C\n"
    assert pages.anchors(page) == {"a", "a-1", "a-2", "own"}


def test_links_are_found_wherever_they_stand_and_not_in_code():
    page = (
        '[a](a.md) ![b](b.png "title") [![c](c.png)](c.md#d) [`e`](e.md) `[f](f.md)`\n'
        'https://g.example/h. <https://i.example> <img src="j.png"> <!-- [k](k.md) -->'
        "<code>https://n.example</code>\n\n"
        "```text\n[l](l.md)\n```\n\n[m]: m.md\n"
    )
    assert sorted(pages.links(page)) == [
        *("a.md", "b.png", "c.md#d", "c.png", "e.md"),
        *("https://g.example/h", "https://i.example", "j.png", "m.md"),
    ]


def test_a_block_in_a_list_is_read_without_its_indent():
    page = "1. First\n\n   ```yaml\n   - run: make\n     if: always()\n   ```\n"
    assert pages.blocks(page) == (
        pages.Block(language="yaml", text="- run: make\n  if: always()\n", line=3),
    )


# --- what would be seen

WORKFLOW = """\
name: Report
on: push
permissions: {}
jobs:
  report:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions: {}
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - run: ./deploy.sh
      - uses: acme/dora-deployments@v1
        with:
          service: checkout
          success: ${{ job.status }}
          source-url: https://ci.example.com/${{ github.run_id }}
          dx-token: ${{ secrets.DX_TOKEN }}
          dx-instance: acme
"""
STEP = WORKFLOW.partition("steps:\n")[2]
CONFIGURATION = "# .github/dora.yml\nservices: {checkout: {paths: ['a/**']}}\n"


def fenced(text, language="yaml"):
    return f"```{language}\n{text}```\n"


def test_a_good_page_has_no_problem():
    page = (
        "# Page\n[here](#page), [there](faults.md#threats), [folder](../tests), `make test`\n"
        f"[ours]({OURS}docs/faults.md#threats), <https://github.com/acme>, `make` and `.git`\n"
    )
    page += fenced(WORKFLOW) + fenced(STEP) + fenced(CONFIGURATION) + fenced("timeout: 60\n")
    page += fenced("make test\nmake try EVENT=tests/payloads/create.json # any\n", "sh")
    page += fenced('{"a": 1}\n', "json")
    assert problems(page) == []


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("[a](missing.md)", "missing.md leads nowhere"),
        ("[a](../../other.md)", "../../other.md leads nowhere"),
        ("[a](../..)", "../.. leads nowhere"),
        ("[a](faults.md#none)", "faults.md#none leads to no heading"),
        ("# A\n[a](#b)", "#b leads to no heading"),
        ("[a](../tests#b)", "../tests#b names a heading of what is no page"),
        (f"[a]({OURS}docs/missing.md)", "docs/missing.md leads nowhere"),
        (
            "http://github.com/acme",
            "http://github.com/acme is not https, or of a host that nobody has looked at",
        ),
        (
            "https://elsewhere.example/",
            "https://elsewhere.example/ is not https, or of a host that nobody has looked at",
        ),
        ("`make nothing`", "make has no target nothing"),
        ("`make test docs nothing`", "make has no target nothing"),
        (fenced("make nothing # but a comment\n", "sh"), "line 1: make has no target nothing"),
        (
            fenced("make try EVENT=tests/payloads/none.json\n", "sh"),
            "line 1: there is no tests/payloads/none.json",
        ),
        (
            fenced(".venv/bin/python -m pytest tests/test_none.py\n", "sh"),
            "line 1: there is no tests/test_none.py",
        ),
        (
            fenced("x\n", "python"),
            "line 1: the language 'python' is none of diff, json, mermaid, sh, text, yaml",
        ),
        (
            fenced("x\n", ""),
            "line 1: the language '' is none of diff, json, mermaid, sh, text, yaml",
        ),
        (
            fenced("{'a': 1}\n", "json"),
            (
                "line 1: this cannot be read: Expecting property name enclosed in double quotes:"
                " line 1 column 2 (char 1)"
            ),
        ),
        (fenced("a: [\n"), "line 1: this cannot be read: while parsing a flow node"),
        (
            fenced("some: thing\n"),
            "line 1: this is no workflow, no steps, no configuration file and no inputs",
        ),
        (
            fenced("timeout: 1\n"),
            (
                "line 1: `timeout` is '1'; write a whole number from 5 to 300, or to 21600 with"
                " `mode: backfill`, without a unit"
            ),
        ),
        (
            fenced("environments: {production: live}\n"),
            (
                "line 1: this, line 1: environments.production is text; write a list of 1 to 100"
                ' globs such as ["prod-*", "live"]'
            ),
        ),
        (
            fenced(f"# yaml-language-server: $schema=https://example.com\n{CONFIGURATION}"),
            "line 1: the schema that an editor is told is not ours",
        ),
        (fenced("- name: none\n"), "line 1: a step has neither uses nor run"),
        (fenced("- run: echo ${{ x }}\n"), "line 1: an expression stands in a script"),
        (
            fenced("- uses: actions/checkout@v7\n"),
            "line 1: actions/checkout@v7 is not pinned to a commit with the version beside it",
        ),
        (
            fenced(WORKFLOW.replace(" # v7.0.1", "")),
            (
                "line 1: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 is not pinned to"
                " a commit with the version beside it"
            ),
        ),
        (fenced(STEP.replace("service:", "services:")), "line 1: there is no input services"),
        (
            fenced(STEP.replace("service: checkout", "attribution: all")),
            "line 1: `attribution` is 'all'; write auto, pull-requests, commit or repository",
        ),
        (
            fenced(WORKFLOW.replace("permissions: {}\njobs", "jobs")),
            "line 1: a workflow has a name, `on` and `permissions`",
        ),
        (
            fenced(WORKFLOW.replace("    timeout-minutes: 5\n", "")),
            "line 1: the job report has no timeout-minutes",
        ),
        (
            fenced(WORKFLOW.replace("          dx-instance: acme\n", "")),
            (
                "line 1: `dx-token` is set and `dx-instance` is empty; DX needs both, so set"
                " `dx-instance` as well, or leave both out"
            ),
        ),
    ],
)
def test_what_is_wrong_with_a_page_is_seen(page, problem):
    assert problems(page) == [problem]
