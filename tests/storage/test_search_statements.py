"""How many SQL statements a search costs, by kind of search: asserted, on both databases.

What is counted is what reaches the database while the interaction answers, whoever sends it.

Source: issue 4 «Search», docs/adr/0013-one-driver-per-search.md, docs/adr/0014-exact-sorted-pages.md
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import pytest

from service.access.callers import Caller
from service.fhir import codec
from service.fhir.validation.validator import Validator
from service.interactions.context import Act, Context, Limits
from service.interactions.search import search
from service.storage.open import open_store
from tests.conftest import BASE_URL
from tests.storage.builders import creation, unit, update

ACT = Act(Caller("epr", "camhs", "default"), "request-1")
CHILDREN, SCORES = 6, 8
# What is complete in the index, every few seconds; and what asyncpg has to know about types, once a connection.
NOW_AND_THEN = ("indexed_parameter", "typeinfo", "current_setting('jit')", "set_config('jit'")
LONG_AGO = 60_000  # milliseconds: further back than any version of which a sorted page must look twice


def record():
    """Young people of one team, each with a goal and scores of it."""
    yield {"resourceType": "Organization", "id": "trust", "name": "Invented Trust"}
    yield {
        "resourceType": "Organization",
        "id": "team",
        "name": "Invented Team",
        "partOf": {"reference": "Organization/trust"},
    }
    for child in range(CHILDREN):
        patient = {"reference": f"Patient/p{child}"}
        yield {
            "resourceType": "Patient", "id": f"p{child}", "gender": "other", "birthDate": f"201{child}-05-17",
            "identifier": [{"system": "urn:number", "value": f"{child}"}], "name": [{"family": f"Testing{child}"}],
            "managingOrganization": {"reference": "Organization/team"},
        }  # fmt: skip
        yield {
            "resourceType": "Goal", "id": f"g{child}", "lifecycleStatus": "active", "subject": patient,
            "description": {"text": "Invented"},
        }  # fmt: skip
        for score in range(SCORES):
            yield {
                "resourceType": "Observation", "id": f"s{child}-{score}", "status": "final", "subject": patient,
                "code": {"coding": [{"system": "http://a.example/s", "code": "near"}]},
                "focus": [{"reference": f"Goal/g{child}"}], "effectiveDateTime": f"2026-03-{score + 1:02d}",
                "valueQuantity": {"value": score, "system": "http://unitsofmeasure.org", "code": "kg"},
            }  # fmt: skip


@pytest.fixture(scope="module")
def validator(registry, terminology):
    return Validator(registry, terminology.guide, terminology)


@pytest.fixture
async def clinic(migrated_url, registry, extractor, validator, terminology, clock):
    """A context on a store that holds the record, written a while ago."""
    store = await open_store(migrated_url, registry, extractor, clock)
    await store.commit("default", unit(*map(creation, record())))
    clock.now += LONG_AGO
    yield Context(
        registry=registry,
        validator=validator,
        store=store,
        clock=clock,
        ids=str,
        base_url=BASE_URL,
        limits=Limits(),
        link_key=bytes(32),
        extractor=extractor,
        guide=terminology.guide,
        terminology=terminology,
    )
    await store.close()


@contextmanager
def statements(store):
    """The statements that the store's database is sent meanwhile, but for what is asked now and then whatever is searched."""
    sent = []

    def keep(text):
        if not any(name in text for name in NOW_AND_THEN):
            sent.append(text)

    def keep_query(query):
        keep(query.query)

    if hasattr(store, "_reader"):
        connection = store._reader.connection
        connection.set_trace_callback(keep)
        yield sent
        connection.set_trace_callback(None)
        return
    connections = [holder._con for holder in store._pool._holders if holder._con is not None]
    for connection in connections:
        connection.add_query_logger(keep_query)
    yield sent
    for connection in connections:
        connection.remove_query_logger(keep_query)


async def asked(context, type_, pairs):
    """The bundle, and how many statements it took."""
    with statements(context.store) as sent:
        answer = await search(context, ACT, type_, pairs)
        await asyncio.sleep(0)  # asyncpg tells of a statement a moment later
    return codec.decode(answer.document), sent


CHILDS = [("subject", "Patient/p1"), ("focus", "Goal/g1")]
NEWEST_FIRST = ("_sort", "-date")
BY_THREE = ("_count", "3")

# In each: what is asked, of which type, how, and how many statements that takes. `estimated`: one more where nobody
# asked so a moment ago, which counts what the conditions would find.
COSTS = [
    ("an id", "Patient", [("_id", "p1")], 1, {}),
    ("an identifier", "Patient", [("identifier", "urn:number|1")], 1, {}),
    ("one child's scores", "Observation", CHILDS, 1, {}),
    ("one child's scores in order", "Observation", [*CHILDS, NEWEST_FIRST], 1, {}),
    ("pages of them", "Observation", [*CHILDS, BY_THREE], 1, {"further": 1}),
    ("pages of them with their number", "Observation", [*CHILDS, BY_THREE, ("_total", "accurate")], 2, {"further": 2}),
    ("pages of them in order", "Observation", [*CHILDS, NEWEST_FIRST, BY_THREE], 2, {"further": 3}),
    (
        "pages of them in order with their number", "Observation",
        [*CHILDS, NEWEST_FIRST, BY_THREE, ("_total", "accurate")], 3, {"further": 4},
    ),
    ("the number of them", "Observation", [*CHILDS, ("_summary", "count")], 1, {}),
    ("some elements of them", "Observation", [*CHILDS, ("_elements", "status")], 1, {}),
    ("how a name begins", "Patient", [("family", "test")], 1, {"estimated": True}),
    ("what a name contains", "Patient", [("family:contains", "est")], 1, {}),
    ("a name and a date", "Patient", [("family", "test"), ("birthdate", "gt2000")], 1, {"estimated": True}),
    ("a date", "Observation", [("date", "ge2026-03-03")], 1, {"estimated": True, "further": 1}),
    ("a quantity", "Observation", [("value-quantity", "gt3")], 1, {"estimated": True, "further": 1}),
    ("a code", "Observation", [("code", "near")], 1, {"further": 1}),
    ("a code in order", "Observation", [("code", "near"), NEWEST_FIRST], 2, {"estimated": True, "further": 3}),
    ("a combination", "Observation", [("code-value-quantity", "near$gt3")], 1, {"estimated": True, "further": 1}),
    ("a chain", "Observation", [("subject:Patient.identifier", "urn:number|1")], 1, {}),
    ("a reverse chain", "Patient", [("_has:Observation:patient:code", "near")], 1, {"estimated": True}),
    ("no value", "Patient", [("email:missing", "true")], 1, {}),
    ("any other code", "Patient", [("gender:not", "male")], 1, {}),
    ("words", "Goal", [("_content", "invented")], 1, {}),
    ("all of a type", "Patient", [], 1, {}),
    ("what they refer to", "Observation", [*CHILDS, ("_include", "Observation:subject")], 2, {}),
    (
        "what they refer to by two parameters", "Observation",
        [*CHILDS, ("_include", "Observation:subject"), ("_include", "Observation:focus")], 2, {},
    ),
    ("what refers to them", "Goal", [("_id", "g1"), ("_revinclude", "Observation:focus")], 2, {}),
    (
        "what they refer to, and so on: one for each step, and one to see that it is the last", "Observation",
        [*CHILDS, ("_include", "Observation:subject"), ("_include:iterate", "Patient:organization"), ("_include:iterate", "Organization:partof")],
        5, {},
    ),
    ("two types", "", [("_type", "Patient,Goal"), ("_id", "p1,g1")], 2, {}),
]  # fmt: skip


async def test_a_search_costs_so_many_statements(clinic):
    for what, type_, pairs, number, more in COSTS:
        bundle, sent = await asked(clinic, type_, pairs)
        assert any(one["search"]["mode"] == "match" for one in bundle.get("entry", [])) or bundle["total"], (
            what
        )
        assert len(sent) == number + more.get("estimated", False), (what, *sent)
        again, sent = await asked(clinic, type_, pairs)
        assert len(sent) == number, (what, *sent)
        for relation in ("next", "previous") if "further" in more else ():
            again, sent = await asked(clinic, type_, link(again, relation))
            assert len(sent) == more["further"], (what, relation, *sent)


async def test_what_was_changed_meanwhile_costs_one_statement_more(clinic):
    """That is for all of it, however much it is: the places that it had."""
    pairs = [*CHILDS, NEWEST_FIRST, BY_THREE]
    bundle, _ = await asked(clinic, "Observation", pairs)
    for score in range(SCORES):
        before = await clinic.store.read("default", "Observation", f"s1-{score}")
        content = codec.decode(before.body) | {"effectiveDateTime": "2026-04-01"}
        await clinic.store.commit("default", unit(update(before, content)))
    further, sent = await asked(clinic, "Observation", link(bundle, "next"))
    assert len(sent) == 4, sent
    shown = [one["resource"]["id"] for one in (*bundle["entry"], *further["entry"])]
    assert shown == [f"s1-{score}" for score in (7, 6, 5, 4, 3, 2)]


def link(bundle, relation):
    """The parameters of a link."""
    [url] = [one["url"] for one in bundle["link"] if one["relation"] == relation]
    return parse_qsl(urlsplit(url).query)
