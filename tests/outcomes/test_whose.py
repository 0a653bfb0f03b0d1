from __future__ import annotations

import pytest

from service.outcomes.whose import CLOSED, DIRECTORY, NOBODY, Whose, joined, whose
from tests.outcomes.clinic import ASH, BRAMBLE, locate, refer

ONE = Whose("ash")
TEAM = ("CareTeam", "t")


def of(type_, **said):
    return whose({"resourceType": type_, "id": "x", **said}, locate)


@pytest.mark.parametrize("type_", sorted(DIRECTORY))
def test_a_directory_is_about_nobody_whatever_it_says(type_):
    assert of(type_, subject=refer(ASH)) == NOBODY


@pytest.mark.parametrize(
    ("type_", "said", "found"),
    [
        ("Goal", {"subject": refer(ASH)}, ONE),
        ("Observation", {"subject": {"reference": "Patient/ash", "display": "Ash"}}, ONE),
        ("CareTeam", {"subject": refer(ASH)}, ONE),
        ("RelatedPerson", {"patient": refer(ASH)}, ONE),
        ("EpisodeOfCare", {"patient": refer(ASH)}, ONE),
        ("Consent", {"patient": refer(ASH)}, ONE),
        ("Task", {"for": refer(ASH), "focus": refer(BRAMBLE)}, ONE),
        ("MeasureReport", {"subject": refer(ASH)}, ONE),
        ("Provenance", {"target": [refer(ASH)]}, Whose(closed=True, through=(ASH,))),
        ("Binary", {"securityContext": refer(ASH)}, Whose(closed=True, through=(ASH,))),
        ("Goal", {}, CLOSED),
        ("Goal", {"subject": {"identifier": {"value": "1"}}}, CLOSED),
        ("Goal", {"subject": refer(("", "https://elsewhere.example/Patient/ash"))}, CLOSED),
        ("MeasureReport", {}, CLOSED),
        ("Group", {"member": [{"entity": refer(ASH)}]}, CLOSED),
        ("Subscription", {"criteria": "Goal?patient=ash"}, CLOSED),
        ("CareTeam", {}, CLOSED),
        ("Provenance", {"target": [refer(ASH), refer(BRAMBLE)]}, Whose(closed=True, through=(ASH, BRAMBLE))),
        ("Provenance", {"target": [refer(TEAM), {"display": "?"}]}, CLOSED),
        ("Task", {"focus": refer(TEAM)}, Whose(closed=True, through=(TEAM,))),
        ("Binary", {"securityContext": refer(TEAM)}, Whose(closed=True, through=(TEAM,))),
        ("Provenance", {"target": [refer(TEAM), refer(ASH)]}, Whose(closed=True, through=(TEAM, ASH))),
        ("Communication", {"about": [refer(TEAM), refer(TEAM)]}, Whose(closed=True, through=(TEAM,))),
        ("Flag", {"subject": refer(("Location", "l"))}, Whose(closed=True, through=(("Location", "l"),))),
        ("SomethingNew", {}, CLOSED),
    ],
)
def test_whose_a_resource_is(type_, said, found):
    assert of(type_, **said) == found


def test_a_patient_is_their_own():
    assert whose({"resourceType": "Patient", "id": "ash"}, locate) == ONE
    assert whose({"resourceType": "Patient"}, locate) == CLOSED


def test_an_address_elsewhere_is_not_one_of_ours():
    elsewhere = {"resourceType": "Goal", "subject": {"reference": "x"}}
    assert whose(elsewhere, lambda _text: ("", "https://elsewhere.example/Patient/ash")) == CLOSED


@pytest.mark.parametrize(
    ("several", "found"),
    [
        ([], CLOSED),
        ([ONE], ONE),
        ([ONE, ONE], ONE),
        ([ONE, NOBODY], ONE),
        ([NOBODY], NOBODY),
        ([ONE, Whose("bramble")], CLOSED),
        ([ONE, CLOSED], CLOSED),
    ],
)
def test_what_is_about_several_is_whose_they_all_are(several, found):
    assert joined(several) == found
