"""Which rules of the clinic a change is held to, and what each must know of other resources.

The rules themselves are in `service/outcomes`, pure; here they get their facts: the goal of a
score, the other plans of a young person. A change of a goal or of a response is judged with
what was rated or scored by it before.

Source: docs/rules.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

from service.fhir.problems import Issue
from service.fhir.search.expressions import And, Expression, Or, Reference, Token
from service.interactions.holders import may_know, with_holder
from service.interactions.surroundings import Surroundings
from service.outcomes import (
    collaborate,
    consents,
    episodes,
    goals,
    groupings,
    plans,
    ratings,
    recognition,
    responses,
    scores,
)
from service.outcomes.collaborate import Answers, CollaborateScore
from service.outcomes.consents import Recipients
from service.outcomes.episodes import Episode
from service.outcomes.goals import Goal
from service.outcomes.groupings import Grouping
from service.outcomes.plans import Plan
from service.outcomes.ratings import Rating
from service.outcomes.references import Locate, Target, child
from service.outcomes.responses import Response
from service.outcomes.scores import Score
from service.outcomes.statuses import IN_ERROR, STATUS_ELEMENT, makes_sense_after
from service.storage.store import Change, Key

_RESPONSE: Final = "QuestionnaireResponse"
_PLAN: Final = "CarePlan"
_A_SESSION: Final = Reference("questionnaire", "", recognition.GOAL_SESSION)

Json = dict[str, Any]
Facts = Goal | Score | Grouping | CollaborateScore | Response | Answers | Plan | Episode | Recipients
_RULED: Final = frozenset({*STATUS_ELEMENT, "Consent"})


class Case(NamedTuple):
    """A change with what the rules look at in it; `facts` are none where it is entered in error, or no concern of theirs."""

    change: Change
    facts: tuple[Facts, ...]

    @property
    def wanted(self) -> Iterator[Target]:
        """The resources that the rules will ask for by name."""
        for facts in self.facts:
            match facts:
                case Score():
                    yield from (rating.goal for rating in facts.ratings)
                    yield from (source for source, _ in facts.sources)
                case Response():
                    yield from (rating.goal for rating in facts.ratings)
                case CollaborateScore():
                    yield from facts.sources
                case Plan():
                    yield from (goal for goal, _ in facts.goals)
                case Recipients():
                    yield from (team for team, _ in facts.teams)
                case _:
                    pass


def case_of(change: Change, locate: Locate) -> Case | None:
    """The case that a change is; None where no rule is about it."""
    resource = change.resource
    if resource is None or change.type not in _RULED:
        return None
    is_in_error = resource.get(STATUS_ELEMENT.get(change.type, "status")) == IN_ERROR
    return Case(change, () if is_in_error else tuple(_facts(change.type, resource, locate)))


def _facts(type_: str, resource: Json, locate: Locate) -> Iterator[Facts]:
    match type_:
        case "Goal":
            yield goals.read_goal(resource, locate)
        case "Observation":
            if recognition.is_goal_score(resource):
                yield scores.read_score(resource, locate)
            if recognition.is_grouping(resource):
                yield groupings.read_grouping(resource, locate)
            if recognition.is_collaborate_score(resource):
                yield collaborate.read_collaborate_score(resource, locate)
        case "QuestionnaireResponse":
            yield responses.read_response(resource, locate)
            yield collaborate.read_answers(resource)
        case "Consent":
            yield consents.read_recipients(resource, locate)
        case "EpisodeOfCare":
            yield episodes.read_episode(resource, locate)
        case _:
            if recognition.is_thrive_plan(resource):
                yield plans.read_plan(resource, locate)


async def foresee(cases: Iterable[Case], around: Surroundings) -> None:
    """Asks for all new goals at once what `judge` asks of each: mostly nothing refers to them yet."""
    goals_ = [
        ("Goal", case.change.id)
        for case in cases
        if case.change.type == "Goal" and case.change.before is None and case.change.method != "POST"
    ]
    await around.foresee("Observation", (Reference("focus", *goal) for goal in goals_))
    await around.foresee("CarePlan", (Reference("goal", *goal) for goal in goals_))


async def judge(case: Case, around: Surroundings) -> list[Issue]:
    """What breaks the rules; the resources that the case wants were fetched."""
    issues = _judge_status(case.change)
    for facts in case.facts:
        match facts:
            case Goal():
                issues += await _judge_goal(case.change, facts, around)
            case Grouping():
                issues += await _judge_grouping(facts, around)
            case CollaborateScore():
                issues += await _judge_collaborate_score(facts, around)
            case Answers():
                issues += await _judge_answers(case.change, facts, around)
            case Plan():
                issues += await _judge_plan(case.change, facts, around)
            case Episode():
                issues += await _judge_episode(case.change, facts, around)
            case _:
                issues += _judge_by_what_it_names(case.change, facts, around)
    return issues


def _judge_by_what_it_names(
    change: Change, facts: Score | Response | Recipients, around: Surroundings
) -> list[Issue]:
    """What breaks the rules that look at nothing but the resources that the change itself names."""
    match facts:
        case Score():
            return _judge_score(change, facts, around)
        case Response():
            return _rated(facts.ratings, around)
        case Recipients():
            return _judge_recipients(facts, around)


def _judge_status(change: Change) -> list[Issue]:
    if change.former is None or change.resource is None or change.type not in STATUS_ELEMENT:
        return []
    element = STATUS_ELEMENT[change.type]
    return makes_sense_after(change.type, change.former.get(element), change.resource.get(element))


def _judge_recipients(recipients: Recipients, around: Surroundings) -> list[Issue]:
    locate = around.addresses.target
    teams = {team: around.resource(team) for team, _ in recipients.teams}
    known = {team: child(found, locate) for team, found in teams.items() if found is not None}
    return consents.names_teams_of_its_child(recipients, known)


def _judge_score(change: Change, score: Score, around: Surroundings) -> list[Issue]:
    in_error = {
        source
        for source, _ in score.sources
        if source[0] == _RESPONSE
        and (response := around.resource(source)) is not None
        and response.get("status") == IN_ERROR
    }
    before = None if change.former is None else scores.read_score(change.former, around.addresses.target)
    return _rated(score.ratings, around) + scores.comes_from_sound_forms(score, in_error, before)


def _rated(given: Iterable[Rating], around: Surroundings) -> list[Issue]:
    issues = []
    for rating in given:
        goal = _goal(rating.goal, around)
        if goal is not None:
            issues += ratings.rates_its_goal(rating, goal)
    return issues


def _goal(target: Target, around: Surroundings) -> Goal | None:
    resource = around.resource(target)
    return None if resource is None else around.read_once(target, resource, goals.read_goal)


async def _judge_goal(change: Change, goal: Goal, around: Surroundings) -> list[Issue]:
    locate = around.addresses.target
    issues = []
    if goal.is_active and goal.slot is not None and goal.child is not None:
        where = _both(_about(goal.child), Token("lifecycle-status", None, goals.ACTIVE))
        found = await _all_of(goal.child, "Goal", where, around)
        issues += goals.one_goal_a_slot(goal, (goals.read_goal(other, locate) for other in found))
    before = None if change.former is None else goals.read_goal(change.former, locate)
    if not _may_upset(change, before, goal):
        return issues
    me = ("Goal", goal.id)
    given = [*await _scores_of(me, around), *await _answers_about(me, before or goal, around)]
    issues += ratings.keeps_its_ratings(goal, given)
    if before is None or before.child != goal.child:
        found = await around.others("CarePlan", Reference("goal", *me))
        planned = (plans.read_plan(plan, locate) for plan in found if recognition.is_thrive_plan(plan))
        issues += plans.keeps_its_plans(goal, planned)
    return issues


def _may_upset(change: Change, before: Goal | None, goal: Goal) -> bool:
    """Whether a change of a goal can make wrong what refers to it already: nothing can refer to an id just made."""
    if before is None:
        return change.method != "POST"
    end_moves = goal.is_cancelled and (not before.is_cancelled or before.changed != goal.changed)
    return end_moves or before.child != goal.child or before.slot != goal.slot


async def _scores_of(goal: Target, around: Surroundings) -> list[Rating]:
    found = await around.others("Observation", Reference("focus", *goal))
    given = (
        scores.read_score(resource, around.addresses.target)
        for resource in found
        if recognition.is_goal_score(resource)
    )
    return [
        rating for score in given if not score.is_in_error for rating in score.ratings if rating.goal == goal
    ]


async def _answers_about(goal: Target, known: Goal, around: Surroundings) -> list[Rating]:
    """The answers about a goal in the forms of the young person whose it was: no parameter leads from it to them."""
    if known.child is None:
        return []
    found = await around.others(_RESPONSE, _both(_about(known.child), _A_SESSION))
    given = (responses.read_response(resource, around.addresses.target) for resource in found)
    return [
        rating
        for response in given
        if not response.is_in_error
        for rating in response.ratings
        if rating.goal == goal
    ]


async def _judge_grouping(grouping: Grouping, around: Surroundings) -> list[Issue]:
    if grouping.child is None or grouping.days is None:
        return []
    where = _both(_about(grouping.child), Token("code", *recognition.GROUPING))
    found = filter(recognition.is_grouping, await _all_of(grouping.child, "Observation", where, around))
    others = (groupings.read_grouping(other, around.addresses.target) for other in found)
    return groupings.one_grouping_at_a_time(grouping, others)


async def _judge_plan(change: Change, plan: Plan, around: Surroundings) -> list[Issue]:
    locate = around.addresses.target
    issues = []
    if plan.is_running and plan.child is not None:
        running = Or(tuple(Token("status", None, status) for status in sorted(plans.RUNNING)))
        found = await _all_of(plan.child, "CarePlan", _both(_about(plan.child), running), around)
        others = [plans.read_plan(other, locate) for other in found if recognition.is_thrive_plan(other)]
        unseen = await around.unseen((_PLAN, other.id) for other in others)
        others = list(_as_known(others, unseen, goes_on=_goes_on(change, plan, around)))
        overlaps = plans.one_coordinator_at_a_time(plan, others)
        issues += await with_holder(overlaps, plan, others, around) if overlaps else []
    known = {target: goal for target, _ in plan.goals if (goal := _goal(target, around)) is not None}
    return issues + plans.has_goals_of_its_child(plan, known)


def _goes_on(change: Change, plan: Plan, around: Surroundings) -> bool:
    former = change.former
    return former is not None and plans.goes_on(plan, plans.read_plan(former, around.addresses.target))


def _as_known(others: Iterable[Plan], unseen: AbstractSet[Key], *, goes_on: bool) -> Iterator[Plan]:
    """The plans that may be in the way, as far as the caller may know; what it is told is no wiser than that.

    A plan that goes on as it was is not held up by those that the caller does not see whole.
    """
    for other in others:
        if (_PLAN, other.id) not in unseen:
            yield other
        elif not goes_on:
            yield plans.unknown(other)


async def _judge_episode(change: Change, episode: Episode, around: Surroundings) -> list[Issue]:
    """A new episode beside an ended one is warned of, where the caller may know of that; it refuses nothing."""
    if change.former is not None or episode.child is None or episode.agency is None:
        return []
    ended = Or(tuple(Token("status", None, status) for status in sorted(episodes.ENDED)))
    where = And((Reference("patient", *episode.child), Reference("organization", *episode.agency), ended))
    found = await around.glance("EpisodeOfCare", where)
    others = (episodes.read_episode(other, around.addresses.target) for other in found)
    warnings = episodes.could_reopen(episode, others)
    return warnings if warnings and await may_know(episode.agency, episode.child, around) else []


async def _judge_collaborate_score(score: CollaborateScore, around: Surroundings) -> list[Issue]:
    locate = around.addresses.target
    answers = {
        source: collaborate.read_answers(response)
        for source in score.sources
        if source[0] == _RESPONSE and (response := around.resource(source)) is not None
    }
    siblings: list[CollaborateScore] = []
    for source in score.sources:
        if source not in answers or not answers[source].scales:
            eyes = around if around.presence(source) is not None else around.with_own_eyes()
            found = await eyes.others("Observation", Reference("derived-from", *source))
            siblings += _collaborate_scores([*found, *around.own("Observation")], locate)
    return collaborate.scored_as_answered(score, answers, siblings)


async def _judge_answers(change: Change, answers: Answers, around: Surroundings) -> list[Issue]:
    issues = collaborate.one_scale_a_response(answers)
    before = None if change.former is None else collaborate.read_answers(change.former)
    if not answers.scales or change.resource is None:
        return issues
    if change.method == "POST" if before is None else before.scales == answers.scales:
        return issues
    found = await around.others("Observation", Reference("derived-from", change.type, change.id))
    return issues + collaborate.keeps_its_scores(answers, _collaborate_scores(found, around.addresses.target))


def _collaborate_scores(found: Iterable[Json], locate: Locate) -> list[CollaborateScore]:
    kept = filter(recognition.is_collaborate_score, found)
    return [collaborate.read_collaborate_score(resource, locate) for resource in kept]


async def _all_of(whose: Target, type_: str, where: Expression, around: Surroundings) -> list[Json]:
    """What the store has of a young person where the expression holds, and all that the unit has of theirs."""
    return [*await around.others(type_, where), *around.own_of(type_, whose)]


def _about(child: Target) -> Reference:
    return Reference("subject", *child)


def _both(one: Expression, other: Expression) -> Expression:
    return And((one, other))
