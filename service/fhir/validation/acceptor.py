"""The fast half of validation: says yes or no, and yes exactly when the walker has nothing to say.

Objects of one type come in few shapes: the same names in the same order, over and over.
For each shape everything that depends on names alone (unknown and missing elements, two
types of a choice, siblings) is settled once; what is left is a row of checks, one for each
value, called in order. A shape seen for the first time costs some microseconds more.
Generated Python source per shape was measured beside this: 8.5 us against 10.4 us for a
1 kB score, too little for what it costs to compile, read and bound.

Only good shapes are kept, and no more than `SHAPES_KEPT` of a type, so that a client who
sends ever new orders of names costs time but no memory.

Invariants are part of the shape: those that names decide are settled with it (`presence`),
the others are evaluated after the values were found sound.

One resource is looked at at a time: what %resource and %rootResource stand for is kept in
`Surroundings` while it is. An Acceptor is not shared between threads.

Source: tech.md section 6
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from operator import call
from typing import TYPE_CHECKING, Any, Final, Literal

from service.fhir.conformance.containment import LOCAL
from service.fhir.conformance.extensions import Standing
from service.fhir.conformance.invariants import CHILDREN, NOWHERE
from service.fhir.paths import Environment, Node
from service.fhir.remembered import look
from service.fhir.validation.primitives import ACCEPTS, Predicate
from service.fhir.validation.properties import Property, properties
from service.fhir.validation.references import Targets

if TYPE_CHECKING:
    from service.fhir.conformance.extensions import Extensions
    from service.fhir.conformance.invariants import Invariants, Rule
    from service.fhir.definitions import Element, TypeDefinition
    from service.fhir.registry import Registry
    from service.fhir.validation.bindings import Bound

SHAPES_KEPT: Final = 256

EXTENSIONS: Final = ("extension", "modifierExtension")

Names = tuple[str, ...]
Checks = tuple[Predicate, ...]
# One check for each value; checks of the whole object; and those of an object found sound so far.
Shape = tuple[Checks, ...]  # three of them


def never(_: object) -> Literal[False]:
    """Refuses whatever it is given."""
    return False


def always(_: object) -> Literal[True]:
    """Accepts whatever it is given."""
    return True


def guarded(check: Predicate) -> Predicate:
    """The check, saying no where it raises because the JSON kind of the value is wrong altogether."""

    def accepts(value: Any) -> bool:
        try:
            return bool(check(value))
        except TypeError:
            return False

    return accepts


def is_idle(sibling: Any) -> bool:
    """Whether what stands beside a primitive is an id alone, which says nothing where there is no value."""
    return type(sibling) is dict and sibling.keys() == {"id"}


def speaking(name: str) -> Predicate:
    """The check that an object's sibling of that name, beside which there is no value, says something."""
    return lambda node: not is_idle(node[name])


REFUSED: Final[Shape] = ((), (never,), ())


class Shapes(dict[Names, Shape]):
    """The shapes of one type: the checks for each order of names seen so far."""

    __slots__ = ("_acceptor", "_bundled", "_checks", "_definition", "_properties", "_targets")

    def __init__(
        self, acceptor: Acceptor, definition: TypeDefinition, targets: Targets | None, *, bundled: bool
    ) -> None:
        """Takes `targets` for a Reference. `bundled`: the object stands in a Bundle."""
        super().__init__()
        self._acceptor = acceptor
        self._definition = definition
        self._properties = properties(acceptor.registry, definition)
        self._checks: dict[str, Predicate] = {}
        self._targets = targets
        self._bundled = bundled

    def __missing__(self, names: Names) -> Shape:
        """Settles a new shape, and keeps it if it is good and there is room."""
        shape = self._settle(names)
        if shape is not REFUSED and len(self) < SHAPES_KEPT:
            self[names] = shape
        return shape

    def _settle(self, names: Names) -> Shape:
        """The checks of a shape; `REFUSED` where no values could make it good."""
        is_resource = self._definition.kind == "resource"
        given: dict[str, set[str]] = defaultdict(set)
        checks: list[Predicate] = []
        whole: list[Predicate] = []
        for name in names:
            if is_resource and name == "resourceType":
                checks.append(always)  # it led here
                continue
            property_ = self._properties.get(name)
            if property_ is None:
                return REFUSED
            given[property_.element.name].add(name.removeprefix("_"))
            twin = name[1:] if property_.sibling else f"_{name}"
            if property_.element.repeats and property_.primitive and twin in names:
                checks.append(always)
                if property_.sibling:
                    whole.append(self._aligned(self._properties[twin], property_))
            else:
                checks.append(self._check(property_))
        if not names or any(self._misses(element, given) for element in self._definition.elements.values()):
            return REFUSED
        if self._targets is not None and "type" in names:
            whole.append(self._targets.fits)
        whole += [speaking(name) for name in names if name[0] == "_" and name[1:] not in names]
        rules = self._rules(frozenset(given))
        if rules is None:
            return REFUSED
        return tuple(checks), tuple(whole), rules

    def _rules(self, given: frozenset[str]) -> Checks | None:
        """The checks of an object that was found sound so far; None where its names alone break a rule."""
        found: list[Predicate] = []
        for rule in self._acceptor.invariants.of_type(self._definition.name):
            if rule.key == CHILDREN and self._definition.name == "Element":
                continue  # it stands beside a value; where it does not, see `speaking`
            truth = rule.settled(given)
            if truth is False:
                return None
            if truth is None:
                found.append(self._acceptor.rule_check(rule, self._definition.name))
        for name in EXTENSIONS:
            if name in given:
                check = self._acceptor.extensions_check(name, self._definition.name)
                if self._definition.kind == "resource":
                    check = self._acceptor.memory.of_members([name], check)
                found.append(check)
        return tuple(found)

    def _check(self, property_: Property) -> Predicate:
        """The check of what stands under a property, the same in all shapes."""
        check = self._checks.get(property_.name)
        if check is None:
            check = self._acceptor.check_of(property_, self._targets, bundled=self._bundled)
            if self._definition.kind == "resource" and is_remembered(property_, self._acceptor.registry):
                check = self._acceptor.memory.of_value(check)
            self._checks[property_.name] = check
        return check

    @staticmethod
    def _misses(element: Element, given: dict[str, set[str]]) -> bool:
        """Whether an element is not there though it must be, or there as two types at once."""
        count = len(given.get(element.name, ()))
        return count > 1 or count < element.minimum

    def _aligned(self, value: Property, sibling: Property) -> Predicate:
        """Whether an array of primitives and its sibling fit together, place by place."""
        accepts_value = self._acceptor.check_of_item(value, self._targets, bundled=self._bundled)
        accepts_sibling = self._acceptor.check_of_item(sibling, None, bundled=self._bundled)

        def fits(value: Any, sibling: Any) -> object:
            if sibling is None:
                return accepts_value(value)
            return accepts_sibling(sibling) and (
                not is_idle(sibling) if value is None else accepts_value(value)
            )

        def accepts(node: Any) -> bool:
            values, siblings = node[value.name], node[sibling.name]
            return (
                type(values) is list
                and type(siblings) is list
                and 0 < len(values) == len(siblings)
                and all(map(fits, values, siblings))
            )

        return accepts


def is_remembered(property_: Property, registry: Registry) -> bool:
    """Whether what was accepted under a property of a resource is worth remembering, and not too much.

    What holds resources is not: a Bundle would be written out once more for each check.
    """
    held = registry.definition(property_.type)
    return not property_.primitive and all(
        "Resource" not in element.types for element in (property_.element, *held.elements.values())
    )


# What was looked at: a resource, the one around it, and what they stand for in rules.
Before = tuple[dict[str, Any], dict[str, Any], Environment | None]


class Surroundings:
    """The resource that is looked at, and the one around it where it is contained."""

    __slots__ = ("_environment", "resource", "root")

    def __init__(self) -> None:
        self.resource: dict[str, Any] = {}
        self.root: dict[str, Any] = {}
        self._environment: Environment | None = None

    @property
    def environment(self) -> Environment:
        """What %resource and %rootResource stand for."""
        look()
        if self._environment is None:
            self._environment = Environment(resource=self.resource, root=self.root)
        return self._environment

    @contextmanager
    def entered(self, resource: dict[str, Any], *, contained: bool) -> Iterator[None]:
        """Looks at the resource for a while, and then again at the one before."""
        before = self.enter(resource, contained=contained)
        try:
            yield
        finally:
            self.leave(before)

    def enter(self, resource: dict[str, Any], *, contained: bool) -> Before:
        """Looks at the resource from now on; what was looked at before, to be gone back to."""
        before = (self.resource, self.root, self._environment)
        self.resource, self._environment = resource, None
        if not contained:
            self.root = resource
        return before

    def leave(self, before: Before) -> None:
        """Looks again at what was looked at before."""
        self.resource, self.root, self._environment = before


class Acceptor:
    """Yes or no for any resource. Shapes are settled as they are met, and kept."""

    def __init__(
        self, registry: Registry, invariants: Invariants, extensions: Extensions | None = None
    ) -> None:
        """Takes the registry whose definitions hold, its invariants, and the extensions that are defined."""
        self.registry = registry
        self.invariants = invariants
        self.memory = invariants.memory
        self._extensions = extensions
        self.around = Surroundings()
        self._objects: dict[tuple[str, frozenset[str] | None, bool], Predicate] = {}
        self._resource = {bundled: self._resource_check(bundled=bundled) for bundled in (False, True)}
        self._whole = guarded(self._resource[False])
        self._contained = {bundled: self._contained_check(bundled=bundled) for bundled in (False, True)}

    def accepts(self, resource: Any) -> bool:
        """Whether there is certainly nothing to say about the resource: neither fault nor warning."""
        return bool(self._whole(resource))

    def rule_check(self, rule: Rule, type_: str) -> Predicate:
        """The check that an invariant holds of an object or value of the type."""
        around = self.around

        def holds(value: Any) -> bool:
            return rule.holds(Node(type_, value), around.environment)

        if rule.is_closed:
            return lambda value: rule.holds(Node(type_, value), NOWHERE)
        if rule.key == LOCAL:  # on every reference of every resource: most are not worth a Node
            return lambda value: value.get("reference", "#")[:1] != "#" or holds(value)
        return holds

    def extensions_check(self, name: str, type_: str) -> Predicate:
        """The check of the extensions of an object of the type that was found sound so far."""
        extensions, around = self._extensions, self.around
        if extensions is None:
            return always

        def fit(node: Any) -> bool:
            extended = node.get("url") if type_ == "Extension" else None
            standing = Standing(type_, None, node, around.resource, around.root, extended)
            return all(extensions.accepts(extension, standing) for extension in node[name])

        return fit

    def check_of(self, property_: Property, targets: Targets | None, *, bundled: bool) -> Predicate:
        """The check of all that stands under a property: of the item, or of the array of items."""
        item = self.check_of_item(property_, targets, bundled=bundled)
        if not property_.element.repeats:
            return item

        def accepts_array(value: Any) -> bool:
            return type(value) is list and value != [] and all(map(item, value))

        if property_.element.name == "contained":
            return lambda value: accepts_array(value) and len({each["id"] for each in value}) == len(value)
        return accepts_array

    def check_of_item(self, property_: Property, targets: Targets | None, *, bundled: bool) -> Predicate:
        """The check of one value under a property; `targets` are those of the Reference it is in, if any."""
        if property_.sibling:
            return self._object("Element", None, bundled=bundled)
        bound = property_.bound
        rules = self.invariants.of_element(property_.element)
        if rules and not property_.primitive:
            accepts = self._item(property_, targets, bound, bundled=bundled)
            checks = [self.rule_check(rule, property_.type) for rule in rules]
            return lambda value: accepts(value) and all(check(value) for check in checks)
        return self._item(property_, targets, bound, bundled=bundled)

    def _item(
        self, property_: Property, targets: Targets | None, bound: Bound | None, *, bundled: bool
    ) -> Predicate:
        """The check of one value under a property, invariants of the element apart."""
        if property_.primitive:
            if targets is not None and property_.name == "reference":
                return targets.accepts
            return self._primitive(property_.type, bound)
        if property_.type == "Resource":
            return (
                self._contained[bundled] if property_.element.name == "contained" else self._resource[bundled]
            )
        permitted = frozenset(property_.element.targets) if property_.type == "Reference" else None
        accepts = self._object(property_.type, permitted, bundled=bundled)
        if bound is None:
            return accepts
        fits = bound.fits
        return lambda value: accepts(value) and fits(value)

    @staticmethod
    def _primitive(type_: str, bound: Bound | None) -> Predicate:
        accepts = ACCEPTS[type_]
        if bound is None:
            return accepts
        if bound.required and bound.form is None:
            return bound.codes.__contains__  # every code of a set has the form of a code
        fits = bound.fits
        return lambda value: accepts(value) and fits(value)

    def _object(self, type_: str, permitted: frozenset[str] | None, *, bundled: bool) -> Predicate:
        """The check of an object of the type; `permitted` for a Reference, empty where it may be to any type."""
        key = (type_, permitted, bundled)
        known = self._objects.get(key)
        if known is None:
            known = self._objects[key] = self._object_check(type_, permitted, bundled=bundled)
        return known

    def _object_check(self, type_: str, permitted: frozenset[str] | None, *, bundled: bool) -> Predicate:
        every = self.registry.resource_types
        targets = None if permitted is None else Targets(permitted or every, every, bundled)
        definition = self.registry.definition(type_)
        shapes = Shapes(self, definition, targets, bundled=bundled or type_ == "Bundle.entry")

        def accepts_object(node: Any) -> bool:
            if type(node) is not dict:
                return False
            checks, whole, rules = shapes[tuple(node)]
            for check in whole:
                if not check(node):
                    return False
            if not all(map(call, checks, node.values())):
                return False
            for check in rules:  # noqa: SIM110 - on every write; a generator doubles its cost
                if not check(node):
                    return False
            return True

        return accepts_object

    def _resource_check(self, *, bundled: bool, contained: bool = False) -> Predicate:
        """The check of any concrete resource, by what it says it is."""
        around = self.around

        def accepts_resource(node: Any) -> object:
            if type(node) is not dict:
                return False
            type_ = node.get("resourceType")
            if type_ not in self.registry.resource_types:
                return False
            accepts = self._object(type_, None, bundled=bundled)
            # Without a context manager, as every write comes by here.
            before = around.enter(node, contained=contained)
            try:
                return accepts(node)
            finally:
                around.leave(before)

        return accepts_resource

    def _contained_check(self, *, bundled: bool) -> Predicate:
        """The check of a contained resource: it has an id and contains nothing."""
        accepts_resource = self._resource_check(bundled=bundled, contained=True)

        def accepts_contained(node: Any) -> object:
            return type(node) is dict and "id" in node and "contained" not in node and accepts_resource(node)

        return accepts_contained
