"""Resources that are created, changed, deleted and brought back, and what there was of them at any moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from service.storage.store import Store, Stored
from tests.storage.builders import LOCALITY, creation, deletion, patient, score, unit, update


@dataclass
class Lives:
    """What was stored, version by version: the oracle of what there was."""

    store: Store
    random: Random
    versions: dict[tuple[str, str], list[Stored]] = field(default_factory=dict)
    name: str = "r"

    async def step(self, changes: int = 1) -> tuple[Stored, ...]:
        """Changes some resources at once, new ones among them."""
        chosen: dict[tuple[str, str], Any] = {}
        for _ in range(changes):
            id_ = f"{self.name}{self.random.randrange(40)}"
            type_ = self.random.choice(("Patient", "Observation"))
            content = patient(id_) if type_ == "Patient" else score(id_, "r1")
            if type_ == "Patient":
                content["identifier"][0]["value"] = str(self.random.random())
            before = self.versions.get((type_, id_), [None])[-1]
            if before is None:
                chosen[type_, id_] = creation(content)
            elif not before.deleted and self.random.random() < 0.3:
                chosen[type_, id_] = deletion(before)
            else:
                chosen[type_, id_] = update(before, content)
        stored = await self.store.commit(LOCALITY, unit(*chosen.values()))
        for one in stored:
            self.versions.setdefault((one.type, one.id), []).append(one)
        return stored

    def at(self, moment: int, type_: str) -> dict[str, Stored]:
        """The resources of the type, deletions among them, as they were at the moment."""
        found = {}
        for (of, id_), versions in self.versions.items():
            if of == type_ and (then := [one for one in versions if one.updated <= moment]):
                found[id_] = then[-1]
        return found

    def bodies(self, moment: int, type_: str, since: int = -1) -> list[bytes]:
        """What a reading of all slices shall give, in the order of keys."""
        found = [one for one in self.at(moment, type_).values() if one.updated > since and not one.deleted]
        return [one.body for one in sorted(found, key=lambda one: one.key)]

    def deleted(self, moment: int, type_: str, since: int) -> set[str]:
        """The ids of what had been deleted since."""
        return {id_ for id_, one in self.at(moment, type_).items() if one.deleted and one.updated > since}
