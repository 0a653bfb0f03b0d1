from __future__ import annotations

from service.fhir.questionnaires.extensions import (
    MAX_VALUE,
    MIN_QUANTITY,
    MIN_VALUE,
    extensions,
    first,
    of_kind,
)

ITEM = {
    "extension": [
        {"url": MIN_VALUE, "valueInteger": 0},
        {"url": "urn:a", "valueCode": "one"},
        {"url": "urn:a", "valueCode": "two"},
        {"url": "urn:b", "extension": [{"url": "part", "valueCode": "three"}]},
    ]
}


def test_values_are_gathered_by_address():
    assert extensions(ITEM) == {MIN_VALUE: [0], "urn:a": ["one", "two"], "urn:b": []}
    assert extensions({}) == {}


def test_the_first_value_of_the_first_that_has_one():
    given = extensions(ITEM)
    assert first(given, int, MIN_QUANTITY, MIN_VALUE) == 0
    assert first(given, str, "urn:a") == "one"
    assert first(given, str, "urn:b") is None
    assert first(given, int, MAX_VALUE) is None


def test_what_is_of_no_use_is_passed_by():
    given = {"urn:a": ["one", True, 2, {"code": "three"}]}
    assert first(given, int, "urn:a") == 2
    assert of_kind(given, (int, str), "urn:a") == ["one", 2]
    assert of_kind(given, dict, "urn:b") == []
