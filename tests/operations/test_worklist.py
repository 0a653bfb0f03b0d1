"""A worklist as its answer shows it: entries with reasons, what explains them, and pages that only we can make."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from service.access.callers import Caller
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Malformed
from service.interactions.links import PAGE, PagedList, seal
from service.interactions.search import search
from service.operations.operation import Call
from service.operations.worklist import BESIDE, OPERATION, SIEVES, worklist
from service.operations.worklists.asking import DAYS, Asked, read
from service.storage.open import migrate, open_store, session
from tests.interactions.builders import body
from tests.operations.worklists.clinic import agency, child, goal, person, plan, score, team
from tests.operations.worklists.conftest import (
    ask,  # noqa: F401 - fixtures: pytest finds them by being here
    follow,
    keep,  # noqa: F401 - as above
    page,
    shown,
    store_all,
    walked,
)

REVIEWS = "plans-past-review"
PAIRS = [("list", REVIEWS), ("on", "2026-11-27"), ("_count", "2")]


def test_each_list_has_its_days_its_sieve_and_what_stands_beside_it():
    assert set(DAYS) == set(SIEVES) == set(BESIDE)
    assert (OPERATION.name, OPERATION.perform, OPERATION.levels) == ("worklist", worklist, {"system"})


async def test_an_entry_says_why_and_what_explains_it_stands_beside_it(keep, ask, context, validator):  # noqa: F811 - the fixtures above
    await keep(child(), agency("trust"), person("fern"), team(), plan("p1"))
    found = await ask(REVIEWS)
    assert (found["type"], found["total"]) == ("searchset", 1)
    [entry, *beside] = found["entry"]
    assert entry["fullUrl"] == f"{context.base_url}/CarePlan/p1"
    assert entry["search"]["mode"] == "match"
    [reason] = entry["search"]["extension"]
    assert [part["url"] for part in reason["extension"]] == ["reason", "text", "day", "days"]
    assert sorted(one["resource"]["id"] for one in beside) == ["ash", "fern", "trust"]
    assert {one["search"]["mode"] for one in beside} == {"include"}
    named = {**found, "entry": [{"search": entry["search"]}]}
    assert [issue for issue in validator.check(named) if "search" in (issue.expression or "")] == []


async def test_what_explains_several_entries_is_shown_once(keep, ask):  # noqa: F811 - the fixtures above
    await keep(child(), agency("trust"), person("fern"), plan("p1"), plan("p2"))
    found = await ask(REVIEWS)
    assert shown(found) == ["p1", "p2"]
    assert sorted(shown(found, "include")) == ["ash", "fern", "trust"]


async def test_pages_lead_on_and_back(keep, context, act):  # noqa: F811 - the fixtures above
    await keep(*(plan(f"p{n}") for n in range(5)))
    first = await page(context, act, PAIRS)
    assert "total" not in first
    assert [link["relation"] for link in first["link"]] == ["self", "first", "next"]
    assert await walked(context, act, first) == [["p0", "p1"], ["p2", "p3"], ["p4"]]
    second = await follow(context, act, first, "next")
    assert [link["relation"] for link in second["link"]] == ["self", "first", "previous", "next"]
    assert await follow(context, act, second, "self") == second
    assert shown(await follow(context, act, second, "previous")) == ["p0", "p1"]
    assert shown(await follow(context, act, second, "first")) == ["p0", "p1"]


async def test_all_on_one_page_is_told_as_total(keep, context, act):  # noqa: F811 - the fixtures above
    await keep(*(plan(f"p{n}") for n in range(2)))
    found = await page(context, act, PAIRS)
    assert found["total"] == 2
    assert [link["relation"] for link in found["link"]] == ["self"]
    assert "entry" not in await page(context, act, [("list", REVIEWS), ("on", "2020-01-01")])


async def test_links_keep_the_day_of_the_first_page(keep, context, act, clock):  # noqa: F811 - the fixtures above
    clock.now = 1_795_737_600_000  # 2026-11-27 in London
    await keep(*(plan(f"p{n}", review="2026-11-26") for n in range(4)), plan("later", review="2026-11-27"))
    first = await page(context, act, [("list", REVIEWS), ("_count", "2")])
    url = urlsplit(first["link"][0]["url"])
    assert dict(parse_qsl(url.query)) == {"list": REVIEWS, "on": "2026-11-27", "days": "1", "_count": "2"}
    clock.now += 86_400_000
    assert [id_ for one in await walked(context, act, first) for id_ in one] == [f"p{n}" for n in range(4)]


async def test_a_link_is_for_its_own_list_and_locality(keep, context, act, elsewhere):  # noqa: F811 - the fixtures above
    await keep(*(plan(f"p{n}") for n in range(3)))
    first = await page(context, act, PAIRS)
    token = dict(parse_qsl(urlsplit(first["link"][-1]["url"]).query))[PAGE]
    for pairs, by in (
        ([*PAIRS[:2], ("_count", "3")], act),
        ([("list", "goals-not-rated"), *PAIRS[1:]], act),
        (PAIRS, elsewhere),
    ):
        with pytest.raises(Malformed) as refused:
            await page(context, by, [*pairs, (PAGE, token)])
        assert refused.value.issues[0].slug == "page-link-invalid"


async def test_a_link_of_another_shape_is_refused(context, act):
    inputs = read_inputs(OPERATION.inputs, PAIRS, None)
    asked: Asked = await read(context, act, Call("", "", inputs))
    listed = PagedList("worklist", act.caller.locality, "$worklist", None, asked.pairs)
    for numbers in ((1, 2), (1, 1, 1), (1,)):
        token = seal(context.link_key, listed, numbers)
        with pytest.raises(Malformed):
            await page(context, act, [*PAIRS, (PAGE, token)])


async def test_another_locality_has_lists_of_its_own(keep, context, act, elsewhere):  # noqa: F811 - the fixtures above
    await keep(plan("p1"), goal("g1"))
    for list_ in SIEVES:
        assert "entry" not in await page(context, elsewhere, [("list", list_), ("on", "2026-11-27")])
    assert shown(await page(context, act, PAIRS)) == ["p1"]


async def test_more_than_may_stand_beside_a_page_is_told(keep, context, act):  # noqa: F811 - the fixtures above
    few = replace(context, limits=replace(context.limits, included=2))
    await keep(*(child(f"c{n}") for n in range(3)), *(plan(f"p{n}", f"c{n}") for n in range(3)))
    found = await page(few, act, PAIRS[:2])
    assert len(shown(found)) == 3
    assert len(shown(found, "include")) == 2
    [issue] = found["entry"][-1]["resource"]["issue"]
    assert issue["details"]["coding"][0]["code"] == "search-includes-cut"


async def test_what_is_not_indexed_yet_is_not_answered_in_part(
    context, act, database_url, registry, extractor
):
    migrate(database_url)
    here = replace(act, caller=Caller("epr", "camhs"))
    filled = replace(context, store=await open_store(database_url, registry, extractor, context.clock))
    await store_all(filled, here, plan("p1"), goal("g1"), score("s1"))
    await filled.store.close()
    async with session(database_url) as own:
        await own.run("DELETE FROM indexed_parameter WHERE name = 'CarePlan.plan-review-date'")
    unready = replace(context, store=await open_store(database_url, registry, extractor, context.clock))
    with pytest.raises(Malformed) as caught:
        await page(unready, here, PAIRS)
    assert caught.value.issues[0].slug == "search-parameter-not-indexed"
    assert shown(await page(unready, here, [("list", "goals-not-rated"), ("on", "2026-11-27")])) == ["g1"]
    await unready.store.close()


async def test_a_search_finds_what_the_list_of_reviews_shows(keep, context, act):  # noqa: F811 - the fixtures above
    await keep(plan("p1"), plan("p2", review="2026-11-27"), plan("p3", status="completed"))
    pairs = [("status", "active,on-hold"), ("plan-review-date", "lt2026-11-27")]
    assert shown(body(await search(context, act, "CarePlan", pairs))) == shown(
        await page(context, act, PAIRS)
    )
