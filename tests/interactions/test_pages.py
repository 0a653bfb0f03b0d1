"""Pages of queries of one type and of several, in both directions, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.expressions import Everything, Query, Reference, SortKey
from service.interactions.delete import delete
from service.interactions.pages import Place, show
from service.interactions.update import update
from service.storage.searching import MARGIN, MOST_PINS
from tests.interactions.builders import goal, patient, score

CHILD = Reference("patient", "Patient", "p1")
BY_TIME = (SortKey("_lastUpdated", "_lastUpdated", descending=True),)


@pytest.fixture
async def record(context, act):
    """A young person with goals g0 to g4 and scores s0 to s6, written in turn; and somebody else's goal."""
    await update(context, act, "Patient", "p1", patient("1", id="p1"))
    await update(context, act, "Patient", "p2", patient("2", id="p2"))
    written = []
    for number in range(7):
        if number < 5:
            await update(context, act, "Goal", f"g{number}", goal("Patient/p1", id=f"g{number}"))
            written.append(f"g{number}")
        await update(context, act, "Observation", f"s{number}", score("Patient/p1", id=f"s{number}"))
        written.append(f"s{number}")
    await update(context, act, "Goal", "other", goal("Patient/p2", id="other"))
    return written


def queries(*types, count=3, sort=(), total="none", where=CHILD):
    return [Query(type_, where, count, sort=sort, total=total) for type_ in types]


async def through(context, act, asked):
    """The ids of every page from the first to the last, and the places that lie before each."""
    pages, place = [], None
    while True:
        shown = await show(context, act.caller.locality, asked, place)
        pages.append([stored.id for stored in shown.items])
        if shown.next is None:
            return pages, shown
        place = shown.next


async def back(context, act, asked, shown):
    """The ids of the pages before this one, nearest last."""
    pages = []
    while shown.previous is not None:
        shown = await show(context, act.caller.locality, asked, shown.previous)
        pages.insert(0, [stored.id for stored in shown.items])
    return pages, shown


def joined(pages):
    return [id_ for page in pages for id_ in page]


@pytest.mark.parametrize(
    "types", [("Observation",), ("Goal", "Observation"), ("Observation", "Task", "Goal")]
)
@pytest.mark.parametrize("count", [1, 2, 3, 5, 20])
async def test_without_an_order_types_follow_one_another(context, act, record, types, count):
    letters = {"Goal": "g", "Observation": "s", "Task": "-"}
    expected = [id_ for type_ in types for id_ in record if id_[0] == letters[type_]]
    asked = queries(*types, count=count)
    pages, last = await through(context, act, asked)
    assert joined(pages) == expected
    assert all(len(page) == count for page in pages[:-1])
    assert pages[-1]
    before, first = await back(context, act, asked, last)
    assert before == pages[:-1] or joined(before) == joined(pages[:-1])
    assert first.previous is None


@pytest.mark.parametrize(
    "types", [("Observation",), ("Goal", "Observation"), ("Observation", "Task", "Goal")]
)
@pytest.mark.parametrize("count", [1, 3, 4, 20])
async def test_an_order_goes_across_types(context, act, clock, record, types, count):
    clock.now += 2 * MARGIN
    letters = {"Goal": "g", "Observation": "s", "Task": "-"}
    expected = [id_ for id_ in reversed(record) if id_[0] in {letters[type_] for type_ in types}]
    asked = queries(*types, count=count, sort=BY_TIME)
    pages, last = await through(context, act, asked)
    assert joined(pages) == expected
    before, first = await back(context, act, asked, last)
    assert joined(before) == joined(pages[:-1])
    assert first.previous is None


@pytest.mark.parametrize("types", [("Observation",), ("Goal", "Observation")])
async def test_pages_in_an_order_show_each_once_while_others_write(context, act, clock, record, types):
    """What was there when the first page was asked for keeps its place, however often it changes."""
    await rewrite(context, act, "s0")
    await rewrite(context, act, "g2")
    letters = {type_[0].lower().replace("o", "s") for type_ in types}
    expected = [id_ for id_ in ("g2", "s0") if id_[0] in letters]
    expected += [id_ for id_ in reversed(record) if id_[0] in letters and id_ not in expected]
    clock.now += 2 * MARGIN
    asked = queries(*types, count=2, sort=BY_TIME)
    place, seen, number = None, [], 0
    while True:
        shown = await show(context, act.caller.locality, asked, place)
        seen += [stored.id for stored in shown.items]
        if shown.next is None:
            break
        place = shown.next
        # One that was shown, and one that was not, are written anew: both would move to the front.
        for id_ in (seen[0], expected[-1 - number % 2]):
            await rewrite(context, act, id_, language="en" if number % 2 else "cy")
        number += 1
    assert seen == expected
    before, first = await back(context, act, asked, shown)
    assert joined(before) + [stored.id for stored in shown.items] == expected
    assert first.previous is None


async def rewrite(context, act, id_, **elements):
    type_, made = ("Goal", goal) if id_[0] == "g" else ("Observation", score)
    elements = elements or {"language": "en"}
    await update(context, act, type_, id_, made("Patient/p1", id=id_, **elements))


async def test_totals(context, act, record):
    shown = await show(context, act.caller.locality, queries("Goal", "Observation", total="accurate"), None)
    assert (shown.total, len(shown.parts)) == (12, 3)
    alone = await show(
        context, act.caller.locality, queries("Goal", "Observation", count=0, total="accurate"), None
    )
    assert (alone.total, alone.parts, alone.next, alone.previous) == (12, (), None, None)


async def test_nothing_found(context, act):
    for asked in (queries("Goal"), queries("Goal", "Task"), queries("Goal", "Task", sort=BY_TIME)):
        shown = await show(context, act.caller.locality, asked, None)
        assert (shown.items, shown.next, shown.previous) == ((), None, None)


async def test_a_page_that_lost_all_its_resources_is_empty(context, act, record):
    asked = queries("Goal", where=Everything(), count=20)
    shown = await show(context, act.caller.locality, asked, Place(10**9))
    assert (shown.items, shown.next) == ((), None)
    back = await show(context, act.caller.locality, asked, shown.previous)
    assert [stored.id for stored in back.items] == ["g0", "g1", "g2", "g3", "g4", "other"]
    assert (back.next, back.previous) == (None, None)


SEARCHES = [
    (("Observation",), ()),
    (("Observation",), BY_TIME),
    (("Goal", "Observation"), ()),
    (("Goal", "Observation"), BY_TIME),
]


@pytest.mark.parametrize(("types", "sort"), SEARCHES)
async def test_from_where_all_was_deleted_one_comes_back_to_all_that_is_left(
    context, act, clock, record, types, sort
):
    clock.now += 2 * MARGIN
    asked = queries(*types, count=3, sort=sort)
    pages, _ = await through(context, act, asked)
    shown, place = await show(context, act.caller.locality, asked, None), None
    while shown.next is not None:
        place = shown.next
        shown = await show(context, act.caller.locality, asked, place)
    for stored in shown.items:
        await delete(context, act, stored.type, stored.id)
    empty = await show(context, act.caller.locality, asked, place)
    assert (empty.items, empty.next) == ((), None)
    before, first = await back(context, act, asked, empty)
    assert joined(before) == joined(pages[:-1])
    assert first.previous is None


@pytest.mark.parametrize(("types", "sort"), SEARCHES)
async def test_from_before_what_was_deleted_one_comes_to_all_that_is_left(
    context, act, clock, record, types, sort
):
    clock.now += 2 * MARGIN
    asked = queries(*types, count=3, sort=sort)
    pages, _ = await through(context, act, asked)
    first = await show(context, act.caller.locality, asked, None)
    second = await show(context, act.caller.locality, asked, first.next)
    for stored in first.items:
        await delete(context, act, stored.type, stored.id)
    empty = await show(context, act.caller.locality, asked, second.previous)
    assert (empty.items, empty.previous) == ((), None)
    seen, place = [], empty.next
    while place is not None:
        shown = await show(context, act.caller.locality, asked, place)
        seen += [stored.id for stored in shown.items]
        place = shown.next
    assert seen == joined(pages[1:])


@pytest.mark.parametrize("types", [("Observation",), ("Goal", "Observation")])
@pytest.mark.parametrize("count", [4, 20])
async def test_what_was_changed_just_now_is_where_it_belongs(context, act, clock, record, types, count):
    """On one page and on the first of several, of one type and of several."""
    clock.now += 2 * MARGIN
    await rewrite(context, act, "s0")
    await rewrite(context, act, "s3")
    letters = {"Goal": "g", "Observation": "s"}
    others = [id_ for id_ in reversed(record) if id_[0] in {letters[type_] for type_ in types}]
    expected = ["s3", "s0"] + [id_ for id_ in others if id_ not in {"s0", "s3"}]
    asked = queries(*types, count=count, sort=BY_TIME)
    pages, last = await through(context, act, asked)
    assert joined(pages) == expected
    before, _ = await back(context, act, asked, last)
    assert joined(before) == joined(pages[:-1])


@pytest.mark.parametrize("changed", [2, 30])
async def test_pages_of_several_types_are_exact_beside_what_was_changed_just_now(
    context, act, clock, record, changed
):
    """Fewer than are pinned, and more."""
    for number in range(changed):
        await update(context, act, "Observation", f"n{number}", score("Patient/p1", id=f"n{number}"))
        await update(context, act, "Goal", f"m{number}", goal("Patient/p1", id=f"m{number}"))
    clock.now += 2 * MARGIN
    for number in range(changed):
        await update(
            context, act, "Observation", f"n{number}", score("Patient/p1", id=f"n{number}", language="en")
        )
    asked = queries("Goal", "Observation", count=5, sort=BY_TIME)
    seen, place, number = [], None, 0
    while True:
        shown = await show(context, act.caller.locality, asked, place)
        seen += [stored.id for stored in shown.items]
        place = shown.next
        if place is None:
            break
        # One that was shown, and one that may not have been, are written anew.
        for id_ in (seen[0], f"n{number % changed}"):
            type_, made = ("Goal", goal) if id_[0] in "gm" else ("Observation", score)
            await update(
                context, act, type_, id_, made("Patient/p1", id=id_, language="cy" if number % 2 else "de")
            )
        number += 1
    expected = {*record, *(f"{letter}{number}" for letter in "nm" for number in range(changed))}
    assert len(seen) == len(set(seen))
    assert set(seen) == expected
    before, first = await back(context, act, asked, shown)
    assert joined(before) + [stored.id for stored in shown.items] == seen
    assert first.previous is None


@pytest.fixture
async def many(context, act, clock, record):
    """Eighteen goals and thirty scores more, written before any moment that pages could keep to."""
    goals = [f"g{number}" for number in range(5, 23)]
    scores = [f"s{number}" for number in range(7, 37)]
    for id_ in (*goals, *scores):
        await rewrite(context, act, id_)
    clock.now += 2 * MARGIN
    return {*record, *goals, *scores}


@pytest.mark.parametrize("types", [("Goal", "Observation"), ("Observation", "Goal")])
@pytest.mark.parametrize(("goals", "scores"), [(MOST_PINS + 1, 0), (MOST_PINS - 5, 10)])
async def test_where_more_changed_than_are_pinned_the_pages_agree_all_the_same(
    context, act, clock, many, types, goals, scores
):
    """All of the goals are found at once. More is changed than can be pinned, of them or with scores."""
    for id_ in (*(f"g{number}" for number in range(goals)), *(f"s{number}" for number in range(scores))):
        await rewrite(context, act, id_, language="cy")
    asked = queries(*types, count=25, sort=BY_TIME)
    first = await show(context, act.caller.locality, asked, None)
    assert first.next.pins == ()
    pages, last = await through(context, act, asked)
    assert len(joined(pages)) == len(many)
    assert set(joined(pages)) == many
    before, _ = await back(context, act, asked, last)
    assert joined(before) == joined(pages[:-1])


@pytest.mark.parametrize("types", [("Goal", "Observation"), ("Observation", "Goal")])
async def test_queries_that_are_asked_at_different_times_agree(context, act, clock, many, types):
    """What was changed is too young for the moment of the first query, and not for that of the second."""
    begun = clock.now
    for number in range(3):
        await rewrite(context, act, f"g{number}", language="cy")
    clock.now = begun + MARGIN - 1  # the store looks once more
    slow = replace(context, store=Slow(context.store, clock))
    asked = queries(*types, count=5, sort=BY_TIME)
    pages, _ = await through(slow, act, asked)
    assert len(joined(pages)) == len(many)
    assert set(joined(pages)) == many


async def test_a_query_that_is_answered_as_of_a_moment_agrees(context, act, clock, many):
    """A store may do so even where it found all, if others write at that time."""
    for number in range(3):
        await rewrite(context, act, f"g{number}", language="cy")
    exact = replace(context, store=Exact(context.store, clock))
    asked = queries("Goal", "Observation", count=25, sort=BY_TIME)
    pages, _ = await through(exact, act, asked)
    assert len(joined(pages)) == len(many)
    assert set(joined(pages)) == many
    assert pages[0][:3] == ["g2", "g1", "g0"]


class Exact:
    """A store that answers as of a moment where none was asked for."""

    def __init__(self, store, clock):
        self._store = store
        self._clock = clock

    async def search(self, locality, query):
        as_of = query.as_of or self._clock() - MARGIN
        return await self._store.search(locality, replace(query, as_of=as_of))

    def __getattr__(self, name):
        return getattr(self._store, name)


class Slow:
    """A store whose searches take ten milliseconds."""

    def __init__(self, store, clock):
        self._store = store
        self._clock = clock

    async def search(self, locality, query):
        found = await self._store.search(locality, query)
        self._clock.now += 10
        return found

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.mark.parametrize(
    "place",
    [
        Place(7),
        Place(7, 2, backward=True, as_of=9),
        Place(None, 1, backward=True),
        Place(None),
        Place(7, as_of=9, pins=((3, 2), (5, 1))),
    ],
)
def test_a_place_is_some_numbers(place):
    assert Place.of(place.numbers) == place


@pytest.mark.parametrize("numbers", [(), (1, 0, 7), (1, 0, 7, 9, 3)])
def test_other_numbers_are_no_place(numbers):
    with pytest.raises(Malformed, match="not made by this server"):
        Place.of(numbers)
