"""The plain oracle of what is withheld of a restricted young person: whatever tells where they are.

Source: domain facts section 8 (names of agency, school, site and coordinator reveal place)
"""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]

PLACES = ("Organization", "Location", "HealthcareService", "Practitioner", "PractitionerRole")
# What goes whole: where to find somebody, and what is said in words of one's own.
_GONE = {"text", "note", "address", "telecom", "photo", "contact"}
# Words of staff that are plain strings.
_WORDS = {"contentString", "patientInstruction", "title", "description", "name", "data"}
_GONE_IN = {
    "Patient": {"generalPractitioner", "managingOrganization"},
    "CarePlan": {"title", "description"},
    "CareTeam": {"name"},
    "Communication": {"contentString", "reasonCode", "statusReason"},
    "List": {"title"},
    "ServiceRequest": {"patientInstruction"},
    "Task": {"description", "reasonCode", "statusReason"},
    "Binary": {"data"},
}
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_WORDED = re.compile(r"Town-|of Nowhere|Staff |Agency (?!involved)")
_EMPTY: tuple[Any, ...] = ({}, [])
REDACTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"}


def masked(resource: Json) -> Json:
    """The resource without what tells of places, marked as redacted."""
    gone = _GONE | _GONE_IN.get(resource["resourceType"], set())
    made: Json = _without(resource, gone)
    meta = dict(made.get("meta", {}))
    meta["security"] = [*meta.get("security", []), REDACTED]
    return {**made, "meta": meta}


def _without(value: Any, gone: set[str]) -> Any:
    """What is left of it; a reference to a place says no more than that there is one, and of which type."""
    if isinstance(value, dict):
        kept = {
            name: each
            for name, each in value.items()
            if name not in gone or (isinstance(each, str) and name not in _WORDS)
        }
        left = {name: _left(each, gone) for name, each in kept.items()}
        return {name: each for name, each in left.items() if each not in _EMPTY}
    if isinstance(value, list):
        return [left for left in (_left(each, gone) for each in value) if left not in _EMPTY]
    return value


def _left(value: Any, gone: set[str]) -> Any:
    if not _tells(value):
        return _without(value, gone)
    type_ = str(value.get("reference", "")).partition("/")[0]
    mask = {"extension": [{"url": _ABSENT, "valueCode": "masked"}]}
    return {**mask, "type": type_} if type_ else mask


def neutral(value: Any) -> Any:
    """What is shown without what says of itself that it is masked, and without what is empty then."""
    if isinstance(value, dict):
        found = {name: neutral(each) for name, each in value.items()}
        return {name: each for name, each in found.items() if each not in _EMPTY and not _is_masked(each)}
    if isinstance(value, list):
        return [each for each in map(neutral, value) if each not in _EMPTY and not _is_masked(each)]
    return value


def _is_masked(value: Any) -> bool:
    extensions = value.get("extension", ()) if isinstance(value, dict) else ()
    return any(each.get("url") == _ABSENT and each.get("valueCode") == "masked" for each in extensions)


def _tells(value: Any) -> bool:
    """Whether it is a reference to a place, or one that says in words alone where it leads."""
    if not isinstance(value, dict):
        return False
    in_words = "display" in value and not {"reference", "system", "code", "url"} & value.keys()
    return in_words or str(value.get("reference", "")).startswith(PLACES)


def words_in(value: Any) -> list[str]:
    """The words that name a place of these worlds (`imagined.py`), in whatever was shown."""
    if isinstance(value, dict | list):
        each = value.values() if isinstance(value, dict) else value
        return [found for one in each for found in words_in(one)]
    return _WORDED.findall(value) if isinstance(value, str) else []


def places_in(value: Any) -> list[str]:
    """The references to places that are left in what was shown."""
    if isinstance(value, dict):
        own = [str(value.get("reference", "in words"))] if _tells(value) else []
        return own + [found for each in value.values() for found in places_in(each)]
    if isinstance(value, list):
        return [found for each in value for found in places_in(each)]
    return []
