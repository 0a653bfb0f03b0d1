from __future__ import annotations

import json
import subprocess
import sys
import tarfile

import pytest

from service.fhir import registry as registries
from service.fhir.definitions import SearchParameter
from tests.conftest import SHARED
from tests.rest.serving import ROOT

DATA = ROOT / "service" / "fhir" / "data"
PACKAGE = SHARED / "data" / "hl7.fhir.r4.core-4.0.1.tgz"

FULL = {
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "history-instance",
    "history-type",
    "create",
    "search-type",
}
READ_ONLY = {"read", "vread", "search-type"}

needs_package = pytest.mark.skipif(
    not PACKAGE.exists(), reason="the official package is not in ../shared/data"
)


def test_the_types_of_the_design_are_served(registry):
    full = {type_ for type_, interactions in registry.served.items() if interactions == FULL}
    read_only = {type_ for type_, interactions in registry.served.items() if interactions == READ_ONLY}
    assert {
        "Goal",
        "Observation",
        "QuestionnaireResponse",
        "CarePlan",
        "Patient",
        "Subscription",
        "Binary",
    } <= full
    assert read_only == {
        "AuditEvent", "StructureDefinition", "ValueSet", "CodeSystem", "SearchParameter", "OperationDefinition",
    }  # fmt: skip
    assert full | read_only == set(registry.served)
    assert len(full) == 27


def test_every_served_type_is_a_resource(registry):
    assert all(registry.is_resource(type_) for type_ in registry.served)


@pytest.mark.parametrize(
    "name", ["Resource", "DomainResource", "Quantity", "Observation.component", "Nobody", ""]
)
def test_nothing_else_is_a_resource(registry, name):
    assert not registry.is_resource(name)


def test_all_concrete_resource_types_are_known(registry):
    assert len(registry.resource_types) == 146


def test_elements_are_inherited_in_the_order_of_the_specification(registry):
    observation = registry.definition("Observation")
    assert (observation.kind, observation.base, observation.abstract) == ("resource", "DomainResource", False)
    assert list(observation.elements)[:10] == [
        "id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension", "identifier",
        "basedOn",
    ]  # fmt: skip
    assert [rule.key for rule in observation.invariants] == [
        "dom-2", "dom-3", "dom-4", "dom-5", "dom-6", "obs-6", "obs-7",
    ]  # fmt: skip


def test_an_element_has_all_its_facts(registry):
    status = registry.definition("Observation").elements["status"]
    assert (status.minimum, status.maximum, status.types, status.repeats) == (1, 1, ("code",), False)
    assert status.binding is not None
    assert status.binding.strength == "required"
    assert status.summary
    assert status.modifier
    value = registry.definition("Observation").elements["value"]
    assert value.choice
    assert value.types[0] == "Quantity"
    assert len(value.types) == 11
    subject = registry.definition("Observation").elements["subject"]
    assert subject.targets == ("Patient", "Group", "Device", "Location")
    assert registry.definition("Observation").elements["focus"].targets == ()


def test_backbone_elements_are_types_of_their_own(registry):
    component = registry.definition("Observation.component")
    assert (component.kind, component.base) == ("backbone", "BackboneElement")
    assert list(component.elements) == [
        "id", "extension", "modifierExtension", "code", "value", "dataAbsentReason", "interpretation", "referenceRange",
    ]  # fmt: skip
    # A contentReference is resolved, and the rules of what it refers to come with it.
    assert component.elements["referenceRange"].types == ("Observation.referenceRange",)
    assert "obs-3" in {rule.key for rule in registry.definition("Observation.referenceRange").invariants}
    assert registry.definition("Questionnaire.item").elements["item"].types == ("Questionnaire.item",)


def test_specialisations_keep_their_base(registry):
    assert registry.definition("Age").base == "Quantity"
    assert [rule.key for rule in registry.definition("Age").invariants] == ["ele-1", "qty-3", "age-1"]
    assert registry.definition("code").base == "string"
    assert registry.definition("Resource").elements["id"].types == ("id",)
    assert registry.definition("Extension").elements["url"].types == ("uri",)


def test_the_rule_of_a_simple_quantity_goes_to_the_element(registry):
    low = registry.definition("Observation.referenceRange").elements["low"]
    assert low.types == ("Quantity",)
    assert [rule.key for rule in low.invariants] == ["sqty-1"]


def test_an_unknown_type_has_no_definition(registry):
    with pytest.raises(KeyError):
        registry.definition("Nobody")


def test_value_sets_are_enumerated_where_they_can_be(registry):
    statuses = registry.codes("http://hl7.org/fhir/ValueSet/observation-status")
    assert ("http://hl7.org/fhir/observation-status", "final") in statuses
    assert len(statuses) == 8
    assert registry.codes("http://hl7.org/fhir/ValueSet/observation-status|4.0.1") == statuses
    # Included by is-a, and by value set.
    encounter_class = registry.codes("http://terminology.hl7.org/ValueSet/v3-ActEncounterCode")
    assert ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB") in encounter_class
    labels = registry.codes("http://hl7.org/fhir/ValueSet/security-labels")
    assert ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R") in labels


@pytest.mark.parametrize("name", ["mimetypes", "currencies", "ucum-units", "jurisdiction", "nobody"])
def test_others_are_not(registry, name):
    assert registry.codes(f"http://hl7.org/fhir/ValueSet/{name}") is None


def test_no_codes_of_snomed_or_loinc_are_kept():
    sets = json.loads((DATA / "value_sets.json").read_text(encoding="utf-8"))
    assert {"http://snomed.info/sct", "http://loinc.org"}.isdisjoint(
        {system for set_ in sets.values() for system in set_}
    )


def test_search_parameters_hold_for_one_type(registry):
    parameters = registry.search_parameters("Observation")
    assert list(parameters)[:6] == ["_id", "_lastUpdated", "_profile", "_security", "_source", "_tag"]
    assert all(parameter.base == "Observation" for parameter in parameters.values())
    assert parameters["code"].expression == "Observation.code"
    assert parameters["patient"].expression == "Observation.subject.where(resolve() is Patient)"
    assert parameters["patient"].targets == ("Patient",)
    assert parameters["encounter"].targets == ("Encounter",)
    assert (
        parameters["value-quantity"].expression
        == "(Observation.value as Quantity) | (Observation.value as SampledData)"
    )
    assert parameters["code-value-quantity"].components == (
        ("code", "code"),
        ("value-quantity", "value.as(Quantity)"),
    )


def test_components_of_composites_are_parameters_of_the_same_type(registry):
    for type_ in registry.served:
        parameters = registry.search_parameters(type_)
        for parameter in parameters.values():
            assert (parameter.type == "composite") == bool(parameter.components)
            assert {code for code, _ in parameter.components} <= set(parameters)


def test_every_expression_is_about_its_type(registry):
    for type_ in registry.served:
        for parameter in registry.search_parameters(type_).values():
            assert parameter.expression.lstrip("(").startswith((type_, "Resource.", "DomainResource."))


def test_types_that_are_not_served_have_no_search_parameters(registry):
    with pytest.raises(KeyError):
        registry.search_parameters("Claim")


def test_the_patient_compartment_names_parameters_of_the_type(registry):
    assert registry.patient_parameters("Observation") == ("subject", "performer")
    assert registry.patient_parameters("Goal") == ("patient",)
    assert registry.patient_parameters("Organization") == ()
    for type_ in registry.served:
        assert set(registry.patient_parameters(type_)) <= set(registry.search_parameters(type_))


def test_loading_builds_no_definition_before_it_is_asked_for():
    fresh = registries.load()
    assert not fresh._definitions
    fresh.definition("Patient")
    # Patient, and what it builds on.
    assert set(fresh._definitions) == {"Patient", "DomainResource", "Resource"}
    assert fresh.definition("Patient") is fresh.definition("Patient")


# -- against the official package --


@pytest.fixture(scope="module")
def structures():
    found = []
    with tarfile.open(PACKAGE) as archive:
        for member in archive:
            if "/StructureDefinition-" in member.name:
                structure = json.load(archive.extractfile(member))
                if structure["kind"] != "logical" and structure.get("derivation") != "constraint":
                    found.append(structure)
    return found


@needs_package
def test_every_element_of_the_package_is_in_the_registry(registry, structures):
    assert len(structures) > 200
    for structure in structures:
        elements = structure["snapshot"]["element"]
        for element in elements[1:]:
            owner, _, name = element["path"].rpartition(".")
            if structure["kind"] == "primitive-type" and name == "value":
                continue
            reduced = registry.definition(owner).elements[name.removesuffix("[x]")]
            assert reduced.minimum == element["min"], element["path"]
            most = None if element["max"] == "*" else int(element["max"])
            assert reduced.maximum == most, element["path"]
            assert reduced.choice == name.endswith("[x]")
            assert reduced.summary == element.get("isSummary", False)
            assert reduced.modifier == element.get("isModifier", False)


@needs_package
def test_no_element_is_in_the_registry_that_is_not_in_the_package(registry, structures):
    for structure in structures:
        paths = [element["path"] for element in structure["snapshot"]["element"]]
        for owner in {path.rpartition(".")[0] for path in paths[1:]}:
            names = [
                path.rpartition(".")[2].removesuffix("[x]")
                for path in paths
                if path.rpartition(".")[0] == owner
            ]
            if structure["kind"] == "primitive-type":
                names = [name for name in names if name != "value"]
            assert list(registry.definition(owner).elements) == names


@needs_package
def test_the_data_can_be_made_again_byte_for_byte(tmp_path):
    script = ROOT / "scripts" / "reduce_definitions.py"
    subprocess.run(
        [sys.executable, str(script), str(PACKAGE), str(tmp_path)], check=True, capture_output=True
    )
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(written) == {path.name for path in DATA.glob("*.json")} - {"served.json"}
    for name, content in written.items():
        assert content == (DATA / name).read_bytes(), name


def test_added_search_parameters_are_of_the_extended_registry_alone():
    plain = registries.load()
    one = SearchParameter("urn:one", "one", "Goal", "token", "Goal.statusReason")
    two = SearchParameter("urn:two", "two", "Goal", "string", "Goal.note.text")
    before = list(plain.search_parameters("Goal"))
    extended = plain.extended([one])
    both = extended.extended([two])
    assert list(plain.search_parameters("Goal")) == before
    assert list(extended.search_parameters("Goal")) == [*before, "one"]
    assert list(both.search_parameters("Goal")) == [*before, "one", "two"]
    assert both.search_parameters("Goal")["two"] is two
    assert both.definition("Goal") is plain.definition("Goal")


def test_one_of_a_code_that_there_is_takes_its_place():
    status = SearchParameter("urn:status", "achievement-status", "Goal", "string", "Goal.note.text")
    found = registries.load().extended([status]).search_parameters("Goal")
    assert found["achievement-status"] is status
    assert list(found) == list(registries.load().search_parameters("Goal"))
