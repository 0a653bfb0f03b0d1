"""Pages of a sifted list are exact, whatever is written while they are read; each entry is true of one moment."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from service.fhir.search.expressions import Has, Query, Token
from service.interactions.content import content
from service.operations.worklists import sifting
from service.operations.worklists.sifting import (
    Listed,
    Place,
    Sieve,
    read_all,
    referring_all,
    search_all,
    sift,
)
from service.outcomes.reasons import Reason
from tests.operations.worklists.clinic import child, episode, goal, person, plan
from tests.operations.worklists.conftest import remove, store_all

ACTIVE = Query("Goal", Token("lifecycle-status", None, "active"), 1)
WHY = (Reason("goal-never-rated", "It is one."),)


def marked(at_once: int = 1, *queries: Query) -> Sieve:
    """The active goals that start in June."""

    async def judge(candidates):
        assert candidates
        return [Listed(one, WHY, (), (one,)) for one in candidates if "-06-" in content(one)["startDate"]]

    return Sieve(queries or (ACTIVE,), judge, at_once)


def in_june(id_: str, **more):
    return goal(id_, started="2026-06-01", **more)


def in_may(id_: str, **more):
    return goal(id_, started="2026-05-01", **more)


async def pages(context, act, sieve, count, place=None, *, back=False, between=None):
    """The ids of all pages from the place on."""
    found = []
    place = place or Place()
    while place is not None:
        sheet = await sift(context.store, act.caller.locality, sieve, place, count)
        found.append([each.stored.id for each in sheet.items])
        place = sheet.before if back else sheet.behind
        if between is not None and place is not None:
            await between(len(found))
    return found


@pytest.mark.parametrize("at_once", [1, 2, 3, 50])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
async def test_pages_share_the_list_out(context, act, keep, at_once, count):
    await keep(*(in_june(f"g{n:02}") if n % 3 else in_may(f"g{n:02}") for n in range(20)))
    expected = [f"g{n:02}" for n in range(20) if n % 3]
    found = await pages(context, act, marked(at_once), count)
    assert [id_ for page in found for id_ in page] == expected
    assert all(len(page) == count for page in found[:-1])
    assert found[-1]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
async def test_the_way_back_shows_the_same_in_the_same_order(context, act, keep, count):
    await keep(*(in_june(f"g{n:02}") if n % 3 else in_may(f"g{n:02}") for n in range(20)))
    expected = [f"g{n:02}" for n in range(20) if n % 3]
    last = await sift(context.store, act.caller.locality, marked(), Place(backward=True), count)
    assert last.behind is None
    found = await pages(context, act, marked(), count, Place(backward=True), back=True)
    assert [id_ for page in reversed(found) for id_ in page] == expected


async def test_next_and_previous_lead_to_where_one_was(context, act, keep):
    await keep(*(in_june(f"g{n:02}") for n in range(6)))

    async def at(place):
        sheet = await sift(context.store, act.caller.locality, marked(), place, 2)
        return [each.stored.id for each in sheet.items], sheet

    first, sheet = await at(Place())
    assert (first, sheet.before) == (["g00", "g01"], None)
    second, sheet = await at(sheet.behind)
    back, before = await at(sheet.before)
    assert (second, back, before.before) == (["g02", "g03"], first, None)
    again, _ = await at(before.behind)
    assert again == second
    third, sheet = await at(sheet.behind)
    assert (third, sheet.behind) == (["g04", "g05"], None)


async def test_an_empty_list_is_one_empty_page(context, act, keep):
    await keep(in_may("g1"))
    for place in (Place(), Place(backward=True)):
        sheet = await sift(context.store, act.caller.locality, marked(), place, 2)
        assert (sheet.items, sheet.before, sheet.behind) == ((), None, None)


async def test_several_searches_find_each_candidate_once(context, act, keep):
    """What only an Or would find in one search is found by each of two, in the order of keys."""
    both = (
        Query("Patient", Has("EpisodeOfCare", "patient", Token("status", None, "active")), 1),
        Query("Patient", Has("CarePlan", "subject", Token("status", None, "active")), 1),
    )
    await keep(*(child(f"c{n}") for n in range(9)))
    await keep(*(episode(f"e{n}", f"c{n}") for n in (0, 1, 2, 5, 8)))
    await keep(*(plan(f"p{n}", f"c{n}") for n in (1, 3, 4, 5)))

    async def judge(candidates):
        return [Listed(one, WHY) for one in candidates]

    expected = [f"c{n}" for n in (0, 1, 2, 3, 4, 5, 8)]
    for at_once in (1, 2, 20):
        for count in (1, 2, 3, 20):
            sieve = Sieve(both, judge, at_once)
            found = await pages(context, act, sieve, count)
            assert [id_ for page in found for id_ in page] == expected
            back = await pages(context, act, sieve, count, Place(backward=True), back=True)
            assert [id_ for page in reversed(back) for id_ in page] == expected


async def test_a_page_ends_where_too_many_were_looked_at(context, act, keep, monkeypatch):
    monkeypatch.setattr(sifting, "LOOKED_AT", 4)
    await keep(*(in_june(f"g{n:02}") if n == 9 else in_may(f"g{n:02}") for n in range(12)))
    found = await pages(context, act, marked(), 1)
    assert [page for page in found if page] == [["g09"]]
    assert len(found) > 2
    back = await pages(context, act, marked(), 1, Place(backward=True), back=True)
    assert [page for page in back if page] == [["g09"]]


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_written_meanwhile_nobody_is_left_out_or_shown_twice(context, act, keep, seed):
    """Who is on the list from the first page to the last is shown once; nobody is shown twice, in either direction."""
    chance = random.Random(seed)
    now = {f"g{n:02}": chance.choice((in_june, in_may)) for n in range(24)}
    await keep(*(make(id_) for id_, make in now.items()))
    throughout = {id_ for id_, make in now.items() if make is in_june}
    ever = set(throughout)
    new = iter(range(100, 400))

    async def written(_page: int) -> None:
        for _ in range(chance.randint(1, 5)):
            id_ = chance.choice([*now, f"g{next(new)}"])
            what = chance.random()
            if what < 0.2 and id_ in now:
                await remove(context, act, "Goal", id_)
                del now[id_]
                throughout.discard(id_)
            else:
                make = chance.choice((in_june, in_may))
                status = "active" if what < 0.8 else "on-hold"
                await store_all(context, act, make(id_, status=status))
                now[id_] = make
                if make is in_june and status == "active":
                    ever.add(id_)
                else:
                    throughout.discard(id_)

    back = bool(seed % 2)
    found = await pages(
        context, act, marked(chance.choice((1, 3))), 3, Place(backward=back), back=back, between=written
    )
    shown = [id_ for page in found for id_ in page]
    assert len(shown) == len(set(shown))
    assert throughout <= set(shown) <= ever


async def test_an_entry_is_judged_anew_where_it_changed_while_it_was_judged(context, act, keep):
    """Two resources change together while an entry is judged: half of that is never shown."""
    await keep(in_june("g1"), person("fern", active=True))
    judged = []

    async def judge(candidates):
        if not judged:
            await store_all(context, act, in_may("g1"), person("fern", active=False))
        judged.append([one.version for one in candidates])
        found = await read_all(context.store, act.caller.locality, [("Practitioner", "fern")])
        fern = found["Practitioner", "fern"]
        # A rule that is never true at any one moment.
        return [
            Listed(one, WHY, (), (one, fern))
            for one in candidates
            if "-06-" in content(one)["startDate"] and content(fern)["active"] is False
        ]

    sheet = await sift(context.store, act.caller.locality, Sieve((ACTIVE,), judge, 1), Place(), 5)
    assert sheet.items == ()
    assert judged == [[1], [2]]


async def test_an_entry_that_leaves_the_candidates_while_it_is_judged_is_not_shown(context, act, keep):
    await keep(in_june("g1"), in_june("g2"))
    asked = []

    async def judge(candidates):
        if not asked:
            await store_all(context, act, in_june("g1", status="completed"))
        asked.append(len(candidates))
        return [Listed(one, WHY, (), (one,)) for one in candidates]

    sheet = await sift(context.store, act.caller.locality, Sieve((ACTIVE,), judge, 5), Place(), 5)
    assert [each.stored.id for each in sheet.items] == ["g2"]


async def test_what_never_rests_is_shown_as_it_was_judged_last(context, act, keep):
    await keep(in_june("g1"))
    versions = []

    async def judge(candidates):
        for one in candidates:
            await store_all(context, act, in_june(one.id))
            versions.append(one.version)
        return [Listed(one, WHY, (), (one,)) for one in candidates]

    sheet = await sift(context.store, act.caller.locality, Sieve((ACTIVE,), judge, 1), Place(), 5)
    [listed] = sheet.items
    assert listed.stored.version == versions[-1]
    assert 2 < len(versions) < 10


async def test_many_are_read_in_parts(context, act, keep, monkeypatch):
    monkeypatch.setattr(sifting, "_READ_AT_ONCE", 3)
    await keep(*(child(f"c{n}") for n in range(8)))
    keys = [("Patient", f"c{n}") for n in range(9)]
    assert set(await read_all(context.store, act.caller.locality, keys)) == set(keys[:8])
    assert await read_all(context.store, act.caller.locality, []) == {}


async def test_all_pages_of_a_search_are_read(context, act, keep):
    await keep(*(in_june(f"g{n}") for n in range(7)))
    for count in (1, 3, 7, 50):
        found = await search_all(context.store, act.caller.locality, replace(ACTIVE, count=count))
        assert [one.id for one in found] == [f"g{n}" for n in range(7)]


@pytest.mark.parametrize("at_once", [1, 2, 5, 50])
async def test_all_that_refers_to_somebody_is_found_however_much_it_is(
    context, act, keep, monkeypatch, at_once
):
    monkeypatch.setattr(sifting, "_REFERRING_AT_ONCE", at_once)
    await keep(*(child(f"c{n}") for n in range(4)))
    await keep(*(goal(f"g{n}", f"c{n % 3}") for n in range(9)), *(plan(f"p{n}", f"c{n}") for n in range(3)))
    parameters = (("Goal", "subject"), ("CarePlan", "subject"))
    targets = [("Patient", "c0"), ("Patient", "c2"), ("Patient", "c3")]
    found = await referring_all(context.store, act.caller.locality, targets, parameters)
    assert sorted(one.id for one in found) == ["g0", "g2", "g3", "g5", "g6", "g8", "p0", "p2"]
