"""A disk that forgets: what is left of the files of a folder when the power fails.

What was synced is there. Of what was not, nothing, all or some may be: of a file its writes, in any order, and of a
write any of its sectors; of names the first so many changes, since file systems keep those in order. It is as strict
as POSIX: the name of a new file is there only when its folder was synced.

Source: https://man7.org/linux/man-pages/man2/fsync.2.html, https://sqlite.org/atomiccommit.html#_hardware_assumptions
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from benchmarks.durability.recording import Event, Kind

if TYPE_CHECKING:
    from random import Random

SECTOR: Final = 512
"""Units: bytes that a disk writes as one."""
SHARED: Final = "-shm"  # of memory that processes share: it does not outlive the machine
Memory = Literal["some", "nothing", "all"]
"""What the disk keeps of what was not synced."""


class Unrecorded(RuntimeError):  # noqa: N818 - a state of the recording
    """Something was done to a file that nobody told of: the recording is not whole."""


@dataclass(slots=True, eq=False)
class _File:
    content: bytearray = field(default_factory=bytearray)  # for sure
    pending: list[Event] = field(default_factory=list)  # writes and sizes that may be on disk

    def sync(self, before: int) -> None:
        """Everything that was over then is on disk."""
        synced = [event for event in self.pending if event.at < before]
        for event in synced:
            _apply(self.content, event)
        self.pending = self.pending[len(synced) :]

    def left(self, memory: Memory, random: Random) -> bytes:
        content = bytearray(self.content)
        for event in self.pending:
            if memory == "all" or (memory == "some" and random.random() < 0.5):
                _apply(content, event, random if memory == "some" and random.random() < 0.5 else None)
        return bytes(content)


def _apply(content: bytearray, event: Event, torn: Random | None = None) -> None:
    """Does the event to the content; of a write that is `torn` only some sectors."""
    if event.kind == Kind.SIZED:
        del content[event.place :]
        content.extend(bytes(event.place - len(content)))
        return
    end = event.place + len(event.data)
    content.extend(bytes(max(0, end - len(content))))
    if torn is None:
        content[event.place : end] = event.data
        return
    at = event.place
    while at < end:
        until = min(end, (at // SECTOR + 1) * SECTOR)
        if torn.random() < 0.5:
            content[at:until] = event.data[at - event.place : until - event.place]
        at = until


_FOLDER: Final = _File()
"""What a name of a folder leads to."""
_Names = dict[str, _File | None]


@dataclass(slots=True, eq=False)
class _Renaming:
    """A change of names, on disk for sure when the folder of the first of them was synced."""

    at: int
    names: _Names

    @property
    def folder(self) -> str:
        return str(Path(next(iter(self.names))).parent)


class Disk:
    """The files below a folder, followed event by event."""

    def __init__(self, folder: Path) -> None:
        """Takes what is there now, all of which counts as synced."""
        self._folder = folder
        self._files: dict[int, _File] = {}
        self._folders: dict[int, str] = {folder.stat().st_ino: str(folder)}
        self._now: _Names = {str(folder): _FOLDER}
        for path in sorted(folder.rglob("*")):
            inode = path.stat().st_ino
            if path.is_dir():
                self._folders[inode] = str(path)
                self._now[str(path)] = _FOLDER
            elif not path.name.endswith(SHARED):
                self._files[inode] = self._now[str(path)] = _File(bytearray(path.read_bytes()))
        self._sure: _Names = dict(self._now)
        self._pending: list[_Renaming] = []

    def follow(self, event: Event) -> None:
        """Takes in the next event. Raises Unrecorded."""
        match event.kind:
            case Kind.WRITTEN | Kind.SIZED:
                self._file(event).pending.append(event)
            case Kind.SYNCED:
                self._sync(event)
            case Kind.NAMED:
                [path] = event.paths
                if self._now.get(path) is None or self._now[path] is not self._files.get(event.file):
                    self._files[event.file] = made = _File()
                    self._rename(event, {path: made})
            case Kind.MOVED:
                old, new = event.paths
                if old not in self._now:
                    raise Unrecorded(f"a file that nobody named was moved at {event.at}")
                self._rename(event, {new: self._now[old], old: None})
            case Kind.GONE:
                [path] = event.paths
                self._rename(event, {path: None})
            case Kind.FOLDER:
                [path] = event.paths
                self._folders[event.file] = path
                self._rename(event, {path: _FOLDER})
            case Kind.NOTE:
                pass

    def _file(self, event: Event) -> _File:
        if event.file not in self._files:
            raise Unrecorded(f"a file that nobody named was written or synced at {event.at}")
        return self._files[event.file]

    def _rename(self, event: Event, names: _Names) -> None:
        self._pending.append(_Renaming(event.at, names))
        _rename(self._now, names)

    def _sync(self, event: Event) -> None:
        folder = self._folders.get(event.file)
        if folder is None or self._now.get(folder) is not _FOLDER:
            self._file(event).sync(event.place)
            return
        sure, names = [], set[str]()
        for each in reversed(self._pending):
            # What came before to the same names cannot come after it.
            if (each.folder == folder and each.at < event.place) or not names.isdisjoint(each.names):
                sure.append(each)
                names.update(each.names)
        for each in reversed(sure):
            _rename(self._sure, each.names)
            self._pending.remove(each)

    @property
    def open(self) -> int:
        """How many bytes of files were written that nobody has synced."""
        files = {id(file): file for file in self._now.values() if file is not None}
        return sum(len(event.data) for file in files.values() for event in file.pending)

    def left(self, memory: Memory, random: Random) -> dict[Path, bytes | None]:
        """The files that are there when the power fails now, by their paths within the folder; None: a folder."""
        names = dict(self._sure)
        kept = {"nothing": 0, "all": len(self._pending), "some": random.randint(0, len(self._pending))}
        for each in self._pending[: kept[memory]]:
            _rename(names, each.names)
        return {
            Path(path).relative_to(self._folder): None if file is _FOLDER else file.left(memory, random)
            for path, file in sorted(names.items())
            if file is not None
            and path != str(self._folder)
            and _is_in_folders(names, path, str(self._folder))
        }


def _rename(names: _Names, changed: _Names) -> None:
    for path, file in changed.items():
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


def _is_in_folders(names: _Names, path: str, root: str) -> bool:
    """Whether all folders above are there: what lies in one that is not is lost with it."""
    while path != root:
        path = str(Path(path).parent)
        if names.get(path) is not _FOLDER:
            return False
    return True


def laid_out(left: dict[Path, bytes | None], folder: Path) -> None:
    """Writes what is left into a new folder."""
    for path, content in left.items():
        if content is None:
            (folder / path).mkdir(parents=True)
        else:
            (folder / path).write_bytes(content)


def there(folder: Path) -> dict[Path, bytes | None]:
    """What really is in a folder, as `Disk.left` says it."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if not path.name.endswith(SHARED)
    }
