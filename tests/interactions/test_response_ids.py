"""Ids of what is posted: the same for the same, however it is written, and others for anything else."""

from __future__ import annotations

import uuid
from dataclasses import replace
from decimal import Decimal

import pytest

from service.access.callers import Caller
from service.interactions.context import Act
from service.interactions.entries import read_entries
from service.interactions.faults import Faults
from service.interactions.linking import find_links
from service.interactions.response_ids import RESPONSE, plain, posted_ids, response_id
from tests.interactions.builders import bundle, entry, urn
from tests.interactions.sessions import PARENT, collaborate, session
from tests.interactions.test_extracting import whole_session

ACT = Act(Caller("epr", "camhs", "here"), "request")
NAMED = {"identifier": {"system": "urn:epr", "value": "1"}}


def id_of(context, resource, act=ACT, type_=RESPONSE):
    return response_id(context, act, type_, resource)


def backwards(value):
    """The same with its members in another order."""
    if isinstance(value, dict):
        return {name: backwards(value[name]) for name in reversed(value)}
    return [backwards(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (session({1: 7}), session({1: 7})),
        (session({1: 7}), backwards(session({1: 7}))),
        (session({1: 7}), session({1: Decimal("7.00")})),
        (session({1: Decimal("7.5")}), session({1: Decimal("7.50")})),
        (session({1: 7}), session({1: 7}, id="given")),
        (session({1: 7}), session({1: 7}, meta={"versionId": "3", "lastUpdated": "2026-03-10T16:00:00Z"})),
        (session({1: 7}, **NAMED), session({1: 8}, status="amended", **NAMED)),
        (session({1: 7}, **NAMED), session({1: 7}, identifier={**NAMED["identifier"], "use": "official"})),
    ],
)
def test_alike(bare, one, other):
    assert id_of(bare, one) == id_of(bare, other)


def test_everything_else_tells_apart(bare):
    given = [
        session({1: 7}),
        session({1: 8}),
        session({2: 7}),
        session({1: Decimal("7.01")}),
        session(levels={1: 1}),
        session({1: 7}, by=PARENT),
        session({1: 7}, authored="2026-03-10T16:00:01Z"),
        session({1: 7}, subject={"reference": "Patient/elm"}),
        session({1: 7}, status="amended"),
        session({1: 7}, meta={"tag": [{"code": "x"}]}),
        session({1: 7}, **NAMED),
        session({1: 7}, identifier={"system": "urn:epr", "value": "2"}),
        session({1: 7}, identifier={"system": "urn:epr2", "value": "1"}),
        session({1: 7}, identifier={"system": "urn:ep", "value": "r1"}),
        # What lacks a system does not tell one from all others.
        session({1: 7}, identifier={"value": "1"}),
        session({1: 8}, identifier={"value": "1"}),
        session({1: 7}, identifier={"system": "urn:epr"}),
        collaborate(9, 9, 9),
        collaborate(4, 4, 4, scale="0-4"),
        collaborate(9, 9, 9, **NAMED),
    ]
    found = {id_of(bare, each) for each in given}
    assert len(found) == len(given)
    assert {uuid.UUID(each).version for each in found} == {8}


def test_agency_locality_and_key_tell_apart(bare):
    other_agency = Act(Caller("epr", "school", "here"), "request")
    elsewhere = Act(Caller("epr", "camhs", "elsewhere"), "request")
    other_client = Act(Caller("other", "camhs", "here"), "another")
    assert id_of(bare, session({1: 7}), other_agency) != id_of(bare, session({1: 7}))
    assert id_of(bare, session({1: 7}), elsewhere) != id_of(bare, session({1: 7}))
    assert id_of(bare, session({1: 7}), other_client) == id_of(bare, session({1: 7}))
    assert id_of(replace(bare, response_key=b"k" * 32), session({1: 7})) != id_of(bare, session({1: 7}))


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": RESPONSE},
        {"resourceType": RESPONSE, "questionnaire": "https://elsewhere.example/form"},
        {"resourceType": RESPONSE, "questionnaire": ["x"]},
        {"resourceType": "Observation", "questionnaire": session({1: 1})["questionnaire"]},
    ],
)
def test_no_others_have_one(bare, resource):
    assert id_of(bare, resource) is None
    assert id_of(bare, session({1: 7}), type_="Observation") is None


def test_what_is_no_resource_yet_is_no_trouble(bare):
    for strange in (
        {"identifier": ["x"]},
        {"identifier": {"system": 1, "value": {}}},
        {"meta": "x"},
        {"item": None},
    ):
        assert id_of(bare, {**session({1: 7}), **strange}) is not None


def test_plain():
    resource = {"resourceType": "X", "id": "1", "meta": {"versionId": "2", "tag": []}, "a": 1}
    assert plain(resource) == {"resourceType": "X", "meta": {"tag": []}, "a": 1}
    assert plain({"resourceType": "X", "meta": {"lastUpdated": "now"}}) == {"resourceType": "X"}


async def posted(context, *entries):
    reading = await read_entries(context, bundle(*entries))
    links = await find_links(context.registry, context.base_url, reading.entries, {}, Faults())
    return posted_ids(context, ACT, reading.entries, links)


async def test_what_is_sent_along_has_an_id_too(bare):
    found = await posted(bare, *whole_session(1))
    assert sorted(found) == [0, 1, 2, 3]
    assert len(set(found.values())) == 4
    assert await posted(bare, *whole_session(1)) == await posted(bare, *whole_session(71)) == found


async def test_what_is_not_joined_to_it_has_none(bare):
    patient = {"resourceType": "Patient"}
    assert await posted(bare, entry("POST", "Patient", patient, urn(1))) == {}
    sent = [*whole_session(1), entry("POST", "Patient", patient, urn(9)), entry("PUT", "Patient/x", patient)]
    assert sorted(await posted(bare, *sent)) == [0, 1, 2, 3]


async def test_a_condition_has_its_own_way_to_find_it(bare):
    sent = whole_session(1)
    sent[0]["request"]["ifNoneExist"] = "identifier=urn:epr|e1"
    assert sorted(await posted(bare, *sent)) == [1, 2, 3]
    assert (await posted(bare, *sent))[1] != (await posted(bare, *whole_session(1)))[1]


async def test_by_itself_or_alone_in_a_bundle_it_is_the_same(bare):
    made = session({1: 7})
    assert await posted(bare, entry("POST", RESPONSE, made, urn(1))) == {0: id_of(bare, made)}


async def test_where_its_links_lead_tells_it_from_another(bare):
    def sent(goal, method="POST", id_="x"):
        made = session({1: 7}, goals={1: urn(2)})
        written = {"resourceType": "Goal", "description": {"text": goal}, "lifecycleStatus": "active"}
        return [
            entry("POST", RESPONSE, made, urn(1)),
            entry(method, "Goal" if method == "POST" else f"Goal/{id_}", {**written, "id": id_}, urn(2)),
        ]

    one, other = await posted(bare, *sent("a")), await posted(bare, *sent("b"))
    assert set(one.values()).isdisjoint(other.values())
    put = [(await posted(bare, *sent("a", "PUT", id_)))[0] for id_ in ("x", "y", "x")]
    assert put[0] == put[2] != put[1]


async def test_content_is_left_as_it_was_sent(bare):
    sent = whole_session(1)
    await posted(bare, *sent)
    assert sent == whole_session(1)


async def test_two_alike_are_two(bare):
    sent = whole_session(1)
    twin = {**sent[0], "fullUrl": urn(8), "resource": {**sent[0]["resource"]}}
    sent[2]["resource"]["encounter"] = {"reference": urn(8)}
    sent[2]["resource"]["partOf"] = [{"reference": urn(1)}]
    found = await posted(bare, *sent, twin)
    assert len(set(found.values())) == len(found) == 5


async def test_links_in_a_circle(bare):
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    sent = [
        entry("POST", RESPONSE, session({1: 7}, partOf=[{"reference": urn(2)}]), urn(1)),
        entry("POST", "Observation", {**observation, "derivedFrom": [{"reference": urn(1)}]}, urn(2)),
    ]
    assert len(set((await posted(bare, *sent)).values())) == 2


async def test_what_comes_with_a_response_that_is_put(bare):
    """The response has the client's id; the encounter beside it is one, too, however often it is corrected."""

    def sent(value, id_="r"):
        made = {**session({1: value}, encounter={"reference": urn(1)}), "id": id_}
        return [whole_session(1)[0], entry("PUT", f"{RESPONSE}/{id_}", made, urn(2))]

    first = await posted(bare, *sent(7))
    assert sorted(first) == [0]
    assert await posted(bare, *sent(8)) == first
    assert await posted(bare, *sent(7, "other")) != first
