"""Groups with filters: what may be stored of them, and members that come and go at the same time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from service.fhir import codec
from service.fhir.problems import Invalid, Malformed
from service.fhir.search.grammar import parse
from service.fhir.search.sight import Seen, Sight
from service.interactions import cohort_filters
from service.interactions.patch import PathPatch, patch
from service.interactions.read import read
from service.interactions.searching import setting_of
from service.storage.store import CLOSED
from tests.interactions.clinic import child, given, post, put, refusal

LANGUAGE = "application/x-fhir-query"
PLACE = "Group.modifierExtension[0].value.expression"


def cohort(*filters, **more):
    return {
        "resourceType": "Group",
        "id": "c",
        "modifierExtension": [
            {
                "url": cohort_filters.MEMBER_FILTER,
                "valueExpression": {"language": LANGUAGE, "expression": text},
            }
            for text in filters
        ],
        "type": "person",
        "actual": False,
        "name": "some",
        **more,
    }


def roster(*members, **more):
    listed = [{"entity": {"reference": f"Patient/{each}"}} for each in members]
    return {
        "resourceType": "Group",
        "id": "c",
        "type": "person",
        "actual": True,
        "name": "some",
        "member": listed,
        **more,
    }


@pytest.mark.parametrize(
    "text",
    [
        "Patient?birthdate=ge2010",
        "CarePlan?category=http://snomed.info/sct|735324008&status=active",
        "Observation?code=1034351000000101&value-quantity=gt3",
        "Task?status=requested",
        "Observation?_lastUpdated=ge2026-01-01",
        "Group?_id=roster",
        "Observation?code:in=https://thrive-fhir.example/ValueSet/goal-score-codes",
        "Patient?name=na%C3%AFve",
    ],
)
async def test_filters_that_are_stored(context, act, text):
    answer = await post(context, act, cohort(text))
    stored = codec.decode(answer.stored.body)
    assert cohort_filters.written(stored) == {PLACE: text}
    [found] = await cohort_filters.read(context, act, stored)
    assert found.type == text.partition("?")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Patient", "a search of one type"),
        ("Patient?", "no criterion"),
        ("birthdate=ge2010", "a search of one type"),
        ("?birthdate=ge2010", "a search of one type"),
        ("Organization?name=x", "a search of one type"),
        ("AuditEvent?action=R", "a search of one type"),
        ("Nothing?code=x", "a search of one type"),
        ("Patient/x/Goal?status=active", "a search of one type"),
        ("https://elsewhere.example/fhir/Patient?birthdate=ge2010", "a search of one type"),
        ("Patient?birthdate=ge2010&_count=5", "_count only says how"),
        ("Patient?birthdate=ge2010&_sort=name", "_sort only says how"),
        ("Patient?birthdate=ge2010&_include=Patient:organization", "_include only says how"),
        ("Patient?birthdate=ge2010&_format=json", "_format only says how"),
        ("Patient?no-such=secretive", "no-such"),
        ("Patient?birthdate=secretive", "date"),
        ("Patient?birthdate:exact=2010", "modifier"),
        ("Patient?_filter=birthdate eq 2010", "_filter"),
        ("Patient?birthdate=%ff", "UTF-8"),
        ("Goal?patient.birthdate=ge2010", "one resource alone"),
        ("Patient?birthdate=ge2010&_has:Goal:patient:lifecycle-status=active", "one resource alone"),
        ("Patient?_list=roster", "one resource alone"),
    ],
)
async def test_filters_that_cannot_be_asked_are_refused(context, act, text, said):
    with pytest.raises(Invalid) as refused:
        await post(context, act, cohort(text))
    issues = refused.value.issues
    assert {(issue.slug, issue.expression) for issue in issues} == {("cohort-filter", PLACE)}
    assert any(said in issue.text for issue in issues)
    assert not any("secretive" in issue.text for issue in issues)


async def test_every_filter_is_looked_at_and_other_extensions_are_not(context, act):
    of_others = {"url": "https://elsewhere.example/x", "valueString": "Patient"}
    wrong = cohort("Patient", "Patient?birthdate=ge2010", "Goal?", extension=[of_others])
    assert await refusal(post(context, act, wrong)) == [
        ("cohort-filter", PLACE),
        ("cohort-filter", "Group.modifierExtension[2].value.expression"),
    ]


async def test_no_members_are_written_beside_filters(context, act):
    await given(context, act, child("ash"))
    wrong = cohort("Patient?birthdate=ge2010", member=roster("ash")["member"])
    assert [slug for slug, _ in await refusal(post(context, act, wrong))] == ["invariant-broken"]
    wrong["actual"] = True
    assert [slug for slug, _ in await refusal(post(context, act, wrong))] == ["cohort-actual"]


async def test_a_filter_is_told_beside_what_the_profile_says(context, act):
    found = await refusal(post(context, act, cohort("Patient", type="device")))
    assert found == [("profile-value-fixed", "Group.type"), ("cohort-filter", PLACE)]


async def test_a_filter_is_looked_at_in_updates_and_patches(context, act):
    await put(context, act, cohort("Patient?birthdate=ge2010"))
    assert await refusal(put(context, act, cohort("Patient"))) == [("cohort-filter", PLACE)]
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Group.modifierExtension[0].value.expression"},
        {"name": "value", "valueString": "Patient?birthdate=soon"},
    ]
    change = PathPatch({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]})
    assert await refusal(patch(context, act, "Group", "c", change)) == [("cohort-filter", PLACE)]


async def test_a_parameter_that_is_not_indexed_yet_may_be_in_a_filter(context, act, monkeypatch):
    async def pending():
        return lambda _type: frozenset({"birthdate"})

    made = cohort("Patient?birthdate=ge2010")
    monkeypatch.setattr(type(context.store), "pending", lambda _store: pending())
    assert (await post(context, act, made)).status == 201
    with pytest.raises(Malformed, match="birthdate"):
        await cohort_filters.read(context, act, made)


def adding(id_):
    parts = [
        {"name": "type", "valueCode": "add"},
        {"name": "path", "valueString": "Group"},
        {"name": "name", "valueString": "member"},
        {
            "name": "value",
            "part": [{"name": "entity", "valueReference": {"reference": f"Patient/{id_}"}}],
        },
    ]
    return PathPatch({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]})


def removing(id_):
    path = f"Group.member.where(entity.reference = 'Patient/{id_}')"
    parts = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}]
    return PathPatch({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]})


async def test_members_come_and_go_at_the_same_time_and_none_is_lost(context, act, workers):
    people = [f"p{number}" for number in range(12)]
    await given(context, act, *map(child, people))
    await put(context, act, roster(*people[:6]))
    changes = [*map(adding, people[6:]), *map(removing, people[:5])]
    answers = await asyncio.gather(
        *(patch(workers[n % 2], act, "Group", "c", change) for n, change in enumerate(changes))
    )
    assert {answer.status for answer in answers} == {200}
    group = codec.decode((await read(context, act, "Group", "c")).stored.body)
    assert sorted(each["entity"]["reference"] for each in group["member"]) == sorted(
        f"Patient/{each}" for each in people[5:]
    )


async def test_who_is_not_there_does_not_become_a_member(context, act):
    context = replace(context, references=True)
    await given(context, act, child("ash"))
    assert await refusal(put(context, act, roster("ash", "nobody"))) == [
        ("reference-missing", "Group.member[1].entity.reference")
    ]
    assert (await put(context, act, roster("ash"))).status in {200, 201}


@pytest.mark.parametrize(
    "made", [cohort("Patient?birthdate=ge2010"), roster("ash"), roster("ash", "bramble")]
)
async def test_a_cohort_is_its_authors_alone(context, act, made):
    await given(context, act, child("ash"), child("bramble"))
    stored = (await put(context, act, made)).stored
    assert stored.child == CLOSED
    locality = act.caller.locality
    for agency, is_seen in ((act.caller.agency, True), ("another", False)):
        store = context.store.seen_by(locality, Sight(agency), Seen())
        assert (await store.read(locality, "Group", "c") is not None) is is_seen


async def test_who_is_in_which_cohort_is_searched(context, act):
    await given(context, act, child("ash"), child("bramble"), roster("ash"))
    asked = setting_of(context)
    for type_, pair, expected in (
        ("Group", ("member", "Patient/ash"), ["c"]),
        ("Group", ("member", "Patient/bramble"), []),
        ("Patient", ("_has:Group:member:_id", "c"), ["ash"]),
    ):
        query = parse(asked, type_, [pair], count_default=10, count_limit=10, lenient=False).query
        found = await context.store.search(act.caller.locality, query)
        assert [one.id for one in found.items] == expected
