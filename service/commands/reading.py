"""Resources out of files: NDJSON line by line, or one JSON document; gzip undone wherever it is.

A file whose first line is a whole JSON object, or whose name says so, is NDJSON; any other is
one document. Of NDJSON one line is in memory at a time, however large the file.

Source: http://ndjson.org, https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from service.fhir import codec
from service.fhir.problems import Issue, Malformed

Json = dict[str, Any]

GZIP_MAGIC: Final = b"\x1f\x8b"
NDJSON_NAMES: Final = (".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz")
LARGEST: Final = 256 * 1024 * 1024  # bytes of one line or document: no Bundle of a clinic comes near it


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a line, the first being 1: a resource, or why none can be read there."""

    line: int
    resource: Json | None
    fault: Issue | None = None


def opened(file: Any) -> IO[bytes]:
    """The file with gzip undone, whatever its name."""
    packed: IO[bytes] = file
    if file.peek(2)[:2] == GZIP_MAGIC:
        return gzip.GzipFile(fileobj=packed)  # type: ignore[return-value] # it reads like any binary file
    return packed


def resources(file: IO[bytes], name: str, depth: int) -> Iterator[Found]:
    """What the file holds, in order; `depth` is how deep arrays and objects may nest."""
    try:
        yield from _resources(file, name, depth)
    except (OSError, EOFError, zlib.error):
        yield _unreadable(
            0, slug="file-broken", text="The file breaks off, or is no gzip though it begins so."
        )


def _resources(file: IO[bytes], name: str, depth: int) -> Iterator[Found]:
    number, line = _first(file)
    if not line:
        return
    text = line.strip().removeprefix(codec.BYTE_ORDER_MARK)
    if name.lower().endswith(NDJSON_NAMES) or (text.startswith(b"{") and text.endswith(b"}")):
        while line:
            if line.strip():
                yield _read(line, number, depth)
            line = file.readline(LARGEST + 1)
            number += 1
        return
    document = line + file.read(LARGEST + 1 - len(line))
    yield _read(document, number, depth)


def _first(file: IO[bytes]) -> tuple[int, bytes]:
    """The first line that is not blank, with its number; empty where there is none."""
    number = 1
    while line := file.readline(LARGEST + 1):
        if line.strip():
            return number, line
        number += 1
    return number, b""


def _read(raw: bytes, line: int, depth: int) -> Found:
    if len(raw) > LARGEST:
        return _unreadable(line, slug="body-too-large", text=f"It is larger than {LARGEST} bytes.")
    try:
        return Found(line, codec.decode(raw, max_depth=depth))
    except Malformed as fault:
        return Found(line, None, fault.issues[0])


def _unreadable(line: int, *, slug: str, text: str) -> Found:
    return Found(line, None, Issue("fatal", "structure", slug, text))
