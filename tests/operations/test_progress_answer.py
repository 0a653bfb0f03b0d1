"""What the Parameters of $progress say, and that they are FHIR."""

from __future__ import annotations

import pytest

from service.fhir import codec
from service.fhir.validation.validator import Validator
from service.operations.progress_answer import told
from service.operations.progress_figures import CLINICAL, PARITY, SERIES, Asked, figures
from service.operations.rated import Rated
from service.outcomes.days import ALWAYS, Days, days_of
from service.outcomes.series import RATERS, read_points
from tests.outcomes.clinic import (
    ASH,
    GOAL_TOOL,
    PROGRESS_CHART,
    ROWAN,
    SNOMED,
    extension,
    level,
    locate,
    own,
    rated_by,
    rating,
    refer,
)

SNOMED_1 = {"system": SNOMED, "code": GOAL_TOOL[1]}


def goal(id_, slot):
    return {
        "id": id_,
        "lifecycleStatus": "active",
        "description": {"text": "a secret of the young person's"},
        "subject": refer(ASH),
        "extension": [extension("goal-slot", valuePositiveInt=slot)],
    }


def rated(goals, *observations):
    points = tuple(point for each in observations for point in read_points(each, locate))
    return Rated({id_: goal(id_, slot) for id_, slot in goals.items()}, points)


def answer(given, mode=CLINICAL, days=ALWAYS, raters=RATERS):
    asked = Asked(("Patient", "ash"), days, frozenset(raters), mode, SERIES, days_of("2026-04-01").first)
    return codec.decode(codec.encode(told(asked, figures(given, asked, locate))))


def plain(parts):
    """Parts as a list of name and value, the value of one with parts being such a list."""
    return [(part["name"], plain(part["part"]) if "part" in part else value(part)) for part in parts]


def value(part):
    [found] = [content for name, content in part.items() if name.startswith("value")]
    return found["reference"] if isinstance(found, dict) and "reference" in found else found


def top(given):
    return plain(given["parameter"])


def without(parts, *names):
    return [(name, content) for name, content in parts if name not in names]


WORKED = rated(
    {"one": 1, "two": 2, "three": 3},
    rating("1a", "one", "2", "2026-03-01", own(1)),
    rating("1b", "one", "6", "2026-03-15T16:00:00Z", own(1)),
    rating("2a", "two", "3", "2026-03-01", own(2)),
    rating("2b", "two", "3", "2026-03-15", own(2)),
    rating("3a", "three", "4", "2026-03-01", own(3)),
    rating("3b", "three", "5", "2026-03-15", own(3)),
)


def test_the_worked_example_to_the_digit():
    """Domain facts section 1: goals 2 to 6, 3 to 3, 4 to 5."""
    shown = top(answer(WORKED))
    assert [name for name, _ in shown] == [
        "about",
        "mode",
        "on",
        "goal",
        "goal",
        "goal",
        "mean-of-goals",
        "each-slot",
    ]
    assert shown[:3] == [("about", "Patient/ash"), ("mode", "clinical"), ("on", "2026-04-01")]
    assert without(shown[6][1], "source") == [
        ("rater", "young-person"),
        ("rated-by", "Patient/ash"),
        ("verdict", "no-change"),
        ("goals", 3),
        ("total-change", 5),
        ("mean-change", codec.decode(b'{"x":1.67}')["x"]),
        ("more-than", codec.decode(b'{"x":2.45}')["x"]),
    ]
    assert without(shown[7][1], "source") == [
        ("rater", "young-person"),
        ("rated-by", "Patient/ash"),
        ("verdict", "improved"),
        ("improved", 1),
        ("deteriorated", 0),
        ("no-change", 2),
        ("at-least", 3),
    ]
    assert b'"mean-change","valueDecimal":1.67}' in codec.encode(answer(WORKED))
    series = [dict(dict(goal_)["series"]) for name, goal_ in shown if name == "goal"]
    assert [(each["change"], each["each-slot"]) for each in series] == [
        (4, "improved"),
        (0, "no-change"),
        (1, "no-change"),
    ]


def test_a_series_with_all_that_it_says():
    given = rated(
        {"one": 1},
        rating("a", "one", "0", "2026-03-01", own(1)),
        rating("b", "one", None, "2026-03-08", own(1)),
        rating(
            "c",
            "one",
            "2.50",
            "2026-03-15T16:00:00Z",
            own(1),
            derivedFrom=[refer(("QuestionnaireResponse", "form"))],
            encounter=refer(("Encounter", "met")),
        ),
    )
    [found] = [content for name, content in top(answer(given)) if name == "goal"]
    last = [
        ("value", codec.decode(b'{"x":2.50}')["x"]),
        ("date", "2026-03-15T16:00:00Z"),
        ("observation", "Observation/c"),
    ]
    first = [("value", 0), ("date", "2026-03-01"), ("observation", "Observation/a")]
    code = ("code", SNOMED_1)
    assert found == [
        ("goal", "Goal/one"),
        ("slot", 1),
        ("status", "active"),
        (
            "series",
            [
                ("rater", "young-person"),
                ("rated-by", "Patient/ash"),
                ("kind", "score"),
                ("ratings", 2),
                ("not-rated", 1),
                ("baseline", first),
                ("latest", last),
                ("change", codec.decode(b'{"x":2.50}')["x"]),
                ("days-since-last", 17),
                ("each-slot", "no-change"),
                ("rating", [*first, code]),
                (
                    "rating",
                    [("not-rated", True), ("date", "2026-03-08"), ("observation", "Observation/b"), code],
                ),
                (
                    "rating",
                    [*last, ("response", "QuestionnaireResponse/form"), ("encounter", "Encounter/met"), code],
                ),
            ],
        ),
    ]
    assert b'"valueDecimal":2.50' in codec.encode(answer(given))


def test_what_was_rated_once_has_no_change():
    shown = top(answer(rated({"one": 1}, rating("a", "one", "4", "2026-03-01", own(1)))))
    series = dict(dict(shown[3][1])["series"])
    assert (series["baseline"], series["each-slot"]) == (series["latest"], "not-rated-twice")
    assert "change" not in series
    mean = dict(shown[4][1])
    assert (mean["verdict"], mean["goals"]) == ("not-rated-twice", 0)
    assert not {"total-change", "mean-change"} & set(mean)


def test_a_goal_that_was_never_rated_is_told_of():
    shown = top(answer(rated({"one": 1})))
    assert shown[3:] == [("goal", [("goal", "Goal/one"), ("slot", 1), ("status", "active")])]


def test_levels_have_a_summary_and_no_rule():
    given = rated(
        {"one": 1},
        level("a", "one", -1, "2026-03-01", "112296-9", ROWAN),
        level("b", "one", 1, "2026-03-15", "107334-5"),
    )
    shown = top(answer(given, raters=["young-person"]))
    series = dict(dict(shown[3][1])["series"])
    assert (series["kind"], series["latest"][0]) == ("level", ("value", 1))
    assert "each-slot" not in series
    assert shown[4:] == [
        (
            "attainment",
            [
                ("rater", "young-person"),
                ("rated-by", "Patient/ash"),
                ("goals", 1),
                ("left-out", 0),
                ("baseline-t", 40),
                ("latest-t", 60),
                ("change", 20),
                ("baseline-rater", "clinician"),
                ("rho", codec.decode(b'{"x":0.3}')["x"]),
            ],
        )
    ]


REUSED = rated(
    {"old": 1, "new": 1},
    rating("a", "old", "6", "2026-03-01", own(1)),
    rating("b", "new", "1", "2026-03-15", own(1)),
    rating("c", "old", "5", "2026-02-01", own(1, PROGRESS_CHART)),
)


def test_national_pairs_and_cautions():
    shown = top(answer(REUSED, PARITY))
    assert [name for name, _ in shown] == [
        "about",
        "mode",
        "on",
        "goal",
        "goal",
        "pair",
        "pair",
        "each-slot",
        "caution",
        "caution",
    ]
    assert shown[1] == ("mode", "nhse-parity")
    assert all("each-slot" not in dict(dict(goal_)["series"]) for _, goal_ in shown[3:5])
    assert shown[6] == (
        "pair",
        [
            ("code", SNOMED_1),
            ("slot", 1),
            ("goal", "Goal/old"),
            ("goal", "Goal/new"),
            ("ratings", 2),
            ("baseline", [("value", 6), ("date", "2026-03-01"), ("observation", "Observation/a")]),
            ("latest", [("value", 1), ("date", "2026-03-15"), ("observation", "Observation/b")]),
            ("change", -5),
            ("each-slot", "deteriorated"),
        ],
    )
    assert without(shown[7][1], "source") == [
        ("rater", "young-person"),
        ("verdict", "deteriorated"),
        ("improved", 0),
        ("deteriorated", 1),
        ("no-change", 0),
        ("at-least", 3),
    ]
    assert [without(content, "text") for _, content in shown[8:]] == [
        [("caution", "slot-reused"), ("goal", "Goal/old"), ("goal", "Goal/new"), ("code", SNOMED_1)],
        [
            ("caution", "code-set-switched"),
            ("goal", "Goal/old"),
            ("code", {"system": SNOMED, "code": PROGRESS_CHART[1]}),
            ("code", SNOMED_1),
        ],
    ]


def test_a_pair_of_one_has_no_change():
    shown = top(answer(rated({"one": 1}, rating("a", "one", "4", "2026-03-01", own(1))), PARITY))
    pair = dict(shown[4][1])
    assert (pair["each-slot"], pair["ratings"]) == ("not-rated-twice", 1)
    assert "change" not in pair


@pytest.mark.parametrize(
    ("days", "period"),
    [
        (ALWAYS, None),
        (days_of("2026-03"), {"start": "2026-03-01", "end": "2026-03-31"}),
        (Days(days_of("2026-03-01").first, ALWAYS.last), {"start": "2026-03-01"}),
        (Days(ALWAYS.first, days_of("2026-03-01").last), {"end": "2026-03-01"}),
    ],
)
def test_the_days_that_were_asked_about(days, period):
    assert dict(top(answer(WORKED, days=days))).get("period") == period


@pytest.mark.parametrize("mode", [CLINICAL, PARITY])
def test_the_answer_is_fhir_and_says_no_goals_wording(mode, registry, guide, terminology):
    unnamed = {
        "performer": [{"type": "RelatedPerson", "identifier": {"system": "https://x.example", "value": "1"}}]
    }
    given = rated(
        {"one": 1, "two": 2},
        rating("a", "one", "0", "2026-03-01", own(1)),
        rating("b", "one", None, "2026-03-08", own(1)),
        rating("c", "one", "2.5", "2026-03-15", own(1), derivedFrom=[refer(("QuestionnaireResponse", "f"))]),
        rating("d", "two", "9", "2026-03-15", rated_by("parent"), **unnamed),
        level("e", "one", -1, "2026-03-01", "112296-9", ROWAN),
        level("f", "one", 2, "2026-03-15", "107333-7", ROWAN),
        rating("g", "two", "1", "2026-03-15", own(1)),
    )
    told_ = answer(given, mode, days_of("2026-03"))
    assert [issue.text for issue in Validator(registry, guide, terminology).check(told_)] == []
    assert b"secret" not in codec.encode(told_)
