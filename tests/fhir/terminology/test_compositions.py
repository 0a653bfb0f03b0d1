"""What is in a value set: by its compose, by a stored expansion, and what cannot be told."""

from __future__ import annotations

import pytest

from service.fhir.problems import Invalid
from service.fhir.terminology import extents
from service.fhir.terminology.code_systems import CodeSystems
from service.fhir.terminology.compositions import INCLUDE_COST, UNCLOSED, Composition, expanded
from service.fhir.terminology.extents import Gap
from tests.fhir.terminology.guides import (
    HELP,
    LOUD,
    PART,
    SNOMED,
    address,
    codes,
    filtered,
    terminology,
    value_set,
)

ALL = ["help", "talking", "alone", "group", "letters", "walk", "none"]


def listed(system, *codes_, **members):
    return {"system": system, "concept": [{"code": code} for code in codes_], **members}


@pytest.mark.parametrize(
    ("compose", "expected"),
    [
        ({"include": [{"system": HELP}]}, ALL),
        ({"include": [{"system": HELP, "version": "2"}]}, ALL),
        ({"include": [listed(HELP, "walk", "none", "walk")]}, ["walk", "none"]),
        ({"include": [listed(HELP, "walk", "gone")]}, ["walk"]),
        ({"include": [listed(SNOMED, "1", "2")]}, ["1", "2"]),
        ({"include": [listed(PART, "a", "b")]}, ["a", "b"]),
        ({"include": [listed(LOUD, "YES")]}, ["Yes"]),
        ({"include": [filtered("concept", "is-a", "talking")]}, ["talking", "alone", "group"]),
        (
            {"include": [{"system": HELP, "filter": [
                {"property": "concept", "op": "is-a", "value": "help"},
                {"property": "people", "op": "exists", "value": "true"},
            ]}]},
            ["alone", "group"],
        ),
        ({"include": [listed(HELP, "none"), filtered("concept", "=", "walk")]}, ["none", "walk"]),
        ({"include": [{"system": HELP}], "exclude": [filtered("concept", "is-a", "help")]}, ["none"]),
        ({"include": [{"system": HELP}], "exclude": [listed(SNOMED, "1")]}, ALL),
        ({"include": [{"system": HELP}], "inactive": False}, [code for code in ALL if code != "letters"]),
        ({"include": [{"system": HELP}], "inactive": True}, ALL),
        ({"include": [listed(HELP, "letters", "walk")], "inactive": False}, ["walk"]),
    ],
)  # fmt: skip
def test_a_compose_says_what_is_in_it(compose, expected):
    found = terminology({**value_set("x"), "compose": compose})
    assert codes(found, "x") == expected
    assert found.extent(address("x")).is_whole


TALKING = value_set("talking", filtered("concept", "is-a", "talking"))
ONES = value_set("ones", listed(HELP, "group", "none"))


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ([{"valueSet": [address("talking")]}], ["talking", "alone", "group"]),
        ([{"valueSet": [address("talking"), address("ones")]}], ["group"]),
        ([{"valueSet": [address("talking")]}, {"valueSet": [address("ones")]}], ["talking", "alone", "group", "none"]),
        ([{"system": HELP, "valueSet": [address("ones")]}], ["group", "none"]),
        ([{**listed(HELP, "none", "walk"), "valueSet": [address("ones")]}], ["none"]),
        ([{"valueSet": [f"{address('ones')}|1"]}], ["group", "none"]),
        ([{"valueSet": [None, address("ones")], "_valueSet": [{"id": "x"}, None]}], ["group", "none"]),
    ],
)  # fmt: skip
def test_one_include_is_what_all_of_its_parts_have(include, expected):
    found = terminology(TALKING, ONES, value_set("x", *include))
    assert codes(found, "x") == expected
    assert found.extent(address("x")).is_whole


@pytest.mark.parametrize(
    ("include", "reason"),
    [
        ({"system": SNOMED}, Gap("The code system is not held here.", "ValueSet.compose.include[0]")),
        ({"system": HELP, "version": "1"}, Gap("The code system is not held here.", "ValueSet.compose.include[0]")),
        ({"system": PART}, Gap("The code system is held here in part only.", "ValueSet.compose.include[0]")),
        (
            filtered("colour", "=", "red"),
            Gap("The filter is not understood here.", "ValueSet.compose.include[0].filter[0]"),
        ),
        ({}, Gap("It names neither a code system nor a value set.", "ValueSet.compose.include[0]")),
    ],
)  # fmt: skip
def test_what_cannot_be_told_has_its_reason(include, reason):
    found = terminology(value_set("x", include)).extent(address("x"))
    assert not found.is_whole
    assert found.gaps == (reason,)


def test_a_filter_not_understood_leaves_its_system_in_doubt_and_nothing_else():
    found = terminology(value_set("x", filtered("colour", "=", "red"), listed(LOUD, "Yes")))
    assert found.contains(address("x"), HELP, "walk") is None
    assert found.contains(address("x"), HELP, "never") is False
    assert found.contains(address("x"), LOUD, "Yes") is True
    assert found.contains(address("x"), LOUD, "No") is False


def test_an_exclude_that_cannot_be_told_puts_in_doubt_what_it_may_take():
    found = terminology(
        value_set("x", {"system": HELP}, exclude=[filtered("colour", "=", "red"), listed(HELP, "none")])
    )
    assert found.contains(address("x"), HELP, "walk") is None
    assert found.contains(address("x"), HELP, "none") is False
    assert found.contains(address("x"), SNOMED, "1") is False


def test_a_value_set_that_says_nothing_is_not_told():
    found = terminology(
        {**value_set("x"), "compose": {"include": []}}, {"resourceType": "ValueSet", "url": "urn:y"}
    )
    assert found.extent(address("x")).is_whole
    assert found.extent("urn:y").unbounded


EXPANSION = {
    "contains": [
        {"system": SNOMED, "code": "1", "display": "One"},
        {"abstract": True, "display": "More", "contains": [{"system": SNOMED, "code": "2", "contains": [
            {"system": SNOMED, "code": "3", "abstract": True}]}]},
        {"system": SNOMED, "code": "4"},
    ]
}  # fmt: skip
UNFILLED = {"include": [{"system": SNOMED, "filter": [{"property": "concept", "op": "is-a", "value": "0"}]}]}


@pytest.mark.parametrize("compose", [{}, {"compose": UNFILLED}])
def test_a_stored_expansion_tells_what_the_compose_cannot(compose):
    found = terminology({**value_set("x"), "compose": None, **compose, "expansion": EXPANSION})
    assert codes(found, "x") == ["1", "2", "4"]
    assert found.extent(address("x")).is_whole


def test_a_compose_that_tells_all_goes_before_a_stored_expansion():
    found = terminology({**value_set("x", listed(HELP, "walk")), "expansion": EXPANSION})
    assert codes(found, "x") == ["walk"]


@pytest.mark.parametrize("part", [{"total": 5}, {"extension": [{"url": UNCLOSED, "valueBoolean": True}]}])
def test_an_expansion_that_is_a_part_leaves_open_what_the_compose_leaves_open(part):
    alone = expanded({**EXPANSION, **part})
    assert alone.unbounded
    assert alone.gaps == (
        Gap("The expansion stored with the value set is a part of it.", "ValueSet.expansion"),
    )
    found = terminology({**value_set("x"), "compose": UNFILLED, "expansion": {**EXPANSION, **part}})
    assert found.contains(address("x"), SNOMED, "1") is True
    assert found.contains(address("x"), SNOMED, "9") is None
    assert found.contains(address("x"), HELP, "walk") is False


@pytest.mark.parametrize("whole", [{"total": 4}, {"extension": [{"url": UNCLOSED, "valueBoolean": False}]}])
def test_an_expansion_that_says_that_it_is_whole_is(whole):
    assert expanded({**EXPANSION, **whole}).is_whole


def composition(allowed, **options):
    systems = CodeSystems(terminology().guide)
    return Composition(
        systems, lambda url, where: extents.of_pairs([((HELP, "walk"), {})]), allowed=allowed, **options
    )


@pytest.mark.parametrize(
    ("include", "cost"),
    [
        (listed(SNOMED, "1", "2"), INCLUDE_COST + 2 + 2 + 2),
        ({"system": HELP}, INCLUDE_COST + 7 + 7 + 7),
        (filtered("concept", "is-a", "help"), INCLUDE_COST + 14 + 6 + 6),
        ({"valueSet": ["urn:a", "urn:b"]}, INCLUDE_COST + 2 + 2),
    ],
)
def test_what_is_allowed_is_spent_on_includes_and_concepts(include, cost):
    content = {"compose": {"include": [include]}}
    assert composition(cost).extent(content).is_whole
    with pytest.raises(Invalid) as refused:
        composition(cost - 1).extent(content)
    [issue] = refused.value.issues
    assert (issue.code, issue.slug) == ("too-costly", "value-set-too-costly")


def test_a_pattern_of_a_client_is_not_run():
    content = {"compose": {"include": [filtered("code", "regex", "w.*")]}}
    assert composition(None).extent(content).is_whole
    assert not composition(None, regexes=False).extent(content).is_whole


def test_an_extension_in_place_of_a_code_lists_nothing():
    include = {"system": HELP, "concept": [{"_code": {"id": "x"}}, {"code": "walk"}]}
    assert codes(terminology(value_set("x", include)), "x") == ["walk"]
