"""Files in a folder: staged beside the others, made durable, and given their names at once.

The standard library writes them, not the one that speaks to buckets: that neither waits until a file is on disk
nor finds again what a killed process left half written.

Source: ADR 0024, https://man7.org/linux/man-pages/man2/rename.2.html, https://man7.org/linux/man-pages/man2/fsync.2.html
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
import shutil
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from service.storage.files import full, oldest, received, unavailable

CHUNK: Final = 1024 * 1024
"""Units: bytes that are read at a time."""
FLUSHED: Final = 1024 * 1024
"""Units: bytes after which a file goes to the disk while it is written: all of one at its end would keep the commits
of a database on the same disk waiting."""
STALE: Final = 3_600_000
"""Units: milliseconds after which a file that nobody has written to is half written for good."""

_STAGED: Final = ".staged"
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NAME: Final = re.compile(r"[A-Za-z0-9_~%-][A-Za-z0-9._~%-]*")
# So often a folder is made for a file that others take away meanwhile, or taken away that others put a file into.
_TRIES: Final = 10


class FolderFiles:
    """Keeps the `Files` protocol in a folder, which is made with the first file."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._staged = root / _STAGED

    def put(self, path: str, chunks: Iterable[bytes]) -> int:
        """As `Files.put`."""
        target = self._at(path)
        with _told():
            self._staged.mkdir(parents=True, exist_ok=True)
            staged = self._staged / secrets.token_hex(16)
            try:
                size = _written(staged, chunks)
                self._name(staged, target)
            except FileNotFoundError as gone:
                staged.unlink(missing_ok=True)
                unavailable(gone)
            except BaseException:
                staged.unlink(missing_ok=True)
                raise
        return size

    async def receive(self, path: str, chunks: AsyncIterable[bytes]) -> int:
        """As `Files.receive`."""
        return await received(self.put, path, chunks)

    async def read(self, path: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """As `Files.read`."""
        with _told():
            descriptor = os.open(self._at(path), os.O_RDONLY | os.O_CLOEXEC)
            try:
                while end is None or start < end:
                    size = CHUNK if end is None else min(CHUNK, end - start)
                    chunk = await asyncio.to_thread(os.pread, descriptor, size, start)
                    if not chunk:
                        break
                    yield chunk
                    start += len(chunk)
            finally:
                os.close(descriptor)

    async def size(self, path: str) -> int | None:
        """As `Files.size`."""
        with _told():
            try:
                return self._at(path).stat().st_size
            except FileNotFoundError:
                return None

    async def delete(self, path: str) -> None:
        """As `Files.delete`."""
        with _told():
            self._at(path).unlink(missing_ok=True)

    async def listed(self, prefix: str) -> tuple[str, ...]:
        """As `Files.listed`."""
        folder = self._below(prefix)
        with _told():
            found = await asyncio.to_thread(lambda: list(_files(folder)))
        return tuple(one.relative_to(self._root).as_posix() for one in found)

    async def delete_all(self, prefix: str) -> None:
        """As `Files.delete_all`."""
        folder = self._below(prefix)
        with _told():
            await asyncio.to_thread(_remove, folder)

    async def idle(self, before: int) -> tuple[str, ...]:
        """As `Files.idle`."""
        with _told():
            return await asyncio.to_thread(lambda: oldest(self._ages(), before))

    async def tidy(self, now: int) -> None:
        """As `Files.tidy`."""
        with _told():
            await asyncio.to_thread(self._tidy, now)

    async def link(self, path: str, seconds: int) -> None:
        """As `Files.link`: the service itself serves what is in a folder."""
        del path, seconds

    def _ages(self) -> Iterator[tuple[str, int]]:
        for one in self._root.glob("*/*/*"):
            with suppress(FileNotFoundError):
                if one.parts[-3] != _STAGED:
                    yield one.relative_to(self._root).as_posix(), one.stat().st_mtime_ns // 1_000_000

    def _tidy(self, now: int) -> None:
        if not self._staged.is_dir():
            return
        for one in self._staged.iterdir():
            with suppress(FileNotFoundError):
                if now - one.stat().st_mtime_ns // 1_000_000 > STALE:
                    one.unlink()

    def _name(self, staged: Path, target: Path) -> None:
        """Gives the staged file its name, durably: folders that are new have theirs on disk too."""
        for further in reversed(range(_TRIES)):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                staged.replace(target)
                break
            except FileNotFoundError:
                if not further:
                    raise
        for folder in target.parents:
            _flush(folder)
            if folder == self._root:
                return

    def _at(self, path: str) -> Path:
        return self._root.joinpath(*_names(path))

    def _below(self, prefix: str) -> Path:
        if not prefix.endswith("/"):
            raise ValueError("A prefix ends with a slash.")
        return self._at(prefix[:-1])


def _names(path: str) -> list[str]:
    """The names in a path; none of them leads out of the folder or to what is staged.

    Raises:
        ValueError: one might.
    """
    names = path.split("/")
    if not all(_NAME.fullmatch(name) for name in names):
        raise ValueError("A path is made of plain names with slashes between.")
    return names


def _written(path: Path, chunks: Iterable[bytes]) -> int:
    """The size of a new file of these chunks, which is on disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    size = flushed = 0
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) :]
            size += len(chunk)
            if size - flushed >= FLUSHED:
                os.fdatasync(descriptor)
                flushed = size
        os.fsync(descriptor)
    return size


def _files(folder: Path) -> Iterator[Path]:
    """The files in the folder and below; what others take away meanwhile may be among them or not."""

    def failed(failure: OSError) -> None:
        if not isinstance(failure, FileNotFoundError):
            raise failure

    for within, _, names in os.walk(folder, onerror=failed):
        yield from (Path(within, name) for name in names)


def _remove(folder: Path) -> None:
    """Removes the folder, while others may do so too, or put a last file into it."""
    for further in reversed(range(_TRIES)):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            if not folder.exists():
                return
        except OSError as failure:
            if failure.errno != errno.ENOTEMPTY or not further:
                raise


def _flush(folder: Path) -> None:
    """Waits until the names in the folder are on disk; one that was taken away meanwhile has none."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told() -> Iterator[None]:
    """Turns what the system says into what we say; that a file is not there stays as it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as failure:
        if failure.errno in _NO_ROOM:
            full(failure)
        unavailable(failure)
