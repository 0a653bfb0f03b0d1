from __future__ import annotations

from typing import Any

import pytest

from service.fhir.paths import Dialect, Environment, EvaluationError, Node, compile_path

ROOTS = [
    ("Observation.status", {"status", "_status"}),
    ("Observation.code", {"code"}),
    ("Observation.code | Observation.component.code", {"code", "component"}),
    ("Observation.subject.where(resolve() is Patient)", {"subject"}),
    ("Observation.value as Quantity", {"valueQuantity"}),
    ("Observation.effective", {"effectiveDateTime", "_effectiveDateTime", "effectivePeriod", "effectiveTiming",
                               "effectiveInstant", "_effectiveInstant"}),
    ("extension('http://example.org/x').value", {"extension"}),
    ("Observation.status.exists()", None),
    ("Observation.status.exists() and status != 'final'", None),
    ("children()", None),
    ("%resource.status", None),
    ("component | %resource.code", None),
    ("Observation.where(status = 'final').code", None),
    ("'always'", None),
    ("iif(now() > @2026, status, code)", None),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "roots"), ROOTS)
def test_roots(expression: str, roots: set[str] | None, model):
    assert compile_path(expression, model, "Observation").roots == roots


CLOSED = [
    ("status", {"status", "_status"}),
    ("component.where($index = 0).code", {"component"}),
    ("component.value.ofType(integer).aggregate($this + $total, 0) = code.coding.count()", {"component", "code"}),
    ("component.where(code.text = 'a' + 'b')", {"component"}),
]  # fmt: skip
OUTWARD = [
    "%resource.status",
    "issued < now()",
    "subject.resolve()",
    "status.trace('a')",
    "code.descendants()",
]


@pytest.mark.parametrize(("expression", "reads"), CLOSED)
def test_what_needs_a_state_alone_reads_nothing_around(expression: str, reads: set[str], model):
    path = compile_path(expression, model, "Observation")
    assert path.is_closed
    assert path.reads == reads


@pytest.mark.parametrize("expression", OUTWARD)
def test_what_reads_something_around_says_so(expression: str, model):
    path = compile_path(expression, model, "Observation")
    assert not path.is_closed
    assert path.reads is None


def test_values_carry_their_types(model, observation):
    def found(expression: str) -> list[tuple[str, Any]]:
        return [
            (node.type, node.value)
            for node in compile_path(expression, model, "Observation").values(observation)
        ]

    assert found("status") == [("code", "final")]
    assert found("component.value") == [("string", "seven"), ("integer", 4), ("string", None)]
    assert found("component") == [("Observation.component", one) for one in observation["component"]]
    assert found("contained") == [("Organization", observation["contained"][0])]
    assert found("status = 'final'") == [("System.Boolean", True)]
    assert found("@2026-11") == [("System.Date", "2026-11")]
    assert found("4 days") == [("System.Quantity", {"value": 4, "unit": "days"})]
    assert found("status.type()") == [("System.TypeInfo", {"namespace": "FHIR", "name": "code"})]


def test_holds(model, observation):
    def holds(expression: str) -> bool | None:
        return compile_path(expression, model, "Observation").holds(observation)

    assert holds("status = 'final'") is True
    assert holds("status = 'amended'") is False
    assert holds("issued > @2026") is None
    assert holds("status") is True


@pytest.mark.parametrize(
    "expression", ["Observation.status", "Observation.code.coding", "Observation.issued"]
)
def test_bare_json_is_what_the_nodes_hold(expression, model, observation):
    path = compile_path(expression, model, "Observation")
    type_, items = path.raw
    nodes = path.values(observation)
    assert [(node.type, node.value) for node in nodes] == [
        (type_, item.value if isinstance(item, Node) else item) for item in items(observation)
    ]


@pytest.mark.parametrize("expression", ["Observation.effective", "Observation.status.exists()", "%resource"])
def test_items_of_several_types_and_what_reads_its_surroundings_are_not_given_bare(expression, model):
    assert compile_path(expression, model, "Observation").raw is None


def test_holds_of_several_items_fails(model, observation):
    with pytest.raises(EvaluationError):
        compile_path("component", model, "Observation").holds(observation)


def test_a_primitive_with_extensions_is_given_as_a_node(model):
    path = compile_path("extension.exists()", model, "date")
    assert path.holds("2026") is False
    assert path.holds(Node("date", "2026", {"extension": [{"url": "x"}]})) is True
    assert compile_path("hasValue()", model, "date").holds(Node("date", None, {"id": "x"})) is False


def test_a_complex_element_may_be_given_as_a_node(model, patient):
    path = compile_path("given", model, "HumanName")
    assert [node.value for node in path.values(Node("HumanName", patient["name"][0]))] == [
        "Testgiven",
        "Second",
    ]


def test_located_nodes_know_where_they_are(model, patient, observation):
    def locations(expression: str, resource: dict[str, Any]) -> list[str]:
        path = compile_path(expression, model, resource["resourceType"], dialect=Dialect(located=True))
        return [node.location for node in path.values(resource)]

    assert locations("name.given", patient) == [
        "Patient.name[0].given[0]", "Patient.name[0].given[1]", "Patient.name[1].given[0]", "Patient.name[1].given[1]",
    ]  # fmt: skip
    assert locations("name.where(use = 'usual').use", patient) == ["Patient.name[1].use"]
    assert locations("birthDate.extension.value", patient) == ["Patient.birthDate.extension[0].value"]
    assert locations("value.code", observation) == ["Observation.value.code"]
    assert locations("contained.name", observation) == ["Observation.contained[0].name"]
    assert locations("Patient", patient) == ["Patient"]


def test_the_context_is_what_was_given(model, patient):
    path = compile_path(
        "name.where(given.first() = %context.name.first().given.first()).use", model, "Patient"
    )
    assert [node.value for node in path.values(patient, Environment())] == ["official"]
