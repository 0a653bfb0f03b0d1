"""The Observations that the answers to a Questionnaire are."""

from __future__ import annotations

import pytest

from service.fhir.questionnaires.extraction import Spot, extract

SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
CODES = "https://elsewhere.example/codes"
UNIT = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit"


def flag(value):
    name = "valueBoolean" if isinstance(value, bool) else "valueCode"
    return {"url": f"{SDC}observationExtract", name: value}


def category(text):
    return {
        "url": f"{SDC}observation-extract-category",
        "valueCodeableConcept": {"text": text},
    }


def code(name, *extensions):
    made = {"system": CODES, "code": name}
    return {"extension": list(extensions), **made} if extensions else made


def item(link, *extensions, type_="integer", codes=None, within=()):
    made = {"linkId": link, "type": type_, "code": [code(link)] if codes is None else codes}
    made |= {"extension": list(extensions)} if extensions else {}
    return made | ({"item": list(within)} if within else {})


def group(link, *extensions, within, **more):
    return item(link, *extensions, type_="group", within=within, **more)


def form(*items, extensions=()):
    return {"resourceType": "Questionnaire", "extension": list(extensions), "item": list(items)}


def given(link, *values, within=()):
    """A question's item: answers by value, and what is in the last of them."""
    answers = [{"valueInteger": value} for value in values]
    if within:
        answers[-1]["item"] = list(within)
    return {"linkId": link, "answer": answers}


def grouped(link, *within):
    return {"linkId": link, "item": list(within)}


def response(*items, **more):
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "r",
        "status": "completed",
        "item": list(items),
        **more,
    }


def named(spot):
    return f"{spot.link}.{spot.item}.{spot.answer}"


def taken(questionnaire, answered):
    return [one for _, one in extract(questionnaire, answered, named).observations]


def values(questionnaire, *items):
    """Id and value of each Observation."""
    return {one["id"]: one.get("valueInteger") for one in taken(questionnaire, response(*items))}


def test_what_an_observation_has_of_its_response():
    answered = response(
        given("a", 3),
        subject={"reference": "Patient/ash"},
        encounter={"reference": "Encounter/1"},
        basedOn=[{"reference": "ServiceRequest/1"}],
        partOf=[{"reference": "Procedure/1"}, {"reference": "Observation/1"}],
        authored="2026-03-10T16:00:00Z",
        author={"reference": "Practitioner/1"},
    )
    assert taken(form(item("a", flag(value=True))), answered) == [
        {
            "resourceType": "Observation",
            "id": "a.1.0",
            "status": "final",
            "basedOn": [{"reference": "ServiceRequest/1"}],
            "partOf": [{"reference": "Procedure/1"}],
            "subject": {"reference": "Patient/ash"},
            "encounter": {"reference": "Encounter/1"},
            "effectiveDateTime": "2026-03-10T16:00:00Z",
            "issued": "2026-03-10T16:00:00Z",
            "performer": [{"reference": "Practitioner/1"}],
            "derivedFrom": [{"reference": "QuestionnaireResponse/r"}],
            "code": {"coding": [{"system": CODES, "code": "a"}]},
            "valueInteger": 3,
        }
    ]


@pytest.mark.parametrize(
    ("people", "performer"),
    [
        ({"source": "Patient/ash", "author": "Practitioner/1"}, [{"reference": "Patient/ash"}]),
        ({"author": "Practitioner/1"}, [{"reference": "Practitioner/1"}]),
        ({"author": "https://other.example/fhir/Device/1"}, None),
        ({"author": "Device/1/_history/2"}, None),
        ({}, None),
    ],
)
def test_the_performer_is_who_answered(people, performer):
    people = {role: {"reference": who} for role, who in people.items()}
    [one] = taken(form(item("a", flag(value=True))), response(given("a", 1), **people))
    assert one.get("performer") == performer


@pytest.mark.parametrize("authored", ["2026-03-10", "2026"])
def test_a_day_is_no_instant(authored):
    [one] = taken(form(item("a", flag(value=True))), response(given("a", 1), authored=authored))
    assert one["effectiveDateTime"] == authored
    assert "issued" not in one


def test_a_response_without_id_is_known_by_its_identifier():
    identifier = {"system": "urn:x", "value": "1"}
    answered = response(given("a", 1), identifier=identifier)
    del answered["id"]
    [one] = taken(form(item("a", flag(value=True))), answered)
    assert one["derivedFrom"] == [{"type": "QuestionnaireResponse", "identifier": identifier}]
    del answered["identifier"]
    [one] = taken(form(item("a", flag(value=True))), answered)
    assert "derivedFrom" not in one


def test_zero_is_a_value():
    assert values(form(item("a", flag(value=True))), given("a", 0)) == {"a.1.0": 0}


@pytest.mark.parametrize(
    ("questionnaire", "links"),
    [
        (form(item("a"), item("b")), []),
        (form(item("a", flag(value=True)), item("b")), ["a"]),
        (form(item("a"), item("b"), extensions=[flag(value=True)]), ["a", "b"]),
        (form(item("a", flag(value=False)), item("b"), extensions=[flag(value=True)]), ["b"]),
        (form(item("a", codes=[]), item("b"), extensions=[flag(value=True)]), ["b"]),
        (form(item("a", flag("else")), item("b"), extensions=[flag(value=True)]), ["a", "b"]),
        (form(item("a", codes=[code("a", flag(value=True))]), item("b")), ["a"]),
    ],
)
def test_which_questions_are_extracted(questionnaire, links):
    found = values(questionnaire, given("a", 1), given("b", 2))
    assert list(found) == [f"{link}.1.0" for link in links]


def test_what_is_within_an_item_follows_it():
    within = [item("b"), item("c", flag(value=True)), item("d", flag(value=False))]
    answers = grouped("g", given("b", 1), given("c", 2), given("d", 3))
    held = form(group("g", flag(value=True), codes=[], within=within))
    assert list(values(held, answers)) == ["b.1.0", "c.1.0"]
    # What was ruled out stays so, whatever is said further down.
    ruled_out = form(group("g", flag(value=False), codes=[], within=within), extensions=[flag(value=True)])
    assert values(ruled_out, answers) == {}


def test_where_codes_are_marked_only_those_are_taken():
    codes = [code("a"), code("b", flag(value=True)), code("c", flag(value=False))]
    [one] = taken(form(item("x", flag(value=True), codes=codes)), response(given("x", 1)))
    assert one["code"]["coding"] == [code("b")]
    [one] = taken(form(item("x", flag(value=True), codes=[code("a"), code("b")])), response(given("x", 1)))
    assert one["code"]["coding"] == [code("a"), code("b")]


def test_a_code_keeps_what_else_is_said_of_it():
    other = {"url": "urn:other", "valueString": "x"}
    [one] = taken(form(item("x", codes=[code("a", flag(value=True), other)])), response(given("x", 1)))
    assert one["code"]["coding"] == [code("a", other)]


def test_categories_hold_until_a_lower_item_has_its_own():
    held = form(
        item("a"),
        group(
            "g", category("two"), category("three"), codes=[], within=[item("b"), item("c", category("four"))]
        ),
        extensions=[flag(value=True), category("one")],
    )
    found = taken(held, response(given("a", 1), grouped("g", given("b", 1), given("c", 1))))
    assert [[each["text"] for each in one["category"]] for one in found] == [
        ["one"],
        ["two", "three"],
        ["four"],
    ]


def test_each_answer_and_each_repeat_is_an_observation_of_its_own():
    held = form(group("g", codes=[], within=[item("a", flag(value=True))]))
    found = values(held, grouped("g", given("a", 1, 2)), grouped("g", given("a", 3)))
    assert found == {"a.1.0": 1, "a.1.1": 2, "a.2.0": 3}


def test_what_is_unanswered_or_not_of_the_form_gives_nothing():
    assert values(form(item("a", flag(value=True))), {"linkId": "a"}, given("strange", 1)) == {}


def test_components_go_into_the_observation_around_them():
    held = form(
        group("g", flag(value=True), within=[item("a", flag("component")), item("b", flag("component"))])
    )
    [one] = taken(held, response(grouped("g", given("a", 1), given("b", 0, 2))))
    assert one["id"] == "g.1.0"
    assert [(each["code"]["coding"][0]["code"], each["valueInteger"]) for each in one["component"]] == [
        ("a", 1),
        ("b", 0),
        ("b", 2),
    ]
    assert "valueInteger" not in one


def test_members_are_named_by_the_observation_around_them():
    within = [item("a", flag("member")), item("b", flag(value=True))]
    found = taken(
        form(group("g", flag(value=True), within=within)),
        response(grouped("g", given("a", 1), given("b", 2))),
    )
    assert [one["id"] for one in found] == ["g.1.0", "a.1.0", "b.1.0"]
    assert found[0]["hasMember"] == [{"reference": "Observation/a.1.0"}]


def test_a_group_is_no_observation_by_itself():
    held = form(group("g", flag(value=True), within=[item("a"), item("b", flag("component"))]))
    assert list(values(held, grouped("g", given("a", 1)))) == ["a.1.0"]
    assert list(values(held, grouped("g"))) == []


def test_a_component_of_nothing_stands_alone():
    assert values(form(item("a", flag("component"))), given("a", 1)) == {"a.1.0": 1}


def test_questions_within_an_answer():
    held = form(item("a", flag(value=True), within=[item("b", flag("component")), item("c", flag("member"))]))
    found = taken(held, response(given("a", 1, within=[given("b", 2), given("c", 3)])))
    assert [(one["id"], one["valueInteger"]) for one in found] == [("a.1.0", 1), ("c.1.0", 3)]
    assert found[0]["component"] == [{"code": {"coding": [code("b")]}, "valueInteger": 2}]
    assert found[0]["hasMember"] == [{"reference": "Observation/c.1.0"}]


def test_questions_within_the_answer_of_one_that_is_not_extracted():
    held = form(item("a", within=[item("b", flag(value=True))]))
    assert values(held, given("a", 1, within=[given("b", 2)])) == {"b.1.0": 2}


def test_the_unit_of_a_question():
    unit = {"url": UNIT, "valueCoding": {"code": "kg"}}
    [one] = taken(form(item("a", flag(value=True), unit)), response(given("a", 5)))
    assert one["valueQuantity"] == {"value": 5, "unit": "kg", "code": "kg"}


def test_an_answer_that_is_no_value_is_told_of():
    answered = response({"linkId": "a", "answer": [{"valueReference": {"reference": "Goal/1"}}]})
    found = extract(form(item("a", flag(value=True), type_="reference")), answered, named)
    assert found.observations == ()
    [issue] = found.issues
    assert (issue.severity, issue.slug) == ("warning", "extract-value-type")
    assert issue.expression == "QuestionnaireResponse.item[0].answer[0].value"
    # Of a question that is not extracted nothing is said.
    assert extract(form(item("a", type_="reference")), answered, named).issues == ()


def test_spots_tell_answers_apart():
    found = extract(form(item("a", flag(value=True))), response(given("a", 1, 2)), named)
    assert [spot for spot, _ in found.observations] == [Spot("a", 1, 0), Spot("a", 1, 1)]
