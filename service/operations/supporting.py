"""Supporting resources: what a record refers to and is nobody's record, shown beside it.

Source: https://hl7.org/fhir/R4/patient-operation-everything.html, docs/operations/everything.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from service.fhir.problems import Issue
from service.fhir.search.includes import Include
from service.interactions.bundles import include_entry, outcome_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.fhir.registry import Registry
    from service.interactions.context import Context
    from service.storage.store import Stored

# Other people's records are never among them, even where a Group or the care team of siblings names them.
TYPES: Final = frozenset(
    {
        "HealthcareService",
        "Location",
        "Measure",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Questionnaire",
    }
)


async def entries(
    context: Context, locality: str, found: Sequence[Stored], types: frozenset[str]
) -> list[bytes]:
    """The entries of what those found refer to, and of what that refers to in turn, each once.

    Where that is more than the limit of a page, a warning stands in place of the rest.
    """
    shown: dict[int, Stored] = {}
    limit = context.limits.included
    steps: Sequence[Stored] = found if types else ()
    missed = False
    while steps and not missed:
        parameters = _leading(context.registry, {stored.type for stored in steps}, types)
        keys = [stored.key for stored in steps]
        # One more than there is room for tells whether there are more.
        room = limit - len(shown)
        reached = (
            await context.store.referred(locality, keys, parameters, types, limit + 1) if parameters else ()
        )
        steps = [stored for stored in reached if stored.key not in shown]
        missed = len(steps) > room
        shown.update((stored.key, stored) for stored in steps[:room])
    made = [include_entry(context.base_url, stored) for stored in shown.values()]
    return [*made, outcome_entry([_too_many(limit)])] if missed else made


def includes(registry: Registry, sources: Iterable[str], types: frozenset[str]) -> tuple[Include, ...]:
    """What is followed from resources of the sources, and from what is beside them."""
    parameters = _leading(registry, {*sources, *types}, types)
    return (Include(reverse=False, iterate=True, parameters=tuple(parameters)),)


def _leading(registry: Registry, sources: Iterable[str], types: frozenset[str]) -> list[tuple[str, str]]:
    """The parameters of the sources that can lead to resources of the types."""
    return [
        (source, code)
        for source in sorted(sources)
        for code, parameter in registry.search_parameters(source).items()
        if parameter.type == "reference"
        and (not parameter.targets or not types.isdisjoint(parameter.targets))
    ]


def _too_many(limit: int) -> Issue:
    text = (
        f"The matches of this page lead to more than {limit} other resources, of which so many are shown;"
        " ask for fewer matches a page."
    )
    return Issue("warning", "too-costly", "search-includes-cut", text)
