"""A response to a form with what is known beforehand."""

from __future__ import annotations

import pytest

from service.fhir import codec
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Gone, Invalid, Malformed, Missing
from service.interactions.create import create
from service.interactions.delete import delete
from service.interactions.update import update
from service.operations import populate
from service.operations.operation import Call
from service.storage.store import HistoryQuery
from tests.interactions.builders import body
from tests.interactions.clinic import OURS, child, extension, refer
from tests.rest.serving import ROOT

SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
SESSION = f"{OURS}/Questionnaire/gbo-session"
URL = "https://elsewhere.example/Questionnaire/sleep"
FORM = "Questionnaire"


EXAMPLES = ROOT / "fhir_profiles" / "examples" / "valid"


def example(name, **more):
    return codec.decode((EXAMPLES / f"{name}.json").read_bytes()) | more


def goal(id_, slot=1, status="active", whose="ash"):
    held = [] if slot is None else [extension("goal-slot", valuePositiveInt=slot)]
    # Only a goal that is rated must hold a slot.
    return example(
        "example-written-goal" if slot is None else "example-gbo-goal",
        id=id_,
        lifecycleStatus=status,
        subject=refer(f"Patient/{whose}"),
        expressedBy=refer(f"Patient/{whose}"),
        extension=[*held, extension("goal-agency", valueReference=refer("Organization/trust"))],
        description={"text": "invented goal"},
    )


def score(id_, value, when, of="g1"):
    made = example("example-gbo-score", id=id_, effectiveDateTime=when, focus=[refer(f"Goal/{of}")])
    made |= {"subject": refer("Patient/ash"), "performer": [refer("Patient/ash")]}
    made["valueQuantity"] |= {"value": value}
    del made["derivedFrom"]
    return made


def expression(text):
    return [
        {
            "url": f"{SDC}initialExpression",
            "valueExpression": {"language": "text/fhirpath", "expression": text},
        }
    ]


def form(*items, **more):
    return {"resourceType": FORM, "id": "sleep", "url": URL, "status": "active", "item": list(items), **more}


@pytest.fixture
def put(context, act):
    async def putting(*resources):
        for resource in resources:
            await update(context, act, resource["resourceType"], resource["id"], resource)

    return putting


@pytest.fixture
def ask(context, act):
    async def asking(id_="", *pairs, parameter=()):
        given = {"resourceType": "Parameters", "parameter": list(parameter)} if parameter else None
        inputs = read_inputs(populate.OPERATION.inputs, pairs, given)
        answer = await populate.populate(context, act, Call(FORM, id_, inputs))
        assert answer.status == 200
        told = {each["name"]: each["resource"] for each in body(answer)["parameter"]}
        issues = told.get("issues", {"issue": []})["issue"]
        return told["response"], [issue["details"]["coding"][0]["code"] for issue in issues]

    return asking


async def refused(problem, asked):
    with pytest.raises(problem) as caught:
        await asked
    return [issue.slug for issue in caught.value.issues]


def answers(response):
    found = {}
    for item in response.get("item", ()):
        for one in item.get("item", [item]):
            given = one.get("answer")
            found[one["linkId"]] = None if given is None else next(iter(given[0].values()))
    return found


SUBJECT = ("subject", "Patient/ash")
CANONICAL = ("canonical", SESSION)


@pytest.fixture
async def ash(put):
    await put(child("ash"), child("other"))


@pytest.fixture
async def session_form(put, guide):
    await put(guide.find(FORM, SESSION))


@pytest.mark.usefixtures("ash")
class TestTheSessionForm:
    async def test_open_goals_and_where_they_stood(self, put, ask):
        await put(
            goal("g1"),
            goal("g2", slot=2, status="completed"),
            goal("g3", slot=3),
            goal("not-ours", whose="other"),
            score("s1", 2, "2026-03-10"),
            score("s2", 0, "2026-03-17"),
        )
        response, issues = await ask("", CANONICAL, SUBJECT)
        assert issues == []
        assert response["questionnaire"] == f"{SESSION}|0.1.0"
        assert response["status"] == "in-progress"
        assert response["subject"] == refer("Patient/ash")
        assert answers(response) == {
            "goal-1.goal": {"reference": "Goal/g1", "display": "invented goal"},
            "goal-1.last-score": 0,
            "goal-1.last-date": "2026-03-17",
            "goal-1.score": None,
            "goal-3.goal": {"reference": "Goal/g3", "display": "invented goal"},
            "goal-3.score": None,
        }

    async def test_what_is_filled_in_can_be_stored_as_it_is_once_it_says_who_answers(
        self, put, ask, context, act
    ):
        await put(goal("g1"))
        user = [
            {"name": "name", "valueString": "user"},
            {"name": "content", "valueReference": refer("Patient/ash")},
        ]
        response, _ = await ask("", CANONICAL, SUBJECT, parameter=[{"name": "context", "part": user}])
        assert response["author"] == response["source"] == refer("Patient/ash")
        assert (await create(context, act, "QuestionnaireResponse", response)).status == 201
        answered = response | {"status": "completed"}
        answered["item"][0]["item"][-1]["answer"] = [{"valueDecimal": 5}]
        assert (await create(context, act, "QuestionnaireResponse", answered)).status == 201

    async def test_nothing_is_stored(self, put, ask, context, act):
        await put(goal("g1"))
        before = await context.store.history(act.caller.locality, HistoryQuery(None, None, 50))
        await ask("", CANONICAL, SUBJECT)
        after = await context.store.history(act.caller.locality, HistoryQuery(None, None, 50))
        assert after.items == before.items

    async def test_no_open_goal(self, put, ask):
        await put(goal("g1", status="on-hold"))
        response, issues = await ask("", CANONICAL, SUBJECT)
        assert "item" not in response or response["item"] == []
        assert issues == ["populate-no-open-goal"]

    async def test_an_open_goal_without_slot_is_told_of(self, put, ask):
        await put(goal("g1"), goal("g2", slot=None))
        response, issues = await ask("", CANONICAL, SUBJECT)
        assert list(answers(response)) == ["goal-1.goal", "goal-1.score"]
        assert issues == ["populate-goal-without-slot"]

    async def test_without_what_is_stored_here(self, put, ask):
        await put(goal("g1"))
        response, issues = await ask("", CANONICAL, SUBJECT, ("local", "false"))
        assert issues == []
        assert set(answers(response).values()) == {None}
        assert len(answers(response)) == 18

    async def test_of_the_form_itself(self, put, ask, session_form):
        del session_form
        await put(goal("g1"))
        by_id, _ = await ask("gbo-session", SUBJECT)
        by_canonical, _ = await ask("", CANONICAL, SUBJECT)
        assert answers(by_id) == answers(by_canonical)
        # In the path it is named already; SDC has what else names one ignored.
        named_twice, _ = await ask("gbo-session", SUBJECT, ("canonical", URL))
        assert answers(named_twice) == answers(by_id)

    async def test_another_localitys_young_person_is_nobody(self, ask, context, elsewhere):
        inputs = read_inputs(populate.OPERATION.inputs, (CANONICAL, SUBJECT), None)
        await refused(Missing, populate.populate(context, elsewhere, Call(FORM, "", inputs)))

    async def test_a_subject_of_another_type(self, put, ask):
        await put({"resourceType": "Practitioner", "id": "kit"})
        asked = ask("", CANONICAL, ("subject", "Practitioner/kit"))
        assert await refused(Invalid, asked) == ["populate-subject-type"]


@pytest.mark.usefixtures("ash")
class TestOtherForms:
    async def test_initial_values_and_expressions(self, put, ask):
        await put(
            form(
                {"linkId": "born", "type": "date", "extension": expression("%patient.birthDate")},
                {"linkId": "whose", "type": "string", "extension": expression("%subject.id")},
                {"linkId": "hours", "type": "integer", "initial": [{"valueInteger": 8}]},
                {"linkId": "open", "type": "string"},
            ),
            child("ash") | {"birthDate": "2011-04-02"},
        )
        response, issues = await ask("sleep", SUBJECT)
        assert issues == []
        assert response["questionnaire"] == URL
        assert answers(response) == {"born": "2011-04-02", "whose": "ash", "hours": 8, "open": None}

    async def test_what_is_stored_is_not_looked_at_where_that_is_not_wanted(self, put, ask):
        await put(
            form({"linkId": "born", "type": "date", "extension": expression("%patient.birthDate")}),
            child("ash") | {"birthDate": "2011-04-02"},
        )
        response, issues = await ask("sleep", SUBJECT, ("local", "false"))
        assert (answers(response), issues) == ({"born": None}, ["populate-expression"])

    async def test_what_is_sent_as_context(self, put, ask):
        await put(form({"linkId": "who", "type": "reference", "extension": expression("%encounter")}))
        encounter = {
            "resourceType": "Encounter",
            "id": "e1",
            "status": "planned",
            "class": {"code": "AMB"},
        }
        parts = [{"name": "name", "valueString": "encounter"}, {"name": "content", "resource": encounter}]
        response, issues = await ask("sleep", SUBJECT, parameter=[{"name": "context", "part": parts}])
        assert issues == []
        assert response["encounter"] == refer("Encounter/e1")
        assert answers(response) == {"who": refer("Encounter/e1")}

    async def test_a_patient_as_context_is_the_subject(self, put, ask):
        await put(form({"linkId": "a", "type": "string"}))
        parts = [
            {"name": "name", "valueString": "patient"},
            {"name": "content", "valueReference": refer("Patient/ash")},
        ]
        response, _ = await ask("sleep", parameter=[{"name": "context", "part": parts}])
        assert response["subject"] == refer("Patient/ash")

    async def test_what_is_passed_over_is_told_of(self, put, ask):
        await put(form({"linkId": "a", "type": "string", "extension": expression("%nobody.name")}))
        parts = [
            {"name": "name", "valueString": "user"},
            {"name": "content", "valueReference": refer("Patient/no")},
        ]
        response, issues = await ask("sleep", SUBJECT, parameter=[{"name": "context", "part": parts}])
        assert answers(response) == {"a": None}
        assert issues == ["populate-context", "populate-expression"]

    async def test_what_expressions_read_and_how_long_they_take_is_bounded(self, put, ask, monkeypatch):
        asked = [{"linkId": str(n), "type": "string", "extension": expression("%user.id")} for n in range(3)]
        await put(form(*asked), {"resourceType": "Practitioner", "id": "kit"})
        parts = [
            {"name": "name", "valueString": "user"},
            {"name": "content", "valueReference": refer("Practitioner/kit")},
        ]
        context_of = [{"name": "context", "part": parts}]
        response, issues = await ask("sleep", SUBJECT, parameter=context_of)
        assert (set(answers(response).values()), issues) == ({"kit"}, [])
        # A look at the clock of these tests is a millisecond.
        monkeypatch.setattr(populate, "LONGEST", 2)
        response, issues = await ask("sleep", SUBJECT, parameter=context_of)
        assert answers(response) == {"0": "kit", "1": "kit", "2": None}
        assert issues == ["populate-expression"]
        monkeypatch.setattr(populate, "LARGEST", 10)
        response, issues = await ask("sleep", SUBJECT, parameter=context_of)
        assert set(answers(response).values()) == {None}
        assert issues == ["populate-context-large", *["populate-expression"] * 3]

    async def test_an_answer_that_the_form_would_not_have_is_told_of(self, put, ask):
        limit = [{"url": "http://hl7.org/fhir/StructureDefinition/maxValue", "valueInteger": 5}]
        await put(
            form({"linkId": "a", "type": "integer", "initial": [{"valueInteger": 8}], "extension": limit})
        )
        response, issues = await ask("sleep", SUBJECT)
        assert (answers(response), issues) == ({"a": 8}, ["answer-out-of-range"])

    @pytest.mark.parametrize(
        "named",
        [
            {"name": "questionnaire", "valueCanonical": URL},
            {"name": "questionnaire", "valueUri": URL},
            {"name": "questionnaire", "valueReference": {"reference": "Questionnaire/sleep"}},
            {"name": "questionnaire", "resource": form({"linkId": "a", "type": "string"})},
            {"name": "canonical", "valueUri": URL},
            {"name": "questionnaireRef", "valueReference": {"reference": "Questionnaire/sleep"}},
            {"name": "identifier", "valueIdentifier": {"value": "1"}},
        ],
    )
    async def test_each_way_to_name_a_form(self, put, ask, named):
        await put(form({"linkId": "a", "type": "string"}, identifier=[{"value": "1"}]))
        response, _ = await ask("", SUBJECT, parameter=[named])
        assert answers(response) == {"a": None}

    async def test_a_form_that_is_not_held_or_not_named(self, put, ask, context, act):
        assert await refused(Missing, ask("", SUBJECT, ("canonical", URL))) == ["questionnaire-unknown"]
        assert await refused(Malformed, ask("", SUBJECT)) == ["operation-parameter-missing"]
        twice = [{"name": "questionnaireRef", "valueReference": {"reference": "Questionnaire/sleep"}}]
        asked = ask("", SUBJECT, CANONICAL, parameter=twice)
        assert await refused(Malformed, asked) == ["operation-parameter-choice"]
        await refused(Missing, ask("sleep", SUBJECT))
        await put(form({"linkId": "a", "type": "string"}))
        await delete(context, act, FORM, "sleep")
        await refused(Gone, ask("sleep", SUBJECT))

    @pytest.mark.parametrize("subject", ["ash", "https://other.example/Patient/ash", "urn:uuid:x"])
    async def test_a_subject_that_is_not_of_this_server(self, put, ask, subject):
        await put(form({"linkId": "a", "type": "string"}))
        assert await refused(Malformed, ask("sleep", ("subject", subject))) == ["populate-subject"]

    async def test_nobody(self, put, ask):
        await put(form({"linkId": "a", "type": "string"}))
        assert await refused(Malformed, ask("sleep")) == ["operation-parameter-missing"]
        await refused(Missing, ask("sleep", ("subject", "Patient/nobody")))
