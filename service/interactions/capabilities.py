"""capabilities: what this server does, said from the same registry that its routes are made from.

Source: https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from service.fhir.guide import Guide
from service.fhir.registry import APART, Registry
from service.fhir.search.asked import Setting
from service.fhir.search.compartments import COMPARTMENTS
from service.fhir.search.criteria import offered
from service.fhir.search.includes import reference_codes, refers_to
from service.interactions import audit_search
from service.interactions.audit_event import AUDIT_EVENT
from service.interactions.cohort_filters import GROUP
from service.interactions.context import Context

FHIR_VERSION = "4.0.1"
SOFTWARE_VERSION = "0.1.0"
RELEASED = "2026-11-22"  # of SOFTWARE_VERSION: the statement changes with the software, not with the clock
CORE = "http://hl7.org/fhir/StructureDefinition/"
FORMATS = ("application/fhir+json", "application/json", "json")
PATCH_FORMATS = ("application/json-patch+json", "application/fhir+json")
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
COMPARTMENT = "http://hl7.org/fhir/CompartmentDefinition/"
BULK_DATA = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"
BULK_COHORT = "http://hl7.org/fhir/uv/bulkdata/StructureDefinition/bulk-cohort-group"
NOT_EXPORTED = "http://hl7.org/fhir/uv/bulkdata/Extension/operation-not-supported"
ALL = "*"
SECURITY_SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"

Definitions = Mapping[str, Mapping[str, str]]
"""By resource type (empty: the system) and name: the canonical addresses of the operations offered."""

_INSTANCE_FIRST = (
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "history-instance",
    "history-type",
    "create",
    "search-type",
)
_SYSTEM = ("transaction", "batch", "search-system", "history-system")
# What every search takes beside the parameters of its type; R4 has definitions for two of them alone.
# Source: https://hl7.org/fhir/R4/search.html#Summary
_OF_ALL_SEARCHES: tuple[Mapping[str, str], ...] = (
    {
        "name": "_type",
        "type": "special",
        "documentation": "The types searched; in a search of the system or of a compartment.",
    },
    {"name": "_has", "type": "special", "documentation": "Reverse chains, nested at will."},
    {"name": "_list", "type": "special", "documentation": "The id of a List that holds them."},
    {
        "name": "_text",
        "definition": "http://hl7.org/fhir/SearchParameter/DomainResource-text",
        "type": "string",
        "documentation": "Beginnings of words of the narrative.",
    },
    {
        "name": "_content",
        "definition": "http://hl7.org/fhir/SearchParameter/Resource-content",
        "type": "string",
        "documentation": "Beginnings of words of any text.",
    },
    {
        "name": "_sort",
        "type": "special",
        "documentation": "Any parameter that is neither composite nor special, several with commas; - for downwards.",
    },
    {"name": "_count", "type": "number", "documentation": "Matches a page; 0 for the total alone."},
    {"name": "_include", "type": "special", "documentation": "With :iterate, a target type, and *."},
    {"name": "_revinclude", "type": "special", "documentation": "With :iterate, a target type, and *."},
    {"name": "_total", "type": "token", "documentation": "none, estimate or accurate."},
    {"name": "_summary", "type": "token", "documentation": "true, text, data, count or false."},
    {"name": "_elements", "type": "special", "documentation": "Names of elements, with commas."},
)
_NO_OPERATIONS: Definitions = MappingProxyType({})


def statement(
    context: Context, operations: Definitions = _NO_OPERATIONS, *, token_url: str | None = None
) -> dict[str, Any]:
    """The CapabilityStatement of this server; `token_url` is where clients get tokens, if they need any.

    A type that is not served, and of which there are operations all the same, is said with these alone.
    """
    rest: dict[str, Any] = {"mode": "server"}
    if token_url is not None:
        rest["security"] = _security(token_url)
    types = sorted(context.registry.served.keys() | (operations.keys() - {""}))
    rest["resource"] = [_resource(context, type_, operations.get(type_, {})) for type_ in types]
    rest["interaction"] = [{"code": code} for code in _SYSTEM]
    rest["searchParam"] = [dict(each) for each in _OF_ALL_SEARCHES]
    rest |= _operations(operations.get("", {}))
    rest["compartment"] = [f"{COMPARTMENT}{name.lower()}" for name in COMPARTMENTS]
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{context.base_url}/metadata",
        "version": SOFTWARE_VERSION,
        "name": "ThriveFhir",
        "title": "thrive-fhir",
        "status": "active",
        "date": RELEASED,
        "description": "Goals, session scores, CollaboRATE answers and THRIVE plans of children and young people.",
        "kind": "instance",
        "instantiates": [BULK_DATA],
        "software": {"name": "thrive-fhir", "version": SOFTWARE_VERSION, "releaseDate": RELEASED},
        "implementation": {"description": "thrive-fhir", "url": context.base_url},
        "fhirVersion": FHIR_VERSION,
        "format": list(FORMATS),
        "patchFormat": list(PATCH_FORMATS),
        "rest": [rest],
    }


def _security(token_url: str) -> dict[str, Any]:
    return {
        "extension": [{"url": OAUTH_URIS, "extension": [{"url": "token", "valueUri": token_url}]}],
        "service": [
            {"coding": [{"system": SECURITY_SERVICES, "code": "SMART-on-FHIR"}], "text": "SMART on FHIR"}
        ],
        "description": "SMART Backend Services: a token by private_key_jwt.",
    }


def _resource(context: Context, type_: str, operations: Mapping[str, str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": type_, "profile": f"{CORE}{type_}"}
    if type_ in APART:
        shown["extension"] = [{"url": NOT_EXPORTED, "valueCanonical": BULK_DATA}]
    profiles = supported_profiles(context.guide, type_)
    if profiles:
        shown["supportedProfile"] = profiles
    if type_ in context.registry.served:
        shown |= _interactions(context, type_)
    return shown | _operations(operations)


def _interactions(context: Context, type_: str) -> dict[str, Any]:
    interactions = context.registry.served[type_]
    creates = "create" in interactions
    updates = "update" in interactions
    shown: dict[str, Any] = {
        "interaction": [{"code": code} for code in _INSTANCE_FIRST if code in interactions],
        "versioning": "versioned",
        "readHistory": "vread" in interactions,
        "updateCreate": updates,
        "conditionalCreate": creates,
        "conditionalRead": "full-support",
        "conditionalUpdate": updates,
        "conditionalDelete": "multiple" if "delete" in interactions else "not-supported",
        "referencePolicy": ["literal", "logical"],
    }
    if "search-type" in interactions:
        if type_ not in APART:  # the audit is a table of its own: nothing is shown beside its entries
            shown["searchInclude"] = includes(context.registry, type_)
            shown["searchRevInclude"] = reverse_includes(context.registry, type_)
        shown["searchParam"] = _search_parameters(context.registry, context.base_url, type_)
    return {name: value for name, value in shown.items() if value != []}


def includes(registry: Registry, type_: str) -> list[str]:
    """What `_include` takes for a search of the type, `*` first; nothing where the type refers to nothing."""
    codes = reference_codes(registry, type_)
    return [ALL, *(f"{type_}:{code}" for code in codes)] if codes else []


def reverse_includes(registry: Registry, type_: str) -> list[str]:
    """What `_revinclude` takes for a search of the type, `*` first: the parameters that can refer to it."""
    found = [
        f"{source}:{code}"
        for source in sorted(registry.served.keys() - APART)
        for code in reference_codes(registry, source)
        if type_ in (refers_to(registry, source, code) or registry.resource_types)
    ]
    return [ALL, *found] if found else []


def _operations(definitions: Mapping[str, str]) -> dict[str, Any]:
    """The element `operation`, left out where there are none."""
    shown = [{"name": name, "definition": url} for name, url in sorted(definitions.items())]
    return {"operation": shown} if shown else {}


def supported_profiles(guide: Guide, type_: str) -> list[str]:
    """The addresses of the guide's profiles of a resource type, in order; not those of R4 itself.

    A cohort with filters has the shape that Bulk Data asks of one, whether or not its guide was added.
    Source: https://hl7.org/fhir/uv/bulkdata/en/group.html#server-capability-documentation
    """
    found = {
        url
        for url, structure in guide.all("StructureDefinition").items()
        if structure.get("type") == type_
        and structure.get("derivation") == "constraint"
        and structure.get("kind") == "resource"
        and not url.startswith(CORE)
    }
    return sorted(found | {BULK_COHORT}) if type_ == GROUP else sorted(found)


def _search_parameters(registry: Registry, base_url: str, type_: str) -> Sequence[dict[str, Any]]:
    """The parameters that the search grammar takes for the type."""
    parameters = registry.search_parameters(type_)
    setting = Setting(registry, base_url, now=0)
    return [
        {"name": code, "definition": parameters[code].url, "type": parameters[code].type}
        for code in taken(setting, type_)
    ]


def taken(setting: Setting, type_: str) -> Iterable[str]:
    """The codes of the search parameters that the type can be searched by here."""
    return audit_search.PARAMETERS if type_ == AUDIT_EVENT else offered(setting, type_)
