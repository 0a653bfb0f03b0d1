"""Index rows of a resource: a pure function of its body, and the difference of two of them.

Source: https://hl7.org/fhir/R4/search.html, ADR 0002
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from service.fhir.registry import Registry
from service.fhir.search.extraction import Extractor
from service.fhir.search.values import SearchValues
from service.storage.names import LONGEST_STRING, Kind, Name, Names, indexable, pack_id

Row = tuple[Any, ...]  # the value columns of an index table, parameter first, without locality and rid

# The order of `tables.INDEXES`.
TABLES = (
    "index_token",
    "index_reference",
    "index_string",
    "index_date",
    "index_number",
    "index_quantity",
    "index_uri",
)
Rows = tuple[set[Row], set[Row], set[Row], set[Row], set[Row], set[Row], set[Row]]

NO_ROWS: Rows = (set(), set(), set(), set(), set(), set(), set())
LONGEST_ID = 64  # characters, https://hl7.org/fhir/R4/datatypes.html#id
URL_TARGET = 0  # `target_type` of a reference that is no Type/id of a type we know


@dataclass(frozen=True, slots=True)
class Difference:
    """What an update of a resource changes in the index tables, in the order of `TABLES`."""

    removed: Rows
    added: Rows


def difference(old: Rows, new: Rows) -> Difference:
    """The rows to take away from `old` and to add to it for `new`."""
    return Difference(
        removed=tuple(before - after for before, after in zip(old, new, strict=True)),  # type: ignore[arg-type]  # seven sets of seven
        added=tuple(after - before for before, after in zip(old, new, strict=True)),  # type: ignore[arg-type]  # as above
    )


class Indexer:
    """Makes index rows; `names` must know types and parameters of the registry."""

    def __init__(self, registry: Registry, extractor: Extractor, names: Names) -> None:
        self._extractor = extractor
        self._names = names
        self._registry = registry
        self._parameters: dict[str, dict[str, int]] = {}

    def values(self, resource: dict[str, Any] | None) -> SearchValues:
        """The search values of a resource; none of a deleted one."""
        return SearchValues() if resource is None else self._extractor.values(resource)

    @staticmethod
    def systems(values: SearchValues) -> Iterable[Name]:
        """The names that must be known before `rows` can be made of the values."""
        yield from {(Kind.SYSTEM, indexable(system)) for _, system, _ in values.tokens}
        if values.quantities:
            yield from {(Kind.SYSTEM, indexable(system)) for _, system, _, _ in values.quantities}

    def rows(self, type_: str, values: SearchValues) -> Rows:
        """The index rows of the values of a resource of that type."""
        parameters = self._parameters.get(type_) or self._learn(type_)
        known = self._names.known
        system = Kind.SYSTEM
        return (
            {
                (parameters[code], indexable(token), known(system, indexable(uri)))
                for code, uri, token in values.tokens
            },
            {(parameters[code], *self._target(target, id_)) for code, target, id_ in values.references},
            {
                (parameters[code], folded[:LONGEST_STRING], original[:LONGEST_STRING])
                for code, folded, original in values.strings
            },
            {(parameters[code], low, high) for code, low, high in values.dates},
            {(parameters[code], value) for code, value in values.numbers},
            {
                (parameters[code], indexable(unit), known(system, indexable(uri)), value)
                for code, uri, unit, value in values.quantities
            },
            {(parameters[code], indexable(uri)) for code, uri in values.uris},
        )

    def _target(self, type_: str, id_: str) -> tuple[int, bytes]:
        return target(self._names, type_, id_)

    def _learn(self, type_: str) -> dict[str, int]:
        parameters = {
            code: self._names.known(Kind.PARAMETER, f"{type_}.{code}")
            for code in self._registry.search_parameters(type_)
        }
        self._parameters[type_] = parameters
        return parameters


def target(names: Names, type_: str, id_: str) -> tuple[int, bytes]:
    """`target_type` and `target` of a reference to `type_`/`id_`, or to the URL `id_` where `type_` is empty."""
    code = names.code(Kind.TYPE, type_) if type_ and len(id_) <= LONGEST_ID else None
    if code is not None:
        return code, pack_id(id_)
    return URL_TARGET, indexable(f"{type_}/{id_}" if type_ else id_).encode()
