"""What a response's Observations are beside those that were taken from it before.

The id of an Observation is a function of the response and of the answer, so that extracting
again means the same ones. One whose answer changed is amended; one whose answer is no longer
there is marked as entered in error, and if it comes back it is another one.

Source: https://hl7.org/fhir/uv/sdc/extraction.html#observation-based-extraction, ADR 0016,
domain facts section 9 (corrected answers retract their Observations)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir import codec
from service.fhir.problems import Issue
from service.fhir.questionnaires.extraction import Spot, extract, spots
from service.fhir.questionnaires.reading import WHOLE
from service.interactions.content import content
from service.interactions.extracting import as_extracted
from service.outcomes.extraction import id_of
from service.outcomes.statuses import IN_ERROR
from service.storage.store import HistoryQuery

if TYPE_CHECKING:
    from service.interactions.context import Act, Context

Json = dict[str, Any]

OBSERVATION: Final = "Observation"
RESPONSE: Final = "QuestionnaireResponse"

# Earlier versions of a response that are looked at for answers which it no longer has.
_VERSIONS: Final = 100
# Databases bound the number of parameters in one statement; this stays far below.
_READ_AT_ONCE: Final = 500
# What ids of other forms' answers are told by, beside those of our own forms.
_KIND: Final = "answer"

_WRITTEN: Final = frozenset({"versionId", "lastUpdated"})


@dataclass(frozen=True, slots=True)
class Extracted:
    """The Observations as they shall be stored, those taken back included; and what could not be taken."""

    observations: tuple[Json, ...]
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """The id under which an answer's Observation goes, and what is stored under it."""

    id: str
    former: Json | None


async def extracted(context: Context, act: Act, questionnaire: Json, response: Json) -> Extracted:
    """What the response to the Questionnaire comes to, as the store should have it."""
    now = spots(questionnaire, response)
    earlier = await _earlier(context, act, questionnaire, response)
    held = await _held(context, act, seed_of(response), [*now, *earlier])
    found = extract(questionnaire, response, lambda spot: held[spot].id)
    made = [_amended(one, held[spot].former) for spot, one in found.observations]
    gone = [one.former for spot, one in held.items() if spot not in now and one.former is not None]
    retracted = [{**_plain(former), "status": IN_ERROR} for former in gone]
    return Extracted((*made, *retracted), found.issues)


async def extracted_of_ours(context: Context, act: Act, response: Json) -> Extracted:
    """What a response to a form of ours comes to: what storing it under its id makes, or has made.

    Raises:
        Invalid: nothing can be taken from it.
    """
    found = await as_extracted(context, act, response)
    there = await _stored(context, act, [one["id"] for one in found])
    # What was taken back before is as it shall be.
    gone = {id_ for id_, each in there.items() if each.get("status") == IN_ERROR}
    return Extracted(tuple(_plain(one) for one in found if one["id"] not in gone), ())


def seed_of(response: Json) -> str:
    """What tells one response from another: its id, else its identifier, else all that it says."""
    if "id" in response:
        return str(response["id"])
    told = response.get("identifier", response)
    return hashlib.sha256(codec.encode(_ordered(told))).hexdigest()


def id_of_answer(seed: str, spot: Spot, generation: int) -> str:
    """The id of the Observation of an answer; `generation` tells how often it was taken back before."""
    return id_of(seed, _KIND, spot.link, str(spot.item), str(spot.answer), generation=generation)


def _ordered(value: Any) -> Any:
    """The JSON with every object's members in the order of their names."""
    match value:
        case dict():
            return {name: _ordered(value[name]) for name in sorted(value)}
        case list():
            return [_ordered(each) for each in value]
        case _:
            return value


async def _earlier(context: Context, act: Act, questionnaire: Json, response: Json) -> dict[Spot, None]:
    """The answers that the stored response has, or had in an earlier version."""
    id_ = response.get("id")
    if id_ is None:
        return {}
    page = await context.store.history(act.caller.locality, HistoryQuery(RESPONSE, id_, _VERSIONS))
    versions = [content(stored) for stored in page.items if not stored.deleted]
    whole = (version for version in versions if version.get("status") in WHOLE)
    return dict.fromkeys(spot for version in whole for spot in spots(questionnaire, version))


async def _held(context: Context, act: Act, seed: str, wanted: Iterable[Spot]) -> dict[Spot, Held]:
    """Where each answer's Observation is: under the first of its ids that was not taken back."""
    found: dict[Spot, Held] = {}
    pending, generation = list(dict.fromkeys(wanted)), 0
    while pending:
        ids = {spot: id_of_answer(seed, spot, generation) for spot in pending}
        stored = await _stored(context, act, list(ids.values()))
        found |= {
            spot: Held(id_, stored.get(id_))
            for spot, id_ in ids.items()
            if stored.get(id_, {}).get("status") != IN_ERROR
        }
        pending = [spot for spot in pending if spot not in found]
        generation += 1
    return found


async def _stored(context: Context, act: Act, ids: Sequence[str]) -> dict[str, Json]:
    """The Observations of those ids that are there."""
    found: dict[str, Json] = {}
    for start in range(0, len(ids), _READ_AT_ONCE):
        keys = [(OBSERVATION, id_) for id_ in ids[start : start + _READ_AT_ONCE]]
        stored = await context.store.read_many(act.caller.locality, keys)
        found |= {each.id: content(each) for each in stored.values() if not each.deleted}
    return found


def _amended(one: Json, former: Json | None) -> Json:
    """The Observation as it shall be: the former one where it says the same, else that with the new value."""
    if former is None:
        return one
    kept = {name: value for name, value in _plain(former).items() if not _is_of_answer(name)}
    whole = {**kept, **one, "status": former["status"]}
    if _ordered(whole) == _ordered(_plain(former)):
        return _plain(former)
    return {**whole, "status": "amended"}


def _is_of_answer(name: str) -> bool:
    return name.startswith("value") or name in {"component", "hasMember", "dataAbsentReason"}


def _plain(stored: Json) -> Json:
    """A stored resource without what the server writes in it."""
    meta = {name: value for name, value in stored.get("meta", {}).items() if name not in _WRITTEN}
    plain = {name: value for name, value in stored.items() if name != "meta"}
    return {**plain, "meta": meta} if meta else plain


def sound_again(context: Context, observations: Sequence[Json]) -> list[Issue]:
    """What would be said of the Observations if they were sent to be stored, as warnings."""
    found = []
    for index, one in enumerate(observations):
        for issue in context.validator.check(one):
            if issue.is_fault:
                place = f"Bundle.entry[{index}].resource"
                at = (issue.expression or OBSERVATION).replace(OBSERVATION, place, 1)
                found.append(Issue("warning", issue.code, issue.slug, issue.text, at))
    return found
