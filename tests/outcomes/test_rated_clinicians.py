"""Which CollaboRATE answers and scores a clinician is shown: those that cannot rate them."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.search.expressions import Query
from service.outcomes.rated_clinicians import unrated
from service.storage.store import AuditEntry, Change, Store, Unit
from tests.operations.rated_agency import encounter, refer, response, score

LOCALITY = "default"
ROWAN = ("Practitioner", "rowan")
RESPONSES = "QuestionnaireResponse"
SCORES = "Observation"


def staff(id_: str) -> dict[str, Any]:
    return {"resourceType": "Practitioner", "id": id_}


def role(id_: str, of: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "PractitionerRole", "id": id_}
    return made if of is None else {**made, "practitioner": refer(f"Practitioner/{of}")}


RATED = [
    *(staff(id_) for id_ in ("rowan", "sol")),
    role("rowan-here", "rowan"),
    role("rowan-there", "rowan"),
    role("sol-here", "sol"),
    role("nobody-here", None),
    encounter("by-name", "camhs", "Practitioner/rowan"),
    encounter("in-a-role", "camhs", "PractitionerRole/rowan-here"),
    encounter("with-another", "camhs", "Practitioner/sol", "PractitionerRole/rowan-there"),
    encounter("without", "camhs", "Practitioner/sol"),
    encounter("without-role", "camhs", "PractitionerRole/sol-here"),
    encounter("of-nobody", "camhs", "PractitionerRole/nobody-here"),
    encounter("empty", "camhs"),
]
ENCOUNTERS = [each["id"] for each in RATED if each["resourceType"] == "Encounter"]


def answers() -> list[dict[str, Any]]:
    unknown = {**response("unknown"), "id": "unknown-answers"}
    del unknown["encounter"]
    told = {**score("untold"), "id": "untold-score"}
    del told["encounter"]
    return [
        *(response(id_) for id_ in ENCOUNTERS),
        *(score(id_) for id_ in ENCOUNTERS),
        unknown,
        told,
        # A form of somebody else's from which a score came is an answer as well.
        {**response("foreign"), "questionnaire": "https://elsewhere.example/form", "encounter": refer("Encounter/by-name")},
        score("foreign", encounter=refer("Encounter/by-name"), derivedFrom=[refer("QuestionnaireResponse/foreign-answers")]),
        {**response("versioned"), "questionnaire": response("x")["questionnaire"] + "|9.9", "encounter": refer("Encounter/by-name")},
        # What is no CollaboRATE is shown, whoever took part.
        {**response("other"), "questionnaire": "https://elsewhere.example/other", "encounter": refer("Encounter/by-name")},
        {**score("other"), "code": {"coding": [{"system": "https://elsewhere.example", "code": "mood"}]}, "encounter": refer("Encounter/by-name")},
    ]  # fmt: skip


@pytest.fixture
async def rated(store: Store) -> Store:
    changes = [
        Change(each["resourceType"], each["id"], "PUT", None, None, each) for each in [*RATED, *answers()]
    ]
    await store.commit(LOCALITY, Unit(tuple(changes), AuditEntry("epr", "camhs", "update", "request")))
    return store


async def shown(store: Store, user: tuple[str, str], type_: str) -> set[str]:
    found = await store.search(LOCALITY, Query(type_, unrated(user)[type_], 100))
    return {stored.id.rpartition("-")[0] for stored in found.items}


WITHOUT = {"without", "without-role", "of-nobody", "empty"}


async def test_clinician_is_shown_what_rates_others_and_what_is_no_rating(rated: Store) -> None:
    assert await shown(rated, ROWAN, RESPONSES) == {*WITHOUT, "other"}
    assert await shown(rated, ROWAN, SCORES) == {*WITHOUT, "other"}


@pytest.mark.parametrize("id_", ["rowan-here", "rowan-there"])
async def test_who_calls_in_a_role_took_part_in_whatever_role_or_by_name(rated: Store, id_: str) -> None:
    assert await shown(rated, ("PractitionerRole", id_), RESPONSES) == {*WITHOUT, "other"}
    assert await shown(rated, ("PractitionerRole", id_), SCORES) == {*WITHOUT, "other"}


async def test_role_of_nobody_took_part_where_it_is_named(rated: Store) -> None:
    expected = {*ENCOUNTERS, "other", "foreign", "versioned"} - {"of-nobody"}
    assert await shown(rated, ("PractitionerRole", "nobody-here"), RESPONSES) == expected


async def test_where_no_encounter_is_known_nothing_is_shown_to_any_clinician(rated: Store) -> None:
    found = await shown(rated, ("Practitioner", "somebody-else"), RESPONSES)
    assert found == {*ENCOUNTERS, "other", "foreign", "versioned"}
    assert "untold" not in await shown(rated, ("Practitioner", "somebody-else"), SCORES)


@pytest.mark.parametrize("user", [None, ("Patient", "kim"), ("RelatedPerson", "parent")])
def test_nothing_is_hidden_from_who_is_no_clinician(user: tuple[str, str] | None) -> None:
    assert unrated(user) == {}
