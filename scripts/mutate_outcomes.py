"""Changes the rules of the clinic one small step at a time, and asks the tests whether they notice.

    make mutation

Each mutant is one changed comparison, bound, connective, condition or constant in
`service/outcomes`, run against `tests/outcomes` in a process of its own. Sentences of
issues, docstrings, annotations and decorators are left alone. A mutant that survives is
either a gap in the tests or means the same; the latter are explained in docs/rules.md,
one line each, and the run fails on any that is not.

Source: DeMillo, Lipton, Sayward 1978, doi 10.1109/C-M.1978.218136
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import importlib.util
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
RULES = ROOT / "service" / "outcomes"
TESTS = ROOT / "tests" / "outcomes"
EXPLAINED = ROOT / "docs" / "rules.md"
SIDE_BY_SIDE = 2  # processes: as many as the machine that this is made for has

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
OPTIONS = (
    "-p",
    "no:cacheprovider",
    "--rootdir",
    str(ROOT),
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
)
NAMES = {"any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed node of a file: which, by its place in the walk, and what stands there instead."""

    path: Path
    node: int
    replacement: ast.AST
    line: int
    before: str
    after: str

    @property
    def name(self) -> str:
        """What docs/rules.md calls it."""
        return f"{self.path.name}: {self.before} -> {self.after}"

    def source(self) -> str:
        """The whole file with the change."""
        tree = ast.parse(self.path.read_text())
        wanted = list(ast.walk(tree))[self.node]
        return ast.unparse(_Exchange(wanted, self.replacement).visit(tree))


class _Exchange(ast.NodeTransformer):
    def __init__(self, wanted: ast.AST, replacement: ast.AST) -> None:
        self._wanted = wanted
        self._replacement = replacement

    def visit(self, node: ast.AST) -> ast.AST:
        """The replacement where the wanted node stands."""
        return self._replacement if node is self._wanted else super().visit(node)


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file."""
    tree = ast.parse(path.read_text())
    passed_by = set(_passed_by(tree))
    for number, node in enumerate(ast.walk(tree)):
        if node in passed_by:
            continue
        for replacement in _replacements(node):
            line = getattr(node, "lineno", 0)
            yield Mutant(path, number, replacement, line, _shown(node), _shown(replacement))


def _shown(node: ast.AST) -> str:
    """The node as code; of an if statement the condition alone."""
    return f"if {ast.unparse(node.test)}" if isinstance(node, ast.If) else ast.unparse(node)


def _passed_by(tree: ast.AST) -> Iterator[ast.AST]:  # noqa: C901 - one case for each kind of node
    """Nodes that do not run, or only say something to people."""
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        match node:
            case ast.AnnAssign(annotation=annotation):
                parts = [annotation]
            case ast.FunctionDef(decorator_list=decorators, returns=returns):
                parts = [*decorators, returns]
            case ast.ClassDef(decorator_list=decorators):
                parts = [*decorators]
            case ast.arg(annotation=annotation):
                parts = [annotation]
            case ast.Expr(value=ast.Constant()):
                parts = [node.value]
            case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
                parts = [values]
            case ast.Constant(value=str(text)) if " " in text:
                parts = [node]
            case _:
                pass
        for part in parts:
            if part is not None:
                yield from ast.walk(part)


def _replacements(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901 - one case for each kind of node
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=comparators):
            for other in COMPARISONS[type(operator)]:
                yield ast.Compare(left, [other()], comparators)
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            for index in range(len(values)):
                left_out = [*values[:index], *values[index + 1 :]]
                yield left_out[0] if len(left_out) == 1 else ast.BoolOp(operator, left_out)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in OPERATORS:
            yield ast.BinOp(left, OPERATORS[type(operator)](), right)
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            yield ast.IfExp(test, otherwise, body)
        case ast.If(test=test, body=body, orelse=otherwise):
            for always in (True, False):
                yield ast.If(ast.Constant(always), body, otherwise)
        case ast.Name(id=name) if name in NAMES:
            yield ast.Name(NAMES[name])
        case ast.Constant():
            yield from map(ast.Constant, _constants(node.value))
        case _:
            pass


def _constants(value: object) -> tuple[bool | int | str | None, ...]:
    match value:
        case bool():
            return (not value,)
        case int():
            return (value + 1, value - 1)
        case str():
            return (f"{value}~",)
        case _:
            return ()


class _Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the mutant where the module is asked for."""

    def __init__(self, mutant: Mutant) -> None:
        self._module = f"service.outcomes.{mutant.path.stem}"
        self._code = compile(mutant.source(), str(mutant.path), "exec")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        return importlib.util.spec_from_loader(fullname, self) if fullname == self._module else None

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)  # noqa: S102 - our own code, changed by us


def survives(mutant: Mutant | None) -> bool:
    """Whether no test notices the mutant (None: nothing is changed); run in a child process, which ends with it."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) == 0
    code = 1
    # Whatever the mutant breaks, it is noticed, and the child must not go on as a second parent.
    with contextlib.suppress(BaseException):
        if mutant is not None:
            sys.meta_path.insert(0, _Instead(mutant))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        code = next((failed for tests in _tests(mutant) if (failed := _run(tests))), 0)
    os._exit(code)


def _tests(mutant: Mutant | None) -> list[list[Path]]:
    """The tests of the changed file, where most mutants end, and then all others."""
    files = sorted(TESTS.glob("test_*.py"))
    if mutant is None:
        return [files]
    mirror = TESTS / f"test_{mutant.path.name}"
    return [[file for file in files if file == mirror], [file for file in files if file != mirror]]


def _run(files: list[Path]) -> int:
    """0 where the tests in these files pass."""
    return int(pytest.main([*map(str, files), "-x", "-q", *OPTIONS])) if files else 0


def main() -> int:
    """0 where every mutant is noticed, or explained; 2 where the tests fail anyhow."""
    started = time.monotonic()
    importlib.import_module("hypothesis")
    importlib.import_module("tests.conftest")  # and all that it imports: each child has it already
    if not survives(None):
        print("The tests fail on the rules as they are; nothing was changed.")
        return 2
    made = [mutant for path in sorted(RULES.glob("*.py")) for mutant in mutants(path)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        alive = [mutant for mutant, left in zip(made, threads.map(survives, made), strict=True) if left]
    explained = EXPLAINED.read_text() if EXPLAINED.exists() else ""
    unexplained = [mutant for mutant in alive if f"`{mutant.name}`" not in explained]
    for mutant in alive:
        known = "" if mutant in unexplained else " (explained)"
        print(f"survives{known}: line {mutant.line} of {mutant.name}")
    killed = len(made) - len(alive)
    print(
        f"{len(made)} mutants: {killed} noticed, {len(alive) - len(unexplained)} explained,"
        f" {len(unexplained)} neither; {time.monotonic() - started:.0f} s"
    )
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
