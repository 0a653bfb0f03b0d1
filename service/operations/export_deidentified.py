"""An export for a client that may have what is de-identified only: what it may not be asked, and which types it has.

By whom it names, by what it filters and by what changed since when, somebody who knows a young person could find
them in it, or by how many days their dates are shifted. So none of it is passed over: it is refused.

Source: docs/deidentification.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from service.access.callers import Caller
from service.access.pseudonymised import is_bound
from service.bulk.export_request import ExportRequest
from service.fhir.problems import Forbidden, Issue, Malformed
from service.operations.operation import Call
from service.outcomes.deidentification_rules import TYPES

REFUSED: Final = ("_since", "_until", "_typeFilter", "patient")
"""Parameters that a de-identified export does not have."""


def deidentified(caller: Caller, call: Call, request: ExportRequest) -> ExportRequest:
    """The request as it is for the caller: de-identified, and of the types that there are so, where it must be.

    Types that the caller named and that there are not, are faults; of others nothing is said.

    Raises:
        Malformed: it asks for what would tell who is who; or there is nothing left.
        Forbidden: it is of a Group, whose members somebody chose, and the caller is no administrator.
    """
    if not is_bound(caller):
        return request
    if request.level == "Group" and not caller.administrator:
        # Of two Groups that differ by one member, the line that is in one export alone is theirs.
        raise Forbidden(
            "export-deidentified-group",
            "A de-identified export of a Group is for administrators: who is in it would tell who is who.",
        )
    asked = [name for name in REFUSED if call.inputs.all(name)]
    if asked:
        raise Malformed(
            "export-deidentified-parameter",
            f"A de-identified export has no {', '.join(asked)}: it would tell who is who.",
        )
    types = tuple(type_ for type_ in request.types if type_ in TYPES)
    faults = request.faults
    if call.inputs.all("_type") and len(types) < len(request.types):
        fault = Issue(
            "error",
            "not-supported",
            "export-deidentified-type",
            f"De-identified there are: {', '.join(sorted(TYPES))}.",
        )
        if request.strict:
            raise Malformed.of([fault])
        faults = (*faults, replace(fault, severity="warning"))
    if not types:
        raise Malformed("export-nothing", "No type is left to be exported.")
    return replace(request, types=types, faults=faults, deidentified=True)
