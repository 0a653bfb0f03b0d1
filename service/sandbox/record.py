"""One young person's whole record, from the first referral to the last report.

Every reference points to a resource further up, or to the agencies.

Source: issue 2, item 7 (what a believable cohort holds); https://hl7.org/fhir/R4/patient.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox import (
    care,
    collaborate,
    course,
    decisions,
    goals,
    groupings,
    measures,
    people,
    plans,
    ratings,
    stories,
    traces,
)
from service.sandbox.draws import Draws

if TYPE_CHECKING:
    from service.sandbox.agencies import Area
    from service.sandbox.codes import Resource
    from service.sandbox.dates import Calendar


def record(seed: int, index: int, area: Area, calendar: Calendar) -> list[Resource]:
    """All resources of the index-th young person, from 1; they depend on seed, index and anchor alone."""
    draws = Draws("young person", seed, index)
    is_told = index in stories.TOLD
    story = stories.story(draws, index)
    way = course.course(draws, story, area, calendar, told=is_told)
    person = people.young_person(draws, seed, index, area, way.referred, told=is_told)
    grouped = groupings.groupings(draws, story.help, way)
    arcs = goals.arcs(draws, story, person, way)
    rated = ratings.ratings(draws, arcs, way)
    filled = ratings.forms(draws, story, rated)
    made = plans.plans(draws, story, way)
    decided = decisions.decisions(story, person, way, made, (area, calendar))
    own = {
        arc.number: [rating.value for rating in rated if rating.arc is arc and rating.rater == arc.owner]
        for arc in arcs
    }
    return [
        *people.resources(draws, person, area, way.spells[0].agency),
        *care.referrals(draws, person, way, calendar),
        *care.episodes(person, way, calendar),
        *care.consents(draws, person, way, calendar),
        *care.encounters(draws, person, way, calendar),
        *groupings.resources(person, way, grouped, calendar),
        *(goals.resource(draws, person, way, arc, own[arc.number], calendar) for arc in arcs),
        *ratings.resources(person, way, filled, calendar),
        *collaborate.resources(person, collaborate.answers(draws, way), calendar),
        *measures.resources(draws, person, way, calendar),
        *plans.team(person, way, made, calendar),
        *plans.resources(draws, person, made, (arcs, grouped), calendar),
        *decided,
        *traces.signposting(draws, story, person, way, decided, (area, calendar)),
        *traces.work(draws, person, way, calendar),
        *traces.handovers(person, made, calendar),
        *traces.corrections(person, way, filled, calendar),
        *traces.flags(person, way, grouped, calendar),
        *traces.reports(draws, person, way, rated, calendar),
    ]
