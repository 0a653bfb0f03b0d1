from __future__ import annotations

import pytest

from service.fhir.paths import Dialect, Environment, Node, compile_path
from service.fhir.paths.parser import parse
from service.fhir.paths.variables import members_around

CONSTANTS = [
    ("%sct", "http://snomed.info/sct"),
    ("%loinc", "http://loinc.org"),
    ("%ucum", "http://unitsofmeasure.org"),
    ("%`vs-administrative-gender`", "http://hl7.org/fhir/ValueSet/administrative-gender"),
    ("%'ext-patient-birthTime'", "http://hl7.org/fhir/StructureDefinition/patient-birthTime"),
]


@pytest.mark.parametrize(("expression", "value"), CONSTANTS)
def test_constants(expression: str, value: str, evaluate):
    assert evaluate(expression) == [value]


def test_the_resource_around_an_element(model, observation, patient):
    around = Environment(resource=observation, root=patient)
    values = {
        expression: [
            node.value for node in compile_path(expression, model, "Quantity").values({"value": 1}, around)
        ]
        for expression in ("%resource.id", "%rootResource.id", "%context.value", "%resource.value.code")
    }
    assert values == {
        "%resource.id": ["o1"],
        "%rootResource.id": ["p1"],
        "%context.value": [1],
        "%resource.value.code": ["mg"],
    }


AROUND = [
    ("status = 'final'", set()),
    ("%context.status = %sct", set()),
    ("%resource.status = 'final' and %resource.component.value.exists()", {"status", "component"}),
    ("component.where(%resource.code.coding = code.coding)", {"code"}),
    ("iif(status = 'a', %resource.note, %resource.code)", {"note", "code"}),
    ("%resource.descendants()", None),
    ("%resource", None),
    ("%rootResource.id", None),
    ("subject.resolve().exists()", None),
    ("subject.where(resolve() is Patient)", None),
    ("issued < now()", None),
    ("status.trace('a')", None),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "members"), AROUND)
def test_the_elements_around_that_an_expression_reads(expression: str, members: set[str] | None):
    assert members_around(parse(expression)) == members


def test_the_root_is_the_resource_unless_told(patient, evaluate):
    assert evaluate("%rootResource.id", patient) == ["p1"]
    assert evaluate("%resource.id", patient) == ["p1"]


def test_a_known_type_of_the_resource_is_checked(model, observation):
    dialect = Dialect(resource_type="Observation")
    path = compile_path("code = %resource.status", model, "Quantity", dialect=dialect)
    assert path.holds({"code": "final"}, Environment(resource=observation)) is True
    with pytest.raises(ValueError, match="nonsense"):
        compile_path("%resource.nonsense", model, "Quantity", dialect=dialect)


def test_nothing_is_around_an_element_alone(evaluate):
    assert evaluate("%resource", {"value": 1}, "Quantity") == []


def test_further_variables_are_announced_and_given(model):
    path = compile_path("%limit + 1", model, "Basic", dialect=Dialect(variables=frozenset({"limit"})))
    resource = {"resourceType": "Basic"}
    assert [node.value for node in path.values(resource, Environment(variables={"limit": 2}))] == [3]
    assert path.values(resource, Environment()) == []
    name = Node("HumanName", {"family": "Testfamily"})
    path = compile_path("%name.family", model, "Basic", dialect=Dialect(variables=frozenset({"name"})))
    assert [node.value for node in path.values(resource, Environment(variables={"name": name}))] == [
        "Testfamily"
    ]
