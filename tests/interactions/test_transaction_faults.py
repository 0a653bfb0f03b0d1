from __future__ import annotations

import copy
import random

import pytest

from service.fhir.problems import Malformed, Missing, Problem, TooLarge
from service.interactions.delete import delete
from service.interactions.read import read
from service.interactions.transaction import bundle as carry_out
from tests.interactions.builders import (
    bundle,
    criteria,
    entry,
    goal,
    patient,
    statuses,
    urn,
)
from tests.interactions.transactions import put, refused


async def test_a_reference_that_no_entry_has_is_broken(context, act):
    assert await refused(
        context,
        act,
        entry("POST", "Goal", goal(urn(1)), urn(2)),
        entry("POST", "Goal", goal("urn:oid:1.2"), urn(3)),
    ) == (
        400,
        [
            ("reference-broken", "Bundle.entry[0].resource.subject.reference"),
            ("reference-broken", "Bundle.entry[1].resource.subject.reference"),
        ],
    )


async def test_every_fault_of_every_entry_comes_at_once(context, act):
    await put(context, act, "p1")
    status, issues = await refused(
        context,
        act,
        entry("POST", "Patient", patient(gender="none", birthDate="soon")),
        entry("POST", "Goal", goal(urn(9))),
        entry("PUT", "Patient/p1", patient(id="p1"), ifMatch='W/"3"'),
        entry("GET", "Patient/never"),
        entry("POST", "Nonsense", goal()),
        entry("POST", "Goal", goal("Patient?" + criteria("9"))),
        entry("POST", "Patient", patient(colour="red"), ifNoneExist="colour=red"),
    )
    assert status == 422
    expressions = [expression for _, expression in issues]
    assert {
        "Bundle.entry[0].resource.gender",
        "Bundle.entry[0].resource.birthDate",
        "Bundle.entry[1].resource.subject.reference",
        "Bundle.entry[2].request",
        "Bundle.entry[3].request.url",
        "Bundle.entry[5].resource.subject.reference",
        "Bundle.entry[6].request.ifNoneExist",
        "Bundle.entry[6].resource.colour",
    } <= set(expressions)
    assert any(expression.startswith("Bundle.entry[4]") for expression in expressions)
    order = [int(expression.partition("[")[2].partition("]")[0]) for expression in expressions]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("given", "slug"),
    [
        ({"resourceType": "Patient"}, "type-mismatch"),
        ({"resourceType": "Bundle"}, "bundle-type"),
        ({"resourceType": "Bundle", "type": "collection"}, "bundle-type"),
        ({"resourceType": "Bundle", "type": ["transaction"]}, "bundle-type"),
    ],
)
async def test_what_is_no_transaction(context, act, given, slug):
    with pytest.raises(Malformed) as refusal:
        await carry_out(context, act, given)
    assert refusal.value.issues[0].slug == slug


@pytest.mark.parametrize(
    "given",
    [
        {"entry": {}},
        {"entry": [5]},
        {"entry": [None]},
        {"entry": [{"request": 5}]},
        {"entry": [{"request": {"method": "POST"}}]},
        {"entry": [{"request": {"url": "Patient"}}]},
        {"entry": [{"request": {"method": "BREW", "url": "Patient"}}]},
        {"entry": [{"request": {"method": "POST", "url": "Patient"}, "resource": 5}]},
        {
            "entry": [
                {"request": {"method": "POST", "url": "Patient", "colour": "red"}, "resource": patient()}
            ]
        },
        {"entry": [entry("GET", "Patient/p1", ifModifiedSince="soon")]},
        {"colour": "red"},
        {"total": "one"},
    ],
)
@pytest.mark.parametrize("type_", ["transaction", "batch"])
async def test_malformed_bundles_are_never_a_crash(context, act, given, type_):
    resource = {"resourceType": "Bundle", "type": type_, **given}
    if type_ == "batch" and isinstance(given.get("entry"), list):
        answer = await carry_out(context, act, resource)
        assert all(status.startswith("4") for status in statuses(answer))
    else:
        with pytest.raises(Problem) as refusal:
            await carry_out(context, act, resource)
        assert refusal.value.status in {400, 422}


async def test_too_many_entries(context, act):
    given = [entry("GET", "Patient/p1")] * (context.limits.bundle_entries + 1)
    for type_ in ("transaction", "batch"):
        with pytest.raises(TooLarge):
            await carry_out(context, act, bundle(*given, type_=type_))


async def test_a_deleted_subject_is_gone_for_patches(context, act):
    await put(context, act, "p1")
    await delete(context, act, "Patient", "p1")
    part = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": "Patient.active"}]
    change = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]}
    status, issues = await refused(context, act, entry("PATCH", "Patient/p1", change))
    assert (status, issues) == (410, [("resource-deleted", "Bundle.entry[0].request")])
    with pytest.raises(Missing):
        await read(context, act, "Patient", "never")


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"resourceType": "Nonsense"},
        {"resourceType": ["Patient"]},
        {"resourceType": "Goal"},
        {"resourceType": "Patient", "identifier": 5},
        {"resourceType": "Patient", "identifier": [None, 5, {"value": {"a": 1}}]},
        {"resourceType": "Patient", "meta": "x", "id": 5},
        {
            "resourceType": "Patient",
            "name": {"family": ["x"]},
            "extension": "x",
            "contained": [5, {"resourceType": 5}],
        },
        {"resourceType": "Patient", "link": [{"other": {"reference": 5}}, {"other": 5}, 5]},
        {"resourceType": "Patient", "text": {"div": 5}, "_birthDate": [{"extension": 5}]},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_broken_resources_are_never_a_crash(context, act, broken, method):
    """Also where other entries' conditions would have to look into them."""
    url = "Patient" if method == "POST" else "Patient?" + criteria("2")
    given = [
        entry("POST", "Goal", goal("Patient?" + criteria("1")), urn(1)),
        entry("POST", "Patient", patient("1"), urn(2), ifNoneExist=criteria("1")),
        entry(method, url, broken, urn(3)),
        entry("POST", "Goal", goal(urn(3)), urn(4)),
    ]
    status, issues = await refused(context, act, *given)
    assert status in {400, 422}
    assert all(expression.startswith("Bundle.entry[2].") for _, expression in issues)


def places(node, path=()):
    """Every place in a document."""
    yield path
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in steps:
        yield from places(value, (*path, key))


JUNK = [
    None,
    5,
    "",
    "x",
    [],
    {},
    [None],
    {"a": 1},
    "Patient?",
    "Patient?x=1",
    "urn:uuid:1",
    "#a",
    "$",
    "GET",
    "Goal",
]


def mutilated(chance, document):
    """The document with one thing in it lost, replaced or added."""
    path = chance.choice([path for path in places(document) if path])
    node = document
    for key in path[:-1]:
        node = node[key]
    match chance.randrange(3):
        case 0:
            del node[path[-1]]
        case 1:
            node[path[-1]] = copy.deepcopy(chance.choice(JUNK))
        case _ if isinstance(node, dict):
            node[chance.choice(["id", "reference", "extension", "meta"])] = copy.deepcopy(chance.choice(JUNK))
        case _:
            node.append(copy.deepcopy(chance.choice(JUNK)))
    return document


@pytest.mark.parametrize("type_", ["transaction", "batch"])
async def test_mutilated_bundles_are_never_a_crash(context, act, type_):
    chance = random.Random(20261122)
    refusals = 0
    for number in range(150):
        one, two = f"{number}-1", f"{number}-2"
        whole = bundle(
            entry(
                "POST",
                "Patient",
                patient(one, name=[{"family": "Example"}]),
                urn(1),
                ifNoneExist=criteria(one),
            ),
            entry("PUT", f"Patient/n{number}", patient(two, id=f"n{number}"), urn(2)),
            entry("POST", "Goal", goal(urn(1), extension=[{"url": "x", "valueUri": urn(2)}]), urn(3)),
            entry("POST", "Goal", goal("Patient?" + criteria(two))),
            entry("DELETE", f"Patient?{criteria(f'{number}-3')}"),
            entry("GET", "Patient/_history?_count=1"),
            type_=type_,
        )
        try:
            await carry_out(context, act, mutilated(chance, whole))
        except Problem:
            refusals += 1
    assert 0 < refusals < 150
