"""Who may change what they see: each caller sends resources back with a tag more, against the plain oracle.

Source: docs/sharing.md («Who writes what»)
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from tests.agreement.asking import Said
from tests.agreement.lived import Service
from tests.agreement.oracle import Record, labels
from tests.agreement.reduced import Reduction

Json = dict[str, Any]

# They say who sees the record: nobody who is not around the young person may change them.
_DECIDING = frozenset({"CarePlan", "CareTeam", "Consent"})
_OF_THE_COORDINATOR = frozenset({"CarePlan", "CareTeam", "Goal", "Patient"})
_AROUND = frozenset({"author", "plan", "team"})
_MUTE = 0.5  # of what is sent back says nothing of labels


def may_change(reduction: Reduction, record: Record) -> bool | None:
    """Whether the caller may; None where it hangs on more than this oracle knows."""
    eyes, oracle, now = reduction.eyes, reduction.oracle, reduction.now
    if eyes.token.types is not None:
        return False  # the tokens of these tests are for reading
    if eyes.all_of_it:
        return True
    said = record.said(record.current)
    if record.type == "Organization" and record.id == eyes.agency:
        return False
    ground = oracle.ground(eyes, record, record.current, now)
    is_author = record.author == eyes.agency
    is_owner = record.type == "Task" and said["owner"]["reference"] == f"Organization/{eyes.agency}"
    by_plan = record.type in _OF_THE_COORDINATOR and ground == "plan"
    if ground == "consent" and record.type in _OF_THE_COORDINATOR:
        return None  # who coordinates as well may have a better ground for the Patient
    # Somebody must be able to clear up a circle in which nobody coordinates.
    by_patient = record.type == "CareTeam" and _keeps_uncoordinated(reduction, oracle.whose(record, said))
    if not (is_author or is_owner or by_plan or by_patient) or (record.type, record.id) in reduction.withheld:
        return False
    if record.type in _DECIDING:
        patient = oracle.records.get(("Patient", oracle.whose(record, said)))
        return patient is None or oracle.ground(eyes, patient, patient.current, now) in _AROUND
    return True


def _keeps_uncoordinated(reduction: Reduction, child: str) -> bool:
    """Whether the caller's agency made the Patient, and no agency coordinates a plan now."""
    patient = reduction.oracle.records.get(("Patient", child))
    coordinated = any(
        rule.kind == "plan" and rule.period[0] <= reduction.now < rule.period[1]
        for rule in reduction.oracle.rules_of(child)
    )
    return patient is not None and patient.author == reduction.eyes.agency and not coordinated


async def all_changes(
    service: Service, reduction: Reduction, rng: Random, most: int, tally: Counter[str]
) -> list[str]:
    """The faults found where the caller sends back so many of the resources that it sees."""
    seen = [
        record
        for record in reduction.oracle.records.values()
        if reduction.sees(record) and record.current.resource is not None
        # Whose these are is looked up anew when they are sent back, so that others may see them no more.
        if record.type not in {"Binary", "Provenance", "Task"} or record.author == reduction.eyes.agency
    ]
    faults = []
    for record in rng.sample(seen, min(most, len(seen))):
        expected = may_change(reduction, record)
        if expected is None:
            continue
        said = await _send_back(service, reduction, record, is_mute=rng.random() < _MUTE)
        tally["may-change" if expected else "may-not-change"] += 1
        # Where it may be changed, other rules can still be against it; these are no refusals of access.
        if (said.status != 403) != expected:
            place = f"{reduction.eyes.name} at {reduction.now}: PUT {record.type}/{record.id}"
            faults.append(f"{place}: expected {expected}\n  {said.status} {said.body[:500].decode()}")
        if said.status == 200 and labels(said.json) != labels(record.said(record.current)):
            place = f"{reduction.eyes.name} at {reduction.now}: PUT {record.type}/{record.id}"
            faults.append(f"{place}: the labels are others\n  {said.body[:500].decode()}")
    return faults


async def _send_back(service: Service, reduction: Reduction, record: Record, *, is_mute: bool) -> Said:
    """Sends it with a tag more; `is_mute`, without a word of labels, which stay all the same."""
    resource = record.current.resource or {}
    meta = dict(resource.get("meta", {}))
    if is_mute:
        meta.pop("security", None)
    tag = {"system": "https://thrive-fhir.example/test", "code": f"{reduction.eyes.name}-{reduction.now}"}
    changed = {**resource, "meta": {**meta, "tag": [*meta.get("tag", []), tag]}}
    return await service.ask(reduction.eyes.name, "PUT", f"{record.type}/{record.id}", changed)
