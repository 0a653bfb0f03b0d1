"""Scores and referrals as they come from the store, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir.guide import Guide
from service.fhir.problems import Gone, Missing
from service.interactions.delete import delete
from service.interactions.update import update
from service.operations.measured import known_measures, measured, referrals_of
from service.outcomes.days import days_of
from service.outcomes.norms import Person
from service.outcomes.referrals import ODS_CODE
from tests.operations.measuring import contact, episode, patient, refer, referral, score

ORS = "716613004"


@pytest.fixture
def put(context, act):
    async def putting(*resources):
        for resource in resources:
            await update(context, act, resource["resourceType"], resource["id"], resource)

    return putting


async def test_the_measures_are_those_of_the_guide(context):
    assert {each.code for each in known_measures(context)} >= {"ors-total", "rcads-self-panic"}
    assert list(known_measures(replace(context, guide=Guide()))) == []


async def test_a_young_persons_scores(context, act, elsewhere, put):
    await put(
        patient(),
        patient("other"),
        score("a", ORS, "2026-02-01", 10),
        score("b", ORS, "2026-02-08", 0),
        score("wrong", ORS, "2026-02-09", 12, status="entered-in-error"),
        score("gone", ORS, "2026-02-10", 13),
        score(
            "others", ORS, "2026-02-08", 5, subject=refer("Patient/other"), performer=[refer("Patient/other")]
        ),
        score("mood", "365949003", "2026-02-08", 5),
    )
    await delete(context, act, "Observation", "gone")
    found = await measured(context, act, "ash", known_measures(context))
    assert found.person == Person(days_of("2012-03-10"), "female")
    assert sorted((each.observation, each.value) for each in found.takings) == [("a", 10), ("b", 0)]
    with pytest.raises(Missing):
        await measured(context, elsewhere, "ash", known_measures(context))


async def test_who_is_not_here_has_no_scores(context, act, put):
    with pytest.raises(Missing):
        await measured(context, act, "ash", known_measures(context))
    await put(patient())
    await delete(context, act, "Patient", "ash")
    with pytest.raises(Gone):
        await measured(context, act, "ash", known_measures(context))


async def test_referrals_with_their_contacts(context, act, put):
    await put(
        patient(),
        referral("r"),
        referral("signposting"),
        episode("e", "r"),
        contact("second", "2026-02-08T10:00:00Z"),
        contact("first", "2026-02-01T10:00:00Z"),
        contact("gone", "2026-01-25T10:00:00Z"),
    )
    await delete(context, act, "Encounter", "gone")
    [found] = await referrals_of(context, act, "ash")
    assert (found.id, found.received, found.closed) == (
        "r",
        days_of("2026-01-05").first,
        days_of("2026-05-30").first,
    )
    assert [each.encounter for each in found.contacts] == ["first", "second"]
    assert list(await referrals_of(context, act, "nobody")) == []


async def test_text_messages_count_with_the_two_online_providers(context, act, put):
    def organization(id_, code):
        return {
            "resourceType": "Organization",
            "id": id_,
            "name": "an agency",
            "identifier": [{"system": ODS_CODE, "value": code}],
        }

    await put(
        patient(),
        referral("r"),
        organization("online", "DFC"),
        organization("trust", "RXX"),
        organization("gone", "S9X2N"),
        contact("counts", "2026-02-01T10:00:00Z", "09", serviceProvider=refer("Organization/online")),
        contact("trusts", "2026-02-02T10:00:00Z", "09", serviceProvider=refer("Organization/trust")),
        contact("nowhere", "2026-02-03T10:00:00Z", "09"),
        contact("gone", "2026-02-04T10:00:00Z", "09", serviceProvider=refer("Organization/gone")),
        contact(
            "away",
            "2026-02-05T10:00:00Z",
            "09",
            serviceProvider=refer("https://elsewhere.example/Organization/1"),
        ),
    )
    await delete(context, act, "Organization", "gone")
    [found] = await referrals_of(context, act, "ash")
    assert [each.encounter for each in found.contacts] == ["counts"]
