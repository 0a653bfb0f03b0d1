from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.sandbox.conftest import Cohort

ITEMS = ["understand", "listen", "include"]
TOPS = {"collaborate-0-9": 9, "collaborate-0-4": 4}


def top(response: dict) -> int:
    return TOPS[response["questionnaire"].rsplit("/", 1)[1]]


def test_scales_are_never_mixed_within_an_agency(made: Cohort):
    scales: dict[str, set[int]] = {}
    for response in made.with_profile("collaborate-response"):
        agency = made.at(response["encounter"])["serviceProvider"]["reference"]
        scales.setdefault(agency, set()).add(top(response))
    assert all(len(found) == 1 for found in scales.values())
    assert set.union(*scales.values()) == {4, 9}


def test_answers_lie_on_their_scale(made: Cohort):
    for response in made.with_profile("collaborate-response"):
        for item in response["item"]:
            assert 0 <= item["answer"][0]["valueInteger"] <= top(response)


def test_some_items_are_missing_and_then_there_is_no_score(made: Cohort):
    scored = {score["derivedFrom"][0]["reference"]: score for score in made.with_profile("collaborate-score")}
    found = Counter()
    for response in made.with_profile("collaborate-response"):
        links = [item["linkId"] for item in response["item"]]
        assert links == [link for link in ITEMS if link in links]
        is_complete = links == ITEMS
        assert (f"QuestionnaireResponse/{response['id']}" in scored) == is_complete
        found["complete" if is_complete else "incomplete"] += 1
    assert 0.01 < found["incomplete"] / found.total() < 0.12


def test_the_score_is_the_mean_of_three_and_says_its_scale(made: Cohort):
    tops = Counter()
    for score in made.with_profile("collaborate-score"):
        response = made.at(score["derivedFrom"][0])
        items = [item["answer"][0]["valueInteger"] for item in response["item"]]
        assert abs(Fraction(score["valueQuantity"]["value"]) - Fraction(sum(items), 3)) <= Fraction("0.005")
        assert isinstance(score["valueQuantity"]["value"], Decimal)
        *parts, all_top = score["component"]
        assert [part["valueInteger"] for part in parts] == items
        assert all_top["valueBoolean"] is (items == [top(response)] * 3)
        assert score["method"]["coding"][0]["code"] == f"scale-0-{top(response)}"
        tops[all_top["valueBoolean"]] += 1
    assert 0.25 < tops[True] / tops.total() < 0.65


def test_answered_within_two_days_and_sometimes_late_in_the_evening(made: Cohort):
    late = 0
    for response in made.with_profile("collaborate-response"):
        ended = datetime.fromisoformat(made.at(response["encounter"])["period"]["end"])
        authored = datetime.fromisoformat(response["authored"])
        assert timedelta(0) < authored - ended < timedelta(hours=48)
        late += authored.hour == 23
    assert late > 5
