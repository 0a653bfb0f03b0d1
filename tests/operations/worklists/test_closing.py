from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from tests.operations.worklists.clinic import agency, child, episode, goal, measure, plan, refer, score
from tests.operations.worklists.conftest import codes, reasons, shown, walked

LIST = "closing-without-second-score"
ON = date(2026, 11, 27)


def closing(id_: str, whose: str, end: str, **more):
    return plan(id_, whose, period={"start": "2026-03-01", "end": end}, **more)


async def test_young_people_whose_help_ends_soon_without_a_second_score(keep, ask):
    whose = ("none", "once", "twice", "goal", "later", "open", "ended", "measure")
    await keep(*(child(id_) for id_ in whose))
    await keep(*(episode(f"{id_}-e", id_) for id_ in ("none", "once", "twice", "goal", "measure")))
    await keep(
        episode("later-e", "later", "2027-02-01"),
        episode("open-e", "open", None),
        episode("ended-e", "ended", status="finished"),
    )
    await keep(*(goal(f"{id_}-g", id_) for id_ in ("once", "twice", "goal", "later", "open", "ended")))
    await keep(goal("goal-h", "goal"))
    await keep(
        score("o1", "once-g", "2026-06-01", whose="once"),
        score("o2", "once-g", "2026-06-08", 5, "once", status="entered-in-error"),
        score("o3", "once-g", "2026-06-15", None, "once"),
        score("t1", "twice-g", "2026-06-01", 0, "twice"),
        score("t2", "twice-g", "2026-06-08", 0, "twice"),
        score("g1", "goal-g", "2026-06-01", whose="goal"),
        score("g2", "goal-g", "2026-06-08", whose="goal"),
        score("g3", "goal-h", "2026-06-08", whose="goal"),
        measure("m1", "2026-06-01", "measure"),
        measure("m2", "2026-09-01", "measure"),
    )
    found = await ask(LIST)
    assert codes(found) == {
        "none": ["closing-not-scored"],
        "once": ["closing-scored-once"],
        "goal": ["closing-goal-scored-once"],
    }
    assert reasons(found)["goal"] == [
        {
            "reason": "closing-goal-scored-once",
            "text": (
                "Help is to end on 2026-12-10, 13 days after 2026-11-27;"
                " 1 of 2 open goals were not scored twice by the same rater."
            ),
            "day": "2026-12-10",
            "days": -13,
            "about": ["EpisodeOfCare/goal-e", "Goal/goal-h"],
        }
    ]
    assert set(shown(found, "include")) == {"none-e", "once-e", "goal-e", "goal-h"}
    assert shown(await ask(LIST, days=12)) == []
    assert shown(await ask(LIST, days=13)) == ["none", "once", "goal"]
    assert "later" in shown(await ask(LIST, days=80))


async def test_a_plan_says_when_help_ends_as_well_as_an_episode(keep, ask):
    await keep(
        child("a"), child("b"), child("c"), closing("p1", "a", "2026-12-01"), closing("p2", "b", "2027-12-01")
    )
    await keep(closing("p3", "c", "2026-12-01"), episode("e3", "c", "2026-12-05"), episode("e1", "a", None))
    found = await ask(LIST)
    assert shown(found) == ["a", "c"]  # each young person once
    assert reasons(found)["c"][0]["day"] == "2026-12-01"
    assert sorted(reasons(found)["c"][0]["about"]) == ["CarePlan/p3", "EpisodeOfCare/e3"]


async def test_what_was_scored_in_an_earlier_time_of_help_is_no_first_score(keep, ask):
    await keep(
        child("a"), child("b"), episode("e0", "a", "2025-06-01", "2025-01-01", "finished"), episode("e1", "a")
    )
    await keep(
        measure("m1", "2025-02-01", "a"), measure("m2", "2025-05-01", "a"), closing("p1", "b", "2026-12-01")
    )
    await keep(measure("m3", "2026-02-27", "b"), measure("m4", "2026-05-01", "b"))
    assert codes(await ask(LIST)) == {"a": ["closing-not-scored"], "b": ["closing-scored-once"]}


async def test_two_parents_are_two_raters(keep, ask):
    def rated(id_, when, by):
        return measure(id_, when, "a", performer=[refer(by)])

    await keep(child("a"), episode("e1", "a"), rated("m1", "2026-05-01", "RelatedPerson/m"))
    await keep(rated("m2", "2026-06-01", "RelatedPerson/f"))
    assert codes(await ask(LIST)) == {"a": ["closing-scored-once"]}


async def test_a_score_of_a_goal_that_was_entered_in_error_is_none(keep, ask):
    await keep(
        child(), episode(), goal("g1", status="entered-in-error"), score("s1"), score("s2", when="2026-10-02")
    )
    assert codes(await ask(LIST)) == {"ash": ["closing-not-scored"]}


async def test_those_of_one_agency(keep, ask):
    await keep(agency("trust"), agency("school"), child("a"), child("b"), child("c"))
    await keep(
        episode("e1", "a", of="trust"), episode("e2", "b", of="school"), episode("e3", "c", None, of="trust")
    )
    await keep(closing("p2", "b", "2026-12-01", of="trust"), closing("p3", "c", "2026-12-01", of="school"))
    assert shown(await ask(LIST, agency="trust")) == ["a", "b"]
    found = await ask(LIST, agency="school")
    assert shown(found) == ["b", "c"]
    # What ends elsewhere is not this agency's to act on.
    assert reasons(found)["b"][0]["about"] == ["EpisodeOfCare/e2"]


# The list of the 27th goes up to the 10th of December, as it is written, not as it is in UTC.
BY_THE_DAY_WRITTEN = [
    ("2026-12-10T23:30:00-05:00", True),
    ("2026-12-11T00:30:00+02:00", False),
    ("2026-12", False),
]


@pytest.mark.parametrize(("end", "listed"), BY_THE_DAY_WRITTEN)
async def test_an_end_is_on_the_day_that_is_written(keep, ask, end, listed):
    await keep(child(), episode(end=end))
    assert shown(await ask(LIST, days=13)) == (["ash"] if listed else [])


@pytest.mark.parametrize("seed", range(3))
async def test_the_list_is_what_looking_through_everybody_gives(context, act, keep, ask, seed):
    chance = random.Random(seed)
    everybody, listed = [], []
    for number in range(30):
        id_ = f"c{number:02}"
        ends = ON + timedelta(days=chance.randint(-5, 40)) if chance.random() < 0.7 else None
        in_plan = chance.random() < 0.3
        end = None if ends is None else ends.isoformat()
        kept = [
            child(id_),
            closing(f"{id_}-p", id_, end) if in_plan and end else episode(f"{id_}-e", id_, end),
        ]
        goals = [
            (f"{id_}-g{n}", chance.choice(["active", "completed", "on-hold"]))
            for n in range(chance.randint(0, 2))
        ]
        pairs: dict[str, set[tuple[str, date]]] = {}
        for goal_id, status in goals:
            kept.append(goal(goal_id, id_, status=status))
            for n in range(chance.randint(0, 3)):
                day = date(2026, 5, 1) + timedelta(days=chance.randint(0, 2))
                kept.append(score(f"{goal_id}-{n}", goal_id, day.isoformat(), chance.choice([0, 7]), id_))
                pairs.setdefault(goal_id, set()).add(("self", day))
        for n in range(chance.randint(0, 2)):
            day = date(2026, 5, 1) + timedelta(days=chance.randint(0, 1))
            kept.append(measure(f"{id_}-m{n}", day.isoformat(), id_))
            pairs.setdefault("sdq", set()).add(("self", day))
        paired = {what for what, scores in pairs.items() if len(scores) > 1}
        open_goals = {goal_id for goal_id, status in goals if status != "completed"}
        soon = ends is not None and (ends - ON).days <= 28
        if soon and (not paired or not open_goals <= paired):
            listed.append(id_)
        everybody += kept
    await keep(*everybody)
    pages = await walked(context, act, await ask(LIST, count=4))
    assert [id_ for one in pages for id_ in one] == listed
    assert listed
