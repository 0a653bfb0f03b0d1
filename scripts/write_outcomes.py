"""Writes docs/outcomes.md: the rules of the clinic as tables, printed from the tests that hold them.

    PYTHONPATH=. .venv/bin/python scripts/write_outcomes.py            writes the page
    PYTHONPATH=. .venv/bin/python scripts/write_outcomes.py --check    exits with 1 where it is not as it should be

A table of the page is the parameters of a test in `tests/outcomes`: what the page says is what
the test run has shown. Which tables, in which order and under which headings is said in
`scripts/outcomes_chapters.py`.

Source: docs/adr/0001-layout-and-contracts.md (domain tests read as tables and are printed into the manual)
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.outcomes_chapters import CHAPTERS, INTRODUCTION, NONE, Chapter, Column, Table

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "outcomes.md"


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(line for chapter in CHAPTERS for line in _chapter(chapter))])


def rows(table: Table) -> list[list[Any]]:
    """What the test of the table is given, one row a case, in the order of the table's columns.

    Raises:
        LookupError: there is no such test, or it lacks a column.
    """
    module, _, name = table.test.partition("::")
    test = getattr(importlib.import_module(f"tests.outcomes.{module}"), name, None)
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    wanted = [column.argument for column in table.columns]
    for mark in marks:
        names = [mark.args[0]] if isinstance(mark.args[0], str) else list(mark.args[0])
        if set(wanted) <= set(names):
            return [[_given(case, names)[each] for each in wanted] for case in mark.args[1]]
    raise LookupError(f"{table.test} has no parameters {', '.join(wanted)}.")


def cell(value: Any) -> str:
    """A value in a cell of the page."""
    match value:
        case None:
            text = NONE
        case bool():
            text = "yes" if value else "no"
        case dict():
            text = (
                ", ".join(f"{name.replace('_', ' ')}: {cell(each)}" for name, each in value.items()) or NONE
            )
        case tuple() | list():
            text = ", ".join(cell(each) for each in value) or NONE
        case set() | frozenset():
            text = ", ".join(sorted(map(cell, value))) or NONE
        case _:
            text = str(value) or NONE
    return text.replace("|", r"\|").replace("\n", " ")


def _given(case: Any, names: Sequence[str]) -> dict[str, Any]:
    """The arguments of a case by name; a single one may stand without a tuple."""
    values = case if len(names) > 1 else (case,)
    return dict(zip(names, values, strict=True))


def _chapter(chapter: Chapter) -> Iterator[str]:
    yield f"\n## {chapter.title}\n"
    yield chapter.text
    for table in chapter.tables:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    module, _, name = table.test.partition("::")
    yield f"\n### {table.title}\n"
    if table.text:
        yield f"{table.text}\n"
    yield f"| {' | '.join(column.heading for column in table.columns)} |"
    yield f"|{'---|' * len(table.columns)}"
    for row in rows(table):
        yield f"| {' | '.join(_shown(*each) for each in zip(table.columns, row, strict=True))} |"
    yield f"\n`tests/outcomes/{module}.py`, `{name}`"


def _shown(column: Column, value: Any) -> str:
    return cell(value if column.way is None else column.way(value))


def main(arguments: list[str]) -> int:
    """0 where the page is as it should be, or was made so."""
    parser = argparse.ArgumentParser(description="Writes docs/outcomes.md from the tests of the rules.")
    parser.add_argument("--check", action="store_true", help="only say whether it is as it should be")
    if parser.parse_args(arguments).check:
        is_right = PAGE.exists() and PAGE.read_text() == page()
        print(
            "docs/outcomes.md is as it should be." if is_right else "docs/outcomes.md has to be written anew."
        )
        return 0 if is_right else 1
    PAGE.write_text(page())
    print(f"docs/outcomes.md: {sum(len(chapter.tables) for chapter in CHAPTERS)} tables")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
