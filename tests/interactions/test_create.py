from __future__ import annotations

import asyncio

import pytest

from service.fhir import codec
from service.fhir.problems import Invalid, Malformed, Precondition
from service.interactions.create import create
from service.interactions.read import read
from service.interactions.search import search
from tests.interactions.builders import body, criteria, ids, patient, score


async def test_creates_under_an_id_of_the_servers_choosing(context, act):
    answer = await create(context, act, "Patient", patient(id="mine"))
    assert answer.status == 201
    made = body(answer)
    assert made["id"] != "mine"
    assert answer.location == f"Patient/{made['id']}/_history/1"
    assert answer.stored.version == 1
    assert body(await read(context, act, "Patient", made["id"])) == made


async def test_client_cannot_set_version_or_time_but_keeps_the_rest_of_meta(context, act):
    meta = {"versionId": "77", "lastUpdated": "1999-01-01T00:00:00Z", "tag": [{"code": "kept"}]}
    made = body(await create(context, act, "Patient", patient(meta=meta)))
    assert made["meta"]["versionId"] == "1"
    assert not made["meta"]["lastUpdated"].startswith("1999")
    assert made["meta"]["tag"] == [{"code": "kept"}]
    assert meta["versionId"] == "77", "the client's own object is left alone"


async def test_decimals_keep_their_digits(context, act):
    quantity = codec.decode(b'{"value":7.10}')
    answer = await create(context, act, "Observation", score(valueQuantity=quantity))
    assert b'"value":7.10' in answer.stored.body


@pytest.mark.parametrize(
    "resource",
    [{"resourceType": "Goal"}, {"resourceType": 5}, {}, {"resourceType": "Nonsense"}],
)
async def test_another_type_is_refused(context, act, resource):
    with pytest.raises(Malformed) as refusal:
        await create(context, act, "Patient", resource)
    assert [issue.slug for issue in refusal.value.issues] == ["type-mismatch"]


async def test_all_faults_come_at_once_and_nothing_is_stored(context, act):
    with pytest.raises(Invalid) as refusal:
        await create(context, act, "Patient", patient(gender="none", birthDate="soon", colour="red"))
    assert refusal.value.status == 422
    expressions = {issue.expression for issue in refusal.value.issues}
    assert {"Patient.gender", "Patient.birthDate", "Patient.colour"} <= expressions
    assert ids(await search(context, act, "Patient", [])) == []


@pytest.mark.parametrize("form", ["{}", "?{}", "Patient?{}"])
async def test_if_none_exist(context, act, form):
    condition = form.format(criteria("1"))
    first = await create(context, act, "Patient", patient("1"), if_none_exist=condition)
    second = await create(context, act, "Patient", patient("1", active=True), if_none_exist=condition)
    other = await create(context, act, "Patient", patient("2"), if_none_exist=criteria("2"))
    assert [first.status, second.status, other.status] == [201, 200, 201]
    assert second.stored == first.stored
    assert second.location == first.location


async def test_if_none_exist_with_several_matches(context, act):
    for _ in range(2):
        await create(context, act, "Patient", patient("1"))
    with pytest.raises(Precondition) as refusal:
        await create(context, act, "Patient", patient("1"), if_none_exist=criteria("1"))
    assert refusal.value.issues[0].slug == "criteria-ambiguous"
    assert len(ids(await search(context, act, "Patient", []))) == 2


@pytest.mark.parametrize(
    ("condition", "slug"),
    [
        ("", "criteria-empty"),
        ("?", "criteria-empty"),
        ("_id:missing=false", "criteria-empty"),
        ("_count=1", "criteria-not-filter"),
        (criteria("1") + "&_total=accurate", "criteria-not-filter"),
        (criteria("1") + "&_page=x", "criteria-not-filter"),
        ("nonsense=1", "search-parameter-unknown"),
        ("Goal?" + criteria("1"), "criteria-type"),
        ("identifier=%FF", "query-malformed"),
    ],
)
async def test_criteria_that_cannot_be_used(context, act, condition, slug):
    with pytest.raises(Malformed) as refusal:
        await create(context, act, "Patient", patient("1"), if_none_exist=condition)
    assert refusal.value.issues[0].slug == slug


async def test_localities_do_not_see_each_other(context, act, elsewhere):
    await create(context, act, "Patient", patient("1"))
    other = await create(context, elsewhere, "Patient", patient("1"), if_none_exist=criteria("1"))
    assert other.status == 201


async def test_parallel_conditional_creates_make_one_resource(context, act):
    answers = await asyncio.gather(
        *(create(context, act, "Patient", patient("1"), if_none_exist=criteria("1")) for _ in range(20))
    )
    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert len({answer.stored.id for answer in answers}) == 1
    assert len(ids(await search(context, act, "Patient", []))) == 1
