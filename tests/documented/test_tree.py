"""The habits that a machine can keep: names, sizes, sources, and a test file beside each source file.

Source: docs/adr/0001-layout-and-contracts.md
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.rest.serving import ROOT

SERVICE = sorted(path.relative_to(ROOT) for path in (ROOT / "service").rglob("*.py"))
VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "base", "manager", "managers", "core"}
LONGEST_FILE = 450  # lines
LONGEST_FUNCTION = 50  # lines, docstring included

# Values and protocols only: what uses them tests them.
WITHOUT_A_TEST = {
    "service/access/callers.py",
    "service/fhir/definitions.py",
    "service/fhir/problems.py",
    "service/fhir/search/expressions.py",
    "service/fhir/search/values.py",
    "service/interactions/context.py",
    "service/storage/store.py",
}
# Parts of the store that are seen through the store alone; tests/storage/test_store.py and tests/agreement run
# them on both databases.
THROUGH_THE_STORE = re.compile(
    r"service/storage/(querying/\w+|histories|indexing|open|postgres\w*|preparation|sqlite|sqlite_units|statements|(\w+_)?tables)\.py"
)


def functions(path: Path):
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", SERVICE, ids=str)
def test_a_file_is_named_after_its_purpose_and_small(path: Path):
    assert path.stem not in VAGUE
    assert len((ROOT / path).read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", SERVICE, ids=str)
def test_functions_are_short(path: Path):
    lengths = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions(path)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in SERVICE
        if path.name != "__init__.py" and path.parts[1] in {"fhir", "interactions", "storage", "rest"}
    ],
    ids=str,
)
def test_a_file_names_its_source(path: Path):
    assert "Source:" in (ast.get_docstring(ast.parse((ROOT / path).read_text())) or "")


def test_every_file_has_its_test():
    lacking = [
        str(path)
        for path in SERVICE
        if path.name != "__init__.py"
        and str(path) not in WITHOUT_A_TEST
        and not THROUGH_THE_STORE.fullmatch(str(path))
        and not (ROOT / "tests" / Path(*path.parts[1:-1]) / f"test_{path.name}").exists()
    ]
    assert lacking == []
