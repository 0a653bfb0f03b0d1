"""Logical ids and resource types: whether they are well formed, and whether a body agrees with its address.

Source: https://hl7.org/fhir/R4/datatypes.html#id, https://hl7.org/fhir/R4/http.html#update
"""

from __future__ import annotations

import re
from typing import Any

from service.fhir.problems import Malformed, Missing, Unoffered
from service.fhir.registry import Registry

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def is_id(text: str) -> bool:
    """Whether `text` can be a logical id."""
    return _ID.fullmatch(text) is not None


def require_id(type_: str, id_: str) -> None:
    """Lets an id be used for a new resource.

    Raises:
        Malformed: it is not one that FHIR allows.
    """
    if not is_id(id_):
        raise Malformed(
            "id-malformed", "An id is 1 to 64 of the characters A-Z, a-z, 0-9, - and dot.", f"{type_}.id"
        )


def require_type(resource: dict[str, Any], type_: str) -> None:
    """Lets a body be used where a resource of `type_` belongs.

    Raises:
        Malformed: it is another type, or says none.
    """
    given = resource.get("resourceType")
    if given != type_:
        said = f"a {given}" if isinstance(given, str) and given else "a resource without resourceType"
        raise Malformed("type-mismatch", f"A {type_} is expected here, not {said}.", type_)


def require_same_id(resource: dict[str, Any], type_: str, id_: str) -> None:
    """Lets a body be stored under `id_`.

    Raises:
        Malformed: its id is absent or another.
    """
    given = resource.get("id")
    if given is None:
        raise Malformed(
            "id-absent", "An update carries in its body the id that its address says.", f"{type_}.id"
        )
    if given != id_:
        raise Malformed("id-mismatch", "The id in the body is not the one in the address.", f"{type_}.id")


def require_offered(registry: Registry, type_: str, interaction: str) -> None:
    """Lets an interaction with a type go on; `interaction` is its code in the CapabilityStatement.

    Raises:
        Missing: the type is not served.
        Unoffered: the type is served, but not in this way.
    """
    offered = registry.served.get(type_)
    if offered is None:
        name = type_ if registry.is_resource(type_) else "that type"
        raise Missing("type-not-served", f"This server has no resources of {name}.")
    if interaction not in offered:
        raise Unoffered("interaction-not-offered", f"This server does not offer {interaction} for {type_}.")
