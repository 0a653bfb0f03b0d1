"""The Observations of a response to any form, as a transaction to be sent."""

from __future__ import annotations

import copy

import pytest

from service.fhir import codec
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Gone, Invalid, Malformed, Missing
from service.interactions.content import content
from service.interactions.create import create
from service.interactions.delete import delete
from service.interactions.transaction import bundle as carry_out
from service.interactions.update import update
from service.operations import extract
from service.operations.operation import Call
from service.storage.store import HistoryQuery
from tests.interactions.builders import body, statuses
from tests.rest.serving import ROOT

SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
URL = "https://elsewhere.example/Questionnaire/sleep"
CODES = "https://elsewhere.example/codes"
RESPONSE = "QuestionnaireResponse"


def question(link, type_="integer", **more):
    return {"linkId": link, "type": type_, "code": [{"system": CODES, "code": link}], **more}


FORM = {
    "resourceType": "Questionnaire",
    "id": "sleep",
    "url": URL,
    "version": "1",
    "status": "active",
    "extension": [{"url": f"{SDC}observationExtract", "valueBoolean": True}],
    "item": [question("hours", repeats=True), question("mood"), question("scan", "attachment")],
}


def response(id_="r1", status="completed", **answers):
    made = {
        "resourceType": RESPONSE,
        "questionnaire": URL,
        "status": status,
        "subject": {"reference": "Patient/ash"},
        "authored": "2026-03-10T16:00:00Z",
    }
    if id_ is not None:
        made["id"] = id_
    items = [
        {"linkId": link, "answer": [{"valueInteger": value} for value in values]}
        for link, values in answers.items()
    ]
    return made | ({"item": items} if items else {})


@pytest.fixture
def put(context, act):
    async def putting(*resources):
        for resource in resources:
            await update(context, act, resource["resourceType"], resource["id"], resource)

    return putting


@pytest.fixture
async def held(put):
    await put({"resourceType": "Patient", "id": "ash"}, FORM)


@pytest.fixture
def ask(context, act):
    async def asking(id_="", **sent):
        parameters = [{"name": name.replace("_", "-"), "resource": given} for name, given in sent.items()]
        given = {"resourceType": "Parameters", "parameter": parameters} if parameters else None
        inputs = read_inputs(extract.OPERATION.inputs, (), given)
        answer = await extract.extract(context, act, Call(RESPONSE, id_, inputs))
        assert answer.status == 200
        return body(answer)

    return asking


@pytest.fixture
def send(context, act):
    async def sending(bundle):
        return statuses(await carry_out(context, act, bundle))

    return sending


def observations(bundle):
    assert bundle["resourceType"] == "Bundle", bundle
    assert bundle["type"] == "transaction"
    found = []
    for entry in bundle["entry"]:
        one = entry["resource"]
        assert entry["request"] == {"method": "PUT", "url": f"Observation/{one['id']}"}
        assert entry["fullUrl"].endswith(f"/Observation/{one['id']}")
        found.append(one)
    return found


def plain(stored):
    """A stored resource without what the server writes in it."""
    meta = {name: value for name, value in stored["meta"].items() if name not in {"versionId", "lastUpdated"}}
    rest = {name: value for name, value in stored.items() if name != "meta"}
    return rest | ({"meta": meta} if meta else {})


def said(bundle):
    """Code, value and status of each Observation."""
    return [
        (one["code"]["coding"][0]["code"], one["valueInteger"], one["status"]) for one in observations(bundle)
    ]


def parts(parameters):
    assert parameters["resourceType"] == "Parameters"
    return {each["name"]: each["resource"] for each in parameters["parameter"]}


def slugs(outcome):
    return [issue["details"]["coding"][0]["code"] for issue in outcome["issue"]]


async def refused(problem, asked):
    with pytest.raises(problem) as caught:
        await asked
    return [issue.slug for issue in caught.value.issues]


@pytest.mark.usefixtures("held")
class TestOfAStoredResponse:
    async def test_its_observations_as_a_transaction(self, put, ask):
        await put(response(hours=[7, 8], mood=[0]))
        bundle = await ask("r1")
        assert said(bundle) == [("hours", 7, "final"), ("hours", 8, "final"), ("mood", 0, "final")]
        for one in observations(bundle):
            assert one["subject"] == {"reference": "Patient/ash"}
            assert one["derivedFrom"] == [{"reference": f"{RESPONSE}/r1"}]
            assert one["effectiveDateTime"] == "2026-03-10T16:00:00Z"

    async def test_it_can_be_sent_again_and_nothing_is_there_twice(self, put, ask, send, context, act):
        await put(response(hours=[7, 8]))
        bundle = await ask("r1")
        assert await send(copy.deepcopy(bundle)) == ["201 Created"] * 2
        assert await send(copy.deepcopy(bundle)) == ["200 OK"] * 2
        again = await ask("r1")
        assert observations(again) == observations(bundle)
        assert await send(again) == ["200 OK"] * 2
        page = await context.store.history(act.caller.locality, HistoryQuery("Observation", None, 10))
        assert [stored.version for stored in page.items] == [1, 1]

    async def test_a_corrected_answer_amends_its_observation(self, put, ask, send):
        await put(response(hours=[7], mood=[3]))
        first = await ask("r1")
        await send(copy.deepcopy(first))
        await put(response(status="amended", hours=[7], mood=[4]))
        second = await ask("r1")
        assert said(second) == [("hours", 7, "final"), ("mood", 4, "amended")]
        assert [one["id"] for one in observations(second)] == [one["id"] for one in observations(first)]
        await send(second)
        # It was amended, and stays so.
        await put(response(status="amended", hours=[7], mood=[5]))
        assert said(await ask("r1")) == [("hours", 7, "final"), ("mood", 5, "amended")]

    async def test_what_others_added_to_an_observation_stays(self, put, ask, send):
        await put(response(mood=[3]))
        await send(await ask("r1"))
        [one] = observations(await ask("r1"))
        await put(one | {"note": [{"text": "asked twice"}], "valueInteger": 3})
        [one] = observations(await ask("r1"))
        assert (one["note"], one["status"]) == ([{"text": "asked twice"}], "final")
        await put(response(status="amended", mood=[4]))
        [one] = observations(await ask("r1"))
        assert (one["note"], one["valueInteger"], one["status"]) == ([{"text": "asked twice"}], 4, "amended")

    async def test_an_answer_that_is_gone_retracts_its_observation(self, put, ask, send):
        await put(response(hours=[7, 8]))
        await send(await ask("r1"))
        await put(response(status="amended", hours=[7]))
        bundle = await ask("r1")
        assert said(bundle) == [("hours", 7, "final"), ("hours", 8, "entered-in-error")]
        await send(bundle)
        assert said(await ask("r1")) == [("hours", 7, "final")]
        # What was entered in error stays so: the answer that comes back is another Observation.
        await put(response(status="amended", hours=[7, 9]))
        again = await ask("r1")
        assert said(again) == [("hours", 7, "final"), ("hours", 9, "final")]
        assert observations(again)[1]["id"] != observations(bundle)[1]["id"]
        assert await send(again) == ["200 OK", "201 Created"]

    async def test_what_was_never_sent_is_not_retracted(self, put, ask):
        await put(response(hours=[7, 8]))
        await put(response(status="amended", hours=[7]))
        assert said(await ask("r1")) == [("hours", 7, "final")]

    async def test_an_observation_that_was_deleted_is_made_again(self, put, ask, send, context, act):
        await put(response(mood=[3]))
        [one] = observations(await ask("r1"))
        await send(await ask("r1"))
        await delete(context, act, "Observation", one["id"])
        [again] = observations(await ask("r1"))
        assert again == one

    @pytest.mark.parametrize("status", ["in-progress", "stopped", "entered-in-error"])
    async def test_only_what_is_complete(self, put, ask, status):
        await put(response(status=status, mood=[3]))
        assert await refused(Invalid, ask("r1")) == ["extract-not-complete"]

    async def test_nothing_to_extract(self, put, ask):
        await put(response())
        told = parts(await ask("r1"))
        assert list(told) == ["issues"]
        assert slugs(told["issues"]) == ["extract-nothing"]

    async def test_what_cannot_be_taken_is_told_beside_what_can(self, put, ask):
        answered = response(mood=[3])
        answered["item"].append({"linkId": "scan", "answer": [{"valueAttachment": {"title": "x"}}]})
        await put(answered)
        told = parts(await ask("r1"))
        assert said(told["return"]) == [("mood", 3, "final")]
        assert slugs(told["issues"]) == ["extract-value-type"]

    async def test_a_response_that_does_not_fit_its_form(self, put, ask):
        # The form is not of the guide, so that nothing was said when it was stored.
        await put(response(mood=[3, 4]))
        assert await refused(Invalid, ask("r1")) == ["answer-repeated"]

    async def test_a_form_that_is_not_held(self, put, ask):
        await put(response(mood=[3]) | {"questionnaire": f"{URL}|2"})
        assert await refused(Invalid, ask("r1")) == ["extract-form-unknown"]
        assert said(await ask("r1", questionnaire=FORM | {"version": "2"})) == [("mood", 3, "final")]
        assert await refused(Invalid, ask("r1", questionnaire=FORM)) == ["extract-form-differs"]
        derived = FORM | {"url": f"{URL}-derived", "derivedFrom": [URL]}
        assert said(await ask("r1", questionnaire=derived)) == [("mood", 3, "final")]

    async def test_a_form_within_the_response(self, put, ask):
        inside = {key: value for key, value in FORM.items() if key != "url"}
        await put(response(mood=[3]) | {"questionnaire": "#sleep", "contained": [inside]})
        assert said(await ask("r1")) == [("mood", 3, "final")]

    async def test_no_such_response(self, put, ask, context, act):
        await refused(Missing, ask("nobody"))
        await put(response(mood=[3]))
        await delete(context, act, RESPONSE, "r1")
        await refused(Gone, ask("r1"))

    async def test_another_localitys_response_is_nobodys(self, put, context, elsewhere):
        await put(response(mood=[3]))
        inputs = read_inputs(extract.OPERATION.inputs, (), None)
        await refused(Missing, extract.extract(context, elsewhere, Call(RESPONSE, "r1", inputs)))

    async def test_a_response_in_the_path_and_in_the_body(self, put, ask):
        await put(response(mood=[3]))
        asked = ask("r1", questionnaire_response=response(mood=[3]))
        assert await refused(Malformed, asked) == ["operation-parameter-choice"]


@pytest.mark.usefixtures("held")
class TestOfAResponseThatIsSent:
    async def test_one_that_is_stored(self, put, ask):
        await put(response(mood=[3]))
        stored = await ask("r1")
        assert await ask(questionnaire_response=response(mood=[3])) == stored

    async def test_one_that_is_not_stored_yet(self, ask):
        told = parts(await ask(questionnaire_response=response(mood=[3])))
        assert said(told["return"]) == [("mood", 3, "final")]
        assert slugs(told["issues"]) == ["extract-response-not-stored"]

    async def test_without_an_id_it_is_known_by_its_identifier_or_all_that_it_says(self, ask):
        async def ids(sent):
            return [
                one["id"] for one in observations(parts(await ask(questionnaire_response=sent))["return"])
            ]

        named = response(None, mood=[3]) | {"identifier": {"system": "urn:x", "value": "1"}}
        assert await ids(named) == await ids(named | {"authored": "2026-03-11"})
        assert await ids(named) != await ids(named | {"identifier": {"system": "urn:x", "value": "2"}})
        unnamed = response(None, mood=[3])
        assert await ids(unnamed) == await ids(dict(reversed(unnamed.items())))
        assert await ids(unnamed) != await ids(unnamed | {"authored": "2026-03-11"})

    async def test_one_that_breaks_rules(self, ask):
        sent = response(mood=[3]) | {"status": "no-status"}
        assert await refused(Invalid, ask(questionnaire_response=sent)) == ["code-not-in-value-set"]

    async def test_none(self, ask):
        assert await refused(Malformed, ask()) == ["operation-parameter-missing"]


EXAMPLES = ROOT / "fhir_profiles" / "examples" / "valid"
OURS = ("example-gbo-session", "example-collaborate-response")


def example(name, **more):
    return codec.decode((EXAMPLES / f"{name}.json").read_bytes()) | more


def numbers(bundle):
    """The status of each Observation and its value: a score, or the code of a level."""
    return [
        (
            one["status"],
            one["valueQuantity"]["value"]
            if "valueQuantity" in one
            else one["valueCodeableConcept"]["coding"][0]["code"],
        )
        for one in observations(bundle)
    ]


class TestOfOurOwnForms:
    @pytest.fixture(autouse=True)
    async def _goals(self, put):
        await put(*map(example, ("example-young-person", "example-gbo-goal", "example-gas-goal")))

    async def stored(self, context, act):
        """The Observations that storing responses has made, by id."""
        page = await context.store.history(act.caller.locality, HistoryQuery("Observation", None, 50))
        found = {}
        for one in map(content, reversed(page.items)):
            found[one["id"]] = plain(one)
        return found

    @pytest.mark.parametrize("name", OURS)
    async def test_what_storing_the_response_made_and_sending_it_changes_nothing(
        self, put, ask, send, context, act, name
    ):
        await put(example(name))
        made = await self.stored(context, act)
        bundle = await ask(name)
        assert {one["id"]: one for one in observations(bundle)} == made
        assert len(made) == {"example-gbo-session": 2}.get(name, 1)
        assert set(await send(bundle)) == {"200 OK"}
        page = await context.store.history(act.caller.locality, HistoryQuery("Observation", None, 50))
        assert {stored.version for stored in page.items} == {1}

    @pytest.mark.parametrize("name", OURS)
    async def test_the_same_before_it_is_stored_under_an_id_or_none(self, put, ask, context, act, name):
        told = parts(await ask(questionnaire_response=example(name)))
        assert slugs(told["issues"]) == ["extract-response-not-stored"]
        await put(example(name))
        assert {one["id"]: one for one in observations(told["return"])} == await self.stored(context, act)

    @pytest.mark.parametrize("name", OURS)
    async def test_the_same_as_of_a_response_that_is_posted_without_id(self, ask, context, act, name):
        unnamed = example(name)
        del unnamed["id"]
        told = parts(await ask(questionnaire_response=unnamed))
        await create(context, act, RESPONSE, copy.deepcopy(unnamed))
        assert {one["id"]: one for one in observations(told["return"])} == await self.stored(context, act)
        assert observations(await ask(questionnaire_response=unnamed))

    async def test_a_correction_that_was_not_stored_yet(self, put, ask):
        await put(example("example-gbo-session"))
        corrected = example("example-gbo-session", status="amended")
        corrected["item"][0]["item"][1]["answer"] = [{"valueDecimal": 0}]
        bundle = await ask(questionnaire_response=corrected)
        assert numbers(bundle) == [("amended", 0), ("final", "LA34481-4")]
        # What is stored still says what it said.
        assert ("final", 4) in numbers(await ask("example-gbo-session"))

    async def test_what_was_taken_back_is_not_sent_again(self, put, ask):
        await put(example("example-gbo-session"))
        corrected = example("example-gbo-session", status="amended")
        del corrected["item"][1]
        assert ("entered-in-error", "LA34481-4") in numbers(await ask(questionnaire_response=corrected))
        await put(corrected)
        assert numbers(await ask("example-gbo-session")) == [("final", 4)]

    async def test_where_nothing_is_said_of_the_last_time(self, put, ask):
        answered = example("example-gbo-session")
        answered["item"][0]["item"][1:1] = [
            {"linkId": "goal-1.last-score", "answer": [{"valueDecimal": 9}]},
            {"linkId": "goal-1.last-date", "answer": [{"valueDateTime": "2026-03-06"}]},
        ]
        await put(answered)
        assert ("final", 4) in numbers(await ask("example-gbo-session"))
        assert len(observations(await ask("example-gbo-session"))) == 2

    async def test_an_incomplete_one_gives_nothing(self, put, ask):
        name = "example-collaborate-response-incomplete"
        await put(example(name))
        assert slugs(parts(await ask(name))["issues"]) == ["extract-nothing"]

    async def test_only_what_is_complete(self, put, ask):
        await put(example("example-gbo-session", status="in-progress"))
        assert await refused(Invalid, ask("example-gbo-session")) == ["extract-not-complete"]


async def test_what_the_observations_would_be_told(put, ask):
    await put({"resourceType": "Patient", "id": "ash"})
    own = {"system": "https://thrive-fhir.example/CodeSystem/observable", "code": "needs-based-grouping"}
    await put(FORM | {"item": [question("mood", code=[own])]}, response(mood=[3]))
    told = parts(await ask("r1"))
    assert len(told["return"]["entry"]) == 1
    assert {issue["severity"] for issue in told["issues"]["issue"]} == {"warning"}
    assert all(
        issue["expression"][0].startswith("Bundle.entry[0].resource") for issue in told["issues"]["issue"]
    )


def test_a_response_may_be_the_body_itself():
    sent = response(mood=[3])
    inputs = read_inputs(extract.OPERATION.inputs, (), codec.decode(codec.encode(sent)))
    assert inputs.one("questionnaire-response") == sent
