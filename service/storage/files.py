"""The files of jobs: whole or not there, in a folder or a bucket, by paths with slashes.

A path is made of names that need no quoting, such as `default/1f…/1-0-0`. Methods that block are for threads.
Any method may raise `Unavailable` with `files-unavailable`; who writes may also get `storage-full`.

Source: ADR 0024
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final, NoReturn, Protocol

from service.fhir.problems import Unavailable

ARRIVING: Final = 16
"""Files that a process takes at once; others wait, and nothing of them is read."""
# A thread is taken for as long as somebody sends. These are for nothing else: whoever sends slowly or not at all
# keeps others from sending, and from nothing else that is done in threads.
_ARRIVALS: Final = ThreadPoolExecutor(ARRIVING, "arriving")


class Files(Protocol):
    """A store of files."""

    def put(self, path: str, chunks: Iterable[bytes]) -> int:
        """How many bytes were written; blocks. The file is there when this returns, durably, and not before.

        It replaces one of that path at once. Where the chunks raise, or it cannot be written, nothing is left.

        Raises:
            Unavailable: it cannot be written now (`files-unavailable`), or there is no room (`storage-full`).
        """
        ...

    async def receive(self, path: str, chunks: AsyncIterable[bytes]) -> int:
        """As `put`, of what arrives bit by bit, such as the body of a request."""
        ...

    def read(self, path: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes of the file from `start` until before `end`, in chunks of up to a megabyte.

        Raises:
            FileNotFoundError: there is no such file.
        """
        ...

    async def size(self, path: str) -> int | None:
        """How many bytes the file has, None where it is not there."""
        ...

    async def delete(self, path: str) -> None:
        """Removes the file, where it is there."""
        ...

    async def listed(self, prefix: str) -> tuple[str, ...]:
        """The paths that begin with the prefix, which ends with a slash; of any order."""
        ...

    async def delete_all(self, prefix: str) -> None:
        """Removes every file whose path begins with the prefix, which ends with a slash."""
        ...

    async def idle(self, before: int) -> tuple[str, ...]:
        """The folders `a/b/` in which files lie and none is younger than that moment, milliseconds since 1970."""
        ...

    async def tidy(self, now: int) -> None:
        """Removes what was left half written by processes that were killed. `now`: milliseconds since 1970."""
        ...

    async def link(self, path: str, seconds: int) -> str | None:
        """An address that anybody can load the file from for so long; None where the service itself serves it."""
        ...


def unavailable(cause: BaseException) -> NoReturn:
    """Says that the files cannot be reached, without the words of the cause, which may name paths or keys.

    Raises:
        Unavailable: always.
    """
    raise Unavailable("files-unavailable", "The files cannot be reached now. Try again.") from cause


def full(cause: BaseException) -> NoReturn:
    """Says that there is no room.

    Raises:
        Unavailable: always.
    """
    raise Unavailable("storage-full", "There is no room for the file.") from cause


class NoFiles:
    """Keeps the `Files` protocol where there are none: for what is no service and runs no jobs."""

    def put(self, path: str, chunks: Iterable[bytes]) -> int:
        """As `Files.put`."""
        del path, chunks
        _nowhere()

    async def receive(self, path: str, chunks: AsyncIterable[bytes]) -> int:
        """As `Files.receive`."""
        del path, chunks
        _nowhere()

    async def read(self, path: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """As `Files.read`: there is no such file."""
        del start, end
        raise FileNotFoundError(path)
        yield b""  # what makes it a generator

    async def size(self, path: str) -> None:
        """As `Files.size`."""
        del path

    async def delete(self, path: str) -> None:
        """As `Files.delete`."""

    async def listed(self, prefix: str) -> tuple[str, ...]:
        """As `Files.listed`."""
        del prefix
        return ()

    async def delete_all(self, prefix: str) -> None:
        """As `Files.delete_all`."""

    async def idle(self, before: int) -> tuple[str, ...]:
        """As `Files.idle`."""
        del before
        return ()

    async def tidy(self, now: int) -> None:
        """As `Files.tidy`."""

    async def link(self, path: str, seconds: int) -> None:
        """As `Files.link`."""
        del path, seconds


def oldest(ages: Iterable[tuple[str, int]], before: int) -> tuple[str, ...]:
    """The folders `a/b/` of files of these paths and times, none of which is younger than `before`."""
    newest: dict[str, int] = {}
    for path, at in ages:
        first, second, *_ = path.split("/")
        prefix = f"{first}/{second}/"
        newest[prefix] = max(newest.get(prefix, 0), at)
    return tuple(prefix for prefix, at in newest.items() if at < before)


async def received(
    put: Callable[[str, Iterable[bytes]], int], path: str, chunks: AsyncIterable[bytes]
) -> int:
    """What `put`, in a thread, makes of chunks that arrive in this event loop.

    Where whoever waits for it is cancelled, so is the file, before this ends.
    """
    loop = asyncio.get_running_loop()
    arriving = aiter(chunks)
    awaited: Future[bytes | None] | None = None
    stopped = False

    async def following() -> bytes | None:
        return await anext(arriving, None)

    def arrived() -> Iterator[bytes]:
        nonlocal awaited
        while not stopped:
            awaited = asyncio.run_coroutine_threadsafe(following(), loop)
            if stopped:  # between the look above and now, so that nobody else breaks it off
                awaited.cancel()
            chunk = awaited.result()
            if chunk is None:
                return
            yield chunk
        raise asyncio.CancelledError

    taken = _ARRIVALS.submit(put, path, arrived())
    writing = asyncio.wrap_future(taken)
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        stopped = True
        if taken.cancel():  # it had not begun
            raise
        if awaited is not None:
            awaited.cancel()
        with suppress(BaseException):
            await writing
        raise


def _nowhere() -> NoReturn:
    raise Unavailable("files-unavailable", "No files are kept here.")
