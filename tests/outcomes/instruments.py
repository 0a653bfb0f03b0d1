"""The measures of our code system, and scores of them, for the tables of the rules."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

from service.fhir import codec
from service.outcomes.days import days_of
from service.outcomes.measures import Measure, Measures, goal_measures, read_measures
from service.outcomes.references import Target
from service.outcomes.series import CLINICIAN, OTHER, PARENT_OR_CARER, YOUNG_PERSON, Rater
from service.outcomes.takings import Taking
from tests.outcomes.clinic import ASH
from tests.rest.serving import ROOT

MUM: Target = ("RelatedPerson", "mum")
DAD: Target = ("RelatedPerson", "dad")
HAZEL: Target = ("Practitioner", "hazel")
ROWAN: Target = ("Practitioner", "rowan")
GIVEN_BY: dict[str, Rater] = {
    "Patient": YOUNG_PERSON,
    "RelatedPerson": PARENT_OR_CARER,
    "Practitioner": CLINICIAN,
    "Organization": OTHER,
}


@cache
def code_system() -> dict[str, Any]:
    return codec.decode((ROOT / "fhir_profiles" / "CodeSystem" / "measures.json").read_bytes())


@cache
def known() -> Measures:
    """Those of the code system, and the goals' as the national metric takes them."""
    return read_measures(code_system()).beside(goal_measures())


def measure(code: str) -> Measure:
    [found] = [each for each in known() if each.code == code]
    return found


def day(text: str) -> int:
    found = days_of(text)
    assert found is not None
    return found.first


def taking(name: str, /, when: str, value: str | int, by: Target = ASH, **more: Any) -> Taking:
    """A score of the measure of that code."""
    of = measure(name)
    given_by = GIVEN_BY[by[0]]
    return Taking(
        **{
            "observation": f"{name}-{when}",
            "measure": of,
            "code": known().codings_of(of)[0],
            "rater": of.rater or given_by,
            "given_by": given_by,
            "rated_by": by,
            "when": when,
            "day": day(when),
            "value": Decimal(value),
            "encounter": None,
            "referral": None,
            **more,
        }
    )
