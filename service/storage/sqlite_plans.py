"""How SQLite runs a statement, told for people.

Source: https://sqlite.org/eqp.html
"""

from __future__ import annotations

import sqlite3

from service.storage.searching import Statement


def plan(connection: sqlite3.Connection, statement: Statement) -> tuple[str, ...]:
    """The lines of the plan, indented as they lie within one another; no values are in it."""
    depths: dict[int, int] = {0: -1}
    lines = []
    for number, within, _, text in connection.execute(
        f"EXPLAIN QUERY PLAN {statement.text}", statement.arguments
    ):
        depths[number] = depths[within] + 1
        lines.append("  " * depths[number] + text)
    return tuple(lines)
