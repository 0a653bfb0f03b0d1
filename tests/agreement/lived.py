"""A world that was lived: written over the service's own interface, asked over it, and reduced for each caller.

Two applications answer: one on the store of the whole world, through the access decision, and
one on a store that holds for each caller only what the oracle says that they may see.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from litestar.types import ASGIApp

from service.access.callers import Caller
from service.access.rule import sharing_rule
from service.access.scopes import read_scopes
from service.fhir.registry import Registry
from service.fhir.search.asked import Setting
from service.fhir.validation.validator import Validator
from service.interactions.context import Context, Limits
from service.rest import logs
from service.rest.application import application
from service.rest.bodies import Bounds
from service.storage.open import open_store
from service.storage.store import Store, Stored
from tests.agreement import tokens
from tests.agreement.asking import Said, ask
from tests.agreement.oracle import Eyes, Oracle
from tests.agreement.reduced import Reduction, everything_written, records_of
from tests.agreement.worlds import AGENCIES, LOCALITIES, Step
from tests.conftest import BASE_URL

Json = dict[str, Any]

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
NOW = 1_795_780_800_000  # 2026-11-27T12:00:00Z
LATER = NOW + 45 * DAY  # 2027-01-11T12:00:00Z
BEGUN = NOW - 10 * DAY

# Of no agency: what the service itself publishes or writes.
NOT_WRITTEN = frozenset(
    ["AuditEvent", "CodeSystem", "OperationDefinition", "SearchParameter", "StructureDefinition", "ValueSet"]
)


class Hands:
    """A clock that stands still, and is set by hand."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def set(self, now: int) -> None:
        self.now = now


@dataclass
class Callers:
    """The gate of the tests: a bearer's token is the caller's name."""

    known: dict[str, Caller] = field(default_factory=dict)

    async def admit(self, fields: Mapping[bytes, bytes]) -> Caller:
        return self.known[fields[b"authorization"].decode().removeprefix("Bearer ")]


def writer(locality: str, agency: str) -> tuple[str, Caller]:
    """Who writes the world: an administrator who acts for the agency."""
    name = f"writes-{locality}-{agency}"
    return name, Caller(name, agency, locality, administrator=True, chooses_ids=True)


def everybody() -> list[Eyes]:
    """All who look: each agency, one that is around nobody, one that looks for another purpose, administrators."""
    found = []
    for locality in LOCALITIES:
        for agency, (sector, _) in AGENCIES.items():
            found.append(Eyes(f"{locality}-{agency}", locality, agency, frozenset({sector})))
        found.append(Eyes(f"{locality}-stranger", locality, "stranger", frozenset({"school"})))
        emergency = Eyes(
            f"{locality}-charity-emergency", locality, "charity", frozenset({"charity"}), "ETREAT"
        )
        found.append(emergency)
        found.append(Eyes(f"{locality}-administrator", locality, "council", all_of_it=True))
        for number, token in enumerate(tokens.IN_USE[locality]):
            name = f"{locality}-trust-token-{number}"
            found.append(Eyes(name, locality, "trust", frozenset({"nhs-trust"}), token=token))
    return found


def caller_of(eyes: Eyes, registry: Registry, **more: Any) -> Caller:
    """The caller who has these eyes; `more` in place of what they say."""
    token = eyes.token
    setting = Setting(registry, BASE_URL, now=NOW * 1000)
    scopes = None
    if token.types is not None:
        scopes = read_scopes(setting, token.scopes, patient=token.patient, user=token.user)
    said: dict[str, Any] = {
        "client": eyes.name,
        "agency": eyes.agency,
        "locality": eyes.locality,
        "administrator": eyes.all_of_it,
        "sectors": eyes.sectors,
        "purpose": eyes.purpose,
        "patient": token.patient,
        "user": token.user,
        "scopes": scopes,
    }
    return Caller(**{**said, **more})


def reduced_caller(eyes: Eyes, registry: Registry, locality: str) -> Caller:
    """Who asks where there is nothing but what these eyes see, and everything is shown.

    What the token lets be asked is asked there too; in a clinician's name everything is.
    """
    is_clinicians = eyes.token.user is not None and eyes.token.user[0] == "Practitioner"
    own = {"user": None, "scopes": None} if is_clinicians else {}
    return caller_of(eyes, registry, locality=locality, administrator=True, **own)


@dataclass
class Service:
    """An application on a store, with a clock that is set by hand."""

    store: Store
    context: Context
    app: ASGIApp
    hands: Hands
    gate: Callers

    async def ask(self, who: str, method: str, url: str, body: Any = None, **headers: str) -> Said:
        return await ask(self.app, who, method, url, body, **headers)


def service(store: Store, context: Context, hands: Hands) -> Service:
    """An application on the store, of which the context otherwise is given."""
    gate = Callers()
    numbers = itertools.count(1)
    ids = itertools.count(1)
    whole = replace(
        context,
        store=store,
        clock=hands,
        ids=lambda: f"made-{next(ids)}",
        limits=Limits(page=1000, page_default=200, conditional_matches=5),
        references=True,
    )
    bounds = Bounds(10_000_000, 64)
    log = logs.logger("error", io.BytesIO())
    app = application(whole, gate, bounds, log, lambda: f"request-{next(numbers)}")
    return Service(store, whole, app, hands, gate)


class Lived:
    """A world on the service, and the oracle of each locality."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.written: dict[str, list[Stored]] = {}
        self.oracles: dict[str, Oracle] = {}
        self.steps: list[tuple[int, Step]] = []  # when each was
        self._authors: dict[tuple[str, int], str] = {}

    async def live(self, steps: list[Step]) -> None:
        """Writes the world, or more of it, a minute for each step."""
        now = self.steps[-1][0] if self.steps else BEGUN
        for step in steps:
            now += MINUTE
            self.service.hands.now = now
            name, caller = writer(step.locality, step.agency)
            self.service.gate.known[name] = caller
            self._authors[step.locality, now] = step.agency
            self.steps.append((now, step))
            said = await self.service.ask(name, "POST", "", _transaction(step))
            if said.status != 200:
                raise AssertionError(said.body.decode())
        self.service.hands.now = NOW
        for locality in LOCALITIES:
            await self.take_in(locality)

    async def take_in(self, locality: str) -> None:
        """Reads what was written."""
        written = await everything_written(self.service.store, locality, NOT_WRITTEN)
        self.written[locality] = written
        authors = self._authors
        self.oracles[locality] = Oracle(records_of(written, lambda at: authors[locality, at]))

    async def reduce(self, other: Service, eyes: Eyes, now: int) -> Reduction:
        """What these eyes see at the moment, in the locality of their name in the other service."""
        reduction = Reduction(self.oracles[eyes.locality], eyes, now)
        locality = f"{eyes.name}-{now}"
        await reduction.put(other.store, locality, self.written[eyes.locality], other.hands.set)
        return reduction


def _transaction(step: Step) -> Json:
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [_entry(*change) for change in step.changes],
    }


def _entry(type_: str, id_: str, resource: Json | None) -> Json:
    url = f"{type_}/{id_}"
    if resource is None:
        return {"request": {"method": "DELETE", "url": url}}
    return {
        "fullUrl": f"urn:test:{type_}:{id_}",
        "resource": resource,
        "request": {"method": "PUT", "url": url},
    }


@asynccontextmanager
async def unlived(url: str, **parts: Any) -> AsyncIterator[Lived]:
    """A world of which nothing happened yet, on a migrated database; `parts` are those of its context that tests share."""
    hands = Hands(BEGUN)
    registry, extractor, terminology = (parts[name] for name in ("registry", "extractor", "terminology"))
    rule = sharing_rule(registry, BASE_URL)
    store = await open_store(url, registry, extractor, hands, LOCALITIES, rule)
    context = Context(
        validator=Validator(registry, terminology.guide, terminology),
        store=store,
        clock=hands,
        ids=str,
        base_url=BASE_URL,
        limits=Limits(),
        link_key=bytes(32),
        **parts,
    )
    yield Lived(service(store, context, hands))
    await store.close()
