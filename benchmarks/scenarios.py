"""What each connection does: the scenarios of the performance budget, as actors that take turns.

An actor is asked for a request, sent, and asked whether the answer is right. It works only on
resources that it made itself, so that no two connections collide and every status is known.

Source: shared design, section 9 (CRUD mix: 25 % each of create, read, update and delete)
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

from benchmarks import resources
from benchmarks.resources import SERIAL_BYTES, Circle, Json
from benchmarks.wire import Exchange, Garbled, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from benchmarks.target import Target

# Enough different bodies that nothing is the same twice in a row, few enough to build at once.
VARIANTS = 16
# Cards of each interaction and type in one deck: the mix is exact over each deck, its order random.
CARDS = 2
# More of each type than a deck can delete before it creates.
POOL = 4
READ_POOL = 64
TYPES = ("Patient", "Observation", "Goal", "QuestionnaireResponse")
INTERACTIONS = ("create", "read", "update", "delete")

_ID = re.compile(r"/?([A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]+)?$")


class Actor(Protocol):
    """One connection's doings. `kind` names what was asked last."""

    kind: str

    def request(self) -> bytes:
        """Return the next request."""
        ...

    def verdict(self, response: Response) -> str | None:
        """Return what is wrong with the answer to the last request, None where nothing is."""
        ...


def created_id(response: Response) -> str | None:
    """Return the id that a create came to: from Location, or from the body where a server sends none."""
    location = response.header("location")
    found = _ID.search(location) if location else None
    if found is not None:
        return found[2]
    try:
        body = json.loads(response.body)
    except ValueError:
        return None
    id_ = body.get("id") if isinstance(body, dict) else None
    return id_ if isinstance(id_, str) else None


class Serials:
    """Marks of fixed width, so that a body's length does not change, and never the same one twice."""

    __slots__ = ("_lane", "_next")

    def __init__(self, lane: int) -> None:
        self._lane = lane
        self._next = 0

    def stamp(self, body: bytes) -> bytes:
        """Return the body with its mark replaced by the next serial."""
        self._next += 1
        return body.replace(SERIAL_BYTES, b"serial-%03d%09d" % (self._lane, self._next))


async def create(exchange: Exchange, target: Target, type_: str, body: bytes) -> str:
    """Return the literal reference of the resource created. Raises Garbled where the server refuses it."""
    answer = await exchange(target.post(f"/{type_}".encode(), body))
    id_ = created_id(answer)
    if answer.status != 201 or id_ is None:
        raise Garbled(f"set-up of {type_}: {answer.status} {answer.body[:500].decode(errors='replace')}")
    return f"{type_}/{id_}"


async def circle(exchange: Exchange, target: Target, serials: Serials, random: Random) -> Circle:
    """Return the references of a young person made for one connection."""

    async def made(resource: Json) -> str:
        body = serials.stamp(resources.encode(resource))
        return await create(exchange, target, resource["resourceType"], body)

    organization = await made(resources.organization())
    practitioner = await made(resources.practitioner())
    patient = await made(resources.patient(random, organization))
    around = Circle(patient, practitioner, organization, "", "")
    if target.access is not None:
        await made(resources.care_team(around, target.access.reader_agency))
    encounter = await made(resources.encounter(around))
    goal = await made(resources.goal(random, around, slot=1))
    return Circle(patient, practitioner, organization, encounter, goal)


def bodies(random: Random, around: Circle) -> dict[str, list[bytes]]:
    """Return encoded variants of each type, with the mark for their serial."""
    make: dict[str, Callable[[], Json]] = {
        "Patient": lambda: resources.patient(random, around.organization),
        "Observation": lambda: resources.score(random, around),
        "Goal": lambda: resources.goal(random, around),
        "QuestionnaireResponse": lambda: resources.response(random, around),
    }
    return {type_: [resources.encode(one()) for _ in range(VARIANTS)] for type_, one in make.items()}


@dataclass(frozen=True, slots=True)
class Card:
    """One turn of the mix."""

    interaction: str
    type: str


class Mix:
    """A quarter each of create, read, update and delete, over four types."""

    def __init__(
        self, target: Target, random: Random, serials: Serials, templates: Mapping[str, list[bytes]]
    ) -> None:
        self.kind = ""
        self._target = target
        self._random = random
        self._serials = serials
        self._templates = templates
        self._pools: dict[str, deque[bytes]] = {type_: deque() for type_ in templates}
        self._deck: list[Card] = []
        self._card = Card("create", "Patient")
        self._id = b""

    def adopt(self, type_: str, id_: str) -> None:
        """Take a resource that exists into the pool."""
        self._pools[type_].append(id_.encode())

    def request(self) -> bytes:
        """Return the request of the next card; a create where the pool was emptied by refusals."""
        if not self._deck:
            self._deck = [Card(one, type_) for one in INTERACTIONS for type_ in self._templates] * CARDS
            self._random.shuffle(self._deck)
        card = self._deck.pop()
        pool = self._pools[card.type]
        if card.interaction != "create" and not pool:
            card = Card("create", card.type)
        self._card = card
        self.kind = card.interaction
        path = b"/" + card.type.encode()
        if card.interaction == "create":
            return self._target.post(path, self._body(card.type))
        self._id = pool[0]
        pool.rotate(-1)
        path += b"/" + self._id
        if card.interaction == "read":
            return self._target.get(path)
        if card.interaction == "update":
            body = self._body(card.type)
            opening = body.index(b",")  # after "resourceType", which stands first
            return self._target.put(path, b'%b,"id":"%b"%b' % (body[:opening], self._id, body[opening:]))
        pool.pop()  # just rotated to the end
        return self._target.delete(path)

    def verdict(self, response: Response) -> str | None:
        """Return what is wrong: the status, or a body that is not the resource asked for."""
        interaction = self._card.interaction
        if interaction == "create":
            id_ = created_id(response) if response.status == 201 else None
            if id_ is None:
                return f"create answered {response.status}"
            self._pools[self._card.type].append(id_.encode())
            return None
        wanted = (200, 204) if interaction == "delete" else (200,)
        if response.status not in wanted:
            return f"{interaction} answered {response.status}"
        if interaction == "read" and self._id not in response.body:
            return "read answered another resource"
        return None

    def _body(self, type_: str) -> bytes:
        return self._serials.stamp(self._random.choice(self._templates[type_]))


class Reads:
    """Reads by id, over resources made in the set-up."""

    kind = "read"

    def __init__(self, target: Target, random: Random, ids: list[str]) -> None:
        self._requests = [(id_.encode(), target.get(f"/Observation/{id_}".encode())) for id_ in ids]
        random.shuffle(self._requests)
        self._at = 0
        self._id = b""

    def request(self) -> bytes:
        """Return the read of the next id."""
        self._at = (self._at + 1) % len(self._requests)
        self._id, request = self._requests[self._at]
        return request

    def verdict(self, response: Response) -> str | None:
        """Return what is wrong with status or body."""
        if response.status != 200:
            return f"read answered {response.status}"
        return None if self._id in response.body else "read answered another resource"


class Creates:
    """Creates of scores of about 1 kB."""

    kind = "create"

    def __init__(self, target: Target, serials: Serials, templates: list[bytes]) -> None:
        self._serials = serials
        self._requests = [target.post(b"/Observation", body) for body in templates]
        self._at = 0

    def request(self) -> bytes:
        """Return the create of the next variant."""
        self._at = (self._at + 1) % len(self._requests)
        return self._serials.stamp(self._requests[self._at])

    def verdict(self, response: Response) -> str | None:
        """Return what is wrong with the status."""
        return None if response.status == 201 else f"create answered {response.status}"


class Transactions:
    """Transactions of one session: a response and four scores, whose references the server resolves."""

    kind = "transaction"

    def __init__(self, target: Target, serials: Serials, templates: list[bytes]) -> None:
        self._serials = serials
        self._requests = [target.post(b"", body) for body in templates]
        self._at = 0

    def request(self) -> bytes:
        """Return the next session's bundle."""
        self._at = (self._at + 1) % len(self._requests)
        return self._serials.stamp(self._requests[self._at])

    def verdict(self, response: Response) -> str | None:
        """Return what is wrong with the status, or with that of an entry."""
        if response.status != 200:
            return f"transaction answered {response.status}"
        made = response.body.count(b'"201')
        return None if made == SESSION_ENTRIES else f"transaction made {made} resources"


SESSION_ENTRIES = 5
# How many resources one answered request stores.
RESOURCES = {"create": 1, "read": 1, "crud": 1, "transaction": SESSION_ENTRIES}


async def _mix(exchange: Exchange, target: Target, random: Random, serials: Serials) -> Actor:
    around = await circle(exchange, target, serials, random)
    templates = bodies(random, around)
    actor = Mix(target, random, serials, templates)
    for type_ in TYPES:
        for body in templates[type_][:POOL]:
            reference = await create(exchange, target, type_, serials.stamp(body))
            actor.adopt(type_, reference.partition("/")[2])
    return actor


async def _reads(exchange: Exchange, target: Target, random: Random, serials: Serials) -> Actor:
    around = await circle(exchange, target, serials, random)
    made = []
    for _ in range(READ_POOL):
        body = serials.stamp(resources.encode(resources.score(random, around)))
        made.append(await create(exchange, target, "Observation", body))
    return Reads(target, random, [reference.partition("/")[2] for reference in made])


async def _creates(exchange: Exchange, target: Target, random: Random, serials: Serials) -> Actor:
    around = await circle(exchange, target, serials, random)
    return Creates(target, serials, bodies(random, around)["Observation"])


async def _transactions(exchange: Exchange, target: Target, random: Random, serials: Serials) -> Actor:
    around = await circle(exchange, target, serials, random)
    sessions = [resources.encode(resources.session(random, around)) for _ in range(VARIANTS)]
    return Transactions(target, serials, sessions)


SETUPS: Mapping[str, Callable[[Exchange, Target, Random, Serials], Awaitable[Actor]]] = {
    "crud": _mix,
    "read": _reads,
    "create": _creates,
    "transaction": _transactions,
}


async def actor(scenario: str, target: Target, lane: int, seed: int) -> Actor:
    """Return connection number `lane`'s actor, its resources made. Raises Garbled, Lost."""
    exchange = Exchange(target)
    try:
        return await SETUPS[scenario](exchange, target, Random(f"{seed}/{lane}"), Serials(lane))
    finally:
        exchange.close()
