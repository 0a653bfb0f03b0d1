"""A search tree taken apart into its shape, which decides the SQL, and its values.

Two searches of one shape run the same SQL text with other values, so the text is built
once. A shape is nested tuples: the kind of node, where its values begin, and what else
tells its SQL apart. A statement names its parameters by the places of their values
(p0, p1 …), so that it may use them in any order, and more than once.

Source: ADR 0004, ADR 0013
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from service.fhir.registry import Registry
from service.fhir.search import expressions as tree
from service.fhir.search.derived import AXES, CANONICAL, TEXT
from service.fhir.search.expressions import EARLIEST, LATEST
from service.fhir.search.lengths import LONGEST_STRING, beginning
from service.fhir.search.sight import Sight
from service.fhir.search.strings import fold
from service.storage.indexing import target
from service.storage.names import Kind, Name, Names, pack_id
from service.storage.querying import narrowness
from service.storage.querying.decision import slots
from service.storage.sharing import NO_RULE, Rule

Shape = tuple[Any, ...]

UNKNOWN = -1  # the number of a name that no row has
_AFTER_ALL_TEXT = "\U0010ffff"  # sorts behind every character that text may hold
_ROUNDING = 1e-12  # far more than doubles err by between -2 and 2; on the earth six micrometres
_MILLISECOND = 1000  # microseconds; `updated` is kept in milliseconds

# From so many alternatives of one parameter on they are one set that values are looked up in.
# SQLite takes at most 1,000 conditions joined by OR and 500 statements in a union
# (https://sqlite.org/limits.html); far below that a set is also the faster way.
MANY = 8


def names_of(node: tree.Expression) -> set[Name]:
    """The names whose numbers the values will hold."""
    match node:
        case tree.And(parts) | tree.Or(parts):
            return {name for part in parts for name in names_of(part)}
        case tree.Not(part):
            return names_of(part)
        case tree.Chain(where=where) | tree.Has(where=where):
            return names_of(where)
        case tree.Composite(_, first, second):
            return names_of(first) | names_of(second)
        case tree.Token(system=str(system)) | tree.Quantity(system=str(system)):
            return {(Kind.SYSTEM, system)}
        case _:
            return set()


_UNWITHHELD: Shape = ("Unwithheld",)


@dataclass(slots=True)
class Shaping:
    """Takes trees apart; `values` grows in the order of the shape.

    For the eyes of `sight` a search finds out no more than they see: what they do not see is not
    there, and by what the `rule` says reveals places a resource whose places are withheld has no value.
    """

    names: Names
    registry: Registry
    values: list[Any] = field(default_factory=list)
    sight: Sight | None = None
    rule: Rule = NO_RULE

    def seen(self, node: tree.Expression, type_: str) -> Shape:
        """The shape of the node, and of what the sight wants of resources of the type; whether they are seen is apart.

        What is wanted is asked of the whole truth.
        """
        if self.sight is None:
            return self.shape(node, type_)
        if not self.sight.reads(type_):
            return ("Nothing",)
        shape, narrowed = self.shape(node, type_), self.sight.narrowed.get(type_)
        if narrowed is None:
            return shape
        wanted = Shaping(self.names, self.registry, self.values).shape(narrowed, type_)
        return _both(shape, ("Whole", wanted) if self.slots and leads_on(wanted) else wanted)

    @property
    def slots(self) -> int:
        """Those of `decision.slots`."""
        return slots(self.sight)

    def shape(self, node: tree.Expression, type_: str) -> Shape:
        """The shape of the node read in the resource type."""
        match node:
            case tree.Everything() | tree.Nothing():
                return (type(node).__name__,)
            case tree.And(parts):
                return self._and(parts, type_)
            case tree.Or(parts):
                return self._or(parts, type_)
            case tree.Not(part):
                return ("Not", self.shape(part, type_))
            case tree.Chain() | tree.Has():
                straight = _straight(node)
                return (
                    self._or(straight.parts, type_)
                    if isinstance(straight, tree.Or)
                    else self._through(straight, type_)
                )
            case _:
                return self._one(node, type_)

    def _through(self, node: tree.Chain | tree.Has, type_: str) -> Shape:
        at = len(self.values)
        match node:
            case tree.Chain(parameter, target_type, where):
                self._parameter(type_, parameter)
                self._name(Kind.TYPE, target_type)
                within = self.seen(where, target_type)
                chain = ("Chain", at, narrowness.is_hub(target_type), within)
                return self._withholding(chain, type_, parameter, target_type)
            case tree.Has(source_type, parameter, where):
                self._parameter(source_type, parameter)
                self._name(Kind.TYPE, type_)
                self._name(Kind.TYPE, source_type)
                within = self._withholding(self.seen(where, source_type), source_type, parameter, type_)
                return ("Has", at, within)

    def _one(
        self, node: tree.Ids | tree.About | tree.LastUpdated | tree.Leaf | tree.Within, type_: str
    ) -> Shape:
        at = len(self.values)
        match node:
            case tree.Ids(ids):
                return self._ids(ids)
            case tree.About(child, unlabelled):
                self.values.append(pack_id(child))
                return ("About", at, unlabelled)
            case tree.LastUpdated(prefix, low, high):
                self.values += _milliseconds(prefix, low, high)
                return ("LastUpdated", at, prefix)
            case tree.Within(parameter, target_type, id_, part_of, direction):
                if self._hidden_hierarchy(target_type):
                    return self._one(tree.Reference(parameter, target_type, id_), type_)
                self._parameter(type_, parameter)
                self.values.append(pack_id(id_))
                self._name(Kind.TYPE, target_type)
                self._parameter(target_type, part_of)
                return self._withholding(("Within", at, direction, self.slots), type_, parameter, target_type)
            case tree.Near(parameter):
                for axis in AXES:
                    self._parameter(type_, f"{parameter}:{axis}")
                return self._withholding(self._leaf(node, type_, at), type_, parameter)
            case _:
                self._parameter(type_, node.parameter)
                return self._withholding(self._leaf(node, type_, at), type_, *_parameter_of(node))

    def _hidden_hierarchy(self, type_: str) -> bool:
        """Whether not all resources of the type that are seen otherwise are seen by the sight's own conditions."""
        sight = self.sight
        return sight is not None and (not sight.reads(type_) or type_ in sight.narrowed)

    def _withholds(self, type_: str, code: str, of: str | None = "") -> bool:
        revealing = (type_, code.partition(":")[0]) in self.rule.revealing or of in self.rule.places
        return self.slots > 0 and revealing

    def _withholding(self, shape: Shape, type_: str, code: str, of: str | None = "") -> Shape:
        """The shape as it is of a resource whose places may be withheld: then it has no value by the parameter.

        `of` is the type that a reference is to.
        """
        if not self._withholds(type_, code, of):
            return shape
        if shape[0] == "Missing" and shape[3]:
            return ("Or", shape, ("Not", _UNWITHHELD))
        return _both(shape, _UNWITHHELD)

    def sort(self, key: tree.SortKey, type_: str) -> Shape:
        """The shape of a sort key; it tells whether a resource has one value by it at most."""
        at = len(self.values)
        if key.kind in ("_id", "_lastUpdated"):
            return (key.kind, at, key.descending, True)
        self._parameter(type_, key.parameter)
        single = key.kind == "date" and narrowness.is_single(self.registry, type_, key.parameter)
        return (key.kind, at, key.descending, single)

    def like(self, key: Shape, parts: tuple[Shape, ...]) -> tuple[int, ...]:
        """Which of the parts are conditions on the dates that the resources are sorted by."""
        kind, at, *_ = key
        return tuple(
            index
            for index, part in enumerate(parts)
            if kind == "date" and part[0] == "Date" and self.values[part[1]] == self.values[at]
        )

    def _and(self, parts: tuple[tree.Expression, ...], type_: str) -> Shape:
        """A conjunction has no conjunctions among its parts, nor one part alone."""
        flat: list[Shape] = []
        for part in parts:
            shape = self.shape(part, type_)
            flat += shape[1:] if shape[0] == "And" else (() if shape[0] == "Everything" else (shape,))
        return flat[0] if len(flat) == 1 else ("And", *flat) if flat else ("Everything",)

    def _or(self, parts: tuple[tree.Expression, ...], type_: str) -> Shape:
        """Many values of one parameter become one set of values; no alternatives stand among the parts."""
        if len(parts) <= 1:
            return self.shape(parts[0], type_) if parts else ("Nothing",)
        shapes: list[Shape] = []
        for form, group in groupby(parts, _form):
            alike = list(group)
            if form is not None and len(alike) >= MANY:
                shape = self._set(alike, type_)
                shapes.append(self._withholding(shape, type_, *_parameter_of(alike[0])))
            else:
                for part in alike:
                    shape = self.shape(part, type_)
                    shapes += shape[1:] if shape[0] == "Or" else (shape,)
        if len(shapes) > 1 and all(shape[0] == "And" and shape[2:] == (_UNWITHHELD,) for shape in shapes):
            # Said once: what drives and what streams is then what it would be.
            return ("And", ("Or", *(shape[1] for shape in shapes)), _UNWITHHELD)
        return shapes[0] if len(shapes) == 1 else ("Or", *shapes)

    def _set(self, parts: list[Any], type_: str) -> Shape:
        """Values are repeated up to a power of two, so that few lengths have texts of their own."""
        at = len(self.values)
        self._parameter(type_, parts[0].parameter)
        slots = 1 << (len(parts) - 1).bit_length()
        repeated = [*parts, *([parts[-1]] * (slots - len(parts)))]
        return ("Set", at, slots, *{self._leaf(part, type_, at) for part in repeated})

    def _ids(self, ids: frozenset[str]) -> Shape:
        if not ids:
            return ("Nothing",)
        at = len(self.values)
        packed = [pack_id(id_) for id_ in sorted(ids)]
        slots = 1 << (len(packed) - 1).bit_length()
        self.values += [*packed, *([packed[-1]] * (slots - len(packed)))]
        return ("Ids", at, slots)

    def _leaf(self, node: tree.Leaf, type_: str, at: int) -> Shape:
        match node:
            case tree.Token() | tree.Reference() | tree.String():
                return self._named(node, type_, at)
            case tree.Date(_, prefix, low, high):
                self.values += [low, high]
                return ("Date", at, prefix, narrowness.of_dates(prefix, low, high))
            case tree.Number(_, prefix, value, low, high):
                self.values += [value, low, high]
                return ("Number", at, prefix)
            case tree.Quantity() | tree.Near():
                return self._numbers(node, at)
            case tree.Uri(_, value, match):
                return self._uri(value, match, at)
            case tree.Composite(_, first, second):
                begun = self._named(first, type_, at)
                inner = len(self.values) - 1  # a leaf's first value is its parameter, which a part has not
                return ("Composite", at, *begun[2:4], self._part(second, type_, inner))
            case tree.Words(_, words):
                self.values += [f" {word}" for word in words]
                return ("Words", at, len(words))
            case tree.Missing(parameter, missing):
                return ("Missing", at, self._kind(type_, parameter), missing)

    def _named(self, node: tree.Token | tree.Reference | tree.String, type_: str, at: int) -> Shape:
        match node:
            case tree.Token(parameter, system, code):
                if code is not None:
                    self.values.append(code)
                if system is not None:
                    self._name(Kind.SYSTEM, system)
                narrow = narrowness.of_token(parameter) if code is not None else None
                return ("Token", at, code is not None, system is not None, narrow)
            case tree.Reference(parameter, target_type, id_):
                narrow = narrowness.of_reference(self.registry, type_, parameter, target_type)
                if target_type is None:
                    self.values.append(pack_id(id_))
                    return ("Reference", at, False, narrow)
                number, packed = target(self.names, target_type, id_)
                self.values += [packed, number]
                return ("Reference", at, True, narrow)
            case tree.String(parameter, value, match):
                return self._string(parameter, value, match, at)

    def _part(self, node: tree.Expression, type_: str, at: int) -> Shape:
        """The second part of a composite, whose reference is kept as text."""
        if not isinstance(node, tree.Reference):
            return self._leaf(node, type_, at)  # type: ignore[arg-type]  # what stands in a composite is a leaf
        if node.type is None:
            self.values += [node.id, f"/{node.id}"]
            return ("Reference", at, False)
        self.values.append(f"{node.type}/{node.id}" if node.type else node.id)
        return ("Reference", at, True)

    def _kind(self, type_: str, code: str) -> str:
        """The kind of the values that stand under a parameter's code, or under one that is derived of it."""
        of, _, what = code.partition(":")
        kind = self.registry.search_parameters(type_)[of].type
        if what in AXES:
            return "number"
        return kind if what in ("", CANONICAL) else "string" if what == TEXT else "token"

    def _parameter(self, type_: str, code: str) -> None:
        self.values.append(self.names.known(Kind.PARAMETER, f"{type_}.{code}"))

    def _name(self, kind: Kind, text: str) -> None:
        code = self.names.code(kind, text)
        self.values.append(UNKNOWN if code is None else code)

    def _string(self, parameter: str, value: str, match: tree.StringMatch, at: int) -> Shape:
        match match:
            case "starts":
                self.values += [value, value + _AFTER_ALL_TEXT]
            case "exact":
                self.values.append(value)
                # The folded text is in the index and leads to it; phonetic keeps sounds there, and
                # of a text that was cut the folded text is not that of what was kept.
                if len(value) < LONGEST_STRING and parameter != "phonetic":
                    self.values.append(beginning(fold(value)))
                    return ("String", at, "same")
            case "contains":
                self.values.append(value)
        return ("String", at, match)

    def _uri(self, value: str, match: tree.UriMatch, at: int) -> Shape:
        match match:
            case "exact":
                self.values.append(value)
                return ("Uri", at, match, 1)
            case "below":
                # "0" follows "/": what continues the address by a segment lies between the two.
                self.values += [value, f"{value}/", f"{value}0"]
                return ("Uri", at, match, 1)
            case "above":
                upper = [value[:end] for end, sign in enumerate(value) if sign == "/"] + [value]
                self.values += upper
                return ("Uri", at, match, len(upper))

    def _numbers(self, node: tree.Quantity | tree.Near, at: int) -> Shape:
        if isinstance(node, tree.Near):
            # No coordinate differs by more than the chord itself; rounding gets its share.
            along = math.sqrt(node.chord) * (1 + _ROUNDING) + _ROUNDING
            self.values += [node.x, node.y, node.z, node.chord, node.x - along, node.x + along]
            return ("Near", at)
        self.values += [node.value, node.low, node.high]
        if node.code is not None:
            self.values.append(node.code)
        if node.system is not None:
            self._name(Kind.SYSTEM, node.system)
        return ("Quantity", at, node.prefix, node.code is not None, node.system is not None)


def _parameter_of(node: Any) -> tuple[str, str | None]:
    """The code of the parameter that a leaf reads, and the type that it must refer to, if any."""
    return node.parameter, node.type if isinstance(node, tree.Reference) else ""


def _form(node: tree.Expression) -> tuple[Any, ...] | None:
    """What conditions that may stand in one set have in common; None where the node stands in none."""
    match node:
        case tree.Token(parameter, system, str()):
            return ("Token", parameter, system is not None)
        case tree.Reference(parameter, type_, _):
            return ("Reference", parameter, type_)
        case _:
            return None


def _both(one: Shape, other: Shape) -> Shape:
    """Both must hold."""
    flat = [part for shape in (one, other) for part in (shape[1:] if shape[0] == "And" else (shape,))]
    flat = [part for part in flat if part != ("Everything",)]
    return flat[0] if len(flat) == 1 else ("And", *flat) if flat else ("Everything",)


def about_alone(shape: Shape) -> Shape:
    """What the shape asks of whom a resource is about: with all else that it asks taken as true."""
    match shape:
        case ("And" | "Or" as kind, *several):
            return (kind, *map(about_alone, several))
        case ("About", *_):
            return shape
        case _:
            return ("Everything",)


def leads_on(shape: Shape) -> bool:
    """Whether other resources are looked at for it."""
    if shape[0] in ("Chain", "Has", "Within"):
        return True
    return any(leads_on(part) for part in shape[1:] if isinstance(part, tuple) and part)


def _straight(node: tree.Chain | tree.Has) -> tree.Chain | tree.Has | tree.Or:
    """The chain with the alternatives of chains within it drawn out: some of one is one of some.

    Chains then stand in one line, and not in one another, which SQLite's parser has no room for.
    """
    parts: list[tree.Expression] = []
    for part in node.where.parts if isinstance(node.where, tree.Or) else (node.where,):
        inner = _straight(part) if isinstance(part, tree.Chain | tree.Has) else part
        parts += inner.parts if isinstance(inner, tree.Or) else (inner,)
    if not any(isinstance(part, tree.Chain | tree.Has) for part in parts):
        return node
    lines = tuple(replace(node, where=part) for part in parts)
    return lines[0] if len(lines) == 1 else tree.Or(lines)


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
