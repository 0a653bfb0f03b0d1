"""FHIR XML read as FHIR JSON, as far as the official patch tests need it.

Source: https://hl7.org/fhir/R4/xml.html, https://hl7.org/fhir/R4/json.html
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

from service.fhir.definitions import Element
from service.fhir.paths.types import SYSTEM_OF
from service.fhir.registry import Registry

FHIR = "{http://hl7.org/fhir}"
WHOLE = {"integer", "unsignedInt", "positiveInt"}


def resource(element: ET.Element, registry: Registry) -> dict[str, Any]:
    """The resource that the XML element is."""
    type_ = element.tag.removeprefix(FHIR)
    return {"resourceType": type_, **complex_value(element, type_, registry)}


def complex_value(element: ET.Element, type_: str, registry: Registry) -> dict[str, Any]:
    """The JSON object of an element of a complex type."""
    names = json_names(type_, registry)
    found: dict[str, Any] = {name: element.attrib[name] for name in ("id", "url") if name in element.attrib}
    for child in element:
        tag = child.tag.rpartition("}")[2]
        definition, child_type = names[tag]
        value, beside = child_value(child, child_type, registry)
        add(found, tag, value, beside, definition)
    return found


def json_names(type_: str, registry: Registry) -> dict[str, tuple[Element, str]]:
    """The elements of the type by JSON name, each with the type behind the name."""
    found = {}
    for element in registry.definition(type_).elements.values():
        for child_type in element.types:
            suffix = child_type[0].upper() + child_type[1:] if element.choice else ""
            found[element.name + suffix] = (element, child_type)
    return found


def child_value(element: ET.Element, type_: str, registry: Registry) -> tuple[Any, Any]:
    """The JSON value of an element, and what stands beside it."""
    if type_ == "Resource":
        return resource(element[0], registry), None
    if type_ == "xhtml":
        return ET.tostring(element, encoding="unicode", short_empty_elements=True).strip(), None
    if type_ not in SYSTEM_OF:
        return complex_value(element, type_, registry), None
    text = element.attrib.get("value")
    return None if text is None else scalar(text, type_), complex_value(element, "Element", registry) or None


def scalar(text: str, type_: str) -> Any:
    """The JSON scalar of a primitive's text."""
    if type_ == "boolean":
        return text == "true"
    if type_ in WHOLE:
        return int(text)
    return Decimal(text) if type_ == "decimal" else text


def add(found: dict[str, Any], name: str, value: Any, beside: Any, definition: Element) -> None:
    """Puts the value in, behind the others where the element repeats."""
    if not definition.repeats:
        found |= {key: one for key, one in ((name, value), (f"_{name}", beside)) if one is not None}
        return
    values = [*found.get(name, []), value]
    siblings = [*found.get(f"_{name}", [None] * (len(values) - 1)), beside]
    found[name] = values
    if any(one is not None for one in siblings):
        found[f"_{name}"] = siblings
