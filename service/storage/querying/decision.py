"""Who sees a resource, as SQL: one number, made of what stands beside its body and of what is said of its child.

The number is the ground on which it is seen (0: it is not), and 8 more where what tells of
places is withheld. It is one look at the author, and else one at the rows of the child, which lie
side by side; nothing is ever looked for by it, so that no plan depends on it. It is the rule of
`service.outcomes.sharing.decide`, to which a test holds it.

SQLite calls functions of its program at next to no cost: there what the rows of a child came to is
remembered (`service.storage.remembered`), and looked at anew only where it may have become another.

Source: ADR 0019
"""
# ruff: noqa: S608 - the texts are made of names of our own tables and columns; values are arguments

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    bindparam,
    literal_column,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from service.fhir.search.sight import Sight
from service.storage.names import Kind, Name, Names, pack_id
from service.storage.querying.said import (
    AUTHOR,
    DIRECTORY,
    GROUND,
    WITHHELD,
    Fill,
    SaidOnPostgresql,
    SaidOnSqlite,
)
from service.storage.sharing_tables import sharing_changes
from service.storage.store import SERVICE

_EVERYONE: Final = "*"
_NOBODY: Final = -1  # the number of no agency
_NO_CHILD: Final = b""  # the packed id of nobody

# Functions of the program that a connection to SQLite has: `service.storage.remembered` says what they do.
MARK, KNOWN, KEEP = "sharing_mark", "sharing_known", "sharing_keep"

Row = Mapping[str, str]


def parties(sight: Sight) -> list[Name]:
    """The names by which a row can mean who looks: the agency first; as many as a power of two."""
    names = [sight.agency, _EVERYONE, *(f"sector|{code}" for code in sorted(sight.sectors))]
    names += names[-1:] * ((1 << (len(names) - 1).bit_length()) - len(names))
    return [(Kind.AGENCY, name) for name in names]


def unknown(sight: Sight | None, names: Names) -> set[Name]:
    """The names that are not known yet, whose numbers `values` will hold."""
    if sight is None or names in sight.known:
        return set()
    return {name for name in names.unknown((*parties(sight), (Kind.PURPOSE, sight.purpose))) if name[1]}


def slots(sight: Sight | None) -> int:
    """How many parties the text of the decision has; 0 where nothing is decided, because all is seen."""
    if sight is None or sight.every:
        return 0
    known = sight.known.get(slots)
    if known is None:
        known = sight.known[slots] = len(parties(sight))
    return int(known)


def values(sight: Sight | None, names: Names, now: int, child: str | None = None) -> dict[str, Any]:
    """The values of the decision's parameters; `now` in milliseconds.

    `child`: the id of the Patient about whom most is asked. What is said of that child is then looked at once.
    """
    if sight is None or sight.every:
        return {}
    numbers = sight.known.get(names) or _numbers(sight, names)
    return numbers | {"now": now, "asked_child": _NO_CHILD if child is None else pack_id(child)}


def _numbers(sight: Sight, names: Names) -> dict[str, Any]:
    """What stands for who looks; it is kept once all has a number, which never changes."""
    # Nobody's name is empty: 0 stands for an author that is not known, and for no party.
    found: dict[str, Any] = {
        f"party{index}": names.code(*name) or _NOBODY for index, name in enumerate(parties(sight))
    }
    purpose = names.code(Kind.PURPOSE, sight.purpose)
    found |= {"me": found["party0"], "purpose": _NOBODY if purpose is None else purpose}
    # All that the decision knows of who looks, in one value: what is remembered is remembered of these eyes.
    found["eyes"] = " ".join(f"{name}={found[name]}" for name in sorted(found))
    if not unknown(sight, names):
        sight.known[names] = found
    return found


TYPES: Final[Mapping[str, tuple[Any, str]]] = {
    "me": (Integer(), "integer"),
    "purpose": (Integer(), "integer"),
    "now": (BigInteger(), "bigint"),
    "asked_child": (LargeBinary(), "bytea"),
    "eyes": (Text(), "text"),
    "locality": (SmallInteger(), "smallint"),
}
"""The types of the decision's parameters, for SQLAlchemy and as PostgreSQL names them."""
PARTY: Final = (Integer(), "integer")
"""Those of its parties."""


def ground(
    row: Row, slots: int, fill: Fill, type_: str | None = None, *, sqlite: bool, asked: bool = False
) -> str:
    """The text of the ground; `row` are the columns author, child, label and type as they stand in the text.

    `type_` is what the type of the row is known to be, as text, where it is the same for all rows. `asked`: most of
    them are about the child that is asked about (`values`), whom PostgreSQL then looks at once for all.
    """
    return _number(row, slots, fill, type_, sqlite=sqlite, asked=asked, whole=False)


def number(
    row: Row, slots: int, fill: Fill, type_: str | None = None, *, sqlite: bool, asked: bool = False
) -> str:
    """The text of the whole number, as `ground`."""
    return _number(row, slots, fill, type_, sqlite=sqlite, asked=asked, whole=True)


def withheld(row: Row, slots: int, fill: Fill, *, sqlite: bool) -> str:
    """The text of what stands for places that are withheld: `WITHHELD` or 0, of what is seen; as `ground`."""
    if not slots:
        return "0"
    author, child = row["author"], row["child"]
    if sqlite:
        each = f"{_remembered(row, slots, fill, None)} & {WITHHELD}"
    else:
        each = SaidOnPostgresql(child, row["type"], slots, fill).withheld()
    return f"(CASE WHEN {author} = {fill('me')} OR {child} IS NULL THEN 0 ELSE {each} END)"


def _number(
    row: Row, slots: int, fill: Fill, type_: str | None, *, sqlite: bool, asked: bool, whole: bool
) -> str:
    if not slots:
        return str(SERVICE)
    author, child, label = row["author"], row["child"], row["label"]
    alike = ""
    if sqlite:
        each = f"{_remembered(row, slots, fill, type_)}{'' if whole else f' & {GROUND}'}"
    else:
        of_type = row["type"] if type_ is None else type_
        if asked:
            # It refers to no column outside: the database looks once for it, and not for each row.
            once = SaidOnPostgresql(fill("asked_child"), of_type, slots, fill).number("0", whole=whole)
            alike = f" WHEN {child} = {fill('asked_child')} AND {label} = 0 THEN {once}"
        each = SaidOnPostgresql(child, of_type, slots, fill).number(label, whole=whole)
    return (
        f"(CASE WHEN {author} = {fill('me')} THEN {AUTHOR}"
        f" WHEN {child} IS NULL THEN CASE WHEN {label} = 0 THEN {DIRECTORY} ELSE 0 END"
        f"{alike} ELSE {each} END)"
    )


def _remembered(row: Row, slots: int, fill: Fill, type_: str | None) -> str:
    """The whole number of what is of a child, on SQLite: as it is remembered, or else as it is, which is kept.

    It is remembered by the child, the label and the type under a mark, which stands for the eyes and for
    all that was said in the locality until now (`sharing_changes`): the mark is made once for a statement,
    of what this statement sees. Until the next of the times at which what is said of the child begins or
    ends to hold it stays what it is.
    """
    locality, now, child = fill("locality"), fill("now"), row["child"]
    changes = f"(SELECT c.number FROM {sharing_changes.name} AS c WHERE c.locality = {locality})"
    mark = f"(SELECT {MARK}({locality}, {fill('eyes')}, {now}, {changes}))"
    of_type = row["type"] if type_ is None else type_
    key = f"CAST({mark} || {row['label']} || '.' || {of_type} || '.' || {child} AS BLOB)"
    exact = SaidOnSqlite(child, of_type, slots, fill).number(row["label"], whole=True)
    until = (
        f"(SELECT min(CASE WHEN s.low > {now} THEN s.low WHEN s.high > {now} THEN s.high END)"
        f" FROM index_sharing AS s WHERE s.locality = {locality} AND s.child = {child})"
    )
    return f"coalesce({KNOWN}({key}), {KEEP}({key}, {exact}, {until}))"


_COLUMNS: Final = ("author", "child", "label", "type")


class Decision(ColumnElement[int]):
    """The number of a resource or version whose columns these are, or the part of it that `bits` names."""

    inherit_cache = False

    def __init__(
        self,
        row: Any,
        slots: int,
        type_: ColumnElement[Any] | None = None,
        *,
        bits: int = GROUND | WITHHELD,
        asked: bool = False,
    ) -> None:
        """`type_`: what the type of the row is known to be where it is the same for all rows; `asked` as `ground`."""
        self.row: Sequence[ColumnElement[Any]] = [row[name] for name in _COLUMNS] if slots else []
        self.slots = slots
        self.of_type = type_
        self.bits = bits
        self.asked = asked
        self.type = Integer()

    @property
    def _from_objects(self) -> list[FromClause]:
        return [table for column in self.row for table in column._from_objects]  # noqa: SLF001 - as in `constructs`


_TEXTS: Final = {GROUND: ground, GROUND | WITHHELD: number}


@compiles(Decision)
def _decision(decision: Decision, compiler: SQLCompiler, **how: Any) -> str:
    if not decision.slots:
        return str(SERVICE)
    how = {key: value for key, value in how.items() if key in ("include_table", "from_linter")}

    def fill(name: str) -> str:
        type_, _ = TYPES.get(name, PARTY)
        return compiler.process(bindparam(name, type_=type_), **how)

    row = {name: compiler.process(column, **how) for name, column in zip(_COLUMNS, decision.row, strict=True)}
    type_ = None if decision.of_type is None else compiler.process(decision.of_type, **how)
    sqlite = compiler.dialect.name == "sqlite"
    if decision.bits == WITHHELD:
        return withheld(row, decision.slots, fill, sqlite=sqlite)
    return _TEXTS[decision.bits](row, decision.slots, fill, type_, sqlite=sqlite, asked=decision.asked)


def visible(
    row: Any, slots: int, type_: ColumnElement[Any] | None = None, *, asked: bool = False
) -> ColumnElement[bool]:
    """Whether it is seen; arguments as those of `Decision`."""
    found: ColumnElement[bool] = Decision(row, slots, type_, bits=GROUND, asked=asked) > literal_column("0")
    return found


def unwithheld(row: Any, slots: int) -> ColumnElement[bool]:
    """Whether nothing of it is withheld, given that it is seen."""
    found: ColumnElement[bool] = Decision(row, slots, bits=WITHHELD) == literal_column("0")
    return found


def numbered(alias: str, slots: int, taken: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text of the number of an alias on PostgreSQL, and the names of the arguments behind those `taken`.

    `taken` are texts of parameters that stand in the statement already; the others are numbered on.
    """
    names: list[str] = []
    begun = len(taken)

    def fill(name: str) -> str:
        if name in taken:
            return taken[name]
        if name not in names:
            names.append(name)
        return f"${begun + 1 + names.index(name)}::{TYPES.get(name, PARTY)[1]}"

    row = {name: f"{alias}.{name}" for name in _COLUMNS}
    return number(row, slots, fill, sqlite=False), names
