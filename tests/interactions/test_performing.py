from __future__ import annotations

import pytest

from service.fhir import codec
from service.interactions.entries import read_entries
from service.interactions.performing import perform
from service.interactions.update import update
from tests.interactions.builders import bundle, criteria, entry, patient


@pytest.fixture
async def stored(context, act):
    await update(context, act, "Patient", "p1", patient(id="p1"))
    await update(context, act, "Patient", "p1", patient(id="p1", active=False))


ACTIVATE = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "replace"},
                {"name": "path", "valueString": "Patient.active"},
                {"name": "value", "valueBoolean": True},
            ],
        }
    ],
}


@pytest.mark.parametrize(
    ("given", "status", "shown"),
    [
        (entry("POST", "Patient", patient("2")), 201, "version 1"),
        (entry("POST", "Patient", patient("1"), ifNoneExist=criteria("1")), 200, "version 2"),
        (entry("PUT", "Patient/p1", patient(id="p1")), 200, "version 3"),
        (entry("PUT", "Patient/p1", patient(id="p1"), ifMatch='W/"2"'), 200, "version 3"),
        (entry("PUT", "Patient?" + criteria("1"), patient("1")), 200, "version 3"),
        (entry("PATCH", "Patient/p1", ACTIVATE), 200, "version 3"),
        (entry("PATCH", "Patient?" + criteria("1"), ACTIVATE), 200, "version 3"),
        (entry("DELETE", "Patient/p1", ifMatch='W/"2"'), 204, "version 3"),
        (entry("DELETE", "Patient?" + criteria("1")), 204, "version 3"),
        (entry("DELETE", "Patient?" + criteria("2")), 204, None),
        (entry("GET", "Patient/p1"), 200, "version 2"),
        (entry("GET", "Patient/p1", ifNoneMatch='W/"2"'), 304, "version 2"),
        (entry("GET", "Patient/p1", ifModifiedSince="2100-01-01T00:00:00Z"), 304, "version 2"),
        (entry("GET", "Patient/p1/_history/1"), 200, "version 1"),
        (entry("GET", "Patient/p1/_history"), 200, "history"),
        (entry("GET", "Patient/_history"), 200, "history"),
        (entry("GET", "_history?_count=1"), 200, "history"),
        (entry("GET", "Patient?" + criteria("1")), 200, "searchset"),
        (entry("GET", "Patient"), 200, "searchset"),
        (entry("GET", "?_type=Patient,Goal&_id=p1"), 200, "searchset"),
        (entry("GET", "Patient/p1/*"), 200, "searchset"),
        (entry("GET", "Patient/p1/Goal"), 200, "searchset"),
        (entry("HEAD", "Patient?" + criteria("1")), 200, None),
        (entry("HEAD", "Patient/p1"), 200, "version 2"),
    ],
)
async def test_every_interaction(context, act, stored, given, status, shown):
    (read,) = (await read_entries(context, bundle(given, type_="batch"))).entries
    answer = await perform(context, act, read)
    assert answer.status == status
    if answer.document is not None:
        assert codec.decode(answer.document)["type"] == shown
    else:
        assert (None if answer.stored is None else f"version {answer.stored.version}") == shown


async def test_a_read_shows_the_elements_asked_for(context, act, stored):
    given = (
        entry("GET", "Patient/p1?_elements=identifier"),
        entry("GET", "Patient/p1/_history/1?_summary=data"),
    )
    for read in (await read_entries(context, bundle(*given, type_="batch"))).entries:
        shown = codec.decode((await perform(context, act, read)).stored.body)
        assert shown["meta"]["tag"][0]["code"] == "SUBSETTED"
