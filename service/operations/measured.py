"""What was measured: a young person's scores on routine outcome measures, and the referrals that they belong to.

What the scores come to is for `service/outcomes`; here they come from the store.

Source: docs/operations/measures.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir.search.expressions import And, Reference, Token
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.read import require_current
from service.operations.rated import resources_where
from service.outcomes.measures import MEASURES, Measures, read_measures
from service.outcomes.norms import Person, read_person
from service.outcomes.references import Target, target
from service.outcomes.referrals import Referrals, is_text_like, online_providers, read_referrals
from service.outcomes.takings import Taking, read_taking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.interactions.context import Act, Context

Json = dict[str, Any]

# Every score is in this category: profile scored-measure, and those of goal scores.
_SURVEY: Final = Token("category", "http://terminology.hl7.org/CodeSystem/observation-category", "survey")


@dataclass(frozen=True, slots=True)
class Measured:
    """A young person, as far as norms depend on it, and their scores, in no order."""

    person: Person
    takings: tuple[Taking, ...]


def known_measures(context: Context) -> Measures:
    """The measures of the guide; none where it has lost its code system."""
    return read_measures(context.guide.find("CodeSystem", MEASURES) or {})


async def measured(context: Context, act: Act, id_: str, measures: Measures) -> Measured:
    """The young person Patient/`id_` and their scores of the measures.

    Raises:
        Missing, Gone: there is no such Patient.
        Invalid: there are more scores than any one person has.
    """
    stored = await context.store.read(act.caller.locality, "Patient", id_)
    person = read_person(content(require_current(stored, "Patient", id_)))
    where = And((Reference("subject", "Patient", id_), _SURVEY))
    locate = Addresses(context.registry, context.base_url).target
    found = [
        read_taking(observation, measures, locate)
        async for observation in resources_where(context, act, "Observation", where)
    ]
    return Measured(person, tuple(taking for taking in found if taking is not None))


async def referrals_of(context: Context, act: Act, id_: str) -> Referrals:
    """The referrals of the young person Patient/`id_`, with their contacts.

    Raises:
        Invalid: there are more encounters than any one person has.
    """

    async def all_of(type_: str, parameter: str) -> list[Json]:
        where = Reference(parameter, "Patient", id_)
        return [resource async for resource in resources_where(context, act, type_, where)]

    locate = Addresses(context.registry, context.base_url).target
    encounters = await all_of("Encounter", "subject")
    by_text = [each for each in encounters if is_text_like(each)]
    return read_referrals(
        await all_of("ServiceRequest", "subject"),
        await all_of("EpisodeOfCare", "patient"),
        encounters,
        locate,
        await _online(context, act, (target(each.get("serviceProvider"), locate) for each in by_text)),
    )


async def _online(context: Context, act: Act, providers: Iterable[Target | None]) -> frozenset[Target]:
    """Those of the providers whose text-like contacts count."""
    keys = list({each for each in providers if each is not None and each[0] == "Organization"})
    found = await context.store.read_many(act.caller.locality, keys)
    return online_providers(content(stored) for stored in found.values() if not stored.deleted)
