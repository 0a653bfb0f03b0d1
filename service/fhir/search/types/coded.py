"""Codes by value set and by hierarchy: the modifiers `:in`, `:not-in`, `:above` and `:below` of tokens.

Source: https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from service.fhir.search import refusals
from service.fhir.search.asked import Codes, Direction
from service.fhir.search.expressions import Nothing, Or, Token
from service.fhir.search.parameters import elements, read_as
from service.fhir.search.types.token import implied, pair

if TYPE_CHECKING:
    from service.fhir.definitions import Element, SearchParameter
    from service.fhir.registry import Registry
    from service.fhir.search.asked import Asked
    from service.fhir.search.expressions import Expression

IN = "in"
NOT_IN = "not-in"
ABOVE = "above"
BELOW = "below"

MODIFIERS = (IN, NOT_IN, ABOVE, BELOW)

# Elements whose codes are of a code system, said or implied.
_WITH_SYSTEM = frozenset({"CodeableConcept", "Coding"})
_BARE = "code"


def has_codes(registry: Registry, parameter: SearchParameter) -> bool:
    """Whether the parameter reads codes of code systems, by which these modifiers choose."""
    types = read_as(registry, parameter)
    return types is None or bool(types & _WITH_SYSTEM) or _BARE in types


def read(asked: Asked) -> Expression:
    """The condition that one of a set of codes is there; `:not-in` is turned round by the caller.

    Raises:
        Malformed: the value set, code system or code is not known here.
    """
    if asked.modifier in {IN, NOT_IN}:
        return _any(asked, _members(asked))
    return _any(asked, _related(asked, cast("Direction", asked.modifier)))


def _members(asked: Asked) -> Codes:
    members = asked.setting.members(asked.value)
    if members is None:
        raise refusals.unreadable(
            asked.name,
            "search-value-set",
            "give the canonical address of a value set that is known here and can be listed, or `ValueSet/id`",
        )
    return members


def _related(asked: Asked, direction: Direction) -> Codes:
    system, code = pair(asked)
    if code is None:
        raise refusals.unreadable(asked.name, "search-value-token", f"`:{direction}` wants `system|code`")
    for one in _systems(asked, system, code):
        related = asked.setting.related(one, code, direction)
        if related is not None:
            return related
    raise refusals.unreadable(
        asked.name,
        "search-code-system",
        f"`:{direction}` wants `system|code` with a code of a code system that is known here",
    )


def _systems(asked: Asked, system: str | None, code: str) -> list[str]:
    """The code systems that the code may be of: the one given, else what a bare code implies."""
    if system:
        return [system]
    registry = asked.setting.registry
    found = (implied(registry, *one, code) for one in elements(registry, asked.parameter))
    return sorted({its for pairs in found for its, its_code in pairs if its_code == code})


def _any(asked: Asked, codes: Codes) -> Expression:
    """True where any of the codes is there: with its system, or bare in an element whose value set has it."""
    registry = asked.setting.registry
    types = read_as(registry, asked.parameter)
    with_system = types is None or bool(types & _WITH_SYSTEM)
    bare = [one for one in elements(registry, asked.parameter) if _BARE in one[1]]
    tokens: list[Expression] = []
    for system, code in sorted(codes):
        if with_system:
            tokens.append(Token(asked.code, system, code))
        if any(_may_be(registry, one, system, code) for one in bare):
            tokens.append(Token(asked.code, "", code))
    if not tokens:
        return Nothing()
    return tokens[0] if len(tokens) == 1 else Or(tuple(tokens))


def _may_be(registry: Registry, element: tuple[Element, tuple[str, ...]], system: str, code: str) -> bool:
    """Whether a bare code of the element can be that of the system: all that are bound to it are known, or none is."""
    known = implied(registry, *element, code)
    return not known or (system, code) in known
