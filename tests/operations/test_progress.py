"""$progress as a client asks for it."""

from __future__ import annotations

import csv
import io

import pytest

from tests.conftest import store
from tests.outcomes.clinic import (
    ASH,
    DAD,
    MUM,
    PROGRESS_CHART,
    ROWAN,
    about,
    extension,
    own,
    rated_by,
    rating,
)
from tests.rest.conftest import client, context, log, make_app, validator

__all__ = ["client", "context", "log", "make_app", "store", "validator"]

OURS = "https://thrive-fhir.example"
CATEGORY = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]
}


def goal(id_, slot, **more):
    return {
        "resourceType": "Goal",
        "id": id_,
        "lifecycleStatus": "active",
        "description": {"text": "invented"},
        "startDate": "2026-01-01",
        **about(ASH),
        "expressedBy": {"reference": "Patient/ash"},
        "extension": [
            extension("goal-slot", valuePositiveInt=slot),
            extension("goal-agency", valueReference={"reference": "Organization/camhs"}),
        ],
        **more,
    }


def score(*said, **more):
    unit = {"unit": "score", "system": "http://unitsofmeasure.org", "code": "{ScoreOf}"}
    made = rating(*said, category=[CATEGORY], **more)
    if "valueQuantity" in made:
        made["valueQuantity"] = {"value": int(made["valueQuantity"]["value"]), **unit}
    return made


@pytest.fixture
def put(client):
    async def putting(*resources):
        for each in resources:
            answer = await client.put(f"/fhir/{each['resourceType']}/{each['id']}", json=each)
            assert answer.status_code in {200, 201}, answer.text

    return putting


@pytest.fixture
def ask(client):
    async def asking(path="Patient/ash", **params):
        answer = await client.get(f"/fhir/{path}/$progress", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()["parameter"]

    return asking


def of(parameters, name):
    """What each parameter of the name says, by part; parts that repeat are there once, the last one."""
    return [
        {part["name"]: next((one for key, one in part.items() if key != "name")) for part in each["part"]}
        for each in parameters
        if each["name"] == name
    ]


def verdicts(parameters):
    """By rater: goals rated twice, their total, and what the two rules say."""
    slots = {each["rater"]: each["verdict"] for each in of(parameters, "each-slot")}
    return {
        each["rater"]: (each["goals"], each.get("total-change"), each["verdict"], slots[each["rater"]])
        for each in of(parameters, "mean-of-goals")
    }


PEOPLE = (
    {"resourceType": "Patient", "id": "ash"},
    {"resourceType": "RelatedPerson", "id": "mum", "patient": {"reference": "Patient/ash"}},
    {"resourceType": "RelatedPerson", "id": "dad", "patient": {"reference": "Patient/ash"}},
    {"resourceType": "Practitioner", "id": "rowan"},
)


async def test_the_worked_example(put, ask):
    await put(
        *PEOPLE,
        goal("one", 1),
        goal("two", 2),
        goal("three", 3),
        score("1a", "one", "2", "2026-03-01", own(1)),
        score("2a", "two", "3", "2026-03-01", own(2)),
        score("3a", "three", "4", "2026-03-01", own(3)),
    )
    assert verdicts(await ask()) == {"young-person": (0, None, "not-rated-twice", "not-rated-twice")}
    await put(
        score("1b", "one", "6", "2026-03-15", own(1)),
        score("2b", "two", "3", "2026-03-15", own(2)),
        score("3b", "three", "5", "2026-03-15", own(3)),
    )
    shown = await ask()
    assert verdicts(shown) == {"young-person": (3, 5, "no-change", "improved")}
    assert of(shown, "mean-of-goals")[0]["mean-change"] == 1.67
    alone = await ask("Goal/one")
    assert verdicts(alone) == {"young-person": (1, 4, "improved", "improved")}
    assert [each["goal"] for each in of(alone, "goal")] == [{"reference": "Goal/one"}]


async def test_raters_side_by_side_and_one_of_them(put, ask):
    await put(
        *PEOPLE,
        goal("one", 1),
        score("y1", "one", "0", "2026-03-01", own(1)),
        score("y2", "one", "1", "2026-03-15", own(1)),
        score("m1", "one", "5", "2026-03-01", rated_by("parent"), MUM),
        score("m2", "one", "2", "2026-03-15", rated_by("parent"), MUM),
        score("d1", "one", "1", "2026-03-01", rated_by("parent"), DAD),
        score("d2", "one", "9", "2026-03-15", rated_by("parent"), DAD),
        score("c1", "one", "1", "2026-03-15", rated_by("clinician"), ROWAN),
    )
    shown = await ask()
    assert [
        (each["rater"], each.get("rated-by"), each["verdict"]) for each in of(shown, "mean-of-goals")
    ] == [
        ("young-person", {"reference": "Patient/ash"}, "no-change"),
        ("parent-or-carer", {"reference": "RelatedPerson/dad"}, "improved"),
        ("parent-or-carer", {"reference": "RelatedPerson/mum"}, "deteriorated"),
        ("clinician", None, "not-rated-twice"),
    ]
    assert set(verdicts(await ask(rater="clinician"))) == {"clinician"}


async def test_a_late_correction_and_one_taken_back(put, ask):
    await put(
        *PEOPLE,
        goal("one", 1),
        score("a", "one", "2", "2026-03-01", own(1)),
        score("b", "one", "4", "2026-03-15", own(1)),
        score("c", "one", "5", "2026-03-22", own(1)),
    )
    assert verdicts(await ask())["young-person"] == (1, 3, "improved", "improved")
    await put(score("a", "one", "3", "2026-03-01", own(1), status="amended"))
    assert verdicts(await ask())["young-person"] == (1, 2, "no-change", "no-change")
    await put(score("c", "one", "5", "2026-03-22", own(1), status="entered-in-error"))
    assert verdicts(await ask())["young-person"] == (1, 1, "no-change", "no-change")
    await put(score("late", "one", "0", "2026-02-01", own(1)))
    assert verdicts(await ask())["young-person"] == (1, 4, "improved", "improved")


async def test_a_replaced_goal_in_its_slot_and_a_switch_of_codes(put, ask):
    await put(
        *PEOPLE,
        goal("old", 1, lifecycleStatus="cancelled", statusDate="2026-03-10"),
        score("a", "old", "6", "2026-03-01", own(1, PROGRESS_CHART)),
        score("b", "old", "5", "2026-03-08", own(1)),
        goal("new", 1),
        score("c", "new", "1", "2026-03-15", own(1)),
        score("d", "new", "4", "2026-03-22", own(1)),
    )
    clinical, parity = await ask(), await ask(mode="nhse-parity")
    assert verdicts(clinical)["young-person"] == (2, 2, "no-change", "improved")
    for shown in (clinical, parity):
        assert [each["caution"] for each in of(shown, "caution")] == ["slot-reused", "code-set-switched"]
    assert [(each["ratings"], each["each-slot"]) for each in of(parity, "pair")] == [
        (1, "not-rated-twice"),
        (3, "no-change"),  # 5 of the old goal to 4 of the new one
    ]
    assert [each["verdict"] for each in of(parity, "each-slot")] == ["no-change"]
    assert of(parity, "mean-of-goals") == []


async def test_days(put, ask):
    await put(
        *PEOPLE,
        goal("one", 1),
        score("a", "one", "2", "2026-03-01", own(1)),
        score("b", "one", "4", "2026-03-15", own(1)),
        score("c", "one", "9", "2026-04-01T00:30:00+01:00", own(1)),
    )
    assert verdicts(await ask(end="2026-03"))["young-person"][1] == 2
    assert verdicts(await ask(start="2026-03-15"))["young-person"][1] == 5
    assert verdicts(await ask(start="2026-03-15", end="2026-03-31"))["young-person"][0] == 0


async def test_rows(put, client):
    await put(*PEOPLE, goal("one", 1), score("a", "one", "2", "2026-03-01", own(1)))
    path = "/fhir/Goal/one/$progress"
    by_header = await client.get(path, headers={"Accept": "text/csv"})
    assert by_header.headers["content-type"] == "text/csv; charset=utf-8"
    assert by_header.text == (await client.get(path, params={"_format": "csv"})).text
    [row] = csv.DictReader(io.StringIO(by_header.text))
    assert (row["goal"], row["baseline"], row["each_slot"]) == ("one", "2", "not-rated-twice")
    [point] = csv.DictReader(
        io.StringIO((await client.get(path, params={"_format": "csv", "rows": "points"})).text)
    )
    assert (point["observation"], point["value"]) == ("a", "2")


async def test_what_is_asked_in_a_body(put, client):
    await put(*PEOPLE, goal("one", 1), score("a", "one", "2", "2026-03-01", own(1)))
    asked = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "mode", "valueCode": "nhse-parity"},
            {"name": "rater", "valueCode": "young-person"},
        ],
    }
    answer = await client.post("/fhir/Patient/ash/$progress", json=asked)
    assert answer.status_code == 200
    assert [each["ratings"] for each in of(answer.json()["parameter"], "pair")] == [1]


async def test_what_cannot_be_asked(put, client):
    await put(*PEOPLE)

    async def refused(path, **params):
        answer = await client.get(f"/fhir/{path}/$progress", params=params)
        return answer.status_code, answer.json()["issue"][0]["details"]["coding"][0]["code"]

    assert await refused("Patient/nobody") == (404, "resource-missing")
    assert await refused("Goal/nothing") == (404, "resource-missing")
    assert await refused("Patient/ash", rater="teacher") == (400, "operation-parameter-value")
    assert await refused("Patient/ash", mode="parity") == (400, "operation-parameter-value")
    assert await refused("Patient/ash", rows="all") == (400, "operation-parameter-value")
    assert await refused("Patient/ash", start="soon") == (400, "operation-parameter-type")
    assert await refused("Patient/ash", start="2026", end="2025") == (400, "operation-period-inverted")
    assert await refused("Observation/x") == (404, "operation-unknown")
