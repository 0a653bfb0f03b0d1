"""The audit of one database: entries are added, found and read; nothing is ever changed.

Statements are written with `$1`, `$2` and so on. What differs between the databases is a `Shelf`.

Source: ADR 0020, docs/audit.md
"""
# ruff: noqa: S608 - the texts are made of names of our own columns; values are arguments

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from service.storage import audit
from service.storage.audit import COLUMNS, Actors, Entry, Row
from service.storage.audit_due import ANY_DUE, LOWEST, Lot, due, require_whole
from service.storage.names import Kind, Name, Names, pack_id

FRESH: Final = 2_000
"""Units: milliseconds. An entry that is written down later than that after its act has its place by then."""

Rows = tuple[list[Row], list[Row]]  # of `audit`, and of `audit_due`
Intern = Callable[[set[Name]], Awaitable[None]]

SIGN_IN: Final = "token"
"""The name of what is done where an access token is asked for."""
CLIENT_ADDED, CLIENT_CHANGED, CLIENT_KEYS = "client-add", "client-change", "client-keys"
CLIENT_REVOKED: Final = "client-revoke"
OPERATED: Final = (CLIENT_ADDED, CLIENT_CHANGED, CLIENT_KEYS, CLIENT_REVOKED)
"""The names of what whoever runs the server does to who may sign in."""
FILES_EXPORTED: Final = "export-files"
"""The name of what is done where whoever runs the server has files written of what is stored."""
REST, SIGNING_IN, SECURITY, EXPORTING = "rest", "sign-in", "security", "export"
"""Kinds of acts: what is asked of FHIR, for tokens, and what whoever runs the server does to clients and to files."""
_APART: Final = {SIGNING_IN: (SIGN_IN,), SECURITY: OPERATED, EXPORTING: (FILES_EXPORTED,)}
OPERATION: Final = "operation"
_PATCH: Final = "patch"
_WRITING: Final = {"create": audit.CREATED, "update": audit.UPDATED, "delete": audit.DELETED}
_INTERACTIONS: Final = frozenset({*_WRITING, _PATCH})
_OF_AGENCY: Final = "audit_agency"  # the index in which an agency's entries lie in order
_PATIENT: Final = "Patient"
_AGENCY: Final = "Organization"
# The types that a FHIR user can be of.
_PEOPLE: Final = ("Practitioner", "PractitionerRole", "RelatedPerson", "Patient")
_NOBODY: Final = -1  # the number of no name

# The kinds of names that are in entries: all are read anew where one is not known here.
_KINDS: Final = (
    Kind.LOCALITY,
    Kind.TYPE,
    Kind.CLIENT,
    Kind.AGENCY,
    Kind.INTERACTION,
    Kind.PERSON,
    Kind.PURPOSE,
)
_ENTRY: Final = ", ".join(f"a.{column}" for column in COLUMNS)
_JOINED: Final = (
    " AS c CROSS JOIN audit AS a"
    " WHERE a.locality = c.locality AND a.at = c.at AND a.serial = c.serial AND c.locality = $1"
)
_BY_CHILD: Final = f"audit_child{_JOINED}"


class Shelf(Protocol):
    """Where a ledger's rows lie."""

    async def fetch(self, text: str, *arguments: Any) -> Sequence[Sequence[Any]]:
        """The rows of a statement, refused where it takes longer than any may."""
        ...

    def hint(self, index: str) -> str:
        """What stands behind a table to have it read by that index."""
        ...

    async def add(self, rows: Callable[[int], Rows]) -> None:
        """Adds those rows that are not there yet, made right before they are written, at once and durably.

        `rows` is given the time, in milliseconds since 1970.
        """
        ...

    async def settle(self, after: int) -> Lot | None:
        """Makes rows of `audit_child` of the next that are due above that number, alone at it among all processes.

        Those that are unreadable stay. None where there are no more.
        """
        ...

    async def seal(self, block: Row) -> bool:
        """Adds a row of `audit_block`; False where another has added it."""
        ...

    def alone(self) -> AbstractAsyncContextManager[bool]:
        """A block that one process at a time should be in: whether this one may."""
        ...


class Subtype(NamedTuple):
    """What was done, by a code: of FHIR's interactions, or (`own`) of operations and what else there is."""

    code: str
    own: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """Entries that are looked for, newest first; what is None or empty bounds nothing.

    `since` (inclusive) and `until` (exclusive) in milliseconds since 1970. `after` is the place (`at` and
    serial) of the entry that the page follows; with `rising` it is oldest first. `statuses` are
    ranges of HTTP's, [low, high). `kinds` are kinds of acts, one of which fits.
    `agents` are agencies or people, and `entities` resources, by type (empty: any) and id: one of each fits.
    """

    count: int
    agencies: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    agents: tuple[tuple[str, str], ...] = ()
    children: tuple[str, ...] = ()
    entities: tuple[tuple[str, str], ...] = ()
    actions: tuple[int, ...] = ()
    subtypes: tuple[Subtype, ...] = ()
    kinds: tuple[str, ...] = ()
    statuses: tuple[tuple[int, int], ...] = ()
    since: int | None = None
    until: int | None = None
    after: tuple[int, int] | None = None
    rising: bool = False


class Viewing(NamedTuple):
    """Who saw or changed a young person's data, how often, on what ground, and when first and last."""

    agency: str
    client: str
    person: str
    ground: int
    action: int
    times: int
    first: int
    last: int


@dataclass(slots=True)
class _Where:
    """Conditions in the making, and their arguments."""

    arguments: list[Any]
    parts: list[str] = field(default_factory=list)

    def slot(self, value: Any) -> str:
        """The value's place in the text."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def among(self, column: str, values: Sequence[Any]) -> None:
        """The column has one of the values."""
        slots = ", ".join(self.slot(value) for value in values)
        self.parts.append(f"{column} IN ({slots})" if len(values) > 1 else f"{column} = {slots}")


class Ledger:
    """The audit of one database."""

    def __init__(self, names: Names, intern: Intern, shelf: Shelf) -> None:
        self._names = names
        self._actors = Actors(names)
        self._intern = intern
        self.shelf = shelf

    async def keep(self, entries: Sequence[Entry]) -> None:
        """Adds the entries, all of them or none; those that are there already stay as they are.

        Raises:
            Unavailable: it cannot be done now.
        """
        if unknown := self._actors.unknown(entry.event for entry in entries):
            await self._intern(unknown)
        row = self._actors.row

        def rows(now: int) -> Rows:
            kept = [row(_placed(entry, now)) for entry in entries]
            return kept, due(kept)

        await self.shelf.add(rows)

    async def settle(self) -> int:
        """Makes the rows by young person of all entries that were kept so far.

        Returns how many rows of `audit_due` are unreadable, by which some are due that were not made.

        Raises:
            Unavailable: it cannot be done now.
        """
        unreadable, after = 0, LOWEST
        while await self.shelf.fetch(ANY_DUE, after):
            settled = await self.shelf.settle(after)
            if settled is None:  # another was faster
                break
            unreadable += settled.unreadable
            after = settled.last
        return unreadable

    async def read(self, locality: str, at: int, serial: int) -> Entry | None:
        """The entry in that place; None where there is none."""
        text = f"SELECT {_ENTRY} FROM audit AS a WHERE a.locality = $1 AND a.at = $2 AND a.serial = $3"
        rows = await self.shelf.fetch(text, await self._locality(locality), at, serial)
        return (await self.entries(rows))[0] if rows else None

    async def found(self, locality: str, asked: Asked) -> tuple[tuple[Entry, ...], bool]:
        """The entries that were looked for, and whether more follow."""
        await self._settled(asked)
        source, where = await self._where(locality, asked)
        if source is None:
            return (), False
        of = "c" if asked.children else "a"
        sign, order = (">", "ASC") if asked.rising else ("<", "DESC")
        if asked.after is not None:
            at, serial = (where.slot(number) for number in asked.after)
            where.parts.append(f"({of}.at, {of}.serial) {sign} ({at}, {serial})")
        limit = where.slot(asked.count + 1)
        text = (
            f"SELECT {_ENTRY} FROM {source}{_joined(where)}"
            f" ORDER BY {of}.at {order}, {of}.serial {order} LIMIT {limit}"
        )
        rows = await self.shelf.fetch(text, *where.arguments)
        return await self.entries(rows[: asked.count]), len(rows) > asked.count

    async def total(self, locality: str, asked: Asked) -> int:
        """The number of entries that are looked for."""
        await self._settled(asked)
        source, where = await self._where(locality, asked)
        if source is None:
            return 0
        rows = await self.shelf.fetch(f"SELECT count(*) FROM {source}{_joined(where)}", *where.arguments)
        return int(rows[0][0])

    async def viewings(
        self, locality: str, child: str, since: int, until: int, agency: str | None
    ) -> tuple[Viewing, ...]:
        """Who was shown the young person's data, or changed it, in that time; the latest first."""
        require_whole(await self.settle())
        await self._learn()
        where = _Where([await self._locality(locality), pack_id(child)])
        where.parts.append(f"c.child = $2 AND c.at >= {where.slot(since)} AND c.at < {where.slot(until)}")
        if agency is not None:
            where.parts.append(f"a.agency = {where.slot(self._names.code(Kind.AGENCY, agency) or 0)}")
        by = "a.agency, a.client, a.person, c.ground, a.action"
        rows = await self.shelf.fetch(
            f"SELECT {by}, count(*), min(a.at - a.delay), max(a.at - a.delay) FROM {_BY_CHILD}{_joined(where)}"
            f" GROUP BY {by}",
            *where.arguments,
        )
        found = [self._viewing(*row) for row in rows]
        return tuple(sorted(found, key=lambda one: (-one.last, one[:5])))

    def _viewing(self, agency: int, client: int, person: int, *rest: int) -> Viewing:
        return Viewing(
            self._text(Kind.AGENCY, agency),
            self._text(Kind.CLIENT, client),
            self._text(Kind.PERSON, person),
            *rest,
        )

    def _text(self, kind: Kind, code: int) -> str:
        return self._names.text(kind, code) if code else ""

    async def entries(self, rows: Sequence[Sequence[Any]]) -> tuple[Entry, ...]:
        """The entries in rows of `audit`."""
        try:
            return tuple(map(self._actors.entry, rows))
        except KeyError:
            await self._learn()
            return tuple(map(self._actors.entry, rows))

    async def lines(self, rows: Sequence[Sequence[Any]]) -> list[bytes]:
        """What the entries in rows of `audit` say, as the chain has it."""
        try:
            return list(map(self._actors.line, rows))
        except KeyError:
            await self._learn()
            return list(map(self._actors.line, rows))

    async def localities(self) -> list[tuple[int, str]]:
        """The localities that there are, by their numbers."""
        text = f"SELECT code, text FROM name WHERE kind = {Kind.LOCALITY:d} ORDER BY code"
        return [(row[0], row[1]) for row in await self.shelf.fetch(text)]

    async def _settled(self, asked: Asked) -> None:
        """Has the rows made that are asked for."""
        if asked.children or any(type_ in {"", _PATIENT} for type_, _ in asked.entities):
            require_whole(await self.settle())

    async def _learn(self) -> None:
        kinds = ", ".join(f"{kind:d}" for kind in _KINDS)
        rows = await self.shelf.fetch(f"SELECT kind, code, text FROM name WHERE kind IN ({kinds})")
        self._names.learn((row[0], row[1], row[2]) for row in rows)

    async def _locality(self, locality: str) -> int:
        if (code := self._names.code(Kind.LOCALITY, locality)) is None:
            await self._intern({(Kind.LOCALITY, locality)})
            code = self._names.known(Kind.LOCALITY, locality)
        return code

    async def _where(self, locality: str, asked: Asked) -> tuple[str | None, _Where]:
        """From which rows and on what conditions; None where no entry can be meant, for a name that nobody has."""
        where = _Where([await self._locality(locality)])
        of = "c" if asked.children else "a"
        hint = self.shelf.hint(_OF_AGENCY) if len(asked.agencies) == 1 else ""
        source = f"audit AS a{hint} WHERE a.locality = $1"
        if len(asked.children) == 1:
            source = _BY_CHILD
            where.among("c.child", [pack_id(asked.children[0])])
        elif asked.children:
            # An entry may be of several of them, and is one all the same.
            slots = ", ".join(where.slot(pack_id(child)) for child in asked.children)
            source = (
                "(SELECT DISTINCT locality, at, serial FROM audit_child"
                f" WHERE locality = $1 AND child IN ({slots})){_JOINED}"
            )
        for bound, sign in ((asked.since, ">="), (asked.until, "<")):
            if bound is not None:
                where.parts.append(f"{of}.at {sign} {where.slot(bound)}")
        if not await self._named(where, asked):
            return None, where
        if asked.actions:
            where.among("a.action", asked.actions)
        if asked.subtypes:
            where.parts.append(self._of_subtypes(where, asked.subtypes))
        if asked.kinds:
            where.parts.append(self._of_kinds(where, asked.kinds))
        if asked.statuses:
            ranges = [
                f"a.status >= {where.slot(low)} AND a.status < {where.slot(high)}"
                for low, high in asked.statuses
            ]
            where.parts.append(f"({' OR '.join(ranges)})")
        return source, where

    async def _named(self, where: _Where, asked: Asked) -> bool:
        """Adds the conditions on what has names; False where none of the names of one is known."""
        wanted: tuple[tuple[str, Kind, tuple[str, ...]], ...] = (
            ("a.agency", Kind.AGENCY, asked.agencies),
            ("a.client", Kind.CLIENT, asked.clients),
            ("a.person", Kind.PERSON, asked.people),
        )
        named = asked.subtypes or asked.kinds or asked.agents
        if named or self._names.unknown((kind, text) for _, kind, texts in wanted for text in texts):
            await self._learn()
        for column, kind, texts in wanted:
            codes = [code for text in texts if (code := self._names.code(kind, text)) is not None]
            if texts and not codes:
                return False
            if codes:
                where.among(column, codes)
        for targets, condition in ((asked.agents, self._of_agent), (asked.entities, self._of_entity)):
            found = [part for target in targets for part in condition(where, *target)]
            if targets and not found:
                return False
            if found:
                where.parts.append(f"({' OR '.join(found)})")
        return True

    def _of_agent(self, where: _Where, type_: str, id_: str) -> list[str]:
        """The conditions that an agency or a person acted."""
        wanted = [("a.agency", Kind.AGENCY, id_)] if type_ in {"", _AGENCY} else []
        wanted += [("a.person", Kind.PERSON, f"{each}/{id_}") for each in ([type_] if type_ else _PEOPLE)]
        codes = [(column, self._names.code(kind, text)) for column, kind, text in wanted]
        return [f"{column} = {where.slot(code)}" for column, code in codes if code is not None]

    def _of_entity(self, where: _Where, type_: str, id_: str) -> list[str]:
        """The conditions that an act was about a resource."""
        packed = where.slot(pack_id(id_))
        code = self._names.code(Kind.TYPE, type_)
        found = [f"a.id = {packed}"] if not type_ else []
        if type_ and code is not None:
            found = [f"a.type = {where.slot(code)} AND a.id = {packed}"]
        if type_ in {"", _PATIENT}:
            found.append(
                "EXISTS (SELECT 1 FROM audit_child AS k WHERE k.locality = a.locality"
                f" AND k.child = {packed} AND k.at = a.at AND k.serial = a.serial)"
            )
        return found

    def _of_kinds(self, where: _Where, kinds: Sequence[str]) -> str:
        """The condition that one of the kinds of acts fits: what is of no other is asked of FHIR."""
        found = []
        for kind in kinds:
            is_apart = kind in _APART
            names = _APART[kind] if is_apart else [name for of in _APART.values() for name in of]
            codes = [self._names.code(Kind.INTERACTION, name) or _NOBODY for name in names]
            found.append(f"a.what {'' if is_apart else 'NOT '}IN ({', '.join(map(where.slot, codes))})")
        return f"({' OR '.join(found)})"

    def _of_subtypes(self, where: _Where, subtypes: Sequence[Subtype]) -> str:
        """The condition that one of the subtypes fits: what wrote is of the code of its action as well."""
        found = []
        for code, own in subtypes:
            names = [f"${code}"] if own else []
            if not own or code not in _INTERACTIONS:
                names.append(code)
            if not own and code == OPERATION:
                names += [name for name in self._names.texts(Kind.INTERACTION) if name.startswith("$")]
            codes = [self._names.code(Kind.INTERACTION, name) or _NOBODY for name in names]
            found.append(f"a.what IN ({', '.join(map(where.slot, codes))})")
            if not own and code in _WRITING:
                action = f"a.action = {where.slot(_WRITING[code])}"
                patch = where.slot(self._names.code(Kind.INTERACTION, _PATCH) or _NOBODY)
                found.append(f"({action} AND a.what <> {patch})")
        return f"({' OR '.join(found)})"


def _joined(where: _Where) -> str:
    return "".join(f" AND {part}" for part in where.parts)


def _placed(entry: Entry, now: int) -> Entry:
    """The entry in the place of its act; of now where that was long ago, because older places may be sealed."""
    late = now - entry.event.at
    if late <= FRESH:
        return entry
    return Entry(entry.event._replace(at=now), entry.serial, late)
