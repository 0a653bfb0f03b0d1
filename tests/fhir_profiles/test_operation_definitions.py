"""Our operations as they are defined, against what the service offers: what one says, the other does.

Source: https://hl7.org/fhir/R4/operationdefinition.html
"""

from __future__ import annotations

import pytest

from service.fhir.guide import CANONICAL_BASE
from service.fhir.validation.validator import Validator
from service.interactions.links import PAGE
from service.operations.offered import OPERATIONS
from tests.fhir_profiles.test_artefacts import Json, of_kind
from tests.rest.serving import ROOT

BASE = f"{CANONICAL_BASE}OperationDefinition/"
DEFINED = {one["url"]: one for one in of_kind("OperationDefinition")}
OURS = [operation for operation in OPERATIONS if operation.definition.startswith(BASE)]
EVERYWHERE = {"Resource"}  # how a definition says that an operation is of every type


def inputs(definition: Json) -> dict[str, tuple[str, bool, bool]]:
    """The parameters that are given, each with its type, and whether it must be given and may repeat."""
    return {
        one["name"]: (one.get("type", ""), one["min"] > 0, one["max"] == "*")
        for one in definition["parameter"]
        if one["use"] == "in"
    }


def parameters(given: list[Json]) -> list[Json]:
    """The parameters and their parts, at every depth."""
    return [each for one in given for each in (one, *parameters(one.get("part", [])))]


def test_what_is_offered_is_what_is_defined():
    assert {operation.definition for operation in OURS} == set(DEFINED)


@pytest.mark.parametrize("definition", DEFINED.values(), ids=lambda one: one["id"])
def test_a_definition_is_sound(definition: Json, registry, guide, terminology):
    issues = Validator(registry, guide, terminology).check(definition)
    assert [(issue.slug, issue.text, issue.expression) for issue in issues] == []
    assert definition["kind"] == "operation"


@pytest.mark.parametrize("operation", OURS, ids=lambda one: one.definition.removeprefix(BASE))
def test_an_operation_is_as_its_definition_says(operation):
    definition = DEFINED[operation.definition]
    assert definition["code"] == operation.name
    assert {level for level in ("system", "type", "instance") if definition[level]} == operation.levels
    if operation.levels != {"system"}:
        assert set(definition["resource"]) == (operation.types or EVERYWHERE)
    assert inputs(definition) == {
        each.name: (each.type, each.required, each.repeats) for each in operation.inputs if each.name != PAGE
    }
    # What is asked by GET changes nothing.
    assert not (operation.readable and definition.get("affectsState", False))


@pytest.mark.parametrize("definition", DEFINED.values(), ids=lambda one: one["id"])
def test_every_parameter_is_told_in_words(definition: Json):
    assert {one["use"] for one in definition["parameter"]} >= {"out"}
    for one in parameters(definition["parameter"]):
        assert one["documentation"].strip(), one["name"]
        assert ("type" in one) != ("part" in one), one["name"]


@pytest.mark.parametrize("operation", OURS, ids=lambda one: one.definition.removeprefix(BASE))
def test_an_operation_of_ours_has_a_page(operation):
    page = ROOT / "docs" / "operations" / f"{operation.name}.md"
    assert page.exists()
    assert operation.definition in page.read_text()
