"""A small guide: kinds of help, in a code system with a hierarchy, and value sets over it."""

from __future__ import annotations

from typing import Any

from service.fhir.guide import Guide
from service.fhir.registry import load
from service.fhir.terminology import Terminology

HELP = "https://thrive-fhir.example/CodeSystem/test-help"
LOUD = "https://thrive-fhir.example/CodeSystem/test-loud"  # does not mind the case of its codes
PART = "https://thrive-fhir.example/CodeSystem/test-part"  # held in part only
SNOMED = "http://snomed.info/sct"  # not held at all

Json = dict[str, Any]

STANDARD = "http://hl7.org/fhir/concept-properties#"

HELP_SYSTEM: Json = {
    "resourceType": "CodeSystem",
    "id": "test-help",
    "url": HELP,
    "version": "2",
    "title": "Kinds of help",
    "status": "active",
    "language": "en-GB",
    "caseSensitive": True,
    "content": "complete",
    "property": [
        {"code": "old", "uri": f"{STANDARD}inactive", "type": "boolean"},
        {"code": "abstract", "uri": f"{STANDARD}notSelectable", "type": "boolean"},
        {"code": "place", "type": "string"},
        {"code": "people", "type": "integer"},
        {"code": "parent", "uri": f"{STANDARD}parent", "type": "code"},
    ],
    "concept": [
        {
            "code": "help",
            "display": "Help",
            "definition": "Any help.",
            "property": [{"code": "abstract", "valueBoolean": True}],
            "concept": [
                {
                    "code": "talking",
                    "display": "Talking (of any kind)",
                    "definition": "Help by talking.",
                    "designation": [{"language": "cy", "value": "Siarad"}],
                    "property": [{"code": "place", "valueString": "clinic"}],
                    "concept": [
                        {
                            "code": "alone",
                            "display": "One to one",
                            "property": [{"code": "people", "valueInteger": 2}],
                        },
                        {
                            "code": "group",
                            "display": "In a group",
                            "designation": [
                                {"use": {"system": SNOMED, "code": "900"}, "value": "Group work"}
                            ],
                            "property": [
                                {"code": "people", "valueInteger": 8},
                                {"code": "place", "valueString": "school"},
                            ],
                        },
                    ],
                },
                {
                    "code": "letters",
                    "display": "Letters",
                    "property": [{"code": "old", "valueBoolean": True}],
                },
            ],
        },
        {"code": "walk", "display": "A walk", "property": [{"code": "parent", "valueCode": "letters"}]},
        {"code": "none", "display": "No help"},
    ],
}
LOUD_SYSTEM: Json = {
    "resourceType": "CodeSystem",
    "url": LOUD,
    "caseSensitive": False,
    "content": "complete",
    "concept": [{"code": "Yes", "display": "Yes"}, {"code": "No", "display": "No"}],
}
PART_SYSTEM: Json = {
    "resourceType": "CodeSystem",
    "url": PART,
    "content": "fragment",
    "concept": [{"code": "a", "display": "A"}],
}


def address(id_: str) -> str:
    """The URL of a value set of the tests."""
    return f"https://thrive-fhir.example/ValueSet/{id_}"


def value_set(id_: str, *include: Json, **compose: Any) -> Json:
    """A value set with these includes, and what else its compose has."""
    return {
        "resourceType": "ValueSet",
        "id": id_,
        "url": address(id_),
        "version": "1",
        "status": "active",
        "compose": {"include": list(include), **compose},
    }


def filtered(property_: str, op: str, value: str) -> Json:
    """An include of the kinds of help that pass a filter."""
    return {"system": HELP, "filter": [{"property": property_, "op": op, "value": value}]}


def terminology(*artefacts: Json) -> Terminology:
    """A terminology of the three code systems and of the artefacts."""
    return Terminology(load(), Guide([HELP_SYSTEM, LOUD_SYSTEM, PART_SYSTEM, *artefacts]))


def codes(found: Terminology, id_: str) -> list[str]:
    """The codes that are certainly in a value set, in order."""
    return [code for _, code in found.extent(address(id_)).sure]
