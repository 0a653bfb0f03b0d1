"""Which encounters count as rated, by whom, when, and on which scale."""

from __future__ import annotations

from typing import Any

import pytest

from service.outcomes.collaborate_scores import score_of
from service.outcomes.rated_contacts import (
    Held,
    Rated,
    once_an_encounter,
    read_answered,
    read_held,
    read_scored,
)
from tests.outcomes.clinic import ASH, MUM, OURS, ROWAN, SAGE, concept, locate, refer

SYSTEM = f"{OURS}/CodeSystem/collaborate"
NAMES = ("understand", "listen", "include")
SESSION = ("Encounter", "s1")
MARCH = 2026 * 12 + 2


def response(items="8 9 9", scale="0-9", **more: Any) -> dict[str, Any]:
    """A CollaboRATE response; `-` stands for an item that was not answered."""
    answers = [
        {"linkId": name, "answer": [{"valueInteger": int(value)}]}
        for name, value in zip(NAMES, items.split(), strict=True)
        if value != "-"
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "r1",
        "questionnaire": f"{OURS}/Questionnaire/collaborate-{scale}",
        "status": "completed",
        "subject": refer(ASH),
        "encounter": refer(SESSION),
        "authored": "2026-03-31T23:30:00Z",
        "source": refer(ASH),
        "item": answers,
        **more,
    }


def scored(items="8 9 9", scale="0-9", **more: Any) -> dict[str, Any]:
    """The score of a response that is kept elsewhere."""
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": concept(SYSTEM, "collaborate-mean"),
        "subject": refer(ASH),
        "encounter": refer(SESSION),
        "effectiveDateTime": "2026-03-31",
        "performer": [refer(ASH)],
        "method": concept(SYSTEM, f"scale-{scale}"),
        "component": [
            {"code": concept(SYSTEM, name), "valueInteger": int(value)}
            for name, value in zip(NAMES, items.split(), strict=True)
        ],
        **more,
    }


def without(resource, *names):
    return {name: value for name, value in resource.items() if name not in names}


def test_what_a_response_says():
    found = read_answered(response(), locate)
    assert found == Rated(
        source=("QuestionnaireResponse", "r1"),
        encounter=SESSION,
        child=ASH,
        is_own=True,
        month=MARCH,  # the day that its own text says, whatever the time in the UK
        order=(1_774_999_800_000_000, "r1"),
        top=9,
        score=score_of([8, 9, 9], 9),
        provider="",  # that, the team and the clinician are the encounter's to say
    )


def test_what_a_score_without_its_response_says():
    found = read_scored(scored("4 3 4", "0-4"), locate)
    assert (found.source, found.encounter, found.child) == (("Observation", "o1"), SESSION, ASH)
    assert (found.month, found.is_own, found.top) == (MARCH, True, 4)
    assert found.score == score_of([4, 3, 4], 4)


@pytest.mark.parametrize(
    ("given", "top", "total"),
    [
        (response("0 0 0"), 9, 0),
        (response("4 4 4", "0-4"), 4, 12),
        (response("4 4 4", questionnaire=f"{OURS}/Questionnaire/collaborate-0-9|0.1.0"), 9, 12),
        (response(status="amended"), 9, 26),
        # incomplete ones are kept and not scored
        (response("8 - 9"), 9, None),
        (response("- - -"), 9, None),
        (without(response(), "item"), 9, None),
        (response("5 4 4", "0-4"), 4, None),
    ],
)
def test_the_scale_and_the_score_of_a_response(given, top, total):
    found = read_answered(given, locate)
    assert (found.top, None if found.score is None else found.score.total) == (top, total)


@pytest.mark.parametrize(
    "given",
    [
        response(status="in-progress"),
        response(status="entered-in-error"),
        response(status="stopped"),
        response(questionnaire=f"{OURS}/Questionnaire/gbo-session"),
        without(response(), "questionnaire"),
        without(response(), "encounter"),
        without(response(), "authored"),
        response(authored="2026-03"),
        response(authored="2026-03-10T25:00:00Z"),
    ],
)
def test_what_is_no_answer_about_an_encounter(given):
    assert read_answered(given, locate) is None


@pytest.mark.parametrize(
    "given",
    [
        scored(status="preliminary"),
        scored(status="entered-in-error"),
        scored(code=concept(SYSTEM[:-1], "collaborate-mean")),
        scored(method=concept(SYSTEM, "other")),
        scored(method={"coding": [{"system": SYSTEM, "code": f"scale-{name}"} for name in ("0-4", "0-9")]}),
        without(scored(), "method"),
        without(scored(), "encounter"),
        without(scored(), "effectiveDateTime"),
        scored(effectiveDateTime="2026"),
    ],
)
def test_what_is_no_score_of_an_encounter(given):
    assert read_scored(given, locate) is None


def test_a_score_of_too_few_items_is_one_of_an_encounter_that_was_not_rated_in_full():
    assert read_scored(scored(component=[]), locate).score is None


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_scores_that_are_said_for_good_count(status):
    assert read_scored(scored(status=status), locate) is not None


@pytest.mark.parametrize(
    ("who", "is_own"),
    [({"source": refer(MUM)}, False), ({"source": refer(ASH), "author": refer(ROWAN)}, True)],
)
def test_whose_answers_they_are(who, is_own):
    assert read_answered(response(**who), locate).is_own is is_own
    assert read_answered({**without(response(), "source"), "author": refer(ASH)}, locate).is_own
    assert not read_answered(without(response(), "source"), locate).is_own
    assert not read_scored(scored(performer=[refer(MUM)]), locate).is_own


def rated(source, items="9 9 9", who=ASH, authored="2026-03-10", scale="0-9", session="s1"):
    more = {"id": source, "source": refer(who), "authored": authored}
    return read_answered(response(items, scale, encounter=refer(("Encounter", session)), **more), locate)


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        # one that was answered again: the later answers
        ([("r1", "9 9 9", ASH, "2026-03-10"), ("r2", "1 1 1", ASH, "2026-03-11")], "r2"),
        # the young person's own before the mother's, however late hers are
        ([("r1", "9 9 9", ASH, "2026-03-10"), ("r2", "1 1 1", MUM, "2026-03-11")], "r1"),
        # complete ones before others, whoever answered
        ([("r1", "9 - 9", ASH, "2026-03-11"), ("r2", "1 1 1", MUM, "2026-03-10")], "r2"),
        ([("r1", "9 - 9", ASH, "2026-03-11"), ("r2", "1 - 1", MUM, "2026-03-12")], "r1"),
        # at the same time: always the same one
        ([("r1", "9 9 9", ASH, "2026-03-10"), ("r2", "1 1 1", ASH, "2026-03-10")], "r2"),
    ],
)
def test_an_encounter_counts_once(given, chosen):
    responses = [rated(*each) for each in given]
    assert [each.source[1] for each in once_an_encounter(responses)] == [chosen]
    assert [each.source[1] for each in once_an_encounter(reversed(responses))] == [chosen]


def test_an_encounter_counts_on_each_scale():
    found = once_an_encounter([rated("r1"), rated("r2", "4 4 4", scale="0-4"), rated("r3", session="s2")])
    assert sorted(each.source[1] for each in found) == ["r1", "r2", "r3"]


def test_an_item_with_two_answers_is_not_answered():
    twice = response()
    twice["item"][0]["answer"].append({"valueInteger": 9})
    assert read_answered(twice, locate).score is None
    twice["item"][0]["answer"] = []
    assert read_answered(twice, locate).score is None


def test_what_is_looked_at_in_an_encounter():
    encounter = {
        "resourceType": "Encounter",
        "serviceProvider": {"reference": "Organization/camhs"},
        "episodeOfCare": [{"reference": "EpisodeOfCare/e1"}, {"display": "another"}],
        "participant": [
            {"individual": refer(ROWAN)},
            {"individual": refer(MUM)},
            {"individual": refer(SAGE)},
            {"individual": refer(ROWAN)},
            {"type": [{"text": "nobody yet"}]},
        ],
    }
    found = read_held(encounter, locate)
    assert found == Held(("Organization", "camhs"), (("EpisodeOfCare", "e1"),), (ROWAN, SAGE))
    assert read_held({"resourceType": "Encounter"}, locate) == Held(None, (), ())
