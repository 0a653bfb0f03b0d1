"""Resources made up from their definitions alone: sound by construction, senseless otherwise."""

from __future__ import annotations

from random import Random
from typing import Any

from service.fhir.definitions import Element
from service.fhir.registry import Registry
from tests.fhir.validation.test_primitives import GOOD

DEEPEST = 3  # levels on which elements that may be left out are given


def instance(registry: Registry, type_: str, random: Random, depth: int = 0) -> dict[str, Any]:
    """An object of the type, a resource or not, with what it must have and some of what it may have."""
    definition = registry.definition(type_)
    made: dict[str, Any] = {"resourceType": type_} if definition.kind == "resource" else {}
    elements = [element for element in definition.elements.values() if element.maximum != 0]
    random.shuffle(elements)
    given = [
        element for element in elements if element.minimum or (depth < DEEPEST and random.random() < 0.3)
    ]
    for element in given or elements[:1]:
        chosen = random.choice(element.types)
        name = element.name + chosen[0].upper() + chosen[1:] if element.choice else element.name
        values = [value(registry, element, chosen, random, depth) for _ in range(random.randint(1, 2))]
        if element.name == "contained":
            values = [{"resourceType": "Patient", "id": f"c{number}"} for number in range(len(values))]
        made[name] = values if element.repeats else values[0]
    return made


def value(registry: Registry, element: Element, type_: str, random: Random, depth: int) -> Any:
    """A sound value for one place of the element."""
    codes = registry.codes(element.binding.value_set) if element.binding else None
    system, code = random.choice(sorted(codes)) if codes else ("http://example.org", "a")
    if type_ == "Resource":
        return {"resourceType": "Patient", "id": "p1"}
    if type_ == "Reference":
        return {"reference": f"{random.choice(element.targets or ('Patient',))}/1"}
    if type_ == "Coding":
        return {"system": system, "code": code}
    if type_ == "CodeableConcept":
        return {"coding": [{"system": system, "code": code}]}
    if registry.definition(type_).kind != "primitive":
        return instance(registry, type_, random, depth + 1)
    if element.binding and type_ in {"code", "uri"}:
        by_form = {"mimetypes": "text/plain", "currencies": "GBP"}
        return code if codes else by_form.get(element.binding.value_set.rpartition("/")[2], "a")
    return random.choice(GOOD[type_][:4])
