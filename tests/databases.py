"""New databases for tests. One that is migrated is a copy of one that was, which costs a fifth of migrating."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from service.storage.open import migrate, sqlite_path
from tests.postgres import fresh_database

SQLITE, POSTGRESQL = "sqlite", "postgresql"
DATABASES = (SQLITE, POSTGRESQL)

Open = Callable[[str], Awaitable[None]]


class Databases:
    """Makes databases of a kind: a file in a folder, or a database on the session's server.

    Args:
        folder: where the files are that are copied.
        server: starts the server, or skips the test where there is none, and gives its address.
        open_once: opens a migrated database as a store and closes it again.
    """

    def __init__(self, folder: Path, server: Callable[[], str], open_once: Open) -> None:
        self._folder = folder
        self._server = server
        self._open_once = open_once
        self._originals: dict[tuple[str, bool], str] = {}

    def empty(self, kind: str, folder: Path) -> str:
        """The address of one that was never migrated."""
        return self._file(folder) if kind == SQLITE else fresh_database(self._server())

    def migrated(self, kind: str, folder: Path) -> str:
        """The address of one with this program's tables, in which no store was opened."""
        return self._copy(kind, folder, opened=False)

    def opened(self, kind: str, folder: Path) -> str:
        """The address of a migrated one in which a store was opened before, and closed."""
        return self._copy(kind, folder, opened=True)

    def _copy(self, kind: str, folder: Path, *, opened: bool) -> str:
        original = self._original(kind, opened=opened)
        if kind == SQLITE:
            copy = self._file(folder)
            shutil.copyfile(sqlite_path(original), sqlite_path(copy))
            return copy
        return fresh_database(self._server(), urlsplit(original).path.removeprefix("/"))

    def _original(self, kind: str, *, opened: bool) -> str:
        if (kind, opened) not in self._originals:
            folder = self._folder / f"{kind}-{opened}"
            folder.mkdir()
            made = self.migrated(kind, folder) if opened else self.empty(kind, folder)
            if opened:
                # In a thread of its own, because the test's event loop may be this one's.
                with ThreadPoolExecutor(max_workers=1) as thread:
                    thread.submit(self._run_once, made).result()
            else:
                migrate(made)
            self._originals[kind, opened] = made
        return self._originals[kind, opened]

    def _run_once(self, url: str) -> None:
        async def run() -> None:
            await self._open_once(url)

        asyncio.run(run())

    @staticmethod
    def _file(folder: Path) -> str:
        return f"sqlite:///{folder / 'thrive.db'}"
