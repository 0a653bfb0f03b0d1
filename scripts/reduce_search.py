"""Reduces SearchParameters and the Patient compartment to what holds for each served type.

R4 writes one expression for several types (`AllergyIntolerance.code | ... | Observation.code`);
here each type keeps its own alternatives. Parameters without an expression (`_text`,
`_content`, `_query`) say nothing that could be indexed and are left out.

So are the examples of the standard's text. Targets, too, are narrowed: `patient`, which R4
shares between types that refer to a Patient or a Group, may only be a Patient where the
expression or the element says so.

Source: https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]

ABSTRACT = ("Resource", "DomainResource")

EXAMPLES = frozenset(
    {
        "http://hl7.org/fhir/SearchParameter/example",
        "http://hl7.org/fhir/SearchParameter/example-extension",
        "http://hl7.org/fhir/SearchParameter/example-reference",
    }
)

# The package names a type that FHIR does not have; R5 says dateTime here.
MISPRINTS = {"value.as(DateTime)": "value.as(dateTime)"}

ONLY_TYPE = re.compile(r"\.where\(resolve\(\) is (\w+)\)$")


class Search:
    """The package's search parameters, with the reduced types that their expressions walk over."""

    def __init__(self, definitions: dict[str, Json], types: dict[str, Json]) -> None:
        """Takes SearchParameters by URL and reduced types by name."""
        self.definitions = {url: item for url, item in definitions.items() if url not in EXAMPLES}
        self.types = types

    def parameters(self, served: list[str]) -> dict[str, Json]:
        """By type (Resource and DomainResource first), then by code; types without any are left out."""
        by_type: dict[str, Json] = {}
        for type_ in (*ABSTRACT, *sorted(served)):
            own = [
                self.narrow(item, type_)
                for item in self.definitions.values()
                if type_ in item.get("base", ())
            ]
            by_type[type_] = {
                parameter.pop("code"): parameter
                for parameter in sorted((item for item in own if item), key=lambda item: str(item["code"]))
            }
        return {type_: parameters for type_, parameters in by_type.items() if parameters}

    def narrow(self, definition: Json, type_: str) -> Json | None:
        """One parameter as it holds for the type; None where nothing of its expression is about it."""
        own = [part for part in alternatives(definition.get("expression", "")) if root(part) == type_]
        if not own:
            return None
        parameter: Json = {
            "code": definition["code"],
            "url": definition["url"],
            "type": definition["type"],
            "expression": " | ".join(own),
        }
        if "target" in definition:
            permitted = {target for part in own for target in self.targets(part) or definition["target"]}
            parameter["targets"] = [target for target in definition["target"] if target in permitted]
        if "component" in definition:
            parameter["components"] = [
                [
                    self.definitions[component["definition"]]["code"],
                    corrected(component["expression"]),
                ]
                for component in definition["component"]
            ]
        return parameter

    def targets(self, part: str) -> list[str]:
        """The resource types that what the alternative selects may refer to; empty where it does not say."""
        if only := ONLY_TYPE.search(part):
            return [only[1]]
        name, *steps = part.split(".")
        targets: list[str] = []
        for step in steps:
            element = next((item for item in self.elements(name) if item["name"] == step), None)
            if element is None:
                return []
            name, targets = element["types"][0], element.get("targets", [])
        return targets

    def elements(self, name: str) -> list[Json]:
        """The elements of a type, inherited ones included."""
        type_ = self.types[name]
        inherited = self.elements(type_["base"]) if "base" in type_ else []
        return [*inherited, *type_["elements"]]


def corrected(expression: str) -> str:
    """The expression without the package's misprints."""
    for wrong, right in MISPRINTS.items():
        expression = expression.replace(wrong, right)
    return expression


def alternatives(expression: str) -> list[str]:
    """The parts of a FHIRPath expression between its top-level `|`."""
    parts, depth, start, quoted = [], 0, 0, False
    for position, character in enumerate(expression):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "|" and depth == 0:
            parts.append(expression[start:position].strip())
            start = position + 1
    parts.append(expression[start:].strip())
    return [part for part in parts if part]


def root(part: str) -> str | None:
    """The type name that an alternative begins with."""
    match = re.match(r"\(*\s*([A-Z]\w*)", part)
    return match[1] if match else None


def compartments(definitions: dict[str, Json], served: list[str]) -> dict[str, Json]:
    """The Patient compartment: served types with the parameters by which they are in it."""
    patient = next(definition for definition in definitions.values() if definition["code"] == "Patient")
    members = {item["code"]: item["param"] for item in patient["resource"] if item.get("param")}
    return {"Patient": {type_: members[type_] for type_ in sorted(served) if type_ in members}}
