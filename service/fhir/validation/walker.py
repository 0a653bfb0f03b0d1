"""The slow half of validation: walks a resource along its definitions and tells everything there is to say.

It runs when the acceptor has refused, and asks the acceptor again on its way, so as to go
down only where something is to be found: one fault in a body of many megabytes costs
little more than the body would without it. Expressions are in FHIRPath's terms: an element of
a choice is named without its type (`Observation.component[1].value.code`, JSON
`valueQuantity`), as R4 wants expressions made of names and indexes alone, and an id or
extension of a primitive value stands under the value (`Patient.birthDate.extension[0]`,
JSON `_birthDate`).

Invariants, and extensions by their definitions, are asked of an object whose JSON has the form
that its definition gives it, whatever else is wrong with it.

Source: https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/validation.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from service.fhir import locations
from service.fhir.conformance.extensions import Standing
from service.fhir.conformance.faults import invariant_broken
from service.fhir.conformance.invariants import CHILDREN
from service.fhir.paths import Environment
from service.fhir.paths import Node as FhirNode
from service.fhir.validation import faults, values
from service.fhir.validation.acceptor import EXTENSIONS, Acceptor, guarded, is_idle, never
from service.fhir.validation.primitives import Predicate, is_string, kind_of
from service.fhir.validation.properties import Property, properties
from service.fhir.validation.references import Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from service.fhir.conformance.extensions import Extensions
    from service.fhir.conformance.invariants import Rule
    from service.fhir.definitions import TypeDefinition
    from service.fhir.problems import Issue
    from service.fhir.validation.bindings import Bound

    Walk = Callable[[Any, "Place"], Iterator[Issue]]

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the walk has come to.

    `path` is the expression; `element` the path in the definition of the resource that is
    walked, such as `Observation.component.code`; `resource` is that resource, `root` the one
    around it where it is contained; `bundled` says that it is in an entry of a Bundle.
    """

    path: str
    element: str
    resource: Node
    root: Node
    bundled: bool = False

    def child(self, name: str) -> Place:
        """The place of an element here."""
        return replace(self, path=locations.child(self.path, name), element=f"{self.element}.{name}")

    def item(self, index: int) -> Place:
        """The place of an item of the array here."""
        return replace(self, path=locations.item(self.path, index))

    def entered(self, resource: Node, *, contained: bool) -> Place:
        """The place of a resource here, in which paths begin anew."""
        root = self.root if contained else resource
        return replace(self, element=str(resource.get("resourceType")), resource=resource, root=root)

    @property
    def environment(self) -> Environment:
        """What %resource and %rootResource stand for here."""
        return Environment(resource=self.resource, root=self.root)


@dataclass(frozen=True, slots=True)
class Under:
    """How to walk what stands under a property: the check of one value, and of all; the walk of one value."""

    accepts: Predicate
    accepts_all: Predicate
    walk: Walk


class Walker:
    """Issues of any resource, in the order of the document."""

    def __init__(
        self, acceptor: Acceptor, extensions: Extensions | None = None, *, everywhere: bool = False
    ) -> None:
        """Takes the acceptor whose definitions hold, and the extensions that are defined.

        What the acceptor accepts is passed by; `everywhere`: nothing is.
        """
        self._registry = registry = acceptor.registry
        self._invariants = acceptor.invariants
        self._extensions = extensions
        self._acceptor = acceptor
        self._everywhere = everywhere
        self._properties = cache(lambda type_: properties(registry, registry.definition(type_)))
        self._under = cache(self._way_under)

    def issues(self, resource: Node) -> Iterator[Issue]:
        """Everything there is to say about the resource."""
        type_ = resource.get("resourceType")
        is_known = type(type_) is str and self._registry.is_resource(type_)
        start = Place(str(type_), str(type_), resource, resource) if is_known else None
        yield from self._resource(resource, start)

    def _resource(self, node: Any, place: Place | None) -> Iterator[Issue]:
        """The issues of a resource; it has no place where it is the outermost and of no known type."""
        path = place.path if place else None
        type_ = node.get("resourceType")
        if type(type_) is not str:
            yield faults.resource_type_missing(path)
        elif place is None or not self._registry.is_resource(type_):
            yield faults.resource_type_unknown(path, type_)
        else:
            is_contained = place.root is not place.resource
            with self._acceptor.around.entered(node, contained=is_contained):
                yield from self._object(node, type_, place, None)

    def _object(
        self, node: Node, type_: str, place: Place, targets: Targets | None, standing: str | None = None
    ) -> Iterator[Issue]:
        """The issues of an object of the type that is not empty, and of its rules where it is sound.

        `targets` for a Reference; `standing` is the type of the primitive that the object stands beside.
        """
        is_sound = True
        for issue in self._members(node, type_, place, targets):
            is_sound = is_sound and issue.slug not in faults.MISSHAPEN
            yield issue
        if is_sound:
            yield from ruled(node, type_, place, self._invariants.of_type(type_))
            yield from self._extended(node, standing or type_, place)

    def _extended(self, node: Node, type_: str, place: Place) -> Iterator[Issue]:
        """The issues of a sound object's extensions by their definitions."""
        for name in EXTENSIONS:
            if self._extensions is None or name not in node or name not in self._properties(type_):
                continue
            extended = node.get("url") if type_ == "Extension" else None
            standing = Standing(type_, place.element, node, place.resource, place.root, extended)
            array_place = place.child(name)
            for index, extension in enumerate(node[name]):
                yield from self._extensions.issues(extension, standing, array_place.item(index).path)

    def _members(self, node: Node, type_: str, place: Place, targets: Targets | None) -> Iterator[Issue]:
        """The issues of an object's members; `targets` for a Reference."""
        definition = self._registry.definition(type_)
        known = self._properties(type_)
        if type_ == "Bundle.entry":
            place = replace(place, bundled=True)
        given: dict[str, set[str]] = {}
        for name in node:
            if name == "resourceType" and definition.kind == "resource":
                continue
            property_ = known.get(name)
            if property_ is None:
                choice, issue = unknown(name, definition, known, place)
                given.setdefault(choice, set()).add("")
                yield issue
                continue
            plain = name.removeprefix("_")
            names = given.setdefault(property_.element.name, set())
            if plain not in names:  # a value and its sibling are looked at together
                names.add(plain)
                yield from self._field(node, known[plain], place.child(property_.element.name))
        yield from counted(definition, given, place)
        if targets is not None:
            yield from referred(node, targets, place)

    def _field(self, node: Node, property_: Property, place: Place) -> Iterator[Issue]:
        """The issues of all that stands under a JSON name and its sibling."""
        name, twin = property_.name, f"_{property_.name}"
        under = self._under(property_, place.bundled)
        value, has_twin = node.get(name), property_.primitive and twin in node
        if not has_twin and under.accepts_all(value):
            return
        if name == "contained":
            yield from contained(value, place)
        if not property_.element.repeats:
            if name in node:
                yield from under.walk(value, place)
            if has_twin:
                yield from self._sibling(property_).walk(node[twin], place)
                if name not in node:
                    yield from idle(node[twin], place)
        elif has_twin and type(value) is list and type(node[twin]) is list:
            yield from aligned(value, node[twin], name, place, (under, self._sibling(property_)))
        else:
            if name in node:
                yield from array(value, name, place, under)
            if has_twin:
                yield from array(node[twin], twin, place, self._sibling(property_))

    def _way_under(self, property_: Property, bundled: bool) -> Under:  # noqa: FBT001 - cache takes no keywords apart
        """How to walk what stands under the property."""

        def walk(value: Any, place: Place) -> Iterator[Issue]:
            yield from self._value(value, property_, place)

        if self._everywhere:
            return Under(never, never, walk)
        item = self._acceptor.check_of_item(property_, None, bundled=bundled)
        whole = self._acceptor.check_of(property_, None, bundled=bundled)
        return Under(guarded(item), guarded(whole), walk)

    def _sibling(self, property_: Property) -> Under:
        """How to walk the id and extensions of a primitive value; there are too few to pass any by."""

        def walk(value: Any, place: Place) -> Iterator[Issue]:
            yield from self._complex(value, "Element", f"_{property_.name}", place, standing=property_.type)

        return Under(never, never, walk)

    def _value(self, value: Any, property_: Property, place: Place) -> Iterator[Issue]:
        """The issues of one value under a property, and whether it is in the value set bound to it."""
        is_sound = True
        for issue in self._structure(value, property_, place):
            is_sound = is_sound and issue.slug not in faults.MISSHAPEN
            yield issue
        bound = property_.bound
        if bound is not None and is_sound and not bound.fits(value):
            yield unbound(value, property_, bound, place)
        if is_sound and not property_.primitive:
            yield from ruled(value, property_.type, place, self._invariants.of_element(property_.element))

    def _structure(self, value: Any, property_: Property, place: Place) -> Iterator[Issue]:
        """The issues of one value under a property, its binding apart."""
        type_ = property_.type
        if property_.primitive:
            yield from values.issues(value, type_, property_.name, place.path)
            return
        targets = None
        if type_ == "Reference":
            every = self._registry.resource_types
            targets = Targets(frozenset(property_.element.targets) or every, every, place.bundled)
        yield from self._complex(value, type_, property_.name, place, targets)

    def _complex(
        self,
        value: Any,
        type_: str,
        name: str,
        place: Place,
        targets: Targets | None = None,
        standing: str | None = None,
    ) -> Iterator[Issue]:
        """The issues of what must be an object of the type."""
        if value is None:
            yield faults.null_value(place.path, name)
        elif type(value) is list:
            yield faults.array_unexpected(place.path, name)
        elif type(value) is not dict:
            yield faults.object_expected(place.path, name, type_, kind_of(value))
        elif not value:
            yield faults.object_empty(place.path, name)
        elif type_ == "Resource":
            yield from self._resource(value, place.entered(value, contained=name == "contained"))
        else:
            yield from self._object(value, type_, place, targets, standing)


def array(value: Any, name: str, place: Place, under: Under) -> Iterator[Issue]:
    """The issues of what must be an array, and of its items; what is no array is walked as its one item."""
    if type(value) is list:
        if not value:
            yield faults.array_empty(place.path, name)
        for index, one in enumerate(value):
            if not under.accepts(one):
                yield from under.walk(one, place.item(index))
    elif value is None:
        yield faults.null_value(place.path, name)
    else:
        yield faults.array_expected(place.path, name)
        yield from under.walk(value, place)


def aligned(
    given: list[Any], siblings: list[Any], name: str, place: Place, under: tuple[Under, Under]
) -> Iterator[Issue]:
    """The issues of an array of primitives and its sibling, in which null fills the places of what is not there."""
    of_value, of_sibling = under
    if not given or not siblings:
        yield faults.array_empty(place.path, f"_{name}" if given else name)
    elif len(given) != len(siblings):
        yield faults.sibling_length(place.path, name)
    for index, (value, sibling) in enumerate(zip_longest(given, siblings)):
        if (value is not None or sibling is None) and not of_value.accepts(value):
            yield from of_value.walk(value, place.item(index))
        if sibling is not None:
            yield from of_sibling.walk(sibling, place.item(index))
            if value is None:
                yield from idle(sibling, place.item(index))


def unknown(
    name: str, definition: TypeDefinition, known: Mapping[str, Property], place: Place
) -> tuple[str, Issue]:
    """The issue of a name that the type does not have, and the choice element that it was meant for, if any."""
    plain = name.removeprefix("_")
    for element in definition.elements.values():
        rest = plain.removeprefix(element.name)
        if element.choice and plain.startswith(element.name) and not rest[:1].islower():
            names = [other.name for other in known.values() if other.element is element and not other.sibling]
            return element.name, faults.choice_type(
                place.child(element.name).path, name, definition.name, names
            )
    path = place.path if len(name) > faults.LONGEST_NAME else place.child(name).path
    return name, faults.element_unknown(path, name, definition.name, known)


def counted(definition: TypeDefinition, given: Mapping[str, set[str]], place: Place) -> Iterator[Issue]:
    """The issues of elements that are missing, or given as two types at once; `given` has the JSON names of each."""
    for element in definition.elements.values():
        names = sorted(name for name in given.get(element.name, ()) if name)
        if len(names) > 1:
            yield faults.choice_repeated(place.child(element.name).path, names)
        if element.minimum > 0 and element.name not in given:
            yield faults.element_missing(place.child(element.name).path, element.name, definition.name)


def referred(reference: Node, targets: Targets, place: Place) -> Iterator[Issue]:
    """The issues of what a Reference refers to."""
    literal = reference.get("reference")
    found = [targets.fault(str(literal)) if is_string(literal) else None, targets.misfit(reference)]
    yield from (faults.of_reference(place.child(fault.element).path, fault) for fault in found if fault)


def contained(resources: Any, place: Place) -> Iterator[Issue]:
    """The issues that only contained resources have: no id, the same id twice, others contained."""
    seen: set[str] = set()
    for index, resource in enumerate(resources if type(resources) is list else ()):
        if type(resource) is not dict:
            continue
        where, id_ = place.item(index), resource.get("id")
        if "contained" in resource:
            yield faults.contained_nested(where.child("contained").path)
        if "id" not in resource:
            yield faults.contained_id_missing(where.child("id").path)
        elif type(id_) is str:
            if id_ in seen:
                yield faults.contained_id_repeated(where.child("id").path)
            seen.add(id_)


def ruled(node: Any, type_: str, place: Place, rules: Iterable[Rule]) -> Iterator[Issue]:
    """The issues of rules that a sound object breaks."""
    for rule in rules:
        if rule.key == CHILDREN:
            if type_ != "Element" and node.keys() == {"id"}:
                yield childless(place)
        elif not rule.holds(FhirNode(type_, node), place.environment):
            invariant = rule.invariant
            yield invariant_broken(place.path, invariant.severity, invariant.key, invariant.text)


def idle(sibling: Any, place: Place) -> Iterator[Issue]:
    """The issue of an id beside no value."""
    if is_idle(sibling):
        yield childless(place)


def childless(place: Place) -> Issue:
    """The issue of an element that has nothing but an id."""
    text = "All FHIR elements must have a @value or children"
    return invariant_broken(place.path, "error", CHILDREN, text)


def unbound(value: Any, property_: Property, bound: Bound, place: Place) -> Issue:
    """The issue of a value outside the value set that it is bound to."""
    name, path = property_.name, place.path
    if not bound.required:
        return faults.code_outside_value_set(path, name, bound)
    if bound.is_missing(value):
        return faults.code_missing(path, name, bound)
    return faults.code_not_in_value_set(path, name, bound)
