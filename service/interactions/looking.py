"""With which eyes the parts of a batch or transaction look into the store.

Source: ADR 0019, ADR 0021
"""

from __future__ import annotations

from service.access.needs import Needs
from service.access.seeing import sight
from service.fhir.search.sight import Seen
from service.interactions.context import Act, Context


def looking(context: Context, act: Act, needs: Needs, seen: Seen | None = None) -> Context:
    """The context for a part of an act, with these needs; what it is shown is noted in `seen`, if given.

    Who sees everything in the whole act does so in its parts.
    """
    whole = context.store.sight is None
    return context.seen_by(act, None if whole else sight(context.registry, act.caller, needs), seen)
