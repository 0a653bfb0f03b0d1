"""`_sort`: the order of what is found, read into sort keys.

Source: https://hl7.org/fhir/R4/search.html#sort
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from service.fhir.search import refusals
from service.fhir.search.asked import Setting
from service.fhir.search.derived import stands_alone
from service.fhir.search.expressions import SortKey, SortKind

MOST_KEYS = 5
"""Keys of one order: each is looked up for every resource of a page, and nobody reads a sixth."""

_OWN: tuple[SortKind, ...] = ("_id", "_lastUpdated")
_KINDS = frozenset({"token", "reference", "string", "date", "number", "quantity", "uri"})


def order(setting: Setting, types: Sequence[str], value: str) -> tuple[SortKey, ...]:
    """The keys that `_sort` names, such as `-date,code`, for a search of the types.

    Raises:
        Malformed: one is no parameter that all of the types are sorted by, or is named twice.
    """
    keys: list[SortKey] = []
    for rule in value.split(","):
        code = rule.removeprefix("-")
        if not code:
            raise refusals.empty("_sort")
        kind = _kind(setting, types, code)
        if kind is None:
            raise refusals.unsortable(types, sortable(setting, types))
        if any(key.parameter == code for key in keys):
            raise refusals.sorted_twice(code)
        keys.append(SortKey(code, kind, descending=rule.startswith("-")))
    if len(keys) > MOST_KEYS:
        raise refusals.too_many_keys(MOST_KEYS)
    return tuple(keys)


def sortable(setting: Setting, types: Sequence[str]) -> list[str]:
    """The parameters by which resources of all the types can be sorted."""
    first = setting.registry.search_parameters(types[0])
    return [code for code in first if _kind(setting, types, code) is not None]


def _kind(setting: Setting, types: Sequence[str], code: str) -> SortKind | None:
    """How resources are sorted by the parameter; None where they are not, or in each type otherwise."""
    if code in _OWN:
        return code
    kinds = {_kind_in(setting, type_, code) for type_ in types}
    return kinds.pop() if len(kinds) == 1 else None


def _kind_in(setting: Setting, type_: str, code: str) -> SortKind | None:
    parameter = setting.registry.search_parameters(type_).get(code)
    if parameter is None or parameter.type not in _KINDS or not stands_alone(setting.registry, parameter):
        return None
    return cast("SortKind", parameter.type)
