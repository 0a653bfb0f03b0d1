"""Statements that both databases run, built by SQLAlchemy once and kept as SQL text.

SQLAlchemy owns what a statement says; the raw drivers run it (shared/tech.md measured
SQLAlchemy's own execution at 5 to 40 times the cost).

Source: ADR 0002
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Select, bindparam, select
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import CompilerElement

from service.storage.tables import resource, resource_version

SQLITE: Dialect = pysqlite.dialect(paramstyle="qmark")
POSTGRESQL: Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so

r, v = resource.c, resource_version.c
CURRENT = (r.type, r.id, r.version, r.updated, r.method, r.body, r.rid)
SUPERSEDED = (v.type, v.id, v.version, v.updated, v.method, v.body, v.rid)


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
        constants = self.constants
        return [values[name] if name in values else constants[name] for name in self.arguments]


def compiled(statement: CompilerElement | Executable, dialect: Dialect) -> Sql:
    """The statement as text for the dialect's driver."""
    assert isinstance(statement, CompilerElement)  # noqa: S101 - both are, SQLAlchemy's types do not say so
    done = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    constants = {name: value for name, value in (done.params or {}).items() if value is not None}
    return Sql(str(done), tuple(getattr(done, "positiontup", None) or ()), constants)


def positional(statement: CompilerElement | Executable, dialect: Dialect, order: Sequence[str]) -> str:
    """The statement's text, for a driver that will be given values in that order of parameter names.

    Raises:
        ValueError: the text wants them in another order.
    """
    sql = compiled(statement, dialect)
    if sql.arguments != tuple(order):
        raise ValueError(f"wants {sql.arguments}, not {tuple(order)}: {sql.text}")
    return sql.text


# One resource by its id: arguments locality, type, id.
READ: Select[Any] = select(*CURRENT).where(
    r.locality == bindparam("locality"), r.type == bindparam("type"), r.id == bindparam("id")
)

# One version by number, current or superseded: arguments locality, rid, version.
READ_CURRENT_VERSION: Select[Any] = select(*CURRENT).where(
    r.locality == bindparam("locality"), r.rid == bindparam("rid"), r.version == bindparam("version")
)
READ_VERSION: Select[Any] = select(*SUPERSEDED).where(
    v.locality == bindparam("locality"), v.rid == bindparam("rid"), v.version == bindparam("version")
)

# Every current resource of a type in order of rid: arguments locality, type, deleted, after, count.
EVERY: Select[Any] = (
    select(*CURRENT)
    .where(
        r.locality == bindparam("locality"),
        r.type == bindparam("type"),
        r.method != bindparam("deleted"),
        r.rid > bindparam("after"),
    )
    .order_by(r.rid)
    .limit(bindparam("count"))
)
