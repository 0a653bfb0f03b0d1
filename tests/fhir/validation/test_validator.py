from __future__ import annotations

import itertools
import json

import pytest

from service.fhir import codec
from service.fhir.guide import CANONICAL_BASE
from service.fhir.problems import Issue, Malformed
from service.fhir.validation.validator import ISSUES_LISTED, listed
from tests.conftest import SHARED

CASES = SHARED / "suites" / "validator-r4"

# Official examples that the standard itself refuses, and why.
RIGHTLY_REFUSED = {
    "Observation-clinical-gender": (
        "reference-target",
        "performer refers to an Encounter, which R4 does not permit",
    ),
    "Questionnaire-qs1": ("element-missing", "32 items have no linkId, which R4 requires"),
}

# What the official validator also finds by structure alone in its own cases: file, slug, expression.
STRUCTURAL = [
    ("ai3", "element-unknown", "Patient.unknownElement"),
    ("ai4", "value-malformed", "Patient.birthDate"),
    ("bad-json-close-2", "json-malformed", None),
    ("bad-json-close-3", "json-malformed", None),
    ("comments-4", "element-unknown", "Patient.fhir_comments"),
    ("contained-resource-bad-id", "value-malformed", "Condition.contained[0].id"),
    ("empty-array", "array-empty", "DocumentReference.category[0].coding"),
    ("hakan-se-2", "element-missing", "MedicationRequest.medication"),
    ("hakan-se-2", "value-malformed", "MedicationRequest.authoredOn"),
    ("mr-covid-m", "element-missing", "Measure.group[0].population[0].criteria.language"),
    ("Observation-ex-pain.json", "element-missing", "Observation.code"),
    ("open-choice-invalid-type-qr", "choice-type", "QuestionnaireResponse.item[0].answer[0].value"),
    ("pat-security-bad-xhtml", "narrative-element", "Patient.text.div"),
    ("patient-id-bad-2 / R4", "value-malformed", "Patient.id"),
    ("resource-invalid-id-1", "value-malformed", "Location.id"),
    ("resource-invalid-id-2", "value-malformed", "Location.id"),
    ("resource-invalid-id-3", "value-malformed", "Location.contained[0].id"),
    ("url-value-qr", "value-malformed", "QuestionnaireResponse.item[0].answer[4].value"),
    ("vs-canonical-urn-bad", "value-malformed", "ValueSet.url"),
    ("xml-bad-entities-json", "narrative-malformed", "Encounter.text.div"),
]

# Valid only because the official validator was told to let something pass.
TOLD_TO_PASS = {"contained-resource-bad-id-ignore"}


@pytest.fixture(scope="module")
def cases():
    """The official validator's JSON cases by name."""
    if not CASES.exists():
        pytest.skip("the official validator's cases are not in ../shared/suites")
    listing = json.loads((CASES / "cases.json").read_text(encoding="utf-8"))
    return {case["name"]: case for case in listing if case["file"].endswith(".json")}


@pytest.fixture(scope="module")
def faults_of(validator, cases):
    def check(name):
        try:
            resource = codec.decode((CASES / cases[name]["file"]).read_bytes())
        except Malformed as problem:
            return problem.issues
        return [issue for issue in validator.check(resource) if issue.is_fault]

    return check


def test_the_official_examples_are_accepted_but_for_those_that_break_the_standard(validator, examples):
    assert len(examples) == 152
    refused = {
        name: {issue.slug for issue in validator.check(example) if issue.is_fault}
        for name, example in examples.items()
    }
    assert {name: slugs for name, slugs in refused.items() if slugs} == {
        name: {slug} for name, (slug, _) in RIGHTLY_REFUSED.items()
    }


@pytest.mark.parametrize(("name", "slug", "expression"), STRUCTURAL)
def test_structural_faults_of_the_official_cases_are_found(cases, faults_of, name, slug, expression):
    assert not cases[name]["valid"]
    assert (slug, expression) in {(issue.slug, issue.expression) for issue in faults_of(name)}


def test_nothing_is_found_in_the_official_cases_that_are_valid(cases, faults_of):
    valid = [name for name, case in cases.items() if case["valid"] and name not in TOLD_TO_PASS]
    assert len(valid) > 50
    assert {name: faults_of(name) for name in valid if faults_of(name)} == {}


def test_a_sound_resource_has_no_issues(validator):
    assert validator.check({"resourceType": "Patient", "id": "p1"}) == []


def test_a_resource_that_is_not_served_is_checked_as_well(validator):
    (issue,) = validator.check({"resourceType": "Account"})
    assert (issue.slug, issue.expression) == ("element-missing", "Account.status")


def nested(levels):
    extension = {"url": "http://example.org/e", "valueCode": "a"}
    for _ in range(levels):
        extension = {"url": "http://example.org/e", "extension": [extension]}
    return {"resourceType": "Patient", "extension": [extension]}


def test_nesting_as_deep_as_any_body_may_be_is_checked(validator):
    assert validator.check(nested(30)) == []


@pytest.mark.parametrize("levels", [500, 5000])
def test_nesting_beyond_that_is_refused_and_harms_nothing(validator, levels):
    assert [issue.slug for issue in validator.check(nested(levels))] == ["nesting-depth"]


# -- how many issues are listed --

WARNING = Issue("warning", "value", "value-blank", "A warning.")


@pytest.mark.parametrize("value", ["", " "])
def test_a_flood_is_cut_and_refused(validator, value):
    issues = validator.check({"resourceType": "Patient", "name": [{"given": [value] * 100_000}]})
    assert len(issues) == ISSUES_LISTED + 1
    assert issues[-1].slug == "issues-cut"
    assert issues[-1].is_fault


def test_the_walk_ends_where_the_list_does():
    endless = itertools.repeat(WARNING)
    assert [issue.slug for issue in listed(endless)] == ["value-blank"] * ISSUES_LISTED + ["issues-cut"]


def test_where_profiles_have_that_much_to_say_the_rest_is_not_looked_at(validator):
    claims = {"profile": [f"{CANONICAL_BASE}StructureDefinition/there-is-none"]}
    entries = [{"resource": {"resourceType": "Basic", "meta": claims, "code": {"text": "any"}}}] * (
        2 * ISSUES_LISTED
    )
    issues = validator.check({"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert [issue.slug for issue in issues] == ["profile-unknown"] * ISSUES_LISTED + ["issues-cut"]


@pytest.mark.parametrize("count", [0, 1, ISSUES_LISTED])
def test_no_more_is_said_where_all_are_listed(count):
    assert listed(iter([WARNING] * count)) == [WARNING] * count
