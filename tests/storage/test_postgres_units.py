"""Units in one statement of PostgreSQL: few texts, which are prepared once, and no more asked than must be."""

import pytest

from service.fhir.search.derived import index_codes
from service.storage.checking import check
from service.storage.indexing import Indexer
from service.storage.names import Kind, Names
from service.storage.postgres_arrays import Flat
from service.storage.postgres_units import statement
from service.storage.preparation import prepare
from service.storage.store import Stored, Unit
from tests.storage.builders import AUDIT, LOCALITY, creation, deletion, patient, score, stored, unit, update

CONFLICT = "ON CONFLICT"


@pytest.fixture
def written(registry, extractor):
    """The statement that stores a unit."""
    names = Names()
    types = ("Observation", "Patient")
    parameters = (f"{type_}.{code}" for type_ in types for code in index_codes(registry, type_))
    wanted = [*((Kind.TYPE, type_) for type_ in types), *((Kind.PARAMETER, code) for code in parameters)]
    names.learn((kind, number, text) for number, (kind, text) in enumerate(wanted, 1))

    async def number(unknown):
        names.learn((kind, 10_000 + number, text) for number, (kind, text) in enumerate(sorted(unknown)))

    async def nothing_said(*_):
        return set()

    async def writing(*changes, relied_on=()):
        whole = Unit(changes, AUDIT, relied_on=relied_on)
        prepared = await prepare(1, whole, Indexer(registry, extractor, names), names, number, nothing_said)
        return statement(prepared, prepared.versions(8, iter(range(1_000, 2_000)).__next__))

    return writing


def version(id_, number=1):
    body = b'{"resourceType":"Patient","id":"%b","identifier":[{"system":"urn:number","value":"1"}]}'
    return Stored("Patient", id_, number, 1, "PUT", body % id_.encode(), 7 + number)


def scores(*ids):
    return [creation(score(id_, "p")) for id_ in ids]


async def test_units_of_one_shape_have_one_text_however_many_changes_they_have(written):
    first, _ = await written(*scores("a", "b"), relied_on=(version("p"),))
    second, _ = await written(*scores("a", "b", "c"), relied_on=(version("p"), version("q", 2)))
    assert first is second
    third, _ = await written(*(update(version(id_), patient(id_, "2")) for id_ in ("p", "q")))
    fourth, _ = await written(*(update(version(id_), patient(id_, "2")) for id_ in ("p", "q", "r")))
    assert third is fourth
    assert third != first


async def test_every_place_of_the_text_has_its_argument(written):
    changes = (*scores("a", "b"), update(version("p"), patient("p", "2")), deletion(version("q")))
    text, arguments = await written(*changes, relied_on=(version("r"),))
    assert "?" not in text
    assert all(f"${number}" in text for number in range(1, len(arguments) + 1))
    assert f"${len(arguments) + 1}" not in text


async def test_what_is_the_same_for_the_whole_unit_is_sent_once(written):
    _, one = await written(*scores("a", "b"))
    _, many = await written(*scores("a", "b", "c", "d"))
    assert len(one) == len(many)
    assert one.count(AUDIT.request_id) == many.count(AUDIT.request_id) == 1
    assert {len(value) for value in many if isinstance(value, Flat)} >= {4}


async def test_rows_of_what_is_new_are_not_looked_for_before_they_are_added(written):
    text, _ = await written(*scores("a"), creation(patient("p")))
    assert CONFLICT not in text


async def test_rows_of_what_was_there_may_be_there_already(written):
    text, _ = await written(update(version("p"), patient("p", "2")))
    assert text.count(CONFLICT) == text.count("_added AS (INSERT")
    both, _ = await written(creation(patient("q")), update(version("p"), patient("p", "2")))
    assert both.count(CONFLICT) == text.count(CONFLICT)


async def test_new_and_changed_resources_of_one_unit_have_all_their_rows(
    store, database_url, registry, extractor
):
    first = await stored(store, patient("p", "1", name=[{"family": "Reed", "text": "Reed of the one"}]))
    gone = await stored(store, patient("q"))
    await store.commit(
        LOCALITY,
        unit(
            creation(patient("r", "1", name=[{"family": "Reed"}])),
            update(first, patient("p", "2", name=[{"family": "Rush", "text": "Rush of the other"}])),
            deletion(gone),
            *scores("s", "t"),
        ),
    )
    assert (await check(database_url, registry, extractor)).faults == []


async def test_a_single_change_sends_no_arrays_but_of_its_index_rows(written):
    def of_itself(text):
        return text[: text.index("index_")]

    one, arguments = await written(*scores("a"))
    several, _ = await written(*scores("a", "b"))
    assert "unnest" not in of_itself(one)
    assert "unnest" in of_itself(several)
    [body] = [value for value in arguments if isinstance(value, bytes) and value.startswith(b"{")]
    assert b'"id":"a"' in body
