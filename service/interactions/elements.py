"""The elements of a resource by their JSON names: which element a name stands for, and of which type it is.

Source: https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/formats.html#choice
"""

from __future__ import annotations

from typing import Any

from service.fhir.definitions import TypeDefinition
from service.fhir.registry import Registry


def element_type(registry: Registry, resource: dict[str, Any], trail: list[Any]) -> tuple[str, str]:
    """The type that holds the element at the end of the trail, and the element's own; empty where unknown."""
    node: Any = resource
    holder, type_ = "", "Resource"
    for key in trail:
        if isinstance(key, int):
            node = node[key]
            continue
        if type_ == "Resource":
            type_ = str(node.get("resourceType", ""))
        holder, type_ = type_, _type_of(registry, type_, key)
        if not type_:
            break
        node = node[key]
    return holder, type_


def _type_of(registry: Registry, holder: str, name: str) -> str:
    if name.startswith("_"):
        return "Element"  # what JSON keeps beside a primitive: its id and extensions
    try:
        definition = registry.definition(holder)
    except KeyError:
        return ""
    element = definition.elements.get(name)
    if element is not None and not element.choice:
        return element.types[0]
    return _chosen_type(definition, name)


def _chosen_type(definition: TypeDefinition, name: str) -> str:
    """The type that a choice element's JSON name ends with: Reference for `valueReference`."""
    return _choice(definition, name)[1]


def _choice(definition: TypeDefinition, name: str) -> tuple[str, str]:
    """The choice element that a JSON name is of, and the type that it ends with; empty where it is of none."""
    for element in definition.elements.values():
        if element.choice and name.startswith(element.name):
            suffix = name[len(element.name) :]
            for type_ in element.types:
                if type_[:1].upper() + type_[1:] == suffix:
                    return element.name, type_
    return "", ""


def child_element(registry: Registry, holder: str, name: str) -> tuple[str, str]:
    """The element that a JSON name of a type stands for, as expressions call it, and its type; empty if unknown."""
    type_ = _type_of(registry, holder, name)
    if not type_ or name.startswith("_"):
        return name, type_
    definition = registry.definition(holder)
    return (name if name in definition.elements else _choice(definition, name)[0]), type_
