"""Rated contacts: encounters as CollaboRATE responses rate them, and whose encounters they were.

A contact that several people rated counts once: by the young person's own answers where these
are complete, else by the latest complete ones. One that nobody rated in full is still known
as answered. What does not say which contact it is about is passed over.

Source: domain facts section 4 (shares of encounters; any item missing puts one out of the calculation)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from service.fhir.search.dates import moment
from service.outcomes.collaborate_scores import Scored, score_of
from service.outcomes.days import days_of
from service.outcomes.months import month_of
from service.outcomes.recognition import (
    COLLABORATE,
    OURS,
    SCALES,
    Resource,
    codings,
    is_collaborate_score,
    named_scales,
)
from service.outcomes.references import Locate, Target, child, target

# The forms, by the top of their scale.
FORMS: Final[Mapping[int, str]] = {
    top: f"{OURS}/Questionnaire/collaborate-{name}" for name, top in SCALES.items()
}
_TOP_OF_FORM: Final = {form: top for top, form in FORMS.items()}
# linkIds of the forms' items, and codes of the score's components.
ITEM_NAMES: Final = ("understand", "listen", "include")

# What was not completed is no answer yet; a score counts once it is said for good.
# Source: domain facts section 6.5, https://hl7.org/fhir/R4/valueset-observation-status.html
_COMPLETED: Final = frozenset({"completed", "amended"})
_FOR_GOOD: Final = frozenset({"final", "amended", "corrected"})
# Who works with young people, as an encounter names them; others who took part are theirs.
_STAFF: Final = frozenset({"Practitioner", "PractitionerRole"})


@dataclass(frozen=True, slots=True)
class Rated:
    """One encounter as one response rates it.

    `source` is the response, or the score of one that is kept elsewhere. `is_own`: the young person
    answered. `month` is that of the answer (`months.py`), `order` tells which of two is later.
    `score` is None where an item was not answered. `provider` is the id of the Organization that held
    the encounter, `team` and `clinician` are those of the encounter, None where it has none or several.
    """

    source: Target
    encounter: Target
    child: Target | None
    is_own: bool
    month: int
    order: tuple[int, str]
    top: int
    score: Scored | None
    provider: str = ""
    team: Target | None = None
    clinician: Target | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What is looked at in an Encounter: who held it, for which episodes, and which staff took part."""

    provider: Target | None
    episodes: tuple[Target, ...]
    staff: tuple[Target, ...]


def read_answered(response: Resource, locate: Locate) -> Rated | None:
    """What a QuestionnaireResponse says of its encounter.

    None where it is not to a CollaboRATE form, is not completed, or does not say the day or the encounter.
    """
    top = _TOP_OF_FORM.get(response.get("questionnaire", "").partition("|")[0])
    if top is None or response.get("status") not in _COMPLETED:
        return None
    given = {item.get("linkId"): _integer(item.get("answer", ())) for item in response.get("item", ())}
    items = [given.get(name) for name in ITEM_NAMES]
    by = target(response.get("source", response.get("author")), locate)
    return _rated(response, response.get("authored", ""), by, top, score_of(items, top), locate)


def read_scored(observation: Resource, locate: Locate) -> Rated | None:
    """What an Observation says of its encounter, for scores of responses that are kept elsewhere.

    None where it is no CollaboRATE score, is not said for good, or does not say scale, day or encounter.
    """
    scales = named_scales(
        code for system, code in codings(observation.get("method")) if system == COLLABORATE
    )
    if (
        len(scales) != 1
        or not is_collaborate_score(observation)
        or observation.get("status") not in _FOR_GOOD
    ):
        return None
    [top] = scales
    given = {
        code: component.get("valueInteger")
        for component in observation.get("component", ())
        for system, code in codings(component.get("code"))
        if system == COLLABORATE
    }
    score = score_of([given.get(name) for name in ITEM_NAMES], top)
    by = target(next(iter(observation.get("performer", ())), None), locate)
    return _rated(observation, observation.get("effectiveDateTime", ""), by, top, score, locate)


def read_held(encounter: Resource, locate: Locate) -> Held:
    """What is looked at in an Encounter."""
    episodes = (target(reference, locate) for reference in encounter.get("episodeOfCare", ()))
    took_part = (target(each.get("individual"), locate) for each in encounter.get("participant", ()))
    return Held(
        provider=target(encounter.get("serviceProvider"), locate),
        episodes=tuple(each for each in episodes if each is not None and each[0] == "EpisodeOfCare"),
        staff=tuple(dict.fromkeys(each for each in took_part if each is not None and each[0] in _STAFF)),
    )


def once_an_encounter(rated: Iterable[Rated]) -> list[Rated]:
    """Each encounter once on each scale: by complete answers before others, own before others', late before early."""
    chosen: dict[tuple[Target, int], Rated] = {}
    for each in rated:
        key = (each.encounter, each.top)
        other = chosen.get(key)
        if other is None or _preference(each) > _preference(other):
            chosen[key] = each
    return list(chosen.values())


def _preference(rated: Rated) -> tuple[bool, bool, tuple[int, str]]:
    return rated.score is not None, rated.is_own, rated.order


def _rated(
    resource: Resource, when: str, by: Target | None, top: int, score: Scored | None, locate: Locate
) -> Rated | None:
    days, time = days_of(when), moment(when)
    encounter = target(resource.get("encounter"), locate)
    if time is None or days is None or days.first != days.last or encounter is None:
        return None
    id_ = resource.get("id", "")
    return Rated(
        source=(resource["resourceType"], id_),
        encounter=encounter,
        child=child(resource, locate),
        is_own=by is not None and by[0] == "Patient",
        month=month_of(days.first),
        order=(time[0], id_),
        top=top,
        score=score,
    )


def _integer(answers: Iterable[Resource]) -> int | None:
    """The whole number that was answered; None where there is none, or more than one."""
    found = [answer.get("valueInteger") for answer in answers]
    return found[0] if len(found) == 1 else None
