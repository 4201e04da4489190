"""Change the modules that decide, one bit at a time, and see whether a test fails.

Run as `python -m tools.mutants`. It writes docs/mutants.md: how many of the mutants the tests
kill, and each survivor with the reason that reasons.yml gives for it. It is a report: the
exit code is 0 whatever the share, but not if nothing could be measured.
"""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from tools.mutants.trial import PACKAGE, Mutant, Trial

ROOT = Path(__file__).parents[2]
LAST = ROOT / "build" / "mutants.json"
PAGE = ROOT / "docs" / "mutants.md"
REASONS = Path(__file__).with_name("reasons.yml")
MODULES = {
    "actions": "config event hosts inputs moments parse patterns payload run strict_json workspace",
    "actions.events": "deployment_status pull_request push release repository_dispatch"
    " workflow_dispatch workflow_run",
    "attribution": "branch changes commit environment identity previous resolve services"
    " shipped since times",
    "backends": "datadog dx replies",
    "delivery": "replay retry saved",
    "report": "account doubts headline timeline",
}
NAMES = sorted(
    ["actions.events"]
    + [f"{folder}.{name}" for folder, names in MODULES.items() for name in names.split()]
)
TESTS = (
    *("tests/actions", "tests/attribution", "tests/backends"),
    *(f"tests/delivery/test_{name}.py" for name in ("replay", "retry", "saved")),
    *(f"tests/report/test_{name}.py" for name in ("account", "doubts", "headline", "timeline")),
)
INTRODUCTION = """\
# Mutants

`make mutants` writes this page. It changes the modules that decide, one bit at a time, and runs
the tests that reach the changed line: where none fails, none has looked. It is a report and no
gate. Messages are not changed, since the tests hold them word for word."""
Results = Sequence[tuple[Mutant, bool]]
UNEXPLAINED = "**No reason is given yet:**"


def main(arguments: Sequence[str]) -> int:
    """Try the mutants, write the page, print the counts and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants")
    parser.add_argument("modules", nargs="*", help="only these; then no page is written")
    parser.add_argument("--report", action="store_true", help="only write the last run's page anew")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    names = options.modules or NAMES
    results = _last() if options.report else _tried(names, options.processes)
    if not results:
        print("mutants: none was tried")
        return 1
    rows = [_row(name, results) for name in names]
    reasons = _reasons()
    survivors = sorted(mutant for mutant, killed in results if not killed)
    for name, killed, total in rows:
        print(f"{killed:5} of {total:5} killed  {name}")
    for mutant in survivors:
        if str(mutant) not in reasons:
            print(f"survives without a reason in {REASONS.name}: {mutant}")
    if options.modules:
        return 0
    for gone in sorted(reasons.keys() - {str(mutant) for mutant in survivors}):
        print(f"has a reason in {REASONS.name}, but does not survive: {gone}")
    LAST.parent.mkdir(exist_ok=True)
    LAST.write_text(json.dumps([(asdict(mutant), killed) for mutant, killed in results]), "utf-8")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(_page(_share(results), rows, survivors, reasons), "utf-8")
    print(f"mutants: {_share(results)}, {len(survivors)} survivors listed in docs/mutants.md")
    return 0


def _tried(names: Sequence[str], processes: int) -> Results:
    # With CI, Hypothesis tries the same examples in every run. In UTC, a time that forgets
    # its zone would pass.
    os.environ.update({"CI": "true", "TZ": "Asia/Kathmandu"})
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT / "src"))
    trial = Trial(
        modules=[importlib.import_module(f"{PACKAGE}.{name}") for name in names],
        processes=processes,
        progress=_progress,
    )
    ended = pytest.main(["-qq", "-s", "-p", "no:xdist", "-p", "no:cacheprovider", *TESTS], [trial])
    if trial.problem or ended == pytest.ExitCode.INTERNAL_ERROR:
        print(f"mutants: {trial.problem or 'pytest broke off'}")
        return []
    return trial.killed


def _last() -> Results:
    return [(Mutant(**mutant), killed) for mutant, killed in json.loads(LAST.read_text("utf-8"))]


def _reasons() -> dict[str, str]:
    listed = yaml.safe_load(REASONS.read_text("utf-8")) or {}
    return {mutant: why for why, mutants in listed.items() for mutant in mutants}


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _row(name: str, results: Results) -> tuple[str, int, int]:
    own = [was_killed for mutant, was_killed in results if mutant.module == name]
    return name, sum(own), len(own)


def _share(results: Results) -> str:
    killed = sum(was_killed for _, was_killed in results)
    return f"{killed:,} of {len(results):,} killed ({100 * killed / len(results):.1f} %)"


def _page(
    share: str,
    rows: Sequence[tuple[str, int, int]],
    survivors: Sequence[Mutant],
    reasons: Mapping[str, str],
) -> str:
    found: dict[str, list[Mutant]] = {why: [] for why in reasons.values()}
    for mutant in survivors:
        found.setdefault(reasons.get(str(mutant), UNEXPLAINED), []).append(mutant)
    table = [f"| `{name}` | {killed} | {total} |" for name, killed, total in rows]
    parts = [
        INTRODUCTION,
        f"**{share}.**",
        "\n".join(["| module | killed | of |", "|---|--:|--:|", *table]),
        "## Survivors",
    ]
    for why, mutants in found.items():
        if mutants:
            parts += [why, "\n".join(["```diff", *map(_diff, mutants), "```"])]
    return "\n\n".join(parts) + "\n"


def _diff(mutant: Mutant) -> str:
    return f"@@ {mutant.module} {mutant.name} @@\n-{mutant.before}\n+{mutant.after}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
