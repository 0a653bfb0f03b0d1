from __future__ import annotations

import pytest

VALUES = {"true": True, "false": False, "{}": None}

# Source: https://hl7.org/fhirpath/N1/#boolean-logic; rows are the left side, in the order of VALUES
TABLES = {
    "and": [True, False, None, False, False, False, None, False, None],
    "or": [True, True, True, True, False, None, True, None, None],
    "xor": [False, True, None, True, False, None, None, None, None],
    "implies": [True, False, None, True, True, True, True, None, None],
}


@pytest.mark.parametrize("operator", TABLES)
def test_three_valued_tables(operator: str, evaluate):
    found = [evaluate(f"{left} {operator} {right}") for left in VALUES for right in VALUES]
    assert [values[0] if values else None for values in found] == TABLES[operator]


def test_a_single_item_that_is_no_boolean_is_true(patient, evaluate):
    assert evaluate("name.first() and active", patient) == [True]
    assert evaluate("deceased or name.first().use.empty()", patient) == [False]
