"""With which eyes a caller looks into the store, by what the act needs of the token.

What is looked for is narrowed by the letter for which the act is: who may read some
Observations and search others sees in each act those of its own letter. What it touches beside (what
is included, or stands in a chain) has to be readable or searchable.

Who writes sees, of what the writing refers to, all that the agency may see: a client that may only
write could not refer to anybody otherwise, and is shown nothing of it. On a condition that asks
what is there it sees no types beyond those of its token.

Source: ADR 0019, ADR 0021
"""

from __future__ import annotations

from typing import Final

from service.access.callers import Caller
from service.access.needs import CHANGING, Needs
from service.access.scopes import Scopes
from service.fhir.registry import Registry
from service.fhir.search.expressions import And, Expression
from service.fhir.search.sight import Sight
from service.outcomes import rated_clinicians

_LOOKING: Final = "rs"
Conditions = tuple[Expression, ...]


def sight(registry: Registry, caller: Caller, needs: Needs) -> Sight | None:
    """The eyes for an act with these needs; None for those who see everything.

    The same ones for the same caller and letters: what depends on them need not be made anew.
    """
    key = f"*{needs.letters}" if needs.is_wide else needs.letters
    if key not in caller.sights:
        caller.sights[key] = _sight(registry, caller, needs.letters, is_wide=needs.is_wide)
    return caller.sights[key]


def _sight(registry: Registry, caller: Caller, letters: str, *, is_wide: bool) -> Sight | None:
    # A change that stands on no condition shows its client nothing but itself.
    looks = CHANGING.isdisjoint(letters) or "s" in letters
    unrated = rated_clinicians.unrated(caller.user)
    conditions: dict[str, Conditions] = {type_: (condition,) for type_, condition in unrated.items()}
    readable: frozenset[str] | None = None
    if caller.scopes is not None:
        of_types = {
            type_: _of_type(caller.scopes, type_, letters, looks_beside=looks and not is_wide)
            for type_ in registry.served
        }
        for type_, found in of_types.items():
            conditions[type_] = (*conditions.get(type_, ()), *(found or ()))
        if looks:
            readable = frozenset(type_ for type_, found in of_types.items() if found is not None)
    narrowed = {type_: _all(found) for type_, found in conditions.items() if found}
    if caller.administrator and readable is None and not narrowed:
        return None
    return Sight(
        caller.agency, caller.sectors, caller.purpose, narrowed, readable, every=caller.administrator
    )


def _of_type(scopes: Scopes, type_: str, letters: str, *, looks_beside: bool) -> Conditions | None:
    """What must hold of resources of the type in an act of these letters; None where the token shows none."""
    allowed = scopes.of(type_)
    asked = [letter for letter in letters if letter in allowed and letter != "c"]
    if not asked and looks_beside:
        asked = [letter for letter in _LOOKING if letter in allowed][:1]
    if not asked:
        return None
    return tuple(dict.fromkeys(found for letter in asked if (found := allowed[letter]) is not None))


def _all(parts: Conditions) -> Expression:
    return parts[0] if len(parts) == 1 else And(parts)
