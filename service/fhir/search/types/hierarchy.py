"""Hierarchies of resources: the modifiers `:above` and `:below` of references, such as `location:below`.

A resource is below another where its `partof`, or that of what it is part of, leads to
the other, however many levels up.

Source: https://hl7.org/fhir/R4/search.html#reference
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.fhir.search import refusals
from service.fhir.search.expressions import Within
from service.fhir.search.references import ID, Addresses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.fhir.definitions import SearchParameter
    from service.fhir.registry import Registry
    from service.fhir.search.asked import Asked
    from service.fhir.search.expressions import Expression

ABOVE = "above"
BELOW = "below"

MODIFIERS = (ABOVE, BELOW)

# The parameters by which resources of a type are part of others of that type.
_PART_OF = ("partof", "part-of")


def part_of(registry: Registry, type_: str) -> str | None:
    """The parameter by which resources of the type are part of one another and of nothing else; None: there is none."""
    if type_ not in registry.served:
        return None
    known = registry.search_parameters(type_)
    found = (known.get(code) for code in _PART_OF)
    return next((one.code for one in found if one is not None and one.targets == (type_,)), None)


def hierarchical(registry: Registry, parameter: SearchParameter) -> tuple[str, ...]:
    """The types that the parameter is said to refer to whose resources are part of one another."""
    return tuple(type_ for type_ in parameter.targets if part_of(registry, type_) is not None)


def read(asked: Asked) -> Expression:
    """The condition that a reference leads to the resource, or to what is above or below it.

    Raises:
        Malformed: the value is no reference to a resource of a type that has such a hierarchy.
    """
    type_, id_ = _target(asked)
    own = part_of(asked.setting.registry, type_) or ""
    return Within(asked.code, type_, id_, own, "below" if asked.modifier == BELOW else "above")


def _target(asked: Asked) -> tuple[str, str]:
    registry = asked.setting.registry
    types = hierarchical(registry, asked.parameter)
    value = asked.value
    if ID.fullmatch(value) and len(types) == 1:
        return types[0], value
    local = Addresses(registry, asked.setting.base_url).local(value)
    if local is None:
        raise refusals.unreadable(
            asked.name, "search-value-reference", f"give `Type/id` of one of {_listed(types)}"
        )
    if local[0] not in types:
        raise refusals.wrong_target(asked.name, local[0], types)
    return local


def _listed(types: Iterable[str]) -> str:
    return ", ".join(f"`{type_}`" for type_ in types)
