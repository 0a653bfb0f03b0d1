"""Units for the store's tests, of the smallest resources that have something to index."""

from __future__ import annotations

from typing import Any

from service.fhir import codec
from service.fhir.search.expressions import Expression, Query
from service.storage.store import AuditEntry, Change, Store, Stored, Unit

LOCALITY = "default"
AUDIT = AuditEntry(client="epr", agency="camhs", interaction="create", request_id="request-1")


def patient(id_: str, number: str = "1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": id_,
        "identifier": [{"system": "urn:number", "value": number}],
        **more,
    }


def score(id_: str, patient_id: str, value: str = "4") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1034351000000101"}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": "2026-03-02T16:00:00Z",
        "valueQuantity": {"value": codec.decode(b'{"v":%s}' % value.encode())["v"]},
    }


def creation(resource: dict[str, Any]) -> Change:
    return Change(resource["resourceType"], resource["id"], "POST", None, None, resource)


def update(before: Stored, resource: dict[str, Any]) -> Change:
    former = None if before.deleted else codec.decode(before.body)
    return Change(before.type, before.id, "PUT", before, former, resource)


def deletion(before: Stored) -> Change:
    return Change(before.type, before.id, "DELETE", before, codec.decode(before.body), None)


def unit(*changes: Change) -> Unit:
    return Unit(changes, AUDIT)


async def stored(store: Store, resource: dict[str, Any], locality: str = LOCALITY) -> Stored:
    [made] = await store.commit(locality, unit(creation(resource)))
    return made


async def found(store: Store, type_: str, where: Expression, locality: str = LOCALITY) -> list[str]:
    page = await store.search(locality, Query(type_, where, count=100))
    return [item.id for item in page.items]
