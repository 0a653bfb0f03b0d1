"""Withholding: what is left of a restricted young person's record for those who may not know where they are.

Agencies, places and the people who work there are taken out by reference and by name, and of the
young person and their family the address and how to reach them. What was there is marked as
masked, so that nobody takes it for unknown.

Source: domain facts section 8 (R patients; PDS flag), ADR 0023,
http://hl7.org/fhir/StructureDefinition/data-absent-reason
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Types that tell where somebody is.
PLACES: Final = frozenset(
    {"Organization", "Location", "HealthcareService", "Practitioner", "PractitionerRole"}
)

_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_REDACTED: Final[Mapping[str, str]] = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "REDACTED",
}

# Elements that go whole, by their JSON name, wherever they stand: narrative, notes and messages, which
# tell in words, addresses, ways to reach people, pictures and documents, and signatures.
_GONE: Final = frozenset(
    {
        *("text", "note", "address", "telecom", "photo", "contact", "signature"),
        *("valueAddress", "valueContactPoint", "valueContactDetail", "valueAttachment", "valueSignature"),
        *("contentAttachment", "sourceAttachment", "valueAnnotation"),
        *("contentString", "progress", "patientInstruction"),
    }
)
# Elements that go whole in one type; a title or description of what staff plan, list or have to do is a note.
_GONE_IN: Final[Mapping[str, frozenset[str]]] = {
    "Patient": frozenset({"generalPractitioner", "managingOrganization"}),
    "CarePlan": frozenset({"description", "title"}),
    "CareTeam": frozenset({"name"}),
    # The reason of a handover is written in words.
    "Communication": frozenset({"reasonCode", "statusReason"}),
    "List": frozenset({"title"}),
    "Task": frozenset({"description", "reasonCode", "statusReason"}),
    "Binary": frozenset({"data"}),
}
_REFERENCE: Final = frozenset({"id", "extension", "reference", "type", "identifier", "display"})

_ADDRESSES: Final = ("address", "address-city", "address-country", "address-postalcode", "address-state")
_REACHED: Final = (*_ADDRESSES, "address-use", "email", "phone", "telecom")
_REVEALING_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "CarePlan": ("performer", "plan-coordinating-agency", "plan-coordinator"),
    "CareTeam": ("participant",),
    "Communication": ("recipient", "sender"),
    "Consent": ("actor", "consentor", "organization"),
    "Encounter": ("location", "participant", "practitioner", "service-provider"),
    "EpisodeOfCare": ("care-manager", "organization"),
    "Flag": ("author",),
    "Goal": ("goal-agency",),
    "List": ("notes", "source", "title"),
    "MeasureReport": ("reporter",),
    "Observation": ("performer",),
    "Patient": (*_REACHED, "general-practitioner", "organization"),
    "Provenance": ("agent", "location"),
    "QuestionnaireResponse": ("author", "source"),
    "RelatedPerson": _REACHED,
    "ServiceRequest": ("performer", "requester"),
    "Task": ("owner", "requester"),
}
# The search parameters by whose values places could be found out. Beside them, of every type, those of
# free text (`_text`, `_content`) and of the source (`_source`); and a search for one of PLACES by a
# parameter that may lead to anything.
REVEALING: Final = frozenset((type_, code) for type_, codes in _REVEALING_OF.items() for code in codes)
REVEALING_IN_ALL: Final = frozenset({"_source", "_text", "_content"})

Json = dict[str, Any]


def reveals(type_: str, code: str) -> bool:
    """Whether a search parameter of a type could tell where somebody is."""
    return code in REVEALING_IN_ALL or (type_, code) in REVEALING


def masked(type_: str, resource: Mapping[str, Any]) -> Json:
    """The resource without what tells where the young person is; the given one is left as it is."""
    shown = _object(resource, _GONE_IN.get(type_, frozenset()))
    meta = {name: value for name, value in shown.get("meta", {}).items() if name not in {"source", "_source"}}
    security = [label for label in meta.get("security", ()) if label != _REDACTED]
    meta["security"] = [*security, dict(_REDACTED)]
    head: Json = {name: shown[name] for name in ("resourceType", "id") if name in shown}
    return {**head, "meta": meta, **{name: value for name, value in shown.items() if name != "meta"}}


def _object(node: Mapping[str, Any], gone: frozenset[str] = frozenset()) -> Json:
    shown: Json = {}
    for name, value in node.items():
        plain = name.removeprefix("_")
        if (plain in _GONE and _is_whole(name, value)) or plain in gone:
            continue
        kept = _value(value, name)
        if kept is not None:
            shown[name] = kept
    return shown


def _is_whole(name: str, value: Any) -> bool:
    """Whether an element of such a name is what it is called after: `text` is a string in many types, too."""
    return name != "text" or (isinstance(value, dict) and "div" in value)


def _value(value: Any, name: str) -> Any:
    """The value without what tells of places; None where nothing is left of it."""
    if isinstance(value, list):
        kept = [each for each in (_value(item, name) for item in value) if each is not None]
        return kept or None
    if not isinstance(value, dict):
        return value
    if name == "contained" and value.get("resourceType") in PLACES:
        return None
    if "resourceType" in value:
        return _object(value, _GONE_IN.get(value["resourceType"], frozenset())) or None
    if _is_reference(value, name):
        return value if _leads_to_no_place(value) else _masked_reference(value)
    return _object(value) or None


def _is_reference(value: Json, name: str) -> bool:
    """Whether an object is a Reference; what could be one by what it has is taken for one."""
    has = {each.removeprefix("_") for each in value}
    if not has <= _REFERENCE or has <= {"id", "extension"}:
        return False
    type_ = value.get("type")
    if "reference" in value:
        return isinstance(value["reference"], str)
    if isinstance(value.get("identifier"), dict) or (isinstance(type_, str) and _names_type(type_)):
        return True
    return "display" in has and "type" not in has and name != "coding"


def _names_type(text: str) -> bool:
    """Whether a text is the type of a Reference, which begins with a capital or is an address."""
    return text[:1].isupper() or ":" in text


def _leads_to_no_place(reference: Json) -> bool:
    """Whether a reference leads, by a relative address, to a resource that tells of no place."""
    address = reference.get("reference")
    if not isinstance(address, str):
        return False
    type_, slash, _ = address.partition("/")
    return bool(slash) and type_.isalpha() and type_ not in PLACES


def _masked_reference(reference: Json) -> Json:
    type_ = _type_of(reference)
    masked_ = {"extension": [{"url": _ABSENT, "valueCode": "masked"}]}
    return {**masked_, "type": type_} if type_ else masked_


def _type_of(reference: Json) -> str:
    """The type of what a reference leads to; empty where it does not say one of those of places."""
    type_ = reference.get("type") or reference.get("reference", "").partition("/")[0]
    return type_ if type_ in PLACES else ""
