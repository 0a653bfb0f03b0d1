"""What the expressions of search parameters tell."""

import pytest

from service.fhir.definitions import SearchParameter
from service.fhir.search.derived import STORED
from service.fhir.search.extraction import WITHOUT_VALUES
from service.fhir.search.parameters import alternatives, always_fits, elements, narrowed, read_as


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


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("Observation.effective", True),
        ("(Observation.value as Quantity)", True),
        ("(ActivityDefinition.useContext.value as CodeableConcept).coding", True),
        ("Observation.effective.ofType(dateTime)", True),
        ("Task.for.where(resolve() is Patient)", False),
        ("Bundle.entry[0].resource", False),
        ("Patient.deceased.exists() and Patient.deceased != false", False),
    ],
)
def test_which_expressions_fit_whatever_data(expression, fits):
    assert always_fits(expression) is fits


def test_the_type_a_reference_is_narrowed_to():
    assert narrowed("Task.for.where(resolve() is Patient)") == ("Task.for", "Patient")
    assert narrowed("Task.for") == ("Task.for", None)


def reads(registry, type_, code):
    parameter = registry.search_parameters(type_)[code]
    return [(element.name, types) for element, types in elements(registry, parameter)]


def test_the_elements_that_a_parameter_reads(registry):
    assert reads(registry, "Goal", "lifecycle-status") == [("lifecycleStatus", ("code",))]
    assert reads(registry, "Goal", "target-date") == [("due", ("date",))]
    assert reads(registry, "Observation", "combo-code") == [
        ("code", ("CodeableConcept",)),
        ("code", ("CodeableConcept",)),
    ]
    assert reads(registry, "Observation", "value-string") == [("value", ("string",)), ("text", ("string",))]
    assert reads(registry, "Patient", "email") == [("telecom", ("ContactPoint",))]
    assert reads(registry, "Encounter", "practitioner") == [("individual", ("Reference",))]
    assert reads(registry, "Patient", "deceased") == []


def parameter(expression):
    return SearchParameter("http://a.example/p", "p", "Observation", "quantity", expression)


@pytest.mark.parametrize(
    ("expression", "types"),
    [
        ("(Observation.value as Quantity)", {"Quantity"}),
        ("Observation.value.as(Quantity)", {"Quantity"}),
        ("Observation.value.ofType(Quantity)", {"Quantity"}),
        ("Observation.value.ofType(FHIR.Quantity)", {"Quantity"}),
        ("Observation.component.value.ofType(CodeableConcept).text", {"string"}),
        ("Observation.value.ofType(Quantity) | Observation.code", {"Quantity", "CodeableConcept"}),
        ("Observation.value.exists() and Observation.value != 1", {"boolean"}),
        ("Observation.value.ofType(Address)", None),
        ("Observation.extension('http://a.example/x').value", None),
        ("Observation.code | Observation.extension('http://a.example/x').value", None),
        ("Observation.colour", None),
        ("Nothing.colour", None),
    ],
)
def test_the_types_that_an_expression_is_read_as(registry, expression, types):
    assert read_as(registry, parameter(expression)) == types


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
        if read_type not in extractor._readers.of(parameter.type, None)
    }
    assert without == BESIDE_THE_POINT
