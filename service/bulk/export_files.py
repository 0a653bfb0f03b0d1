"""The files of an export, written from chunks: whole or not at all, and none of them empty.

Source: ADR 0024, https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---output-manifest
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from service.fhir import codec
from service.fhir.problems import Issue, operation_outcome
from service.fhir.search.sight import Seen
from service.storage.audit import packed
from service.storage.exporting import Chunk
from service.storage.files import Files
from service.storage.jobs import File, FileKind, Task
from service.storage.names import unpack_id

FILE: Final = 64 * 2**20
"""Units: bytes after which another file is begun."""
_DELETIONS: Final = 500
"""Units: deletions that one Bundle tells."""
_INSTANT: Final = 1_000


@dataclass(slots=True)
class Written:
    """The files that a task writes, in their order."""

    files: Files
    task: Task
    whole: int = FILE
    made: list[File] = field(default_factory=list)
    lines: int = 0

    def output(self, type_: str, chunks: Iterable[Chunk]) -> None:
        """Writes the lines of the chunks, and what they tell of deletions into files of their own behind them."""
        deleted: list[str] = []
        gone = Seen()
        # What reads the chunks has a connection to itself, which shall be free as soon as a file cannot be written.
        with closing(_each(chunks)) as coming:
            while (first := self._next(coming, deleted, gone)) is not None:
                self._write("output", type_, self._lines(first, coming, deleted, gone))
        self.deletions(type_, deleted, gone)

    def deletions(self, type_: str, ids: list[str], of: Seen) -> None:
        """Writes Bundles that delete these resources of a type, which were about these young people."""
        if ids:
            self._write("deleted", "Bundle", iter([(_bundles(type_, ids), -(-len(ids) // _DELETIONS), of)]))

    def faults(self, issues: Iterable[Issue]) -> None:
        """Writes an OperationOutcome for each of the issues."""
        lines = [codec.encode(operation_outcome([issue])) + b"\n" for issue in issues]
        if lines:
            self._write("error", "OperationOutcome", iter([(b"".join(lines), len(lines), Seen())]))

    def report(self, lines: list[bytes]) -> None:
        """Writes the report, made of these OperationOutcomes."""
        text = b"\n".join((*lines, b""))
        self._write("report", "OperationOutcome", iter([(text, len(lines), Seen())]))

    def _next(self, chunks: Iterator[Chunk], deleted: list[str], gone: Seen) -> Chunk | None:
        """The next of the chunks that has lines; what they tell of deletions is noted."""
        for chunk in chunks:
            deleted += chunk.deleted
            if chunk.deleted:
                _note(gone, chunk)
            if chunk.count:
                return chunk
        return None

    def _lines(
        self, first: Chunk, chunks: Iterator[Chunk], deleted: list[str], gone: Seen
    ) -> Iterator[tuple[bytes, int, Seen]]:
        """The lines of one file."""
        size = 0
        chunk: Chunk | None = first
        while chunk is not None:
            seen = Seen()
            _note(seen, chunk)
            yield chunk.lines, chunk.count, seen
            size += len(chunk.lines)
            chunk = self._next(chunks, deleted, gone) if size < self.whole else None

    def _write(self, kind: FileKind, type_: str, parts: Iterator[tuple[bytes, int, Seen]]) -> None:
        ordinal = len(self.made)
        path = self.task.path(ordinal)
        count = 0
        seen = Seen()

        def lines() -> Iterator[bytes]:
            nonlocal count
            for text, number, children in parts:
                self.task.require()
                count += number
                for child, ground in children.children.items():
                    seen.note(child, ground)
                yield text

        size = self.files.put(path, lines())
        children = packed(tuple(sorted(seen.children.items())))
        self.made.append(File(self.task.number, ordinal, kind, type_, path, count, size, children))
        self.lines += count


def _each(chunks: Iterable[Chunk]) -> Generator[Chunk, None, None]:
    """The chunks; when this is closed, what they come from is closed too."""
    yield from chunks


def _note(seen: Seen, chunk: Chunk) -> None:
    for child, ground in chunk.children:
        seen.note(unpack_id(child), ground)


def _bundles(type_: str, ids: list[str]) -> bytes:
    """Transaction Bundles that delete the resources, one a line."""
    return b"".join(
        chain.from_iterable(
            (codec.encode(_bundle(type_, ids[start : start + _DELETIONS])), b"\n")
            for start in range(0, len(ids), _DELETIONS)
        )
    )


def _bundle(type_: str, ids: list[str]) -> dict[str, object]:
    entries = [{"request": {"method": "DELETE", "url": f"{type_}/{id_}"}} for id_ in ids]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
