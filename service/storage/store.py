"""What a store does: the protocol that both databases keep, and the values it speaks in.

Time is milliseconds since 1970-01-01T00:00:00Z. Every method may raise `service.fhir.problems.Unavailable` when the
database cannot be reached; nothing else of the database's own errors comes out. A store is used from one event loop.

Source: ADR 0002, ADR 0010
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

from service.fhir.search.expressions import Query, SortValue
from service.fhir.search.sight import Seen, Sight
from service.storage.exporting import Exports
from service.storage.jobs import Jobs
from service.storage.ledger import Ledger
from service.storage.registrations import Registrations
from service.storage.withdrawals import Withdrawals

Method = Literal["POST", "PUT", "PATCH", "DELETE"]
Key = tuple[str, str]  # resource type, logical id

CLOSED = ""
"""In place of a Patient's id, where a resource is about several young people or unknown ones."""
SERVICE = 7
"""The ground (`service.outcomes.sharing.Ground`) of who looks with no sight: the service, or an administrator."""


class Stored(NamedTuple):
    """One version of a resource. `body` is the exact JSON that a client gets, empty where deleted.

    `key` is the store's own number of the resource, the same for all its versions. `author` is the agency that made
    its first version, empty where nobody knows. `child` is the id of the one Patient that it is about: None where it
    is about nobody, `CLOSED` where about several or unknown people. `ground` is the code of that on which it is seen
    (`service.outcomes.sharing.Ground`). `withheld`: what of the body tells of places is masked.

    A tuple, because a page makes one of each of its rows, and a frozen dataclass takes four times as long.
    """

    type: str
    id: str
    version: int
    updated: int
    method: Method
    body: bytes
    key: int
    author: str = ""
    child: str | None = None
    ground: int = SERVICE
    withheld: bool = False

    @property
    def deleted(self) -> bool:
        """Whether this version is a deletion."""
        return self.method == "DELETE"


class Change(NamedTuple):
    """A resource's next version.

    `before` is the version that was current when the change was made up (None: the id was never used); if another is
    current at commit, the unit is refused as `Stale`. `resource` is the new content without `meta.versionId` and
    `meta.lastUpdated`, which the store stamps; None deletes. `former` is the content of `before`, None where that is
    absent or deleted. `child` is the id of the one Patient that the resource is about, where its content does not
    tell but what it is about does (a Provenance): `CLOSED` where that is not one known young person; None where the
    content tells.
    """

    type: str
    id: str
    method: Method
    before: Stored | None
    former: dict[str, Any] | None
    resource: dict[str, Any] | None
    child: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a conditional interaction was decided on: at commit `query` must still find exactly `ids`.

    `sight`: with whose eyes it looks, None where those of the query.
    """

    query: Query
    ids: frozenset[str]
    sight: Sight | None = None

    @property
    def asked(self) -> Query:
        """The query with its eyes."""
        return self.query if self.sight is None else replace(self.query, sight=self.sight)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what: kept in the unit's own transaction, once for each version.

    `person` is the FHIR user as `Type/id`, `purpose` a code of v3-ActReason, `address` the client's.
    """

    client: str
    agency: str
    interaction: str
    request_id: str
    person: str = ""
    purpose: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """Word to an agency of what a unit stores: kept with it, and told to the agency until it says that it has it.

    `agency` is the id of its Organization, `event` the code of what happened, and `about` the
    resource that tells of it, which is one of those that the unit changes.
    """

    id: str
    agency: str
    event: str
    about: Key


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that its agency has not acknowledged. `version` and `at` are those of the resource it is about.

    Units: `at` in milliseconds since 1970.
    """

    id: str
    event: str
    about: Key
    version: int
    at: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of work: all of it is stored, or nothing. No two changes are of one resource.

    `relied_on` are versions of other resources that must still be current at commit. `notices` are stored with
    the changes that they are about. Not `awaited` on disk, it may be lost with the power until a later one is there.
    """

    changes: tuple[Change, ...]
    audit: AuditEntry
    expectations: tuple[Expectation, ...] = ()
    relied_on: tuple[Stored, ...] = ()
    notices: tuple[Notice, ...] = ()
    awaited: bool = True


class Stale(Exception):  # noqa: N818 - a state, not an error: the caller decides anew
    """The store has moved on since the unit was decided; nothing was stored. Read again and decide again."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of versions in order; `more` when others follow. `total` where it was asked for."""

    items: tuple[Stored, ...]
    more: bool
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what a search found, in order.

    `more`: others lie beyond the page in the direction of the query (before it where the query goes
    backward). `places` are the values of each item by the query's sort keys. `as_of` and `pins` are
    what the queries of the pages beside it shall say. `total` where it was asked for.
    """

    items: tuple[Stored, ...]
    more: bool
    total: int | None = None
    places: tuple[tuple[SortValue, ...], ...] = ()
    as_of: int = 0
    pins: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """One statement of a search: what it is for, its text without values, the database's plan, rows, microseconds."""

    purpose: str
    text: str
    plan: tuple[str, ...]
    rows: int
    microseconds: int


@dataclass(frozen=True, slots=True)
class Share:
    """Who may see a young person's record, as one resource (`source`) says: a row of `index_sharing`.

    `party` is an Organization's id, `sector|code`, `*` for everyone, or empty; `effect` a code of
    `service.outcomes.sharing.Effect`; `type` and `purpose` are empty for all; `mask` bits of labels;
    `team` the id of a CareTeam or empty. It holds from `low` until before `high`, milliseconds.
    """

    source: Key
    party: str
    effect: int
    type: str
    purpose: str
    mask: int
    low: int
    high: int
    team: str


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """A page of history, newest first. type and id None: of the whole locality; id None: of the type.

    `since` (inclusive) and `until` (exclusive) bound `updated`, in milliseconds. `at` asks for the versions that were
    current at a time range [low, high). `after` is where the previous page ended: (updated, key, version).
    """

    type: str | None
    id: str | None
    count: int
    since: int | None = None
    until: int | None = None
    at: tuple[int, int] | None = None
    after: tuple[int, int, int] | None = None
    sight: Sight | None = None


class Elsewhere(RuntimeError):  # noqa: N818 - reads as what it is
    """Somebody looks into a locality that is not theirs."""


class Store(Protocol):
    """Resources of many localities, each a wall: no method reads across.

    A store is either whole, or as somebody sees it (`seen_by`): then every method that reads knows
    of nothing that is not visible to them, and of what is withheld gives what is left.
    """

    @property
    def whole(self) -> Store:
        """Everything: for the rules of the clinic that must know the truth. A whole store is it itself."""
        ...

    @property
    def sight(self) -> Sight | None:
        """With whose eyes this store is seen; None where everything is."""
        ...

    def seen_by(self, locality: str, sight: Sight | None, seen: Seen) -> Store:
        """The locality as these eyes see it (None: all of it); what is given out is noted in `seen`.

        Its methods raise `Elsewhere` for any other locality.
        """
        ...

    async def sharing(self, locality: str, child: str) -> tuple[Share, ...]:
        """All that resources say of who may see the record of the Patient of that id, past and future too."""
        ...

    async def localities(self) -> tuple[str, ...]:
        """The localities that there are, in the order of their names."""
        ...

    @property
    def audit(self) -> Ledger:
        """The audit of the database."""
        ...

    @property
    def exports(self) -> Exports:
        """What there was at one moment; a store that is seen by somebody has the same, for its views have eyes."""
        ...

    @property
    def withdrawals(self) -> Withdrawals:
        """What was given out and is not to be seen any more; whoever asks says with whose eyes."""
        ...

    @property
    def registrations(self) -> Registrations:
        """The clients of the database; they belong to no locality, and the gate alone asks for them."""
        ...

    @property
    def jobs(self) -> Jobs:
        """The jobs of the database."""
        ...

    async def read(self, locality: str, type_: str, id_: str) -> Stored | None:
        """The current version, a deletion included; None where the id was never used."""
        ...

    async def read_many(self, locality: str, keys: Sequence[Key]) -> dict[Key, Stored]:
        """The current versions (deletions included) of those of `keys` that were ever used."""
        ...

    async def read_version(self, locality: str, type_: str, id_: str, version: int) -> Stored | None:
        """That version, current or superseded; None where there is none."""
        ...

    async def search(self, locality: str, query: Query) -> Found:
        """Current resources for which the query holds, deletions left out."""
        ...

    async def explain(self, locality: str, query: Query) -> tuple[Explained, ...]:
        """The statements of a search, each run once more and told about."""
        ...

    async def referred(
        self,
        locality: str,
        keys: Sequence[int],
        parameters: Sequence[tuple[str, str]],
        types: frozenset[str],
        limit: int,
    ) -> tuple[Stored, ...]:
        """The current resources that the resources of those keys refer to by any of the parameters, each once.

        A parameter is a type and a code; `types` are those of the resources that are wanted, empty for all.
        A canonical leads to the resource with that `url` (and version, where it says one). In the
        order of their keys, `limit` at most.
        """
        ...

    async def referring(
        self, locality: str, targets: Sequence[Key], parameters: Sequence[tuple[str, str]], limit: int
    ) -> tuple[Stored, ...]:
        """The current resources that refer to any of the targets by any of the parameters, each once.

        In the order of their keys, `limit` at most.
        """
        ...

    async def history(self, locality: str, query: HistoryQuery) -> Page:
        """Versions, newest first, deletions included. `total` is given for an instance."""
        ...

    async def commit(self, locality: str, unit: Unit) -> tuple[Stored, ...]:
        """Stores the whole unit durably and returns the new versions in the order of its changes.

        Raises:
            Stale: what the unit was decided on no longer holds; nothing was stored.
        """
        ...

    async def notices(
        self, locality: str, agency: str, count: int, after: str | None = None
    ) -> tuple[Waiting, ...]:
        """The notices to the agency that it has not acknowledged, oldest first, `count` at most.

        With `after`, those that follow the notice of that id, acknowledged or not; none where the
        agency was never sent it.
        """
        ...

    async def acknowledge(
        self, locality: str, agency: str, client: str, ids: Sequence[str], types: frozenset[str]
    ) -> frozenset[str]:
        """Notes that the agency has those of these notices that are about `types`; the ids of those that it had not before.

        Of those who acknowledge a notice at the same time, one finds its id in the answer.
        """
        ...

    async def pending(self) -> Callable[[str], frozenset[str]]:
        """By type, the index codes by which not everything that is stored can be found yet.

        Codes are those of parameters and what is derived from them (`code:text`). What is said is
        a second old at most; `thrive-fhir reindex` and processes with other search parameters change it.
        """
        ...

    async def secret(self, name: str) -> bytes:
        """32 random bytes under that name, made once per database, the same for every worker and restart."""
        ...

    async def ready(self) -> bool:
        """Whether the database answers and its schema is the one this program knows."""
        ...

    async def close(self) -> None:
        """Finishes what was accepted, then lets go of the database."""
        ...

    def everything(self, locality: str, types: Sequence[str]) -> AsyncIterator[Stored]:
        """Every current resource of the types, deletions left out, in the order of their keys."""
        ...


class WholeStore(Store, Protocol):
    """A whole store: it looks with the eyes that it is told, those that stand in a query or beside it."""

    @property
    def whole(self) -> WholeStore:
        """Itself."""
        ...

    async def read(self, locality: str, type_: str, id_: str, sight: Sight | None = None) -> Stored | None:
        """As `Store.read`, with these eyes."""
        ...

    async def read_many(
        self, locality: str, keys: Sequence[Key], sight: Sight | None = None
    ) -> dict[Key, Stored]:
        """As `Store.read_many`, with these eyes."""
        ...

    async def read_version(
        self, locality: str, type_: str, id_: str, version: int, sight: Sight | None = None
    ) -> Stored | None:
        """As `Store.read_version`, with these eyes."""
        ...

    async def referred(
        self,
        locality: str,
        keys: Sequence[int],
        parameters: Sequence[tuple[str, str]],
        types: frozenset[str],
        limit: int,
        sight: Sight | None = None,
    ) -> tuple[Stored, ...]:
        """As `Store.referred`, with these eyes."""
        ...

    async def referring(
        self,
        locality: str,
        targets: Sequence[Key],
        parameters: Sequence[tuple[str, str]],
        limit: int,
        sight: Sight | None = None,
    ) -> tuple[Stored, ...]:
        """As `Store.referring`, with these eyes."""
        ...

    def everything(
        self, locality: str, types: Sequence[str], sight: Sight | None = None
    ) -> AsyncIterator[Stored]:
        """As `Store.everything`, with these eyes."""
        ...
