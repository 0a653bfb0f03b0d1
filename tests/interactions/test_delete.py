from __future__ import annotations

import asyncio

import pytest

from service.fhir.problems import Malformed, Precondition
from service.interactions.delete import conditional_delete, delete
from service.interactions.search import search
from service.interactions.update import update
from tests.interactions.builders import criteria, ids, patient


async def put(context, act, *ids_, number="1"):
    for id_ in ids_:
        await update(context, act, "Patient", id_, patient(number, id=id_))


async def left(context, act):
    return sorted(ids(await search(context, act, "Patient", [("_count", "50")])))


async def test_deletes_once_and_says_so_again(context, act):
    await put(context, act, "p1")
    first = await delete(context, act, "Patient", "p1")
    second = await delete(context, act, "Patient", "p1")
    never = await delete(context, act, "Patient", "never")
    assert [first.status, second.status, never.status] == [204, 204, 204]
    assert first.stored.version == second.stored.version == 2
    assert first.stored.deleted
    assert first.location is None
    assert never.stored is None
    assert await left(context, act) == []


@pytest.mark.parametrize(
    ("before", "if_match", "refused"),
    [
        ("current", 1, False),
        ("current", 2, True),
        ("deleted", 1, True),
        ("deleted", 2, False),
        ("absent", 1, True),
    ],
)
async def test_if_match(context, act, before, if_match, refused):
    if before != "absent":
        await put(context, act, "p1")
    if before == "deleted":
        await delete(context, act, "Patient", "p1")
    if refused:
        with pytest.raises(Precondition):
            await delete(context, act, "Patient", "p1", if_match=if_match)
    else:
        assert (await delete(context, act, "Patient", "p1", if_match=if_match)).status == 204


@pytest.mark.parametrize(
    ("matches", "several", "refused"),
    [
        (0, False, False),
        (0, True, False),
        (1, False, False),
        (1, True, False),
        (2, False, True),
        (2, True, False),
        (5, True, False),
        (6, True, True),
    ],
)
async def test_conditional_delete(context, act, matches, several, refused):
    """The context's limit is 5 resources in one conditional delete."""
    doomed = [f"p{number}" for number in range(matches)]
    await put(context, act, *doomed)
    await put(context, act, "other", number="2")
    if refused:
        with pytest.raises(Precondition):
            await conditional_delete(context, act, "Patient", criteria("1"), several=several)
        assert await left(context, act) == sorted(["other", *doomed])
    else:
        answer = await conditional_delete(context, act, "Patient", criteria("1"), several=several)
        assert answer.status == 204
        assert await left(context, act) == ["other"]


@pytest.mark.parametrize("condition", ["", "_id:missing=false", "nonsense=1"])
async def test_criteria_that_would_take_everything(context, act, condition):
    await put(context, act, "p1")
    with pytest.raises(Malformed):
        await conditional_delete(context, act, "Patient", condition, several=True)
    assert await left(context, act) == ["p1"]


async def test_parallel_deletes_make_one_deletion(context, act):
    await put(context, act, "p1")
    answers = await asyncio.gather(*(delete(context, act, "Patient", "p1") for _ in range(20)))
    assert {answer.status for answer in answers} == {204}
    assert {answer.stored.version for answer in answers} == {2}
