"""What the expressions of search parameters tell."""

import pytest

from service.fhir.search.extraction import STORED, WITHOUT_VALUES
from service.fhir.search.parameters import alternatives, elements, narrowed


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("Goal.subject", ("Goal.subject",)),
        ("Goal.subject | Goal.addresses", ("Goal.subject", "Goal.addresses")),
        ("(A.value as x) | (A.value as y).text", ("(A.value as x)", "(A.value as y).text")),
        ("A.b.where(c = 'x | y') | A.d", ("A.b.where(c = 'x | y')", "A.d")),
        ("A.b.exists() and (A.c | A.d) != false", ("A.b.exists() and (A.c | A.d) != false",)),
        ("A.b | A.c = 'x'", ("A.b | A.c = 'x'",)),
        (
            "ValueSet.expansion.contains.code | ValueSet.in",
            ("ValueSet.expansion.contains.code", "ValueSet.in"),
        ),
    ],
)
def test_an_expression_comes_apart_at_its_outermost_bars(expression, parts):
    assert alternatives(expression) == parts


def test_the_type_a_reference_is_narrowed_to():
    assert narrowed("Task.for.where(resolve() is Patient)") == ("Task.for", "Patient")
    assert narrowed("Task.for") == ("Task.for", None)


def read_as(registry, type_, code):
    parameter = registry.search_parameters(type_)[code]
    return [(element.name, types) for element, types in elements(registry, parameter)]


def test_the_elements_that_a_parameter_reads(registry):
    assert read_as(registry, "Goal", "lifecycle-status") == [("lifecycleStatus", ("code",))]
    assert read_as(registry, "Goal", "target-date") == [("due", ("date",))]
    assert read_as(registry, "Observation", "combo-code") == [
        ("code", ("CodeableConcept",)),
        ("code", ("CodeableConcept",)),
    ]
    assert read_as(registry, "Observation", "value-string") == [("value", ("string",)), ("text", ("string",))]
    assert read_as(registry, "Patient", "email") == [("telecom", ("ContactPoint",))]
    assert read_as(registry, "Encounter", "practitioner") == [("individual", ("Reference",))]
    assert read_as(registry, "Patient", "deceased") == []


# Elements of a parameter that are of no type the parameter can search, by R4's own choice.
BESIDE_THE_POINT = {("CarePlan", "activity-date", "string"), ("Consent", "source-reference", "Attachment")}


def test_every_element_that_a_parameter_reads_has_a_reader(registry, extractor):
    without = {
        (type_, code, read_type)
        for type_ in registry.served
        for code, parameter in registry.search_parameters(type_).items()
        if code not in STORED and parameter.type not in WITHOUT_VALUES
        for _, types in elements(registry, parameter)
        for read_type in types
        if read_type not in extractor._readers(parameter.type, None)
    }
    assert without == BESIDE_THE_POINT
