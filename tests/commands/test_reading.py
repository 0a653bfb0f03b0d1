from __future__ import annotations

import gzip
import io

import pytest

from service.commands import reading
from service.commands.reading import opened, resources

PATIENT = b'{"resourceType":"Patient","id":"a"}'
PRETTY = b'{\n  "resourceType": "Patient",\n  "id": "a"\n}\n'


def read(raw, name="x.json", depth=20):
    file = opened(io.BufferedReader(io.BytesIO(raw)))
    return [
        (each.line, None if each.resource is None else each.resource.get("id"))
        for each in resources(file, name, depth)
    ]


def slugs(raw, name="x.json", depth=20):
    file = opened(io.BufferedReader(io.BytesIO(raw)))
    return [(each.line, each.fault and each.fault.slug) for each in resources(file, name, depth)]


@pytest.mark.parametrize(
    ("raw", "name", "expected"),
    [
        (PATIENT, "x.json", [(1, "a")]),
        (PRETTY, "x.json", [(1, "a")]),
        (b"\n\n" + PRETTY, "x.json", [(3, "a")]),
        (PATIENT + b"\n" + PATIENT + b"\n", "x.json", [(1, "a"), (2, "a")]),
        (PATIENT + b"\r\n\r\n" + PATIENT, "x.ndjson", [(1, "a"), (3, "a")]),
        (b"\xef\xbb\xbf" + PATIENT + b"\n" + PATIENT, "x", [(1, "a"), (2, "a")]),
        (b"", "x.json", []),
        (b"\n \n", "x.ndjson", []),
    ],
)
def test_lines_and_documents(raw, name, expected):
    assert read(raw, name) == expected
    assert read(gzip.compress(raw), name) == expected


def test_a_line_that_cannot_be_read_leaves_the_others_alone():
    raw = PATIENT + b"\n{broken\n[]\n" + PATIENT
    assert slugs(raw) == [(1, None), (2, "json-malformed"), (3, "json-not-object"), (4, None)]


def test_the_first_line_may_be_the_broken_one():
    assert slugs(b'{"resourceType": "Patient"\n' + PATIENT, "x.ndjson") == [(1, "json-malformed"), (2, None)]
    assert slugs(b'{"a" "b"}\n' + PATIENT, "x.json") == [(1, "json-malformed"), (2, None)]


def test_a_document_that_is_no_json():
    assert slugs(b"<Patient/>") == [(1, "json-malformed")]


def test_what_is_nested_too_deeply():
    assert slugs(b'{"a":' * 30 + b"1" + b"}" * 30) == [(1, "json-too-deep")]


def test_gzip_that_breaks_off_is_told_after_what_could_be_read():
    whole = gzip.compress(
        b"".join(b'{"resourceType":"Patient","id":"%d"}\n' % number for number in range(5000))
    )
    found = slugs(whole[: len(whole) // 2], "x.ndjson")
    assert found[0] == (1, None)
    assert found[-1] == (0, "file-broken")


def test_what_only_begins_like_gzip():
    assert slugs(reading.GZIP_MAGIC + b"nothing else") == [(0, "file-broken")]


def test_a_line_without_end(monkeypatch):
    monkeypatch.setattr(reading, "LARGEST", 100)
    long = b'{"resourceType":"Patient","id":"' + b"a" * 100 + b'"}'
    assert slugs(long)[0] == (1, "body-too-large")
