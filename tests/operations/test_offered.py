"""The one list of operations, against R4's own definitions and what the server answers."""

from __future__ import annotations

import json
import tarfile

import pytest

from service.fhir.guide import CANONICAL_BASE
from service.interactions.links import PAGE
from service.operations.offered import OPERATIONS, definitions
from tests.conftest import SHARED

CORE = SHARED / "data" / "hl7.fhir.r4.core-4.0.1.tgz"

# The records of everybody at once are for exports, which have rules of their own about who may ask.
LEFT_OUT = {"everything": {"type"}}


@pytest.fixture(scope="module")
def official():
    if not CORE.exists():
        pytest.skip("the official package of R4 lies in ../shared/data, which is not here")
    found = {}
    with tarfile.open(CORE) as archive:
        for member in archive:
            if "/OperationDefinition-" in member.name:
                definition = json.load(archive.extractfile(member))
                found[definition["url"]] = definition
    return found


# Ours have definitions of ours, which tests/fhir_profiles holds against them; those of Bulk Data are in no package here.
BULK_DATA = "http://hl7.org/fhir/uv/bulkdata/"
OF_R4 = [
    operation for operation in OPERATIONS if not operation.definition.startswith((CANONICAL_BASE, BULK_DATA))
]


@pytest.mark.parametrize("operation", OF_R4, ids=lambda operation: operation.definition.rpartition("/")[2])
def test_each_is_one_of_r4_under_its_own_name(operation, official):
    definition = official[operation.definition]
    assert definition["code"] == operation.name
    assert not definition.get("affectsState", False)
    if operation.types:
        assert operation.types <= set(definition["resource"])
    said = {level for level in ("system", "type", "instance") if definition[level]}
    assert operation.levels - {"system"} == said - LEFT_OUT.get(operation.name, set())
    inputs = {each["name"]: each for each in definition["parameter"] if each["use"] == "in"}
    for given in operation.inputs:
        if given.name == PAGE:
            continue  # ours: it carries the links of pages
        assert given.name in inputs
        assert given.repeats == (inputs[given.name]["max"] == "*")
        assert given.type == inputs[given.name]["type"]


def test_definitions_by_type():
    found = definitions(["Goal", "ValueSet", "CodeSystem", "Patient", "Observation"])
    assert set(found) == {"", "Goal", "ValueSet", "CodeSystem", "Patient", "Observation", "Bundle"}
    of_patients = {
        *("everything", "progress", "measures", "groupings", "chart"),
        *("break-glass", "who-can-see", "who-has-seen"),
    }
    assert set(found["Patient"]) == {"validate", "export", *of_patients}
    assert set(found["Observation"]) == {"validate", "lastn"}
    assert set(found["Goal"]) == {"validate", "progress", "chart"}
    assert set(found[""]) >= {"validate", "worklist", "export"}
    assert set(found["Bundle"]) == {"validate"}
    ours = definitions(["CarePlan", "EpisodeOfCare", "Organization"])
    assert set(ours["CarePlan"]) == {"validate", "hand-over"}
    assert set(ours["EpisodeOfCare"]) == {"validate", "reopen"}
    assert set(ours["Organization"]) == {"validate", "collaborate", "notices", "acknowledge"}
    assert set(found["ValueSet"]) == {"validate", "expand", "validate-code"}
    assert set(found["CodeSystem"]) == {"validate", "lookup", "subsumes", "validate-code"}
    assert found["ValueSet"]["validate-code"].endswith("/ValueSet-validate-code")
    assert found["CodeSystem"]["validate-code"].endswith("/CodeSystem-validate-code")
