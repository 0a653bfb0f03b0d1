"""Subsets of stored resources: their bodies with some elements left out, for `_summary` and `_elements`.

Source: https://hl7.org/fhir/R4/search.html#summary, #elements
"""

from __future__ import annotations

from collections.abc import Sequence

from service.fhir import codec
from service.fhir.search.subsets import Pruning, Subset
from service.interactions.context import Context
from service.storage.store import Stored


def subsetted(context: Context, subset: Subset, items: Sequence[Stored]) -> Sequence[Stored]:
    """The versions with what the subset shows of their bodies; untouched, and unread, where it shows all."""
    if subset.is_whole:
        return items
    pruning = Pruning(context.registry, subset)
    return [stored._replace(body=codec.encode(pruning.pruned(codec.decode(stored.body)))) for stored in items]
