from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from service.operations.worklists.asking import Asked
from service.operations.worklists.reviews import sieve
from tests.operations.worklists.clinic import agency, child, plan
from tests.operations.worklists.conftest import codes, reasons, shown, walked

LIST = "plans-past-review"
ON = date(2026, 11, 27)


async def test_the_plans_that_were_not_reviewed_in_time(keep, ask):
    await keep(
        child(),
        plan("late", review="2026-11-26"),
        plan("in-time", review="2026-11-27"),
        plan("on-hold", review="2026-01-01", status="on-hold"),
        plan("over", review="2026-01-01", status="completed"),
        plan("undated", review=None),
    )
    found = await ask(LIST)
    assert shown(found) == ["late", "on-hold"]
    assert reasons(found)["late"] == [
        {
            "reason": "review-overdue",
            "text": "The plan was to be reviewed by 2026-11-26, 1 day before 2026-11-27.",
            "day": "2026-11-26",
            "days": 1,
            "about": [],
        }
    ]
    assert shown(await ask(LIST, on="2026-11-28")) == ["late", "in-time", "on-hold"]
    assert shown(await ask(LIST, days=2)) == ["on-hold"]


async def test_the_plans_of_one_agency(keep, ask):
    await keep(agency("trust"), agency("school"), plan("p1", of="trust"), plan("p2", of="school"))
    assert shown(await ask(LIST, agency="trust")) == ["p1"]
    assert shown(await ask(LIST, agency="Organization/school")) == ["p2"]
    assert shown(await ask(LIST)) == ["p1", "p2"]


@pytest.mark.parametrize("seed", range(3))
async def test_the_list_is_what_looking_through_all_plans_gives(context, act, keep, ask, seed):
    chance = random.Random(seed)
    await keep(agency("trust"), agency("school"))
    made = []
    for number in range(60):
        due = ON + timedelta(days=chance.randint(-6, 6))
        review = chance.choice([due.isoformat(), due.isoformat(), due.isoformat()[:7], None])
        status = chance.choice(["active", "active", "on-hold", "completed", "draft"])
        of = chance.choice(["trust", "school"])
        made.append((f"p{number:02}", review, status, of))
    await keep(*(plan(id_, review=review, status=status, of=of) for id_, review, status, of in made))

    def is_late(review, days):
        if review is None:
            return False
        # A month is over with its last day: November is not, nor is December.
        last = (
            date.fromisoformat(review)
            if len(review) > 7
            else (date(2026, 11, 30) if review == "2026-11" else date(2026, 12, 31))
        )
        return (ON - last).days >= days

    for of in (None, "trust", "school"):
        for days in (1, 3, 6):
            expected = [
                id_
                for id_, review, status, its in made
                if status in {"active", "on-hold"} and of in {None, its} and is_late(review, days)
            ]
            asked = {"days": days, "count": 4} | ({} if of is None else {"agency": of})
            pages = await walked(context, act, await ask(LIST, **asked))
            assert [id_ for page in pages for id_ in page] == expected


async def test_it_is_found_by_index_alone(keep, ask, context, act):
    """Every candidate is on the list: nothing is looked at in vain."""
    await keep(plan("late"), *(plan(f"p{n}", review="2027-01-01") for n in range(30)))
    assert codes(await ask(LIST)) == {"late": ["review-overdue"]}
    [candidates] = sieve(context, act, Asked(LIST, 1, ON.toordinal(), None, 10)).candidates
    found = await context.store.search(act.caller.locality, candidates)
    assert ([stored.id for stored in found.items], found.more) == (["late"], False)
