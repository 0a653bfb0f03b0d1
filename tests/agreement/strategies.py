"""Random small resources and random searches of them, for the tests that interpreters agree.

`resources()` draws lists of resources that refer to one another; `queries()` draws
searches as expression trees; `cases()` both. Both draw the same for the same Hypothesis
seed. What they are made of is in `pools.py`, how searches are in `conditions.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from random import Random
from typing import Any

from hypothesis import strategies as st

from service.fhir.search.expressions import Query
from tests.agreement.conditions import query
from tests.agreement.pools import (
    BIRTHS,
    CODES,
    COMBINED,
    COMPONENTS,
    CONCEPTS,
    DAYS,
    IDENTIFIERS,
    IDS,
    LINKS,
    METAS,
    NAMES,
    NARRATIVES,
    NOWHERE,
    NUMBERS,
    PARAMETERS,
    PERIODS,
    PIECES,
    POSITIONS,
    PREFIXES,
    QUANTITIES,
    SAMPLES,
    STARTED,
    SYSTEMS,
    TEXTS,
    TYPES,
    URIS,
    Resource,
    references,
)

__all__ = [
    "BIRTHS", "CODES", "COMBINED", "DAYS", "IDS", "LINKS", "NUMBERS", "PARAMETERS", "PIECES", "POSITIONS", "PREFIXES", "STARTED", "SYSTEMS",
    "TEXTS", "TYPES", "URIS", "cases", "queries", "resources",
]  # fmt: skip

Drawn = st.SearchStrategy[Any]

one_of = st.sampled_from
SEEDS = st.integers(0, 2**32)


def _one(pool: Iterable[Any]) -> Drawn:
    """One of the pool, by its number: Hypothesis would write out a strategy over all of it."""
    items = list(pool)
    return st.integers(0, len(items) - 1).map(lambda at: items[at])


def _several(pool: Iterable[Any]) -> Drawn:
    """Lists of one or two of the pool."""
    one = _one(pool)
    return st.lists(one, min_size=1, max_size=2)


def _resource(
    type_: str, required: Resource, drawn: dict[str, Drawn] | None = None, **elements: Drawn
) -> st.SearchStrategy[Resource]:
    known = {"resourceType": st.just(type_), "id": one_of(IDS), **(drawn or {})}
    fixed = {key: st.just(value) for key, value in required.items()}
    return st.fixed_dictionaries(
        {**known, **fixed}, optional={"meta": _one(METAS), "text": _one(NARRATIVES), **elements}
    )


patients = _resource(
    "Patient", {},
    identifier=_several(IDENTIFIERS), active=st.booleans(), name=_several(NAMES), gender=one_of(("male", "female")),
    birthDate=one_of(BIRTHS), generalPractitioner=_several(references("Organization")),
)  # fmt: skip
organizations = _resource(
    "Organization", {"name": "Invented"},
    identifier=_several(IDENTIFIERS), alias=_several(TEXTS), partOf=_one(references("Organization")),
)  # fmt: skip
observations = _resource(
    "Observation", {"status": "final"}, {"code": _one(CONCEPTS)},
    component=_several(COMPONENTS), note=_several([{"text": text} for text in TEXTS]), category=_several(CONCEPTS),
    subject=_one(references("Patient")), focus=_several(references("Goal", "Patient")),
)  # fmt: skip
# What is measured, and when, is of one of several types.
observations = st.tuples(
    observations,
    st.one_of(*(
        _one([{f"effective{kind}": time} for time in times])
        for kind, times in (("DateTime", DAYS), ("Period", PERIODS))
    )),
    st.one_of(*(
        _one([{f"value{kind}": value} for value in values])
        for kind, values in (
            ("Quantity", QUANTITIES), ("CodeableConcept", CONCEPTS), ("String", TEXTS), ("DateTime", DAYS),
            ("SampledData", SAMPLES), ("Integer", (0, 5, -5)),
        )
    )) | st.just({}),
).map(lambda parts: {**parts[0], **parts[1], **parts[2]})  # fmt: skip
goals = _resource(
    "Goal", {"lifecycleStatus": "active", "description": {"text": "Invented"}, "subject": {"display": "nobody"}},
    identifier=_several(IDENTIFIERS), startDate=one_of(DAYS[:3]), category=_several(CONCEPTS),
)  # fmt: skip
goals = st.tuples(goals, _one(references("Patient", "Organization"))).map(
    lambda both: {**both[0], "subject": both[1]}
)
questionnaires = _resource(
    "Questionnaire", {"status": "active"},
    url=one_of(URIS), version=one_of(("1", "V1", "v1")), title=one_of(TEXTS), effectivePeriod=_one(PERIODS),
)  # fmt: skip
locations = _resource(
    "Location", {"status": "active"},
    identifier=_several(IDENTIFIERS), name=one_of(TEXTS), partOf=_one(references("Location")),
    managingOrganization=_one(references("Organization")),
    position=_one([{"latitude": north, "longitude": east} for north, east in (*POSITIONS, *NOWHERE)]),
)  # fmt: skip

BY_TYPE: dict[str, st.SearchStrategy[Resource]] = {
    "Patient": patients, "Observation": observations, "Goal": goals, "Organization": organizations,
    "Questionnaire": questionnaires, "Location": locations,
}  # fmt: skip

# Types that refer to one another, and so are drawn together.
TOGETHER = (
    ("Observation", "Patient"), ("Patient", "Organization"), ("Goal", "Patient", "Organization"),
    ("Observation", "Goal", "Patient"), ("Questionnaire",), ("Organization",), ("Location", "Organization"), ("Observation",), TYPES,
)  # fmt: skip


@lru_cache  # making strategies costs more than drawing from them
def resources(most: int = 10, types: tuple[str, ...] | None = None) -> st.SearchStrategy[list[Resource]]:
    """Lists of at most so many resources, no two of one type and id, that refer to one another.

    They are of the types, or of some that go together.
    """
    if types is None:
        return one_of(TOGETHER).flatmap(lambda some: resources(most, some))
    any_of = st.one_of(*(BY_TYPE[type_] for type_ in types))
    return st.lists(
        any_of,
        min_size=most // 2,
        max_size=most,
        unique_by=lambda resource: (resource["resourceType"], resource["id"]),
    )


class Searches(list[Query]):
    """Searches that a seed gives, shown by it: Hypothesis writes out whatever fails."""

    def __init__(self, seed: int, types: tuple[str, ...], count: int) -> None:
        """So many searches of the types."""
        self.seed = seed
        random = Random(seed)
        super().__init__(query(random, 3, types) for _ in range(count))

    def __repr__(self) -> str:
        """The seed."""
        return f"{len(self)} searches of seed {self.seed}"


@lru_cache  # as above
def cases(most: int = 10, searches: int = 8) -> st.SearchStrategy[tuple[list[Resource], Searches]]:
    """Lists of resources, each with a list of so many searches of their types."""
    return one_of(TOGETHER).flatmap(
        lambda types: st.tuples(
            resources(most, types), SEEDS.map(lambda seed: Searches(seed, types, searches))
        )
    )


def queries(depth: int = 3, types: tuple[str, ...] = TYPES) -> st.SearchStrategy[Query]:
    """Searches of the types, each of everything that matches, with its total."""
    return SEEDS.map(lambda seed: query(Random(seed), depth, types))
