"""R4's types as the registry has them, beside the official package's own definitions."""

from __future__ import annotations

import pytest

from service.fhir.profiles.types_of_r4 import R4Types
from tests.fhir.profiles.conftest import R4, compared

# What the package says and the registry, which was reduced from it, does not keep, or says otherwise.
EXPLAINED = {
    ("Group.characteristic.value[x]", "types"): "Any resource is told as the target Resource, as elsewhere in R4.",
    ("RelatedArtifact.resource", "types"): "A canonical of any resource is told without target.",
    ("EvidenceVariable.characteristic.definition[x]", "types"): "Targets are kept of references only.",
    ("DomainResource.extension", "slicing"): "No resource that specialises it is sliced by this.",
    ("DomainResource.modifierExtension", "slicing"): "No resource that specialises it is sliced by this.",
    ("Composition.confidentiality", "binding"): "A required binding is to R4's version of the value set.",
    ("Age", "binding"): "A binding of a whole type is age-1's to check.",
    ("Distance", "binding"): "A binding of a whole type is dis-1's to check.",
    ("Duration", "binding"): "A binding of a whole type is drt-1's to check.",
    ("TestScript.test.action.operation", "rules"): "Rules beside a contentReference are not kept.",
    ("TestScript.test.action.assert", "rules"): "Rules beside a contentReference are not kept.",
    ("TestScript.teardown.action.operation", "rules"): "Rules beside a contentReference are not kept.",
}  # fmt: skip


def types(official):
    return [
        structure
        for structure in official.values()
        if structure.get("derivation") != "constraint" and structure["kind"] != "logical"
    ]


@pytest.fixture(scope="module")
def r4(registry):
    return R4Types(registry)


def test_every_type_has_the_elements_of_the_official_one_in_its_order(official, r4):
    made = {structure["type"]: r4.structure(structure["type"]) for structure in types(official)}
    assert len(made) == 209
    for structure in types(official):
        ours = made[structure["type"]]
        for name in (
            "url",
            "version",
            "kind",
            "abstract",
            "type",
            "baseDefinition",
            "derivation",
            "fhirVersion",
        ):
            assert ours.get(name) == structure.get(name)
        ids = [element["id"] for element in structure["snapshot"]["element"]]
        assert [element["id"] for element in ours["snapshot"]["element"]] == ids


def test_every_element_says_what_the_official_one_says_but_for_what_is_explained(official, r4):
    differences, count = {}, 0
    for structure in types(official):
        ours = {element["id"]: element for element in r4.structure(structure["type"])["snapshot"]["element"]}
        for element in structure["snapshot"]["element"]:
            count += 1
            made, given = compared(ours[element["id"]]), compared(element)
            given["values"] = {}  # primitives' limits, which the registry's users know
            differences |= {(element["id"], name): name for name in made if made[name] != given[name]}
    assert set(differences) == set(EXPLAINED)
    assert count == 7675


def test_summary_elements_are_those_of_the_official_package(official, r4):
    for structure in types(official):
        ours = {element["id"]: element for element in r4.structure(structure["type"])["snapshot"]["element"]}
        for element in structure["snapshot"]["element"]:
            assert ours[element["id"]].get("isSummary", False) == element.get("isSummary", False)


@pytest.mark.parametrize("name", ["Goal.target", "Nobody", "", "vitalsigns"])
def test_what_is_no_type_has_no_definition(r4, name):
    assert r4.structure(name) is None
    assert r4.head(name) is None


def test_a_head_has_no_elements(r4):
    assert "snapshot" not in r4.head("Goal")
    assert r4.head("Goal")["baseDefinition"] == f"{R4}DomainResource"
    assert "baseDefinition" not in r4.head("Element")


def test_every_element_has_what_a_snapshot_must_have(r4, registry):
    for name in sorted(registry.resource_types):
        for element in r4.structure(name)["snapshot"]["element"]:
            assert {"id", "path", "short", "definition", "min", "max", "base"} <= set(element)
            assert element["isModifier"] is False or element["isModifierReason"]
            rules = element.get("constraint", [])
            assert all(rule["human"] for rule in rules)
            assert len({rule["key"] for rule in rules}) == len(rules)
