from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.validation.primitives import ACCEPTS, LONGEST_STRING
from service.fhir.validation.values import issues


@pytest.mark.parametrize(
    ("type_", "value", "slugs"),
    [
        ("string", "a", []),
        ("string", None, ["null-value"]),
        ("string", ["a"], ["array-unexpected"]),
        ("string", {"a": "b"}, ["value-kind"]),
        ("string", 7, ["value-kind"]),
        ("string", "", ["value-empty"]),
        ("string", " \n", ["value-blank"]),
        ("string", "\x00", ["value-characters"]),
        ("string", "\x0b", ["value-characters", "value-blank"]),
        ("string", "a" * (LONGEST_STRING + 1), ["value-length"]),
        ("markdown", "\x00" + "a" * LONGEST_STRING, ["value-characters", "value-length"]),
        ("code", " a", ["value-malformed"]),
        ("code", "", ["value-empty"]),
        ("decimal", "7.10", ["value-kind"]),
        ("decimal", True, ["value-kind"]),
        ("decimal", Decimal("1E999"), ["value-malformed"]),
        ("integer", Decimal("1.0"), ["value-malformed"]),
        ("integer", "1", ["value-kind"]),
        ("boolean", "true", ["value-kind"]),
        ("boolean", 1, ["value-kind"]),
        ("date", "2026-02-30", ["value-malformed"]),
        ("xhtml", "text", ["narrative-malformed"]),
        ("xhtml", "", ["value-empty"]),
        ("xhtml", 7, ["value-kind"]),
    ],
)
def test_every_fault_of_a_value_is_told(type_, value, slugs):
    found = list(issues(value, type_, "name", "Place.name"))
    assert [issue.slug for issue in found] == slugs
    assert all(issue.expression == "Place.name" for issue in found)


@pytest.mark.parametrize("value", ["a", " ", "\x00", "", "a" * (LONGEST_STRING + 1)])
@pytest.mark.parametrize("type_", ["string", "markdown"])
def test_text_has_no_issues_exactly_where_it_is_accepted(type_, value):
    assert bool(ACCEPTS[type_](value)) is (list(issues(value, type_, "name", "Place.name")) == [])


def test_only_blank_text_is_let_off_with_a_warning():
    (issue,) = issues(" ", "string", "name", "Place.name")
    assert not issue.is_fault
