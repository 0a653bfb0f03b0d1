from __future__ import annotations

import asyncio

import pytest

from service.fhir import codec
from service.fhir.problems import Conflict, Invalid, Malformed, Precondition
from service.interactions.delete import delete
from service.interactions.history import history
from service.interactions.patch import JsonPatch, patch
from service.interactions.read import read
from service.interactions.search import search
from service.interactions.transaction import bundle as carry_out
from service.interactions.update import conditional_update, update
from tests.interactions.builders import body, bundle, criteria, entries, entry, ids, patient, score


async def put(context, act, id_="p1", **more):
    return await update(context, act, "Patient", id_, patient(**{"id": id_, **more}))


async def test_creates_where_the_id_is_free_and_updates_after(context, act):
    first = await put(context, act)
    second = await put(context, act, active=True)
    assert [first.status, second.status] == [201, 200]
    assert [first.stored.version, second.stored.version] == [1, 2]
    assert second.location == "Patient/p1/_history/2"
    assert body(await read(context, act, "Patient", "p1"))["active"] is True


async def test_brings_a_deleted_resource_back(context, act):
    await put(context, act)
    await delete(context, act, "Patient", "p1")
    again = await put(context, act)
    assert (again.status, again.stored.version) == (201, 3)
    assert ids(await search(context, act, "Patient", [("identifier", "1")])) == ["p1"]


@pytest.mark.parametrize(
    ("id_", "resource", "slug"),
    [
        ("p1", patient(), "id-absent"),
        ("p1", patient(id="p2"), "id-mismatch"),
        ("p1", patient(id=7), "id-mismatch"),
        ("p1", {"resourceType": "Goal", "id": "p1"}, "type-mismatch"),
    ],
)
async def test_a_body_that_does_not_agree_with_its_address(context, act, id_, resource, slug):
    with pytest.raises(Malformed) as refusal:
        await update(context, act, "Patient", id_, resource)
    assert refusal.value.issues[0].slug == slug


@pytest.mark.parametrize("id_", ["has space", "x" * 65, "under_score", ""])
async def test_an_id_that_fhir_does_not_allow(context, act, id_):
    with pytest.raises((Malformed, Invalid)):
        await put(context, act, id_)


async def test_invalid_content_is_refused_and_the_old_stays(context, act):
    first = await put(context, act)
    with pytest.raises(Invalid):
        await put(context, act, gender="none")
    assert (await read(context, act, "Patient", "p1")).stored == first.stored


@pytest.mark.parametrize(
    ("before", "if_match", "status"),
    [
        ("absent", None, 201),
        ("absent", 1, 412),
        ("absent", 0, 412),
        ("current", 1, 200),
        ("current", 2, 412),
        ("current", 0, 412),
        ("deleted", None, 201),
        ("deleted", 1, 412),
        ("deleted", 2, 201),
    ],
)
async def test_if_match(context, act, before, if_match, status):
    if before != "absent":
        await put(context, act)
    if before == "deleted":
        await delete(context, act, "Patient", "p1")
    changed = patient(id="p1", active=True)
    if status == 412:
        with pytest.raises(Precondition) as refusal:
            await update(context, act, "Patient", "p1", changed, if_match=if_match)
        assert refusal.value.issues[0].slug == "version-mismatch"
    else:
        answer = await update(context, act, "Patient", "p1", changed, if_match=if_match)
        assert answer.status == status


async def test_the_same_content_again_makes_no_version(context, act):
    first = await put(context, act, active=True)
    sent = {"meta": {"versionId": "9", "lastUpdated": "2020-01-01T00:00:00Z"}, "active": True}
    again = await put(context, act, **sent)
    assert (again.status, again.stored) == (200, first.stored)
    assert again.location == "Patient/p1/_history/1"
    assert len(entries(await history(context, act, "Patient", "p1", []))) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"value":7.1}', b'{"value":7.10}'),
        (b'{"value":7}', b'{"value":7.0}'),
        (b'{"value":1,"unit":"a"}', b'{"unit":"a","value":1}'),
    ],
)
async def test_other_digits_or_another_order_are_other_content(context, act, old, new):
    for version, raw in enumerate([old, new], start=1):
        sent = score(id="s1", valueQuantity=codec.decode(raw))
        assert (await update(context, act, "Observation", "s1", sent)).stored.version == version


async def test_a_tag_more_or_less_is_other_content(context, act):
    tagged = {"tag": [{"code": "x"}]}
    versions = [(await put(context, act, **more)).stored.version for more in ({}, {"meta": tagged}, {})]
    assert versions == [1, 2, 3]


@pytest.mark.parametrize(
    ("matches", "given", "outcome"),
    [
        (0, None, 201),
        (0, "fresh", 201),
        (0, "gone", 201),
        (0, "taken", Conflict),
        (1, None, 200),
        (1, "match", 200),
        (1, "fresh", Malformed),
        (1, "taken", Malformed),
        (2, None, Precondition),
        (2, "match", Precondition),
    ],
)
async def test_conditional_update(context, act, matches, given, outcome):
    await put(context, act, "taken", identifier=[{"value": "unrelated"}])
    await put(context, act, "gone")
    await delete(context, act, "Patient", "gone")
    for id_ in ["match", "match-too"][:matches]:
        await put(context, act, id_)
    sent = patient(active=True, **({} if given is None else {"id": given}))
    act_on = conditional_update(context, act, "Patient", criteria("1"), sent)
    if not isinstance(outcome, int):
        with pytest.raises(outcome):
            await act_on
        return
    answer = await act_on
    assert answer.status == outcome
    assert body(answer)["active"] is True
    if matches:
        assert answer.stored.id == "match"
    elif given is not None:
        assert answer.stored.id == given
    assert len(ids(await search(context, act, "Patient", [("identifier", "1")]))) == 1


@pytest.mark.parametrize(("matches", "if_match", "status"), [(1, 1, 200), (1, 2, 412), (0, 1, 412)])
async def test_conditional_update_with_if_match(context, act, matches, if_match, status):
    if matches:
        await put(context, act)
    sent = patient(active=True)
    acting = conditional_update(context, act, "Patient", criteria("1"), sent, if_match=if_match)
    if status == 412:
        with pytest.raises(Precondition):
            await acting
    else:
        assert (await acting).status == status


async def test_parallel_conditional_updates_make_one_resource(context, act):
    answers = await asyncio.gather(
        *(
            conditional_update(context, act, "Patient", criteria("1"), patient(multipleBirthInteger=number))
            for number in range(12)
        )
    )
    assert sorted(answer.status for answer in answers) == [200] * 11 + [201]
    assert {answer.stored.version for answer in answers} == set(range(1, 13))


async def test_parallel_updates_all_come_into_the_history_once(context, act):
    await put(context, act)
    await asyncio.gather(*(put(context, act, multipleBirthInteger=number) for number in range(50)))
    found = entries(await history(context, act, "Patient", "p1", [("_count", "50")]))
    more = entries(await history(context, act, "Patient", "p1", [("_count", "50"), ("_since", "2000-01-01")]))
    assert found == more
    versions = [int(one["resource"]["meta"]["versionId"]) for one in found]
    assert versions == list(range(51, 1, -1))
    assert sorted(one["resource"]["multipleBirthInteger"] for one in found) == list(range(50))


async def test_parallel_updates_of_one_version_let_one_through(context, act):
    await put(context, act)
    outcomes = await asyncio.gather(
        *(
            update(context, act, "Patient", "p1", patient(id="p1", multipleBirthInteger=number), if_match=1)
            for number in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Precondition) for outcome in outcomes) == 19
    assert (await read(context, act, "Patient", "p1")).stored.version == 2


def label(*codes):
    system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
    return {"security": [{"system": system, "code": code} for code in codes]}


TEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}


@pytest.mark.parametrize("how", ["update", "conditional", "transaction", "transaction by criteria"])
@pytest.mark.parametrize("deleted", [False, True], ids=["there", "deleted"])
@pytest.mark.parametrize(
    ("says", "has"),
    [
        ({}, ["R"]),
        ({"tag": [{"code": "x"}]}, ["R"]),
        (label("N"), ["N"]),
        (label("V"), ["R", "V"]),
        ({"security": [TEST]}, ["R", "HTEST"]),
    ],
    ids=["nothing", "a tag", "normal", "another", "a purpose"],
)
async def test_sensitive_labels_stay_unless_it_says_to_be_open(context, act, how, deleted, says, has):
    await put(context, act, meta=label("R", "N"))
    if deleted:
        await delete(context, act, "Patient", "p1")
    new = patient(id="p1", active=True, **({"meta": says} if says else {}))
    match how:
        case "update":
            answer = await update(context, act, "Patient", "p1", new)
        case "conditional":
            answer = await conditional_update(context, act, "Patient", criteria("1"), new)
        case _:
            by_criteria = how.endswith("criteria")
            url = f"Patient?{criteria('1')}" if by_criteria else "Patient/p1"
            answer = await carry_out(context, act, bundle(entry("PUT", url, new)))
    assert answer.status in {200, 201}
    meta = body(await read(context, act, "Patient", "p1"))["meta"]
    assert [each["code"] for each in meta["security"]] == has
    assert meta.get("tag", []) == says.get("tag", [])


async def test_a_patch_takes_labels_off(context, act):
    await put(context, act, meta=label("R"))
    await patch(context, act, "Patient", "p1", JsonPatch([{"op": "remove", "path": "/meta/security"}]))
    assert "security" not in body(await read(context, act, "Patient", "p1"))["meta"]
    await delete(context, act, "Patient", "p1")
    await put(context, act)
    assert "security" not in body(await read(context, act, "Patient", "p1"))["meta"]


async def test_an_update_that_says_nothing_of_labels_and_changes_nothing_makes_no_version(context, act):
    await put(context, act, meta=label("R"))
    assert (await put(context, act)).stored.version == 1
