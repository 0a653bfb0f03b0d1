"""Criteria: one `name=value` of a search, with modifier, chain or reverse chain, read as a condition.

Source: https://hl7.org/fhir/R4/search.html#modifiers, #chaining, #has
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from service.fhir.definitions import SearchParameter
from service.fhir.registry import APART
from service.fhir.search import derived, refusals, whole
from service.fhir.search.asked import Asked, Reader, Setting
from service.fhir.search.composites import components
from service.fhir.search.escapes import is_sound, split
from service.fhir.search.expressions import (
    And,
    Chain,
    Everything,
    Expression,
    Has,
    Ids,
    Missing,
    Not,
    Nothing,
    Or,
)
from service.fhir.search.parameters import elements
from service.fhir.search.references import ID
from service.fhir.search.sizes import MOST_CONDITIONS, conditions
from service.fhir.search.types import (
    coded,
    composite,
    date,
    hierarchy,
    near,
    number,
    quantity,
    reference,
    string,
    token,
    uri,
)

# Chains longer than this have no use that we know of, and reading them must end.
DEEPEST_CHAIN = 12


Modifiers = Callable[[Setting, SearchParameter], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of parameter is read: an alternative of it, by modifier where that reads otherwise.

    `modifiers` are those that a parameter of the kind takes beside `:missing` and, a
    reference, the types that it refers to.
    """

    read: Reader
    modifiers: Modifiers
    by_modifier: Mapping[str, Reader] = field(default_factory=dict)


def _fixed(*modifiers: str) -> Modifiers:
    return lambda _setting, _parameter: modifiers


def _of_token(setting: Setting, parameter: SearchParameter) -> tuple[str, ...]:
    codes = coded.MODIFIERS if coded.has_codes(setting.registry, parameter) else ()
    return (*token.MODIFIERS, *_derived(setting, parameter), *codes)


def _of_reference(setting: Setting, parameter: SearchParameter) -> tuple[str, ...]:
    levels = hierarchy.MODIFIERS if hierarchy.hierarchical(setting.registry, parameter) else ()
    return (*_derived(setting, parameter), *levels)


def _derived(setting: Setting, parameter: SearchParameter) -> tuple[str, ...]:
    """The modifiers that ask for derived codes."""
    return derived.whats(setting.registry, parameter)


KINDS: Mapping[str, Kind] = {
    "token": Kind(
        token.read,
        _of_token,
        {
            derived.TEXT: token.read_text,
            derived.OF_TYPE: token.read_of_type,
            **dict.fromkeys(coded.MODIFIERS, coded.read),
        },
    ),
    "string": Kind(string.read, _fixed(*string.MODIFIERS)),
    "date": Kind(date.read, _fixed(*date.MODIFIERS)),
    "number": Kind(number.read, _fixed(*number.MODIFIERS)),
    "quantity": Kind(quantity.read, _fixed(*quantity.MODIFIERS)),
    "reference": Kind(
        reference.read,
        _of_reference,
        {derived.IDENTIFIER: token.read_identifier, **dict.fromkeys(hierarchy.MODIFIERS, hierarchy.read)},
    ),
    "uri": Kind(uri.read, _fixed(*uri.MODIFIERS)),
    "composite": Kind(composite.read, _fixed(*composite.MODIFIERS)),
    "special": Kind(near.read, _fixed(*near.MODIFIERS)),
}


def _id(asked: Asked) -> Expression:
    if ID.fullmatch(asked.value) is None:
        raise refusals.unreadable(
            asked.name, "search-value-id", "an id is 1 to 64 letters, digits, hyphens and full stops"
        )
    return Ids(frozenset({asked.value}))


# Parameters that are not read as others of their type are.
NAMED: Mapping[str, Kind] = {
    "_id": Kind(_id, _fixed(token.NOT)),
    "_lastUpdated": Kind(date.read_last_updated, _fixed()),
    string.PHONETIC: Kind(string.read_phonetic, _fixed()),
}

# Modifiers that turn the answer round: what has none of the values is found, and what has no value at all.
_TURNED = frozenset({token.NOT, coded.NOT_IN})

MISSING = "missing"


def offered(setting: Setting, type_: str) -> list[str]:
    """The codes of the parameters by which the type can be searched."""
    return [
        code
        for code, parameter in setting.registry.search_parameters(type_).items()
        if _kind(setting, parameter)
    ]


def condition(setting: Setting, type_: str, name: str, value: str, depth: int = 0) -> Expression:
    """The condition that one criterion puts on resources of the type.

    Raises:
        Malformed: the parameter, its modifier or its value is not understood.
    """
    if depth > DEEPEST_CHAIN:
        raise refusals.no_chain(name, f"it is longer than {DEEPEST_CHAIN} steps")
    head, dot, rest = name.partition(".")
    code, colon, modifier = head.partition(":")
    if code == "_has":
        return _has(setting, type_, name, value, depth)
    if code in whole.CODES:
        return whole.condition(setting, type_, name, value)
    parameter = _parameter(setting, type_, code)
    if dot:
        return _chain(setting, parameter, name, (modifier, rest, value), depth)
    return _plain(setting, parameter, name, modifier if colon else None, value)


def modifiers(setting: Setting, parameter: SearchParameter) -> tuple[str, ...]:
    """The modifiers that a parameter takes, without the types that a reference is to."""
    kind = _kind(setting, parameter)
    # R4 has `:missing` for all but combinations.
    missing = () if parameter.type == "composite" else (MISSING,)
    return (*missing, *(kind.modifiers(setting, parameter) if kind else ()))


def any_of(parts: list[Expression]) -> Expression:
    """True where any part is; ids are asked for at once."""
    if len(parts) == 1:
        return parts[0]
    ids = [part for part in parts if isinstance(part, Ids)]
    if len(ids) == len(parts):
        return Ids(frozenset().union(*(part.ids for part in ids)))
    return Or(tuple(parts))


def _kind(setting: Setting, parameter: SearchParameter) -> Kind | None:
    """How the parameter is read; None where it is not offered: no place, or no pair that begins with a token."""
    if parameter.type == "special" and not derived.derived(setting.registry, parameter):
        return None
    if parameter.type == "composite" and components(setting.registry, parameter) is None:
        return None
    return NAMED.get(parameter.code) or KINDS.get(parameter.type)


def _parameter(setting: Setting, type_: str, code: str) -> SearchParameter:
    parameter = setting.registry.search_parameters(type_).get(code)
    if parameter is None:
        raise refusals.unknown_parameter(code, type_, offered(setting, type_))
    if _kind(setting, parameter) is None:
        raise refusals.unsupported_parameter(code, type_, offered(setting, type_))
    return parameter


def _plain(
    setting: Setting, parameter: SearchParameter, name: str, modifier: str | None, value: str
) -> Expression:
    _check_modifier(setting, parameter, modifier)
    if not is_sound(value):
        raise refusals.wrong_escape(name)
    if modifier == MISSING:
        return _missing(setting, parameter, name, value)
    kind = _kind(setting, parameter)
    if kind is None:
        raise refusals.unsupported_parameter(parameter.code, parameter.base, offered(setting, parameter.base))
    alternatives = split(value, ",")
    if not all(alternatives):
        raise refusals.empty(name)
    if len(alternatives) > MOST_CONDITIONS:  # before each of them is read
        raise refusals.too_many(MOST_CONDITIONS)
    read = kind.by_modifier.get(modifier or "", kind.read)
    # One that others make up is asked of each of them.
    found = any_of(
        [
            read(Asked(setting, source, name, modifier, text))
            for source in derived.sources(setting.registry, parameter)
            for text in alternatives
        ]
    )
    return Not(found) if modifier in _TURNED else found


def _missing(setting: Setting, parameter: SearchParameter, name: str, value: str) -> Expression:
    if value not in {"true", "false"}:
        raise refusals.unreadable(name, "search-value-missing", "`:missing` takes `true` or `false`")
    missing = value == "true"
    if parameter.code in derived.STORED:
        return Nothing() if missing else Everything()
    sources = derived.sources(setting.registry, parameter)
    codes = [code for source in sources for code in _values_of(setting, source)]
    if len(codes) == 1:
        return Missing(codes[0], missing)
    parts = tuple(Missing(code, missing) for code in codes)
    return And(parts) if missing else Or(parts)


def _values_of(setting: Setting, parameter: SearchParameter) -> tuple[str, ...]:
    """The codes of which one has a value wherever the parameter has any.

    Identifiers of references are not under the parameter's own code; of a place each coordinate tells.
    """
    match parameter.type:
        case "reference":
            identifiers = derived.asked(setting.registry, parameter, derived.IDENTIFIER)
            return (parameter.code, *identifiers)
        case "special":
            return derived.derived(setting.registry, parameter)[:1]
        case _:
            return (parameter.code,)


def _check_modifier(setting: Setting, parameter: SearchParameter, modifier: str | None) -> None:
    if modifier is None:
        return
    taken = modifiers(setting, parameter)
    if modifier in taken:
        return
    if parameter.type == "reference":
        targets = _targets(setting, parameter)
        if modifier in targets:
            return
        if setting.registry.is_resource(modifier):
            raise refusals.wrong_target(parameter.code, modifier, targets)
        taken = (*taken, *targets)
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
    found = any_of(
        [Chain(parameter.code, type_, condition(setting, type_, rest, value, depth + 1)) for type_ in able]
    )
    # Asked at each step: a chain through references to anything grows with a power of its length.
    if conditions(found) > MOST_CONDITIONS:
        raise refusals.too_many(MOST_CONDITIONS)
    return found


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
    if other not in setting.registry.served or other in APART:
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
