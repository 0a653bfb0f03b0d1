"""Emergencies: the Consent that opens a record, and who is told of it."""

from __future__ import annotations

import pytest

from service.outcomes import emergencies, sharing
from service.outcomes.grants import Effect, Ground, Row
from tests.fhir_profiles.test_artefacts import of_kind

HOUR = 3_600_000
START = 1_700_000_000_000
WHY = ("risk-to-life", "said so on the telephone")


def locate(text: str) -> tuple[str, str]:
    type_, _, id_ = text.partition("/")
    return type_, id_


def opened(start: str = "2023-11-14T22:13:20.000Z", end: str = "2023-11-15T22:13:19.999Z"):
    return emergencies.opening("c", "ash", "police", WHY, (start, end))


def test_the_rule_reads_the_consent_as_an_emergency_of_that_agency_alone():
    [row] = sharing.facts(opened(), locate).rows
    assert row == Row("ash", "police", Effect.EMERGENCY, low=START, high=START + 24 * HOUR)


@pytest.mark.parametrize(
    ("agency", "now", "ground"),
    [
        ("police", START, Ground.EMERGENCY),
        ("police", START - 1, Ground.NONE),
        ("police", START + 24 * HOUR - 1, Ground.EMERGENCY),
        ("police", START + 24 * HOUR, Ground.NONE),
        ("another", START, Ground.NONE),
    ],
)
def test_who_sees_and_when(agency, now, ground):
    rows = sharing.facts(opened(), locate).rows
    goal = sharing.Facts("ash", closed=False, label=0)
    viewer = sharing.Viewer(agency, frozenset(), "TREAT", now)
    assert sharing.decide(goal, "Goal", "trust", rows, viewer) is ground


def test_it_opens_no_longer_than_a_day():
    assert sharing.facts(opened(end="2023-11-15T22:13:20.000Z"), locate).rows == ()


def test_it_fits_our_profile(registry, guide, terminology):
    from service.fhir.validation.validator import Validator

    issues = Validator(registry, guide, terminology).check(opened())
    assert [issue.text for issue in issues if issue.is_fault] == []


def test_the_reasons_are_those_of_the_code_system():
    [system] = [each for each in of_kind("CodeSystem") if each["url"] == emergencies.REASONS]
    assert {each["code"]: each["display"] for each in system["concept"]} == emergencies.DISPLAYS


def test_the_notice_is_an_event_that_we_define():
    [system] = [each for each in of_kind("CodeSystem") if each["id"] == "notice-event"]
    assert emergencies.NOTICE in {each["code"] for each in system["concept"]}


def coordinates(agency: str, low: int = 0, high: int = 2 * START) -> Row:
    return Row("ash", agency, Effect.PLAN, low=low, high=high)


@pytest.mark.parametrize(
    ("rows", "author", "told"),
    [
        ([coordinates("trust")], "gp", ("trust",)),
        ([coordinates("trust"), coordinates("school")], "gp", ("school", "trust")),
        ([coordinates("trust", high=START)], "gp", ("gp",)),
        ([coordinates("trust", low=START + 1)], "gp", ("gp",)),
        ([coordinates("police")], "gp", ()),
        ([Row("ash", "charity", Effect.TEAM)], "gp", ("gp",)),
        ([], "police", ()),
        ([], "", ()),
    ],
)
def test_who_is_told(rows, author, told):
    assert emergencies.to_be_told(rows, author, "police", START) == told
