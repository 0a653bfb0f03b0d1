from __future__ import annotations

import pytest

from service.fhir.conformance.invariants import Invariants
from service.fhir.validation.acceptor import Acceptor
from service.fhir.validation.walker import Walker

SCORE = {"resourceType": "Observation", "status": "final", "code": {"text": "score"}}
ACTIVE = {
    "resourceType": "Goal",
    "lifecycleStatus": "active",
    "description": {"text": "goal"},
    "subject": {"reference": "Patient/1"},
}
EXTENDED = {"extension": [{"url": "http://example.org/e", "valueCode": "a"}]}
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">text</div>'


def score(**elements):
    return SCORE | elements


def goal(**elements):
    return ACTIVE | elements


def patient(**elements):
    return {"resourceType": "Patient", **elements}


def without(resource, name):
    return {key: value for key, value in resource.items() if key != name}


def bundle(*entries):
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


@pytest.fixture(scope="module")
def found(walker):
    """What is wrong with a resource by its structure; invariants have tests of their own."""
    return lambda resource: [
        (issue.slug, issue.expression)
        for issue in walker.issues(resource)
        if issue.slug != "invariant-broken"
    ]


@pytest.fixture(scope="module")
def walker(registry):
    return Walker(Acceptor(registry, Invariants(registry)), everywhere=True)


ONE_FAULT = [
    # what a resource is
    ({}, "resource-type-missing", None),
    ({"resourceType": 7}, "resource-type-missing", None),
    ({"resourceType": "Unicorn"}, "resource-type-unknown", None),
    ({"resourceType": "DomainResource"}, "resource-type-unknown", None),
    ({"resourceType": "Quantity"}, "resource-type-unknown", None),
    (score(code={"resourceType": "CodeableConcept", "text": "a"}), "element-unknown", "Observation.code.resourceType"),
    # names
    (score(colour="red"), "element-unknown", "Observation.colour"),
    (score(fhir_comments=["a"]), "element-unknown", "Observation.fhir_comments"),
    (score(**{"x y": 1}), "element-unknown", "Observation.`x y`"),
    (score(**{"": 1}), "element-unknown", "Observation.``"),
    (score(**{"a" * 100: 1}), "element-unknown", "Observation"),
    (score(code={"txt": "a"}), "element-unknown", "Observation.code.txt"),
    (score(_code={"id": "a"}), "element-unknown", "Observation._code"),
    (score(_id={"id": "a"}), "element-unknown", "Observation._id"),
    (goal(target=[{"dueDate": "2026", "colour": 1}]), "element-unknown", "Goal.target[0].colour"),
    # cardinality
    (without(SCORE, "status"), "element-missing", "Observation.status"),
    (without(ACTIVE, "subject"), "element-missing", "Goal.subject"),
    (score(component=[{"valueInteger": 1}]), "element-missing", "Observation.component[0].code"),
    (patient(link=[{"other": {"reference": "Patient/2"}}]), "element-missing", "Patient.link[0].type"),
    (patient(extension=[{"valueCode": "a"}]), "element-missing", "Patient.extension[0].url"),
    (patient(text={"status": "generated"}), "element-missing", "Patient.text.div"),
    ({"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": "Patient/1"}},
     "element-missing", "MedicationRequest.medication"),
    # arrays
    (score(category={"text": "a"}), "array-expected", "Observation.category"),
    (patient(name=[{"given": "A"}]), "array-expected", "Patient.name[0].given"),
    (patient(name=[{"_given": EXTENDED}]), "array-expected", "Patient.name[0].given"),
    (score(code=[{"text": "a"}]), "array-unexpected", "Observation.code"),
    (score(status=["final"]), "array-unexpected", "Observation.status"),
    (score(_issued=[EXTENDED]), "array-unexpected", "Observation.issued"),
    (patient(name=[{"given": [["A"]]}]), "array-unexpected", "Patient.name[0].given[0]"),
    (patient(name=[[{"text": "A"}]]), "array-unexpected", "Patient.name[0]"),
    (score(category=[]), "array-empty", "Observation.category"),
    (patient(name=[{"given": []}]), "array-empty", "Patient.name[0].given"),
    (patient(name=[{"text": "A", "_given": []}]), "array-empty", "Patient.name[0].given"),
    # objects
    (score(code="score"), "object-expected", "Observation.code"),
    (score(category=["survey"]), "object-expected", "Observation.category[0]"),
    (score(valueQuantity=7), "object-expected", "Observation.value"),
    (score(_issued="a"), "object-expected", "Observation.issued"),
    (bundle({"resource": "a"}), "object-expected", "Bundle.entry[0].resource"),
    (score(code={}), "object-empty", "Observation.code"),
    (score(category=[{"text": "a"}, {}]), "object-empty", "Observation.category[1]"),
    (score(_issued={}), "object-empty", "Observation.issued"),
    (bundle({"resource": {}}), "object-empty", "Bundle.entry[0].resource"),
    # null
    (score(issued=None), "null-value", "Observation.issued"),
    (score(subject=None), "null-value", "Observation.subject"),
    (score(category=None), "null-value", "Observation.category"),
    (score(category=[None]), "null-value", "Observation.category[0]"),
    (score(_issued=None), "null-value", "Observation.issued"),
    (patient(name=[{"given": ["A", None]}]), "null-value", "Patient.name[0].given[1]"),
    (patient(name=[{"_given": [EXTENDED, None]}]), "null-value", "Patient.name[0].given[1]"),
    (patient(name=[{"given": ["A", None], "_given": [EXTENDED, None]}]), "null-value", "Patient.name[0].given[1]"),
    # siblings
    (patient(name=[{"given": ["A", "B"], "_given": [EXTENDED]}]), "sibling-length", "Patient.name[0].given"),
    (patient(name=[{"given": ["A"], "_given": [EXTENDED, EXTENDED]}]), "sibling-length", "Patient.name[0].given"),
    (patient(birthDate="2011", _birthDate={"value": "2011"}), "element-unknown", "Patient.birthDate.value"),
    (patient(_birthDate={"extension": [{"valueCode": "a"}]}), "element-missing", "Patient.birthDate.extension[0].url"),
    (patient(name=[{"given": ["A", None], "_given": [None, {"extension": [{"url": ""}]}]}]),
     "value-empty", "Patient.name[0].given[1].extension[0].url"),
    # choices
    (score(valueString="a", valueInteger=1), "choice-repeated", "Observation.value"),
    (score(valueString="a", _valueInteger=EXTENDED), "choice-repeated", "Observation.value"),
    (score(component=[{"code": {"text": "a"}, "valueString": "a", "valueInteger": 1}]),
     "choice-repeated", "Observation.component[0].value"),
    (score(valueMoney={"value": 1}), "choice-type", "Observation.value"),
    (score(value=1), "choice-type", "Observation.value"),
    (score(valuestring="a"), "element-unknown", "Observation.valuestring"),
    (patient(deceased=True), "choice-type", "Patient.deceased"),
    (goal(target=[{"dueDateTime": "2026"}]), "choice-type", "Goal.target[0].due"),
    # values
    (score(issued="2026-03-04"), "value-malformed", "Observation.issued"),
    (score(effectiveDateTime="2026-02-30"), "value-malformed", "Observation.effective"),
    (score(valueInteger="7"), "value-kind", "Observation.value"),
    (score(valueQuantity={"value": "7.10"}), "value-kind", "Observation.value.value"),
    (score(component=[{"code": {"text": "a"}, "valueInteger": 1}, {"code": {"text": "b"}, "valueQuantity": {"value": True}}]),
     "value-kind", "Observation.component[1].value.value"),
    (patient(active="true"), "value-kind", "Patient.active"),
    (patient(id="a_b"), "value-malformed", "Patient.id"),
    (patient(id=""), "value-empty", "Patient.id"),
    (patient(name=[{"given": ["A", ""]}]), "value-empty", "Patient.name[0].given[1]"),
    (patient(name=[{"family": "\x07"}]), "value-characters", "Patient.name[0].family"),
    (patient(name=[{"family": " "}]), "value-blank", "Patient.name[0].family"),
    (patient(telecom=[{"system": "phone", "rank": 0}]), "value-malformed", "Patient.telecom[0].rank"),
    ({"resourceType": "Binary", "contentType": "text/plain", "data": "aGk"}, "value-malformed", "Binary.data"),
    # narrative
    (patient(text={"status": "generated", "div": DIV.replace("text", "<script/>a")}), "narrative-element", "Patient.text.div"),
    (patient(text={"status": "generated", "div": "text"}), "narrative-malformed", "Patient.text.div"),
    # bindings
    (score(status="done"), "code-not-in-value-set", "Observation.status"),
    (patient(gender="Male"), "code-not-in-value-set", "Patient.gender"),
    (patient(contact=[{"gender": "m"}]), "code-not-in-value-set", "Patient.contact[0].gender"),
    (patient(photo=[{"contentType": "picture"}]), "code-not-in-value-set", "Patient.photo[0].contentType"),
    ({"resourceType": "MeasureReport", "status": "complete", "type": "summary", "measure": "a", "period": {"start": "2026"},
      "improvementNotation": {"text": "up"}}, "code-missing", "MeasureReport.improvementNotation"),
    (score(dataAbsentReason={"coding": [{"system": "http://example.org", "code": "a"}]}),
     "code-outside-value-set", "Observation.dataAbsentReason"),
    (score(subject={"type": "Unicorn"}), "code-outside-value-set", "Observation.subject.type"),
    # references
    (score(subject={"reference": "Goal/1"}), "reference-target", "Observation.subject.reference"),
    (score(subject={"type": "Goal"}), "reference-target", "Observation.subject.type"),
    (score(performer=[{"reference": "Patient/1"}, {"reference": "Unicorn/1"}]),
     "reference-type-unknown", "Observation.performer[1].reference"),
    (score(subject={"reference": "Patient"}), "reference-malformed", "Observation.subject.reference"),
    (score(subject={"reference": "Patient?identifier=1"}), "reference-conditional", "Observation.subject.reference"),
    (score(subject={"reference": "Patient/1", "type": "Group"}), "reference-type-differs", "Observation.subject.type"),
    (score(subject={"reference": ""}), "value-empty", "Observation.subject.reference"),
    (score(extension=[{"url": "http://example.org/e", "valueReference": {"reference": "Unicorn/1"}}]),
     "reference-type-unknown", "Observation.extension[0].value.reference"),
    # contained resources
    (score(contained=[patient()]), "contained-id-missing", "Observation.contained[0].id"),
    (score(contained=[patient(id="a"), patient(id="a")]), "contained-id-repeated", "Observation.contained[1].id"),
    (score(contained=[patient(id="a", contained=[patient(id="b")])]), "contained-nested", "Observation.contained[0].contained"),
    (score(contained=[{"resourceType": "Unicorn", "id": "a"}]), "resource-type-unknown", "Observation.contained[0]"),
    (score(contained=[{"id": "a"}]), "resource-type-missing", "Observation.contained[0]"),
    (score(contained=[patient(id="a", gender="x")]), "code-not-in-value-set", "Observation.contained[0].gender"),
    # resources in a Bundle and in Parameters
    (bundle({"resource": patient(active=1)}), "value-kind", "Bundle.entry[0].resource.active"),
    (bundle({"resource": {"resourceType": "Unicorn"}}), "resource-type-unknown", "Bundle.entry[0].resource"),
    (bundle({"resource": score(subject={"reference": "Goal?a=b"})}), "reference-target",
     "Bundle.entry[0].resource.subject.reference"),
    ({"resourceType": "Parameters", "parameter": [{"name": "a", "resource": patient(active=1)}]},
     "value-kind", "Parameters.parameter[0].resource.active"),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "slug", "expression"), ONE_FAULT)
def test_one_fault_is_told_once_with_its_place(found, resource, slug, expression):
    assert found(resource) == [(slug, expression)]


@pytest.mark.parametrize(
    "resource",
    [
        SCORE,
        ACTIVE,
        patient(),
        score(_status=EXTENDED),
        without(SCORE, "status") | {"_status": EXTENDED},
        score(issued="2026-03-04T16:30:00Z", _issued={"id": "a"}),
        score(_valueInteger=EXTENDED),
        patient(name=[{"given": ["A", None, "B"], "_given": [None, EXTENDED, {"id": "b"}]}]),
        patient(name=[{"_given": [EXTENDED]}]),
        score(contained=[patient(id="a"), {"resourceType": "Claim", "id": "b"}][:1], subject={"reference": "#a"}),
        bundle({"resource": score(subject={"reference": "Patient?identifier=a|b"})}),
        bundle({"resource": patient(contained=[{"resourceType": "Group", "id": "g", "type": "person", "actual": True,
                                                "managingEntity": {"reference": "Organization?name=a"}}])}),
        {"resourceType": "Parameters"},
        {"resourceType": "Claim", "status": "active", "type": {"text": "a"}, "use": "claim",
         "patient": {"reference": "Patient/1"}, "created": "2026", "provider": {"reference": "Organization/1"},
         "priority": {"text": "a"}, "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "a"}}]},
    ],
)  # fmt: skip
def test_sound_resources_have_no_issues(found, resource):
    assert found(resource) == []


def test_all_faults_are_told_in_one_pass_and_in_the_order_of_the_document(found):
    resource = {
        "resourceType": "Observation",
        "colour": "red",
        "status": "done",
        "category": {"coding": [{"code": " a"}]},
        "subject": {"reference": "Goal/1"},
        "valueInteger": "7",
        "valueString": "",
        "component": [{}, {"code": {"text": "a"}, "valueQuantity": {"value": "1", "unit": None}}],
    }
    assert found(resource) == [
        ("element-unknown", "Observation.colour"),
        ("code-not-in-value-set", "Observation.status"),
        ("array-expected", "Observation.category"),
        ("value-malformed", "Observation.category.coding[0].code"),
        ("reference-target", "Observation.subject.reference"),
        ("value-kind", "Observation.value"),
        ("value-empty", "Observation.value"),
        ("object-empty", "Observation.component[0]"),
        ("value-kind", "Observation.component[1].value.value"),
        ("null-value", "Observation.component[1].value.unit"),
        ("element-missing", "Observation.code"),
        ("choice-repeated", "Observation.value"),
    ]


@pytest.mark.parametrize(
    ("resource", "sentence"),
    [
        (score(effectiveDatetime="2026"), ("Observation has no effectiveDatetime; it may have one of effectiveDateTime,"
         " effectivePeriod, effectiveTiming, effectiveInstant.")),
        (score(subjekt={"reference": "Patient/1"}), "Observation has no element subjekt. Did you mean subject?"),
        (without(SCORE, "status"), "Observation must have status."),
        (without(ACTIVE, "description"), "Goal must have description."),
        ({"resourceType": "Condition", "subject": {"reference": "Patient/1"}, "clinicalStatus": {"text": "a"}},
         ("clinicalStatus must have a code: one of active, inactive, recurrence, relapse, remission, resolved of"
         " http://terminology.hl7.org/CodeSystem/condition-clinical.")),
        (score(subject={"reference": "Goal/1"}), "This may not refer to Goal, only to Device, Group, Location, Patient."),
        (score(valueQuantity={"value": "7.10"}), "value must be a JSON number (decimal), not a string."),
        (patient(birthDate="04/03/2026"), "birthDate must be a date of the calendar: 2026, 2026-03 or 2026-03-04."),
        (score(category={"text": "a"}), "category can stand several times, so it must be an array, even of one."),
    ],
)  # fmt: skip
def test_the_sentence_says_what_to_do(walker, resource, sentence):
    (issue,) = walker.issues(resource)
    assert issue.text == sentence


MARK = "Invented Person whose name must not be told"


@pytest.mark.parametrize(
    "resource",
    [
        score(status=MARK),
        score(issued=MARK),
        score(valueQuantity={"value": MARK}),
        score(valueInteger=MARK),
        score(subject={"reference": MARK}),
        score(subject=MARK),
        patient(name=MARK),
        patient(gender=MARK),
        patient(text={"status": "generated", "div": MARK}),
        patient(maritalStatus={"coding": [{"code": MARK}]}),
        score(contained=[{"resourceType": "Patient", "id": MARK}]),
    ],
)
def test_a_clients_values_are_not_repeated(walker, resource):
    issues = list(walker.issues(resource))
    assert issues
    assert all(MARK not in f"{issue.text} {issue.expression}" for issue in issues)


def test_a_long_name_is_not_repeated_in_full(walker):
    (issue,) = walker.issues(score(**{"a" * 10_000: 1}))
    assert len(issue.text) < 200
