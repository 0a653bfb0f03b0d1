"""Statements that both databases run, built by SQLAlchemy once and kept as SQL text.

SQLAlchemy owns what a statement says; the raw drivers run it (shared/tech.md measured
SQLAlchemy's own execution at 5 to 40 times the cost).

Source: ADR 0002
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Select, bindparam, select
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import CompilerElement

from service.storage.querying.decision import Decision
from service.storage.tables import resource, resource_version

SQLITE: Dialect = pysqlite.dialect(paramstyle="qmark")
POSTGRESQL: Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so

r, v = resource.c, resource_version.c
# What `searching.stored` makes a version of; behind these stands what it is seen by.
COLUMNS = ("type", "id", "version", "updated", "method", "body", "rid", "author", "child")
CURRENT = tuple(r[column] for column in COLUMNS)
SUPERSEDED = tuple(v[column] for column in COLUMNS)


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text for one driver.

    `arguments` names its parameters in the order the driver takes them; `constants` are
    the values that the statement brings itself.
    """

    text: str
    arguments: tuple[str, ...]
    constants: Mapping[str, Any]

    def ordered(self, values: Mapping[str, Any]) -> list[Any]:
        """The values and constants in the order in which the driver takes them."""
        given = {**self.constants, **values} if self.constants else values
        return list(map(given.__getitem__, self.arguments))


def compiled(statement: CompilerElement | Executable, dialect: Dialect) -> Sql:
    """The statement as text for the dialect's driver."""
    assert isinstance(statement, CompilerElement)  # noqa: S101 - both are, SQLAlchemy's types do not say so
    done = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    constants = {name: value for name, value in (done.params or {}).items() if value is not None}
    text, arguments = str(done), tuple(getattr(done, "positiontup", None) or ())
    if dialect.paramstyle == "qmark":
        text, arguments = _numbered(text, arguments)
    return Sql(text, arguments, constants)


def _numbered(text: str, names: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The text with `?1` for the first of the names, and the names, each once: the decision says many of them often."""
    first = {name: place for place, name in enumerate(dict.fromkeys(names), 1)}
    parts = text.split("?")
    if len(parts) != len(names) + 1:
        raise ValueError(f"a question mark that is no place for a value: {text}")
    marks = (f"?{first[name]}" for name in names)
    return "".join((parts[0], *(mark + part for mark, part in zip(marks, parts[1:], strict=True)))), tuple(
        first
    )


def positional(statement: CompilerElement | Executable, dialect: Dialect, order: Sequence[str]) -> str:
    """The statement's text, for a driver that will be given values in that order of parameter names.

    Raises:
        ValueError: the text wants them in another order.
    """
    sql = compiled(statement, dialect)
    if sql.arguments != tuple(order):
        raise ValueError(f"wants {sql.arguments}, not {tuple(order)}: {sql.text}")
    return sql.text


def read(slots: int) -> Select[Any]:
    """One resource by its id: arguments locality, type, id, and those of the decision with so many slots."""
    return select(*CURRENT, Decision(r, slots)).where(
        r.locality == bindparam("locality"), r.type == bindparam("type"), r.id == bindparam("id")
    )


def read_version(slots: int, *, current: bool) -> Select[Any]:
    """One version by number, as the current or a superseded one: arguments locality, rid, version, as for `read`."""
    columns, of = (CURRENT, r) if current else (SUPERSEDED, v)
    return select(*columns, Decision(of, slots)).where(
        of.locality == bindparam("locality"), of.rid == bindparam("rid"), of.version == bindparam("version")
    )


def every(slots: int) -> Select[Any]:
    """Current resources of a type in order of rid: arguments locality, type, deleted, after, count, as for `read`."""
    return (
        select(*CURRENT, Decision(r, slots))
        .where(
            r.locality == bindparam("locality"),
            r.type == bindparam("type"),
            r.method != bindparam("deleted"),
            r.rid > bindparam("after"),
        )
        .order_by(r.rid)
        .limit(bindparam("count"))
    )


class Reads:
    """The statements above for one database, as text; each is made once for eyes of so many slots."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._made: dict[tuple[object, ...], Sql] = {}

    def read(self, slots: int) -> Sql:
        """`read`."""
        return self._of((slots, "read"), lambda: read(slots))

    def version(self, slots: int, *, current: bool) -> Sql:
        """`read_version`."""
        return self._of((slots, "version", current), lambda: read_version(slots, current=current))

    def every(self, slots: int) -> Sql:
        """`every`."""
        return self._of((slots, "every"), lambda: every(slots))

    def _of(self, key: tuple[object, ...], build: Callable[[], Select[Any]]) -> Sql:
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = compiled(build(), self._dialect)
        return made
