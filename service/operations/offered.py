"""All operations that are offered: the one list behind routes, CapabilityStatement and OpenAPI.

Source: https://hl7.org/fhir/R4/operations.html, docs/adr/0008-routes-from-the-registry.md
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from service.interactions.capabilities import Definitions
from service.operations import (
    acknowledge,
    break_glass,
    chart,
    collaborate,
    everything,
    expand,
    export,
    extract,
    groupings,
    hand_over,
    import_,
    lastn,
    lookup,
    measures,
    notices,
    populate,
    progress,
    reopen,
    subsumes,
    validate,
    validate_code,
    who_can_see,
    who_has_seen,
    worklist,
)
from service.operations.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    validate.OPERATION,
    expand.OPERATION,
    validate_code.VALUE_SET_OPERATION,
    validate_code.CODE_SYSTEM_OPERATION,
    lookup.OPERATION,
    subsumes.OPERATION,
    everything.OPERATION,
    lastn.OPERATION,
    extract.OPERATION,
    populate.OPERATION,
    progress.OPERATION,
    chart.OPERATION,
    measures.OPERATION,
    groupings.OPERATION,
    collaborate.OPERATION,
    hand_over.OPERATION,
    reopen.OPERATION,
    notices.OPERATION,
    acknowledge.OPERATION,
    worklist.OPERATION,
    break_glass.OPERATION,
    who_can_see.OPERATION,
    who_has_seen.OPERATION,
    export.SYSTEM_OPERATION,
    export.PATIENT_OPERATION,
    export.GROUP_OPERATION,
    import_.OPERATION,
)


def definitions(types: Iterable[str]) -> Definitions:
    """The canonical address of each operation by its name, for the system (empty) and each of the types."""
    named = {type_ for each in OPERATIONS for type_ in each.further}
    found = {"": {each.name: each.definition for each in OPERATIONS if each.is_of("", "system")}}
    for type_ in sorted({*types, *named}):
        found[type_] = {
            each.name: each.definition
            for each in OPERATIONS
            if each.is_of(type_, "type") or each.is_of(type_, "instance")
        }
    return found
