"""What SQL says on both databases that SQLAlchemy has no word for.

A planner may join and reorder as it likes, which is right for a report and wrong for a
search whose cost must not depend on what the planner knows of the tables. So a statement
here says in which order it looks: SQLite keeps to the order of a CROSS JOIN, PostgreSQL to
that of lateral subqueries which it must not take apart; a column that is hidden in an
expression is served by no index on either.

Source: https://sqlite.org/optoverview.html#crossjoin, https://sqlite.org/optoverview.html#uplus,
https://www.postgresql.org/docs/15/explicit-joins.html, ADR 0013
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Dialect,
    FromClause,
    Join,
    LargeBinary,
    Select,
    Text,
    literal_column,
    select,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

Condition = ColumnElement[bool]

ONE: ColumnElement[int] = literal_column("1")


class CrossJoin(Join):
    """Each row of the left with each of the right, looked at in that order."""

    inherit_cache = True

    def __init__(self, left: FromClause, right: FromClause) -> None:
        super().__init__(left, right, true())


@compiles(CrossJoin)
def _cross_join(join: CrossJoin, compiler: SQLCompiler, **how: Any) -> str:
    how["asfrom"] = True
    return f"{compiler.process(join.left, **how)} CROSS JOIN {compiler.process(join.right, **how)}"


class Hidden(ColumnElement[Any]):
    """The column's value, found through no index."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column
        self.type = column.type

    @property
    def _from_objects(self) -> list[FromClause]:
        return self.column._from_objects  # noqa: SLF001 - SQLAlchemy's way to tell what a column is of


@compiles(Hidden)
def _hidden(hidden: Hidden, compiler: SQLCompiler, **how: Any) -> str:
    how = {key: value for key, value in how.items() if key in ("include_table", "from_linter")}
    column = compiler.process(hidden.column, **how)
    if compiler.dialect.name == "sqlite":
        return f"+{column}"
    return f"({column} || '')" if isinstance(hidden.type, Text | LargeBinary) else f"({column} + 0)"


class Among(ColumnElement[bool]):
    """The columns together are one of many rows of values."""

    inherit_cache = True

    def __init__(self, columns: Sequence[ColumnElement[Any]], rows: Sequence[Sequence[Any]]) -> None:
        self.columns = columns
        self.rows = rows
        self.type = Boolean()

    @property
    def _from_objects(self) -> list[FromClause]:
        return [table for column in self.columns for table in column._from_objects]  # noqa: SLF001 - as above


@compiles(Among)
def _among(among: Among, compiler: SQLCompiler, **how: Any) -> str:
    def row(parts: Sequence[Any]) -> str:
        return f"({', '.join(compiler.process(part, **how) for part in parts)})"

    return f"{row(among.columns)} IN (VALUES {', '.join(map(row, among.rows))})"


def is_postgresql(dialect: Dialect) -> bool:
    """Whether the statement is for PostgreSQL; else it is for SQLite."""
    return dialect.name == "postgresql"


def fenced(statement: Select[Any], *, postgresql: bool) -> Select[Any]:
    """The statement as one that a planner runs by itself, in its own order of rows."""
    if postgresql:
        return statement.offset(literal_column("0"))
    return statement.limit(literal_column("-1"))


def there_is(statement: Select[Any]) -> Condition:
    """Whether the statement finds a row: looked up for each row outside, never joined with."""
    return statement.limit(ONE).scalar_subquery().is_not(None)


def there_is_none(statement: Select[Any]) -> Condition:
    """The opposite of `there_is`."""
    return statement.limit(ONE).scalar_subquery().is_(None)


@dataclass(slots=True)
class Path:
    """Tables that are looked into one after the other, each for every row of those before."""

    start: FromClause | None
    postgresql: bool
    conditions: list[Condition] = field(default_factory=list)

    def then(self, table: FromClause, *conditions: Condition, take: Sequence[str] = ("rid",)) -> Any:
        """Looks into the table next; returns the columns that were named to be taken."""
        if self.start is None:
            self.start = table
            self.conditions += conditions
            return table.c
        if self.postgresql:
            taken = select(*(table.c[name] for name in take)).select_from(table).where(*conditions)
            looked = fenced(taken.correlate_except(table), postgresql=True).lateral()
            self.start = CrossJoin(self.start, looked)
            return looked.c
        self.start = CrossJoin(self.start, table)
        self.conditions += conditions
        return table.c

    def where(self, *conditions: Condition) -> None:
        """Keeps only those rows."""
        self.conditions += conditions

    def select(self, *columns: Any) -> Select[Any]:
        """The rows that were come to."""
        statement = select(*columns).where(*self.conditions)
        return statement if self.start is None else statement.select_from(self.start)
