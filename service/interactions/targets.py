"""What an entry's request is about: its method and address, read into an interaction and its parts.

Source: https://hl7.org/fhir/R4/http.html#summary, https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request.url
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from service.fhir.problems import Malformed
from service.fhir.registry import Registry
from service.fhir.search.compartments import COMPARTMENTS
from service.interactions.identity import require_offered

Interaction = Literal[
    "create",
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "search-type",
    "search-system",
    "history-instance",
    "history-type",
    "history-system",
]
METHODS = ("DELETE", "POST", "PUT", "PATCH", "GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Target:
    """An interaction with its address. `query` is None where the address has no question mark.

    A search within a compartment has the compartment's type and id in `within`, and in `type` what is
    searched for, empty for everything.
    """

    interaction: Interaction
    type: str = ""
    id: str = ""
    version: str = ""
    query: str | None = None
    within: tuple[str, str] | None = None


def read_target(registry: Registry, base_url: str, method: str, url: str) -> Target:
    """The interaction that method and address ask for; the address may be absolute under our base.

    Raises:
        Malformed: together they are no interaction.
        Missing: the type is not served.
        Unoffered: the type is served, but not in this way.
    """
    relative = url[len(base_url) :] if url.startswith((base_url + "/", base_url + "?")) else url
    path, mark, query = relative.partition("?")
    parts = path.strip("/").split("/")
    target = (
        _read_get(parts) if method in {"GET", "HEAD"} else _read_change(method, parts, bool(mark and query))
    )
    if target is None:
        raise Malformed(
            "entry-address", f"{method} with this address is no interaction that an entry can ask for here."
        )
    if target.type:
        require_offered(registry, target.type, target.interaction)
    return replace(target, query=query if mark else None)


def _read_get(parts: list[str]) -> Target | None:
    match parts:
        case [""]:
            return Target("search-system")
        case ["_history"]:
            return Target("history-system")
        case [type_] if _is_name(type_):
            return Target("search-type", type_)
        case [type_, "_history"] if _is_name(type_):
            return Target("history-type", type_)
        case [type_, id_, *rest] if _is_name(type_, id_):
            return _read_instance(type_, id_, rest)
    return None


def _read_instance(type_: str, id_: str, rest: list[str]) -> Target | None:
    match rest:
        case []:
            return Target("read", type_, id_)
        case ["_history"]:
            return Target("history-instance", type_, id_)
        case ["_history", version]:
            return Target("vread", type_, id_, version)
        case ["*"] if type_ in COMPARTMENTS:
            return Target("search-system", within=(type_, id_))
        case [member] if type_ in COMPARTMENTS and _is_name(member):
            return Target("search-type", member, within=(type_, id_))
    return None


def _read_change(method: str, parts: list[str], conditional: bool) -> Target | None:  # noqa: FBT001 - a part of the address
    interactions: dict[str, Interaction] = {"PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    match method, parts:
        case "POST", [type_] if _is_name(type_):
            return Target("create", type_)
        case (("PUT" | "PATCH" | "DELETE"), [type_, id_]) if _is_name(type_, id_):
            return Target(interactions[method], type_, id_)
        case (("PUT" | "PATCH" | "DELETE"), [type_]) if conditional and _is_name(type_):
            return Target(interactions[method], type_)
    return None


def _is_name(*parts: str) -> bool:
    """Whether the parts are names: neither empty, nor `$operation`, nor `_search` and the like."""
    return all(part and part[0] not in "$_" for part in parts)
