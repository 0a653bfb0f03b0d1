"""A small world for tests of who sees what: two young people, their agencies, and stores as these see it."""

from __future__ import annotations

from typing import Any

from service.fhir.search.sight import Seen, Sight
from service.storage.store import AuditEntry, Store, Stored, Unit
from tests.storage.builders import LOCALITY, creation, patient, score

CAMHS, SCHOOL, CHARITY = "camhs", "school", "charity"
AGENCIES = (CAMHS, SCHOOL, CHARITY)
R = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}


def agency(id_: str) -> dict[str, Any]:
    return {"resourceType": "Organization", "id": id_, "name": id_}


def team(id_: str, child: str, *agencies: str) -> dict[str, Any]:
    return {
        "resourceType": "CareTeam",
        "id": id_,
        "status": "active",
        "subject": {"reference": f"Patient/{child}"},
        "participant": [{"member": {"reference": f"Organization/{each}"}} for each in agencies],
    }


def encounter(id_: str, child: str, at: str) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": id_,
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": f"Patient/{child}"},
        "serviceProvider": {"reference": f"Organization/{at}"},
    }


def labelled(resource: dict[str, Any]) -> dict[str, Any]:
    return resource | {"meta": {"security": [R]}}


async def wrote(store: Store, by: str, *resources: dict[str, Any]) -> tuple[Stored, ...]:
    """What the agency created."""
    audit = AuditEntry(client="epr", agency=by, interaction="create", request_id="request-1")
    return await store.commit(LOCALITY, Unit(tuple(map(creation, resources)), audit))


async def world(store: Store) -> None:
    """`ash` has CAMHS and the school around them; `birch`, whose places are withheld, CAMHS and the charity.

    CAMHS wrote it all, but a score of `ash` by the charity.
    """
    await wrote(
        store,
        CAMHS,
        *map(agency, AGENCIES),
        patient("ash", "1"),
        labelled(patient("birch", "2")) | {"managingOrganization": {"reference": f"Organization/{CAMHS}"}},
        team("ash-team", "ash", CAMHS, SCHOOL),
        team("birch-team", "birch", CAMHS, CHARITY),
        score("ash-1", "ash", "1"),
        labelled(score("ash-2", "ash", "2")),
        score("birch-1", "birch", "3"),
        encounter("ash-visit", "ash", CAMHS),
        encounter("birch-visit", "birch", CAMHS),
    )
    await wrote(store, CHARITY, score("ash-3", "ash", "4"))


def eyes(store: Store, of: str, seen: Seen | None = None, **more: Any) -> Store:
    """The locality as the agency sees it."""
    return store.seen_by(LOCALITY, Sight(of, **more), Seen() if seen is None else seen)
