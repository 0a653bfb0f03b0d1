from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.paths import Environment, EvaluationError, Node

# 22 November 2026, 00:09:27.123 UTC
AT = Environment(now=1_795_306_167_123)


def test_the_clock_is_that_of_the_environment(evaluate):
    assert evaluate("now()", environment=AT) == ["2026-11-22T00:09:27.123Z"]
    assert evaluate("today()", environment=AT) == ["2026-11-22"]
    assert evaluate("timeOfDay()", environment=AT) == ["00:09:27.123"]
    assert evaluate("now() = now()", environment=AT) == [True]


def test_without_a_clock_there_is_no_time(evaluate):
    with pytest.raises(EvaluationError, match="clock"):
        evaluate("now()")


def test_trace_tells_and_changes_nothing(patient, evaluate):
    told: list[tuple[str, list[tuple[str, object]]]] = []

    def tell(name: str, nodes: list[Node]) -> None:
        told.append((name, [(node.type, node.value) for node in nodes]))

    environment = Environment(trace=tell)
    assert evaluate("name.trace('names', given.first()).use", patient, environment=environment) == [
        "official",
        "usual",
    ]
    assert evaluate("name.use.trace('uses').count()", patient, environment=environment) == [2]
    assert told == [
        ("names", [("string", "Testgiven"), ("string", "Nick")]),
        ("uses", [("code", "official"), ("code", "usual")]),
    ]
    assert evaluate("name.trace('nobody').count()", patient) == [2]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("(1 | 2 | 3).aggregate($this + $total, 0)", 6),
        ("(3 | 1 | 2).aggregate(iif($total.empty(), $this, iif($this < $total, $this, $total)))", 1),
        ("(1 | 2).aggregate($total + (10 | 20).aggregate($total + $this, 0), 0)", 60),
        ("(5 | 6).aggregate($total + $index, 0)", 1),
        ("(1 | 2).aggregate($this + $total, 0.5)", Decimal("3.5")),
        ("name.given.aggregate($total & $this, '')", "TestgivenSecondNick"),
    ],
)
def test_aggregate(expression: str, value: object, patient, evaluate):
    assert evaluate(expression, patient) == [value]


def test_aggregate_of_nothing_is_its_start(evaluate):
    assert evaluate("{}.aggregate($this + $total, 7)") == [7]
    assert evaluate("{}.aggregate($this)") == []


@pytest.mark.parametrize(
    ("expression", "namespace", "name"),
    [
        ("1.type()", "System", "Integer"),
        ("active.type()", "FHIR", "boolean"),
        ("Patient.type()", "FHIR", "Patient"),
        ("contact.type()", "FHIR", "BackboneElement"),
        ("name.first().type()", "FHIR", "HumanName"),
    ],
)
def test_type(expression: str, namespace: str, name: str, patient, evaluate):
    patient["contact"] = [{"gender": "other"}]
    assert evaluate(f"{expression}.namespace", patient) == [namespace]
    assert evaluate(f"{expression}.name", patient) == [name]


def test_type_tells_the_base(patient, evaluate):
    assert evaluate("gender.type().baseType", {**patient, "gender": "other"}) == ["FHIR.string"]
    assert evaluate("1.type().baseType") == ["System.Any"]
