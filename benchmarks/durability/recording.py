"""What processes did to the files below a folder, event by event, as `recorder.c` wrote it down.

Source: `recorder.c` beside this file; https://man7.org/linux/man-pages/man8/ld.so.8.html (LD_PRELOAD)
"""

from __future__ import annotations

import os
import struct
import subprocess
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE: Final = Path(__file__).with_name("recorder.c")
_HEADER: Final = struct.Struct("=IIQQ")


class Kind(IntEnum):
    """What an event is. The numbers are those of `recorder.c`, but for `NOTE`, which is ours."""

    WRITTEN = 1
    SIZED = 2
    SYNCED = 3
    NAMED = 4
    MOVED = 5
    GONE = 6
    FOLDER = 7
    NOTE = 8


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was over when the log was `at` bytes long.

    `file` is an inode, or 0 where `data`, a path or two, says all. `place` is where a write begins, a size, or how
    long the log was as a sync began: what was over by then is on disk.
    """

    at: int
    kind: Kind
    file: int
    place: int
    data: bytes

    @property
    def paths(self) -> list[str]:
        """The paths that it names."""
        return [os.fsdecode(path) for path in self.data.split(b"\0")]


class Recording:
    """The log of what is done below a folder by processes that have `environment` in theirs."""

    def __init__(self, folder: Path, log: Path) -> None:
        """`folder` has no symbolic links in it; `log` is outside of it, and need not be there yet."""
        self.folder = folder
        self.log = log
        self._library = log.with_suffix(".so")

    def compile(self) -> None:
        """Make what is loaded into the processes. Raises subprocess.CalledProcessError."""
        command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own source

    @property
    def environment(self) -> dict[str, str]:
        """What a process must have in its environment to be recorded, with all that it starts."""
        return {
            "LD_PRELOAD": str(self._library),
            "RECORDED_FOLDER": str(self.folder),
            "RECORDED_LOG": str(self.log),
        }

    def note(self, text: str) -> None:
        """Add an event of our own: somebody was told this by now, and counts on it."""
        data = text.encode()
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(log, _HEADER.pack(Kind.NOTE, len(data), 0, 0) + data)
        finally:
            os.close(log)

    def events(self) -> Iterator[Event]:
        """All events in the order in which they were over."""
        at = 0
        with self.log.open("rb") as file:
            while header := file.read(_HEADER.size):
                kind, length, inode, place = _HEADER.unpack(header)
                yield Event(at, Kind(kind), inode, place, file.read(length))
                at += _HEADER.size + length
