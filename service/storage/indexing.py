"""Index rows of a resource: a pure function of its body, and the difference of two of them.

Source: https://hl7.org/fhir/R4/search.html, ADR 0002
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from service.fhir.definitions import SearchType
from service.fhir.registry import Registry
from service.fhir.search.composites import second_kinds
from service.fhir.search.derived import index_codes
from service.fhir.search.digests import definitions
from service.fhir.search.extraction import Extractor
from service.fhir.search.values import SearchValues
from service.storage import sharing
from service.storage.names import Kind, Name, Names, pack_id
from service.storage.sharing import NO_RULE, Facts, Rule

Second = tuple[str, int, int, int, float]  # text, text_system, low, high, value
Row = tuple[
    Any, ...
]  # the columns of an index table without locality and rid: a parameter if any, then values

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
Rows = tuple[
    set[Row], set[Row], set[Row], set[Row], set[Row], set[Row], set[Row], set[Row], set[Row], set[Row],
]  # fmt: skip

_NO_VALUES = SearchValues()
NO_ROWS: Rows = (set(), set(), set(), set(), set(), set(), set(), set(), set(), set())
_USUAL_TARGETS = 10_000  # whom and what a day's writes refer to
LONGEST_ID = 64  # characters, https://hl7.org/fhir/R4/datatypes.html#id
URL_TARGET = 0  # `target_type` of a reference that is no Type/id of a type we know


@dataclass(frozen=True, slots=True)
class Difference:
    """What an update of a resource changes in the index tables, in the order of `TABLES`."""

    removed: Rows
    added: Rows


def difference(old: Rows, new: Rows) -> Difference:
    """The rows to take away from `old` and to add to it for `new`."""
    if old is NO_ROWS:  # of what is new, and that is most that comes
        return Difference(NO_ROWS, new)
    return Difference(
        removed=tuple(before - after for before, after in zip(old, new, strict=True)),  # type: ignore[arg-type]  # ten sets of ten
        added=tuple(after - before for before, after in zip(old, new, strict=True)),  # type: ignore[arg-type]  # as above
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
        self._parameters: dict[str, dict[str, int]] = {}
        self._seconds = {type_: second_kinds(registry, type_) for type_ in registry.served}
        self._with_systems = frozenset(
            code
            for kinds in self._seconds.values()
            for code, kind in kinds.items()
            if kind in {"token", "quantity"}
        )

    def values(self, resource: dict[str, Any] | None) -> SearchValues:
        """The search values of a resource; none of a deleted one."""
        return _NO_VALUES if resource is None else self._extractor.values(resource)

    def facts(self, resource: dict[str, Any] | None) -> Facts | None:
        """What a resource tells of who may see it; nothing where it is deleted."""
        return None if resource is None else self._rule.facts(resource)

    def unknown(self, values: SearchValues, facts: Facts | None = None) -> set[Name]:
        """Those of `systems` that have no number yet."""
        if (facts is None or not facts.rows) and self._knows(values):
            return set()
        return self._names.unknown(self.systems(values, facts))

    def _knows(self, values: SearchValues) -> bool:
        """Whether all systems in the values have numbers; written out, because every write comes by here."""
        systems = self._names.systems
        for _, system, _ in values.tokens:
            if system not in systems:
                return False
        for _, system, _, _ in values.quantities:
            if system not in systems:
                return False
        for code, (system, _), second in values.composites:
            if system not in systems or (code in self._with_systems and second[0] not in systems):
                return False
        return True

    def systems(self, values: SearchValues, facts: Facts | None = None) -> Iterable[Name]:
        """The names that must be known before `rows` can be made of the values and facts."""
        if facts is not None and facts.rows:
            yield from sharing.names_of(facts.rows)
        yield from {(Kind.SYSTEM, system) for _, system, _ in values.tokens}
        if values.quantities:
            yield from {(Kind.SYSTEM, system) for _, system, _, _ in values.quantities}
        for code, (system, _), second in values.composites:
            yield Kind.SYSTEM, system
            if code in self._with_systems:
                yield Kind.SYSTEM, second[0]

    def rows(self, type_: str, values: SearchValues, facts: Facts | None = None) -> Rows:
        """The index rows of the values of a resource of that type, and of what it tells of sharing."""
        parameters = self._parameters.get(type_) or self._learn(type_)
        systems, target_of = self._names.systems, self._target
        return (
            {(parameters[code], token, systems[uri]) for code, uri, token in values.tokens},
            {(parameters[code], *target_of(type_, id_)) for code, type_, id_ in values.references},
            {(parameters[code], folded, original) for code, folded, original in values.strings},
            {(parameters[code], low, high) for code, low, high in values.dates},
            {(parameters[code], value) for code, value in values.numbers},
            {(parameters[code], unit, systems[uri], value) for code, uri, unit, value in values.quantities},
            {(parameters[code], uri) for code, uri in values.uris},
            {
                (
                    parameters[code],
                    token,
                    systems[uri],
                    *self._second(self._seconds[type_][code], second),
                )
                for code, (uri, token), second in values.composites
            },
            {(parameters[code], words) for code, words in values.texts},
            set() if facts is None else set(sharing.packed(facts.rows, self._names)),
        )

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

    def _learn(self, type_: str) -> dict[str, int]:
        parameters = {
            code: self._names.known(Kind.PARAMETER, f"{type_}.{code}")
            for code in index_codes(self._registry, type_)
        }
        self._parameters[type_] = parameters
        return parameters


def target(names: Names, type_: str, id_: str) -> tuple[int, bytes]:
    """`target_type` and `target` of a reference to `type_`/`id_`, or to the URL `id_` where `type_` is empty."""
    code = names.code(Kind.TYPE, type_) if type_ and len(id_) <= LONGEST_ID else None
    if code is not None:
        return code, pack_id(id_)
    return URL_TARGET, (f"{type_}/{id_}" if type_ else id_).encode()
