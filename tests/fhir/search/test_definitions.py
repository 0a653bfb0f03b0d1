"""SearchParameters put into force: what a deployer's file may say, and what is said of one that cannot be used."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir import artefacts
from service.fhir.guide import Guide
from service.fhir.registry import Registry, load
from service.fhir.search.definitions import Unusable, in_force, read
from service.fhir.search.extraction import Extractor
from tests.conftest import BASE_URL
from tests.storage.builders import score
from tests.storage.reindexed import SCORED, own

GUIDE = artefacts.load()
OURS = in_force(load(), GUIDE).registry
R4 = "http://hl7.org/fhir/SearchParameter/"


def with_(*resources: dict[str, Any]) -> Registry:
    return in_force(load(), GUIDE, {f"{each['id']}.json": each for each in resources}).registry


def without(name: str) -> dict[str, Any]:
    made = own("note-text", "string", "Observation.note.text")
    del made[name]
    return made


def test_ours_are_in_force():
    assert {"goal-slot", "goal-agency", "goal-replaces"} <= set(OURS.search_parameters("Goal"))
    assert {"attendance-status", "consultation-mechanism"} <= set(OURS.search_parameters("Encounter"))
    coordinator = OURS.search_parameters("CarePlan")["plan-coordinator"]
    assert (coordinator.type, coordinator.base) == ("reference", "CarePlan")
    assert coordinator.targets == ("Practitioner", "PractitionerRole", "RelatedPerson")


def test_r4s_come_first_and_are_as_they_were():
    plain = load()
    for type_ in plain.served:
        known = plain.search_parameters(type_)
        assert list(OURS.search_parameters(type_).items())[: len(known)] == list(known.items())


def test_the_registry_that_is_extended_stays_as_it_was():
    plain = load()
    in_force(plain, GUIDE)
    assert "goal-slot" not in plain.search_parameters("Goal")


def test_a_deployers_own_is_in_force():
    found = with_(own("note-text", "string", "Observation.note.text")).search_parameters("Observation")[
        "note-text"
    ]
    assert (found.code, found.type, found.expression) == ("note-text", "string", "Observation.note.text")
    assert found.components == ()


FORMS = {
    "as an operator": "(Observation.value as CodeableConcept)",
    "as a function": "Observation.value.as(CodeableConcept)",
    "as ofType": "Observation.value.ofType(CodeableConcept)",
    "from within": "value.ofType(CodeableConcept)",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_choice_is_narrowed_in_each_of_the_three_ways(form: str):
    registry = with_(own("answer", "token", FORMS[form]))
    answer = {"coding": [{"system": "urn:answers", "code": "yes"}]}
    resource = {key: value for key, value in score("s", "a").items() if key != "valueQuantity"} | {
        "valueCodeableConcept": answer
    }
    tokens = Extractor(registry, BASE_URL).values(resource).tokens
    assert ("answer", "urn:answers", "yes") in tokens


def test_of_its_alternatives_each_type_has_its_own():
    registry = with_(
        own("noted", "string", "Observation.note.text | Goal.note.text | Task.note.text", "Observation")
        | {"base": ["Observation", "Goal"]}
    )
    assert registry.search_parameters("Observation")["noted"].expression == "Observation.note.text"
    assert registry.search_parameters("Goal")["noted"].expression == "Goal.note.text"
    assert "noted" not in registry.search_parameters("Task")


def test_one_for_all_resources_is_for_every_type_that_is_kept():
    registry = with_(own("speech", "token", "Resource.language", "Resource"))
    assert all("speech" in registry.search_parameters(type_) for type_ in registry.served)
    narrated = with_(own("shown", "token", "DomainResource.text.status", "DomainResource"))
    assert "shown" in narrated.search_parameters("Goal")
    assert "shown" not in narrated.search_parameters("Binary")


def test_a_composite_has_the_codes_of_its_components():
    found = with_(SCORED).search_parameters("Observation")["status-scored"]
    assert found.components == (("status", "status"), ("value-quantity", "value.as(Quantity)"))


def test_a_composite_may_be_of_other_files_whatever_their_names():
    part = own("z-note", "string", "Observation.note.text")
    whole = SCORED | {
        "component": [SCORED["component"][0], {"definition": part["url"], "expression": "note.text"}]
    }
    assert "status-scored" in with_(whole, part).search_parameters("Observation")


def test_a_retired_one_is_not_in_force():
    assert read(OURS, own("note-text", "string", "Observation.note.text", status="retired")) == ()


NOTED = own("note-text", "string", "Observation.note.text")
UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "it is something else": (NOTED | {"resourceType": "Patient"}, "It is no SearchParameter."),
    "it has no address": (without("url"), "It has no `url`."),
    "it has no code": (without("code"), "It has no `code`."),
    "it has no type": (without("type"), "It has no `type`."),
    "it is for nothing": (without("base"), "It has no `base`"),
    "it reads nothing": (without("expression"), "It has no `expression`"),
    "its code has a meaning in a query": (NOTED | {"code": "note:text"}, "Its `code` must"),
    "its code is one of FHIR's own": (NOTED | {"code": "_notes"}, "Its `code` must"),
    "its code is too long": (NOTED | {"code": "n" * 65}, "Its `code` must"),
    "it is special": (NOTED | {"type": "special"}, "Its `type` is none"),
    "its type is none": (NOTED | {"type": "text"}, "Its `type` is none"),
    "its base is no type": (NOTED | {"base": ["Session"]}, "Its `base` names a type that R4 does not have."),
    "its base is not kept": (NOTED | {"base": ["Claim"]}, "Its `base` names no type that is kept here."),
    "it is about another type": (
        own("n", "string", "Goal.note.text"),
        "Nothing of its `expression` is about Observation.",
    ),
    "it is no FHIRPath": (own("n", "string", "Observation.note..text"), "cannot be used: "),
    "it names no element": (own("n", "string", "Observation.remark"), "cannot be used: "),
    "it names no function": (own("n", "string", "Observation.note.text.shout()"), "cannot be used: "),
    "it is read from what has no dates": (
        own("n", "date", "Observation.code"),
        "gives CodeableConcept, which is not read as a date.",
    ),
    "it is read from what refers to nothing": (
        own("n", "reference", "Observation.code"),
        "gives CodeableConcept, which is not read as a reference.",
    ),
    "it leads to no type": (
        own("n", "reference", "Observation.performer", target=["Session"]),
        "Its `target` names a type that R4 does not have.",
    ),
    "it has one component": (SCORED | {"component": SCORED["component"][:1]}, "where it has two components."),
    "it has three components": (
        SCORED | {"component": SCORED["component"] * 2},
        "where it has two components.",
    ),
    "it has no components": ({k: v for k, v in SCORED.items() if k != "component"}, "two components."),
    "a component is no parameter": (
        SCORED | {"component": [{"definition": f"{R4}Goal-patient", "expression": "x"}] * 2},
        "`component[0].definition` is no search parameter of Observation.",
    ),
    "a component reads nothing": (
        SCORED | {"component": [{"definition": f"{R4}Observation-status"}] * 2},
        "`component[0]` has no `expression`.",
    ),
    "the first component is no token": (
        SCORED | {"component": SCORED["component"][::-1]},
        "the first must be a token",
    ),
    "it takes a code of R4": (
        own("code", "token", "Observation.category"),
        "has a search parameter `code` already",
    ),
    "it takes a code of ours": (
        own("goal-slot", "number", "Goal.extension.value", "Goal"),
        "Goal has a search parameter `goal-slot` already",
    ),
    "it takes an address of ours": (
        NOTED | {"url": "https://thrive-fhir.example/SearchParameter/goal-slot"},
        "Its `url` is that of an artefact of ours or of a package.",
    ),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_cannot_be_used_is_told_with_the_name_of_its_file(what: str):
    resource, told = UNUSABLE[what]
    with pytest.raises(Unusable) as refused:
        in_force(load(), GUIDE, {"mine.json": resource})
    assert refused.value.sentences[0].startswith("mine.json: ")
    assert told in str(refused.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(Unusable) as refused:
        with_(
            own("one", "special", "Observation.note"),
            own("two", "string", "Observation.remark"),
            NOTED,
        )
    assert [sentence.partition(":")[0] for sentence in refused.value.sentences] == ["one.json", "two.json"]


def test_two_files_with_one_code_or_one_address_are_told():
    other = own("other", "string", "Observation.note.text")
    with pytest.raises(Unusable, match=r"other.json: Observation has a search parameter `note-text` already"):
        with_(NOTED, other | {"code": "note-text"})
    with pytest.raises(Unusable, match=r"other.json: Its `url` is that of note-text.json\."):
        with_(NOTED, other | {"url": NOTED["url"]})


# -- packages --


def packaged(*resources: dict[str, Any]) -> Guide:
    return Guide([*GUIDE, *resources])


def test_a_packages_parameter_is_in_force():
    found = in_force(load(), packaged(NOTED))
    assert "note-text" in found.registry.search_parameters("Observation")
    assert found.left_out == ()


def test_a_package_that_repeats_what_it_builds_on_is_passed_over_without_a_word():
    again = own("code", "token", "Observation.category")
    found = in_force(load(), packaged(again))
    assert found.registry.search_parameters("Observation")["code"].url == f"{R4}clinical-code"
    assert found.left_out == ()


def test_what_cannot_be_used_of_a_package_is_left_out_and_told():
    broken = own("broken", "string", "Observation.remark")
    found = in_force(load(), packaged(broken, NOTED))
    assert "note-text" in found.registry.search_parameters("Observation")
    assert "broken" not in found.registry.search_parameters("Observation")
    [sentence] = found.left_out
    assert sentence.startswith(f"{broken['url']}: ")


def test_a_deployer_may_build_on_a_package():
    part = own("z-note", "string", "Observation.note.text")
    whole = SCORED | {
        "component": [SCORED["component"][0], {"definition": part["url"], "expression": "note.text"}]
    }
    found = in_force(load(), packaged(part), {"whole.json": whole})
    assert "status-scored" in found.registry.search_parameters("Observation")
