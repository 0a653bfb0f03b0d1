"""Pages over several types, forwards and backwards, on a store."""

from __future__ import annotations

import itertools

import pytest

from service.fhir.search.expressions import Everything, Nothing, Query
from service.interactions.delete import delete
from service.interactions.update import update
from service.operations.walking import Place, walk

TYPES = ("Patient", "Practitioner", "Location")
EVERYTHING = Everything()


@pytest.fixture
async def stored(context, act):
    """Three of the first type, none of the second, four of the third; in the order of their pages."""
    keys = []
    for type_, number in (("Location", 4), ("Patient", 3)):
        for n in range(number):
            resource = {"resourceType": type_, "id": f"{n}"} | ({"name": "x"} if type_ == "Location" else {})
            await update(context, act, type_, f"{n}", resource)
    keys += [("Patient", str(n)) for n in range(3)] + [("Location", str(n)) for n in range(4)]
    return keys


@pytest.fixture
def turn(context, act):
    async def turned(place, count, where=EVERYTHING):
        queries = [Query(type_, where, count) for type_ in TYPES]
        return await walk(context.store, act.caller.locality, queries, place, count)

    return turned


def keys(sheet):
    return [(one.type, one.id) for one in sheet.items]


@pytest.mark.parametrize("count", range(1, 9))
async def test_every_page_in_both_directions(stored, turn, count):
    sheets = [await turn(Place(), count)]
    assert sheets[0].before is None
    while (place := sheets[-1].after) is not None:
        sheets.append(await turn(place, count))
    assert [keys(sheet) for sheet in sheets] == [stored[n : n + count] for n in range(0, len(stored), count)]
    for earlier, later in itertools.pairwise(sheets):
        back = await turn(later.before, count)
        assert keys(back) == keys(earlier)
        assert keys(await turn(back.after, count)) == keys(later)
        assert (back.before is None) == (earlier is sheets[0])


async def test_where_nothing_is_there_are_no_pages(turn):
    sheet = await turn(Place(), 3, Nothing())
    assert (sheet.items, sheet.before, sheet.after) == ((), None, None)


@pytest.mark.parametrize("count", [1, 2, 4])
async def test_from_where_all_was_deleted_one_comes_back_to_all_that_is_left(
    stored, turn, context, act, count
):
    sheets = [await turn(Place(), count)]
    while sheets[-1].after is not None:
        sheets.append(await turn(sheets[-1].after, count))
    last = sheets[-1]
    for one in last.items:
        await delete(context, act, one.type, one.id)
    left = stored[: -len(last.items)]
    empty = await turn(sheets[-2].after, count)
    assert (empty.items, empty.after) == ((), None)
    found, place = [], empty.before
    while place is not None:
        sheet = await turn(place, count)
        found = keys(sheet) + found
        place = sheet.before
    assert found == left
    assert (await turn(empty.before, count)).after is None


async def test_from_before_what_was_deleted_one_comes_to_the_first_page(stored, turn, context, act):
    second = await turn((await turn(Place(), 2)).after, 2)
    for type_, id_ in stored[:2]:
        await delete(context, act, type_, id_)
    empty = await turn(second.before, 2)
    assert (empty.items, empty.before) == ((), None)
    assert keys(await turn(empty.after, 2)) == stored[2:4]


async def test_beyond_the_end_is_nothing(stored, turn):
    sheet = await turn(Place(2, 10**9, 1), 3)
    assert (sheet.items, sheet.after) == ((), None)
