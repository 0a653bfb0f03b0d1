"""The latest observations of each code, asked of a store."""

from __future__ import annotations

import pytest

from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Invalid, Malformed
from service.interactions.update import update
from service.operations import lastn
from service.operations.operation import Call
from tests.conftest import BASE_URL
from tests.interactions.builders import body

CODES = "https://elsewhere.example/codes"


def observation(id_, *codes, whose="a", date=None, **elements):
    shown = {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": CODES, "code": code} for code in codes]}
        if codes
        else {"text": "mood"},
        "subject": {"reference": f"Patient/{whose}"},
    }
    return shown | ({"effectiveDateTime": date} if date else {}) | elements


@pytest.fixture
def put(context, act):
    async def putting(*resources):
        for resource in resources:
            await update(context, act, resource["resourceType"], resource["id"], resource)

    return putting


@pytest.fixture
def ask(context, act):
    async def asking(*pairs, given=None, lenient=False):
        inputs = read_inputs(lastn.OPERATION.inputs, pairs, given, searches=True)
        answer = await lastn.lastn(context, act, Call("Observation", "", inputs, lenient))
        assert answer.status == 200
        return body(answer)

    return asking


def ids(bundle):
    return [
        entry["resource"]["id"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"
    ]


async def test_the_newest_of_each_code_newest_first(put, ask):
    await put(
        observation("sleep-1", "sleep", date="2026-01-01"),
        observation("mood-1", "mood", date="2026-01-03"),
        observation("sleep-2", "sleep", date="2026-01-02"),
        observation("mood-2", "mood", date="2025-12-31"),
        observation("other", "mood", date="2026-02-01", whose="b"),
    )
    bundle = await ask(("patient", "a"))
    assert ids(bundle) == ["mood-1", "sleep-2"]
    assert bundle["type"] == "searchset"
    assert bundle["total"] == 2
    assert bundle["link"] == [{"relation": "self", "url": f"{BASE_URL}/Observation/$lastn?max=1&patient=a"}]
    assert ids(await ask(("subject", "Patient/a"), ("max", "2"))) == [
        "mood-1",
        "sleep-2",
        "sleep-1",
        "mood-2",
    ]
    assert ids(await ask(("patient", "a"), ("max", "2"), ("code", "sleep"))) == ["sleep-2", "sleep-1"]
    assert ids(await ask(("patient", "a"), ("date", "lt2026-01-02"))) == ["sleep-1", "mood-2"]


async def test_several_subjects_have_groups_of_their_own(put, ask):
    await put(observation("1", "sleep", date="2026-01-01"), observation("2", "sleep", whose="b"))
    assert ids(await ask(("patient", "a,b"))) == ["1", "2"]


async def test_nobody_has_no_observations(ask):
    bundle = await ask(("patient", "nobody"))
    assert bundle["total"] == 0
    assert "entry" not in bundle


async def test_more_observations_than_a_page_of_the_store(put, ask, monkeypatch):
    monkeypatch.setattr(lastn, "STEP", 7)
    await put(*(observation(str(n), f"c{n % 5}", date=f"2026-01-{n % 28 + 1:02}") for n in range(30)))
    # Only the last page shows that two of the codes are one.
    await put(observation("joins", "c0", "c1", date="2020"))
    found = ids(await ask(("patient", "a"), ("max", "2")))
    assert len(found) == 8
    assert found == ["27", "26", "25", "24", "23", "22", "19", "18"]


async def test_so_many_that_it_is_no_one_person(put, ask, monkeypatch):
    monkeypatch.setattr(lastn, "STEP", 2)
    monkeypatch.setattr(lastn, "MOST", 4)
    await put(*(observation(str(n), "c") for n in range(4)))
    await ask(("patient", "a"))
    await put(observation("5", "c"))
    with pytest.raises(Invalid) as caught:
        await ask(("patient", "a"))
    assert caught.value.issues[0].slug == "lastn-too-many"


async def test_what_is_asked_in_a_body(put, ask):
    await put(observation("1", "sleep"), observation("2", "sleep"), observation("3", "sleep"))
    given = {
        "resourceType": "Parameters",
        "parameter": [{"name": "max", "valueInteger": 2}, {"name": "patient", "valueString": "a"}],
    }
    assert ids(await ask(given=given)) == ["3", "2"]
    assert ids(await ask(("code", "mood"), given=given)) == []


async def test_what_is_not_understood_may_be_passed_over(put, ask):
    await put(observation("1", "sleep"))
    asked = (("patient", "a"), ("colour", "red"))
    with pytest.raises(Malformed) as caught:
        await ask(*asked)
    assert caught.value.issues[0].slug == "search-parameter-unknown"
    bundle = await ask(*asked, lenient=True)
    assert ids(bundle) == ["1"]
    assert bundle["total"] == 1
    assert (
        bundle["entry"][-1]["resource"]["issue"][0]["details"]["coding"][0]["code"]
        == "search-parameter-ignored"
    )
    assert "colour" not in bundle["link"][0]["url"]


@pytest.mark.parametrize(
    ("pairs", "slug"),
    [
        ([], "lastn-subject"),
        ([("code", "sleep")], "lastn-subject"),
        ([("patient:missing", "false")], "lastn-subject"),
        ([("subject:not", "a")], "lastn-subject"),
        ([("patient", "a"), ("max", "0")], "lastn-max"),
        ([("patient", "a"), ("max", "-1")], "lastn-max"),
        ([("patient", "a"), ("max", "51")], "lastn-max"),
        ([("patient", "a"), ("max", "x")], "operation-parameter-type"),
        ([("patient", "a"), ("_sort", "date")], "lastn-parameter"),
        ([("patient", "a"), ("_include:iterate", "*")], "lastn-parameter"),
        ([("patient", "a"), ("_page", "AAAA")], "lastn-parameter"),
    ],
)
async def test_what_cannot_be_asked(ask, pairs, slug):
    with pytest.raises(Malformed) as caught:
        await ask(*pairs)
    assert caught.value.issues[0].slug == slug


@pytest.mark.parametrize(
    "name", ["patient", "subject", "subject:Patient", "patient._id", "subject:Patient._id"]
)
async def test_ways_to_say_whose_observations_are_meant(put, ask, name):
    await put({"resourceType": "Patient", "id": "a"}, observation("1", "sleep"))
    assert ids(await ask((name, "a"))) == ["1"]
