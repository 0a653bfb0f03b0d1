"""Exports one after the other, as a client of the server asks for them, for as long as something else is measured.

Source: docs/bulk.md; https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.target import Target

LOOK: Final = 0.25
"""Units: seconds between two looks at the export, which is also the longest pause between two exports."""
PATIENCE: Final = 60.0  # seconds until the first export has begun, or an answer has come
_RESOURCES: Final = re.compile(r"(\d+) of \d+ resources")


class NotExported(RuntimeError):  # noqa: N818 - what the server does
    """The server did not export; the message holds its answer."""


@dataclass(slots=True)
class Exports:
    """A thread that has everything exported again and again, from `with` on until its end.

    `finished` exports came to their end meanwhile, and `resources` were written, those of the last one included, which
    is cancelled. The files of each are removed as soon as it is done.
    """

    goal: Target
    finished: int = 0
    resources: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _begun: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _fault: Exception | None = None

    def __enter__(self) -> Self:
        """Return once the first export is under way. Raises NotExported."""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._begun.wait(PATIENCE)
        if self._fault is not None or not self._begun.is_set():
            self._end()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _raised: BaseException | None, _where: TracebackType | None
    ) -> None:
        """End the last export. Raises NotExported where one failed."""
        with contextlib.ExitStack() as quiet:
            if kind is not None:
                quiet.enter_context(contextlib.suppress(NotExported))
            self._end()

    def _end(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._fault is not None:
            raise NotExported(str(self._fault)) from self._fault
        if not self._begun.is_set():
            raise NotExported(f"no export was under way after {PATIENCE} s")

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._export()
        except (NotExported, OSError, http.client.HTTPException, ValueError) as fault:
            self._fault = fault
        finally:
            self._begun.set()

    def _export(self) -> None:
        status, headers, body = ask(self.goal, "GET", f"{self.goal.path}/$export")
        if status != http.client.ACCEPTED:
            raise NotExported(f"the export was answered with {status}: {body[:500].decode(errors='replace')}")
        path = urlsplit(headers["content-location"]).path
        written = 0
        try:
            while not self._stop.wait(LOOK):
                status, headers, body = ask(self.goal, "GET", path)
                if status == http.client.OK:
                    written = sum(file["count"] for file in json.loads(body)["output"])
                    self.finished += 1
                    return
                if status != http.client.ACCEPTED:
                    raise NotExported(
                        f"the export ended with {status}: {body[:500].decode(errors='replace')}"
                    )
                if (through := reached(headers)) is not None:
                    written = through
                    self._begun.set()
        finally:
            self.resources += written
            ask(self.goal, "DELETE", path)


def ask(
    goal: Target, method: str, path: str, body: bytes | None = None, type_: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers by their names in small letters, and body, of a request that may begin a job."""
    connection = http.client.HTTPConnection(goal.host, goal.port, timeout=PATIENCE)
    try:
        headers = {"Accept": "application/fhir+json", "Prefer": "respond-async"}
        if type_:
            headers["Content-Type"] = type_
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): one for name, one in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def reached(headers: dict[str, str]) -> int | None:
    """Return how many resources a job is through, by what it says of its progress; None where it says nothing yet."""
    told = _RESOURCES.search(headers.get("x-progress", ""))
    return int(told[1]) if told else None
