"""An import that a client of the server asks for, and that goes on while something else is measured.

Source: docs/bulk-import.md
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from benchmarks.exporting import LOOK, PATIENCE, ask, reached

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from benchmarks.target import Target


class NotImported(RuntimeError):  # noqa: N818 - what the server does
    """The server did not import, or not for long enough; the message says which."""


@dataclass(slots=True)
class Import:
    """An import of a file of NDJSON, from `with` on until its end, where it is cancelled.

    `resources` were stored meanwhile. It must not be done before: what is measured would have nothing beside it.
    """

    goal: Target
    path: Path
    finished: int = 0  # as `exporting.Exports` counts
    resources: int = 0
    _job: str = ""

    def __enter__(self) -> Self:
        """Return once lines are being stored. Raises NotImported."""
        status, headers, body = ask(
            self.goal, "POST", f"{self.goal.path}/$import", self.path.read_bytes(), "application/fhir+ndjson"
        )
        if status != http.client.ACCEPTED:
            raise NotImported(f"the import was answered with {status}: {body[:500].decode(errors='replace')}")
        self._job = urlsplit(headers["content-location"]).path
        try:
            self._await_lines()
        except BaseException:
            self._cancel()  # else the next server on this store would go on with it
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _raised: BaseException | None, _where: TracebackType | None
    ) -> None:
        """Cancel it. Raises NotImported where it ended before."""
        try:
            if kind is None:
                self.resources = self._stored()
        finally:
            self._cancel()

    def _cancel(self) -> None:
        ask(self.goal, "DELETE", self._job)

    def _await_lines(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._stored():
            if time.monotonic() > deadline:
                raise NotImported(f"nothing was stored after {PATIENCE} s")
            time.sleep(LOOK)

    def _stored(self) -> int:
        """Return how many lines are stored. Raises NotImported."""
        status, headers, body = ask(self.goal, "GET", self._job)
        if status != http.client.ACCEPTED:
            text = body[:500].decode(errors="replace")
            raise NotImported(f"the import of {self.path.name} ended too soon, with {status}: {text}")
        return reached(headers) or 0
