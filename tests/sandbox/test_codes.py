from __future__ import annotations

from typing import Any

from service.sandbox import codes
from tests.sandbox.conftest import Cohort

# Verhoeff's multiplication in the dihedral group of ten, and his permutation.
_DIHEDRAL = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]
_PERMUTATION = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def checks(number: str) -> bool:
    """Whether a SNOMED CT id ends in its check digit."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit)
        for _ in range(place % 8):
            value = _PERMUTATION[value]
        total = _DIHEDRAL[total][value]
    return total == 0


def codings(value: Any) -> list[tuple[str, str]]:
    match value:
        case {"system": str(system), "code": str(code)}:
            return [(system, code)]
        case dict():
            return [found for inner in value.values() for found in codings(inner)]
        case list():
            return [found for inner in value for found in codings(inner)]
        case _:
            return []


def test_snomed_ids_have_their_check_digit(made: Cohort):
    found = {
        code for resource in made.resources for system, code in codings(resource) if system == codes.SNOMED
    }
    assert len(found) > 50
    assert all(checks(code) for code in found)
    assert not checks("768820004")


def test_loinc_codes_that_left_the_guide_occur_nowhere(made: Cohort):
    found = {
        code for resource in made.resources for system, code in codings(resource) if system == codes.LOINC
    }
    assert "112296-9" in found
    assert not {"107332-9", "LA34482-2"} & found
    assert not any(code.startswith("68489") for code in found)


def test_local_systems_are_under_our_address(made: Cohort):
    published = ("http://snomed.info/sct", "http://loinc.org", "http://unitsofmeasure.org", "http://terminology.hl7.org/",
                 "https://fhir.hl7.org.uk/")  # fmt: skip
    for resource in made.resources:
        for system, _ in codings(resource):
            assert system.startswith((codes.OURS, *published)), system


def test_anyone_elses_rating_never_has_a_code_of_the_young_person():
    for code_set in ("progress-chart", "goal-tool"):
        for slot in (1, 2, 3):
            own = codes.goal_score("young-person", code_set, slot)
            assert own["coding"][0]["system"] == codes.SNOMED
            assert f"goal {slot} score" in own["coding"][0]["display"]
            for rater in ("carer", "clinician"):
                assert codes.goal_score(rater, code_set, slot)["coding"][0]["system"].startswith(codes.OURS)
