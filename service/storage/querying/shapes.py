"""A search tree taken apart into its shape, which decides the SQL, and its values.

Two searches of one shape run the same SQL text with other values, so the text is built
once. A shape is nested tuples; the values lie in the order in which
`clauses.Clauses` binds them when it walks the same shape.

Source: ADR 0004
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from service.fhir.registry import Registry
from service.fhir.search import expressions as tree
from service.fhir.search.expressions import EARLIEST, LATEST
from service.storage.indexing import target
from service.storage.names import LONGEST_STRING, Kind, Name, Names, indexable, pack_id

Shape = tuple[Any, ...]

UNKNOWN = -1  # the number of a name that no row has
_AFTER_ALL_TEXT = "\U0010ffff"  # sorts behind every character that text may hold
_MILLISECOND = 1000  # microseconds; `updated` is kept in milliseconds


def names_of(node: tree.Expression) -> set[Name]:
    """The names whose numbers the values will hold."""
    match node:
        case tree.And(parts) | tree.Or(parts):
            return {name for part in parts for name in names_of(part)}
        case tree.Not(part):
            return names_of(part)
        case tree.Chain(where=where) | tree.Has(where=where):
            return names_of(where)
        case tree.Token(system=str(system)) | tree.Quantity(system=str(system)):
            return {(Kind.SYSTEM, indexable(system))}
        case _:
            return set()


@dataclass(slots=True)
class Shaping:
    """Takes trees apart; `values` grows in the order of the shape."""

    names: Names
    registry: Registry
    values: list[Any] = field(default_factory=list)

    def shape(self, node: tree.Expression, type_: str) -> Shape:
        """The shape of the node read in the resource type."""
        match node:
            case tree.Everything() | tree.Nothing():
                return (type(node).__name__,)
            case tree.And(parts) | tree.Or(parts):
                return (type(node).__name__, *(self.shape(part, type_) for part in parts))
            case tree.Not(part):
                return ("Not", self.shape(part, type_))
            case tree.Ids(ids):
                self.values.extend(pack_id(id_) for id_ in sorted(ids))
                return ("Ids", len(ids))
            case tree.LastUpdated(prefix, low, high):
                self.values.extend(_milliseconds(prefix, low, high))
                return ("LastUpdated", prefix == "ne")
            case tree.Chain(parameter, target_type, where):
                self._parameter(type_, parameter)
                self._name(Kind.TYPE, target_type)
                return ("Chain", self.shape(where, target_type))
            case tree.Has(source_type, parameter, where):
                self._parameter(source_type, parameter)
                self._name(Kind.TYPE, type_)
                self._name(Kind.TYPE, source_type)
                return ("Has", self.shape(where, source_type))
            case _:
                self._parameter(type_, node.parameter)
                return self._leaf(node, type_)

    def _leaf(self, node: tree.Leaf, type_: str) -> Shape:
        match node:
            case tree.Token(parameter, system, code):
                return self._token(parameter, system, code)
            case tree.Reference(_, target_type, id_):
                return self._reference(target_type, id_)
            case tree.String(_, value, match):
                return self._string(value, match)
            case tree.Date(_, prefix, low, high):
                self.values += [low, high]
                return ("Date", prefix)
            case tree.Number(_, prefix, value, low, high):
                self.values += [value, low, high]
                return ("Number", prefix)
            case tree.Quantity():
                return self._quantity(node)
            case tree.Uri(_, value, match):
                self.values.append(indexable(value))
                return ("Uri", match)
            case tree.Missing(parameter, missing):
                return ("Missing", self.registry.search_parameters(type_)[parameter].type, missing)

    def _parameter(self, type_: str, code: str) -> None:
        self.values.append(self.names.known(Kind.PARAMETER, f"{type_}.{code}"))

    def _name(self, kind: Kind, text: str) -> None:
        code = self.names.code(kind, text)
        self.values.append(UNKNOWN if code is None else code)

    def _token(self, parameter: str, system: str | None, code: str | None) -> Shape:
        if code is not None:
            self.values.append(indexable(code))
        if system is not None:
            self._name(Kind.SYSTEM, indexable(system))
        return ("Token", code is not None, system is not None, parameter == "identifier")

    def _reference(self, target_type: str | None, id_: str) -> Shape:
        if target_type is None:
            self.values.append(pack_id(id_))
            return ("Reference", False)
        code, packed = target(self.names, target_type, id_)
        self.values += [packed, code]
        return ("Reference", True)

    def _string(self, value: str, match: tree.StringMatch) -> Shape:
        value = value[:LONGEST_STRING]
        match match:
            case "starts":
                self.values += [value, value + _AFTER_ALL_TEXT]
            case "exact":
                self.values.append(value)
            case "contains":
                escaped = value.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
                self.values.append(f"%{escaped}%")
        return ("String", match)

    def _quantity(self, node: tree.Quantity) -> Shape:
        self.values += [node.value, node.low, node.high]
        if node.code is not None:
            self.values.append(indexable(node.code))
        if node.system is not None:
            self._name(Kind.SYSTEM, indexable(node.system))
        return ("Quantity", node.prefix, node.code is not None, node.system is not None)


def _milliseconds(prefix: tree.Prefix, start: int, end: int) -> tuple[int, int]:
    """First and last millisecond t whose range [t, t + 1 ms) stands to [start, end) as the prefix says.

    For `ne` the two bound what must not be.
    """
    first_within, last_within = -(-start // _MILLISECOND), end // _MILLISECOND - 1
    match prefix:
        case "eq" | "ne":
            return first_within, last_within
        case "gt":
            return end // _MILLISECOND, LATEST
        case "sa":
            return -(-end // _MILLISECOND), LATEST
        case "ge":
            return min(first_within, end // _MILLISECOND), LATEST
        case "lt":
            return EARLIEST, first_within - 1
        case "eb":
            return EARLIEST, start // _MILLISECOND - 1
        case "le":
            return EARLIEST, max(first_within - 1, last_within)
        case "ap":
            return start // _MILLISECOND, -(-end // _MILLISECOND) - 1
