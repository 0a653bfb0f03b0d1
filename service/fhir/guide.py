"""The implementation guide: conformance resources by type and canonical address, ours and those of added packages.

It holds what `fhir_profiles/` and added packages say: profiles, extensions, value sets, code
systems, questionnaires, search parameters and operations. R4's own types and value sets
are the registry's. Nothing is compiled here; who needs a thing in another form makes it.

Source: design.md sections 2 and 6, https://hl7.org/fhir/R4/references.html#canonical
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

Json = dict[str, Any]

CANONICAL_BASE: Final = "https://thrive-fhir.example/"
CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
"""What R4's own types and profiles are under."""

KINDS: Final = (
    "CodeSystem",
    "ValueSet",
    "StructureDefinition",
    "SearchParameter",
    "OperationDefinition",
    "Questionnaire",
)
"""The resource types that a guide keeps, each after what it builds on."""


class Guide:
    """Conformance resources. Of several with one address the last one given counts, whatever its version."""

    def __init__(self, artefacts: Iterable[Json] = ()) -> None:
        """Takes conformance resources; those of other types, and those without `url`, are left out."""
        self._by_url: dict[str, dict[str, Json]] = {kind: {} for kind in KINDS}
        for artefact in artefacts:
            kind, url = artefact.get("resourceType"), artefact.get("url")
            if kind in self._by_url and isinstance(url, str):
                self._by_url[kind].pop(url, None)
                self._by_url[kind][url] = artefact

    def __iter__(self) -> Iterator[Json]:
        """Every artefact, kind by kind."""
        for kind in KINDS:
            yield from self._by_url[kind].values()

    def __len__(self) -> int:
        """How many artefacts there are."""
        return sum(map(len, self._by_url.values()))

    def all(self, kind: str) -> Mapping[str, Json]:
        """The artefacts of a kind by canonical address."""
        return self._by_url[kind]

    def find(self, kind: str, canonical: str) -> Json | None:
        """The artefact of that address, `url` or `url|version`; None where there is none, or of another version."""
        url, _, version = canonical.partition("|")
        artefact = self._by_url[kind].get(url)
        if artefact is None or (version and artefact.get("version", version) != version):
            return None
        return artefact

    def with_id(self, kind: str, id_: str) -> Json | None:
        """The artefact of that logical id."""
        return next((artefact for artefact in self._by_url[kind].values() if artefact.get("id") == id_), None)
