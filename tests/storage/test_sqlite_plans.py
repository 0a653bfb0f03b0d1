"""SQLite's plans as they are told."""

from __future__ import annotations

import sqlite3

from service.storage.searching import Statement
from service.storage.sqlite_plans import plan


def test_lines_lie_within_one_another_and_hold_no_values():
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE score (child TEXT, value INTEGER)")
    connection.execute("CREATE INDEX by_child ON score (child)")
    text = (
        "SELECT value FROM score WHERE child = ?"
        " UNION ALL SELECT value FROM score WHERE child IN (SELECT child FROM score WHERE value = 7)"
    )
    lines = plan(connection, Statement("page", text, ("secret",), 0, 0))
    assert lines[0] == "COMPOUND QUERY"
    assert any(line.startswith("    SEARCH score USING INDEX by_child (child=?)") for line in lines)
    assert "secret" not in " ".join(lines)
    assert "7" not in " ".join(lines)
