"""The composition root: where settings, clock and chance become a running service.

Source: docs/adr/0001-layout-and-contracts.md, docs/adr/0011-worker-processes.md
"""

from __future__ import annotations

import gc
import ipaddress
import os
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from litestar.types import ASGIApp, LifeSpanReceive, LifeSpanSend, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from service.access.authority import Authority
from service.access.fetching import Documents, Fetcher
from service.access.issuer_file import read_issuers
from service.access.issuers import Issuer, Issuers
from service.access.rule import sharing_rule
from service.access.signing import SECRET, Signer
from service.access.tokens import Surroundings, Tokens
from service.fhir import artefacts
from service.fhir import registry as registries
from service.fhir.guide import Guide
from service.fhir.registry import Registry
from service.fhir.search import definitions
from service.fhir.search.asked import Setting
from service.fhir.search.extraction import Extractor
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator
from service.interactions.context import Context, Emergencies, Limits
from service.outcomes.extraction import CodeSet
from service.rest import logs
from service.rest.application import application
from service.rest.bodies import Bounds
from service.rest.errors import detail
from service.rest.limits import Allowance
from service.rest.security import Gate, TokenGate, open_gate
from service.settings import Settings
from service.storage.filing import MARK, open_files
from service.storage.open import open_store
from service.storage.sqlite import PLENTY, Room
from service.storage.trail import kept

# New objects before a young collection (some 5 MB of small ones), and how many of these before an older one.
COLLECT_AFTER = (50_000, 20, 100)
ENFORCED = "enforced"  # what the setting says where references must lead somewhere
# The names under which the store keeps the keys that sign pages' links and make ids of responses.
PAGE_LINKS = "page-links"
RESPONSES = "responses"


def clock() -> int:
    """Milliseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """A new UUID of version 7: ids that follow each other in time lie together in the index.

    Source: https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
    """
    chance = int.from_bytes(os.urandom(10), "big")
    number = clock() << 80 | chance & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def request_id() -> str:
    """A new id of a request: 16 hexadecimal digits, enough to find one line among billions."""
    return os.urandom(8).hex()


@dataclass(frozen=True, slots=True)
class Kernel:
    """What takes time to build and never changes: built once, before worker processes are forked.

    `left_out`: a sentence for each search parameter of a package that is not in force.
    """

    registry: Registry
    guide: Guide
    terminology: Terminology
    validator: Validator
    extractor: Extractor
    base_url: str
    left_out: tuple[str, ...] = ()


def kernel(base_url: str, *packages: Path, search_parameters: Path | None = None) -> Kernel:
    """The kernel for a service whose FHIR base clients see as `base_url`, with the artefacts of added packages.

    `search_parameters` is the folder of the deployer's own SearchParameters.

    Raises:
        Uncompilable, SnapshotError: an artefact says what cannot be checked.
        Unusable: a search parameter of ours or of the deployer's cannot be put into force.
        Malformed: an artefact is no JSON.
    """
    own = artefacts.documents(search_parameters) if search_parameters else {}
    guide = artefacts.load(*packages)
    found = definitions.in_force(registries.load(), guide, own)
    guide = Guide([*guide, *own.values()])
    registry = found.registry
    terminology = Terminology(registry, guide)
    validator = Validator(registry, guide, terminology)
    _require_valid(validator, own)
    extractor = Extractor(registry, base_url)
    return Kernel(registry, guide, terminology, validator, extractor, base_url, found.left_out)


def _require_valid(validator: Validator, own: Mapping[str, dict[str, Any]]) -> None:
    """Lets the deployer's SearchParameters pass that are valid resources: they are published like others."""
    faults = [
        f"{name}: {issue.text}"
        for name, resource in own.items()
        for issue in validator.check(resource)
        if issue.is_fault
    ]
    if faults:
        raise definitions.Unusable(*faults)


def settle() -> None:
    """Tells the garbage collector that what is loaded now stays, and to look less often.

    A large bundle makes tens of thousands of objects, none of them garbage. By Python's
    default they are looked through every 700 of them: a third of the time of a transaction.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


@asynccontextmanager
async def opened(settings: Settings, parts: Kernel, *, room: Room = PLENTY) -> AsyncIterator[Context]:
    """The context of the interactions, with an open store, which is closed at the end.

    `room` is that of whoever reads an SQLite file.

    Raises:
        UnknownDatabase, NotMigrated, Unavailable: the store cannot be opened.
    """
    rule = sharing_rule(parts.registry, parts.base_url)
    store = await open_store(
        settings.database_url, parts.registry, parts.extractor, clock, rule=rule, room=room
    )
    try:
        yield Context(
            registry=parts.registry,
            validator=parts.validator,
            store=store,
            clock=clock,
            ids=new_id,
            base_url=parts.base_url,
            limits=Limits(
                bundle_entries=settings.bundle_entries,
                page=settings.page_limit,
                page_default=settings.page_default,
                conditional_matches=settings.conditional_matches,
                client_jobs=settings.jobs_per_client,
                job_hours=settings.job_hours,
                import_bytes=settings.import_bytes,
            ),
            link_key=await store.secret(PAGE_LINKS),
            extractor=parts.extractor,
            guide=parts.guide,
            terminology=parts.terminology,
            references=settings.references == ENFORCED,
            goal_codes=cast("CodeSet", settings.goal_codes),
            response_key=await store.secret(RESPONSES),
            files=open_files(settings.files_url, await store.secret(MARK), settings.files_endpoint),
            import_sources=settings.import_sources or (),
            emergencies=Emergencies(frozenset(settings.break_glass or ()), settings.break_glass_hours),
        )
    finally:
        await store.close()


def allowance(settings: Settings, *, sandbox: bool) -> Allowance:
    """What a worker allows. The sandbox knows no client and no stranger: all are the one who tries it out."""
    return Allowance(
        requests=settings.requests,
        client_requests=0 if sandbox else settings.client_requests,
        client_rate=0 if sandbox else settings.client_rate,
        stranger_rate=0 if sandbox else settings.stranger_rate,
        seconds=settings.request_seconds,
        proxies=tuple(map(ipaddress.ip_network, settings.trusted_proxies or ())),
    )


def issuers(settings: Settings, parts: Kernel) -> tuple[Issuer, ...]:
    """The issuers of tokens that the deployment believes beside this server.

    Raises:
        IssuersRefused: the file that names them cannot be gone by.
        OSError: it cannot be read.
    """
    if settings.issuers is None:
        return ()
    setting = Setting(parts.registry, parts.base_url, clock() * 1000)  # microseconds
    return read_issuers(Path(settings.issuers).read_bytes(), setting)


async def guard(context: Context, believed: Iterable[Issuer], fetcher: Fetcher) -> tuple[Gate, Authority]:
    """Who lets callers in by their tokens, and who gives the tokens out."""
    registrations = context.store.registrations
    signer = Signer(await context.store.secret(SECRET))
    documents = Documents(fetcher.fetch)
    around = Surroundings(context.registry, context.base_url, context.clock, context.ids)
    tokens = Tokens(around, signer, registrations, Issuers(believed, documents, context.base_url))
    return TokenGate(tokens), Authority(around, signer, registrations, tokens, documents)


def create(settings: Settings, parts: Kernel, log: FilteringBoundLogger, *, sandbox: bool) -> ASGIApp:
    """The service: opens its store when the server starts it and closes it after the last request."""
    return Service(settings, parts, log, sandbox=sandbox)


class Service:
    """An ASGI application that exists only while its store is open."""

    def __init__(
        self, settings: Settings, parts: Kernel, log: FilteringBoundLogger, *, sandbox: bool
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._log = log
        self._sandbox = sandbox
        self._issuers = issuers(settings, parts)
        self._allowance = allowance(settings, sandbox=sandbox)
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; the first call is the server's lifespan, which lasts as long as the service."""
        if self._app is None:
            await self._live(cast("LifeSpanReceive", receive), cast("LifeSpanSend", send))
        else:
            await self._app(scope, receive, send)

    async def _live(self, receive: LifeSpanReceive, send: LifeSpanSend) -> None:
        """Starts and stops with the server, by ASGI's lifespan messages."""
        await receive()
        async with AsyncExitStack() as stack:
            context = await stack.enter_async_context(opened(self._settings, self._parts))
            trail = await stack.enter_async_context(kept(context.store.audit, clock, self._unkept))
            context = replace(context, trail=trail)
            bounds = Bounds(self._settings.body_bytes, self._settings.json_depth, self._settings.body_seconds)
            gate, authority = open_gate, None
            if not self._sandbox:
                fetcher = Fetcher()
                stack.push_async_callback(fetcher.close)
                gate, authority = await guard(context, self._issuers, fetcher)
            self._app = application(
                context,
                gate,
                bounds,
                self._log,
                request_id,
                allowance=self._allowance,
                origins=frozenset(each.encode() for each in self._settings.cors_origins or ()),
                authority=authority,
            )
            self._log.info(logs.WORKER_STARTED, pid=os.getpid())
            await send({"type": "lifespan.startup.complete"})
            await receive()
        self._log.info(logs.WORKER_STOPPED, pid=os.getpid())
        await send({"type": "lifespan.shutdown.complete"})

    def _unkept(self, fault: BaseException) -> None:
        self._log.error(logs.AUDIT_FAILED, detail=detail(fault))
