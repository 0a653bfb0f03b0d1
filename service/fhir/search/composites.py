"""Composites: pairs of values that stand together in one element, taken from a resource.

A composite has an expression that gives elements (the resource itself, or one of its
repeats) and two components, each an expression on such an element. Composites on the
same elements share the reading of their first component, and of what a second reads.

Source: https://hl7.org/fhir/R4/search.html#combining
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from service.fhir.paths import EvaluationError, Node, Path, PathError, compile_path
from service.fhir.search.derived import derived, stands_alone
from service.fhir.search.parameters import alternatives, element_at

if TYPE_CHECKING:
    from service.fhir.definitions import SearchParameter, SearchType
    from service.fhir.paths.types import TypeModel
    from service.fhir.registry import Registry

Reader = Callable[[Any], Iterable[tuple[Any, ...]]]
Readers = Mapping[str, Reader]

# The path that a component's expression runs, its readers, and a suffix of the code that they are for.
Way = tuple[str, Readers, str]
# The ways to read an operand of a component's expression as the search parameter that it is of.
Ways = Callable[["SearchParameter", str], Iterable[Way]]

Composites = set[tuple[str, tuple[str, str], tuple[Any, ...]]]
Sinks = tuple[tuple[Readers, tuple[str, ...]], ...]
NO_TOKEN = ("", "")


@dataclass(frozen=True, slots=True)
class Second:
    """A path of second components on one element: `roots` are its properties of which one must be there."""

    run: Callable[[Any], list[Node]]
    roots: frozenset[str] | None
    sinks: Sinks


@dataclass(frozen=True, slots=True)
class Group:
    """Composites whose first components read the same path of the same elements.

    `elements` is None for the resource itself. `typed` is whether all elements are of one
    type, known beforehand, so that paths read their JSON; others are read as nodes.
    """

    elements: Callable[[dict[str, Any]], list[Node]] | None
    typed: bool
    roots: frozenset[str] | None  # of the resource
    first: Callable[[Any], list[Node]]
    firsts: Readers
    seconds: tuple[Second, ...]

    def of_shape(self, keys: frozenset[str]) -> Group | None:
        """The group as far as a resource with these properties can have values of it; None: it has none."""
        if self.roots is not None and not self.roots & keys:
            return None
        if self.elements is not None:
            return self
        seconds = tuple(one for one in self.seconds if one.roots is None or one.roots & keys)
        return replace(self, seconds=seconds) if seconds else None

    def add(self, resource: dict[str, Any], to: Composites) -> None:
        """Adds the pairs of the resource's values."""
        if self.elements is None:
            self._add(resource, resource, to)
            return
        for node in self.elements(resource):
            if isinstance(node.value, dict):
                self._add(node.value, node.value if self.typed else node, to)

    def _add(self, element: dict[str, Any], item: Any, to: Composites) -> None:
        firsts: list[tuple[Any, ...]] | None = None
        for second in self.seconds:
            if second.roots is not None and second.roots.isdisjoint(element):
                continue
            if firsts is None:
                firsts = _read(self.first(item), self.firsts)
                if not firsts:
                    return
            nodes = second.run(item)
            for readers, codes in second.sinks:
                for value in _read(nodes, readers):
                    for code in codes:
                        for first in firsts:
                            to.add((code, first, value))


def _read(nodes: Iterable[Node], readers: Readers) -> list[tuple[Any, ...]]:
    """The values of the nodes; a concept in words alone is no token to look for."""
    values = []
    for node in nodes:
        reader = readers.get(node.type)
        if reader is not None and node.value is not None:
            values += [found for found in reader(node.value) if found != NO_TOKEN]
    return values


def components(
    registry: Registry, parameter: SearchParameter
) -> tuple[tuple[SearchParameter, str], tuple[SearchParameter, str]] | None:
    """The two components, each the search parameter that it is of and its expression.

    None where it has another number of them, the first is no token, or one is unknown or cannot be a part.
    """
    known = registry.search_parameters(parameter.base)
    found = [(known[code], expression) for code, expression in parameter.components if code in known]
    if len(found) != len(parameter.components) or len(found) != 2:
        return None
    first, second = found
    if first[0].type != "token" or second[0].type in {"composite", "special"}:
        return None
    return first, second


def second_kinds(registry: Registry, type_: str) -> Mapping[str, SearchType]:
    """The type of the second component by the code of the composite, derived codes among them."""
    found: dict[str, SearchType] = {}
    for code, parameter in registry.search_parameters(type_).items():
        parts = components(registry, parameter) if parameter.type == "composite" else None
        if parts is not None and stands_alone(registry, parameter):
            for one in (code, *derived(registry, parameter)):
                found[one] = parts[1][0].type
    return found


def groups(registry: Registry, model: TypeModel, type_: str, ways: Ways) -> tuple[Group, ...]:
    """The composites of a type, compiled.

    Raises:
        PathError: an expression cannot be compiled.
    """
    wanted: dict[tuple[str, str], tuple[Readers, dict[str, list[tuple[Readers, str]]]]] = {}
    for code, parameter in registry.search_parameters(type_).items():
        parts = components(registry, parameter) if parameter.type == "composite" else None
        if parts is None or not stands_alone(registry, parameter):
            continue
        (first, first_expression), (second, second_expression) = parts
        for context in alternatives(parameter.expression):
            for path, readers, _ in _ways(first, first_expression, ways, plain=True):
                seconds = wanted.setdefault((context, path), (readers, {}))[1]
                for second_path, second_readers, suffix in _ways(second, second_expression, ways):
                    seconds.setdefault(second_path, []).append((second_readers, code + suffix))
    return tuple(
        _group(registry, model, type_, place, readers, seconds)
        for place, (readers, seconds) in wanted.items()
    )


def _ways(parameter: SearchParameter, expression: str, ways: Ways, *, plain: bool = False) -> list[Way]:
    return [
        way for part in alternatives(expression) for way in ways(parameter, part) if not (plain and way[2])
    ]


def _group(
    registry: Registry,
    model: TypeModel,
    type_: str,
    place: tuple[str, str],
    firsts: Readers,
    seconds: Mapping[str, list[tuple[Readers, str]]],
) -> Group:
    context, first_path = place
    is_resource = context == type_
    owner = type_ if is_resource else _type_of(registry, context)
    try:
        elements = None if is_resource else compile_path(context, model, type_)
        first = compile_path(first_path, model, owner)
        compiled = [(compile_path(path, model, owner), sinks) for path, sinks in seconds.items()]
    except PathError as fault:
        raise PathError(f"Composite search parameter of {type_}: {fault}") from fault
    return Group(
        elements=None if elements is None else _fitting(elements),
        typed=owner is not None,
        roots=first.roots if elements is None else elements.roots,
        first=_fitting(first),
        firsts=firsts,
        seconds=tuple(Second(_fitting(path), path.roots, _joined(sinks)) for path, sinks in compiled),
    )


def _type_of(registry: Registry, context: str) -> str | None:
    """The one type of the elements, None where it cannot be told beforehand."""
    found = element_at(registry, context)
    return found[1][0] if found and len(found[1]) == 1 else None


def _joined(sinks: Iterable[tuple[Readers, str]]) -> Sinks:
    """Codes of the same readers together."""
    by_readers: dict[int, tuple[Readers, list[str]]] = {}
    for readers, code in sinks:
        by_readers.setdefault(id(readers), (readers, []))[1].append(code)
    return tuple((readers, tuple(codes)) for readers, codes in by_readers.values())


def _fitting(path: Path) -> Callable[[Any], list[Node]]:
    """The path's items, none where the expression does not fit the data: an index must not refuse a write."""

    def run(item: Any) -> list[Node]:
        try:
            return path.values(item)
        except EvaluationError:
            return []

    return run
