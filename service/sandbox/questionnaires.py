"""The forms of the sandbox as Questionnaires, and the Measure that its reports answer.

They carry linkIds, types, scales and scoring; the wording of GBO and CollaboRATE is under
others' licences and comes from a deployer's wording pack.

Source: domain facts sections 1 and 4 (scales, scoring, licences), section 6.5 (SDC extensions);
https://hl7.org/fhir/R4/questionnaire.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox import codes
from service.sandbox.collaborate import QUESTIONNAIRES as COLLABORATE
from service.sandbox.traces import PAIRED

if TYPE_CHECKING:
    from service.sandbox.codes import Resource

_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition"
_MINIMUM = "http://hl7.org/fhir/StructureDefinition/minValue"
_MAXIMUM = "http://hl7.org/fhir/StructureDefinition/maxValue"
_SLOTS = (1, 2, 3)
_ATTAINMENT = (-2, 2)


def resources() -> list[Resource]:
    """The shared definitions, the same in every cohort."""
    return [_gbo_session(), *(_collaborate(scale) for scale in COLLABORATE), _plan_review(), _paired()]


def _questionnaire(name: str, url: str, items: list[Resource]) -> Resource:
    return {
        "resourceType": "Questionnaire",
        "id": url.rsplit("/", 1)[1],
        "url": url,
        "name": name,
        "status": "active",
        "subjectType": ["Patient"],
        "publisher": "thrive-fhir sandbox",
        "item": items,
    }


def _bounds(value: str, low: int, high: int) -> list[Resource]:
    return [{"url": _MINIMUM, value: low}, {"url": _MAXIMUM, value: high}]


def _gbo_session() -> Resource:
    """Three slots; each says which goal is in it and gives its score, or its attainment level."""
    extract = {"url": f"{_SDC}/sdc-questionnaire-observationExtract", "valueBoolean": True}
    items: list[Resource] = [
        {
            "linkId": f"goal-{slot}",
            "type": "group",
            "item": [
                {"linkId": f"goal-{slot}.goal", "type": "reference"},
                {
                    "linkId": f"goal-{slot}.score",
                    "type": "decimal",
                    "extension": [*_bounds("valueDecimal", 0, codes.GOAL_SCALE_TOP), extract],
                },
                {
                    "linkId": f"goal-{slot}.level",
                    "type": "integer",
                    "extension": _bounds("valueInteger", *_ATTAINMENT),
                },
            ],
        }
        for slot in _SLOTS
    ]
    return _questionnaire("GboSession", codes.ours("Questionnaire", "gbo-session"), items)


def _collaborate(scale: int) -> Resource:
    """The three items on one scale; the mean exists only where all three are answered."""
    answered = "%resource.item.where(linkId in ('understand' | 'listen' | 'include')).answer.value"
    mean = f"iif({answered}.count() = 3, {answered}.aggregate($this + $total, 0) / 3, {{}})"
    items: list[Resource] = [
        {"linkId": link, "type": "integer", "extension": _bounds("valueInteger", 0, scale)}
        for link in codes.COLLABORATE_ITEMS
    ]
    items.append(
        {
            "linkId": "mean",
            "type": "decimal",
            "readOnly": True,
            "extension": [
                {
                    "url": f"{_SDC}/sdc-questionnaire-calculatedExpression",
                    "valueExpression": {"language": "text/fhirpath", "expression": mean},
                }
            ],
        }
    )
    return _questionnaire(f"Collaborate0To{scale}", COLLABORATE[scale], items)


def _plan_review() -> Resource:
    """The review of a THRIVE plan, in our own words."""
    items: list[Resource] = [
        {
            "linkId": "grouping",
            "type": "choice",
            "text": "Which kind of help fits now?",
            "answerValueSet": codes.ours("ValueSet", "needs-based-grouping"),
        },
        {"linkId": "goals-still-right", "type": "boolean", "text": "Are these still the right goals?"},
        {
            "linkId": "coordinator-still-right",
            "type": "boolean",
            "text": "Does coordination stay where it is?",
        },
        {"linkId": "ending-talked-about", "type": "boolean", "text": "Did we talk about how this ends?"},
        {"linkId": "next-review", "type": "date", "text": "When do we look at it again?"},
    ]
    return _questionnaire("ThrivePlanReview", codes.ours("Questionnaire", "thrive-plan-review"), items)


def _paired() -> Resource:
    """Counts of goals; no library holds the expressions, the descriptions say what they mean."""

    def population(code: str, display: str, expression: str, meaning: str) -> Resource:
        return {
            "code": codes.concept(f"{codes.HL7}/measure-population", code, display),
            "description": meaning,
            "criteria": {"language": "text/cql", "expression": expression},
        }

    return {
        "resourceType": "Measure",
        "id": PAIRED.rsplit("/", 1)[1],
        "url": PAIRED,
        "name": "PairedGoalScores",
        "title": "Goals with a first and a later score",
        "status": "active",
        "publisher": "thrive-fhir sandbox",
        "scoring": codes.concept(f"{codes.HL7}/measure-scoring", "proportion", "Proportion"),
        "group": [
            {
                "population": [
                    population(
                        "denominator",
                        "Denominator",
                        "Rated Goals",
                        "Goals with at least one score by their owner",
                    ),
                    population(
                        "numerator",
                        "Numerator",
                        "Goals Rated Twice",
                        "Goals with at least two scores by their owner",
                    ),
                ]
            }
        ],
    }
