"""Verification: what the restarted server holds against what the ledger says it must.

Source: design, section 5; https://hl7.org/fhir/R4/http.html#vread
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from benchmarks.durability.ledger import DELETED, Track, Version, content, decode, digest
from benchmarks.durability.writers import version_of
from benchmarks.wire import Exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.durability.ledger import Json, Ledger, OpenBundle, OpenCreate
    from benchmarks.target import Target
    from benchmarks.wire import Response

# Connections that verify side by side.
READERS = 8
# One process that is ready does not speak for the others: where a request is refused for now, and the answer says when
# to ask again, it is asked again. A process that refuses longer than this has not come back. Units: seconds.
BACK_SECONDS = 5.0

Check = Callable[[Exchange], Awaitable[None]]


class Verification:
    """Checks against one server; what is wrong goes to the ledger's faults."""

    def __init__(self, target: Target, ledger: Ledger) -> None:
        self._target = target
        self._ledger = ledger
        self.settled = 0  # open writes that turned out to be stored

    async def round(self, older: Sequence[Track] = ()) -> None:
        """Check all versions of what the round touched, and the current version of `older`. Raises Lost."""
        touched = self._ledger.touched
        checks: list[Check] = [
            *(functools.partial(self._open_create, one) for one in self._ledger.open_creates),
            *(functools.partial(self._open_bundle, one) for one in self._ledger.open_bundles),
            *(functools.partial(self._versions, one) for one in list(touched.values())),
            *(functools.partial(self._current, one) for one in older if (one.type, one.id) not in touched),
        ]
        remaining = iter(checks)

        async def reader() -> None:
            exchange = Exchange(self._target)
            try:
                for check in remaining:
                    await check(exchange)
            finally:
                exchange.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(READERS):
                group.create_task(reader())

    async def _versions(self, track: Track, exchange: Exchange) -> None:
        await self._current(track, exchange)
        for version, what in track.versions.items():
            if version != track.last:
                path = f"/{track.type}/{track.id}/_history/{version}"
                answer = await self._answer(exchange, path)
                if not _shows(answer, what):
                    self._fault(f"{path} was acknowledged and is not what it was", answer)

    async def _current(self, track: Track, exchange: Exchange) -> None:
        path = f"/{track.type}/{track.id}"
        answer = await self._answer(exchange, path)
        version = version_of(answer)
        open_, track.open = track.open, None
        if _shows(answer, track.current) and version in {track.last, None}:
            if not track.current.deleted:
                track.versions[track.last] = Version(digest(answer.body), None)
        elif open_ is not None and _shows(answer, open_) and version in {track.last + 1, None}:
            self.settled += 1
            exact = DELETED if open_.deleted else Version(digest(answer.body), None)
            track.acknowledge(track.last + 1, exact)
        else:
            self._fault(f"{path} must be at version {track.last}, and is not", answer)

    async def _open_create(self, created: OpenCreate, exchange: Exchange) -> None:
        found = await self._found(exchange, created.type, created.system, created.serial)
        if not found:
            return
        self.settled += 1
        [resource] = found[:1]
        if len(found) > 1 or content(resource) != created.meant:
            self._ledger.faults.append(
                f"a create of {created.type} {created.serial} was stored otherwise: {found}"
            )

    async def _open_bundle(self, bundle: OpenBundle, exchange: Exchange) -> None:
        counts = []
        names: set[str] = set()
        sources: set[str] = set()
        for system, type_, _ in bundle.parts:
            found = await self._found(exchange, type_, system, bundle.serial)
            counts.append(len(found))
            if type_ == "QuestionnaireResponse":
                names |= {f"{type_}/{one['id']}" for one in found}
            sources |= {source["reference"] for one in found for source in one.get("derivedFrom", ())}
        wanted = [count for _, _, count in bundle.parts]
        if counts == wanted and names == sources:
            self.settled += 1
        elif any(counts):
            self._ledger.faults.append(
                f"half a transaction: {bundle.serial} has {counts} of {wanted}, {sources}"
            )

    async def _found(self, exchange: Exchange, type_: str, system: str, serial: str) -> list[Json]:
        query = f"/{type_}?identifier={quote(system, safe='')}%7C{serial}&_count=20"
        answer = await self._answer(exchange, query)
        if answer.status != 200:
            self._fault(f"{query} did not answer", answer)
            return []
        entries = decode(answer.body).get("entry", [])
        return [entry["resource"] for entry in entries if entry["resource"]["resourceType"] == type_]

    async def _answer(self, exchange: Exchange, path: str) -> Response:
        """Return the answer, or the last one where it was refused for now until `BACK_SECONDS` were over."""
        began = time.monotonic()
        while True:
            answer = await exchange(self._target.get(path.encode()))
            pause = answer.header("retry-after")
            if answer.status != 503 or pause is None or time.monotonic() - began > BACK_SECONDS:
                return answer
            await asyncio.sleep(float(pause))

    def _fault(self, what: str, answer: Response) -> None:
        seen = f"{answer.status}, ETag {answer.header('etag')}, {answer.body[:300]!r}"
        self._ledger.faults.append(f"{what}: {seen}")


def _shows(answer: Response, what: Version) -> bool:
    """Return whether the answer is that version: 410 for a deletion, otherwise its content to the byte."""
    if what.deleted:
        return answer.status == 410
    return answer.status == 200 and what.is_of(answer.body)
