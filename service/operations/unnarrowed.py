"""Operations that look beyond what the caller sees: none for a token that is narrowed, or in somebody's name.

What such an operation counts or opens cannot be cut down to what the token is for; so it takes a token
that is for all resources of the types that it needs.

Source: ADR 0021, docs/scopes.md
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from service.access.callers import Caller
from service.fhir.problems import Forbidden

# Whoever signs in as one of these asks for one young person alone.
_IN_SOMEBODYS_NAME: Final = frozenset({"Patient", "RelatedPerson"})


def require_unnarrowed(caller: Caller, *needs: tuple[str, str]) -> None:
    """Lets a caller go on whose token is for every resource of each of the types, by the letters of `needs`.

    Raises:
        Forbidden: the token is narrowed, or is in the name of a young person or of somebody of their family.
    """
    if is_in_a_name(caller) or any(_is_narrowed(caller, type_, letters) for type_, letters in needs):
        text = (
            "This looks beyond single resources: it takes a token whose scopes are not narrowed, and that is"
            " in nobody's name."
        )
        raise Forbidden("scope-too-narrow", text)


def is_in_a_name(caller: Caller) -> bool:
    """Whether the token is for one young person: in their name, or in that of somebody of their family."""
    return caller.patient is not None or (caller.user is not None and caller.user[0] in _IN_SOMEBODYS_NAME)


def reads_every(caller: Caller, type_: str) -> bool:
    """Whether the token is for reading every resource of the type."""
    return caller.may(type_, "r") and not _is_narrowed(caller, type_, "r")


def _is_narrowed(caller: Caller, type_: str, letters: Iterable[str]) -> bool:
    scopes = caller.scopes
    return scopes is not None and any(scopes.narrowed(type_, letter) is not None for letter in letters)
