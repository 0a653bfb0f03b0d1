"""Rules and references hold whatever the interaction, and everything wrong is told at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir.problems import Invalid
from service.fhir.validation.validator import Validator
from service.interactions.create import create
from service.interactions.delete import delete
from service.interactions.patch import JsonPatch, conditional_patch, patch
from service.interactions.standing import examine
from service.interactions.update import conditional_update
from service.storage.store import Change
from tests.interactions.builders import body, entries, entry, urn
from tests.interactions.clinic import (
    child,
    codes,
    entry_of,
    given,
    goal,
    grouping,
    plan,
    post,
    put,
    refer,
    refusal,
    score,
    session,
    together,
)
from tests.interactions.transactions import refused, run

HANDED = [("goal-of-another-child", "Observation.focus[0]")]
TAKEN = [("goal-slot-taken", "Goal.extension[0]")]


@pytest.fixture(scope="module")
def validator(registry):
    """R4 alone: profiles have tests of their own."""
    return Validator(registry)


@pytest.fixture
def strict(context):
    """A context in which references must lead somewhere."""
    return replace(context, references=True)


class Recorder:
    """The real store, and which of its methods were called that ask something."""

    def __init__(self, store):
        self._store = store
        self.called = []

    def __getattr__(self, name):
        found = getattr(self._store, name)
        if callable(found):
            self.called.append(name)
        return found


def to(path, value):
    return JsonPatch([{"op": "replace", "path": path, "value": value}])


async def test_every_way_to_write_is_judged(context, act):
    await given(
        context, act, goal(whose="bramble"), goal("g2"), score(of="g2", identifier=[{"value": "one"}])
    )
    wrong = score(identifier=[{"value": "one"}])
    assert await refusal(post(context, act, wrong)) == HANDED
    assert await refusal(put(context, act, wrong)) == HANDED
    assert await refusal(conditional_update(context, act, "Observation", "identifier=one", wrong)) == HANDED
    turned = to("/focus/0/reference", "Goal/g1")
    assert await refusal(patch(context, act, "Observation", "s1", turned)) == HANDED
    assert await refusal(conditional_patch(context, act, "Observation", "identifier=one", turned)) == HANDED
    assert await refusal(create(context, act, "Observation", wrong, if_none_exist="identifier=two")) == HANDED
    answer = await together(context, act, wrong, type_="batch")
    assert codes(answer) == ["422"]
    [outcome] = [one["response"]["outcome"] for one in entries(answer)]
    assert outcome["issue"][0]["details"]["coding"][0]["code"] == "goal-of-another-child"
    assert await refused(context, act, entry_of(wrong)) == (
        422, [("goal-of-another-child", "Bundle.entry[0].resource.focus[0]")],
    )  # fmt: skip
    patching = entry("PATCH", "Observation/s1", {"resourceType": "Parameters", "parameter": [
        {"name": "operation", "part": [
            {"name": "type", "valueCode": "replace"},
            {"name": "path", "valueString": "Observation.focus[0].reference"},
            {"name": "value", "valueString": "Goal/g1"},
        ]},
    ]})  # fmt: skip
    assert await refused(context, act, patching) == (
        422, [("goal-of-another-child", "Bundle.entry[0].resource.focus[0]")],
    )  # fmt: skip


async def test_a_conditional_create_that_finds_its_match_writes_nothing_to_judge(context, act):
    await given(context, act, goal(whose="bramble"), score(of="none", identifier=[{"value": "one"}]))
    answer = await create(context, act, "Observation", score(), if_none_exist="identifier=one")
    assert answer.status == 200


async def test_an_update_that_changes_nothing_is_not_judged_again(context, act):
    await given(context, act, score(), goal(status="cancelled", statusDate="2026-03-10"))
    assert (await put(context, act, score())).stored.version == 1


async def test_everything_wrong_is_told_at_once(strict, act):
    await given(strict, act, child("ash"), child("bramble"), goal(whose="bramble", slot=2))
    wrong = score(status="finished", colour="red", performer=[refer("Practitioner/nobody")])
    everything = [
        ("code-not-in-value-set", "Observation.status"),
        ("element-unknown", "Observation.colour"),
        ("reference-missing", "Observation.performer[0].reference"),
        ("goal-of-another-child", "Observation.focus[0]"),
        ("rating-slot-differs", "Observation.code"),
    ]
    for found in (
        await refusal(post(strict, act, wrong)),
        await refusal(put(strict, act, wrong)),
        await refusal(conditional_update(strict, act, "Observation", "identifier=x", wrong)),
    ):
        assert sorted(found) == sorted(everything)
    status, found = await refused(strict, act, entry_of(wrong))
    assert status == 422
    placed = [(slug, place.replace("Observation", "Bundle.entry[0].resource")) for slug, place in everything]
    assert sorted(found) == sorted(placed)


async def test_a_patch_is_told_everything_too(context, act):
    await given(context, act, goal(whose="bramble"), goal("g2"), score(of="g2"))
    operations = JsonPatch(
        [*to("/focus/0/reference", "Goal/g1").operations, *to("/status", "finished").operations]
    )
    found = await refusal(patch(context, act, "Observation", "s1", operations))
    assert found == [("code-not-in-value-set", "Observation.status"), *HANDED]


async def test_an_unfit_update_is_compared_with_what_was_there(context, act):
    await given(context, act, score(status="entered-in-error"))
    found = await refusal(put(context, act, score(colour="red")))
    assert found == [("element-unknown", "Observation.colour"), ("status-after-error", "Observation.status")]


async def test_what_has_not_r4s_form_is_told_that_alone(context, act):
    await given(context, act, goal(whose="bramble"))
    found = await refusal(post(context, act, score(note={"text": "x"})))
    assert found == [("array-expected", "Observation.note")]


async def test_a_goal_and_its_scores_can_come_together(strict, act):
    fern = {"resourceType": "Practitioner", "id": "fern"}
    answer = await together(strict, act, score(), goal(), child("ash"), fern, plan(goal=[refer("Goal/g1")]))
    assert codes(answer) == ["201"] * 5


async def test_within_a_transaction_the_rules_see_its_own_resources(context, act):
    await given(context, act, goal(whose="ash"))
    found = await refused(context, act, entry_of(goal(whose="bramble", slot=2)), entry_of(score()))
    assert found == (422, [
        ("goal-of-another-child", "Bundle.entry[1].resource.focus[0]"),
        ("rating-slot-differs", "Bundle.entry[1].resource.code"),
    ])  # fmt: skip


async def test_scores_and_goal_can_be_put_right_together(context, act):
    await given(context, act, goal(), score())
    answer = await together(context, act, goal(whose="bramble"), score(whose="bramble"))
    assert codes(answer) == ["200", "200"]


async def test_two_goals_in_one_slot_do_not_come_together(context, act):
    found = await refused(context, act, entry_of(goal()), entry_of(goal("g2")))
    assert found == (422, [
        ("goal-slot-taken", "Bundle.entry[0].resource.extension[0]"),
        ("goal-slot-taken", "Bundle.entry[1].resource.extension[0]"),
    ])  # fmt: skip


async def test_a_slot_is_handed_on_within_a_transaction(context, act):
    await given(context, act, goal())
    answer = await together(context, act, goal("g2"), goal(status="completed"))
    assert codes(answer) == ["201", "200"]


async def test_a_slot_is_free_where_the_transaction_deletes_its_goal(context, act):
    await given(context, act, goal())
    answer = await run(context, act, entry_of(goal("g2")), entry("DELETE", "Goal/g1"))
    assert codes(answer) == ["201", "204"]


async def test_a_handover_closes_one_plan_and_opens_the_next(context, act):
    await given(context, act, plan())
    assert await refusal(put(context, act, plan("p2", "moss", "2026-04-01"))) == [
        ("plan-coordinator-overlap", "CarePlan.period")
    ]
    closed = plan(period={"start": "2026-03-10", "end": "2026-04-01"})
    answer = await together(context, act, plan("p2", "moss", "2026-04-01"), closed)
    assert codes(answer) == ["201", "200"]


async def test_two_groupings_of_one_time_do_not_come_together(context, act):
    status, found = await refused(
        context, act, entry_of(grouping("n1", "2026-01-01")), entry_of(grouping("n2", "2026-02-01"))
    )
    assert status == 422
    assert {slug for slug, _ in found} == {"grouping-overlap"}


async def test_warnings_of_a_transaction_are_shown_at_their_entry(context, act):
    answer = await together(context, act, goal(startDate="2026-03-11"), score())
    first, second = (one["response"].get("outcome") for one in entries(answer))
    assert first is None
    [issue] = second["issue"]
    assert issue["details"]["coding"][0]["code"] == "rating-before-start"


async def test_a_goal_that_is_refused_is_still_there_for_its_scores(strict, act):
    await given(strict, act, child("ash"))
    status, found = await refused(strict, act, entry_of(goal(colour="red")), entry_of(score()))
    assert (status, found) == (422, [("element-unknown", "Bundle.entry[0].resource.colour")])
    unmatched = entry("PUT", "Goal/g1", goal(), ifMatch='W/"7"')
    status, found = await refused(strict, act, unmatched, entry_of(score()))
    assert (status, [slug for slug, _ in found]) == (412, ["version-mismatch"])


async def test_a_conditional_reference_without_match_is_told_once(strict, act):
    wrong = score(subject=refer("Patient?identifier=none"), focus=[refer("Goal/none")])
    status, found = await refused(strict, act, entry_of(wrong))
    assert (status, found) == (412, [
        ("reference-unmatched", "Bundle.entry[0].resource.subject.reference"),
        ("reference-missing", "Bundle.entry[0].resource.focus[0].reference"),
    ])  # fmt: skip


async def test_placeholders_are_filled_before_they_are_judged(strict, act):
    mine = goal(whose="x")
    mine["subject"] = refer(urn(1))
    rated = score(subject=refer(urn(1)), focus=[refer(urn(2))])
    answer = await run(
        strict, act,
        entry("POST", "Observation", rated, urn(3)),
        entry("POST", "Goal", mine, urn(2)),
        entry("POST", "Patient", {"resourceType": "Patient"}, urn(1)),
    )  # fmt: skip
    assert codes(answer) == ["201"] * 3


async def test_a_score_asks_the_store_once_more(strict, act):
    await given(strict, act, child("ash"), goal(), session())
    recorder = Recorder(strict.store)
    watched = replace(strict, store=recorder)
    await post(watched, act, score(derivedFrom=[refer("QuestionnaireResponse/r1")]))
    assert recorder.called == ["read_many", "commit"]


async def test_what_no_rule_is_about_asks_for_nothing(context, act):
    recorder = Recorder(context.store)
    watched = replace(context, store=recorder)
    await post(watched, act, child("ash"))
    await post(watched, act, {**score(), "code": {"text": "a note"}})
    assert recorder.called == ["commit", "commit"]


async def test_what_it_was_decided_on_comes_with_it(context, act):
    await given(context, act, goal())
    written = score()
    standing = await examine(context, act, [Change("Observation", "s1", "PUT", None, None, written)])
    assert [(stored.type, stored.id, stored.version) for stored in standing.relied_on] == [("Goal", "g1", 1)]
    assert standing.expectations == ()
    written = goal("g2")
    change = Change("Goal", "g2", "POST", None, None, written)
    standing = await examine(context, act, [change])
    [expectation] = standing.expectations
    assert (expectation.query.type, expectation.ids) == ("Goal", {"g1"})
    assert [issue.slug for issue in standing.of(change)] == ["goal-slot-taken"]


async def test_provenance_is_part_of_what_must_stand(strict, act):
    provenance = {
        "resourceType": "Provenance",
        "recorded": "2026-03-10T16:00:00Z",
        "agent": [{"who": refer("Practitioner/nobody")}],
    }
    with pytest.raises(Invalid) as refusal_:
        await create(strict, act, "Patient", child("ash"), provenance=provenance)
    assert [issue.slug for issue in refusal_.value.issues] == ["reference-missing"]
    await given(strict, act, {"resourceType": "Practitioner", "id": "nobody"}, child("ash"))
    answer = await create(strict, act, "Patient", child("x"), provenance=provenance)
    assert body(answer)["resourceType"] == "Patient"
    # The deletion that it attests is a version too, though nothing is there any more.
    assert (await delete(strict, act, "Patient", "ash", provenance=provenance)).status == 204


async def test_other_localities_do_not_count(strict, act, elsewhere):
    await given(strict, elsewhere, child("ash"), goal())
    found = await refusal(put(strict, act, goal("g2")))
    assert found == [("reference-missing", "Goal.subject.reference")]


async def test_batches_judge_each_entry_by_itself(context, act):
    answer = await run_batch(context, act, goal(), goal("g2"), goal("g3", slot=3))
    assert sorted(codes(answer)) == ["201", "201", "422"]


async def run_batch(context, act, *resources):
    return await together(context, act, *resources, type_="batch")
