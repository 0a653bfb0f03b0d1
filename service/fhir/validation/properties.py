"""The JSON names that objects of a type may have, and what stands under each.

A choice element has a name per type (`valueQuantity`, `valueString`); a primitive element
has a sibling, its name with an underscore, for its id and extensions. What is written as
an attribute in XML (every `id`, the `url` of an extension) and the XHTML of a narrative
have none.

Source: https://hl7.org/fhir/R4/json.html#primitive
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.fhir.definitions import Element, TypeDefinition
from service.fhir.registry import Registry
from service.fhir.validation import bindings
from service.fhir.validation.bindings import Bound


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """A JSON name of an element: the type under this name, whether that is primitive, and what it is bound to.

    `sibling` marks the name with the underscore. One property is another only if it is the same object.
    """

    name: str
    element: Element
    type: str
    primitive: bool
    bound: Bound | None = None
    sibling: bool = False


def properties(registry: Registry, definition: TypeDefinition) -> Mapping[str, Property]:
    """The properties of a type by JSON name; `resourceType` is not among them."""
    found: dict[str, Property] = {}
    for element in definition.elements.values():
        for type_ in element.types:
            name = element.name + type_[0].upper() + type_[1:] if element.choice else element.name
            primitive = registry.definition(type_).kind == "primitive"
            found[name] = Property(name, element, type_, primitive, bindings.bound(registry, element, type_))
            if primitive and has_sibling(definition.name, element.name, type_):
                found[f"_{name}"] = Property(f"_{name}", element, type_, primitive, sibling=True)
    return found


def has_sibling(definition: str, name: str, type_: str) -> bool:
    """Whether the primitive element may have an id and extensions of its own."""
    return not (name == "id" or type_ == "xhtml" or (definition == "Extension" and name == "url"))
