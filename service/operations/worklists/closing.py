"""closing-without-second-score: young people whose help ends soon, and of whom nothing can be compared.

Candidates are young people with an episode or a plan under way whose period ends by the day that is
asked for. What is under way, their goals and their scores are read for several of them together, by whom
they refer to: that costs what they are, in any store.

Source: docs/operations/worklist.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from service.fhir.search.expressions import Expression, Has, Or, Query, Token
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.pauses import breathe
from service.operations.measured import known_measures
from service.operations.worklists.asking import Asked, all_of, ends_by, of_agency
from service.operations.worklists.sifting import Judge, Listed, Sieve, referring_all
from service.outcomes.closing import (
    UNDER_WAY,
    Help,
    Scored,
    begun,
    end_of,
    scored_goals,
    without_second_score,
)
from service.outcomes.plans import read_plan
from service.outcomes.references import Locate, target
from service.outcomes.series import CLINICIAN, read_points
from service.outcomes.statuses import IN_ERROR
from service.outcomes.takings import Taking, read_taking
from service.storage.store import Stored

Json = dict[str, Any]

CHILD: Final = "Patient"
AT_ONCE: Final = 20
_MARGIN: Final = 1  # days between what UTC and what a text call a day

# By which parameter each refers to the young person, and to the agency.
WHOSE: Final = {"EpisodeOfCare": "patient", "CarePlan": "subject"}
AGENCY: Final = {"EpisodeOfCare": "organization", "CarePlan": "plan-coordinating-agency"}
_AROUND: Final = (*WHOSE.items(), ("Goal", "subject"))
_SCORES: Final = (("Observation", "subject"),)


def sieve(context: Context, act: Act, asked: Asked) -> Sieve:
    """What the list is made from."""
    candidates = tuple(
        Query(CHILD, Has(type_, whose, _ending(type_, asked)), AT_ONCE) for type_, whose in WHOSE.items()
    )
    return Sieve(candidates, _judge(context, act, asked), AT_ONCE)


def _under_way(type_: str) -> Expression:
    return Or(tuple(Token("status", None, status) for status in sorted(UNDER_WAY[type_])))


def _ending(type_: str, asked: Asked) -> Expression:
    """What holds of the episodes or plans that end soon."""
    soon = ends_by("date", asked.on + asked.days + _MARGIN)
    return all_of(_under_way(type_), soon, *of_agency(asked, AGENCY[type_]))


@dataclass(slots=True)
class _Record:
    """What is looked at of one young person."""

    ending: list[tuple[Stored, int]] = field(default_factory=list)
    under_way: list[Json] = field(default_factory=list)
    goals: list[tuple[Stored, Json]] = field(default_factory=list)
    scores: list[Json] = field(default_factory=list)


def _judge(context: Context, act: Act, asked: Asked) -> Judge:
    locate = Addresses(context.registry, context.base_url).target
    measures = known_measures(context)

    async def judge(children: Sequence[Stored]) -> list[Listed]:
        records = await _records(context, act, asked, [child.id for child in children])
        found = []
        for child in children:
            record = records[child.id]
            scored = _goal_scores(record, locate)
            takings = (read_taking(score, measures, locate) for score in record.scores)
            scored += [_scored(taking) for taking in takings if taking is not None]
            reasons = without_second_score(_help(record), scored, asked.on)
            if reasons:
                about = {each for reason in reasons for each in reason.about}
                kept = [stored for stored, _ in (*record.ending, *record.goals)]
                beside = tuple(each for each in kept if (each.type, each.id) in about)
                found.append(Listed(child, reasons, beside, (child, *kept)))
        return found

    return judge


def _help(record: _Record) -> Help:
    return Help(
        ending=tuple(((stored.type, stored.id), day) for stored, day in record.ending),
        since=begun(record.under_way),
        goals=tuple(goal for _, goal in record.goals),
    )


def _goal_scores(record: _Record, locate: Locate) -> list[Scored]:
    known = {("Goal", goal["id"]) for _, goal in record.goals}
    points = (point for score in record.scores for point in read_points(score, locate))
    return scored_goals(point for point in points if point.goal in known)


def _scored(taking: Taking) -> Scored:
    """A measure's score. Clinicians are one rater together, as for goals: staff change."""
    who = None if taking.given_by == CLINICIAN else taking.rated_by
    return Scored(taking.measure.coding, (taking.rater, who), taking.day)


async def _records(context: Context, act: Act, asked: Asked, children: Sequence[str]) -> dict[str, _Record]:
    """What is looked at of each of the young people."""
    records = {child: _Record() for child in children}
    locate = Addresses(context.registry, context.base_url).target
    targets = [(CHILD, child) for child in children]
    # Scores come last: what is said of the young person is that there are none by now.
    for parameters in (_AROUND, _SCORES):
        found = await referring_all(context.store, act.caller.locality, targets, parameters)
        for index, stored in enumerate(found):
            resource = content(stored)
            child = target(resource.get(dict(parameters)[stored.type]), locate)
            if child is not None and child[1] in records:
                _take(records[child[1]], stored, resource, asked, locate)
            await breathe(index)
    return records


def _take(record: _Record, stored: Stored, resource: Json, asked: Asked, locate: Locate) -> None:
    """Puts a resource where it belongs in a record."""
    if stored.type == "Observation":
        record.scores.append(resource)
    elif stored.type == "Goal":
        if resource.get("lifecycleStatus") != IN_ERROR:
            record.goals.append((stored, resource))
    else:
        record.under_way.append(resource)
        end = end_of(resource, asked.on, asked.days)
        if end is not None and asked.agency in {None, _agency(resource, locate)}:
            record.ending.append((stored, end))


def _agency(resource: Json, locate: Locate) -> str | None:
    """The id of the agency whose episode or plan it is."""
    if resource["resourceType"] == "CarePlan":
        found = read_plan(resource, locate).agency
    else:
        found = target(resource.get("managingOrganization"), locate)
    return None if found is None else found[1]
