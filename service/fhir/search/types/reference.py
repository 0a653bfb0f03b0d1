"""Reference parameters: resources of ours by type and id, others by their address.

Source: https://hl7.org/fhir/R4/search.html#reference
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from service.fhir.search import refusals
from service.fhir.search.asked import Asked
from service.fhir.search.expressions import Expression, Reference
from service.fhir.search.references import ID, Addresses, Target, is_absolute, names_version

Pairs = list[tuple[str, str]]

# Beside these, the name of any type that the parameter refers to is a modifier.
MODIFIERS = ()

_FORM = "give `Type/id`, `id` or an absolute URL"


def readers(addresses: Addresses, only: str | None) -> Mapping[str, Callable[[Any], list[Target]]]:
    """The readers of elements by type; `only` keeps references to that type, as `where(resolve() is …)` asks.

    What a reference resolves to is not looked up: its own words say of what type it is.
    """

    def _reference(value: Mapping[str, Any]) -> list[Target]:
        text = value.get("reference")
        target = None if text is None else addresses.target(text)
        if target is None:
            return []
        return [target] if only is None or addresses.type_of(target, value.get("type")) == only else []

    def _canonical(value: str) -> list[Target]:
        return [
            target
            for target in addresses.canonical(value)
            if only is None or addresses.type_of(target, None) == only
        ]

    return {"Reference": _reference, "canonical": _canonical, "uri": _canonical, "url": _canonical}


def identifier_readers(addresses: Addresses, only: str | None) -> Mapping[str, Callable[[Any], Pairs]]:
    """The readers of what identifies a resource that is referred to without its address; `only` as for `readers`."""

    def _reference(value: Mapping[str, Any]) -> Pairs:
        identifier = value.get("identifier")
        if identifier is None or (only is not None and _stated(addresses, value) != only):
            return []
        return [(identifier.get("system", ""), identifier.get("value", ""))]

    return {"Reference": _reference}


def _stated(addresses: Addresses, value: Mapping[str, Any]) -> str | None:
    """The type of what a reference refers to, as its address or its `type` says."""
    target = addresses.target(value.get("reference", ""))
    return value.get("type") if target is None else addresses.type_of(target, value.get("type"))


def read(asked: Asked) -> Expression:
    """The condition that a reference states.

    Raises:
        Malformed: it is no reference, or one to a type that the parameter does not refer to.
    """
    value = asked.value
    addresses = Addresses(asked.setting.registry, asked.setting.base_url)
    if names_version(value):
        raise refusals.unreadable(
            asked.name, "search-value-reference", "versions of a resource cannot be asked for; leave it out"
        )
    if ID.fullmatch(value):
        return Reference(asked.code, asked.modifier or _only_target(asked), value)
    local = addresses.local(value)
    if local is not None:
        return _local(asked, *local)
    if asked.modifier is None and is_absolute(value):
        return Reference(asked.code, "", value)
    raise refusals.unreadable(asked.name, "search-value-reference", _FORM)


def _only_target(asked: Asked) -> str | None:
    targets = asked.parameter.targets
    return targets[0] if len(targets) == 1 else None


def _local(asked: Asked, type_: str, id_: str) -> Expression:
    targets = (asked.modifier,) if asked.modifier else asked.parameter.targets
    if targets and type_ not in targets:
        raise refusals.wrong_target(asked.name, type_, targets)
    return Reference(asked.code, type_, id_)
