"""Fixed values and patterns, each made into a test.

A fixed value is the whole value, nothing more and nothing less; a pattern is what must at
least be there: of an object the members named, of an array an item for each item.
Decimals are compared as numbers, so that 7 is 7.0.

Source: https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.fixed_x_
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Test = Callable[[Any], bool]


def fixed(wanted: Any) -> Test:
    """The test whether a value is exactly the fixed one."""
    if isinstance(wanted, dict):
        names = wanted.keys()
        members = [(name, fixed(part)) for name, part in wanted.items()]
        return lambda value: (
            value.__class__ is dict
            and value.keys() == names
            and all(test(value[name]) for name, test in members)
        )
    if isinstance(wanted, list):
        tests = [fixed(part) for part in wanted]
        return lambda value: (
            value.__class__ is list
            and len(value) == len(tests)
            and all(test(one) for test, one in zip(tests, value, strict=True))
        )
    return _same(wanted)


def pattern(wanted: Any) -> Test:
    """The test whether a value has at least what the pattern has."""
    if isinstance(wanted, dict):
        members = [(name, pattern(part)) for name, part in wanted.items()]

        def has_members(value: Any) -> bool:
            if value.__class__ is not dict:
                return False
            for name, test in members:  # noqa: SIM110 - on every write; a generator doubles its cost
                if name not in value or not test(value[name]):
                    return False
            return True

        return has_members
    if isinstance(wanted, list):
        tests = [pattern(part) for part in wanted]
        if len(tests) == 1:  # as in nearly every pattern of a CodeableConcept
            (only,) = tests
            return lambda value: value.__class__ is list and any(map(only, value))
        return lambda value: value.__class__ is list and all(any(map(test, value)) for test in tests)
    return _same(wanted)


def _same(wanted: Any) -> Test:
    """The test whether a JSON scalar is equal; true is not 1."""
    if isinstance(wanted, str):
        return lambda value: value == wanted
    truth = isinstance(wanted, bool)
    return lambda value: value == wanted and isinstance(value, bool) is truth
