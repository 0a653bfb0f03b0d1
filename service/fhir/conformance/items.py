"""The values under an element of a JSON object, whatever name and form they have there.

Source: https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from service.fhir.paths.nodes import paired

if TYPE_CHECKING:
    from service.fhir.definitions import Element
    from service.fhir.registry import Registry

Json = dict[str, Any]


class Item(NamedTuple):
    """One value: its type, its place where it stands in an array, and the id and extensions beside a primitive."""

    value: Any
    type: str
    position: int | None
    sibling: Any  # whatever a broken resource has there

    @property
    def members(self) -> Json:
        """The object whose members are the item's children: beside a primitive, else the value itself."""
        if self.value.__class__ is dict:
            return self.value
        return self.sibling if self.sibling.__class__ is dict else {}


Gather = Callable[[Json], list[Item]]


def gathering(registry: Registry, element: Element) -> Gather:
    """A function that gives an object's values of the element; what has the wrong JSON kind is left out."""
    named = {
        (f"{element.name}{type_[0].upper()}{type_[1:]}" if element.choice else element.name): type_
        for type_ in (element.types if element.choice else element.types[:1])
    }
    primitive = {type_ for type_ in named.values() if registry.definition(type_).kind == "primitive"}
    complex_ = [(key, type_) for key, type_ in named.items() if type_ not in primitive]
    simple = [(key, f"_{key}", type_) for key, type_ in named.items() if type_ in primitive]
    if len(complex_) == 1 and not simple:
        (key, type_) = complex_[0]
        return lambda node: _objects(node.get(key), type_)

    def gather(node: Json) -> list[Item]:
        found: list[Item] = []
        for key, type_ in complex_:
            if key in node:
                found += _objects(node[key], type_)
        for key, sibling, type_ in simple:
            if key in node or sibling in node:
                found += _scalars(node.get(key), node.get(sibling), type_)
        return found

    return gather


def _objects(value: Any, type_: str) -> list[Item]:
    if type_ == "Resource":
        return _resources(value)
    if value.__class__ is dict:
        return [Item(value, type_, None, None)]
    if value.__class__ is list:
        return [Item(one, type_, index, None) for index, one in enumerate(value) if one.__class__ is dict]
    return []


def _resources(value: Any) -> list[Item]:
    """Resources as what they say they are."""
    if value.__class__ is dict:
        return [Item(value, str(value.get("resourceType")), None, None)]
    return [
        Item(one, str(one.get("resourceType")), index, None)
        for index, one in enumerate(value if value.__class__ is list else ())
        if one.__class__ is dict
    ]


def _scalars(value: Any, sibling: Any, type_: str) -> list[Item]:
    if value.__class__ is list or sibling.__class__ is list:
        return [Item(one, type_, index, beside) for index, one, beside in paired(value, sibling)]
    return [] if value.__class__ is dict else [Item(value, type_, None, sibling)]
