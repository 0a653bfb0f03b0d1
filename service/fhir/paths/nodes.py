"""Items that a path is evaluated to, and what surrounds them while it is.

At run time an item is one of three things: a *system value* (bool, int, Decimal, str,
Date, DateTime, Time, Quantity, TypeInfo), which says its type by its class; a *raw*
FHIR element (a JSON scalar or object), whose type the compiler knows; or a `Node`, which
carries its type. Raw elements are what makes paths fast; Nodes are made where the type is
only known at run time, where a primitive has an `_x` sibling, and for the caller.

Source: https://hl7.org/fhirpath/N1/#collections, https://hl7.org/fhir/R4/json.html#primitive
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from types import MappingProxyType
from typing import Any, Final

from service.fhir import locations
from service.fhir.paths.types import RESOURCES, Child, TypeModel, is_primitive

Item = Any
Items = list[Any]
_NO_VARIABLES: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(slots=True, eq=False, init=False)
class Node:
    """An element with its type. Not frozen only because freezing makes construction three times dearer.

    Its constructor is written out: compiled (ADR 0029), that takes a fifth of the time of a dataclass's own.

    `value` is the JSON value, None where a primitive has only an id or extensions;
    `sibling` is the JSON object beside a primitive (`_birthDate`) that holds them, or whatever else
    a broken resource has there.
    `parent`, `name`, `key` and `index` are the place, known in located paths: element name,
    JSON property and position in its array.
    """

    type: str
    value: Any
    sibling: Any
    parent: Node | None
    name: str
    key: str
    index: int | None

    def __init__(
        self,
        type: str,  # noqa: A002 - as the field is called
        value: Any,
        sibling: Any = None,
        parent: Node | None = None,
        name: str = "",
        key: str = "",
        index: int | None = None,
    ) -> None:
        self.type = type
        self.value = value
        self.sibling = sibling
        self.parent = parent
        self.name = name
        self.key = key
        self.index = index

    @property
    def location(self) -> str:
        """The FHIRPath of this very element, such as `Patient.name[0].given[1]`."""
        if self.parent is None:
            return self.type
        expression = locations.child(self.parent.location, self.name)
        return expression if self.index is None else locations.item(expression, self.index)


@dataclass(slots=True, eq=False, init=False)
class Environment:
    """What an evaluation is given from outside. Never changed; not frozen, and its constructor written out, as Node's.

    `now` is the instant of the evaluation in milliseconds since 1970-01-01T00:00:00Z, None
    where the caller has no clock to give. `resource` is %resource and `root` is
    %rootResource where they are not the item that is evaluated. `variables` are further
    %names with JSON scalars or Nodes. `trace` is told what trace() sees.
    """

    now: int | None
    resource: dict[str, Any] | None
    root: dict[str, Any] | None
    variables: Mapping[str, Any]
    trace: Callable[[str, list[Node]], None] | None

    def __init__(
        self,
        now: int | None = None,
        resource: dict[str, Any] | None = None,
        root: dict[str, Any] | None = None,
        variables: Mapping[str, Any] = _NO_VARIABLES,
        trace: Callable[[str, list[Node]], None] | None = None,
    ) -> None:
        self.now = now
        self.resource = resource
        self.root = root
        self.variables = variables
        self.trace = trace


class Scope:
    """The state of one evaluation: what $index, $total and the %variables stand for."""

    __slots__ = (
        "below",
        "context",
        "environment",
        "finders",
        "index",
        "remembered",
        "resource",
        "root",
        "total",
    )

    def __init__(self, evaluated: Any, context: Item, environment: Environment) -> None:
        """Takes the JSON evaluated, the same as an item, and what surrounds it."""
        resource = environment.resource
        if resource is None and evaluated.__class__ is dict and "resourceType" in evaluated:
            resource = evaluated
        self.context = context
        self.environment = environment
        self.resource = resource
        self.root = environment.root or resource
        self.index: int | None = None
        self.total: Items | None = None
        self.below: list[Node] | None = None
        self.remembered: dict[int, Items] = {}
        self.finders: dict[int, Callable[[Item], bool]] = {}


def resource_type(value: Any, stated: str) -> str:
    """The type that a resource says it is, else the stated one."""
    return str(value.get("resourceType", stated)) if isinstance(value, dict) else stated


def child_nodes(node: Node, child: Child) -> list[Node]:
    """The elements of a child of the node, each with its type and place."""
    found: list[Node] = []
    value = node.sibling if is_primitive(node.type) else node.value
    if value.__class__ is not dict:
        return found
    name = child.name
    for key, type_, sibling in child.alternatives:
        element = value.get(key)
        if sibling is None:
            if element is not None:
                _complex_nodes(node, name, key, type_, element, found)
        elif element is not None or sibling in value:
            _primitive_nodes(node, name, key, type_, (element, value.get(sibling)), found)
    return found


def _complex_nodes(parent: Node, name: str, key: str, type_: str, element: Any, found: list[Node]) -> None:
    """Adds the complex elements of one JSON property."""
    several = element.__class__ is list
    for index, value in enumerate(element if several else (element,)):
        if value.__class__ is dict:
            actual = resource_type(value, type_) if type_ in RESOURCES else type_
            found.append(Node(actual, value, None, parent, name, key, index if several else None))


def _primitive_nodes(
    parent: Node, name: str, key: str, type_: str, element: tuple[Any, Any], found: list[Node]
) -> None:
    """Adds the primitive elements of one JSON property and its `_` sibling."""
    value, sibling = element
    if value.__class__ is list or sibling.__class__ is list:
        for index, one, beside in paired(value, sibling):
            found.append(Node(type_, one, beside, parent, name, key, index))
    elif value is not None or sibling is not None:
        found.append(Node(type_, value, sibling, parent, name, key))


def paired(values: Any, siblings: Any) -> list[tuple[int, Any, Any]]:
    """The places of a repeating primitive: index, value and what stands beside it; those empty in both are left out.

    Source: https://hl7.org/fhir/R4/json.html#primitive
    """
    first = values if values.__class__ is list else [] if values is None else [values]
    second = siblings if siblings.__class__ is list else [] if siblings is None else [siblings]
    pairs = enumerate(zip_longest(first, second))
    return [
        (index, value, beside) for index, (value, beside) in pairs if value is not None or beside is not None
    ]


def all_children(model: TypeModel, node: Node) -> list[Node]:
    """Every child element of the node, in the order of the JSON."""
    found: list[Node] = []
    value = node.sibling if is_primitive(node.type) else node.value
    if value.__class__ is not dict:
        return found
    properties = model.properties(node.type)
    for member, element in value.items():
        beside = member.startswith("_")
        key = member[1:] if beside else member
        if key not in properties or (beside and key in value):
            continue
        name, type_ = properties[key]
        if is_primitive(type_):
            pair = (None if beside else element, value.get(f"_{key}"))
            _primitive_nodes(node, name, key, type_, pair, found)
        else:
            _complex_nodes(node, name, key, type_, element, found)
    return found
