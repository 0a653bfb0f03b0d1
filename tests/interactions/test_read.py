from __future__ import annotations

import pytest

from service.fhir.problems import Gone, Malformed, Missing
from service.interactions.create import create
from service.interactions.delete import delete
from service.interactions.read import read, vread
from service.interactions.update import update
from tests.interactions.builders import body, patient


@pytest.fixture
async def twice(context, act):
    """Patient/p1 in two versions, the second active."""
    await update(context, act, "Patient", "p1", patient(id="p1"))
    return (await update(context, act, "Patient", "p1", patient(id="p1", active=True))).stored


async def test_reads_the_stored_bytes(context, act, twice):
    answer = await read(context, act, "Patient", "p1")
    assert (answer.status, answer.stored) == (200, twice)
    assert body(answer)["meta"]["versionId"] == "2"


@pytest.mark.parametrize("id_", ["p2", "P1", "not an id", "x" * 65, ""])
async def test_an_id_never_used_is_missing(context, act, twice, id_):
    with pytest.raises(Missing):
        await read(context, act, "Patient", id_)


async def test_another_type_or_locality_is_missing(context, act, elsewhere, twice):
    with pytest.raises(Missing):
        await read(context, act, "Goal", "p1")
    with pytest.raises(Missing):
        await read(context, elsewhere, "Patient", "p1")


async def test_a_deleted_resource_is_gone(context, act, twice):
    await delete(context, act, "Patient", "p1")
    with pytest.raises(Gone):
        await read(context, act, "Patient", "p1")


@pytest.mark.parametrize(("version", "status"), [(1, 200), (2, 304), (3, 200), (0, 200)])
async def test_if_none_match(context, act, twice, version, status):
    answer = await read(context, act, "Patient", "p1", if_none_match=version)
    assert (answer.status, answer.stored) == (status, twice)


@pytest.mark.parametrize(("seconds", "status"), [(-1, 200), (0, 304), (1, 304)])
async def test_if_modified_since_counts_whole_seconds(context, act, twice, seconds, status):
    since = (twice.updated // 1000 + seconds) * 1000
    assert (await read(context, act, "Patient", "p1", if_modified_since=since)).status == status


async def test_if_none_match_overrules_if_modified_since(context, act, twice):
    answer = await read(
        context, act, "Patient", "p1", if_none_match=1, if_modified_since=twice.updated + 5000
    )
    assert answer.status == 200


async def test_vread_of_every_version(context, act, twice):
    first = await vread(context, act, "Patient", "p1", "1")
    assert "active" not in body(first)
    assert body(first)["meta"]["versionId"] == "1"
    assert (await vread(context, act, "Patient", "p1", "2")).stored == twice


@pytest.mark.parametrize("version", ["0", "3", "01", "-1", "1.0", "one", "9" * 40, ""])
async def test_a_version_never_there_is_missing(context, act, twice, version):
    with pytest.raises(Missing):
        await vread(context, act, "Patient", "p1", version)


async def test_vread_after_a_deletion(context, act, twice):
    await delete(context, act, "Patient", "p1")
    with pytest.raises(Gone):
        await vread(context, act, "Patient", "p1", "3")
    assert (await vread(context, act, "Patient", "p1", "2")).status == 200


async def test_reading_needs_no_decoding(context, act):
    made = await create(context, act, "Patient", patient())
    answer = await read(context, act, "Patient", made.stored.id)
    assert answer.stored.body == made.stored.body


async def test_some_elements_only(context, act, twice):
    for answer in (
        await read(context, act, "Patient", "p1", pairs=[("_elements", "active"), ("_format", "json")]),
        await vread(context, act, "Patient", "p1", "2", pairs=[("_elements", "active")]),
    ):
        shown = body(answer)
        assert set(shown) == {"resourceType", "id", "meta", "active"}
        assert shown["meta"]["tag"][-1]["code"] == "SUBSETTED"
        assert (answer.stored.version, answer.stored.updated) == (2, twice.updated)


async def test_a_summary(context, act, twice):
    shown = body(await read(context, act, "Patient", "p1", pairs=[("_summary", "text")]))
    assert set(shown) == {"resourceType", "id", "meta", "active"}  # which changes the meaning of all else
    whole = await read(context, act, "Patient", "p1", pairs=[("_summary", "false")])
    assert whole.stored == twice


@pytest.mark.parametrize("pair", [("_summary", "count"), ("_summary", "x"), ("_elements", "colour")])
async def test_no_subset(context, act, twice, pair):
    with pytest.raises(Malformed):
        await read(context, act, "Patient", "p1", pairs=[pair])
    with pytest.raises(Malformed):
        await vread(context, act, "Patient", "p1", "2", pairs=[pair])
