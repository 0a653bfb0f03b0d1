"""Index rows of a resource: a pure function of its body, and the difference of two of them.

Source: https://hl7.org/fhir/R4/search.html, ADR 0002
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

from service.fhir.definitions import SearchType
from service.fhir.registry import Registry
from service.fhir.search.composites import second_kinds
from service.fhir.search.derived import index_codes
from service.fhir.search.digests import definitions
from service.fhir.search.extraction import Extractor, Part, Reading
from service.fhir.search.values import SearchValues
from service.storage import sharing
from service.storage.names import Kind, Name, Names, pack_id
from service.storage.sharing import NO_RULE, Facts, Rule

Second = tuple[str, int, int, int, float]  # text, text_system, low, high, value
Row = tuple[
    Any, ...
]  # the columns of an index table without locality and rid: a parameter if any, then values

Values = Collection[tuple[Any, ...]]  # search values, each begins with a parameter's code
Parameters = Mapping[str, int]  # the numbers of a type's codes
Finished = list[tuple[int, set[Row]]]  # rows by the places of their tables

# The order of `tables.INDEXES`.
TABLES = (
    "index_token",
    "index_reference",
    "index_string",
    "index_date",
    "index_number",
    "index_quantity",
    "index_uri",
    "index_composite",
    "index_text",
    "index_sharing",
)
Rows = tuple[set[Row], ...]  # in the order of `TABLES`, one of each

_NOTHING_READ = Reading([], SearchValues())
NO_ROWS: Rows = tuple(set() for _ in TABLES)
# Kinds of a part's values that have systems.
_TOKENS, _QUANTITIES = TABLES.index("index_token"), TABLES.index("index_quantity")
_USUAL_TARGETS = 10_000  # whom and what a day's writes refer to
LONGEST_ID = 64  # characters, https://hl7.org/fhir/R4/datatypes.html#id
URL_TARGET = 0  # `target_type` of a reference that is no Type/id of a type we know


class Difference(NamedTuple):
    """What an update of a resource changes in the index tables, in the order of `TABLES`."""

    removed: Rows
    added: Rows

    @property
    def size(self) -> int:
        """How many rows."""
        size = sum(map(len, self.added))
        return size if self.removed is NO_ROWS else size + sum(map(len, self.removed))


Gathered = tuple[list[Row], ...]  # rows by table, in the order of `TABLES`


def gathering() -> Gathered:
    """Nothing gathered yet."""
    return tuple([] for _ in TABLES)


def gather(gathered: Gathered, of: tuple[int, ...], rows: Rows) -> None:
    """Adds the rows of a resource to those of others, each behind the numbers `of` the resource."""
    before = of.__add__
    for kept, more in zip(gathered, rows, strict=True):
        if more:
            kept.extend(map(before, more))


def difference(old: Rows, new: Rows) -> Difference:
    """The rows to take away from `old` and to add to it for `new`."""
    if old is NO_ROWS:  # of what is new, and that is most that comes
        return Difference(NO_ROWS, new)
    return Difference(
        removed=tuple(before - after for before, after in zip(old, new, strict=True)),
        added=tuple(after - before for before, after in zip(old, new, strict=True)),
    )


class Indexer:
    """Makes index rows; `names` must know types and parameters of the registry.

    `definitions` is the digest of those by which it makes them.
    """

    def __init__(self, registry: Registry, extractor: Extractor, names: Names, rule: Rule = NO_RULE) -> None:
        self._rule = rule
        self._extractor = extractor
        self._names = names
        self._registry = registry
        self.definitions = definitions(registry).whole
        self._target = lru_cache(_USUAL_TARGETS)(partial(target, names))
        self._parameters: dict[str, Parameters] = {}
        # By the kinds of a part's values, which are in the order of the tables.
        of, other = self._references, self._others
        self._makers = (self._tokens, of, other, other, other, self._quantities, other)
        self._seconds = {type_: second_kinds(registry, type_) for type_ in registry.served}
        self._with_systems = frozenset(
            code
            for kinds in self._seconds.values()
            for code, kind in kinds.items()
            if kind in {"token", "quantity"}
        )

    def read(self, resource: dict[str, Any] | None) -> Reading:
        """The search values of a resource; none of a deleted one."""
        return _NOTHING_READ if resource is None else self._extractor.read(resource)

    def facts(self, resource: dict[str, Any] | None) -> Facts | None:
        """What a resource tells of who may see it; nothing where it is deleted."""
        return None if resource is None else self._rule.facts(resource)

    def unknown(self, reading: Reading, facts: Facts | None = None) -> set[Name]:
        """Those of `systems` that have no number yet."""
        if (facts is None or not facts.rows) and self._knows(reading):
            return set()
        return self._names.unknown(self.systems(reading, facts))

    def _knows(self, reading: Reading) -> bool:
        """Whether all systems that were read have numbers; written out, because every write comes by here."""
        systems, names, rest = self._names.systems, self._names, reading.rest
        for part in reading.parts:
            if (part.rows is None or part.rows[0] is not names) and not all(
                system in systems for system in _systems(part)
            ):
                return False
        for _, system, _ in rest.tokens:
            if system not in systems:
                return False
        for _, system, _, _ in rest.quantities:
            if system not in systems:
                return False
        for code, (system, _), second in rest.composites:
            if system not in systems or (code in self._with_systems and second[0] not in systems):
                return False
        return True

    def systems(self, reading: Reading, facts: Facts | None = None) -> Iterable[Name]:
        """The names that must be known before `rows` can be made of what was read and of the facts."""
        if facts is not None and facts.rows:
            yield from sharing.names_of(facts.rows)
        for part in reading.parts:
            yield from {(Kind.SYSTEM, system) for system in _systems(part)}
        rest = reading.rest
        yield from {(Kind.SYSTEM, system) for _, system, _ in rest.tokens}
        yield from {(Kind.SYSTEM, system) for _, system, _, _ in rest.quantities}
        for code, (system, _), second in rest.composites:
            yield Kind.SYSTEM, system
            if code in self._with_systems:
                yield Kind.SYSTEM, second[0]

    def rows(self, type_: str, reading: Reading, facts: Facts | None = None) -> Rows:
        """The index rows of what was read of a resource of that type, and of what it tells of sharing."""
        parameters = self._parameters.get(type_) or self._learn(type_)
        rest = reading.rest
        rows: list[set[Row]] = [
            self._tokens(parameters, rest.tokens),
            self._references(parameters, rest.references),
            self._others(parameters, rest.strings),
            self._others(parameters, rest.dates),
            self._others(parameters, rest.numbers),
            self._quantities(parameters, rest.quantities),
            self._others(parameters, rest.uris),
            self._composites(type_, parameters, rest.composites),
            self._others(parameters, rest.texts),
            set() if facts is None or not facts.rows else sharing.packed(facts.rows, self._names),
        ]
        names = self._names
        for part in reading.parts:
            if part.rows is None or part.rows[0] is not names:
                # With the names by whose numbers they are made: another store may have others.
                part.rows = names, self._of_part(parameters, part)
            found: Finished = part.rows[1]
            for place, some in found:
                # Those of a part are not copied where there are no others: nobody changes rows once they are made.
                rows[place] = rows[place] | some if rows[place] else some
        return tuple(rows)

    def _of_part(self, parameters: Parameters, part: Part) -> Finished:
        """The rows of the values of a part, which are the same each time that it comes."""
        return [(kind, self._makers[kind](parameters, values)) for kind, values in part.values]

    def _tokens(self, parameters: Parameters, values: Values) -> set[Row]:
        systems = self._names.systems
        return {(parameters[code], token, systems[uri]) for code, uri, token in values} if values else set()

    def _references(self, parameters: Parameters, values: Values) -> set[Row]:
        of = self._target
        return {(parameters[code], *of(type_, id_)) for code, type_, id_ in values} if values else set()

    def _quantities(self, parameters: Parameters, values: Values) -> set[Row]:
        if not values:
            return set()
        systems = self._names.systems
        return {(parameters[code], unit, systems[uri], value) for code, uri, unit, value in values}

    def _others(self, parameters: Parameters, values: Values) -> set[Row]:
        """The rows of values that stand in them as they are."""
        return {(parameters[code], *value) for code, *value in values} if values else set()

    def _composites(self, type_: str, parameters: Parameters, values: Values) -> set[Row]:
        if not values:
            return set()
        systems, kinds = self._names.systems, self._seconds[type_]
        return {
            (parameters[code], token, systems[uri], *self._second(kinds[code], second))
            for code, (uri, token), second in values
        }

    def _second(self, kind: SearchType, second: tuple[Any, ...]) -> Second:
        """The columns of a composite's second part, as `tables.index_composite` tells."""
        known = self._names.known
        match kind:
            case "token":
                return second[1], known(Kind.SYSTEM, second[0]), 0, 0, 0.0
            case "reference":
                type_, id_ = second
                return f"{type_}/{id_}" if type_ else id_, 0, 0, 0, 0.0
            case "string" | "uri":
                return second[0], 0, 0, 0, 0.0
            case "date":
                return "", 0, second[0], second[1], 0.0
            case "quantity":
                return second[1], known(Kind.SYSTEM, second[0]), 0, 0, second[2]
            case _:
                return "", 0, 0, 0, second[0]

    def _learn(self, type_: str) -> Parameters:
        parameters = {
            code: self._names.known(Kind.PARAMETER, f"{type_}.{code}")
            for code in index_codes(self._registry, type_)
        }
        self._parameters[type_] = parameters
        return parameters


def _systems(part: Part) -> Iterable[str]:
    return (value[1] for kind, values in part.values if kind in {_TOKENS, _QUANTITIES} for value in values)


def target(names: Names, type_: str, id_: str) -> tuple[int, bytes]:
    """`target_type` and `target` of a reference to `type_`/`id_`, or to the URL `id_` where `type_` is empty."""
    code = names.code(Kind.TYPE, type_) if type_ and len(id_) <= LONGEST_ID else None
    if code is not None:
        return code, pack_id(id_)
    return URL_TARGET, (f"{type_}/{id_}" if type_ else id_).encode()
