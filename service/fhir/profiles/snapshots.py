"""Snapshots: all that a profile says of its type, from its differential and its base.

    structures = Structures(registry, guide)
    structures.find("https://thrive-fhir.example/StructureDefinition/gbo-goal")["snapshot"]["element"]

Source: https://hl7.org/fhir/R4/profiling.html#snapshot
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.fhir.profiles.differentials import Application
from service.fhir.profiles.faults import SnapshotError
from service.fhir.profiles.narrowing import Find
from service.fhir.profiles.trees import Branch, flattened, grown
from service.fhir.profiles.types_of_r4 import R4, SIMPLE_QUANTITY, VERSION, R4Types, simple_quantity

if TYPE_CHECKING:
    from service.fhir.guide import Guide
    from service.fhir.registry import Registry

__all__ = ["SnapshotError", "Structures", "snapshot"]

Json = dict[str, Any]


def snapshot(structure: Json, find: Find, head: Find | None = None) -> list[Json]:
    """The elements of a profile's snapshot, made from its differential over its base's snapshot.

    `head` finds definitions of which only the type and what it specialises matter; they
    need no snapshot. It is `find` where none is given.

    Raises:
        SnapshotError: the base is not there, or the differential does not fit it.
    """
    base = find(str(structure.get("baseDefinition", "")))
    if base is None:
        raise SnapshotError(
            f"{structure['url']} builds on {structure.get('baseDefinition')}, which is not known."
        )
    application = Application(structure, base, find, head or find)
    elements = structure.get("differential", {}).get("element", ())
    application.apply(grown(elements) if elements else Branch(application.root.name))
    return [_addressed(element, str(structure["type"])) for element in flattened(application.root)]


def _addressed(element: Json, type_: str) -> Json:
    """The element with its contentReference absolute: `#X` would mean the profile's own X, with all it asks."""
    reference = element.get("contentReference", "")
    return element | {"contentReference": f"{R4}{type_}{reference}"} if reference.startswith("#") else element


class Structures:
    """StructureDefinitions with snapshot: R4's types from the registry, profiles from the guide."""

    def __init__(self, registry: Registry, guide: Guide) -> None:
        """Takes R4's definitions, and the guide with our own and added profiles."""
        self._types = R4Types(registry)
        self._guide = guide
        self._found: dict[str, Json | None] = {}
        self._open: set[str] = set()  # those that are being made
        self._met: set[str] = set()  # those of them that were asked for meanwhile

    def find(self, url: str) -> Json | None:
        """The StructureDefinition of that address (`url` or `url|version`), with snapshot; None where there is none.

        What has a snapshot is given as it is; any other is made when it is first asked for.

        Raises:
            SnapshotError: its snapshot cannot be made.
        """
        if url in self._found:
            return self._found[url]
        found = self._find(url)
        if not self._met & self._open:  # else it lacks what will be known when those are made
            self._found[url] = found
        return found

    def head(self, url: str) -> Json | None:
        """The StructureDefinition of that address as it stands, with or without snapshot; None where there is none."""
        address = url.partition("|")[0]
        if address == SIMPLE_QUANTITY:
            return simple_quantity()
        type_ = self._types.head(address.removeprefix(R4)) if address.startswith(R4) else None
        return type_ or self._guide.find("StructureDefinition", url)

    def _find(self, url: str) -> Json | None:
        address, _, version = url.partition("|")
        if version and address.startswith(R4) and VERSION.startswith(version):
            found = self.find(address)
            return found if found is not None and found.get("version") == VERSION else None
        if address == SIMPLE_QUANTITY:
            return self._with_snapshot(simple_quantity()) if not version else None
        if not version and address.startswith(R4):
            type_ = self._types.structure(address.removeprefix(R4))
            if type_ is not None:
                return type_
        structure = self._guide.find("StructureDefinition", url)
        if structure is None:
            return None
        return self.find(address) if version else self._with_snapshot(structure)

    def _with_snapshot(self, structure: Json) -> Json:
        if structure.get("snapshot", {}).get("element"):
            return structure
        url = str(structure["url"])
        if url in self._open:
            self._met.add(url)
            return structure  # without snapshot: who cannot do without asks for what builds on itself
        self._open.add(url)
        try:
            return structure | {"snapshot": {"element": snapshot(structure, self.find, self.head)}}
        finally:
            self._open.remove(url)
            self._met.discard(url)
