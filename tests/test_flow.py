"""The folders are in the order in which the data flows; nothing imports downstream."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "dora_deployments"
STAGES = (
    "catalogue",
    "errors",
    "deployment",
    "budget",
    "signals",
    "actions",
    "http_headers",
    "http_response",
    "attribution",
    "backends",
    "delivery",
    "backfill",
    "packages",
    "report",
    "context",
    "modes",
    "main",
)
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def stage_of(path):
    return STAGES.index(path.relative_to(PACKAGE).with_suffix("").parts[0])


def imported_stages(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, or this test could not follow them"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            part = rest.partition(".")[0]
            if package == "dora_deployments" and part != "__version__":
                yield STAGES.index(part)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_upstream(path):
    later = [stage for stage in imported_stages(path.read_text("utf-8")) if stage > stage_of(path)]
    assert [STAGES[stage] for stage in later] == []


@pytest.mark.parametrize(
    "line",
    [
        "from dora_deployments.report.log import Log",
        "from dora_deployments import report",
        "import dora_deployments.report.log",
        "def f():\n    from dora_deployments.report import log",
    ],
)
def test_an_import_from_downstream_would_be_seen(line):
    assert list(imported_stages(line)) == [STAGES.index("report")]


def test_a_listing_of_the_folders_reads_in_the_order_of_the_flow():
    folders = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())
    folders.remove("backfill")  # which goes through all stages in a way of its own
    folders.remove("modes")  # which call the stages
    assert folders == [stage for stage in STAGES if stage in folders]


def test_every_module_belongs_to_a_stage():
    assert {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in MODULES} == set(STAGES)
