from __future__ import annotations

import pytest

from service.fhir.paths import EvaluationError, Node, PathError, Services

TABLE = [
    ("birthDate.extension('http://example.org/time').value", ["2010-05-06T04:00:00Z"]),
    ("birthDate.extension('http://example.org/other')", []),
    ("birthDate.extension({})", []),
    ("birthDate.hasExtension('http://example.org/time')", [True]),
    ("active.extension('http://example.org/time')", []),
    ("birthDate.id", ["b1"]),
    ("name.given.extension('http://example.org/absent').value", ["unknown"]),
    ("name.given.extension.url", ["http://example.org/absent"]),
    ("birthDate.hasValue()", [True]),
    ("link.hasValue()", [False]),
    ("name.hasValue()", [False]),
    ("name.first().hasValue()", [False]),
    ("name.given.hasValue()", [False]),
    ("name[1].given.select(hasValue())", [True, False]),
    ("birthDate.getValue() = @2010-05-06", [True]),
    ("birthDate.getValue() is System.Date", [True]),
    ("name.getValue()", []),
    ("name[1].given.last().getValue()", []),
]


@pytest.mark.parametrize(("expression", "expected"), TABLE)
def test_fhir_functions(expression: str, expected: list, patient, evaluate):
    assert evaluate(expression, patient) == expected


def member_of(node: Node, url: str) -> bool | None:
    return None if url == "http://example.org/unknown" else (node.type, node.value) == ("code", "final")


def test_services_answer(observation, evaluate):
    services = Services(
        member_of=member_of,
        conforms_to=lambda node, url: url.endswith(node.type),
        subsumes=lambda general, special: general.value == "final" and special.value == "amended",
    )
    assert evaluate("status.memberOf('http://example.org/vs')", observation, services=services) == [True]
    assert evaluate("status.memberOf('http://example.org/unknown')", observation, services=services) == []
    assert evaluate("issued.memberOf('http://example.org/vs')", observation, services=services) == []
    assert evaluate("code.conformsTo('x/CodeableConcept')", observation, services=services) == [True]
    assert evaluate("status.subsumes('amended')", observation, services=services) == [True]
    assert evaluate("status.subsumedBy('amended')", observation, services=services) == [False]
    assert evaluate("status.subsumes({})", observation, services=services) == []


def test_modifier_extensions_must_be_known(observation, evaluate):
    observation["component"][0]["modifierExtension"] = [
        {"url": "http://example.org/not", "valueBoolean": True}
    ]
    assert evaluate("component.checkModifiers('http://example.org/not').count()", observation) == [3]
    with pytest.raises(EvaluationError):
        evaluate("component.checkModifiers('http://example.org/other')", observation)


def test_types_of_arguments_are_checked(patient, evaluate):
    with pytest.raises(PathError):
        evaluate("extension(1)", patient)


@pytest.mark.parametrize(
    ("content", "allowed"), [("<p>text</p>", True), ("<script>1</script>", False), ("", False)]
)
def test_html_checks_are_those_of_the_validator(content: str, allowed: object, patient, evaluate):
    patient["text"] = {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{content}</div>',
    }
    assert evaluate("text.div.htmlChecks()", patient) == [allowed]
