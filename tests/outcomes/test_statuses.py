from __future__ import annotations

import itertools

import pytest

from service.outcomes.statuses import IN_ERROR, NO_WAY_BACK, STATUS_ELEMENT, makes_sense_after
from tests.outcomes.clinic import told

# Every step that is refused, by type: from, to. All others are open, into an error always.
REFUSED = {
    "Goal": set(),
    "Observation": {
        ("final", "registered"),
        ("final", "preliminary"),
        ("amended", "registered"),
        ("amended", "preliminary"),
        ("amended", "final"),
        ("corrected", "registered"),
        ("corrected", "preliminary"),
        ("corrected", "final"),
    },
    "QuestionnaireResponse": {
        ("completed", "in-progress"),
        ("completed", "stopped"),
        ("amended", "in-progress"),
        ("amended", "stopped"),
        ("amended", "completed"),
    },
    "CarePlan": {("completed", "draft"), ("revoked", "draft")},
    "EpisodeOfCare": set(),
}
# Source: https://hl7.org/fhir/R4/terminologies-valuesets.html
CODES = {
    "Goal": "proposed planned accepted active on-hold completed cancelled entered-in-error rejected",
    "Observation": "registered preliminary final amended corrected cancelled entered-in-error unknown",
    "QuestionnaireResponse": "in-progress completed amended entered-in-error stopped",
    "CarePlan": "draft active on-hold revoked completed entered-in-error unknown",
    "EpisodeOfCare": "planned waitlist active onhold finished cancelled entered-in-error",
}
STEPS = [
    (type_, before, after)
    for type_, codes in CODES.items()
    for before, after in itertools.product(codes.split(), codes.split())
]


@pytest.mark.parametrize(("type_", "before", "after"), STEPS)
def test_steps(type_, before, after):
    issues = told(makes_sense_after(type_, before, after))
    place = "Goal.lifecycleStatus" if type_ == "Goal" else f"{type_}.status"
    if before == IN_ERROR and after != IN_ERROR:
        assert issues == [("error", "status-after-error", place)]
    elif (before, after) in REFUSED[type_]:
        assert issues == [("error", "status-going-back", place)]
    else:
        assert issues == []


@pytest.mark.parametrize(
    ("before", "after"), [(None, "final"), ("final", None), (None, None), (IN_ERROR, None)]
)
def test_where_a_status_is_not_said_there_is_no_step(before, after):
    assert makes_sense_after("Observation", before, after) == []


def test_the_table_speaks_of_statuses_that_there_are():
    assert NO_WAY_BACK.keys() == STATUS_ELEMENT.keys() == CODES.keys()
    for type_, steps in NO_WAY_BACK.items():
        codes = set(CODES[type_].split())
        assert steps.keys() <= codes
        assert all(after <= codes for after in steps.values())
