"""What a completed response says, by who said it, and the Observation of it."""

from __future__ import annotations

import hashlib
import uuid
from decimal import Decimal
from typing import Any

import pytest

from service.outcomes.extraction import (
    CODE_SETS,
    can_be_taken,
    form_of,
    id_of,
    is_ours,
    observation,
    observation_id,
    rater_of,
    sayings,
    uuid_of,
)
from tests.outcomes.clinic import LOINC, OURS, SNOMED, locate, told

ASH = {"reference": "Patient/ash"}
PARENT = {"reference": "RelatedPerson/fern"}
SURVEY = "http://terminology.hl7.org/CodeSystem/observation-category"
UNIT = {"unit": "score", "system": "http://unitsofmeasure.org", "code": "{ScoreOf}"}
Json = dict[str, Any]


def question(link: str, **answer: Any) -> Json:
    return {"linkId": link, "answer": [answer]} if answer else {"linkId": link}


def slot(number: int, goal: Any = None, **given: Any) -> Json:
    """A slot's group; `score`, `level` and the read-only questions by their names."""
    name = f"goal-{number}"
    reference = {"reference": f"Goal/g{number}"} if goal is None else goal
    asked = [question(f"{name}.goal", valueReference=reference)]
    asked += [
        question(f"{name}.{kind.replace('_', '-')}", **{element: value})
        for kind, (element, value) in given.items()
    ]
    return {"linkId": name, "item": asked}


def score(value: Any) -> tuple[str, Any]:
    return "valueDecimal", value


def level(value: int) -> tuple[str, Any]:
    return "valueInteger", value


def session(*slots: Json, status: str = "completed", by: Json = ASH, **more: Any) -> Json:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "r",
        "questionnaire": f"{OURS}/Questionnaire/gbo-session|0.1.0",
        "status": status,
        "subject": ASH,
        "authored": "2026-03-10",
        "source": by,
        "item": list(slots),
        **more,
    }


def collaborate(*given: int | None, scale: str = "0-9", **more: Any) -> Json:
    links = ("understand", "listen", "include")
    items = [
        question(link, valueInteger=value)
        for link, value in zip(links, given, strict=True)
        if value is not None
    ]
    return {**session(*items, **more), "questionnaire": f"{OURS}/Questionnaire/collaborate-{scale}"}


def said(response: Json) -> list[tuple[str, str, str, Any]]:
    return [(each.kind, each.about, each.rater, each.value) for each in sayings(response, locate)]


# What a response says.
@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (session(slot(1, score=score(7))), [("score", "Goal/g1", "young-person", 7)]),
        (session(slot(1, score=score(0))), [("score", "Goal/g1", "young-person", 0)]),
        (session(slot(1, level=level(0))), [("level", "Goal/g1", "young-person", 0)]),
        (session(slot(3, score=score(Decimal("7.50")))), [("score", "Goal/g3", "young-person", Decimal("7.50"))]),
        (
            session(slot(1, score=score(2)), slot(2, level=level(-2)), slot(3, score=score(10))),
            [
                ("score", "Goal/g1", "young-person", 2),
                ("level", "Goal/g2", "young-person", -2),
                ("score", "Goal/g3", "young-person", 10),
            ],
        ),
        (session(slot(1, score=score(7)), status="amended"), [("score", "Goal/g1", "young-person", 7)]),
        (session(slot(1, score=score(7)), status="in-progress"), []),
        (session(slot(1, score=score(7)), status="stopped"), []),
        (session(slot(1, score=score(7)), status="entered-in-error"), []),
        (session(slot(1)), []),
        (session(slot(1, {}, score=score(7))), []),
        (session(slot(4, score=score(7))), []),
        # What was said the last time is shown, and is not said again.
        (session(slot(1, last_score=score(7), last_level=level(1))), []),
        (session(slot(1, score=("valueString", "7"))), []),
        (session(slot(1, {"identifier": {"system": "s", "value": "v"}}, score=score(7))),
         [("score", "s|v", "young-person", 7)]),
        (session(slot(1, {"identifier": {"value": "v"}}, score=score(7))), [("score", "|v", "young-person", 7)]),
        (session(slot(1, {"identifier": {"system": "s"}}, score=score(7))), []),
        ({**session(slot(1, score=score(7))), "questionnaire": f"{OURS}/Questionnaire/other"}, []),
    ],
)  # fmt: skip
def test_what_a_session_says(response, expected):
    assert said(response) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (collaborate(9, 9, 9), (27, Decimal("9.00"), True)),
        (collaborate(9, 8, 9), (26, Decimal("8.67"), False)),
        (collaborate(0, 0, 0), (0, Decimal("0.00"), False)),
        (collaborate(4, 4, 4, scale="0-4"), (12, Decimal("4.00"), True)),
        (collaborate(9, None, 9), None),
        (collaborate(9, 9, 9, status="in-progress"), None),
        (collaborate(5, 4, 4, scale="0-4"), None),
    ],
)
def test_what_collaborate_says(response, expected):
    found = sayings(response, locate)
    if expected is None:
        assert found == ()
        return
    [one] = found
    assert (one.kind, one.about, one.place) == ("collaborate", "", "QuestionnaireResponse")
    assert (one.value.total, one.value.mean, one.value.all_at_top) == expected


def test_where_it_says_it():
    [one] = sayings(session(slot(2, score=score(7))), locate)
    assert one.place == "QuestionnaireResponse.item[0].item[1].answer[0].value"
    assert (one.goal, one.slot) == (("Goal", "g2"), 2)


def elsewhere(text: str) -> Any:
    """As the service does with absolute addresses."""
    return ("", text) if text.startswith("http") else locate(text)


@pytest.mark.parametrize(
    ("by", "rater"),
    [
        (ASH, "young-person"),
        (PARENT, "parent-or-carer"),
        ({"reference": "Practitioner/x"}, "clinician"),
        ({"reference": "PractitionerRole/x"}, "clinician"),
        ({"reference": "Organization/x"}, "other"),
        ({"reference": "https://x.example/fhir/Patient/1"}, "young-person"),
        ({"reference": "https://x.example/fhir/RelatedPerson/1"}, "parent-or-carer"),
        ({"reference": "https://x.example/fhir/PractitionerRole/1"}, "clinician"),
        ({"reference": "https://x.example/fhir/Patient/1/files"}, "other"),
        ({"reference": "https://x.example/fhir/OnePatient/1"}, "other"),
        ({"identifier": {"value": "1"}}, "other"),
        ({"identifier": {"value": "1"}, "type": "Patient"}, "young-person"),
        ({"display": "somebody"}, "other"),
    ],
)
def test_who_answered(by, rater):
    assert rater_of({"source": by}, elsewhere)[0] == rater
    assert rater_of({"author": by}, elsewhere)[0] == rater
    assert rater_of({"source": by, "author": {"reference": "Practitioner/typist"}}, elsewhere)[0] == rater


def test_the_person_who_answered():
    assert rater_of({}, elsewhere) == ("other", None)
    assert rater_of({"source": PARENT}, elsewhere) == ("parent-or-carer", ("RelatedPerson", "fern"))
    address = "https://x.example/fhir/RelatedPerson/1"
    assert rater_of({"source": {"reference": address}}, elsewhere) == ("parent-or-carer", ("", address))
    [said_by] = [each.by for each in sayings(session(slot(1, score=score(1)), by=PARENT), locate)]
    assert said_by == ("RelatedPerson", "fern")
    assert sayings(collaborate(1, 1, 1), locate)[0].by == ("Patient", "ash")


@pytest.mark.parametrize(
    ("form", "address", "ours"),
    [
        (f"{OURS}/Questionnaire/gbo-session", f"{OURS}/Questionnaire/gbo-session", True),
        (f"{OURS}/Questionnaire/gbo-session|1", f"{OURS}/Questionnaire/gbo-session", True),
        (f"{OURS}/Questionnaire/collaborate-0-9", f"{OURS}/Questionnaire/collaborate-0-9", True),
        (f"{OURS}/Questionnaire/collaborate-0-4|2", f"{OURS}/Questionnaire/collaborate-0-4", True),
        (f"{OURS}/Questionnaire/gbo-session-2", f"{OURS}/Questionnaire/gbo-session-2", False),
        (f"{OURS}/Questionnaire/thrive-plan-review", f"{OURS}/Questionnaire/thrive-plan-review", False),
        (None, "", False),
        (7, "", False),
    ],
)
def test_forms(form, address, ours):
    response = {} if form is None else {"questionnaire": form}
    assert (form_of(response), is_ours(response)) == (address, ours)


# What is taken from it.
def taken(response: Json, codes: Any = "goal-tool", **options: Any) -> Json:
    [one] = sayings(response, locate)
    return observation(response, one, codes, **options)


def test_the_score_of_a_young_person():
    assert taken(session(slot(2, score=score(Decimal("7.50"))), encounter={"reference": "Encounter/e"})) == {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": SURVEY, "code": "survey", "display": "Survey"}]}],
        "code": {
            "coding": [
                {
                    "system": SNOMED,
                    "code": "1638541000000106",
                    "display": "Goal-Based Outcomes tool goal progress chart - goal 2 score",
                }
            ]
        },
        "subject": ASH,
        "encounter": {"reference": "Encounter/e"},
        "focus": [{"reference": "Goal/g2"}],
        "effectiveDateTime": "2026-03-10",
        "performer": [ASH],
        "valueQuantity": {"value": Decimal("7.50"), **UNIT},
        "derivedFrom": [{"reference": "QuestionnaireResponse/r"}],
    }


def code_of(observation_: Json) -> tuple[str, str]:
    [coding] = observation_["code"]["coding"]
    return coding["system"], coding["code"]


GOAL_SCORES = f"{OURS}/CodeSystem/goal-score"


@pytest.mark.parametrize(
    ("by", "number", "codes", "expected"),
    [
        (ASH, 1, "goal-tool", (SNOMED, "1638531000000102")),
        (ASH, 3, "goal-tool", (SNOMED, "1638551000000109")),
        (ASH, 1, "progress-chart", (SNOMED, "1034351000000101")),
        (ASH, 2, "progress-chart", (SNOMED, "1034361000000103")),
        (ASH, 3, "progress-chart", (SNOMED, "1034371000000105")),
        (PARENT, 1, "goal-tool", (GOAL_SCORES, "parent-rated-goal-score")),
        ({"reference": "Practitioner/x"}, 1, "progress-chart", (GOAL_SCORES, "clinician-rated-goal-score")),
        ({"identifier": {"value": "1"}}, 1, "goal-tool", (GOAL_SCORES, "other-rated-goal-score")),
    ],
)
def test_codes_of_scores(by, number, codes, expected):
    assert code_of(taken(session(slot(number, score=score(5)), by=by), codes)) == expected


@pytest.mark.parametrize(
    ("by", "is_first", "expected"),
    [
        (ASH, True, "112296-9"),
        (PARENT, True, "112296-9"),
        (ASH, False, "107334-5"),
        (PARENT, False, "107331-1"),
        ({"reference": "PractitionerRole/x"}, False, "107333-7"),
    ],
)
def test_codes_of_levels(by, is_first, expected):
    made = taken(session(slot(1, level=level(1)), by=by), is_first=is_first)
    assert code_of(made) == (LOINC, expected)


@pytest.mark.parametrize(
    ("value", "answer"),
    [(2, "LA34479-8"), (1, "LA34480-6"), (0, "LA34481-4"), (-1, "LA34483-0"), (-2, "LA34484-8")],
)
def test_levels(value, answer):
    made = taken(session(slot(1, level=level(value))))
    assert made["valueCodeableConcept"] == {"coding": [{"system": LOINC, "code": answer}]}
    assert "valueQuantity" not in made


def test_the_score_of_collaborate():
    made = taken(collaborate(4, 3, 4, scale="0-4", by=PARENT))
    system = f"{OURS}/CodeSystem/collaborate"
    assert code_of(made) == (system, "collaborate-mean")
    assert made["valueQuantity"] == {"value": Decimal("3.67"), **UNIT}
    assert [(one["system"], one["code"]) for one in made["method"]["coding"]] == [(system, "scale-0-4")]
    assert [
        (one["code"]["coding"][0]["code"], one.get("valueInteger"), one.get("valueBoolean"))
        for one in made["component"]
    ] == [
        ("understand", 4, None), ("listen", 3, None), ("include", 4, None), ("all-at-top", None, False),
    ]  # fmt: skip
    assert "focus" not in made
    assert made["performer"] == [PARENT]


def test_displays_are_those_of_our_code_systems(guide):
    displays = {
        (system["url"], concept["code"]): concept["display"]
        for system in guide.all("CodeSystem").values()
        for concept in system["concept"]
        if "display" in concept
    }
    displays |= {
        (part["system"], concept["code"]): concept["display"]
        for value_set in guide.all("ValueSet").values()
        for part in value_set["compose"]["include"]
        for concept in part.get("concept", ())
        if "display" in concept
    }

    def codings(node: Any) -> Any:
        if isinstance(node, dict):
            if "display" in node:
                yield (node["system"], node["code"]), node["display"]
            for value in node.values():
                yield from codings(value)
        elif isinstance(node, list):
            for value in node:
                yield from codings(value)

    raters = (ASH, PARENT, {"reference": "Practitioner/x"}, {"identifier": {"value": "1"}})
    made = [
        taken(session(slot(number, score=score(5)), by=by), codes)
        for number in (1, 2, 3) for by in raters for codes in CODE_SETS
    ]  # fmt: skip
    made += [taken(collaborate(1, 1, 1, scale=scale)) for scale in ("0-9", "0-4")]
    seen = {key: display for one in made for key, display in codings(one) if key[0] != SURVEY}
    assert len(seen) > 15
    assert {key: displays.get(key) for key in seen} == seen


def test_what_a_response_lacks_is_left_out():
    made = taken({
        "questionnaire": f"{OURS}/Questionnaire/gbo-session", "status": "completed", "item": [slot(1, score=score(5))],
    })  # fmt: skip
    assert made.keys() == {"resourceType", "status", "category", "code", "focus", "valueQuantity"}


def test_an_amended_response_gives_amended_scores():
    assert taken(session(slot(1, score=score(5)), status="amended"))["status"] == "amended"


def test_of_references_no_display_is_kept():
    person = {
        "reference": "Patient/ash",
        "type": "Patient",
        "display": "marked",
        "identifier": {"value": "7"},
    }
    goal = {"reference": "Goal/g1", "display": "marked"}
    made = taken(session(slot(1, goal, score=score(5)), by=person, subject=person, encounter=person))
    kept = {name: value for name, value in person.items() if name != "display"}
    assert made["focus"] == [{"reference": "Goal/g1"}]
    assert [made["subject"], made["encounter"], *made["performer"]] == [kept] * 3


def test_labels_come_along():
    labels = [{"code": "R"}]
    made = taken(session(slot(1, score=score(5)), meta={"security": labels, "tag": [{"code": "x"}]}))
    assert made["meta"] == {"security": labels}
    assert "meta" not in taken(session(slot(1, score=score(5)), meta={"tag": [{"code": "x"}]}))


# What nothing true can be taken from.
@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (session(slot(1, score=score(5))), []),
        (session(slot(1, score=score(5)), by={"reference": "Patient/bramble"}),
         [("response-of-another-child", "QuestionnaireResponse.source")]),
        (collaborate(1, 1, 1, by={"reference": "Patient/bramble"}),
         [("response-of-another-child", "QuestionnaireResponse.source")]),
        (session(slot(1, score=score(5)), by={"reference": "Patient/bramble"}, status="in-progress"), []),
        (session(slot(1, score=score(5)), by={"reference": "RelatedPerson/bramble"}), []),
        (session(slot(1, score=score(5)), by={"reference": "Patient/bramble"}, subject={"display": "x"}), []),
        (session(slot(1, level=level(1)), by={"identifier": {"value": "1"}}),
         [("level-rater-unknown", "QuestionnaireResponse.source")]),
        (session(slot(1, level=level(1)), by={"identifier": {"value": "1"}, "type": "Practitioner"}), []),
        (session(slot(1, score=score(1)), by={"identifier": {"value": "1"}}), []),
        (session(slot(1, score=score(1)), slot(2, {"reference": "Goal/g1"}, score=score(2))),
         [("goal-rated-twice", "QuestionnaireResponse.item[1].item[1].answer[0].value")]),
        (session(slot(1, score=score(1), level=level(2))),
         [("goal-rated-twice", "QuestionnaireResponse.item[0].item[2].answer[0].value")]),
    ],
)  # fmt: skip
def test_what_it_cannot_be_taken_from(response, expected):
    found = told(can_be_taken(response, sayings(response, locate), locate))
    assert [(slug, place) for _, slug, place in found] == expected
    assert all(severity == "error" for severity, _, _ in found)


# Ids.
def test_an_id_is_a_uuid_of_version_8_and_a_function():
    found = id_of("r", "score", "Goal/g1")
    assert found == id_of("r", "score", "Goal/g1", generation=0)
    parsed = uuid.UUID(found)
    assert (str(parsed), parsed.version, parsed.variant) == (found, 8, uuid.RFC_4122)
    digest = hashlib.sha256(b"r\0score\0Goal/g1\0" + b"0").digest()
    # All bits of the digest's beginning but those of version and variant.
    mask = (1 << 128) - 1 - (0xF << 76) - (0x3 << 62)
    assert parsed.int & mask == int.from_bytes(digest[:16], "big") & mask
    assert uuid_of(digest) == found


def test_ids_tell_apart():
    assert len({
        id_of("r", "score", "Goal/g1"),
        id_of("r", "score", "Goal/g1", generation=1),
        id_of("r", "level", "Goal/g1"),
        id_of("r", "score", "Goal/g2"),
        id_of("s", "score", "Goal/g1"),
        id_of("r", "score", "Goal", "g1"),
        id_of("r", "scoreGoal/g1"),
    }) == 7  # fmt: skip


def test_the_id_of_what_is_said():
    [one] = sayings(session(slot(1, score=score(5))), locate)
    assert observation_id("r", one) == id_of("r", "score", "Goal/g1")
    assert observation_id("r", one, 2) == id_of("r", "score", "Goal/g1", generation=2)
    [other] = sayings(session(slot(1, score=score(6)), by=PARENT), locate)
    assert observation_id("r", other) == observation_id("r", one)
