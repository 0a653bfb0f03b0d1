"""Stores whose index is behind, and what tells whether it was made up for."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from service.access.rule import sharing_rule
from service.fhir import artefacts, codec
from service.fhir.registry import Registry, load
from service.fhir.search.definitions import in_force
from service.fhir.search.extraction import Extractor
from service.sandbox.cohort import cohort
from service.storage.names import Kind
from service.storage.open import migrate, open_store, session
from service.storage.sessions import Session
from service.storage.store import Store
from service.storage.tables import INDEXES
from tests.conftest import BASE_URL, TestClock
from tests.storage.builders import LOCALITY, creation, unit

UNIT = 500

OWN = "https://deployer.example/SearchParameter/"


def own(code: str, type_: str, expression: str, base: str = "Observation", **more: Any) -> dict[str, Any]:
    """A deployer's SearchParameter."""
    return {
        "resourceType": "SearchParameter",
        "id": code,
        "url": f"{OWN}{code}",
        "name": code.title().replace("-", ""),
        "status": "active",
        "description": "Of a deployer.",
        "code": code,
        "base": [base],
        "type": type_,
        "expression": expression,
        **more,
    }


NOTE = own("note-text", "string", "Observation.note.text")
WITH = own("with", "reference", "Observation.performer", target=["Practitioner"])
SCORED = own(
    "status-scored",
    "composite",
    "Observation",
    component=[
        {"definition": "http://hl7.org/fhir/SearchParameter/Observation-status", "expression": "status"},
        {
            "definition": "http://hl7.org/fhir/SearchParameter/Observation-value-quantity",
            "expression": "value.as(Quantity)",
        },
    ],
)
DEPLOYERS = (NOTE, WITH, SCORED)


def files(folder: Path, *resources: dict[str, Any]) -> Path:
    """The folder with a file for each."""
    folder.mkdir(exist_ok=True)
    for resource in resources:
        (folder / f"{resource['id']}.json").write_text(json.dumps(resource))
    return folder


def registry_with(*resources: dict[str, Any]) -> Registry:
    """R4's registry with ours and these in force."""
    return in_force(load(), artefacts.load(), {each["id"]: each for each in resources}).registry


@cache
def extractor_of(registry: Registry) -> Extractor:
    """What extracts by the registry; made once, because compiling all its paths takes longer than most tests."""
    return Extractor(registry, BASE_URL)


async def opened(database_url: str, registry: Registry) -> Store:
    """The migrated store, opened with the registry."""
    migrate(database_url)
    rule = sharing_rule(registry, BASE_URL)
    return await open_store(database_url, registry, extractor_of(registry), TestClock(), rule=rule)


def people(patients: int, seed: int = 3) -> list[dict[str, Any]]:
    """The resources of invented young people and the agencies around them."""
    return [resource for batch in cohort(patients, seed) for resource in batch]


async def fill(store: Store, resources: list[dict[str, Any]]) -> None:
    """Stores them all."""
    for start in range(0, len(resources), UNIT):
        await store.commit(LOCALITY, unit(*map(creation, resources[start : start + UNIT])))


async def current(store: Store, registry: Registry) -> list[dict[str, Any]]:
    """Every resource as it is stored now."""
    return [codec.decode(one.body) async for one in store.everything(LOCALITY, sorted(registry.served))]


# The columns of sharing that are numbers of names.
_OF_SHARING = {"party": Kind.AGENCY, "type": Kind.TYPE, "purpose": Kind.PURPOSE}


async def rows(database_url: str, names: set[str] | None = None) -> Counter[tuple[Any, ...]]:
    """Every index row with names and ids in the place of numbers, so that two stores can be compared."""
    async with session(database_url) as own_session:
        known = {
            (kind, code): text
            for kind, code, text in await own_session.fetch("SELECT kind, code, text FROM name")
        }
        ids = {rid: bytes(id_) for rid, id_ in await own_session.fetch("SELECT rid, id FROM resource")}
        found: Counter[tuple[Any, ...]] = Counter()
        for table in INDEXES:
            for row in await _rows(own_session, table):
                value = dict(zip((column.name for column in table.c), row, strict=True))
                if "parameter" in value:
                    value["parameter"] = known[Kind.PARAMETER, value["parameter"]]
                else:  # rows of sharing are of no parameter
                    for column, kind in _OF_SHARING.items():
                        value[column] = known.get((kind, value[column]), "")
                if names is not None and value.get("parameter") not in names:
                    continue
                for column in ("system", "text_system"):
                    if column in value:
                        value[column] = known.get((Kind.SYSTEM, value[column]), "")
                if "target_type" in value:
                    value["target_type"] = known.get((Kind.TYPE, value["target_type"]), "")
                value["rid"] = ids[value["rid"]]
                del value["locality"]
                found[table.name, *value.items()] += 1
    return found


async def _rows(own_session: Session, table: Any) -> list[tuple[Any, ...]]:
    columns = ", ".join(column.name for column in table.c)
    return await own_session.fetch(f"SELECT {columns} FROM {table.name}")
