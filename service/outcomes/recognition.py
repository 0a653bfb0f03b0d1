"""What a resource is to the clinic: a goal's score, a grouping, a session's form, a THRIVE plan.

A resource is known by its codes, its form and our extensions, whether or not it claims a
profile. What is none of these is somebody else's, and no rule here is about it.

Source: docs/rules.md; SNOMED CT UK ids of the goal slots as in NHSDigital/mental-health-monthly-statistics
@7b4d742, LOINC codes of the HL7 Person-Centered Outcomes guide STU1
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

Resource = Mapping[str, Any]
Coding = tuple[str, str]  # system and code

OURS: Final = "https://thrive-fhir.example"
SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"

SLOT_EXTENSION: Final = f"{OURS}/StructureDefinition/goal-slot"
COORDINATOR_EXTENSION: Final = f"{OURS}/StructureDefinition/plan-coordinator"
AGENCY_EXTENSION: Final = f"{OURS}/StructureDefinition/plan-coordinating-agency"
PLAN_PROFILE: Final = f"{OURS}/StructureDefinition/thrive-plan"

# The young person's own rating, in the older and the newer set of codes.
SLOT_OF_CODE: Final[Mapping[Coding, int]] = {
    (SNOMED, "1034351000000101"): 1,
    (SNOMED, "1034361000000103"): 2,
    (SNOMED, "1034371000000105"): 3,
    (SNOMED, "1638531000000102"): 1,
    (SNOMED, "1638541000000106"): 2,
    (SNOMED, "1638551000000109"): 3,
}
# A goal's score that says no slot: SNOMED's generic one, and the four of goal attainment scaling.
_WITHOUT_SLOT: Final = frozenset(
    {
        (SNOMED, "959951000000108"),
        (LOINC, "112296-9"),
        (LOINC, "107331-1"),
        (LOINC, "107333-7"),
        (LOINC, "107334-5"),
    }
)
GOAL_SCORES: Final = f"{OURS}/CodeSystem/goal-score"  # ratings by parents, carers and clinicians

GROUPING: Final[Coding] = (f"{OURS}/CodeSystem/observable", "needs-based-grouping")

COLLABORATE: Final = f"{OURS}/CodeSystem/collaborate"
GOAL_SESSION: Final = f"{OURS}/Questionnaire/gbo-session"
# The top of the scale, by the ending of the form's address, of its linkIds and of our codes.
SCALES: Final[Mapping[str, int]] = {"0-9": 9, "0-4": 4}
_NAMES: Final = tuple((f"collaborate-{name}", f"scale-{name}", top) for name, top in SCALES.items())


def codings(concept: Any) -> list[Coding]:
    """The codings of a CodeableConcept, those without system or code left out."""
    if not isinstance(concept, dict):
        return []
    return [
        (coding["system"], coding["code"])
        for coding in concept.get("coding", ())
        if "system" in coding and "code" in coding
    ]


def is_goal_score(observation: Resource) -> bool:
    """Whether an Observation is the score of a goal, on the scale from 0 to 10 or by attainment."""
    for coding in codings(observation.get("code")):
        if coding in SLOT_OF_CODE or coding in _WITHOUT_SLOT or coding[0] == GOAL_SCORES:
            return True
    return False


def is_grouping(observation: Resource) -> bool:
    """Whether an Observation is a needs-based grouping."""
    return GROUPING in codings(observation.get("code"))


def is_collaborate_score(observation: Resource) -> bool:
    """Whether an Observation is a CollaboRATE score."""
    for system, _ in codings(observation.get("code")):  # noqa: SIM110 - as above
        if system == COLLABORATE:
            return True
    return False


def is_goal_session(response: Resource) -> bool:
    """Whether a QuestionnaireResponse is the form in which a session's goals are rated."""
    form: str = response.get("questionnaire", "")
    return form.partition("|")[0] == GOAL_SESSION


def is_thrive_plan(care_plan: Resource) -> bool:
    """Whether a CarePlan is a THRIVE plan: it claims to be one, or says who coordinates it."""
    claimed = care_plan.get("meta", {}).get("profile", ())
    if any(profile.partition("|")[0] == PLAN_PROFILE for profile in claimed if profile):
        return True
    return any(
        extension.get("url") in {COORDINATOR_EXTENSION, AGENCY_EXTENSION}
        for extension in care_plan.get("extension", ())
    )


def named_scales(texts: Iterable[str]) -> frozenset[int]:
    """The CollaboRATE scales, by their top, that texts such as `collaborate-0-9.listen` or `scale-0-4` name."""
    found: set[int] = set()
    for text in texts:
        if "-" in text:
            found.update(top for begin, scale, top in _NAMES if begin in text or text == scale)
    return frozenset(found)
