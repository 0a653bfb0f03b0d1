from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.conformance.matches import fixed, pattern

CODING = {"system": "s", "code": "a"}
ROWS = [
    # value, definition's value, fixed, pattern
    ("a", "a", True, True),
    ("a", "b", False, False),
    (7, Decimal("7.0"), True, True),
    (0, False, False, False),
    (True, 1, False, False),
    (CODING, CODING, True, True),
    (CODING | {"display": "A"}, CODING, False, True),
    (CODING, CODING | {"display": "A"}, False, False),
    ({"coding": [CODING]}, {"coding": [CODING]}, True, True),
    ({"coding": [{"code": "b"}, CODING]}, {"coding": [CODING]}, False, True),
    ({"coding": [{"code": "b"}]}, {"coding": [CODING]}, False, False),
    ([CODING, {"code": "b"}], [{"code": "b"}, CODING], False, True),
    ("a", CODING, False, False),
    (CODING, [CODING], False, False),
    (None, "a", False, False),
]


@pytest.mark.parametrize(("value", "defined", "is_fixed", "has_pattern"), ROWS)
def test_fixed_values_and_patterns(value, defined, is_fixed, has_pattern):
    assert fixed(defined)(value) is is_fixed
    assert pattern(defined)(value) is has_pattern
