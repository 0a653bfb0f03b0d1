from __future__ import annotations

from random import Random

import pytest

from service.fhir.conformance.enforcement import ENFORCED_WHEN
from service.fhir.guide import CANONICAL_BASE
from tests.fhir.conformance.conftest import CORE, PROFILES, claiming, element, goal, profile, rule, score
from tests.fhir.validation.mutations import mutated

NAMED = profile(
    "Patient",
    element("Patient.name", min=1),
    extension=[{"url": ENFORCED_WHEN, "valueString": "true"}],
)
PATIENT = {"resourceType": "Patient"}
MISSING = "profile-element-missing"

WITHIN = [
    ("contained", score(contained=[PATIENT | {"id": "a"}], subject={"reference": "#a"}), "Observation.contained[0].name"),
    ("in a bundle", {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": score()}, {"resource": PATIENT}]},
     "Bundle.entry[1].resource.name"),
    ("contained in a bundle", {"resourceType": "Bundle", "type": "collection", "entry": [{"resource":
        score(contained=[PATIENT | {"id": "a"}], subject={"reference": "#a"})}]}, "Bundle.entry[0].resource.contained[0].name"),
    ("in parameters", {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": PATIENT}]},
     "Parameters.parameter[0].resource.name"),
    ("in parts of parameters", {"resourceType": "Parameters", "parameter": [{"name": "a", "part": [{"name": "b", "resource": PATIENT}]}]},
     "Parameters.parameter[0].part[0].resource.name"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "expression"), [row[1:] for row in WITHIN], ids=[row[0] for row in WITHIN]
)
def test_resources_within_are_held_to_their_profiles(found, resource, expression):
    assert found(resource, NAMED, asked=[]) == [(MISSING, expression)]


def test_a_rule_of_what_is_contained_sees_what_is_around_it(found):
    around = profile(
        "Patient",
        element(
            "Patient", constraint=[rule("a-1", "%rootResource.subject.exists() and %resource is Patient")]
        ),
    )
    patient = claiming(PATIENT | {"id": "a"})
    assert found(score(contained=[patient], subject={"reference": "#a"}), around, asked=[]) == []
    assert found(score(contained=[patient], performer=[{"reference": "#a"}]), around, asked=[]) == [
        ("invariant-broken", "Observation.contained[0]")
    ]


UNKNOWN = [
    ("of others, claimed", claiming(score(), "unknown"), [], ("warning", "Observation.meta.profile[0]")),
    ("of others, asked", score(), [f"{PROFILES}unknown"], ("error", "Observation")),
    ("of ours, claimed", score(meta={"profile": [f"{CANONICAL_BASE}StructureDefinition/unknown"]}), [], ("error", "Observation.meta.profile[0]")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "asked", "expected"), [row[1:] for row in UNKNOWN], ids=[row[0] for row in UNKNOWN]
)
def test_a_profile_that_is_not_known(validator_of, resource, asked, expected):
    (issue,) = validator_of(NAMED).check(resource, asked)
    assert issue.slug == "profile-unknown"
    assert (issue.severity, issue.expression) == expected


def test_types_of_r4_are_profiles_too(found):
    for name in ("Observation", "DomainResource", "Resource"):
        assert found(score(meta={"profile": [f"{CORE}{name}"]}), NAMED, asked=[]) == []
    assert found(score(meta={"profile": [f"{CORE}Goal"]}), NAMED, asked=[]) == [
        ("profile-type-mismatch", "Observation")
    ]


def test_a_profile_of_another_type(found):
    assert found(score(), NAMED) == [("profile-type-mismatch", "Observation")]


def test_a_profile_of_a_version(found, validator_of):
    versioned = NAMED | {"version": "1.0.0"}
    assert found(PATIENT, versioned, asked=[f"{NAMED['url']}|1.0.0"]) == [(MISSING, "Patient.name")]
    issues = validator_of(versioned).check(PATIENT | {"name": [{"text": "A"}]}, [f"{NAMED['url']}|2.0.0"])
    assert [issue.slug for issue in issues] == ["profile-unknown"]


FORM = {
    "resourceType": "Questionnaire",
    "url": "http://example.org/Questionnaire/form",
    "status": "active",
    "item": [{"linkId": "a", "type": "integer", "required": True}],
}
RESPONSE = {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": FORM["url"]}


def test_answers_are_held_to_their_questionnaire(found):
    assert [slug for slug, _ in found(RESPONSE, FORM, asked=[])] == ["answer-missing"]
    answered = RESPONSE | {"item": [{"linkId": "a", "answer": [{"valueInteger": 0}]}]}
    assert found(answered, FORM, asked=[]) == []


def test_answers_in_a_bundle_are_found_there(found):
    response = RESPONSE | {"item": [{"linkId": "b", "answer": [{"valueInteger": 0}]}]}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": response}]}
    expressions = [expression for _, expression in found(bundle, FORM, asked=[])]
    assert expressions
    assert all(expression.startswith("Bundle.entry[0].resource") for expression in expressions)


def test_answers_to_a_questionnaire_contained_with_them(found):
    form = {key: value for key, value in FORM.items() if key != "url"} | {"id": "form"}
    response = RESPONSE | {"questionnaire": "#form", "contained": [form]}
    assert "answer-missing" in {slug for slug, _ in found(response, NAMED, asked=[])}


def test_answers_to_an_unknown_questionnaire_are_not_judged(found):
    assert found(RESPONSE | {"questionnaire": "http://example.org/Questionnaire/other"}, FORM, asked=[]) == []


HUNDRED = profile(
    "Goal",
    *(element(f"Goal.{name}", min=1) for name in ("category", "identifier", "expressedBy", "statusDate")),
)


def test_a_hundred_faults_are_a_hundred_issues(validator_of):
    resource = goal(note=[{"text": ""} for _ in range(96)])
    issues = validator_of(HUNDRED).check(resource, [HUNDRED["url"]])
    assert len(issues) == 100
    assert len({issue.expression for issue in issues}) == 100


RICH = goal(
    meta={"profile": [HUNDRED["url"]]},
    category=[{"coding": [{"system": "http://example.org", "code": "a"}]}],
    contained=[{"resourceType": "Patient", "id": "a", "name": [{"given": ["A"]}]}],
    subject={"reference": "#a"},
    target=[
        {"measure": {"text": "a"}, "detailQuantity": {"value": 10, "code": "kg"}, "dueDate": "2026-01-01"}
    ],
)
PRYING = profile(
    "Goal",
    element(
        "Goal",
        constraint=[
            rule("a-1", "target.all(detail.value <= 10 and due > @2025-01-01)"),
            rule("a-2", "subject.resolve().name.given.first().startsWith('A')"),
        ],
    ),
    element(
        "Goal.target", slicing={"discriminator": [{"type": "value", "path": "measure.text"}], "rules": "open"}
    ),
    element("Goal.target:a", sliceName="a", min=1),
    element("Goal.target:a.measure.text", fixedString="a", min=1),
    element(
        "Goal.target:a.detail[x]",
        min=1,
        type=[{"code": "Quantity"}],
        maxValueQuantity={"value": 10, "code": "kg"},
    ),
    element("Goal.description.text", maxLength=10),
    id_="prying",
    extension=[{"url": ENFORCED_WHEN, "valueString": "target.measure.text = 'a' or statusDate > @2020"}],
)


def test_no_resource_is_too_broken_to_be_judged(validator_of):
    validator = validator_of(PRYING, HUNDRED, NAMED)
    random = Random(20261127)
    judged = 0
    for _ in range(5000):
        changed = mutated(RICH, random)
        for _ in range(random.randrange(3)):
            changed = mutated(changed, random) if isinstance(changed, dict) and changed else changed
        if isinstance(changed, dict):
            validator.check(changed, [PRYING["url"]])
            judged += 1
    assert judged > 4000
