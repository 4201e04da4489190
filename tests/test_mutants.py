"""What `make mutants` changes, and that it takes every change back."""

import ast
import importlib
from pathlib import Path

import pytest
import yaml

from tools.mutants.operators import mutations


def changes(source):
    tree = ast.parse(source)
    found = [(each.name, each.before, each.after) for each in mutations(tree, "x.py")]
    assert ast.unparse(tree) == ast.unparse(ast.parse(source))
    return found


@pytest.mark.parametrize(
    ("line", "others"),
    [
        ("return a < 2", ["None", "a <= 2", "a >= 2", "a < 3", "a < 1"]),
        ("return a and (not b)", ["None", "a or not b", "not b", "a", "a and b"]),
        ("return a.strip('x')", ["None", "a"]),
        ("return a[:7]", ["None", "a[:]", "a[:8]", "a[:6]"]),
        ("return {1, b}", ["None", "{b}", "{1}", "{2, b}", "{0, b}"]),
        ("return f(a, k=True)", ["None", "f(a)", "f(a, k=False)"]),
        ("return 'a message'", ["None"]),
        ("return f'{a + b} words'", ["None", "f'{a - b} words'"]),
        ("return [i for i in a if i]", ["None", "[i for i in a]"]),
        ("return re.search('[a-z]{2,}x?')", [
            "None",
            "re.search('[a-z]{2,}x?X')",
            "re.search('[a-z]{3,}x?')",
            "re.search('[a-z]{1,}x?')",
            "re.search('[a-z]{2,}x')",
        ]),
    ],
)  # fmt: skip
def test_what_a_line_is_changed_into(line, others):
    assert changes(f"def f():\n    {line}") == [
        ("f", line, f"return {other}" if other != "None" else "return None") for other in others
    ]


def test_a_block_is_entered_always_or_never_and_its_lines_are_left_out():
    assert changes("class C:\n    def f(self):\n        if a:\n            raise E") == [
        ("C.f", "if a:", "if False:"),
        ("C.f", "if a:", "if True:"),
        ("C.f", "raise E", "pass"),
    ]


def test_constants_are_changed_and_types_are_not():
    source = "MOST: Final = 7\nKind = Literal['a', 'b']\nT = TypeVar('T')\ndef f(a=1) -> 'T': ..."
    assert changes(source) == [
        ("MOST", "MOST: Final = 7", "MOST: Final = 8"),
        ("MOST", "MOST: Final = 7", "MOST: Final = 6"),
    ]


def test_of_a_long_line_only_what_differs_is_shown():
    line = f"return {'x' * 60} + (c < 1) + {'y' * 60}"
    assert (
        "f",
        f"…{'x' * 41} + (c < 1) + {'y' * 42}…",
        f"…{'x' * 41} + (c <= 1) + {'y' * 42}…",
    ) in changes(f"def f():\n    {line}")


def test_every_reason_is_of_a_mutant_that_exists():
    mutants = pytest.importorskip("tools.mutants.__main__")  # Windows has no `resource`
    listed = yaml.safe_load(mutants.REASONS.read_text("utf-8"))
    reasons = {mutant for named in listed.values() for mutant in named}
    places = {tuple(reason.partition(": ")[0].split(" ")) for reason in reasons}
    found = set()
    for module in sorted({module for module, _ in places}):
        file = Path(str(importlib.import_module(f"{mutants.PACKAGE}.{module}").__file__))
        tree = ast.parse(file.read_text("utf-8"))
        tree.body = [
            top
            for top in tree.body
            if not isinstance(top, ast.FunctionDef | ast.ClassDef)
            or any(name.split(".")[0] == top.name for of, name in places if of == module)
        ]
        for each in mutations(tree, file.name):
            known = {"name": each.name, "before": each.before, "after": each.after}
            found.add(str(mutants.Mutant(module=module, **known)))
    assert sorted(reasons - found) == [], "run `make mutants`, and take out what is gone"
