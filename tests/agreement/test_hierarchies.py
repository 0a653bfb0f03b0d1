"""Hierarchies: `:below` and `:above` of references find what is part of what, in every combination, on both databases.

Agencies stand in a long line, in a tree and in circles. What is found is compared with the hierarchy itself, walked here step by step, and with the
matcher in memory.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir.search.asked import Setting
from service.fhir.search.expressions import And, Everything, Not, Or, Query, SortKey
from service.fhir.search.grammar import parse
from service.storage.open import open_store
from tests.agreement.remembered import Remembered, remembered
from tests.agreement.strategies import STARTED
from tests.conftest import BASE_URL, TestClock

ORDERS = (
    (),
    (SortKey("name", "string"),),
    (SortKey("_id", "_id", descending=True), SortKey("partof", "reference")),
)
LINE = 40

# Each place and what it is part of: a line, a tree below its third place, and a circle.
PART_OF = {f"p{number}": f"p{number - 1}" for number in range(1, LINE)} | {
    "t1": "p2", "t2": "p2", "t11": "t1", "t12": "t1", "c1": "c3", "c2": "c1", "c3": "c2", "itself": "itself",
    "below-circle": "c1", "p0": "elsewhere", "lonely": "",
}  # fmt: skip


def reference(type_, id_):
    return {"reference": f"{type_}/{id_}" if id_ != "elsewhere" else f"http://b.example/{type_}/p0"}


def organizations():
    for id_, upper in PART_OF.items():
        known = {
            "resourceType": "Organization",
            "id": id_,
            "name": f"Invented {id_[-1]}",
            "active": id_ > "p3",
        }
        yield known | ({"partOf": reference("Organization", upper)} if upper else {})


def locations():
    for id_, upper in PART_OF.items():
        known = {"resourceType": "Location", "id": id_, "name": f"Room {id_}"}
        yield known | ({"partOf": reference("Location", upper)} if upper else {})


def people():
    """A child for each place, and a session with the child there."""
    for id_ in PART_OF:
        yield {
            "resourceType": "Patient", "id": id_, "active": id_ > "p3",
            "managingOrganization": reference("Organization", id_),
        }  # fmt: skip
        yield {
            "resourceType": "Encounter", "id": id_, "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": reference("Patient", id_), "location": [{"location": reference("Location", id_)}],
        }  # fmt: skip


def above(of):
    """The place and what it is part of, however many levels up."""
    found = set()
    while of in PART_OF and of not in found:
        found.add(of)
        of = PART_OF[of]
    return found


def within(*of):
    """The places that are one of `of` or below one."""
    return {place for place in PART_OF if not above(place).isdisjoint(of)}


def parts_of(places, steps=1):
    """What leads to one of the places in just so many steps."""
    for _ in range(steps):
        places = {place for place, upper in PART_OF.items() if upper in places}
    return places


@pytest.fixture
async def kept(migrated_url, registry, extractor) -> Remembered:
    store = await open_store(migrated_url, registry, extractor, TestClock(STARTED // 1000))
    record = await remembered(store, "hierarchies", extractor)
    await record.put(*organizations(), *locations(), *people())
    yield record
    await store.close()


async def found(kept, registry, type_, where, sort=()):
    """The ids that a search finds, having compared it with the matcher."""
    query = Query(type_, where, count=1000, total="accurate", sort=sort)
    page = await kept.store.search(kept.locality, query)
    ids = {item.id for item in page.items}
    assert ids == kept.around().found(query)
    assert len(page.items) == page.total == len(ids)
    return ids


def asked(registry, type_, *pairs):
    """What must hold where a client asks so."""
    setting = Setting(registry, BASE_URL, now=STARTED)
    return parse(setting, type_, list(pairs), count_default=10, count_limit=10, lenient=False).query.where


CASES = [
    ("Patient", "organization:below", "Organization/p0", within("p0")),
    ("Patient", "organization:below", "Organization/p3", within("p3")),
    ("Patient", "organization:below", "p2,t1", within("p2", "t1")),
    ("Patient", "organization:below", "c1", {"c1", "c2", "c3", "below-circle"}),
    ("Patient", "organization:below", "itself", {"itself"}),
    ("Patient", "organization:below", "nowhere", set()),
    ("Patient", "organization:above", f"p{LINE - 1}", above(f"p{LINE - 1}")),
    ("Patient", "organization:above", "t11,c2", above("t11") | above("c2")),
    ("Patient", "organization:above", "below-circle", {"below-circle", "c1", "c2", "c3"}),
    ("Patient", "organization:Organization.partof:below", "p1", parts_of(within("p1"))),
    ("Patient", "organization.partof.partof.partof:above", "t12", parts_of(above("t12"), 3)),
    ("Patient", "organization." + "partof." * 10 + "partof:below", "p0", parts_of(within("p0"), 11)),
    ("Patient", "_has:Encounter:subject:location:below", "p4", within("p4")),
    ("Patient", "_has:Encounter:subject:location:above", "t12", above("t12")),
    ("Organization", "partof:below", "p0", parts_of(within("p0"))),
    ("Organization", "partof:above", "c1", parts_of(above("c1"))),
    ("Organization", "_has:Patient:organization:organization:below", "p5", within("p5")),
    ("Organization", "_has:Organization:partof:partof:below", "p0",
     {PART_OF[one] for one in parts_of(within("p0"))} & PART_OF.keys()),
    ("Encounter", "location:below", "Location/p0", within("p0")),
    ("Encounter", "subject:Patient.organization:below", "p6", within("p6")),
    ("Encounter", "location." + "partof." * 10 + "partof:above", f"p{LINE - 1}",
     parts_of(above(f"p{LINE - 1}"), 11)),
]  # fmt: skip


async def test_a_hierarchy_is_followed_in_every_combination(kept, registry):
    for type_, name, value, expected in CASES:
        where = asked(registry, type_, (name, value))
        for sort in ORDERS if type_ == "Organization" else ((), (SortKey("_lastUpdated", "_lastUpdated"),)):
            assert await found(kept, registry, type_, where, sort) == expected, (type_, name, value, sort)
        left = await found(kept, registry, type_, Not(where))
        assert left == PART_OF.keys() - expected, (type_, name, value)
        assert await found(kept, registry, type_, And((Not(where), where))) == set()
        assert await found(kept, registry, type_, Or((where, Everything()))) == PART_OF.keys()


async def test_a_hierarchy_goes_with_other_criteria(kept, registry):
    below, active = (
        ("organization:below", "p0"),
        within("p0") & {one for one in PART_OF if one > "p3"},
    )
    for other in (
        ("active", "true"),
        ("active:not", "false"),
        ("_has:Encounter:subject:location:below", "p4"),
    ):
        where = asked(registry, "Patient", below, other)
        expected = active if other[0] != "_has:Encounter:subject:location:below" else within("p4")
        assert await found(kept, registry, "Patient", where) == expected & within("p0")
    for missing, expected in (("true", set()), ("false", within("p0"))):
        where = asked(registry, "Patient", below, ("organization:missing", missing))
        assert await found(kept, registry, "Patient", where) == expected


async def test_pages_of_a_hierarchy_follow_one_another(kept, registry):
    where = asked(registry, "Organization", ("partof:below", "p0"))
    query = Query("Organization", where, count=3, sort=ORDERS[1])
    seen: list[str] = []
    while True:
        page = await kept.store.search(kept.locality, query)
        seen += [item.id for item in page.items]
        if not page.more:
            break
        query = replace(query, after=page.items[-1].key, as_of=page.as_of)
    assert len(seen) == len(set(seen))
    assert set(seen) == parts_of(within("p0"))
