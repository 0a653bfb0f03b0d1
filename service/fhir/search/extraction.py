"""Extraction: the search values of a resource, a pure function of its body.

At start every search parameter of every served type is compiled. Parameters that read
the same path share one evaluation of it, and a resource runs only the paths of which it
has the root property; which those are is remembered by the resource's keys.

Source: https://hl7.org/fhir/R4/search.html#3.1.1.4, design.md section 5
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from service.fhir.definitions import SearchParameter
from service.fhir.paths import EvaluationError, Node, Path, PathError, compile_path
from service.fhir.registry import Registry
from service.fhir.search.parameters import alternatives, narrowed
from service.fhir.search.references import Addresses
from service.fhir.search.types import date, number, quantity, reference, string, token, uri
from service.fhir.search.values import SearchValues

# A reader gives the tuples of a value without the parameter's code, which goes before each.
Reader = Callable[[Any], Iterable[tuple[Any, ...]]]
Readers = Mapping[str, Reader]

# What the store knows without looking into the body.
STORED = frozenset({"_id", "_lastUpdated"})

# Types of parameter that give no values of their own yet: a composite pairs values of one
# element, a special parameter is described by its own text. The grammar refuses both.
WITHOUT_VALUES = frozenset({"composite", "special"})

# Validated bodies have few shapes; a client that shuffles keys must not fill the memory.
MOST_SHAPES = 4_096


@dataclass(frozen=True, slots=True)
class Step:
    """A path and where its items go: the kind of value, a reader by type of item, and the parameters' codes.

    `roots` are the root properties of which one must be there; None: it is always run.
    """

    run: Callable[[dict[str, Any]], list[Node]]
    roots: frozenset[str] | None
    sinks: tuple[tuple[int, Readers, tuple[str, ...]], ...]


Plan = tuple[
    tuple[Callable[[dict[str, Any]], list[Node]], tuple[tuple[int, Readers, tuple[str, ...]], ...]], ...
]

# The sets of SearchValues in the order of its fields, by type of parameter.
_KINDS = {"token": 0, "reference": 1, "string": 2, "date": 3, "number": 4, "quantity": 5, "uri": 6}


class Extractor:
    """Makes the search values of resources. Immutable but for what it remembers of their shapes."""

    def __init__(self, registry: Registry, base_url: str) -> None:
        """Compiles every search parameter; `base_url` (no trailing slash) is where relative references stand.

        Raises:
            PathError: a search parameter's expression cannot be compiled.
        """
        self._addresses = Addresses(registry, base_url)
        self._steps = {type_: self._compile(registry, type_) for type_ in registry.served}
        self._plans: dict[str, dict[tuple[str, ...], Plan]] = {type_: {} for type_ in registry.served}

    def values(self, resource: dict[str, Any]) -> SearchValues:
        """The search values of a resource of a served type; what they stand for is told in `SearchValues`."""
        shapes = self._plans[resource["resourceType"]]
        shape = tuple(resource)
        plan = shapes.get(shape)
        if plan is None:
            plan = self._remember(shapes, shape, resource["resourceType"])
        values = SearchValues()
        kinds: tuple[set[Any], ...] = (
            values.tokens, values.references, values.strings, values.dates,
            values.numbers, values.quantities, values.uris,
        )  # fmt: skip
        for run, sinks in plan:
            for node in run(resource):
                value = node.value
                if value is None:  # a primitive that has only extensions has no value
                    continue
                for kind, readers, codes in sinks:
                    reader = readers.get(node.type)
                    if reader is not None:
                        for found in reader(value):
                            for code in codes:
                                kinds[kind].add((code, *found))
        return values

    def _remember(self, shapes: dict[tuple[str, ...], Plan], shape: tuple[str, ...], type_: str) -> Plan:
        if len(shapes) >= MOST_SHAPES:
            shapes.clear()
        keys = frozenset(shape)
        plan = tuple(
            (step.run, step.sinks) for step in self._steps[type_] if step.roots is None or step.roots & keys
        )
        shapes[shape] = plan
        return plan

    def _compile(self, registry: Registry, type_: str) -> tuple[Step, ...]:
        """The steps of a type: each path once, with all the parameters that read it."""
        wanted: dict[str, dict[tuple[str, str | None], list[str]]] = {}
        for code, parameter in registry.search_parameters(type_).items():
            if code in STORED or parameter.type in WITHOUT_VALUES:
                continue
            for alternative in alternatives(parameter.expression):
                path, way = _way(parameter, alternative)
                wanted.setdefault(path, {}).setdefault((parameter.type, way), []).append(code)
        return tuple(self._step(registry, type_, path, sinks) for path, sinks in wanted.items())

    def _step(
        self,
        registry: Registry,
        type_: str,
        expression: str,
        sinks: Mapping[tuple[str, str | None], list[str]],
    ) -> Step:
        try:
            path = compile_path(expression, registry, type_)
        except PathError as fault:
            codes = ", ".join(code for several in sinks.values() for code in several)
            raise PathError(f"Search parameter {type_}.{codes}: {fault}") from fault
        made = tuple(
            (_KINDS[kind], with_extensions(self._readers(kind, way)), tuple(codes))
            for (kind, way), codes in sinks.items()
        )
        return Step(path.values if is_plain(expression) else fitting(path), path.roots, made)

    def _readers(self, kind: str, way: str | None) -> Readers:
        match kind, way:
            case "reference", only:
                return reference.readers(self._addresses, only)
            case "string", string.FAMILY:
                return string.FAMILY_READERS
            case "string", string.PHONETIC:
                return string.PHONETIC_READERS
            case _:
                return READERS[kind]


READERS: Mapping[str, Readers] = {
    "token": token.READERS, "string": string.READERS, "date": date.READERS,
    "number": number.READERS, "quantity": quantity.READERS, "uri": uri.READERS,
}  # fmt: skip


def _way(parameter: SearchParameter, alternative: str) -> tuple[str, str | None]:
    """The path to run, and what is particular in reading its items: how names are, or which type references are to."""
    match parameter.type:
        case "reference":
            return narrowed(alternative)
        case "string" if parameter.code == string.PHONETIC:
            return alternative, string.PHONETIC
        case "string" if alternative.endswith(f".{string.FAMILY}"):
            return alternative, string.FAMILY
        case _:
            return alternative, None


def with_extensions(readers: Readers) -> Readers:
    """The readers, and one for an Extension, which is read as the value it carries.

    Source: https://hl7.org/fhir/R4/extensibility.html#Extension (search parameters name the extension itself)
    """

    def _extension(value: Mapping[str, Any]) -> Iterable[tuple[Any, ...]]:
        for key, carried in value.items():
            if key.startswith("value"):
                name = key.removeprefix("value")
                reader = readers.get(name) or readers.get(name[:1].lower() + name[1:])
                return reader(carried) if reader else ()
        return ()

    return {**readers, "Extension": _extension}


def is_plain(expression: str) -> bool:
    """Whether the expression only walks from property to property, which fits whatever data."""
    return all(step.isidentifier() for step in expression.split("."))


def fitting(path: Path) -> Callable[[dict[str, Any]], list[Node]]:
    """The path's items, none where the expression does not fit the data: an index must not refuse a write."""

    def run(resource: dict[str, Any]) -> list[Node]:
        try:
            return path.values(resource)
        except EvaluationError:
            return []

    return run
