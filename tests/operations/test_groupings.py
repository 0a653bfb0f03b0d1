"""Groupings of a young person, asked of a store on each database."""

from __future__ import annotations

import pytest

from service.fhir.problems import Gone, Malformed, Missing
from service.interactions.delete import delete
from service.interactions.update import update
from service.operations.groupings import OPERATION, groupings
from tests.interactions.builders import body
from tests.operations.measuring import call, grouping, part, parts, patient, refer
from tests.outcomes.clinic import OURS

# The tests' clock stands at 14 November 2023.
ASH = (
    patient(),
    patient("bramble"),
    {"resourceType": "Practitioner", "id": "hazel"},
    grouping("third", "getting-risk-support", "2023-11-14"),
    grouping("first", "getting-more-help", "2023-01-05", "2023-03-10"),
    grouping("second", "thriving", "2023-03-10", "2023-06-01"),
    grouping("wrong", "getting-help", "2023-02-01", "2023-02-02", status="entered-in-error"),
    grouping("brambles", "getting-help", "2023-01-01", subject=refer("Patient/bramble")),
    grouping(
        "alone",
        "getting-advice-signposting",
        "2023-07-01",
        "2023-07-31",
        performer=[refer("Practitioner/hazel")],
        note=[{"text": "the family could not be reached"}],
    ),
)


@pytest.fixture
def ask(context, act):
    async def asking(*pairs):
        for resource in ASH:
            await update(context, act, resource["resourceType"], resource["id"], resource)
        answer = await groupings(context, act, call(OPERATION, *pairs))
        assert answer.status == 200
        return body(answer)

    return asking


def observations(answer, name="history"):
    return [part(each, "observation")["reference"].partition("/")[2] for each in parts(answer, name)]


async def test_the_history_in_the_order_of_its_days(ask):
    answer = await ask()
    assert observations(answer) == ["first", "second", "alone", "third"]
    assert part(answer, "about") == {"reference": "Patient/ash"}
    assert part(answer, "on") == "2023-11-14"
    assert observations(answer, "present") == ["third"]


async def test_a_grouping_is_told_whole(ask):
    first, _, alone, third = parts(await ask(), "history")
    assert first["part"] == [
        {
            "name": "grouping",
            "valueCoding": {
                "system": f"{OURS}/CodeSystem/needs-based-grouping",
                "code": "getting-more-help",
                "display": "Getting More Help",
            },
        },
        {"name": "period", "valuePeriod": {"start": "2023-01-05", "end": "2023-03-10"}},
        {"name": "decided-by", "valueReference": {"reference": "Patient/ash"}},
        {"name": "decided-by", "valueReference": {"reference": "Practitioner/hazel"}},
        {"name": "chosen-together", "valueBoolean": True},
        {"name": "status", "valueCode": "final"},
        {"name": "observation", "valueReference": {"reference": "Observation/first"}},
    ]
    assert part(third, "period") == {"start": "2023-11-14"}
    assert part(alone, "chosen-together") is False
    assert "reached" not in str(alone)


@pytest.mark.parametrize(
    ("on", "which"),
    [
        ("2023-01-04", []),
        ("2023-01-05", ["first"]),
        ("2023-03-10", ["second"]),
        ("2023-06-02", []),
        ("2023-07-31", ["alone"]),
        ("2023-11-13", []),
        ("2030-01-01", ["third"]),
    ],
)
async def test_the_grouping_of_a_day(ask, on, which):
    answer = await ask(("date", on))
    assert observations(answer, "present") == which
    assert part(answer, "on") == on
    assert len(parts(answer, "history")) == 4


async def test_nothing_in_it_is_a_number(ask):
    """Numbers could be taken for an order."""
    answer = await ask()
    kinds = {
        key
        for each in answer["parameter"]
        for one in (each, *each.get("part", ()))
        for key in one
        if key.startswith("value")
    }
    assert kinds == {"valueReference", "valueDate", "valueCoding", "valuePeriod", "valueBoolean", "valueCode"}


async def test_who_has_none_and_who_is_not_here(context, act, elsewhere):
    with pytest.raises(Missing):
        await groupings(context, act, call(OPERATION))
    await update(context, act, "Patient", "ash", patient())
    answer = body(await groupings(context, act, call(OPERATION)))
    assert [each["name"] for each in answer["parameter"]] == ["about", "on"]
    with pytest.raises(Missing):
        await groupings(context, elsewhere, call(OPERATION))
    await delete(context, act, "Patient", "ash")
    with pytest.raises(Gone):
        await groupings(context, act, call(OPERATION))


@pytest.mark.parametrize("text", ["2023", "2023-11", "2023-11-14T10:00:00Z", "2023-02-30", "today"])
async def test_the_date_is_a_day(context, act, text):
    with pytest.raises(Malformed) as caught:
        await groupings(context, act, call(OPERATION, ("date", text)))
    assert caught.value.issues[0].slug == "operation-parameter-type"
