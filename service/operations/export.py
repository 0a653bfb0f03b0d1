"""export: a job is started that writes what the client may see into files: of everything, of all young people, or of a group.

Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html, https://hl7.org/fhir/uv/bulkdata/en/export.html (3.0.0),
docs/operations/export.md, ADR 0024, ADR 0025
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from service.bulk import acting, cohorts, membership
from service.bulk.export_request import EXPORT, ExportRequest, Level
from service.bulk.export_steps import FIRST
from service.fhir import codec
from service.fhir.problems import Issue, Malformed
from service.fhir.search.compartments import PATIENT
from service.fhir.search.references import Addresses
from service.fhir.search.sight import Sight
from service.interactions.cohort_filters import written
from service.interactions.context import Act, Answer, Context
from service.interactions.read import require_current
from service.operations.beginning import accepted, begin, job_of, require_room
from service.operations.export_asked import INPUTS, passed_over, read
from service.operations.export_deidentified import deidentified
from service.operations.operation import Call, Operation
from service.storage.store import Store

GROUP: Final = "Group"
MOST_PATIENTS: Final = 10_000
"""Of so many an export can be asked by name; a Group can have more."""

_BEGUN: Final = Issue(
    "information",
    "informational",
    "export-begun",
    "The export has begun; Content-Location says where to look.",
)
_APPLIED: Final = ((b"preference-applied", b"respond-async, separate-export-status"),)


async def export_system(context: Context, act: Act, call: Call) -> Answer:
    """202: everything that the caller may see is exported.

    Raises:
        Problem: as `_export`.
    """
    return await _export(context, act, call, "system")


async def export_patients(context: Context, act: Act, call: Call) -> Answer:
    """202: the compartments of all young people, or of those named, are exported.

    Raises:
        Problem: as `_export`.
    """
    return await _export(context, act, call, "Patient")


async def export_group(context: Context, act: Act, call: Call) -> Answer:
    """202: the compartments of the members of the Group are exported.

    Raises:
        Problem: as `_export`.
    """
    return await _export(context, act, call, "Group")


async def _export(context: Context, act: Act, call: Call, level: Level) -> Answer:
    """202 with the address of the job in Content-Location.

    Raises:
        Malformed: something cannot be read, or is not understood and may not be passed over.
        InsufficientScope: the token does not cover a type that is asked for, or that the filters of the Group ask.
        Missing, Gone: there is no such Group that the agency sees.
        Invalid: the Group has no young people that could be exported.
        TooMany: the client has as many jobs under way as it may.
    """
    caller = act.caller
    await require_room(context, act)
    store = _agencys(context, act)
    group: dict[str, Any] | None = None
    if level == GROUP:
        # With the agency's eyes, whatever the token reads: some clients ask for no scope of Group.
        stored = require_current(await store.read(caller.locality, GROUP, call.id), GROUP, call.id)
        group = codec.decode(stored.body)
        await cohorts.require_cohort(context, act, group)
    request = deidentified(caller, call, await read(context, act, call, level))
    request = await _with_patients(context, act, call, request, store, group)
    at = await context.store.exports.moment(caller.locality)
    job = job_of(context, act, EXPORT, request.encode(), at)
    await begin(context, job, (FIRST,))
    return accepted(context, job, _BEGUN, request.faults, _APPLIED if request.apart else ())


def _agencys(context: Context, act: Act) -> Store:
    """The store with the eyes of the caller's agency, whatever of it the token reads."""
    eyes = context.store.sight
    if eyes is None:
        return context.store
    whole = Sight(eyes.agency, eyes.sectors, eyes.purpose, every=eyes.every)
    return context.store.whole.seen_by(act.caller.locality, whole, context.seen)


async def _with_patients(
    context: Context, act: Act, call: Call, request: ExportRequest, store: Store, group: dict[str, Any] | None
) -> ExportRequest:
    """The request with the young people whom it names, all of whom the agency sees, and who are in the Group.

    Raises:
        Malformed: one is no Patient, is not there for the agency, or is not in the Group.
    """
    given = call.inputs.all("patient")
    if not given:
        return request
    if request.level == "system":
        text = "The parameter patient is of exports at Patient and Group level."
        return _passed(request, Issue("error", "not-supported", "export-patient-level", text))
    ids = _patients(context, given)
    keys = [(PATIENT, id_) for id_ in ids]
    found = await store.read_many(act.caller.locality, keys)
    known = {id_ for (_, id_), stored in found.items() if not stored.deleted}
    if group is not None and not written(group):  # else who is in it is found out by the job
        addresses = Addresses(context.registry, context.base_url)
        known &= set(membership.members(group, addresses, context.clock()))
    kept = tuple(id_ for id_ in ids if id_ in known)
    named = replace(request, patients=kept)
    if len(kept) == len(ids):
        return named
    where = "in the Group" if group is not None else "there"
    fault = Issue(
        "error",
        "not-found",
        "export-patient-missing",
        f"{len(ids) - len(kept)} of the patients are not {where}.",
    )
    if not kept:
        raise Malformed.of([fault])
    return _passed(named, fault)


def _passed(request: ExportRequest, fault: Issue) -> ExportRequest:
    """The request, with the fault passed over.

    Raises:
        Malformed: it may not be.
    """
    if request.strict:
        raise Malformed.of([fault])
    return replace(request, faults=(*request.faults, *passed_over([fault])))


def _patients(context: Context, given: tuple[Any, ...]) -> tuple[str, ...]:
    """The ids of the Patients that are referred to, each once.

    Raises:
        Malformed: a reference leads to no Patient of this server, or they are too many.
    """
    addresses = Addresses(context.registry, context.base_url)
    texts: list[Any] = []
    for each in given:
        texts += each.split(",") if isinstance(each, str) else [each.get("reference")]
    targets = [addresses.local(text.strip()) if isinstance(text, str) else None for text in texts]
    ids = tuple(dict.fromkeys(target[1] for target in targets if target is not None and target[0] == PATIENT))
    if any(target is None or target[0] != PATIENT for target in targets):
        raise Malformed("export-patient", "Each patient is a reference to a Patient of this server.")
    if len(ids) > MOST_PATIENTS:
        raise Malformed(
            "export-patient", f"More than {MOST_PATIENTS} patients are named; make a Group of them."
        )
    return ids


_DEFINITIONS: Final = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition"
_ANY_TYPE: Final = (("*", acting.READING),)

SYSTEM_OPERATION: Final = Operation(
    name="export",
    definition=f"{_DEFINITIONS}/export",
    summary="Starts an export of everything that the caller may see.",
    types=frozenset(),
    levels=frozenset({"system"}),
    readable=frozenset({"system"}),
    inputs=INPUTS,
    perform=export_system,
    starts=True,
    needs=_ANY_TYPE,
)
PATIENT_OPERATION: Final = replace(
    SYSTEM_OPERATION,
    definition=f"{_DEFINITIONS}/patient-export",
    summary="Starts an export of the records of all young people, or of those named.",
    types=frozenset({PATIENT}),
    levels=frozenset({"type"}),
    readable=frozenset({"type"}),
    perform=export_patients,
)
GROUP_OPERATION: Final = replace(
    SYSTEM_OPERATION,
    definition=f"{_DEFINITIONS}/group-export",
    summary="Starts an export of the records of the young people in the Group.",
    types=frozenset({GROUP}),
    levels=frozenset({"instance"}),
    readable=frozenset({"instance"}),
    perform=export_group,
)
