"""What is kept of an import is what was asked for."""

from __future__ import annotations

from service.bulk.import_request import ImportRequest, Source, import_request


def test_a_request_is_read_as_it_was_kept():
    request = ImportRequest(
        (
            Source("a.ndjson", path="default/1/input-0"),
            Source("b.ndjson", address="https://b.example/b.ndjson"),
        ),
        "http://127.0.0.1:8080/fhir/$import",
    )
    assert import_request(request.encode()) == request
