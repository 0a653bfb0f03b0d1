"""capabilities: what this server does, said from the same registry that its routes are made from.

Source: https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from service.fhir.guide import Guide
from service.fhir.registry import Registry
from service.fhir.search.asked import Setting
from service.fhir.search.criteria import offered
from service.interactions.context import Context

FHIR_VERSION = "4.0.1"
SOFTWARE_VERSION = "0.1.0"
RELEASED = "2026-11-22"  # of SOFTWARE_VERSION: the statement changes with the software, not with the clock
CORE = "http://hl7.org/fhir/StructureDefinition/"
FORMATS = ("application/fhir+json", "application/json", "json")
PATCH_FORMATS = ("application/json-patch+json", "application/fhir+json")
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
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
_SYSTEM = ("transaction", "batch", "history-system")
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
    rest |= _operations(operations.get("", {}))
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
        shown["searchParam"] = _search_parameters(context.registry, context.base_url, type_)
    return shown


def _operations(definitions: Mapping[str, str]) -> dict[str, Any]:
    """The element `operation`, left out where there are none."""
    shown = [{"name": name, "definition": url} for name, url in sorted(definitions.items())]
    return {"operation": shown} if shown else {}


def supported_profiles(guide: Guide, type_: str) -> list[str]:
    """The addresses of the guide's profiles of a resource type, in order; not those of R4 itself."""
    return sorted(
        url
        for url, structure in guide.all("StructureDefinition").items()
        if structure.get("type") == type_
        and structure.get("derivation") == "constraint"
        and structure.get("kind") == "resource"
        and not url.startswith(CORE)
    )


def _search_parameters(registry: Registry, base_url: str, type_: str) -> Sequence[dict[str, Any]]:
    """The parameters that the search grammar takes for the type."""
    parameters = registry.search_parameters(type_)
    setting = Setting(registry, base_url, now=0)
    return [
        {"name": code, "definition": parameters[code].url, "type": parameters[code].type}
        for code in offered(setting, type_)
    ]
