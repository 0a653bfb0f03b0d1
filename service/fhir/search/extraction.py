"""Extraction: the search values of a resource, a pure function of its body.

At start every search parameter of every served type is compiled. Parameters that read
the same path share one evaluation of it, and a resource runs only the paths of which it
has the root property; which those are is remembered by the resource's keys.

Source: https://hl7.org/fhir/R4/search.html#3.1.1.4, design.md section 5
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from service.fhir import codec
from service.fhir.definitions import SearchParameter
from service.fhir.paths import EvaluationError, Node, Path, PathError, compile_path
from service.fhir.paths.types import TypeModel
from service.fhir.registry import Registry
from service.fhir.remembered import MISSED, Memory
from service.fhir.search.composites import Group, Way, groups, second_kinds
from service.fhir.search.derived import AXES, CANONICAL, IDENTIFIER, OF_TYPE, TEXT, derived, indexed
from service.fhir.search.lengths import shorten
from service.fhir.search.parameters import alternatives, always_fits, narrowed
from service.fhir.search.references import Addresses
from service.fhir.search.texts import Texts
from service.fhir.search.types import date, near, number, quantity, reference, string, token, uri
from service.fhir.search.values import SearchValues

# A reader gives the tuples of a value without the parameter's code, which goes before each.
Reader = Callable[[Any], Iterable[tuple[Any, ...]]]
Readers = Mapping[str, Reader]

# Types of parameter that have no values under their own code: a composite pairs values of one
# element, a special parameter is described by its own text and has what is derived of it.
WITHOUT_VALUES = frozenset({"composite", "special"})

# Validated bodies have few shapes; a client that shuffles keys must not fill the memory.
MOST_SHAPES = 4_096

# What an item is read for: a kind of values, and in which way.
Purpose = tuple[str, str | None]
Sinks = tuple[tuple[int, Readers, tuple[str, ...]], ...]
# As `Sinks`, where the type of all items is known before.
Settled = tuple[tuple[int, Reader, tuple[str, ...]], ...]
Run = Callable[[dict[str, Any]], list[Any]]
# The sets of SearchValues up to `uris`.
Kinds = tuple[set[Any], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A path and where its items go: the kind of value, a reader by type of item, and the codes.

    `roots` are the root properties of which one must be there; None: it is always run. `settled`: the same for
    bare JSON, where the path's items are of one type.
    """

    run: Callable[[dict[str, Any]], list[Node]]
    roots: frozenset[str] | None
    sinks: Sinks
    settled: tuple[Run, Settled] | None = None
    reads: frozenset[str] | None = None


# What is done for resources with the same properties: paths with their sinks, and composites.
Plan = tuple[
    tuple["RememberedElement", ...],
    "Steps",
    tuple[Group, ...],
    tuple[str, ...],
]

PartValues = tuple[tuple[int, tuple[tuple[Any, ...], ...]], ...]

# An element that was not remembered costs what three save that were.
MISS = 3

# Of these no two resources have the same.
_UNIQUE = frozenset({"id", "identifier", "text", "contained"})

_VALUE_BYTES = 500  # that Python needs for a parameter's value, its texts and what is made of it, about

# The sets of SearchValues in the order of its fields, by type of parameter.
_KINDS = {"token": 0, "reference": 1, "string": 2, "date": 3, "number": 4, "quantity": 5, "uri": 6}

# The type of the values that a derived code has.
_DERIVED_KINDS = {
    TEXT: "string",
    OF_TYPE: "token",
    IDENTIFIER: "token",
    CANONICAL: "quantity",
    **dict.fromkeys(AXES, "number"),
}


class Part:
    """What is read of one element of a resource, the same object whenever the same content comes again.

    `values` are by kind, the place of a set among those of `SearchValues`; `words` are the texts in it. `rows` is
    free for who makes something of the values: it is forgotten with the part.
    """

    __slots__ = ("rows", "values", "words")

    def __init__(self, values: PartValues, words: tuple[str, ...]) -> None:
        self.values = values
        self.words = words
        self.rows: Any = None


class Reading:
    """The search values of a resource: those of remembered parts, which may say the same, and the rest."""

    __slots__ = ("parts", "rest")

    def __init__(self, parts: list[Part], rest: SearchValues) -> None:
        self.parts = parts
        self.rest = rest


def _kinds(values: SearchValues) -> Kinds:
    return (
        values.tokens, values.references, values.strings, values.dates,
        values.numbers, values.quantities, values.uris,
    )  # fmt: skip


class Extractor:
    """Makes the search values of resources. Immutable but for what it remembers of their shapes."""

    def __init__(self, registry: Registry, base_url: str) -> None:
        """Compiles every search parameter; `base_url` (no trailing slash) is where relative references stand.

        Raises:
            PathError: a search parameter's expression cannot be compiled.
        """
        self._registry = registry
        self._model = TypeModel(registry)
        self._readers = _AllReaders(Addresses(registry, base_url))
        self._steps = {type_: self._compile(type_) for type_ in registry.served}
        self._groups = {
            type_: groups(registry, self._model, type_, self._component_ways) for type_ in registry.served
        }
        self._seconds = {type_: second_kinds(registry, type_) for type_ in registry.served}
        self._plans: dict[str, dict[tuple[str, ...], Plan]] = {type_: {} for type_ in registry.served}
        self._texts = Texts(registry)
        self._memory = Memory()
        self._elements: dict[tuple[str, str, tuple[int, ...]], RememberedElement] = {}

    def values(self, resource: dict[str, Any]) -> SearchValues:
        """The search values of a resource of a served type; what they stand for is told in `SearchValues`."""
        reading = self.read(resource)
        values = reading.rest
        kinds = _kinds(values)
        for part in reading.parts:
            for kind, found in part.values:
                kinds[kind].update(found)
        return values

    def read(self, resource: dict[str, Any]) -> Reading:
        """The same in the parts in which it is remembered, and the rest of it."""
        type_ = resource["resourceType"]
        shapes = self._plans[type_]
        shape = tuple(resource)
        plan = shapes.get(shape)
        if plan is None:
            plan = self._remember(shapes, shape, type_)
        values = SearchValues()
        kinds = _kinds(values)
        remembered, others, composites, prose = plan
        parts: list[Part] = []
        words: list[str] = []
        for element in remembered:
            part = element.find(resource)
            if part is None:
                words += element.add(resource, kinds)
            else:
                parts.append(part)
                words += part.words
        others.read(resource, kinds)
        for group in composites:
            group.add(resource, values.composites)
        shorten(values, self._seconds[type_])
        for name in prose:
            words += self._texts.found(type_, name, resource[name])
        self._texts.add_found(resource, words, values.texts)
        return Reading(parts, values)

    def _remember(self, shapes: dict[tuple[str, ...], Plan], shape: tuple[str, ...], type_: str) -> Plan:
        if len(shapes) >= MOST_SHAPES:
            shapes.clear()
        keys = frozenset(shape)
        due = [step for step in self._steps[type_] if step.roots is None or step.roots & keys]
        by_name: dict[str, list[Step]] = {}
        others: list[Step] = []
        for step in due:
            read = () if step.reads is None else tuple(step.reads & keys)
            is_one = len(read) == 1 and read[0] not in _UNIQUE
            (by_name.setdefault(read[0], []) if is_one else others).append(step)
        remembered = tuple(self._element(type_, name, tuple(steps)) for name, steps in by_name.items())
        plan = (
            remembered,
            Steps(others),
            tuple(some for group in self._groups[type_] if (some := group.of_shape(keys))),
            tuple(name for name in shape if name not in by_name and self._texts.has_any(type_, name)),
        )
        shapes[shape] = plan
        return plan

    def _element(self, type_: str, name: str, steps: tuple[Step, ...]) -> RememberedElement:
        """What is read of a property alone; shapes that read the same of it remember it together."""
        key = (type_, name, tuple(map(id, steps)))
        known = self._elements.get(key)
        if known is None:
            texts = self._texts.found if self._texts.has_any(type_, name) else None
            known = RememberedElement(self._memory, type_, name, Steps(steps), texts)
            self._elements[key] = known
        return known

    def _compile(self, type_: str) -> tuple[Step, ...]:
        """The steps of a type: each path once, with all the parameters that read it."""
        wanted: dict[str, dict[Purpose, list[str]]] = {}
        for code, parameter in indexed(self._registry, type_):
            if parameter.type == "composite":
                continue
            reads: list[tuple[str, str]] = []
            if parameter.type not in WITHOUT_VALUES:
                reads.append((parameter.type, code))
            reads += [(one.rpartition(":")[2], one) for one in derived(self._registry, parameter)]
            for alternative in alternatives(parameter.expression) if reads else ():
                path, way = _way(parameter, alternative)
                sinks = wanted.setdefault(path, {})
                for what, its_code in reads:
                    sinks.setdefault((what, way), []).append(its_code)
        paths = ((one, sinks) for path, sinks in wanted.items() for one in self._by_type(type_, path))
        return tuple(self._step(type_, path, sinks) for path, sinks in paths)

    def _by_type(self, type_: str, path: str) -> tuple[str, ...]:
        """The path itself, or one for each type of a choice of the resource: its name tells then which is due."""
        owner, _, name = path.partition(".")
        element = self._registry.definition(type_).elements.get(name) if owner == type_ else None
        if element is None or not element.choice:
            return (path,)
        return tuple(f"{path}.ofType({of})" for of in element.types)

    def _step(self, type_: str, expression: str, sinks: Mapping[Purpose, list[str]]) -> Step:
        try:
            path = compile_path(expression, self._model, type_)
        except PathError as fault:
            codes = ", ".join(code for several in sinks.values() for code in several)
            raise PathError(f"Search parameter {type_}.{codes}: {fault}") from fault
        made = tuple(
            (_KINDS[_DERIVED_KINDS.get(what, what)], self._readers.of(what, way), tuple(codes))
            for (what, way), codes in sinks.items()
        )
        if not always_fits(expression):
            return Step(fitting(path), path.roots, made, None, path.reads)
        return Step(path.values, path.roots, made, _settled(path, made), path.reads)

    def _component_ways(self, parameter: SearchParameter, alternative: str) -> Iterable[Way]:
        """How a component of a composite is read: as the parameter itself and, a quantity, in any unit as well."""
        path, way = _way(parameter, alternative)
        yield path, self._readers.of(parameter.type, way), ""
        if parameter.type == "quantity":
            yield path, self._readers.of(CANONICAL, way), f":{CANONICAL}"


class Steps:
    """Steps of one shape, ready to be run one after the other."""

    __slots__ = ("_settled", "_steps")

    def __init__(self, steps: Iterable[Step]) -> None:
        """Takes steps that are due."""
        due = tuple(steps)
        self._settled = tuple(step.settled for step in due if step.settled is not None and step.settled[1])
        self._steps = tuple((step.run, step.sinks) for step in due if step.settled is None)

    def read(self, resource: dict[str, Any], kinds: Kinds) -> None:
        """Adds what the steps give of the resource."""
        _read_settled(resource, self._settled, kinds)
        _read_others(resource, self._steps, kinds)


class RememberedElement:
    """What is read of one property of resources, kept by its exact content: records repeat their codes."""

    __slots__ = ("_kept", "_memory", "_missed", "_name", "_steps", "_texts", "_type")

    def __init__(
        self,
        memory: Memory,
        type_: str,
        name: str,
        steps: Steps,
        texts: Callable[[str, str, Any], list[str]] | None,
    ) -> None:
        """Takes the steps that read nothing else, and what finds the texts in it, where it may have any."""
        self._memory = memory
        self._type = type_
        self._name = name
        self._steps = steps
        self._texts = texts
        self._missed = 0
        self._kept: dict[bytes, Part] = memory.kept()

    def find(self, resource: dict[str, Any]) -> Part | None:
        """What is read of the property; None where it hardly ever comes again, so that nothing is remembered."""
        if self._missed > MISSED:
            return None
        content = codec.encode(resource[self._name])
        part = self._kept.get(content)
        if part is None:
            self._missed += MISS
            part = self._read(resource)
            size = _VALUE_BYTES * sum(len(found) for _, found in part.values)
            if self._memory.has_room(len(content), size):
                self._kept[content] = part
        elif self._missed:
            self._missed -= 1
        return part

    def add(self, resource: dict[str, Any], kinds: Kinds) -> Iterable[str]:
        """The texts of the property; its values are added to `kinds`."""
        self._steps.read(resource, kinds)
        return () if self._texts is None else self._texts(self._type, self._name, resource[self._name])

    def _read(self, resource: dict[str, Any]) -> Part:
        values = SearchValues()
        kinds = _kinds(values)
        words = self.add(resource, kinds)
        shorten(values, {})  # of one property there are no composites
        found = tuple((kind, tuple(some)) for kind, some in enumerate(kinds) if some)
        return Part(found, tuple(words))


def _read_settled(resource: dict[str, Any], steps: Iterable[tuple[Run, Settled]], kinds: Kinds) -> None:
    """Adds what paths give whose items are of one type."""
    for run, sinks in steps:
        for item in run(resource):
            # What stands beside a primitive is not searched for.
            value = item.value if item.__class__ is Node else item
            if value is None:
                continue
            for kind, reader, codes in sinks:
                for found in reader(value):
                    for code in codes:
                        kinds[kind].add((code, *found))


def _read_others(resource: dict[str, Any], steps: Iterable[tuple[Run, Sinks]], kinds: Kinds) -> None:
    """Adds what paths give whose items say their types."""
    for run, sinks in steps:
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


def _settled(path: Path, sinks: Sinks) -> tuple[Run, Settled] | None:
    """What gives the path's items as bare JSON, with their readers; None where they may be of several types."""
    if path.raw is None:
        return None
    type_, run = path.raw
    return run, tuple((kind, readers[type_], codes) for kind, readers, codes in sinks if type_ in readers)


class _AllReaders:
    """The readers of items by their type, for each purpose made once."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self.of = cache(self._make)

    def _make(self, what: str, way: str | None) -> Readers:
        return with_extensions(self._plain(what, way))

    def _plain(self, what: str, way: str | None) -> Readers:
        match what, way:
            case "reference", only:
                return reference.readers(self._addresses, only)
            case "identifier", only:
                return reference.identifier_readers(self._addresses, only)
            case "string", string.FAMILY:
                return string.FAMILY_READERS
            case "string", string.PHONETIC:
                return string.PHONETIC_READERS
            case _:
                return READERS[what]


READERS: Mapping[str, Readers] = {
    "token": token.READERS, "string": string.READERS, "date": date.READERS,
    "number": number.READERS, "quantity": quantity.READERS, "uri": uri.READERS,
    TEXT: token.TEXT_READERS, OF_TYPE: token.OF_TYPE_READERS, CANONICAL: quantity.CANONICAL_READERS,
    **near.READERS,
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


def fitting(path: Path) -> Callable[[dict[str, Any]], list[Node]]:
    """The path's items, none where the expression does not fit the data: an index must not refuse a write."""

    def run(resource: dict[str, Any]) -> list[Node]:
        try:
            return path.values(resource)
        except EvaluationError:
            return []

    return run
