from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

from service.sandbox.dates import Calendar
from tests.sandbox.conftest import Cohort


def starts(made: Cohort) -> list[datetime]:
    return [datetime.fromisoformat(found["period"]["start"]) for found in made.of_type("Encounter")]


def test_sessions_lie_on_working_days_in_working_hours(made: Cohort, days: Calendar):
    for start in starts(made):
        assert not days.is_closed(start.date().toordinal())
        assert 9 <= start.hour < 18


def test_schools_hold_no_sessions_in_their_holidays(made: Cohort, days: Calendar):
    held = [
        datetime.fromisoformat(found["period"]["start"]).date().toordinal()
        for found in made.of_type("Encounter")
        if "-school-" in found["serviceProvider"]["reference"]
    ]
    assert held
    assert not any(days.is_school_holiday(day) for day in held)


def test_holidays_thin_sessions_out_elsewhere(made: Cohort, days: Calendar):
    summer = Counter(start.month for start in starts(made))
    assert summer[8] < summer[6]


def test_sessions_are_a_week_or_a_multiple_apart_within_a_spell(made: Cohort):
    gaps = Counter()
    for person in made.people:
        found = [
            (
                sessions["episodeOfCare"][0]["reference"],
                sessions["basedOn"][0]["reference"],
                sessions["period"]["start"],
            )
            for sessions in person
            if sessions["resourceType"] == "Encounter"
        ]
        for before, after in pairwise(found):
            if before[:2] == after[:2]:
                days = datetime.fromisoformat(after[2]).date() - datetime.fromisoformat(before[2]).date()
                gaps[days.days] += 1
    assert all(gap % 7 == 0 and gap > 0 for gap in gaps)
    assert gaps[7] > 100
    assert gaps[14] > 100
    assert max(gaps) > 21


def test_some_wait_and_some_were_declined(made: Cohort):
    found = Counter(episode["status"] for episode in made.of_type("EpisodeOfCare"))
    assert found.keys() == {"active", "finished", "waitlist", "cancelled"}
    assert found["active"] > 30
    assert found["waitlist"] > 5


def test_states_of_an_episode_follow_each_other_without_gap(made: Cohort):
    for episode in made.of_type("EpisodeOfCare"):
        states = episode["statusHistory"]
        for before, after in pairwise(states):
            ended = datetime.fromisoformat(before["period"]["end"])
            assert datetime.fromisoformat(after["period"]["start"]) == ended + timedelta(days=1)
        assert states[0]["period"]["start"] == episode["period"]["start"]
        assert states[-1]["status"] == episode["status"]


def test_sessions_lie_within_their_episode(made: Cohort):
    for encounter in made.of_type("Encounter"):
        period = made.at(encounter["episodeOfCare"][0])["period"]
        day = encounter["period"]["start"][:10]
        assert period["start"] <= day <= period.get("end", day)
