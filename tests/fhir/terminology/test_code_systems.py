"""Concepts by code: their properties, and what stands above and below them."""

from __future__ import annotations

import pytest

from service.fhir.guide import Guide
from service.fhir.terminology.code_systems import CodeSystem, CodeSystems
from tests.fhir.terminology.guides import HELP, HELP_SYSTEM, LOUD, LOUD_SYSTEM, address

HELPS = CodeSystem(HELP_SYSTEM)


def system(*concepts, **members):
    return CodeSystem({"url": "urn:test", "content": "complete", "concept": list(concepts), **members})


def test_concepts_are_in_the_order_of_the_document_those_above_first():
    assert list(HELPS.concepts) == ["help", "talking", "alone", "group", "letters", "walk", "none"]


@pytest.mark.parametrize(
    ("code", "above", "below"),
    [
        ("help", set(), {"talking", "alone", "group", "letters", "walk"}),
        ("talking", {"help"}, {"alone", "group"}),
        ("group", {"help", "talking"}, set()),
        ("walk", {"help", "letters"}, set()),
        ("none", set(), set()),
        ("nothing", set(), set()),
    ],
)
def test_what_is_above_and_below_follows_nesting_and_the_property_parent(code, above, below):
    assert HELPS.above(code) == above
    assert HELPS.below(code) == below


def test_the_property_child_makes_a_hierarchy_as_well():
    flat = system(
        {"code": "a", "property": [{"code": "child", "valueCode": "b"}]},
        {"code": "b", "property": [{"code": "subsumedBy", "valueCode": "c"}]},
        {"code": "c"},
    )
    assert flat.above("b") == {"a", "c"}


def test_a_hierarchy_that_goes_round_ends():
    round_ = system(
        {"code": "a", "property": [{"code": "parent", "valueCode": "b"}]},
        {"code": "b", "property": [{"code": "parent", "valueCode": "a"}]},
    )
    assert round_.above("a") == {"b"}
    assert round_.below("a") == {"b"}


def test_standard_properties_are_known_by_their_uri_or_their_code():
    assert [code for code, concept in HELPS.concepts.items() if concept.inactive] == ["letters"]
    assert [code for code, concept in HELPS.concepts.items() if concept.abstract] == ["help"]
    plain = system(
        {"code": "a", "property": [{"code": "status", "valueCode": "retired"}]},
        {"code": "b", "property": [{"code": "status", "valueCode": "active"}]},
        {"code": "c", "property": [{"code": "inactive", "valueBoolean": True}]},
        {"code": "d", "property": [{"code": "inactive", "valueBoolean": False}]},
    )
    assert [code for code, concept in plain.concepts.items() if concept.inactive] == ["a", "c"]


def test_case_matters_unless_the_code_system_says_that_it_does_not():
    assert HELPS.find("Help") is None
    loud = CodeSystem(LOUD_SYSTEM)
    assert [loud.find(code).code for code in ("yes", "YES", "Yes")] == ["Yes"] * 3
    assert loud.find("maybe") is None


def test_an_extension_in_place_of_a_code_makes_no_concept():
    odd = system(
        {"_code": {"extension": [{"url": "urn:why", "valueCode": "unknown"}]}, "concept": [{"code": "b"}]},
        {"code": "a", "property": [{"_code": {"id": "x"}, "valueCode": "b"}, {"code": "p"}]},
    )
    assert list(odd.concepts) == ["a"]
    assert odd.concepts["a"].properties == ()


@pytest.mark.parametrize(
    ("members", "title"),
    [({"title": "Kinds", "name": "K"}, "Kinds"), ({"name": "K"}, "K"), ({}, "urn:test")],
)
def test_it_is_shown_by_its_title_its_name_or_its_address(members, title):
    assert system(**members).title == title


def test_code_systems_are_found_by_address_and_version():
    systems = CodeSystems(Guide([HELP_SYSTEM, LOUD_SYSTEM]))
    assert systems.find(HELP) is systems.find(HELP, "2")
    assert systems.find(HELP, "1") is None
    assert systems.find("urn:other") is None
    assert systems.find(LOUD).url == LOUD


def test_a_supplement_is_no_code_system_of_its_own():
    supplement = {
        "resourceType": "CodeSystem",
        "url": "urn:more",
        "content": "supplement",
        "supplements": HELP,
    }
    assert CodeSystems(Guide([supplement])).find("urn:more") is None


def test_a_code_system_may_name_the_value_set_of_all_its_codes():
    systems = CodeSystems(Guide([{**HELP_SYSTEM, "valueSet": f"{address('all')}|2"}, LOUD_SYSTEM]))
    assert systems.of_value_set(address("all")).url == HELP
    assert systems.of_value_set(address("other")) is None
