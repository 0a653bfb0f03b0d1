"""Codes, systems and canonical addresses that the cohort writes.

Everything under `https://thrive-fhir.example/` is ours, because no code is published for it
(the five groupings, CollaboRATE, sectors, a parent's or clinician's rating of a goal).

Codings are shared between resources: read them, never change them in place.

Source: domain facts sections 2 (SNOMED CT UK ids as in NHSDigital/mental-health-monthly-statistics
@7b4d742, LOINC of PCO STU1) and 6 (UK Core systems and extensions).
"""

from __future__ import annotations

from typing import Any, Literal

Resource = dict[str, Any]
Rater = Literal["young-person", "carer", "clinician"]
CodeSet = Literal["progress-chart", "goal-tool"]

OURS = "https://thrive-fhir.example"
UK_CORE = "https://fhir.hl7.org.uk"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
HL7 = "http://terminology.hl7.org/CodeSystem"

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
ODS_CODE = "https://fhir.nhs.uk/Id/ods-organization-code"
SDS_USER = "https://fhir.nhs.uk/Id/sds-user-id"
VERIFICATION_STATUS = f"{UK_CORE}/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
VERIFICATION_CODES = f"{UK_CORE}/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
UNAVAILABLE_REASON = f"{UK_CORE}/StructureDefinition/Extension-UKCore-NHSNumberUnavailableReason"
UNAVAILABLE_CODES = f"{UK_CORE}/CodeSystem/UKCore-NHSNumberUnavailableReason"
ETHNIC_CATEGORY = f"{UK_CORE}/StructureDefinition/Extension-UKCore-EthnicCategory"
ETHNIC_CODES = f"{UK_CORE}/CodeSystem/UKCore-EthnicCategoryEngland"
OUTCOME_OF_ATTENDANCE = f"{UK_CORE}/StructureDefinition/Extension-UKCore-OutcomeOfAttendance"
OUTCOME_CODES = f"{UK_CORE}/CodeSystem/UKCore-OutcomeOfAttendanceEngland"

# The scale of goal-based outcomes: 0 no progress, 10 reached (CORC).
GOAL_SCALE_TOP = 10


def ours(kind: str, name: str) -> str:
    """The canonical address of one of our artefacts, by kind (such as `CodeSystem`) and name."""
    return f"{OURS}/{kind}/{name}"


def profile(name: str) -> str:
    """The canonical address of one of our profiles or extensions."""
    return f"{OURS}/StructureDefinition/{name}"


def concept(system: str, code: str, display: str | None = None) -> Resource:
    """A CodeableConcept with one coding."""
    return {"coding": [coding(system, code, display)]}


def coding(system: str, code: str, display: str | None = None) -> Resource:
    """A Coding."""
    return (
        {"system": system, "code": code}
        if display is None
        else {"system": system, "code": code, "display": display}
    )


def reference(type_: str, id_: str) -> Resource:
    """A relative Reference."""
    return {"reference": f"{type_}/{id_}"}


# Two SNOMED sets for the young person's own rating, by slot. A deployment uses one; mixing them
# within a referral breaks the national pairing, which goes by preferred term.
_CHART = "Goal Progress Chart - Child/Young Person - goal {} score"
_TOOL = "Goal-Based Outcomes tool goal progress chart - goal {} score"
GOAL_SCORE_CODES: dict[CodeSet, dict[int, str]] = {
    "progress-chart": {1: "1034351000000101", 2: "1034361000000103", 3: "1034371000000105"},
    "goal-tool": {1: "1638531000000102", 2: "1638541000000106", 3: "1638551000000109"},
}
_OWN_SCORE: dict[CodeSet, dict[int, Resource]] = {
    "progress-chart": {
        slot: concept(SNOMED, code, _CHART.format(slot))
        for slot, code in GOAL_SCORE_CODES["progress-chart"].items()
    },
    "goal-tool": {
        slot: concept(SNOMED, code, _TOOL.format(slot))
        for slot, code in GOAL_SCORE_CODES["goal-tool"].items()
    },
}

GOAL_SCORE_SYSTEM = ours("CodeSystem", "goal-score")
# The SNOMED codes say "Child/Young Person" and are filed nationally under rater Self, so another's
# rating under them would count as the young person's voice.
_OTHERS_SCORE: dict[Rater, Resource] = {
    "carer": concept(GOAL_SCORE_SYSTEM, "parent-rated-goal-score", "Goal score rated by a parent or carer"),
    "clinician": concept(GOAL_SCORE_SYSTEM, "clinician-rated-goal-score", "Goal score rated by a clinician"),
}
GOAL_MEASURE = concept(GOAL_SCORE_SYSTEM, "goal-score", "Goal score from 0 to 10")


def goal_score(rater: Rater, code_set: CodeSet, slot: int) -> Resource:
    """The code of a goal's score: SNOMED by slot for the young person, ours for everyone else."""
    return _OWN_SCORE[code_set][slot] if rater == "young-person" else _OTHERS_SCORE[rater]


SURVEY = [concept(f"{HL7}/observation-category", "survey", "Survey")]
# A grouping is decided in talk and no instrument yields it.
DECISION = [concept(f"{HL7}/observation-category", "therapy", "Therapy")]

COORDINATOR_ROLE = concept(SNOMED, "768820003", "Care coordinator (occupation)")
MENTAL_HEALTH_PLAN = [concept(SNOMED, "718347000", "Mental health care plan (record artifact)")]

GROUPING_SYSTEM = ours("CodeSystem", "needs-based-grouping")
GROUPINGS: dict[str, Resource] = {
    code: concept(GROUPING_SYSTEM, code, display)
    for code, display in (
        ("thriving", "Thriving"),
        ("getting-advice-signposting", "Getting Advice and Signposting"),
        ("getting-help", "Getting Help"),
        ("getting-more-help", "Getting More Help"),
        ("getting-risk-support", "Getting Risk Support"),
    )
}
OBSERVABLE_SYSTEM = ours("CodeSystem", "observable")
GROUPING_DECISION = concept(OBSERVABLE_SYSTEM, "needs-based-grouping", "Needs-based grouping")

COLLABORATE_SYSTEM = ours("CodeSystem", "collaborate")
COLLABORATE_SCORE = concept(COLLABORATE_SYSTEM, "collaborate-mean", "CollaboRATE mean of three items")
COLLABORATE_ITEMS = ("understand", "listen", "include")
COLLABORATE_COMPONENTS: dict[str, Resource] = {
    "understand": concept(COLLABORATE_SYSTEM, "understand", "Effort to help understand the issue"),
    "listen": concept(COLLABORATE_SYSTEM, "listen", "Effort to listen to what matters most"),
    "include": concept(
        COLLABORATE_SYSTEM, "include", "Effort to include what matters most in what happens next"
    ),
}
COLLABORATE_ALL_TOP = concept(COLLABORATE_SYSTEM, "all-at-top", "All three items at the top of the scale")
COLLABORATE_SCALES: dict[int, Resource] = {
    9: concept(COLLABORATE_SYSTEM, "scale-0-9", "Ten points from 0 to 9"),
    4: concept(COLLABORATE_SYSTEM, "scale-0-4", "Five points from 0 to 4"),
}

ACHIEVEMENT: dict[str, Resource] = {
    code: concept(f"{HL7}/goal-achievement", code, display)
    for code, display in (
        ("in-progress", "In Progress"),
        ("improving", "Improving"),
        ("worsening", "Worsening"),
        ("no-change", "No Change"),
        ("achieved", "Achieved"),
        ("not-achieved", "Not Achieved"),
        ("no-progress", "No Progress"),
    )
}

# Goal attainment scaling: LOINC of PCO STU1. LA34482-2 is skipped in the answer list on purpose.
GAS_BASELINE = concept(LOINC, "112296-9", "Goal attainment scale GAS baseline")
GAS_FOLLOW_UP: dict[Rater, Resource] = {
    "clinician": concept(LOINC, "107333-7", "Goal attainment scale, practitioner follow-up"),
    "young-person": concept(LOINC, "107334-5", "Goal attainment scale, patient follow-up"),
    "carer": concept(LOINC, "107331-1", "Goal attainment scale, caregiver follow-up"),
}
GAS_LEVELS: dict[int, Resource] = {
    -2: coding(LOINC, "LA34484-8"),
    -1: coding(LOINC, "LA34483-0"),
    0: coding(LOINC, "LA34481-4"),
    1: coding(LOINC, "LA34480-6"),
    2: coding(LOINC, "LA34479-8"),
}
GAS_EXTENSION = "http://hl7.org/fhir/us/pco/StructureDefinition/pco-goal-attainment-scaling"

SECTORS: dict[str, Resource] = {
    code: coding(ours("CodeSystem", "sector"), code, display)
    for code, display in (
        ("nhs-trust", "NHS trust"),
        ("local-authority", "Local authority"),
        ("school", "School"),
        ("charity", "Charity"),
        ("general-practice", "General practice"),
    )
}

TEST_DATA = [coding(f"{HL7}/v3-ActReason", "HTEST", "test health data")]
RESTRICTED = [coding(f"{HL7}/v3-Confidentiality", "R", "restricted")]


def score(value: Any) -> Resource:
    """A score as a Quantity, with the unit that UK Core gives scores."""
    return {"value": value, "unit": "score", "system": UCUM, "code": "{ScoreOf}"}
