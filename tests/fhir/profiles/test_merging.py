from __future__ import annotations

import pytest

from service.fhir.profiles.merging import constraints, merged, typed

SOURCE = "http://example.org/StructureDefinition/profile"
BASE = {"min": 0, "max": "*", "type": [{"code": "string"}]}


def rule(key, **stated):
    return {"key": key, "severity": "error", "human": "It holds.", "expression": "true", **stated}


def after(base, change):
    result = merged(BASE | base, change, "Goal.note", SOURCE, lambda _: None)
    return {name: value for name, value in result.items() if name not in {"min", "max", "type"}}


@pytest.mark.parametrize(
    ("base", "change", "result"),
    [
        ({"short": "a"}, {}, {"short": "a"}),
        ({"short": "a"}, {"short": "b"}, {"short": "b"}),
        ({"mustSupport": True}, {"short": "b"}, {"mustSupport": True, "short": "b"}),
        # Prose that begins with ... goes on where its base ends.
        ({"definition": "a."}, {"definition": "... b."}, {"definition": "a.\n\nb."}),
        ({"definition": "a."}, {"definition": "b."}, {"definition": "b."}),
        ({}, {"comment": "...b."}, {"comment": "...b."}),
        # Lists of names and examples gather.
        ({"alias": ["a"]}, {"alias": ["a", "b"]}, {"alias": ["a", "b"]}),
        ({}, {"condition": ["a-1"]}, {"condition": ["a-1"]}),
        # One value, fixed or by pattern, said last.
        ({"fixedString": "a"}, {"fixedString": "b"}, {"fixedString": "b"}),
        ({"patternString": "a"}, {"fixedString": "a"}, {"fixedString": "a"}),
        ({"fixedString": "a"}, {"patternString": "a"}, {"patternString": "a"}),
        # Where the element stands is not the change's to say.
        ({"base": {"path": "a"}}, {"id": "x", "path": "y", "base": {"path": "b"}}, {"base": {"path": "a"}}),
    ],
)
def test_a_change_is_laid_over_its_base(base, change, result):
    assert after(base, change) == result


def test_neither_base_nor_change_is_changed():
    base, change = (
        {"alias": ["a"], "constraint": [rule("a-1")]},
        {"alias": ["b"], "constraint": [rule("b-1")]},
    )
    after(base, change)
    assert (base["alias"], change["constraint"]) == (["a"], [rule("b-1")])


def test_rules_gather_and_say_where_they_are_from():
    result = constraints([rule("a-1", source="base")], [rule("b-1"), rule("c-1", source="other")], SOURCE)
    assert [(each["key"], each["source"]) for each in result] == [
        ("a-1", "base"), ("b-1", SOURCE), ("c-1", "other"),
    ]  # fmt: skip


def test_a_rule_cannot_be_taken_back():
    weaker = rule("a-1", severity="warning")
    assert constraints([rule("a-1", source="base")], [weaker], SOURCE) == [rule("a-1", source="base")]


@pytest.mark.parametrize(
    ("types", "is_bound"), [(["date"], False), (["date", "code"], True), (["Quantity"], True), ([], False)]
)
def test_a_binding_stays_where_a_type_is_coded(types, is_bound):
    element = {"binding": {"strength": "example"}, "type": [{"code": "code"}, {"code": "date"}]}
    assert ("binding" in typed(element, [{"code": code} for code in types])) == is_bound


def test_a_binding_of_what_is_not_coded_is_left_out():
    change = {"type": [{"code": "string"}], "binding": {"strength": "required", "valueSet": "a"}}
    assert after({}, change) == {"binding": change["binding"]}
    dated = {"min": 0, "max": "1", "type": [{"code": "date"}]}
    assert "binding" not in merged(
        dated, {"binding": change["binding"]}, "Goal.start", SOURCE, lambda _: None
    )


def test_an_element_with_the_content_of_another_has_the_types_of_that():
    base = {"contentReference": "#Goal.target"}
    result = merged(base, {"type": [{"code": "Element"}]}, "Goal.target.target", SOURCE, lambda _: None)
    assert result == base | {"min": 0, "max": "*"}
