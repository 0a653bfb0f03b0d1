"""What an act needs of a token: types of resources, and what is done with them.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from service.access.callers import Caller
from service.access.grants import ALL, LETTERS
from service.access.scopes import Scopes
from service.fhir.problems import Forbidden

LETTER: Final[Mapping[str, str]] = {
    "create": "c",
    "read": "r",
    "vread": "r",
    "history-instance": "r",
    "update": "u",
    "patch": "u",
    "delete": "d",
    "search-type": "s",
    "search-system": "s",
    "history-type": "s",
    "history-system": "s",
}
"""The letter of a scope by the interaction's code in a CapabilityStatement."""

CHANGING: Final = frozenset("cud")

# More than there are interactions with types: each entry of a Bundle asks.
_KNOWN: Final = 2_000


@dataclass(frozen=True, slots=True)
class Need:
    """Letters of a scope (all of them) for resources of a type; the empty type is whichever the token has."""

    type: str
    letters: str

    def conditional(self) -> Need:
        """This, on a condition: who asks whether something is there, searches."""
        return self if "s" in self.letters else Need(self.type, self.letters + "s")


@dataclass(frozen=True, slots=True)
class Needs:
    """All that an act needs. `letters` are those of all of it, in order; `is_wide` where any type will do."""

    each: tuple[Need, ...] = ()
    letters: str = field(init=False, compare=False)
    is_wide: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Tells of all of it what is asked at every request."""
        given = {letter for need in self.each for letter in need.letters}
        object.__setattr__(self, "letters", "".join(letter for letter in LETTERS if letter in given))
        object.__setattr__(self, "is_wide", any(not need.type for need in self.each))

    def conditional(self) -> Needs:
        """These, on a condition."""
        return Needs(tuple(need.conditional() for need in self.each))


NOTHING: Final = Needs()


class InsufficientScope(Forbidden):
    """The token does not allow it. `needed` are the scopes that would.

    Source: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
    """

    needed: str = ""


@lru_cache(_KNOWN)
def of(interaction: str, type_: str, *, conditional: bool = False) -> Needs:
    """What an interaction with a type (empty: with all) needs, by its code in a CapabilityStatement."""
    needs = Needs((Need(type_, LETTER[interaction]),))
    return needs.conditional() if conditional else needs


def together(several: Iterable[Needs]) -> Needs:
    """The needs of several acts."""
    return Needs(tuple(dict.fromkeys(need for needs in several for need in needs.each)))


def require(caller: Caller, needs: Needs) -> None:
    """Lets a caller go on whose token allows all of it.

    Raises:
        InsufficientScope: it does not.
    """
    scopes = caller.scopes
    if scopes is None:
        return
    for need in needs.each:
        if not all(_allows(scopes, need.type, letter) for letter in need.letters):
            raise insufficient(scopes, need)


def _allows(scopes: Scopes, type_: str, letter: str) -> bool:
    return scopes.may(type_, letter) if type_ else bool(scopes.types(letter))


def insufficient(scopes: Scopes, need: Need) -> InsufficientScope:
    """The refusal of a token with these scopes, where that is needed."""
    context = next((grant.context for grant in scopes.grants), "system")
    needed = f"{context}/{need.type or ALL}.{need.letters}"
    problem = InsufficientScope(
        slug="insufficient-scope", text=f"The access token does not allow this; it takes the scope {needed}."
    )
    problem.needed = needed
    return problem
