"""Filters over the kinds of help: which concepts pass."""

from __future__ import annotations

import pytest

from service.fhir.terminology.code_systems import CodeSystem
from service.fhir.terminology.filters import of_filter
from tests.fhir.terminology.guides import HELP_SYSTEM

HELPS = CodeSystem(HELP_SYSTEM)


def passing(property_, op, value):
    passes = of_filter({"property": property_, "op": op, "value": value}, HELPS)
    return None if passes is None else [code for code, concept in HELPS.concepts.items() if passes(concept)]


@pytest.mark.parametrize(
    ("property_", "op", "value", "expected"),
    [
        ("concept", "is-a", "talking", ["talking", "alone", "group"]),
        ("code", "is-a", "talking", ["talking", "alone", "group"]),
        ("concept", "is-a", "nothing", []),
        ("concept", "descendent-of", "talking", ["alone", "group"]),
        ("concept", "is-not-a", "help", ["none"]),
        ("concept", "generalizes", "group", ["help", "talking", "group"]),
        ("concept", "=", "none", ["none"]),
        ("concept", "in", "none, walk,nothing", ["walk", "none"]),
        ("concept", "not-in", "help,talking,alone,group", ["letters", "walk", "none"]),
        ("code", "regex", "wa.*|none", ["walk", "none"]),
        ("code", "regex", "al", []),  # the whole value, as in HL7's tools
        ("display", "regex", "A .*", ["walk"]),
        ("display", "=", "No help", ["none"]),
        ("definition", "exists", "true", ["help", "talking"]),
        ("parent", "=", "help", ["talking", "letters"]),
        ("parent", "exists", "false", ["help", "none"]),
        ("child", "=", "group", ["talking"]),
        ("place", "=", "school", ["group"]),
        ("place", "exists", "true", ["talking", "group"]),
        ("place", "exists", "false", ["help", "alone", "letters", "walk", "none"]),
        ("people", "=", "8", ["group"]),
        ("people", "in", "2,8", ["alone", "group"]),
        ("inactive", "=", "true", ["letters"]),
        ("inactive", "=", "false", ["help", "talking", "alone", "group", "walk", "none"]),
        ("notSelectable", "=", "true", ["help"]),
        ("old", "=", "true", ["letters"]),
    ],
)  # fmt: skip
def test_concepts_pass_a_filter(property_, op, value, expected):
    assert passing(property_, op, value) == expected


@pytest.mark.parametrize(
    ("property_", "op", "value"),
    [
        ("place", "is-a", "clinic"),
        ("colour", "=", "red"),
        ("place", "exists", "perhaps"),
        ("code", "regex", "("),
        ("code", "like", "walk"),
    ],
)
def test_a_filter_that_is_not_understood_lets_nothing_be_said(property_, op, value):
    assert passing(property_, op, value) is None


@pytest.mark.parametrize("missing", ["property", "op", "value"])
def test_an_extension_in_place_of_a_part_is_not_understood(missing):
    whole = {"property": "concept", "op": "=", "value": "walk"}
    assert of_filter({name: value for name, value in whole.items() if name != missing}, HELPS) is None


def test_codings_are_compared_by_code_and_decimals_by_their_digits():
    system = CodeSystem(
        {
            "url": "urn:test",
            "content": "complete",
            "property": [{"code": "kind", "type": "Coding"}],
            "concept": [
                {
                    "code": "a",
                    "property": [{"code": "kind", "valueCoding": {"system": "urn:k", "code": "x"}}],
                },
                {"code": "b", "property": [{"code": "kind", "valueCoding": {"display": "x"}}]},
            ],
        }
    )
    passes = of_filter({"property": "kind", "op": "=", "value": "x"}, system)
    assert [code for code, concept in system.concepts.items() if passes(concept)] == ["a"]
