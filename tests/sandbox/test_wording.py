from __future__ import annotations

from collections import Counter

from service.sandbox import wording
from service.sandbox.draws import Draws
from tests.sandbox.conftest import Cohort


def test_goals_seldom_repeat(made: Cohort):
    texts = Counter(goal["description"]["text"] for goal in made.with_profile("gbo-goal"))
    assert len(texts) > 0.8 * texts.total()


def test_thousands_of_different_goals_exist():
    draws = Draws("many")
    assert len({wording.goal(draws, "young-person", 14) for _ in range(6000)}) > 2500


def test_small_children_and_teenagers_speak_differently():
    draws = Draws("ages")
    young = {wording.goal(draws, "young-person", 7) for _ in range(400)}
    old = {wording.goal(draws, "young-person", 15) for _ in range(400)}
    assert not young & old


def test_goals_are_short_plain_text():
    draws = Draws("plain")
    for owner in ("young-person", "carer", "clinician"):
        for _ in range(500):
            text = wording.goal(draws, owner, 12)
            assert 10 < len(text) < 160
            assert text == " ".join(text.split())
            assert not set(text) & set("<>{}[]|\\")
