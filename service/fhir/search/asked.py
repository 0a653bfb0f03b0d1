"""One alternative of one criterion, as a parameter type is asked to read it.

Source: https://hl7.org/fhir/R4/search.html#3.1.1.4.3
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast, get_args

from service.fhir.definitions import SearchParameter
from service.fhir.registry import Registry
from service.fhir.search import derived
from service.fhir.search.escapes import unescape
from service.fhir.search.expressions import Expression, Or, Prefix

PREFIXES = frozenset(get_args(Prefix))

Codes = frozenset[tuple[str, str]]  # system, code
Direction = Literal["above", "below"]


def unknown_members(_: str) -> Codes | None:
    """No value set is known."""
    return None


def unknown_relatives(_system: str, _code: str, _direction: Direction) -> Codes | None:
    """No code system is known."""
    return None


def nothing_pending(_: str) -> frozenset[str]:
    """Every index is complete."""
    return frozenset()


@dataclass(frozen=True, slots=True)
class Setting:
    """What reading a query needs beside its text.

    `base_url` has no trailing slash. `now` is in microseconds since 1970-01-01T00:00:00Z;
    `ap` on dates is measured from it. `members` gives the codes of a value set by its address, and
    `related` the codes above or below one in its code system, itself among them; None where they
    are not known. `pending` gives the index codes of a type that are not complete yet.
    """

    registry: Registry
    base_url: str
    now: int
    members: Callable[[str], Codes | None] = unknown_members
    related: Callable[[str, str, Direction], Codes | None] = unknown_relatives
    pending: Callable[[str], frozenset[str]] = nothing_pending


@dataclass(frozen=True, slots=True)
class Asked:
    """`text` is one alternative between commas, still escaped; `name` is the criterion's, for refusals."""

    setting: Setting
    parameter: SearchParameter
    name: str
    modifier: str | None
    text: str

    @property
    def code(self) -> str:
        """The parameter's code."""
        return self.parameter.code

    @property
    def value(self) -> str:
        """The text without its escapes."""
        return unescape(self.text)


Reader = Callable[[Asked], Expression]


def prefixed(text: str) -> tuple[Prefix, str]:
    """The prefix of an ordered value, `eq` where it has none, and the rest.

    Source: https://hl7.org/fhir/R4/search.html#prefix
    """
    prefix = text[:2]
    return (cast("Prefix", prefix), text[2:]) if prefix in PREFIXES else ("eq", text)


def any_code(asked: Asked, what: str, state: Callable[[str], Expression]) -> Expression:
    """The condition on a derived code of the parameter, or on any of those that it is made up of."""
    found = tuple(map(state, derived.asked(asked.setting.registry, asked.parameter, what)))
    return found[0] if len(found) == 1 else Or(found)
