"""Resources held in memory with the references between them: what `matching` follows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from service.fhir.matching import Candidate, matches
from service.fhir.search.expressions import Query
from service.fhir.search.extraction import Extractor


class Neighbours:
    """A locality in memory: the oracle that a store is compared with."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        """Takes the current resources, deletions left out."""
        self.candidates = {(one.type, one.id): one for one in candidates}

    def referred(self, type_: str, id_: str) -> Candidate | None:
        """The current resource of that type and id."""
        return self.candidates.get((type_, id_))

    def referring(self, type_: str, parameter: str, to: tuple[str, str]) -> list[Candidate]:
        """The current resources of the type whose parameter refers to the resource."""
        return [
            one
            for one in self.candidates.values()
            if one.type == type_ and (parameter, *to) in one.values.references
        ]

    def found(self, query: Query) -> set[str]:
        """The ids of the resources that the query is true of."""
        return {
            one.id
            for one in self.candidates.values()
            if one.type == query.type
            and matches(query.where, one.type, one.id, one.updated, one.values, self)
        }


def neighbours(
    resources: Iterable[dict[str, Any]], extractor: Extractor, updated: Iterable[int]
) -> Neighbours:
    """The resources in memory, each last updated at its moment (microseconds since 1970 UTC)."""
    return Neighbours(
        Candidate(one["resourceType"], one["id"], at, extractor.values(one))
        for one, at in zip(resources, updated, strict=False)
    )
