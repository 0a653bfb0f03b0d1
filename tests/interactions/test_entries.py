from __future__ import annotations

import base64

import pytest

from service.fhir.problems import Invalid, Malformed
from service.interactions.entries import Entry, read_entries, read_operations, read_patch
from service.interactions.etags import NEVER
from service.interactions.patch import JsonPatch, PathPatch
from service.interactions.targets import Target
from tests.interactions.builders import bundle, criteria, entry, patient, urn


async def only(bare, given):
    (read,) = (await read_entries(bare, bundle(given))).entries
    return read


async def test_an_entry_is_read(bare):
    resource = patient()
    read = await only(bare, entry("PUT", "Patient/p1", resource, urn(1), ifMatch='W/"3"'))
    target = Target("update", "Patient", "p1")
    assert read == Entry(0, "PUT", target, resource, urn(1), if_match=3)
    assert read.resource is resource
    assert read.changes


@pytest.mark.parametrize(
    ("given", "criteria_read"),
    [
        (entry("POST", "Patient", patient()), None),
        (entry("POST", "Patient", patient(), ifNoneExist=criteria("1")), criteria("1")),
        (entry("PUT", "Patient?" + criteria("1"), patient()), criteria("1")),
        (entry("PATCH", "Patient?" + criteria("1"), patient()), criteria("1")),
        (entry("DELETE", "Patient?" + criteria("1")), criteria("1")),
        (entry("DELETE", "Patient/p1?x=1"), None),
        (entry("GET", "Patient?" + criteria("1")), None),
    ],
)
async def test_criteria(bare, given, criteria_read):
    assert (await only(bare, given)).criteria == criteria_read


async def test_conditions_of_reading(bare):
    read = await only(
        bare,
        entry("GET", "Patient/p1", ifNoneMatch='W/"x"', ifModifiedSince="1970-01-01T00:00:01.5+00:00"),
    )
    assert (read.if_none_match, read.if_modified_since) == (NEVER, 1500)
    assert not read.changes


@pytest.mark.parametrize(
    ("given", "expression"),
    [
        ({"resource": patient()}, "Bundle.entry[1].request"),
        (entry("PUT", "Patient/p1"), "Bundle.entry[1].resource"),
        (entry("PUT", "Patient", patient()), "Bundle.entry[1].request.url"),
        (entry("POST", "Nonsense", patient()), "Bundle.entry[1].request.url"),
        (entry("BREW", "Patient"), "Bundle.entry[1].request.method"),
        (entry("DELETE", "Patient/p1", ifMatch="3"), "Bundle.entry[1].request.ifMatch"),
        (entry("GET", "Patient/p1", ifNoneMatch="*"), "Bundle.entry[1].request.ifNoneMatch"),
        (entry("GET", "Patient/p1", ifModifiedSince="soon"), "Bundle.entry[1].request.ifModifiedSince"),
        (entry("POST", "Patient", patient(), ifMatch='W/"1"'), "Bundle.entry[1].request.ifMatch"),
        (entry("POST", "Patient", patient(), full_url=5), "Bundle.entry[1].fullUrl"),
        ({**entry("GET", "Patient/p1"), "colour": "red"}, "Bundle.entry[1].colour"),
        ({"request": 5}, "Bundle.entry[1].request"),
        (5, "Bundle.entry[1]"),
    ],
)
async def test_what_is_wrong_with_an_entry_is_told_where_it_is(bare, given, expression):
    reading = await read_entries(bare, bundle(entry("GET", "Patient/p1"), given, entry("GET", "Patient/p2")))
    assert [one.index for one in reading.entries] == [0, 2]
    assert reading.count == 3
    ((index, problem),) = reading.faults.by_entry()
    assert index == 1
    assert expression in {issue.expression for issue in problem.issues}


async def test_several_faults_of_one_entry(bare):
    given = {"resource": 5, "colour": "red", "request": {"method": "BREW"}}
    reading = await read_entries(bare, bundle(given))
    ((_, problem),) = reading.faults.by_entry()
    expressions = {issue.expression for issue in problem.issues}
    assert {
        "Bundle.entry[0].resource",
        "Bundle.entry[0].colour",
        "Bundle.entry[0].request.method",
        "Bundle.entry[0].request.url",
    } <= expressions


@pytest.mark.parametrize("frame", [{"entry": {}}, {"entry": "x"}, {"colour": "red"}, {"link": 5}])
async def test_a_broken_bundle_is_refused(bare, frame):
    with pytest.raises(Invalid):
        await read_entries(bare, {**bundle(), **frame})


async def test_no_entries(bare):
    assert (await read_entries(bare, bundle())).entries == ()


def patched(resource):
    return read_patch(Entry(0, "PATCH", Target("patch", "Patient", "p1"), resource))


def binary(raw, **more):
    data = base64.b64encode(raw).decode()
    return {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data, **more}


def test_patches():
    parameters = {"resourceType": "Parameters"}
    assert patched(parameters) == PathPatch(parameters)
    assert patched(binary(b'[{"op":"test"}]')) == JsonPatch([{"op": "test"}])


@pytest.mark.parametrize(
    "resource",
    [
        {},
        patient(),
        binary(b"[]", contentType="application/json"),
        binary(b"{}"),
        binary(b"["),
        binary(b'[],"operations":[]'),
        binary(b'[],"other":[]'),
        binary(b"[]", data="W10"),
        binary(b"[]", data=None),
        binary(b"[]", data=["W10="]),
    ],
)
def test_patches_that_cannot_be_read(resource):
    with pytest.raises(Malformed):
        patched(resource)


def test_operations_keep_their_digits():
    (operation,) = read_operations(base64.b64encode(b'[{"value":7.10}]').decode())
    assert str(operation["value"]) == "7.10"
