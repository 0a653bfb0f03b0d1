"""The ids of what is extracted, and what becomes of it beside what was extracted before."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir import codec
from service.fhir.questionnaires.extraction import Spot
from service.interactions.update import update
from service.operations.extracted import extracted, id_of_answer, seed_of

SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
CODES = "https://elsewhere.example/codes"
UUID_8 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

spots = st.builds(
    Spot, st.text(min_size=1, max_size=3, alphabet="a1. "), st.integers(1, 20), st.integers(0, 20)
)


@given(one=spots, other=spots, generations=st.tuples(st.integers(0, 11), st.integers(0, 11)))
def test_each_answer_has_an_id_of_its_own(one, other, generations):
    first, second = id_of_answer("r", one, generations[0]), id_of_answer("r", other, generations[1])
    assert UUID_8.fullmatch(first)
    assert (first == second) == ((one, generations[0]) == (other, generations[1]))
    assert first != id_of_answer("s", one, generations[0])


def question(link, type_="integer", flag=None, **more):
    made = {"linkId": link, "type": type_, "code": [{"system": CODES, "code": link}], **more}
    if flag:
        made["extension"] = [{"url": f"{SDC}observationExtract", "valueCode": flag}]
    return made


PANEL = {
    "resourceType": "Questionnaire",
    "status": "active",
    "extension": [{"url": f"{SDC}observationExtract", "valueBoolean": True}],
    "item": [
        question(
            "panel", "group", item=[question("part", flag="component"), question("member", flag="member")]
        ),
        question("alone"),
    ],
}


def response(status="completed", part=None, member=None, alone=None):
    within = [
        {"linkId": link, "answer": [{"valueInteger": value}]}
        for link, value in (("part", part), ("member", member))
        if value is not None
    ]
    items = [{"linkId": "panel", "item": within}] if within else [{"linkId": "panel"}]
    if alone is not None:
        items.append({"linkId": "alone", "answer": [{"valueInteger": alone}]})
    return {"resourceType": "QuestionnaireResponse", "id": "r1", "status": status, "item": items}


@pytest.fixture
def store_all(context, act):
    """Stores a response, extracts it, stores what it comes to; gives code and status of each Observation."""

    async def storing(answered):
        await update(context, act, "QuestionnaireResponse", "r1", answered)
        found = await extracted(context, act, PANEL, answered)
        assert found.issues == ()
        for one in found.observations:
            await update(context, act, "Observation", one["id"], codec.decode(codec.encode(one)))
        return [(one["code"]["coding"][0]["code"], one["status"]) for one in found.observations]

    return storing


async def test_a_panel_that_loses_and_gains_its_parts(store_all):
    assert await store_all(response(part=1, member=2, alone=3)) == [
        ("panel", "final"),
        ("member", "final"),
        ("alone", "final"),
    ]
    # The member is gone: the panel that named it changed as well.
    assert await store_all(response("amended", part=1, alone=3)) == [
        ("panel", "amended"),
        ("alone", "final"),
        ("member", "entered-in-error"),
    ]
    assert await store_all(response("amended", alone=3)) == [
        ("alone", "final"),
        ("panel", "entered-in-error"),
    ]
    assert await store_all(response("amended", part=1, member=2, alone=3)) == [
        ("panel", "final"),
        ("member", "final"),
        ("alone", "final"),
    ]


async def test_taken_back_and_given_again_many_times(store_all):
    for value in range(12):
        assert await store_all(response("amended", alone=value)) == [("alone", "final")]
        assert await store_all(response("amended")) == [("alone", "entered-in-error")]
    assert await store_all(response("amended", alone=1)) == [("alone", "final")]


@settings(max_examples=30)
@given(data=st.data())
def test_the_order_of_a_responses_members_is_nothing_that_it_says(data):
    said = {key: value for key, value in response(part=1, alone=2).items() if key != "id"}
    shuffled = dict(data.draw(st.permutations(list(said.items()))))
    assert seed_of(shuffled) == seed_of(said)
    assert seed_of(shuffled | {"status": "amended"}) != seed_of(said)
