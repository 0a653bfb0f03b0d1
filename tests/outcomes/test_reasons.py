from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from service.fhir import artefacts
from service.outcomes.reasons import Code, placed

ON = date(2026, 11, 27).toordinal()

PLACED = [
    (ON, "2026-11-27"),
    (ON - 1, "2026-11-26, 1 day before 2026-11-27"),
    (ON - 2, "2026-11-25, 2 days before 2026-11-27"),
    (ON + 1, "2026-11-28, 1 day after 2026-11-27"),
    (ON + 13, "2026-12-10, 13 days after 2026-11-27"),
]


@pytest.mark.parametrize(("day", "text"), PLACED)
def test_where_a_day_lies(day, text):
    assert placed(day, ON) == text


def test_every_reason_is_a_code_of_the_guide():
    code_system = artefacts.load().find(
        "CodeSystem", "https://thrive-fhir.example/CodeSystem/worklist-reason"
    )
    assert code_system is not None
    assert {concept["code"] for concept in code_system["concept"]} == set(get_args(Code))
