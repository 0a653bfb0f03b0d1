"""Index rows one by one: in which table those of a code are, and the statements that add, find and take them away.

Statements are written as `Session` wants them.

Source: ADR 0002
"""
# ruff: noqa: S608 - the texts are made of names of our own tables and columns; values are arguments

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from service.fhir.search import derived as derivation
from service.storage.postgres_units import array_type
from service.storage.tables import (
    INDEXES,
    index_composite,
    index_date,
    index_number,
    index_quantity,
    index_reference,
    index_string,
    index_text,
    index_token,
    index_uri,
    row_columns,
)

if TYPE_CHECKING:
    from sqlalchemy import Table

    from service.fhir.registry import Registry
    from service.storage.sessions import Session

_BY_TYPE: Final[Mapping[str, Table]] = {
    "token": index_token,
    "reference": index_reference,
    "string": index_string,
    "date": index_date,
    "number": index_number,
    "quantity": index_quantity,
    "uri": index_uri,
    "composite": index_composite,
}


def home(registry: Registry, type_: str, code: str) -> Table | None:
    """The table that holds the rows of a parameter, or of what is derived from one; None where it has none."""
    plain, _, derived = code.partition(":")
    parameter = registry.search_parameters(type_).get(plain)
    if parameter is None:
        return index_text
    if not derived or parameter.type == "composite":
        return _BY_TYPE.get(parameter.type)
    match derived:
        case derivation.TEXT:
            return index_string
        case derivation.CANONICAL:
            return index_quantity
        case what if what in derivation.AXES:
            return index_number
        case _:
            return index_token


def selected(session: Session, table: Table) -> str:
    """A statement for the rows of some parameters ($2) and resources ($3) in a locality ($1), each after its rid."""
    values = ", ".join(column.name for column in table.c if column.name not in {"locality", "rid"})
    return (
        f"SELECT rid, {values} FROM {table.name} WHERE locality = $1"
        f" AND parameter {session.among(2, 'smallint')} AND rid {session.among(3, 'bigint')}"
    )


def _insert(table: Table) -> str:
    names = ", ".join(column.name for column in row_columns(table))
    slots = ", ".join(f"${number}" for number, _ in enumerate(table.c, 1))
    return f"INSERT INTO {table.name} ({names}) VALUES ({slots}) ON CONFLICT DO NOTHING"


def _remove(table: Table) -> str:
    same = " AND ".join(f"{column.name} = ${number}" for number, column in enumerate(row_columns(table), 1))
    return f"DELETE FROM {table.name} WHERE {same}"


def _insert_many(table: Table) -> str:
    names = ", ".join(column.name for column in row_columns(table))
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {_unnested(table)} ON CONFLICT DO NOTHING"


def _remove_many(table: Table) -> str:
    same = " AND ".join(f"i.{column.name} = u.{column.name}" for column in row_columns(table))
    return f"DELETE FROM {table.name} i USING {_unnested(table)} WHERE {same}"


def _unnested(table: Table) -> str:
    columns = row_columns(table)
    slots = ", ".join(f"${number}::{array_type(column.type)}" for number, column in enumerate(columns, 1))
    return f"unnest({slots}) AS u ({', '.join(column.name for column in columns)})"


INSERT: Final[Mapping[str, str]] = {table.name: _insert(table) for table in INDEXES}
"""By table: adds a row (its columns in the order of `row_columns`) unless it is there."""
REMOVE: Final[Mapping[str, str]] = {table.name: _remove(table) for table in INDEXES}
"""By table: takes away a row."""
INSERT_MANY: Final[Mapping[str, str]] = {table.name: _insert_many(table) for table in INDEXES}
"""By table: adds rows, given as an array of each column, on PostgreSQL."""
REMOVE_MANY: Final[Mapping[str, str]] = {table.name: _remove_many(table) for table in INDEXES}
"""By table: takes away rows, given as an array of each column, on PostgreSQL."""
