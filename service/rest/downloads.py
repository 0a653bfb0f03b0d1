"""A file as an answer: whole or in part, packed where the client takes that, and never in memory as a whole.

Source: https://www.rfc-editor.org/rfc/rfc9110, https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-output-file-request
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final

from service.bulk.export_request import NDJSON
from service.fhir import codec
from service.fhir.problems import Issue, Missing, operation_outcome
from service.rest import bodies, ranges
from service.rest.conditions import http_date
from service.rest.responses import SECURITY, Header, Reply, outcome
from service.storage.files import Files
from service.storage.jobs import File, Job

LINK_SECONDS: Final = 300
"""Units: seconds that a link to where a file lies is good for: as long as a token."""
REMEMBERED: Final = 10_000
"""Files; of one that is forgotten it is told once more."""
PACKING: Final = 1
"""The level of gzip: lines repeat themselves, and 5 takes three times the time of 1 for a few hundredths of the size."""

_PACKED: Final = b"-gzip"
_NO_PART: Final = codec.encode(
    operation_outcome(
        [Issue("error", "value", "file-range", "The file has no such part; Content-Range says its size.")]
    )
)


Key = tuple[str, int, int]  # a job's id, and the task and ordinal of a file


class Named:
    """The files of which this process has told whose data are in them, as many as are remembered."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._keys: dict[Key, None] = {}

    def __contains__(self, key: Key) -> bool:
        """Whether it was told of the file."""
        return key in self._keys

    async def once(self, key: Key, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """The stream, which begins when the audit was told, and not before: from then on it need not be again."""
        if len(self._keys) >= self._most:
            del self._keys[next(iter(self._keys))]
        self._keys[key] = None
        async with aclosing(stream):
            async for piece in stream:
                yield piece


async def file_reply(
    files: Files, job: Job, file: File, fields: Mapping[bytes, bytes], *, head: bool = False
) -> Reply:
    """The answer with the file, or with a part of it; with `head` nothing is read of it.

    A part is always one of the file as it is, not packed.

    Raises:
        Missing: the file was removed meanwhile.
        Unavailable: the files cannot be reached.
    """
    link = await files.link(file.path, LINK_SECONDS)
    if link is not None:
        return Reply(302, [(b"location", link.encode()), *SECURITY], b"")
    tag = f"{job.id}-{file.task}-{file.ordinal}".encode()
    whole = b'"%b"' % tag
    try:
        wanted = ranges.part(fields, file.size, whole)
    except ranges.Unsatisfiable:
        return outcome(416, _NO_PART, (b"content-range", b"bytes */%d" % file.size))
    packed = (
        wanted is None
        and file.size >= bodies.GZIP_FROM
        and bodies.accepts_gzip(fields.get(b"accept-encoding", b""))
    )
    shown = b'"%b%b"' % (tag, _PACKED) if packed else whole
    headers: list[Header] = [
        (b"content-type", NDJSON.encode()),
        (b"etag", shown),
        (b"accept-ranges", b"bytes"),
        (b"expires", http_date(job.expires)),
        (b"vary", b"Accept-Encoding"),
        *SECURITY,
    ]
    if _is_held(fields.get(b"if-none-match"), shown):
        return Reply(304, headers, b"")
    start, end = (0, file.size) if wanted is None else (wanted.start, wanted.end)
    pieces = _nothing() if head else await _opened(files, file, start, end)
    if packed:
        return Reply(200, [*headers, (b"content-encoding", b"gzip")], b"", _packing(pieces))
    headers.append((b"content-length", b"%d" % (end - start)))
    if wanted is None:
        return Reply(200, headers, b"", pieces)
    headers.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, file.size)))
    return Reply(206, headers, b"", pieces)


def _is_held(tags: bytes | None, shown: bytes) -> bool:
    """Whether the client has what would be shown."""
    if tags is None:
        return False
    return any(tag.strip().removeprefix(b"W/") in {b"*", shown} for tag in tags.split(b","))


async def _opened(files: Files, file: File, start: int, end: int) -> AsyncGenerator[bytes, None]:
    """The bytes of the file, of which the first are there: what cannot be read is told before the answer begins."""
    stream = files.read(file.path, start, end)
    try:
        first = await anext(stream, b"")
    except FileNotFoundError:
        raise Missing("job-file-missing", "The file was removed.") from None
    return _following(first, stream)


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""  # makes it what the others are


async def _following(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


async def _packing(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The pieces in gzip's form, packed in a thread: other requests go on meanwhile."""
    packer = zlib.compressobj(PACKING, zlib.DEFLATED, bodies.GZIP)
    async with aclosing(pieces):
        async for piece in pieces:
            made = await asyncio.to_thread(packer.compress, piece)
            if made:
                yield made
    yield packer.flush()
