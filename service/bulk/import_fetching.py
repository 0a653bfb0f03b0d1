"""Files of an import that lie elsewhere: fetched by https from addresses that the deployment allows.

No redirect is followed: where it leads was not allowed. Nothing is kept in memory but a piece.

Source: ADR 0026, docs/settings.md
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final
from urllib.parse import unquote, urlsplit

from service.access.registration import is_safe

# Units: seconds without any byte, after which a file counts as not fetched.
PATIENCE: Final = 30.0
SPAN: Final = 60.0
"""Units: seconds in each of which a file brings `LEAST` bytes a second at least, or counts as not fetched."""
LEAST: Final = 64 * 1024
"""Units: bytes per second. Half a megabit: a slower line would keep one of the few places for jobs for hours."""
WHOLE: Final = 3_600.0
"""Units: seconds that a file may take in all."""
_FOUND: Final = 200
# Servers take the first for a slash, drop what is behind the second before they look for a folder, and read
# bytes that are no UTF-8, which become the third, in ways of their own.
_ASTRAY: Final = frozenset("\\;\ufffd")
_DOTS: Final = frozenset({".", ".."})
_NO_WAY_OUT: Final = (ImportError, ValueError)


class Unfetchable(Exception):  # noqa: N818 - a state of the world outside
    """The file cannot be fetched; says why in plain words."""


def is_allowed(address: str, sources: Sequence[str]) -> bool:
    """Whether a file may be fetched from the address: it lies below one of the sources, and is safe on the way."""
    if not is_safe(address):
        return False
    wanted = urlsplit(address)
    if wanted.username or wanted.fragment or not _is_plain(wanted.path):
        return False
    for source in sources:
        allowed = urlsplit(source)
        folder = allowed.path if allowed.path.endswith("/") else f"{allowed.path}/"
        if (wanted.scheme, wanted.netloc) == (allowed.scheme, allowed.netloc) and wanted.path.startswith(
            folder
        ):
            return True
    return False


def _is_plain(path: str) -> bool:
    """Whether the path leads nowhere but where it says, whatever the server makes of it before it looks there."""
    while True:
        if not path.isprintable() or not _ASTRAY.isdisjoint(path) or not _DOTS.isdisjoint(path.split("/")):
            return False
        undone = unquote(path)
        if undone == path:
            return True
        path = undone


def named(address: str) -> str:
    """What a file that is fetched is called: the last part of its path, without what proves a right to it.

    The query of a signed link is as good as a password for as long as it lasts: it is in no message.
    """
    path = urlsplit(address).path
    return path.rpartition("/")[2] or path


class _Pace:
    """How fast a file comes, by the time that passes while it is waited for.

    A source that sends a byte now and then would else keep a place for jobs for as long as it likes.
    """

    def __init__(self) -> None:
        self._now = asyncio.get_running_loop().time
        self._began = self._since = self._now()
        self._came = 0

    def require(self, size: int) -> None:
        """Takes so many bytes more.

        Raises:
            Unfetchable: they come too slowly, or it takes too long in all.
        """
        now = self._now()
        self._came += size
        if now - self._began > WHOLE:
            raise Unfetchable(f"it takes longer than {WHOLE / 60:g} minutes")
        if now - self._since < SPAN:
            return
        if self._came < LEAST * (now - self._since):
            raise Unfetchable(f"it comes too slowly, {LEAST} bytes a second are the least")
        self._since, self._came = now, 0


async def fetched(address: str) -> AsyncIterator[bytes]:
    """The bytes at the address, as they come.

    Raises:
        Unfetchable: there are none, they break off, come too slowly, or take too long in all.
    """
    import httpx  # noqa: PLC0415 - most servers never fetch anything, and it takes a while to load

    straight = {"http://": httpx.AsyncHTTPTransport()}
    try:
        async with (
            httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False, mounts=straight) as client,
            client.stream("GET", address) as answer,
        ):
            if answer.status_code != _FOUND:
                raise Unfetchable(f"the answer is {answer.status_code}")
            pace = _Pace()
            async for chunk in answer.aiter_bytes():
                pace.require(len(chunk))
                yield chunk
    except (*_NO_WAY_OUT, httpx.HTTPError, httpx.InvalidURL, OSError) as failure:
        raise Unfetchable("it cannot be reached, or breaks off") from failure
