"""What the compiler knows of types: children and their JSON names, ancestry, namespaces.

FHIR types go by their bare name (`Quantity`, `Observation.component`), System types by
their full one (`System.Quantity`).

Source: https://hl7.org/fhirpath/N1/#types-and-reflection, https://hl7.org/fhir/R4/fhirpath.html#types
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from service.fhir.definitions import Element, TypeDefinition
from service.fhir.paths.faults import PathError
from service.fhir.paths.syntax import Call, Expression, Member, TypeName

BOOLEAN = "System.Boolean"
STRING = "System.String"
INTEGER = "System.Integer"
DECIMAL = "System.Decimal"
DATE = "System.Date"
DATETIME = "System.DateTime"
TIME = "System.Time"
QUANTITY = "System.Quantity"
TYPE_INFO = "System.TypeInfo"

SYSTEM_TYPES = frozenset({BOOLEAN, STRING, INTEGER, DECIMAL, DATE, DATETIME, TIME, QUANTITY, TYPE_INFO})
SYSTEM_CHILDREN: Mapping[str, Mapping[str, str]] = {
    QUANTITY: {"value": DECIMAL, "unit": STRING},
    TYPE_INFO: {"namespace": STRING, "name": STRING, "baseType": STRING},
}

# The System type that a FHIR primitive becomes where an operator or function wants one.
# Source: https://hl7.org/fhir/R4/fhirpath.html#types
SYSTEM_OF: Mapping[str, str] = {
    "boolean": BOOLEAN, "integer": INTEGER, "unsignedInt": INTEGER, "positiveInt": INTEGER, "decimal": DECIMAL,
    "date": DATE, "dateTime": DATETIME, "instant": DATETIME, "time": TIME,
    "string": STRING, "code": STRING, "id": STRING, "markdown": STRING, "uri": STRING, "url": STRING,
    "canonical": STRING, "oid": STRING, "uuid": STRING, "base64Binary": STRING, "xhtml": STRING,
}  # fmt: skip

# The FHIR types that are quantities, by themselves or by specialisation.
# Source: https://hl7.org/fhir/R4/datatypes.html#quantity
QUANTITIES = frozenset(
    {"Quantity", "Age", "Count", "Distance", "Duration", "MoneyQuantity", "SimpleQuantity"}
)

# Types whose items say in JSON what they are.
RESOURCES = frozenset({"Resource", "DomainResource"})


class Definitions(Protocol):
    """The part of the registry that paths need."""

    def definition(self, name: str) -> TypeDefinition:
        """The definition of a type; KeyError if unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Child:
    """A child element, and whether it repeats.

    `alternatives` are its JSON names, each with the type behind it and, for a primitive, the
    name of the sibling that holds its id and extensions.
    """

    name: str
    alternatives: tuple[tuple[str, str, str | None], ...]
    repeats: bool
    choice: bool

    @property
    def types(self) -> frozenset[str]:
        """The types that the child may have."""
        return frozenset(type_ for _, type_, _ in self.alternatives)


class TypeModel:
    """Answers about types, remembered for as long as the model lives."""

    __slots__ = ("_ancestries", "_children", "_definitions", "_properties")

    def __init__(self, definitions: Definitions) -> None:
        """Takes the registry, or anything else that defines types."""
        self._definitions = definitions
        self._children: dict[tuple[str, str], Child | None] = {}
        self._ancestries: dict[str, tuple[str, ...]] = {}
        self._properties: dict[str, dict[str, tuple[str, str]]] = {}

    def is_known(self, type_: str) -> bool:
        """Whether there is such a FHIR or System type."""
        return type_ in SYSTEM_TYPES or bool(self.ancestry(type_))

    def ancestry(self, type_: str) -> tuple[str, ...]:
        """The type itself and its ancestors; empty for an unknown type."""
        found = self._ancestries.get(type_)
        if found is None:
            found = self._ancestry(type_)
            if found:
                self._ancestries[type_] = found
        return found

    def _ancestry(self, type_: str) -> tuple[str, ...]:
        if type_ in SYSTEM_TYPES:
            return (type_, "System.Any")
        lineage: list[str] = []
        name: str | None = type_
        while name is not None and name not in lineage:
            try:
                definition = self._definitions.definition(name)
            except KeyError:
                break
            lineage.append(name)
            name = definition.base
        return tuple(lineage)

    def is_a(self, type_: str, ancestor: str) -> bool:
        """Whether the type is the other one or specialises it."""
        return type_ == ancestor or ancestor in self.ancestry(type_)

    def child(self, type_: str, name: str) -> Child | None:
        """The child of a FHIR type, None where the type has none of that name; System types have none."""
        try:
            return self._children[type_, name]
        except KeyError:
            found = self._children[type_, name] = self._read_child(type_, name)
            return found

    def _read_child(self, type_: str, name: str) -> Child | None:
        element = self._elements(type_).get(name)
        return None if element is None or (name == "value" and is_primitive(type_)) else _child(element)

    def _elements(self, type_: str) -> Mapping[str, Element]:
        try:
            return self._definitions.definition(type_).elements
        except KeyError:
            return {}

    def properties(self, type_: str) -> Mapping[str, tuple[str, str]]:
        """The element name and type behind each JSON property of a FHIR type, `_` siblings apart."""
        found = self._properties.get(type_)
        if found is None:
            children = [self.child(type_, name) for name in self._elements(type_)]
            found = self._properties[type_] = {
                key: (child.name, kind)
                for child in children
                if child is not None
                for key, kind, _ in child.alternatives
            }
        return found

    def resolve(self, name: TypeName) -> str:
        """The type that a specifier names; an unqualified name is FHIR's first, then System's.

        Raises:
            PathError: there is no such type.
        """
        if name.namespace in {None, "FHIR"} and self.ancestry(name.name):
            return name.name
        if name.namespace in {None, "System"} and f"System.{name.name}" in SYSTEM_TYPES:
            return f"System.{name.name}"
        shown = name.name if name.namespace is None else f"{name.namespace}.{name.name}"
        raise PathError(f"There is no type {shown}.", name.position)


def _child(element: Element) -> Child:
    """How the element is found in JSON."""
    if element.choice:
        names = [(f"{element.name}{type_[0].upper()}{type_[1:]}", type_) for type_ in element.types]
    else:
        names = [(element.name, type_) for type_ in element.types[:1]]
    alternatives = tuple((name, type_, f"_{name}" if is_primitive(type_) else None) for name, type_ in names)
    return Child(element.name, alternatives, element.repeats, element.choice)


def is_primitive(type_: str) -> bool:
    """Whether the FHIR type is a primitive, one that JSON holds as a scalar."""
    return type_ in SYSTEM_OF


def type_specifier(expression: Expression) -> TypeName:
    """The type that an argument of is(), as() or ofType() names.

    Raises:
        PathError: the argument is not the name of a type.
    """
    match expression:
        case Member(target=None, name=name, position=position):
            return TypeName(None, name, position)
        case Member(target=Member(target=None, name=namespace), name=name, position=position):
            return TypeName(namespace, name, position)
        case Call(position=position):
            raise PathError("A type specifier is a name, not a function.", position)
        case _:
            raise PathError("A type specifier is a name such as Quantity or System.Quantity.")
