"""Whatever writes a response of ours, its Observations come, follow and go with it: none is lost, none counts twice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from service.fhir.problems import Conflict, Problem
from service.interactions.create import create
from service.interactions.delete import conditional_delete, delete
from service.interactions.extracting import as_extracted
from service.interactions.patch import JsonPatch, patch
from service.interactions.transaction import bundle as carry_out
from service.interactions.update import conditional_update, update
from tests.interactions.builders import body, bundle, entry, statuses, urn
from tests.interactions.sessions import (
    ASH,
    CLINICIAN,
    PARENT,
    all_of,
    collaborate,
    counted,
    own_score,
    session,
    shown,
)
from tests.interactions.transactions import run

RESPONSE = "QuestionnaireResponse"
YOUNG = "young-person"


async def post(context, act, resource, **more):
    return await create(context, act, resource["resourceType"], resource, **more)


async def put(context, act, resource, **more):
    return await update(context, act, resource["resourceType"], resource["id"], resource, **more)


async def slugs(awaited):
    with pytest.raises(Problem) as refused:
        await awaited
    return [issue.slug for issue in refused.value.issues]


async def test_a_session_brings_a_score_for_each_goal(context, act):
    answer = await post(context, act, session({1: Decimal("7.50"), 2: 0, 3: 10}))
    assert answer.status == 201
    assert answer.stored.type == RESPONSE
    assert await counted(context, act) == [
        ("g1", YOUNG, Decimal("7.50")),
        ("g2", YOUNG, 0),
        ("g3", YOUNG, 10),
    ]
    first = next(one for one in await all_of(context, act) if one["focus"][0]["reference"] == "Goal/g1")
    del first["meta"], first["id"], first["category"]
    assert first == {
        "resourceType": "Observation",
        "status": "final",
        "code": {
            "coding": [
                {
                    "system": "http://snomed.info/sct",
                    "code": "1638531000000102",
                    "display": "Goal-Based Outcomes tool goal progress chart - goal 1 score",
                }
            ]
        },
        "subject": ASH,
        "focus": [{"reference": "Goal/g1"}],
        "encounter": {"reference": "Encounter/e1"},
        "effectiveDateTime": "2026-03-10T16:00:00Z",
        "performer": [ASH],
        "valueQuantity": {
            "value": Decimal("7.50"),
            "unit": "score",
            "system": "http://unitsofmeasure.org",
            "code": "{ScoreOf}",
        },
        "derivedFrom": [{"reference": f"{RESPONSE}/{answer.stored.id}"}],
    }


async def test_what_is_not_said_for_good_brings_nothing(context, act):
    await post(context, act, session({1: 5}, status="in-progress"))
    await post(context, act, session({1: 5}, status="stopped"))
    await post(context, act, session({1: 5}, status="entered-in-error"))
    await post(context, act, collaborate(9, None, 9))
    assert await all_of(context, act) == []


async def test_every_way_to_write_brings_the_same(context, act):
    await put(context, act, {**session({1: 1}), "id": "put"})
    await conditional_update(
        context, act, RESPONSE, "identifier=x|1", {**session({1: 2}), "id": "conditional"}
    )
    await put(context, act, {**session({1: 3}, status="in-progress"), "id": "patched"})
    completed = JsonPatch([{"op": "replace", "path": "/status", "value": "completed"}])
    await patch(context, act, RESPONSE, "patched", completed)
    await run(context, act, entry("POST", RESPONSE, session({1: 4})))
    await run(context, act, entry("PUT", f"{RESPONSE}/in", {**session({1: 5}), "id": "in"}))
    await carry_out(context, act, bundle(entry("POST", RESPONSE, session({1: 6})), type_="batch"))
    assert [value for _, _, value in await counted(context, act)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("by", "rater", "code"),
    [
        (ASH, YOUNG, "1638531000000102"),
        (PARENT, "parent-or-carer", "parent-rated-goal-score"),
        (CLINICIAN, "clinician", "clinician-rated-goal-score"),
        ({"reference": "Practitioner/x"}, "clinician", "clinician-rated-goal-score"),
        ({"identifier": {"value": "7"}}, "other", "other-rated-goal-score"),
        (
            {"type": "RelatedPerson", "identifier": {"value": "7"}},
            "parent-or-carer",
            "parent-rated-goal-score",
        ),
        ({"reference": "https://elsewhere.example/fhir/RelatedPerson/1"}, None, "parent-rated-goal-score"),
    ],
)
async def test_who_rated_decides_the_code(context, act, by, rater, code):
    await post(context, act, session({1: 4}, by=by))
    [made] = await all_of(context, act)
    assert made["code"]["coding"][0]["code"] == code
    assert made["performer"] == [by]
    if rater is not None:
        assert await counted(context, act) == [("g1", rater, 4)]


async def test_the_code_set_is_configured_and_a_correction_keeps_it(context, act):
    chart = replace(context, goal_codes="progress-chart")
    await put(chart, act, {**session({1: 4}), "id": "r"})
    await put(context, act, {**session({1: 5, 2: 6}), "id": "r"})
    codes = {
        one["focus"][0]["reference"]: one["code"]["coding"][0]["code"] for one in await all_of(context, act)
    }
    assert codes == {"Goal/g1": "1034351000000101", "Goal/g2": "1638541000000106"}


async def test_levels_baseline_and_follow_ups(context, act):
    def codes(found):
        return [
            (one["code"]["coding"][0]["code"], one["valueCodeableConcept"]["coding"][0]["code"])
            for one in sorted(found, key=lambda one: one["effectiveDateTime"])
        ]

    await post(context, act, session(levels={1: -1}))
    later = {"authored": "2026-03-11T16:00:00Z"}
    await post(context, act, session(levels={1: 0}, **later))
    await post(context, act, session(levels={1: 2}, by=PARENT, authored="2026-03-12"))
    await post(context, act, session(levels={1: -2}, by=CLINICIAN, authored="2026-03-13"))
    assert codes(await all_of(context, act)) == [
        ("112296-9", "LA34483-0"),
        ("107334-5", "LA34481-4"),
        ("107331-1", "LA34479-8"),
        ("107333-7", "LA34484-8"),
    ]


async def test_of_levels_in_one_unit_the_earliest_is_the_baseline(context, act):
    await run(
        context,
        act,
        entry("POST", RESPONSE, session(levels={1: 1}, authored="2026-03-12")),
        entry("POST", RESPONSE, session(levels={1: -1}, by=PARENT)),
        entry("POST", RESPONSE, session(levels={1: -2})),
    )
    [baseline] = [one for one in await all_of(context, act) if one["code"]["coding"][0]["code"] == "112296-9"]
    assert baseline["performer"] == [ASH]
    assert baseline["valueCodeableConcept"]["coding"][0]["code"] == "LA34484-8"


async def test_a_level_by_hand_is_the_first(context, act):
    await run(
        context,
        act,
        entry("POST", RESPONSE, session(levels={1: 1})),
        entry("POST", "Observation", level_by_hand()),
    )
    codes = sorted(one["code"]["coding"][0]["code"] for one in await all_of(context, act))
    assert codes == ["107334-5", "112296-9"]


def level_by_hand():
    made = own_score("x", effectiveDateTime="2026-03-01")
    del made["valueQuantity"], made["derivedFrom"]
    answer = {"system": "http://loinc.org", "code": "LA34483-0"}
    code = {"coding": [{"system": "http://loinc.org", "code": "112296-9"}]}
    return {**made, "code": code, "valueCodeableConcept": {"coding": [answer]}}


async def test_a_corrected_baseline_stays_one(context, act):
    await put(context, act, {**session(levels={1: -1}), "id": "r"})
    await post(context, act, session(levels={1: 1}, authored="2026-03-12"))
    await put(context, act, {**session(levels={1: -2}, status="amended"), "id": "r"})
    found = {one["code"]["coding"][0]["code"]: one for one in await all_of(context, act)}
    assert set(found) == {"112296-9", "107334-5"}
    assert found["112296-9"]["status"] == "amended"
    assert found["112296-9"]["valueCodeableConcept"]["coding"][0]["code"] == "LA34484-8"


async def test_collaborate_is_scored_where_it_is_complete(context, act):
    await post(context, act, collaborate(9, 8, 9))
    [made] = await all_of(context, act)
    assert made["valueQuantity"]["value"] == Decimal("8.67")
    assert [component.get("valueInteger", component.get("valueBoolean")) for component in made["component"]] == [
        9, 8, 9, False,
    ]  # fmt: skip
    assert made["method"]["coding"][0]["code"] == "scale-0-9"
    await post(context, act, collaborate(4, 4, 4, scale="0-4", by=PARENT))
    second = next(one for one in await all_of(context, act) if one["id"] != made["id"])
    assert second["component"][-1]["valueBoolean"] is True
    assert second["performer"] == [PARENT]


async def test_a_correction_amends_the_same_observations(context, act):
    await put(context, act, {**session({1: 4, 2: 5}), "id": "r"})
    before = {one["focus"][0]["reference"]: one["id"] for one in await all_of(context, act)}
    await put(context, act, {**session({1: 6, 2: 5}, status="amended"), "id": "r"})
    after = {one["focus"][0]["reference"]: one for one in await all_of(context, act)}
    assert {goal: one["id"] for goal, one in after.items()} == before
    assert [after[goal]["status"] for goal in ("Goal/g1", "Goal/g2")] == ["amended", "final"]
    assert await counted(context, act) == [("g1", YOUNG, 6), ("g2", YOUNG, 5)]
    assert after["Goal/g2"]["meta"]["versionId"] == "1"


async def test_what_else_was_corrected_follows(context, act):
    await put(context, act, {**session({1: 4}), "id": "r"})
    moved = session({1: 4}, by=PARENT, authored="2026-03-09", encounter={"reference": "Encounter/e2"})
    await put(context, act, {**moved, "id": "r"})
    [made] = await all_of(context, act)
    assert made["status"] == "amended"
    assert made["effectiveDateTime"] == "2026-03-09"
    assert made["encounter"] == {"reference": "Encounter/e2"}
    assert made["performer"] == [PARENT]
    assert await counted(context, act) == [("g1", "parent-or-carer", 4)]


async def test_a_goal_no_longer_rated_is_retracted_and_comes_back_as_another(context, act):
    await put(context, act, {**session({1: 4, 2: 5}), "id": "r"})
    await put(context, act, {**session({1: 4}), "id": "r"})
    assert await shown(context, act) == [("entered-in-error", 5), ("final", 4)]
    for value in (8, 9):
        await put(context, act, {**session({1: 4, 2: value}), "id": "r"})
        assert await counted(context, act) == [("g1", YOUNG, 4), ("g2", YOUNG, value)]
    await put(context, act, {**session({1: 4}), "id": "r"})
    await put(context, act, {**session({1: 4, 2: 3}), "id": "r"})
    assert await shown(context, act) == [
        ("entered-in-error", 5), ("entered-in-error", 9), ("final", 3), ("final", 4),
    ]  # fmt: skip


async def test_another_goal_in_the_slot_is_another_score(context, act):
    await put(context, act, {**session({1: 4}), "id": "r"})
    await put(context, act, {**session({1: 4}, goals={1: "Goal/other"}), "id": "r"})
    assert await counted(context, act) == [("other", YOUNG, 4)]


async def test_from_score_to_level_and_back(context, act):
    await put(context, act, {**session({1: 4}), "id": "r"})
    await put(context, act, {**session(levels={1: 1}), "id": "r"})
    assert await counted(context, act) == [("g1", YOUNG, 1)]
    await put(context, act, {**session({1: 7}), "id": "r"})
    assert await counted(context, act) == [("g1", YOUNG, 7)]


@pytest.mark.parametrize("how", ["error", "delete", "conditional", "transaction", "patch"])
async def test_a_response_that_goes_takes_its_scores_with_it(context, act, how):
    made = {**session({1: 4, 2: 5}, identifier={"system": "urn:x", "value": "1"}), "id": "r"}
    await put(context, act, made)
    match how:
        case "error":
            await put(context, act, {**made, "status": "entered-in-error"})
        case "delete":
            await delete(context, act, RESPONSE, "r")
        case "conditional":
            await conditional_delete(context, act, RESPONSE, "identifier=urn:x|1", several=False)
        case "transaction":
            await run(context, act, entry("DELETE", f"{RESPONSE}/r"))
        case _:
            operation = {"op": "replace", "path": "/status", "value": "entered-in-error"}
            await patch(context, act, RESPONSE, "r", JsonPatch([operation]))
    assert await shown(context, act) == [("entered-in-error", 4), ("entered-in-error", 5)]
    if how not in {"error", "patch"}:
        await put(context, act, made)
        assert await counted(context, act) == [("g1", YOUNG, 4), ("g2", YOUNG, 5)]


async def test_a_collaborate_response_that_becomes_incomplete(context, act):
    await put(context, act, {**collaborate(9, 9, 9), "id": "c"})
    await put(context, act, {**collaborate(9, None, 9), "id": "c"})
    assert [one["status"] for one in await all_of(context, act)] == ["entered-in-error"]
    await put(context, act, {**collaborate(9, 0, 9), "id": "c"})
    assert [one["status"] for one in await all_of(context, act)].count("final") == 1


async def test_labels_of_the_response_hold_for_its_scores(context, act):
    label, normal = (
        {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code} for code in "RN"
    )
    for says, has in (({"security": [label]}, [label]), ({}, [label]), ({"security": [normal]}, [normal])):
        await put(context, act, {**session({1: 4}), **({"meta": says} if says else {}), "id": "r"})
        [made] = await all_of(context, act)
        assert made["meta"]["security"] == has


async def test_provenance_attests_the_scores_too(context, act):
    provenance = {
        "resourceType": "Provenance",
        "recorded": "2026-03-10T16:00:00Z",
        "agent": [{"who": {"reference": "Practitioner/moss"}}],
    }
    answer = await post(replace(context), act, session({1: 4}), provenance=provenance)
    assert answer.stored.type == RESPONSE
    [made], [attested] = await all_of(context, act), await all_of(context, act, "Provenance")
    assert [one["reference"] for one in attested["target"]] == [
        f"{RESPONSE}/{answer.stored.id}/_history/1",
        f"Observation/{made['id']}/_history/1",
    ]


async def test_names_and_words_in_displays_stay_in_the_response(context, act):
    made = session({1: 4}, subject={**ASH, "display": "marked"}, source={**ASH, "display": "marked"})
    made["item"][0]["item"][0]["answer"][0]["valueReference"]["display"] = "marked"
    await post(context, act, made)
    assert "marked" not in str(await all_of(context, act))


# What a client writes itself.


async def test_a_clients_own_score_in_the_unit_is_the_one(context, act):
    own = own_score(urn(1), 7, note=[{"text": "by hand"}])
    answer = await run(
        context,
        act,
        entry("POST", RESPONSE, session({1: 7, 2: 3}), urn(1)),
        entry("POST", "Observation", own),
    )
    assert statuses(answer) == ["201 Created"] * 2
    assert await counted(context, act) == [("g1", YOUNG, 7), ("g2", YOUNG, 3)]
    response = body_id(answer, 0)
    await put(context, act, {**session({1: 8, 2: 3}), "id": response})
    [corrected] = [one for one in await all_of(context, act) if "note" in one]
    assert (corrected["status"], corrected["valueQuantity"]["value"]) == ("amended", 8)
    assert corrected["effectiveDateTime"] == "2026-03-10"
    assert corrected["code"]["coding"][0]["code"] == "1034351000000101"
    assert len(await all_of(context, act)) == 2


def body_id(answer, index):
    return body(answer)["entry"][index]["response"]["location"].split("/")[1]


async def test_a_clients_own_score_that_is_stored_is_the_one(context, act):
    await put(context, act, {**session({1: 7}, status="in-progress"), "id": "r"})
    await put(context, act, own_score(f"{RESPONSE}/r", 7, id_="mine"))
    await put(context, act, own_score(f"{RESPONSE}/r", 2, id_="theirs", slot=2, status="preliminary"))
    await put(context, act, {**session({1: 7, 2: 3}), "id": "r"})
    found = {one["id"]: one for one in await all_of(context, act)}
    assert set(found) == {"mine", "theirs"}
    assert found["mine"]["meta"]["versionId"] == "1"
    assert (found["theirs"]["status"], found["theirs"]["valueQuantity"]["value"]) == ("final", 3)


async def test_of_stored_doubles_one_is_left(context, act):
    await put(context, act, {**session({1: 7}, status="in-progress"), "id": "r"})
    for id_, value in (("a", 6), ("b", 7), ("c", 7)):
        await put(context, act, own_score(f"{RESPONSE}/r", value, id_=id_))
    await put(context, act, {**session({1: 7}), "id": "r"})
    assert {one["id"]: one["status"] for one in await all_of(context, act)} == {
        "a": "entered-in-error", "b": "final", "c": "entered-in-error",
    }  # fmt: skip


async def test_a_second_score_of_a_response_is_refused(context, act):
    await put(context, act, {**session({1: 7}), "id": "r"})
    assert await slugs(post(context, act, own_score(f"{RESPONSE}/r", 7))) == ["score-extracted-already"]
    assert await slugs(put(context, act, own_score(f"{RESPONSE}/r", 7, id_="x"))) == [
        "score-extracted-already"
    ]
    assert await slugs(post(context, act, own_score(f"{RESPONSE}/r", 8))) == [
        "score-differs-from-response", "score-extracted-already",
    ]  # fmt: skip
    twice = [entry("POST", "Observation", own_score(urn(1), 7)) for _ in range(2)]
    made = entry("POST", RESPONSE, session({1: 7}), urn(1))
    assert await slugs(run(context, act, made, *twice)) == ["score-extracted-already"]
    assert await counted(context, act) == [("g1", YOUNG, 7)]


async def test_a_score_of_what_the_response_does_not_rate_is_its_writers(context, act):
    await put(context, act, {**session({1: 7}), "id": "r"})
    await post(context, act, own_score(f"{RESPONSE}/r", 2, slot=2))
    await put(context, act, {**session({1: 8}), "id": "r"})
    assert await counted(context, act) == [("g1", YOUNG, 8), ("g2", YOUNG, 2)]


@pytest.mark.parametrize(
    "other",
    [
        {
            "valueQuantity": {
                "value": 6,
                "unit": "score",
                "system": "http://unitsofmeasure.org",
                "code": "{ScoreOf}",
            }
        },
        {"status": "preliminary"},
        {"valueQuantity": None, "dataAbsentReason": {"text": "asked"}},
    ],
    ids=["value", "status", "absent"],
)
async def test_a_score_that_says_otherwise_is_refused(context, act, other):
    own = {**own_score(urn(1), 7), **other}
    own = {name: value for name, value in own.items() if value is not None}
    made = entry("POST", RESPONSE, session({1: 7}), urn(1))
    assert await slugs(run(context, act, made, entry("POST", "Observation", own))) == [
        "score-differs-from-response"
    ]
    assert await all_of(context, act) == []


async def test_a_score_of_a_standing_response_is_not_changed_by_itself(context, act):
    await put(context, act, {**session({1: 7}), "id": "r"})
    [made] = await all_of(context, act)
    changed = {**made, "valueQuantity": {**made["valueQuantity"], "value": 8}}
    assert await slugs(put(context, act, changed)) == ["score-differs-from-response"]
    held = ["score-held-by-response"]
    assert await slugs(delete(context, act, "Observation", made["id"])) == held
    assert await slugs(put(context, act, {**made, "status": "entered-in-error"})) == held
    assert await slugs(put(context, act, {**made, "focus": [{"reference": "Goal/g9"}]})) == held
    unlinked = {name: value for name, value in made.items() if name != "derivedFrom"}
    assert await slugs(put(context, act, unlinked)) == held
    with_note = {**made, "note": [{"text": "said in passing"}]}
    assert (await put(context, act, with_note)).status == 200
    assert await counted(context, act) == [("g1", YOUNG, 7)]


async def test_response_and_scores_go_together(context, act):
    await put(context, act, {**session({1: 7}), "id": "r"})
    [made] = await all_of(context, act)
    answer = await run(
        context, act, entry("DELETE", f"{RESPONSE}/r"), entry("DELETE", f"Observation/{made['id']}")
    )
    assert statuses(answer) == ["204 No Content"] * 2
    assert await all_of(context, act) == []
    await put(context, act, {**session({1: 5}), "id": "r"})
    assert await counted(context, act) == [("g1", YOUNG, 5)]


async def test_response_and_score_are_corrected_together(context, act):
    await put(context, act, {**session({1: 7}), "id": "r"})
    [made] = await all_of(context, act)
    right = {**made, "status": "amended", "valueQuantity": {**made["valueQuantity"], "value": 8}}
    both = [
        entry("PUT", f"{RESPONSE}/r", {**session({1: 8}), "id": "r"}),
        entry("PUT", f"Observation/{made['id']}", right),
    ]
    await run(context, act, *both)
    assert await counted(context, act) == [("g1", YOUNG, 8)]
    late = [
        entry("PUT", f"{RESPONSE}/r", {**session({2: 8}), "id": "r"}),
        entry("PUT", f"Observation/{made['id']}", {**right, "note": [{"text": "x"}]}),
    ]
    assert await slugs(run(context, act, *late)) == ["score-differs-from-response"]


async def test_a_score_moves_to_another_in_one_unit(context, act):
    await put(context, act, {**session({1: 7}), "id": "r"})
    [made] = await all_of(context, act)
    await run(
        context,
        act,
        entry("PUT", f"Observation/{made['id']}", {**made, "status": "entered-in-error"}),
        entry("POST", "Observation", own_score(f"{RESPONSE}/r", 7)),
    )
    assert await counted(context, act) == [("g1", YOUNG, 7)]


async def test_a_clients_own_collaborate_score(context, act):
    await put(context, act, {**collaborate(9, 8, 9), "id": "c"})
    [made] = await all_of(context, act)
    again = {name: value for name, value in made.items() if name not in {"id", "meta"}}
    assert await slugs(post(context, act, again)) == ["score-extracted-already"]
    again["derivedFrom"] = [{"reference": urn(1)}]
    both = [
        entry("POST", RESPONSE, collaborate(9, 8, 9, authored="2026-03-11"), urn(1)),
        entry("POST", "Observation", again),
    ]
    assert statuses(await run(context, act, *both)) == ["201 Created"] * 2
    both[0]["resource"] = collaborate(9, 9, 8, authored="2026-03-12")
    both[1]["resource"]["derivedFrom"] = [{"reference": urn(1)}]
    assert await slugs(run(context, act, *both)) == ["score-differs-from-response"]
    assert len(await all_of(context, act)) == 2


# Responses that nothing true can be taken from.


async def test_a_patient_who_answers_is_the_one_it_is_about(context, act):
    assert await slugs(post(context, act, session({1: 7}, by={"reference": "Patient/other"}))) == [
        "response-of-another-child"
    ]


async def test_levels_by_nobody_known(context, act):
    by = {"identifier": {"value": "7"}}
    assert await slugs(post(context, act, session(levels={1: 0}, by=by))) == ["level-rater-unknown"]


async def test_a_goal_is_rated_once(context, act):
    twice = session({1: 7, 2: 6}, goals={2: f"{context.base_url}/Goal/g1"})
    assert await slugs(post(context, act, twice)) == ["goal-rated-twice"]
    assert await all_of(context, act) == []


# Sending again.


async def test_the_same_post_again_finds_it_there(context, act):
    first = await post(context, act, session({1: Decimal("7.0")}))
    second = await post(context, act, session({1: 7}))
    assert (first.status, second.status) == (201, 200)
    assert second.stored == first.stored
    assert len(await all_of(context, act)) == 1
    other = await post(context, act, session({1: 8}))
    assert other.status == 201
    elsewhere = replace(act, caller=replace(act.caller, agency="school"))
    assert (await post(context, elsewhere, session({1: 7}))).status == 201


async def test_an_identifier_means_one_response(context, act):
    named = {"identifier": {"system": "urn:epr", "value": "1"}}
    first = await post(context, act, session({1: 7}, **named))
    assert (await post(context, act, session({1: 7}, **named))).status == 200
    with pytest.raises(Conflict) as refused:
        await post(context, act, session({1: 8}, **named))
    assert refused.value.issues[0].slug == "response-posted-already"
    assert first.stored.id in refused.value.issues[0].text
    corrected = {**session({1: 8}, status="amended", **named), "id": first.stored.id}
    await put(context, act, corrected)
    assert await slugs(post(context, act, session({1: 7}, **named))) == ["response-posted-already"]
    assert (await post(context, act, corrected)).status == 200
    # The other form of the session may go by the same identifier.
    assert (await post(context, act, collaborate(9, 9, 9, **named))).status == 201
    assert await counted(context, act) == [("g1", YOUNG, 8)]


async def test_what_was_deleted_or_retracted_is_not_posted_again(context, act):
    first = await post(context, act, session({1: 7}))
    await delete(context, act, RESPONSE, first.stored.id)
    assert await slugs(post(context, act, session({1: 7}))) == ["response-posted-already"]
    second = await post(context, act, session({1: 8}))
    await put(context, act, {**session({1: 8}, status="entered-in-error"), "id": second.stored.id})
    assert await slugs(post(context, act, session({1: 8}))) == ["response-posted-already"]
    assert await counted(context, act) == []


async def test_a_condition_comes_before(context, act):
    named = {"identifier": {"system": "urn:epr", "value": "1"}}
    first = await post(context, act, session({1: 7}, **named), if_none_exist="identifier=urn:epr|1")
    again = await post(context, act, session({1: 9}, **named), if_none_exist="identifier=urn:epr|1")
    assert (again.status, again.stored.id) == (200, first.stored.id)
    unmet = await post(context, act, session({1: 7}, **named), if_none_exist="identifier=urn:epr|2")
    assert (unmet.status, unmet.stored.id) == (200, first.stored.id)


def whole_session(number, **named):
    """One post for a session: the encounter, what was said of goals, what was said of the session."""
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": ASH,
        "period": {"start": "2026-03-10T15:00:00Z"},
    }
    at = {"encounter": {"reference": urn(number)}}
    return [
        entry("POST", "Encounter", encounter, urn(number)),
        entry("POST", RESPONSE, session({1: 7, 2: 3}, **at, **named), urn(number + 1)),
        entry("POST", RESPONSE, collaborate(9, 9, 9, **at), urn(number + 2)),
        entry("POST", "Observation", own_score(urn(number + 1), 7, **at)),
    ]


@pytest.mark.parametrize(
    "named", [{}, {"identifier": {"system": "urn:epr", "value": "1"}}], ids=["bare", "named"]
)
async def test_a_whole_session_is_sent_again(context, act, named):
    first = await run(context, act, *whole_session(1, **named))
    assert statuses(first) == ["201 Created"] * 4
    for number in (1, 51):  # the same fullUrls, and others
        again = await run(context, act, *whole_session(number, **named))
        assert statuses(again) == ["200 OK"] * 4
    assert len(await all_of(context, act, "Encounter")) == 1
    assert len(await all_of(context, act, RESPONSE)) == 2
    assert len(await all_of(context, act)) == 3
    assert await counted(context, act) == [("g1", YOUNG, 7), ("g2", YOUNG, 3)]


async def test_a_session_under_the_clients_own_id_is_sent_again(context, act):
    sent = whole_session(1)[:2]
    sent[1] = entry("PUT", f"{RESPONSE}/r", {**sent[1]["resource"], "id": "r"}, urn(2))
    assert statuses(await run(context, act, *sent)) == ["201 Created"] * 2
    sent[1]["resource"]["encounter"] = {"reference": urn(1)}
    assert statuses(await run(context, act, *sent)) == ["200 OK"] * 2
    assert len(await all_of(context, act, "Encounter")) == 1
    assert [one["meta"]["versionId"] for one in await all_of(context, act)] == ["1", "1"]


async def test_another_session_is_another(context, act):
    await run(context, act, *whole_session(1))
    changed = whole_session(1)
    changed[0]["resource"]["period"] = {"start": "2026-03-10T17:00:00Z"}
    assert statuses(await run(context, act, *changed)) == ["201 Created"] * 4
    assert len(await all_of(context, act, "Encounter")) == 2


async def test_a_session_that_was_corrected_is_not_sent_again(context, act):
    answer = await run(context, act, *whole_session(1))
    response = next(one for one in await all_of(context, act, RESPONSE) if one["id"] == body_id(answer, 1))
    response["item"][0]["item"][1]["answer"] = [{"valueDecimal": 1}]
    await put(context, act, response)
    assert await slugs(run(context, act, *whole_session(1))) == ["response-posted-already"]
    assert await counted(context, act) == [("g1", YOUNG, 1), ("g2", YOUNG, 3)]


async def test_one_response_twice_in_a_bundle_is_refused(context, act):
    twice = [entry("POST", RESPONSE, session({1: 7})) for _ in range(2)]
    assert await slugs(run(context, act, *twice)) == ["transaction-overlap"]


async def test_what_an_extraction_would_make_is_what_it_made(context, act):
    made = {**session({1: 7, 2: 3}), "id": "r"}
    before = await as_extracted(context, act, made)
    assert await all_of(context, act) == []
    await put(context, act, made)
    stored = {one["id"]: one for one in await all_of(context, act)}
    assert {one["id"] for one in before} == stored.keys()
    for one in before:
        assert {**stored[one["id"]], "meta": None} == {**one, "meta": None}
    again = await as_extracted(context, act, made)
    assert {one["id"]: one for one in again} == stored


class Recorder:
    """The real store, and which of its methods were called that ask something."""

    def __init__(self, store):
        self._store = store
        self.called = []
        self.whole = self

    def seen_by(self, *_eyes):
        return self

    def __getattr__(self, name):
        found = getattr(self._store, name)
        if callable(found):
            self.called.append(name)
        return found


async def test_what_it_costs(context, act):
    recorder = Recorder(context.store)
    watched = replace(context, store=recorder, references=False)
    await post(watched, act, session({1: 7, 2: 3, 3: 1}))
    assert recorder.called == ["read", "read_many", "commit"]
    recorder.called.clear()
    await run(watched, act, *whole_session(1))
    assert recorder.called == ["read_many", "read_many", "commit"]
    recorder.called.clear()
    await post(watched, act, session(levels={1: 1}))
    assert recorder.called == ["read", "read_many", "search", "commit"]
