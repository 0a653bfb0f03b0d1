from __future__ import annotations

import asyncio
import random

import pytest

from tests.operations.worklists.clinic import agency, child, person, plan, role, team
from tests.operations.worklists.conftest import codes, page, reasons, remove, shown, store_all, walked

LIST = "plans-without-coordinator"


async def test_plans_that_nobody_coordinates(context, act, keep, ask):
    await keep(person("fern"), person("moss"), person("gone"), person("away", active=False))
    whose = ("good", "ended", "other", "gone", "away", "no-team", "done")
    await keep(*(child(id_) for id_ in whose))
    await keep(
        team("good"),
        team("ended", ("Practitioner/fern", "2026-01-01", "2026-11-01")),
        team("other", ("Practitioner/moss", "2026-01-01", None)),
        team("gone", ("Practitioner/gone", "2026-01-01", None)),
        team("away", ("Practitioner/away", "2026-01-01", None)),
    )
    await keep(
        plan("good", "good"),
        plan("ended", "ended"),
        plan("other", "other"),
        plan("gone", "gone", coordinator="Practitioner/gone"),
        plan("away", "away", coordinator="Practitioner/away"),
        plan("no-team", "no-team"),
        plan("done", "done", status="completed"),
    )
    await remove(context, act, "Practitioner", "gone")
    found = await ask(LIST)
    assert codes(found) == {
        "ended": ["team-coordinator-missing"],
        "other": ["team-coordinator-differs"],
        "gone": ["coordinator-gone"],
        "away": ["coordinator-inactive"],
        "no-team": ["team-inactive"],
    }
    assert reasons(found)["ended"][0]["days"] == 26
    assert reasons(found)["other"][0]["about"] == ["CareTeam/other-team", "Practitioner/moss"]
    assert "gone" in shown(found)
    assert {"ended-team", "moss", "ended"} <= set(
        shown(found, "include")
    )  # team, person, and whose plan it is
    assert shown(await ask(LIST, on="2026-10-30")) == ["other", "gone", "away", "no-team"]


async def test_a_role_stands_for_its_person(keep, ask):
    await keep(
        person("fern"), role("fern-role", "fern"), person("moss", active=False), role("moss-role", "moss")
    )
    await keep(
        team("ash", ("PractitionerRole/fern-role", "2026-01-01", None)),
        plan("p1", "ash", coordinator="Practitioner/fern"),
        team("elm", ("Practitioner/fern", "2026-01-01", None)),
        plan("p2", "elm", coordinator="PractitionerRole/fern-role"),
        team("oak", ("PractitionerRole/moss-role", "2026-01-01", None)),
        plan("p3", "oak", coordinator="PractitionerRole/moss-role"),
    )
    found = await ask(LIST)
    assert codes(found) == {"p3": ["coordinator-inactive"]}
    assert {"moss-role", "moss", "oak-team"} <= set(shown(found, "include"))


async def test_the_plans_of_one_agency(keep, ask):
    await keep(agency("trust"), agency("school"), plan("p1", of="trust"), plan("p2", of="school"))
    assert shown(await ask(LIST, agency="school")) == ["p2"]


async def test_plans_are_looked_through_many_at_a_time(context, act, keep, ask):
    await keep(person("fern"), *(team(f"c{n:03}") for n in range(230)))
    await keep(
        *(
            plan(f"p{n:03}", f"c{n:03}", coordinator=f"Practitioner/{'fern' if n % 40 else 'none'}")
            for n in range(230)
        )
    )
    pages = await walked(context, act, await ask(LIST, count=2))
    assert [id_ for one in pages for id_ in one] == [f"p{n:03}" for n in range(0, 230, 40)]


@pytest.mark.parametrize("seed", range(2))
async def test_a_handover_in_one_transaction_is_never_seen_half(context, act, keep, seed):
    """While coordination changes hands again and again, the plan is on no list at any time."""
    chance = random.Random(seed)
    await keep(child(), person("fern"), person("moss"), team(), plan("p1"))
    await keep(*(plan(f"x{n}", status="completed") for n in range(3)))
    over = False

    async def hand_over():
        holder = "fern"
        for _ in range(40):
            holder = "moss" if holder == "fern" else "fern"
            await store_all(
                context,
                act,
                team("ash", (f"Practitioner/{holder}", "2026-01-01", None)),
                plan("p1", coordinator=f"Practitioner/{holder}"),
            )
            await asyncio.sleep(chance.random() / 500)

    async def look():
        seen = []
        while not over:
            found = await page(context, act, [("list", LIST), ("on", "2026-11-27")])
            seen.append(shown(found))
            await asyncio.sleep(0)
        return seen

    looking = [asyncio.create_task(look()) for _ in range(3)]
    await hand_over()
    over = True
    seen = [each for one in await asyncio.gather(*looking) for each in one]
    assert len(seen) > 10
    assert [each for each in seen if each] == []
