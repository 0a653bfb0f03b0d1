"""Writers: connections that create, update, delete and post transactions until the server dies under them.

Source: design, section 5
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from benchmarks import resources
from benchmarks.durability.ledger import (
    DELETED,
    Ledger,
    OpenBundle,
    OpenCreate,
    Track,
    Version,
    content,
    decode,
    digest,
)
from benchmarks.resources import SYSTEM
from benchmarks.scenarios import SESSION_ENTRIES, Serials, bodies, circle, created_id
from benchmarks.wire import Exchange, Garbled, Lost, Response, Unsent

if TYPE_CHECKING:
    import asyncio
    from random import Random

    from benchmarks.resources import Circle
    from benchmarks.target import Target

_ETAG = re.compile(r'^W/"(\d+)"$')
SYSTEMS = {
    "Patient": f"{SYSTEM}/patient",
    "Observation": f"{SYSTEM}/score",
    "Goal": f"{SYSTEM}/goal",
    "QuestionnaireResponse": f"{SYSTEM}/response",
}
# Turns out of a hundred. Deletes are fewer than creates, so that there is always something to update.
TURNS = {"create": 35, "update": 35, "delete": 12, "transaction": 18}
SESSIONS = 8


class Halted(Exception):  # noqa: N818 - a state
    """The server is gone, or refuses to serve: this writer's round is over."""


class Writer:
    """One connection's writes over all rounds on one database."""

    def __init__(self, target: Target, ledger: Ledger, lane: int, random: Random) -> None:
        self._target = target
        self._ledger = ledger
        self._random = random
        self._serials = Serials(lane)
        self._mine: list[Track] = []
        self._templates: dict[str, list[bytes]] = {}
        self._sessions: list[bytes] = []

    async def prepare(self) -> None:
        """Make what the resources point at. Raises Garbled, Lost."""
        exchange = Exchange(self._target)
        try:
            around: Circle = await circle(exchange, self._target, self._serials, self._random)
        finally:
            exchange.close()
        self._templates = bodies(self._random, around)
        self._sessions = [resources.encode(resources.session(self._random, around)) for _ in range(SESSIONS)]

    async def write(self, struck: asyncio.Event) -> None:
        """Write until the server is gone. `struck` is set as the kill begins; a loss before it is a fault."""
        exchange = Exchange(self._target)
        turns = {
            "create": self._create,
            "update": self._update,
            "delete": self._delete,
            "transaction": self._transaction,
        }
        try:
            while True:
                [turn] = self._random.choices(list(TURNS), list(TURNS.values()))
                await turns[turn](exchange)
        except Halted as halted:
            if not struck.is_set():
                self._ledger.faults.append(f"before the kill: {halted}")
        finally:
            exchange.close()

    async def _sent(self, exchange: Exchange, request: bytes, wanted: int, *also: int) -> Response | None:
        """Return the answer; None where it is unknown whether the server did it. Raises Halted if it did not."""
        try:
            answer = await exchange(request)
        except Unsent as unsent:
            raise Halted(f"no connection: {unsent}") from unsent
        except Lost:
            return None
        if answer.status >= 500:
            return None
        if answer.status not in {wanted, *also}:
            fault = f"status {answer.status} for {request[:60]!r}: {answer.body[:400]!r}"
            self._ledger.faults.append(fault)
            raise Halted(fault)
        return answer

    async def _create(self, exchange: Exchange) -> None:
        type_ = self._random.choice(tuple(self._templates))
        body = self._body(type_)
        answer = await self._sent(exchange, self._target.post(f"/{type_}".encode(), body), 201)
        if answer is None:
            serial = _serial(body)
            self._ledger.open_creates.append(OpenCreate(type_, SYSTEMS[type_], serial, content(decode(body))))
            raise Halted("a create was not answered")
        id_ = created_id(answer)
        if id_ is None:
            raise Garbled("a create without an id")
        track = Track(type_, id_, {})
        track.acknowledge(version_of(answer) or 1, _shown(answer, body))
        self._mine.append(track)
        self._ledger.adopt(track)
        self._ledger.acknowledged += 1

    async def _update(self, exchange: Exchange) -> None:
        track = self._living()
        if track is None:
            return
        body = self._body(track.type)
        opening = body.index(b",")
        body = b'%b,"id":"%b"%b' % (body[:opening], track.id.encode(), body[opening:])
        request = self._target.put(f"/{track.type}/{track.id}".encode(), body)
        self._ledger.touch(track)
        answer = await self._sent(exchange, request, 200)
        if answer is None:
            track.open = Version(None, content(decode(body)))
            raise Halted("an update was not answered")
        self._acknowledge(track, version_of(answer), _shown(answer, body))

    async def _delete(self, exchange: Exchange) -> None:
        track = self._living()
        if track is None:
            return
        self._ledger.touch(track)
        request = self._target.delete(f"/{track.type}/{track.id}".encode())
        answer = await self._sent(exchange, request, 204, 200)
        if answer is None:
            track.open = DELETED
            raise Halted("a delete was not answered")
        self._acknowledge(track, version_of(answer), DELETED)
        self._mine.remove(track)

    async def _transaction(self, exchange: Exchange) -> None:
        body = self._serials.stamp(self._random.choice(self._sessions))
        answer = await self._sent(exchange, self._target.post(b"", body), 200)
        if answer is None:
            parts = (
                (SYSTEMS["QuestionnaireResponse"], "QuestionnaireResponse", 1),
                (SYSTEMS["Observation"], "Observation", SESSION_ENTRIES - 1),
            )
            self._ledger.open_bundles.append(OpenBundle(_serial(body), parts))
            raise Halted("a transaction was not answered")
        for track in _entries(decode(body), decode(answer.body)):
            self._mine.append(track)
            self._ledger.adopt(track)
        self._ledger.acknowledged += 1

    def _acknowledge(self, track: Track, version: int | None, what: Version) -> None:
        if version is not None and version != track.last + 1:
            self._ledger.faults.append(
                f"{track.type}/{track.id} went from version {track.last} to {version}, and nobody else writes it"
            )
        track.acknowledge(version or track.last + 1, what)
        self._ledger.acknowledged += 1

    def _living(self) -> Track | None:
        """Return one of this writer's resources, None where it has none."""
        self._mine = [track for track in self._mine if not track.current.deleted] if self._mine else []
        return self._random.choice(self._mine) if self._mine else None

    def _body(self, type_: str) -> bytes:
        return self._serials.stamp(self._random.choice(self._templates[type_]))


def _serial(body: bytes) -> str:
    start = body.index(b'"serial-') + 1
    return body[start : start + len(resources.SERIAL)].decode()


def version_of(answer: Response) -> int | None:
    """Return the version that the ETag tells, None where there is none."""
    found = _ETAG.match(answer.header("etag") or "")
    return int(found[1]) if found else None


def _shown(answer: Response, sent: bytes) -> Version:
    """Return the version that the answer shows exactly, or else the one that was meant."""
    meant = content(decode(sent))
    return Version(digest(answer.body) if answer.body else None, meant)


def _entries(sent: dict[str, Any], answered: dict[str, Any]) -> list[Track]:
    """Return a track for each entry, with the references resolved as the server must have. Raises Garbled."""
    references: dict[str, str] = {}
    made: list[tuple[str, str, int]] = []
    for entry, outcome in zip(sent["entry"], answered["entry"], strict=True):
        response = outcome["response"]
        parts = response["location"].rstrip("/").split("/")
        if not response["status"].startswith("201") or "_history" not in parts:
            raise Garbled(f"an entry of an acknowledged transaction: {response}")
        at = parts.index("_history")
        references[entry["fullUrl"]] = f"{parts[at - 2]}/{parts[at - 1]}"
        made.append((parts[at - 2], parts[at - 1], int(parts[at + 1])))
    tracks = []
    for entry, (type_, id_, version) in zip(sent["entry"], made, strict=True):
        meant = content(entry["resource"], references)
        tracks.append(Track(type_, id_, {version: Version(None, meant)}, version))
    return tracks
