"""Every slug that the code can give has a heading in docs/errors.md, and no heading is of a slug it has not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from service.fhir import problems
from tests.rest.serving import ROOT

HEADINGS = set(re.findall(r"^### (\S+)$", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE))
PROBLEMS = {
    name
    for name, value in vars(problems).items()
    if isinstance(value, type) and issubclass(value, problems.Problem)
}
# Where a slug reaches Issue through a function, its name begins with what it is about.
FAMILIES = re.compile(r"(json-patch|path-patch|patch|search|narrative|reference)-[a-z-]+")

INTERACTIONS = {"search-type", "search-system"}


def slug_of(call: ast.Call) -> ast.expr | None:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    named = next((keyword.value for keyword in call.keywords if keyword.arg == "slug"), None)
    if name in PROBLEMS and call.args:
        return call.args[0]
    if name == "Issue" and len(call.args) > 2:
        return call.args[2]
    return named


def slugs(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and isinstance(slug := slug_of(node), ast.Constant):
            yield str(slug.value)
        elif isinstance(node, ast.Constant) and FAMILIES.fullmatch(str(node.value)):
            yield str(node.value)


GIVEN = {slug for source in (ROOT / "service").rglob("*.py") for slug in slugs(source)} - INTERACTIONS


def test_every_slug_has_its_heading():
    assert GIVEN <= HEADINGS


def test_every_heading_is_of_a_slug():
    assert HEADINGS <= GIVEN
