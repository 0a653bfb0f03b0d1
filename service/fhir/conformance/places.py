"""Where a check has come to, kept as links and put into words only where a fault is found.

A place is an expression (`Observation`, `Bundle.entry[0].resource`), or a pair of the place
above and a name or an index.

Source: https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression
"""

from __future__ import annotations

from typing import Any

from service.fhir import locations

Place = str | tuple[Any, str | int]  # the place above is one itself: no alias that mypyc reads can say so


def expression(place: Place) -> str:
    """The FHIRPath of the place, such as `Goal.target[0].dueDate`."""
    if isinstance(place, str):
        return place
    above, step = place
    parent = expression(above)
    return locations.item(parent, step) if isinstance(step, int) else locations.child(parent, step)
