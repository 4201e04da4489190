"""Write the generated parts of README.md and SECURITY.md: `python -m tools.docs`.

Each part stands between two comments that name it. A test fails when one is out of step.
"""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "SECURITY.md")
_TESTS = 3  # of a threat, that are named


def main() -> None:
    """Write the pages with their parts made anew."""
    for name in PAGES:
        page = ROOT / name
        page.write_text(renewed(name, page.read_text("utf-8")), "utf-8")


def renewed(page: str, text: str) -> str:
    """Return the text of a page with every generated part made anew."""
    for name, part in _parts(page).items():
        begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
        pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
        text, count = pattern.subn(lambda _, new=f"{begin}\n{part}\n{end}": new, text)
        if count != 1:
            raise SystemExit(f"{page} has {count} parts named {name}, not one")
    return text


def _parts(page: str) -> dict[str, str]:
    if page == "SECURITY.md":
        return {"threats": _threats()}
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    return {
        "inputs": _inputs(action["inputs"]),
        "outputs": _outputs(action["outputs"]),
        "merged-pull-request": _example("merged-pull-request"),
        "deployment-status": _example("deployment-status"),
    }


def _inputs(inputs: dict[str, dict[str, str]]) -> str:
    rows = [
        f"| `{name}` | {_cell(declared['description'])} | {_default(declared)} |"
        for name, declared in inputs.items()
    ]
    return "\n".join(["| input | meaning | default |", "|---|---|---|", *rows])


def _outputs(outputs: dict[str, dict[str, str]]) -> str:
    rows = [f"| `{name}` | {_cell(output['description'])} |" for name, output in outputs.items()]
    return "\n".join(["| output | meaning |", "|---|---|", *rows])


def _threats() -> str:
    """Return the threats as docs/faults.md has them, each with a few of its tests."""
    page = (ROOT / "docs" / "faults.md").read_text("utf-8").partition("## Threats\n")[2]
    page = page.replace("](../", "](")
    rows = [
        f"| {threat} | {_some(tests.split('<br>'))} |"
        for threat, tests in re.findall(r"^\| (\d.*?) \| ([^|]*) \| [^|]*\|$", page, re.MULTILINE)
    ]
    heads = ("| # | threat | what stands against it | tests |", "|---|---|---|---|")
    return "\n".join([*heads, *rows])


def _some(tests: list[str]) -> str:
    more = [f"and {len(tests) - _TESTS} more"] if len(tests) > _TESTS else []
    return "<br>".join([*tests[:_TESTS], *more])


def _default(declared: dict[str, str]) -> str:
    return f"`{declared['default']}`" if "default" in declared else ""


def _cell(text: str) -> str:
    return text.strip().replace("|", "\\|")


def _example(name: str) -> str:
    text = (ROOT / "examples" / f"{name}.yml").read_text("utf-8")
    return f"```yaml\n# .github/workflows/{name}.yml\n{text}```"


if __name__ == "__main__":
    main()
