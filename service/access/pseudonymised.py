"""Tokens that are bound to the label PSEUDED: their client may have what is de-identified, and nothing else.

No stored resource bears the label, so by reads and searches there is nothing to see for them. An export makes
resources that bear it out of those that the rest of the scope allows.

Source: https://hl7.org/fhir/R4/security-labels.html, ADR 0022, docs/deidentification.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from service.access.callers import Caller
from service.access.grants import Grant
from service.outcomes.deidentification import PSEUDED

BOUND: Final = ("_security", f"{PSEUDED['system']}|{PSEUDED['code']}")
"""The parameter of a scope that binds it, and its value."""

_LOOKING: Final = frozenset("rs")


def is_bound(caller: Caller) -> bool:
    """Whether the caller may have what is de-identified only.

    One scope that is bound binds them all: whoever had the same people under their names and under
    pseudonyms could put the two together.
    """
    if caller.scopes is None:
        return False
    return any(BOUND in grant.pairs and _LOOKING & set(grant.letters) for grant in caller.scopes.grants)


def unbound(caller: Caller) -> Caller:
    """The caller as the one for whom resources are looked up to be de-identified: without the label, all else holds."""
    scopes = caller.scopes
    if scopes is None:
        return caller
    grants = tuple(_unbound(grant) for grant in scopes.grants)
    return replace(caller, scopes=replace(scopes, grants=grants))


def _unbound(grant: Grant) -> Grant:
    if BOUND not in grant.pairs:
        return grant
    pairs = tuple(pair for pair in grant.pairs if pair != BOUND)
    return Grant(grant.context, grant.type, grant.letters, pairs)
