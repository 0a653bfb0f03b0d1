from __future__ import annotations

from decimal import Decimal

import pytest

from service.operations.tables import csv


def test_rows_stand_under_the_names_of_their_columns():
    rows = [{"goal": "Goal/1", "score": Decimal("7.10")}, {"score": 0, "improved": False}, {}]
    assert csv(("goal", "score", "improved"), rows) == (
        b"goal,score,improved\r\nGoal/1,7.10,\r\n,0,false\r\n,,\r\n"
    )
    assert csv(("goal",), []) == b"goal\r\n"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (True, "true"),
        (-3, "-3"),
        (Decimal("-0.5"), "-0.5"),
        (Decimal("1E+2"), "100"),
        ("plain", "plain"),
        ("a,b", '"a,b"'),
        ('he said "so"', '"he said ""so"""'),
        ("two\nlines", '"two\nlines"'),
        ("schön", "schön"),
        ("=1+1", "'=1+1"),
        ("+44", "'+44"),
        ("-1", "'-1"),
        ("@sum", "'@sum"),
        ("\t=1", "'\t=1"),
        ("\r=1", '"\'\r=1"'),
    ],
)
def test_a_cell(cell, shown):
    assert csv(("x",), [{"x": cell}]).decode() == f"x\r\n{shown}\r\n"
