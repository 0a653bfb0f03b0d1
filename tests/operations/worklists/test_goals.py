from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from service.operations.worklists.goals import ratings_of
from tests.operations.worklists.clinic import agency, child, extension, goal, refer, score
from tests.operations.worklists.conftest import codes, reasons, shown, walked

LIST = "goals-not-rated"
ON = date(2026, 11, 27)


async def test_goals_that_nobody_rated_for_some_time(keep, ask):
    await keep(child(), *(goal(id_) for id_ in ("long-ago", "lately", "never", "zero")))
    await keep(
        goal("new", started="2026-11-20"),
        goal("over", status="completed"),
        goal("written", extension=[extension("goal-agency", valueReference=refer("Organization/trust"))]),
    )
    await keep(
        score("s1", "long-ago", "2026-10-30"),
        score("s2", "lately", "2026-10-31"),
        score("s3", "zero", "2026-11-20", value=0),
    )
    found = await ask(LIST)
    assert codes(found) == {"long-ago": ["goal-not-rated"], "never": ["goal-never-rated"]}
    assert reasons(found)["long-ago"] == [
        {
            "reason": "goal-not-rated",
            "text": "The goal was last rated on 2026-10-30, 28 days before 2026-11-27.",
            "day": "2026-10-30",
            "days": 28,
            "about": ["Observation/s1"],
        }
    ]
    assert sorted(shown(found, "include")) == ["ash", "s1"]
    assert "lately" in shown(await ask(LIST, days=27))
    assert shown(await ask(LIST, days=29)) == ["never"]


NO_RATING = [
    {"status": "entered-in-error"},
    {"status": "preliminary"},
    {"status": "cancelled"},
    {"status": "registered"},
]


@pytest.mark.parametrize("more", NO_RATING)
async def test_what_is_no_rating_does_not_count(keep, ask, more):
    await keep(goal(), score("old", when="2026-09-01"), score("new", when="2026-11-20", **more))
    assert [reason["about"] for reason in reasons(await ask(LIST))["g1"]] == [["Observation/old"]]


async def test_a_rating_that_was_missed_does_not_count(keep, ask):
    await keep(goal(), score("new", when="2026-11-20", value=None))
    assert codes(await ask(LIST)) == {"g1": ["goal-never-rated"]}


@pytest.mark.parametrize("status", ["final", "amended", "corrected", "unknown"])
async def test_a_rating_that_was_corrected_counts(keep, ask, status):
    await keep(goal(), score("new", when="2026-11-20", status=status))
    assert shown(await ask(LIST)) == []


async def test_whoever_rates_counts(keep, ask):
    parents = {
        "coding": [
            {"system": "https://thrive-fhir.example/CodeSystem/goal-score", "code": "parent-rated-goal-score"}
        ]
    }
    await keep(
        goal(), score("s1", when="2026-11-20", code=parents, performer=[refer("RelatedPerson/mother")])
    )
    assert shown(await ask(LIST)) == []


# The 30th of October is 28 days before: the last day that is long ago. What is written counts, not UTC.
BY_THE_DAY_WRITTEN = [
    ("2026-10-30T23:59:00+00:00", True),
    ("2026-10-31T00:10:00+00:00", False),
    ("2026-10-31T00:10:00+01:00", False),  # still the 30th in UTC
    ("2026-10-30T23:50:00-05:00", True),  # already the 31st in UTC
    ("2026-10-31T01:00:00+14:00", False),
    ("2026-10-30T13:00:00-12:00", True),
]


@pytest.mark.parametrize(("when", "listed"), BY_THE_DAY_WRITTEN)
async def test_a_rating_is_of_the_day_that_is_written(keep, ask, when, listed):
    await keep(goal(), score("s1", when=when))
    assert shown(await ask(LIST)) == (["g1"] if listed else [])


async def test_the_ratings_of_several_goals_are_read_together(context, act, keep):
    await keep(goal("g1"), goal("g2"), goal("g3"))
    await keep(*(score(f"a{n:02}", when=f"2026-10-{n:02}") for n in range(1, 13)))
    await keep(score("b1", "g2"), score("c1", "g3"), score("b2", "g2", value=None))
    both = score("both", "g2") | {"focus": [refer("Goal/g1"), refer("Goal/g2"), refer("Goal/g3")]}
    await keep(both)
    found = await ratings_of(context, act, ["g1", "g2"])
    assert {id_: [stored.id for stored, _ in given] for id_, given in found.items()} == {
        "g1": [*(f"a{n:02}" for n in range(1, 13)), "both"],
        "g2": ["b1", "both"],
    }
    assert await ratings_of(context, act, []) == {}


@pytest.mark.parametrize("seed", range(3))
async def test_the_list_is_what_looking_through_all_goals_gives(context, act, keep, ask, seed):
    chance = random.Random(seed)
    await keep(agency("trust"), agency("school"))
    made, rated = [], {}
    for number in range(40):
        id_ = f"g{number:02}"
        started = (ON - timedelta(days=chance.randint(0, 40))).isoformat()
        made.append(
            (id_, started, chance.choice(["active", "active", "on-hold"]), chance.choice(["trust", "school"]))
        )
        rated[id_] = [
            (
                (ON - timedelta(days=chance.randint(-2, 40))),
                chance.choice(["final", "entered-in-error"]),
                chance.choice([0, 5, None]),
            )
            for _ in range(chance.randint(0, 3))
        ]
    await keep(*(goal(id_, started=started, status=status, of=of) for id_, started, status, of in made))
    scores = [
        score(f"{id_}-{n}", id_, day.isoformat(), value, status=status)
        for id_, given in rated.items()
        for n, (day, status, value) in enumerate(given)
    ]
    await keep(*scores)

    def since(id_, started):
        days = [day for day, status, value in rated[id_] if status == "final" and value is not None]
        return (ON - max(days, default=date.fromisoformat(started))).days

    for of in (None, "trust"):
        for days in (0, 14, 28):
            expected = [
                id_
                for id_, started, status, its in made
                if status == "active" and of in {None, its} and since(id_, started) >= days
            ]
            asked = {"days": days, "count": 3} | ({} if of is None else {"agency": of})
            first = await ask(LIST, **asked)
            assert [id_ for page in await walked(context, act, first) for id_ in page] == expected
