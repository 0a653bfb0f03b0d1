"""Criteria: one `name=value` of a search, with modifier, chain or reverse chain, read as a condition.

Source: https://hl7.org/fhir/R4/search.html#modifiers, #chaining, #has
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.fhir.search import refusals
from service.fhir.search.asked import Asked, Reader, Setting
from service.fhir.search.escapes import is_sound, split
from service.fhir.search.expressions import Chain, Everything, Expression, Has, Ids, Missing, Not, Nothing, Or
from service.fhir.search.parameters import elements
from service.fhir.search.references import ID
from service.fhir.search.types import date, number, quantity, reference, string, token, uri

if TYPE_CHECKING:
    from service.fhir.definitions import SearchParameter

# Chains longer than this have no use that we know of, and reading them must end.
DEEPEST_CHAIN = 12


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of parameter is read: an alternative of it, and which modifiers it takes beside `:missing`."""

    read: Reader
    modifiers: tuple[str, ...]


# Composite and special parameters have no place here yet, and are refused by name.
KINDS: Mapping[str, Kind] = {
    "token": Kind(token.read, token.MODIFIERS),
    "string": Kind(string.read, string.MODIFIERS),
    "date": Kind(date.read, date.MODIFIERS),
    "number": Kind(number.read, number.MODIFIERS),
    "quantity": Kind(quantity.read, quantity.MODIFIERS),
    "reference": Kind(reference.read, reference.MODIFIERS),
    "uri": Kind(uri.read, uri.MODIFIERS),
}


def _id(asked: Asked) -> Expression:
    if ID.fullmatch(asked.value) is None:
        raise refusals.unreadable(
            asked.name, "search-value-id", "an id is 1 to 64 letters, digits, hyphens and full stops"
        )
    return Ids(frozenset({asked.value}))


# Parameters that are not read as others of their type are.
NAMED: Mapping[str, Kind] = {
    "_id": Kind(_id, ("not",)),
    "_lastUpdated": Kind(date.read_last_updated, ()),
    string.PHONETIC: Kind(string.read_phonetic, ()),
}

# What the store knows of every resource, so that it is never missing.
ALWAYS_THERE = frozenset({"_id", "_lastUpdated"})


def offered(setting: Setting, type_: str) -> list[str]:
    """The codes of the parameters by which the type can be searched."""
    return [code for code, parameter in setting.registry.search_parameters(type_).items() if _kind(parameter)]


def condition(setting: Setting, type_: str, name: str, value: str, depth: int = 0) -> Expression:
    """The condition that one criterion puts on resources of the type.

    Raises:
        Malformed: the parameter, its modifier or its value is not understood.
    """
    if depth > DEEPEST_CHAIN:
        raise refusals.no_chain(name, f"it is longer than {DEEPEST_CHAIN} steps")
    if name.partition(":")[0] == "_has":
        return _has(setting, type_, name, value, depth)
    head, dot, rest = name.partition(".")
    code, colon, modifier = head.partition(":")
    parameter = _parameter(setting, type_, code)
    if dot:
        return _chain(setting, parameter, name, (modifier, rest, value), depth)
    return _plain(setting, parameter, name, modifier if colon else None, value)


def any_of(parts: list[Expression]) -> Expression:
    """True where any part is; ids are asked for at once."""
    if len(parts) == 1:
        return parts[0]
    ids = [part for part in parts if isinstance(part, Ids)]
    if len(ids) == len(parts):
        return Ids(frozenset().union(*(part.ids for part in ids)))
    return Or(tuple(parts))


def _kind(parameter: SearchParameter) -> Kind | None:
    return NAMED.get(parameter.code) or KINDS.get(parameter.type)


def _parameter(setting: Setting, type_: str, code: str) -> SearchParameter:
    parameter = setting.registry.search_parameters(type_).get(code)
    if parameter is None:
        raise refusals.unknown_parameter(code, type_, offered(setting, type_))
    if _kind(parameter) is None:
        raise refusals.unsupported_parameter(code, type_, offered(setting, type_))
    return parameter


def _plain(
    setting: Setting, parameter: SearchParameter, name: str, modifier: str | None, value: str
) -> Expression:
    _check_modifier(setting, parameter, modifier)
    if not is_sound(value):
        raise refusals.wrong_escape(name)
    if modifier == "missing":
        return _missing(parameter.code, name, value)
    kind = _kind(parameter)
    if kind is None:
        raise refusals.unsupported_parameter(parameter.code, parameter.base, offered(setting, parameter.base))
    alternatives = split(value, ",")
    if not all(alternatives):
        raise refusals.empty(name)
    parts = [kind.read(Asked(setting, parameter, name, modifier, text)) for text in alternatives]
    found = any_of(parts)
    return Not(found) if modifier == "not" else found


def _missing(code: str, name: str, value: str) -> Expression:
    if value not in {"true", "false"}:
        raise refusals.unreadable(name, "search-value-missing", "`:missing` takes `true` or `false`")
    missing = value == "true"
    if code in ALWAYS_THERE:
        return Nothing() if missing else Everything()
    return Missing(code, missing)


def _check_modifier(setting: Setting, parameter: SearchParameter, modifier: str | None) -> None:
    if modifier is None or modifier == "missing":
        return
    kind = _kind(parameter)
    taken = ("missing", *(kind.modifiers if kind else ()))
    if parameter.type == "reference":
        targets = _targets(setting, parameter)
        if modifier in targets:
            return
        if setting.registry.is_resource(modifier):
            raise refusals.wrong_target(parameter.code, modifier, targets)
        taken = (*taken, *targets)
    if modifier not in taken:
        raise refusals.unknown_modifier(parameter.code, modifier, taken)


def _targets(setting: Setting, parameter: SearchParameter) -> tuple[str, ...]:
    """The resource types that the parameter may refer to, served here or not."""
    return parameter.targets or tuple(sorted(setting.registry.resource_types))


def _chain(
    setting: Setting, parameter: SearchParameter, name: str, step: tuple[str, str, str], depth: int
) -> Expression:
    """The condition that the parameter refers to a resource on which the rest of the chain holds."""
    modifier, rest, value = step
    _check_followable(setting, parameter, name)
    _check_modifier(setting, parameter, modifier or None)
    served = setting.registry.served
    types = [type_ for type_ in ([modifier] if modifier else _targets(setting, parameter)) if type_ in served]
    code = rest.partition(".")[0].partition(":")[0]
    able = [type_ for type_ in types if code == "_has" or code in setting.registry.search_parameters(type_)]
    if code == "_has" and len(able) > 1:
        raise refusals.no_chain(name, "say the type before `_has`, as in `subject:Patient._has:…`")
    if not able:
        raise refusals.no_chain(name, _nothing_there(types, code))
    return any_of(
        [Chain(parameter.code, type_, condition(setting, type_, rest, value, depth + 1)) for type_ in able]
    )


def _nothing_there(types: Iterable[str], code: str) -> str:
    there = ", ".join(types)
    return (
        f"there is no search parameter `{code}` of {there}"
        if there
        else "it leads to no type that is kept here"
    )


def _has(setting: Setting, type_: str, name: str, value: str, depth: int) -> Expression:
    """The condition that a resource of another type refers here, and the rest of the name holds on it."""
    parts = name.split(":", 3)
    if len(parts) < 4 or not all(parts):
        raise refusals.no_chain(name, "write `_has:Type:reference:parameter`")
    _, other, code, rest = parts
    if other not in setting.registry.served:
        raise refusals.no_chain(name, f"no resources of type `{other}` are kept here")
    parameter = _parameter(setting, other, code)
    _check_followable(setting, parameter, name)
    if type_ not in _targets(setting, parameter):
        raise refusals.wrong_target(f"{other}.{code}", type_, _targets(setting, parameter))
    return Has(other, code, condition(setting, other, rest, value, depth + 1))


def _check_followable(setting: Setting, parameter: SearchParameter, name: str) -> None:
    if parameter.type != "reference":
        raise refusals.no_chain(name, f"`{parameter.code}` is no reference")
    if any("Reference" not in types for _, types in elements(setting.registry, parameter)):
        raise refusals.no_chain(
            name, f"`{parameter.code}` is a canonical address, which is not followed here"
        )
