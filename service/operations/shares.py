"""Shares: who may ask who else sees a young person's record, by what the store knows of it.

Source: ADR 0019, ADR 0022
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.fhir.search.compartments import PATIENT
from service.interactions.shares import rows_of
from service.outcomes.grants import Ground
from service.outcomes.sharing import Viewer, is_denied

if TYPE_CHECKING:
    from service.interactions.context import Act, Context
    from service.storage.store import Stored


async def may_oversee(context: Context, act: Act, patient: Stored) -> bool:
    """Whether the caller's agency may ask who else sees the Patient, as it was shown to it.

    That is the one that coordinates, and the one that made the Patient, unless the young person or a
    parent denies it the record. Who else sees is told by the names of agencies and teams, which tell where
    a young person is.
    """
    caller = act.caller
    if patient.withheld:
        return False
    if patient.ground == Ground.PLAN:
        return True
    if patient.author != caller.agency:
        return False
    shares = await context.store.whole.sharing(caller.locality, patient.id)
    viewer = Viewer(caller.agency, caller.sectors, caller.purpose, context.clock())
    return not is_denied(patient.id, PATIENT, rows_of(patient.id, shares), viewer)
