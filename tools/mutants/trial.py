"""A pytest plugin that tries mutants instead of running the tests once.

The tests are collected once. They run once in a child process, to see which of them reaches
which line, and in what time. Each mutant then lives in a child of its own: there the code of
the changed function is exchanged, and the tests that reach the line run until one fails. So
no file is changed, and nothing is imported twice. Needs `fork`, which Windows has not.
"""

import ast
import gc
import os
import pickle
import resource
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest

from tools.mutants.operators import Mutation, compiled, mutations

PACKAGE = "dora_deployments"
MEMORY = 4 * 2**30  # bytes that a mutant which never ends may take
Line = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mutant:
    """What was changed into what, in a function or constant of a module."""

    module: str
    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.module} {self.name}: {self.before} => {self.after}"


@dataclass(slots=True, kw_only=True)
class Reached:
    """Which tests reach each line, and the seconds that each takes; by their numbers."""

    tests: dict[Line, set[int]] = field(default_factory=lambda: defaultdict(set))
    seconds: dict[int, float] = field(default_factory=dict)

    def by(self, file: str, mutation: Mutation) -> list[int]:
        """Return the tests of a mutation, those that reach it first, and the quick ones first.

        Nobody knows who reads a constant: first those that reach its module, then all others.
        """
        lines = (line for line in self.tests if line[0] == file)
        near = (line for line in lines if mutation.is_constant or line[1] in mutation.lines)
        found: set[int] = set().union(*(self.tests[line] for line in near))
        numbers = self.seconds if mutation.is_constant else found
        return sorted(numbers, key=lambda number: (number not in found, self.seconds[number]))


@dataclass(slots=True, kw_only=True, eq=False)
class Trial:
    """The plugin; after the session `killed` has every mutant, and whether a test failed.

    `problem` says why there are none.
    """

    modules: Sequence[ModuleType]
    processes: int
    progress: Callable[[str], None]
    killed: list[tuple[Mutant, bool]] = field(default_factory=list)
    problem: str | None = None
    _failed: bool = False
    _functions: dict[Line, list[FunctionType]] = field(default_factory=lambda: defaultdict(list))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure, of a test or of what is around it."""
        self._failed = self._failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try every mutant."""
        if session.testsfailed:
            self.problem = "the tests could not be collected"
            return True
        files = {module.__file__ for module in self.modules}
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename in files:
                code = thing.__code__
                self._functions[code.co_filename, code.co_firstlineno].append(thing)
        gc.freeze()  # or each child would copy what it only looks at
        with tempfile.TemporaryDirectory() as folder:
            os.environ["PYTEST_DEBUG_TEMPROOT"] = folder  # of what the children leave
            path = Path(folder, "reached")
            os.waitpid(_child(lambda: self._measure(session.items, path)), 0)
            found = pickle.loads(path.read_bytes()) if path.exists() else "a test"  # noqa: S301
            if isinstance(found, str):
                self.problem = f"without any change, {found} fails"
            else:
                self._try_all(session.items, found)
        return True

    def _measure(self, items: Sequence[pytest.Item], path: Path) -> bool:
        """Run every test once, on code that was exchanged for the same, and note its reach."""
        for module in self.modules:
            for top in _tree(module).body:
                if isinstance(top, ast.FunctionDef | ast.ClassDef):
                    self._exchange(compiled(top, str(module.__file__)))
        reached = Reached()
        files = {str(module.__file__) for module in self.modules}
        for number, item in enumerate(items):

            def trace(frame: FrameType, *_: Any, number: int = number) -> Any:
                if frame.f_code.co_filename not in files:
                    return None
                reached.tests[frame.f_code.co_filename, frame.f_lineno].add(number)
                return trace

            began = time.monotonic()
            threading.settrace(trace)
            sys.settrace(trace)
            self._run(items, [number])
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            reached.seconds[number] = time.monotonic() - began
            if self._failed:
                path.write_bytes(pickle.dumps(item.nodeid))
                return True
        reached.tests = dict(reached.tests)
        path.write_bytes(pickle.dumps(reached))
        return False

    def _try_all(self, items: Sequence[pytest.Item], reached: Reached) -> None:
        running: dict[int, tuple[Mutant, float]] = {}
        for module in self.modules:
            file = str(module.__file__)
            tree = _tree(module)
            for mutation in mutations(tree, file):
                mutant = Mutant(
                    module=module.__name__.removeprefix(f"{PACKAGE}."),
                    name=mutation.name,
                    before=mutation.before,
                    after=mutation.after,
                )
                if mutation.is_constant:
                    if (values := _values(module, tree, mutation)) is None:
                        continue  # no module could be imported with it
                    change = partial(_rebind, module, values)
                else:
                    change = partial(self._exchange, mutation.code)
                numbers = reached.by(file, mutation)
                while len(running) >= self.processes:
                    self._reap(running)
                limit = 5 + 5 * sum(reached.seconds[number] for number in numbers)
                trial = partial(self._fails, items, numbers, change)
                running[_child(trial)] = mutant, time.monotonic() + limit
        while running:
            self._reap(running)

    def _fails(
        self, items: Sequence[pytest.Item], numbers: Sequence[int], change: Callable[[], None]
    ) -> bool:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        change()
        self._run(items, numbers)
        return self._failed

    def _reap(self, running: dict[int, tuple[Mutant, float]]) -> None:
        """Take the result of a child that ended, or that has had its time."""
        while True:
            for child, (mutant, end) in running.items():
                ended, status = os.waitpid(child, os.WNOHANG)
                if not ended and time.monotonic() > end:
                    os.kill(child, signal.SIGKILL)
                    ended, status = os.waitpid(child, 0)
                if ended:
                    del running[child]
                    self.killed.append((mutant, status != 0))
                    self.progress(f"{len(self.killed)} tried, now {mutant.module}")
                    return
            time.sleep(0.001)

    def _run(self, items: Sequence[pytest.Item], numbers: Sequence[int]) -> None:
        """Run the tests of these numbers until one fails."""
        for number, following in zip(numbers, [*numbers[1:], None], strict=True):
            item = items[number]
            after = None if following is None else items[following]
            item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
            if self._failed:
                return

    def _exchange(self, code: CodeType) -> None:
        """Give the functions that `code` defines, wherever they are known, its code."""
        for new in _codes(code):
            for function in self._functions[new.co_filename, new.co_firstlineno]:
                old = function.__code__
                if (old.co_name, old.co_freevars) == (new.co_name, new.co_freevars):
                    function.__code__ = new


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _values(module: ModuleType, tree: ast.Module, mutation: Mutation) -> dict[str, Any] | None:
    """Return the new values of a constant, and of those that are made from it."""
    namespace = dict(vars(module))
    changed = {mutation.name}
    try:
        exec(mutation.code, namespace)  # noqa: S102 - our own code, but for one bit
        for top in tree.body:
            used = {node.id for node in ast.walk(top) if isinstance(node, ast.Name)} & changed
            target = top.target if isinstance(top, ast.AnnAssign) else None
            if used and isinstance(target, ast.Name) and target.id != mutation.name:
                exec(compiled(top, str(module.__file__)), namespace)  # noqa: S102
                changed.add(target.id)
    except Exception:
        return None
    return {name: namespace[name] for name in changed}


def _rebind(home: ModuleType, values: Mapping[str, Any]) -> None:
    """Give constants their new values in all modules that know them by their names."""
    for name, new in values.items():
        old = vars(home)[name]
        for module in [each for path, each in sys.modules.items() if path.startswith(PACKAGE)]:
            if vars(module).get(name) is old:
                setattr(module, name, new)


def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text("utf-8"))


def _child(run: Callable[[], bool]) -> int:
    """Run it in a silent child process, whose exit code is 0 if it returns False."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        code = int(run())
    finally:
        os._exit(code)
