"""The kick-off of an export: the job that it leaves, for whom it may be, and about whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.needs import InsufficientScope
from service.access.scopes import read_scopes
from service.bulk import acting
from service.bulk.export_request import export_request
from service.fhir import parameters
from service.fhir.problems import Gone, Invalid, Malformed, Missing, TooMany
from service.fhir.registry import Registry
from service.fhir.search.sight import Seen
from service.interactions import create as creating
from service.interactions import delete as deleting
from service.interactions.cohort_filters import MEMBER_FILTER
from service.interactions.context import Context
from service.interactions.searching import setting_of
from service.operations import export
from service.operations.operation import Call
from service.storage.jobs import Job
from tests.conftest import BASE_URL
from tests.interactions.builders import body as read_body


def call(type_="", id_="", *, body=None, lenient=False, apart=False, **values):
    pairs = tuple(values.items())
    inputs = parameters.read(export.SYSTEM_OPERATION.inputs, pairs, body, searches=True)
    return Call(type_, id_, inputs, lenient, method="GET" if body is None else "POST", apart=apart)


def patients(*references):
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "patient", "valueReference": {"reference": each}} for each in references],
    }


@pytest.fixture
def stored(context, act):
    async def store(**resource):
        answer = await creating.create(context, act, resource["resourceType"], resource)
        assert answer.status == 201
        return answer.stored.id

    return store


@pytest.fixture
async def kim(stored):
    return await stored(resourceType="Patient", gender="other")


@pytest.fixture
async def sam(stored):
    return await stored(resourceType="Patient", gender="other")


@pytest.fixture
def group(stored):
    async def made(*ids, **more):
        members = [{"entity": {"reference": f"Patient/{id_}"}} for id_ in ids]
        return await stored(resourceType="Group", type="person", actual=True, member=members, **more)

    return made


async def job_of(context: Context, act, answer) -> Job:
    headers = dict(answer.headers)
    location = headers[b"content-location"].decode()
    assert location.startswith(f"{BASE_URL}/jobs/")
    job = await context.store.jobs.find(act.caller.locality, location.rsplit("/", 1)[1])
    assert job is not None
    return job


async def test_what_a_kick_off_leaves(context, act, kim):
    answer = await export.export_system(context, act, call(_type="Patient"))
    assert answer.status == 202
    outcome = read_body(answer)
    assert [issue["severity"] for issue in outcome["issue"]] == ["information"]
    job = await job_of(context, act, answer)
    assert (job.kind, job.client, job.agency, job.state) == ("export", "epr", "camhs", "queued")
    assert job.expires - job.created == 24 * 3_600_000
    assert export_request(job.request).types == ("Patient",)
    assert acting.decode(job.caller, setting_of(context)) == act.caller
    # What is stored from now on is not in it.
    current = await context.store.read(act.caller.locality, "Patient", kim)
    assert current.updated <= job.at
    later = await creating.create(context, act, "Patient", {"resourceType": "Patient"})
    assert later.stored.updated > job.at


async def test_what_lenient_handling_passed_over_is_told_at_once(context, act):
    answer = await export.export_system(context, act, call(_type="Patient", colour="red", lenient=True))
    assert [issue["severity"] for issue in read_body(answer)["issue"]] == ["information", "warning"]
    job = await job_of(context, act, answer)
    assert [fault.slug for fault in export_request(job.request).faults] == ["operation-parameter-unknown"]


async def test_one_that_tells_the_status_apart_says_so(context, act):
    answer = await export.export_system(context, act, call(apart=True))
    assert dict(answer.headers)[b"preference-applied"] == b"respond-async, separate-export-status"
    assert export_request((await job_of(context, act, answer)).request).apart


async def test_only_so_many_at_once(context, act):
    few = replace(context, limits=replace(context.limits, client_jobs=1))
    answer = await export.export_system(few, act, call())
    with pytest.raises(TooMany) as refused:
        await export.export_system(few, act, call())
    assert refused.value.retry_after == 60
    other = replace(act, caller=replace(act.caller, client="other"))
    await export.export_system(few, other, call())
    job = await job_of(context, act, answer)
    await context.store.jobs.cancel(job.locality, job.id)
    await export.export_system(few, act, call())


async def test_young_people_by_name(context, act, kim, sam):
    for asked in (
        call("Patient", body=patients(f"Patient/{kim}", f"{BASE_URL}/Patient/{sam}", f"Patient/{kim}")),
        call("Patient", patient=f"Patient/{kim},Patient/{sam}"),
    ):
        answer = await export.export_patients(context, act, asked)
        request = export_request((await job_of(context, act, answer)).request)
        assert (request.level, request.patients) == ("Patient", (kim, sam))


@pytest.mark.parametrize(
    "reference", ["Organization/a", "kim", "https://elsewhere.example/fhir/Patient/a", "Patient/", ""]
)
@pytest.mark.parametrize("lenient", [False, True])
async def test_what_is_no_patient_is_refused_in_any_case(reference, lenient, context, act):
    body = patients("Patient/a", "Patient/b")
    body["parameter"][0]["valueReference"]["reference"] = reference
    with pytest.raises(Malformed) as refused:
        await export.export_patients(context, act, call("Patient", body=body, lenient=lenient))
    assert refused.value.issues[0].slug == "export-patient"


async def test_a_patient_that_the_agency_does_not_see_is_as_one_that_is_not_there(context, act, kim):
    """In the same words, so that nobody learns who is known here."""
    stranger = replace(act, caller=replace(act.caller, agency="school", client="school"))
    said = []
    for reference in (f"Patient/{kim}", "Patient/nobody"):
        eyes = acting.eyes(context.registry, stranger.caller)
        seen = context.seen_by(stranger, eyes)
        with pytest.raises(Malformed) as refused:
            await export.export_patients(seen, stranger, call("Patient", body=patients(reference)))
        said.append(refused.value.issues)
    assert said[0] == said[1]
    assert said[0][0].slug == "export-patient-missing"


async def test_those_that_are_there_are_exported_leniently(context, act, kim):
    body = patients(f"Patient/{kim}", "Patient/nobody")
    with pytest.raises(Malformed):
        await export.export_patients(context, act, call("Patient", body=body))
    answer = await export.export_patients(context, act, call("Patient", body=body, lenient=True))
    request = export_request((await job_of(context, act, answer)).request)
    assert request.patients == (kim,)
    assert [fault.slug for fault in request.faults] == ["export-patient-missing"]
    with pytest.raises(Malformed):
        await export.export_patients(
            context, act, call("Patient", body=patients("Patient/nobody"), lenient=True)
        )


async def test_the_whole_system_is_asked_for_no_patients(context, act, kim):
    body = patients(f"Patient/{kim}")
    with pytest.raises(Malformed) as refused:
        await export.export_system(context, act, call(body=body))
    assert refused.value.issues[0].slug == "export-patient-level"
    answer = await export.export_system(context, act, call(body=body, lenient=True))
    assert export_request((await job_of(context, act, answer)).request).patients == ()


async def test_a_group(context, act, kim, sam, group):
    id_ = await group(kim)
    answer = await export.export_group(context, act, call("Group", id_))
    request = export_request((await job_of(context, act, answer)).request)
    assert (request.level, request.group, request.patients) == ("Group", id_, ())
    answer = await export.export_group(context, act, call("Group", id_, body=patients(f"Patient/{kim}")))
    assert export_request((await job_of(context, act, answer)).request).patients == (kim,)
    with pytest.raises(Malformed) as refused:
        await export.export_group(context, act, call("Group", id_, body=patients(f"Patient/{sam}")))
    assert refused.value.issues[0].slug == "export-patient-missing"


async def test_a_group_that_is_not_there(context, act, group, kim):
    with pytest.raises(Missing):
        await export.export_group(context, act, call("Group", "nobody"))
    id_ = await group(kim)
    stranger = replace(act, caller=replace(act.caller, agency="school", client="school"))
    seen = context.seen_by(stranger, acting.eyes(context.registry, stranger.caller))
    with pytest.raises(Missing):
        await export.export_group(seen, stranger, call("Group", id_))
    await deleting.delete(context, act, "Group", id_)
    with pytest.raises(Gone):
        await export.export_group(context, act, call("Group", id_))


async def test_a_group_is_found_though_the_token_has_no_scope_of_it(context, act, group, kim):
    """smart-fetch asks for no scope of Group, and exports groups all the same."""
    id_ = await group(kim)
    scopes = read_scopes(setting_of(context), "system/Patient.read system/Observation.read")
    narrow = replace(act, caller=replace(act.caller, scopes=scopes))
    seen = context.seen_by(narrow, acting.eyes(context.registry, narrow.caller))
    answer = await export.export_group(seen, narrow, call("Group", id_))
    job = await job_of(context, act, answer)
    assert export_request(job.request).types == ("Observation", "Patient")


def test_where_it_is_offered(registry: Registry):
    operations = {
        (operation.definition.rsplit("/", 1)[1], *sorted(operation.levels))
        for operation in (export.SYSTEM_OPERATION, export.PATIENT_OPERATION, export.GROUP_OPERATION)
    }
    assert operations == {("export", "system"), ("patient-export", "type"), ("group-export", "instance")}
    assert export.PATIENT_OPERATION.is_of("Patient", "type")
    assert not export.PATIENT_OPERATION.is_of("Patient", "instance")
    assert not export.GROUP_OPERATION.is_of("Goal", "instance")


FILTERED = {
    "resourceType": "Group",
    "modifierExtension": [
        {
            "url": MEMBER_FILTER,
            "valueExpression": {
                "language": "application/x-fhir-query",
                "expression": "Goal?lifecycle-status=active",
            },
        }
    ],
    "type": "person",
    "actual": False,
    "name": "some",
}


async def test_a_group_with_filters_is_found_by_the_job(context, act, kim, sam, stored):
    id_ = await stored(**FILTERED)
    answer = await export.export_group(context, act, call("Group", id_))
    request = export_request((await job_of(context, act, answer)).request)
    assert (request.level, request.group, request.patients) == ("Group", id_, ())
    named = call("Group", id_, body=patients(f"Patient/{kim}"))
    request = export_request(
        (await job_of(context, act, await export.export_group(context, act, named))).request
    )
    assert request.patients == (kim,)


async def test_a_token_reads_what_the_filters_of_a_group_search(context, act, stored):
    id_ = await stored(**FILTERED)
    for scopes, needed in (
        ("system/Patient.rs", "system/Goal.rs"),
        ("system/Goal.rs", "system/Patient.rs"),
        ("system/Goal.rs system/Patient.rs", None),
    ):
        caller = replace(act.caller, scopes=read_scopes(setting_of(context), scopes))
        seen = replace(
            context,
            store=context.store.seen_by(caller.locality, acting.eyes(context.registry, caller), Seen()),
        )
        if needed is None:
            assert (
                await export.export_group(seen, replace(act, caller=caller), call("Group", id_))
            ).status == 202
            continue
        with pytest.raises(InsufficientScope) as refused:
            await export.export_group(seen, replace(act, caller=caller), call("Group", id_))
        assert refused.value.needed == needed


async def test_a_group_that_names_no_young_people_is_not_exported(context, act, stored):
    id_ = await stored(resourceType="Group", type="person", actual=False, name="described")
    with pytest.raises(Invalid) as refused:
        await export.export_group(context, act, call("Group", id_))
    assert refused.value.issues[0].slug == "cohort-without-members"


async def test_who_was_in_the_group_is_not_named(context, act, kim, sam, group, stored):
    member = [
        {"entity": {"reference": f"Patient/{kim}"}},
        {"entity": {"reference": f"Patient/{sam}"}, "inactive": True},
    ]
    id_ = await stored(resourceType="Group", type="person", actual=True, member=member)
    with pytest.raises(Malformed):
        await export.export_group(context, act, call("Group", id_, body=patients(f"Patient/{sam}")))
