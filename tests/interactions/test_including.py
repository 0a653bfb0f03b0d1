"""What is shown beside the matches, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir.search.includes import Include
from service.interactions.delete import delete
from service.interactions.including import include
from service.interactions.update import update
from tests.interactions.builders import goal, patient, score

SUBJECT = Include(reverse=False, iterate=False, parameters=(("Observation", "subject"),))
FOCUS = Include(reverse=False, iterate=False, parameters=(("Observation", "focus"),))
PRACTICE = Include(reverse=False, iterate=True, parameters=(("Patient", "general-practitioner"),))
SCORES = Include(reverse=True, iterate=False, parameters=(("Observation", "focus"),))


@pytest.fixture
async def record(context, act):
    """p1 of practice o1 (part of o0), with the goal g1 and scores s1 to s3 of it; s4 of g2, which was deleted."""
    put = [
        ("Organization", {"resourceType": "Organization", "id": "o0", "name": "Made-up Trust"}),
        (
            "Organization",
            {
                "resourceType": "Organization",
                "id": "o1",
                "name": "Made-up Practice",
                "partOf": {"reference": "Organization/o0"},
            },
        ),
        ("Patient", patient("1", id="p1", generalPractitioner=[{"reference": "Organization/o1"}])),
        ("Goal", goal("Patient/p1", id="g1")),
        ("Goal", goal("Patient/p1", id="g2")),
        *(
            ("Observation", score("Patient/p1", id=f"s{n}", focus=[{"reference": "Goal/g1"}]))
            for n in range(1, 4)
        ),
        ("Observation", score("Patient/p1", id="s4", focus=[{"reference": "Goal/g2"}])),
    ]
    for type_, resource in put:
        await update(context, act, type_, resource["id"], resource)
    await delete(context, act, "Goal", "g2")


async def added(context, act, matches, *includes):
    """The ids that the includes add to the matches."""
    keys = [(type_, id_) for type_, id_ in matches]
    found = await context.store.read_many(act.caller.locality, keys)
    result = await include(context, act.caller.locality, [found[key] for key in keys], includes)
    return [stored.id for stored in result.items], result.is_cut


SCORED = [("Observation", f"s{n}") for n in range(1, 4)]


async def test_what_matches_refer_to_is_there_once(context, act, record):
    assert await added(context, act, SCORED, SUBJECT) == (["p1"], False)
    assert await added(context, act, SCORED, SUBJECT, FOCUS) == (["p1", "g1"], False)


async def test_what_was_deleted_is_not_there(context, act, record):
    assert await added(context, act, [("Observation", "s4")], FOCUS) == ([], False)


async def test_a_match_is_not_included(context, act, record):
    assert await added(context, act, [*SCORED, ("Goal", "g1")], FOCUS) == ([], False)


async def test_what_refers_to_matches(context, act, record):
    assert await added(context, act, [("Goal", "g1")], SCORES) == (["s1", "s2", "s3"], False)


async def test_only_what_iterates_goes_on(context, act, record):
    once = replace(PRACTICE, iterate=False)
    assert await added(context, act, SCORED, SUBJECT, once) == (["p1"], False)
    assert await added(context, act, SCORED, SUBJECT, PRACTICE) == (["p1", "o1"], False)
    above = Include(reverse=False, iterate=True, parameters=(("Organization", "partof"),))
    assert await added(context, act, SCORED, SUBJECT, PRACTICE, above) == (["p1", "o1", "o0"], False)


async def test_what_iterates_in_a_circle_ends(context, act, record):
    both = Include(
        reverse=True, iterate=True, parameters=(("Observation", "focus"), ("Observation", "subject"))
    )
    back = Include(
        reverse=False, iterate=True, parameters=(("Observation", "focus"), ("Observation", "subject"))
    )
    ids, is_cut = await added(context, act, [("Goal", "g1")], both, back)
    assert (sorted(ids), is_cut) == (["p1", "s1", "s2", "s3", "s4"], False)


async def test_a_type_of_target_can_be_chosen(context, act, record):
    assert await added(context, act, SCORED, replace(SUBJECT, target="Group")) == ([], False)
    assert await added(context, act, SCORED, replace(SUBJECT, target="Patient")) == (["p1"], False)
    assert await added(context, act, [("Goal", "g1")], replace(SCORES, target="Patient")) == ([], False)


@pytest.mark.parametrize(("most", "ids", "is_cut"), [(2, ["s1", "s2"], True), (3, ["s1", "s2", "s3"], False)])
async def test_there_is_a_limit_and_it_is_told(context, act, record, most, ids, is_cut):
    limited = replace(context, limits=replace(context.limits, included=most))
    assert await added(limited, act, [("Goal", "g1")], SCORES) == (ids, is_cut)


async def test_of_nothing_nothing_is_included(context, act, record):
    assert await added(context, act, [], SUBJECT) == ([], False)
    assert await added(context, act, SCORED) == ([], False)


async def test_localities_do_not_see_each_other(context, act, elsewhere, record):
    found = await context.store.read_many(act.caller.locality, SCORED)
    result = await include(context, elsewhere.caller.locality, list(found.values()), [SUBJECT, SCORES])
    assert result.items == ()


async def test_a_canonical_leads_to_what_has_that_address(context, act):
    form = {
        "resourceType": "Questionnaire",
        "id": "form",
        "url": "https://elsewhere.example/Questionnaire/made-up",
        "version": "2",
        "status": "active",
    }
    await update(context, act, "Questionnaire", "form", form)
    for number, canonical in enumerate((form["url"], form["url"] + "|2", form["url"] + "|1")):
        answers = {
            "resourceType": "QuestionnaireResponse",
            "id": f"r{number}",
            "status": "in-progress",
            "questionnaire": canonical,
        }
        await update(context, act, "QuestionnaireResponse", f"r{number}", answers)
    by = Include(reverse=False, iterate=False, parameters=(("QuestionnaireResponse", "questionnaire"),))
    for id_, shown in (("r0", ["form"]), ("r1", ["form"]), ("r2", [])):
        assert await added(context, act, [("QuestionnaireResponse", id_)], by) == (shown, False)
