"""Goals: whose they are, which slot they hold and when, and how they ended.

A goal keeps its id for life; the slot (1 to 3) is an extension, because slots are used again
when a goal is replaced, and because national pairing goes by slot. At most three goals hold
a slot at a time, each its own.

Source: domain facts sections 1 (up to three scored goals, whose goal, changed goals) and 9,
trap 5; Goal achievement and lifecycle as in section 6.3; attainment levels as in section 6.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.sandbox import codes, stories, wording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from service.sandbox.codes import Rater, Resource
    from service.sandbox.course import Course, Session
    from service.sandbox.dates import Calendar
    from service.sandbox.draws import Draws
    from service.sandbox.people import YoungPerson
    from service.sandbox.stories import Story, Trend

SLOTS = (1, 2, 3)
# First rated in the first, at latest the third contact (domain facts section 1).
_SET_BY_CONTACT = 3
_COUNTS = ((0.22, 1), (0.42, 2), (0.36, 3))
_ADVICE_GOAL_SHARE = 0.25
_LATER_GOAL_SHARE = 0.12
_CANCELLED_SHARE = 0.06
_REACHED_SHARE = 0.10
_SECOND_RATER_SHARE = 0.15
_HALVES_SHARE = 0.08
_ON_HOLD_SHARE = 0.03
# From the fourth contact there is something to look back on and to change.
_CHANGE_FROM_CONTACT = 4
_DUE_DAYS = (84, 182)

_BASELINES = ((0.12, 0), (0.16, 1), (0.24, 2), (0.22, 3), (0.14, 4), (0.08, 5), (0.04, 6))

_REPLACED = "Replaced by a goal that fits better now"
_DROPPED = (
    "No longer what matters most",
    "Turned out to be about something else",
    "Chose to leave it for now",
)
_REACHED = "Reached, and agreed to stop rating it"
_CLOSED = "Help has ended"


@dataclass(frozen=True, slots=True)
class Arc:
    """One goal over time: from contact `first` to contact `last` of its phase it is rated.

    `first` and `last` are places in the phase's kept sessions; `ended` is the day from which
    it counts no more, None while it runs; `changed` the day on which it was put on hold.
    `raters` has the owner first.
    """

    number: int
    slot: int
    phase: int
    owner: Rater
    raters: tuple[Rater, ...]
    text: str
    trend: Trend
    baseline: int
    in_halves: bool
    first: int
    last: int
    started: int
    changed: int | None
    ended: int | None
    status: str
    reason: str | None
    replaces: int | None
    attainment: tuple[str, tuple[str, ...]] | None


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a goal lies in its phase, before it has an owner and words."""

    slot: int
    first: int
    last: int
    status: str
    reason: str | None
    takes_over: bool = False


@dataclass(frozen=True, slots=True)
class _Setting:
    """The phase in which goals are set: whose it is, its kept sessions and the day it closed, if it has."""

    story: Story
    person: YoungPerson
    kept: Sequence[Session]
    closed: int | None
    first_number: int


def goal_id(person: YoungPerson, arc: Arc) -> str:
    """The id of the goal, the same through every change of it."""
    return f"{person.key}-goal-{arc.number}"


def arcs(draws: Draws, story: Story, person: YoungPerson, course: Course) -> tuple[Arc, ...]:
    """Every goal of the course, in the order in which they were set."""
    found: list[Arc] = []
    for phase in dict.fromkeys(spell.phase for spell in course.spells):
        kept = [session for session in course.kept if session.phase == phase]
        if not kept or (story.help == "advice" and not draws.happens(_ADVICE_GOAL_SHARE)):
            continue
        closed = [spell.end for spell in course.spells if spell.phase == phase][-1]
        spans = _spans(draws, story, kept, is_closed=closed is not None)
        setting = _Setting(story, person, kept, closed, first_number=len(found) + 1)
        found.extend(
            _arc(draws, setting, span, number) for number, span in enumerate(spans, setting.first_number)
        )
    return tuple(found)


def _spans(draws: Draws, story: Story, kept: Sequence[Session], *, is_closed: bool) -> list[_Span]:
    """The goals of one phase: set early, one perhaps later, some replaced, dropped or reached before the end."""
    end = len(kept) - 1
    running = ("completed", _CLOSED) if is_closed else ("active", None)
    drawn = draws.weighted(_COUNTS)
    # A parent's goal takes the second slot, a clinician's the third.
    least = max(story.goals, 3 if story.clinician_goal else 2 if story.carer_goal else 1)
    count = 1 if story.help == "advice" else max(drawn, least)
    found = [
        _Span(slot, min(draws.early(0, _SET_BY_CONTACT - 1), end), end, *running) for slot in SLOTS[:count]
    ]
    chance, place = draws.unit(), draws.unit()
    if len(kept) <= _CHANGE_FROM_CONTACT:
        return found
    turn = _CHANGE_FROM_CONTACT - 1 + int(place * (len(kept) - _CHANGE_FROM_CONTACT))
    if story.replaced:
        return _replaced(found, turn, count)
    if story.trend is not None or story.attainment:
        return found
    if chance < _CANCELLED_SHARE:
        found[-1] = _Span(found[-1].slot, found[-1].first, turn - 1, "cancelled", draws.pick(_DROPPED))
    elif chance < _CANCELLED_SHARE + _REACHED_SHARE:
        found[0] = _Span(1, found[0].first, turn - 1, "completed", _REACHED)
    elif chance < _CANCELLED_SHARE + _REACHED_SHARE + _LATER_GOAL_SHARE and count < len(SLOTS):
        found.append(_Span(count + 1, turn, end, *running))
    return found


def _replaced(found: list[_Span], turn: int, count: int) -> list[_Span]:
    """The first goal gives way at that contact: to a free slot if there is one, else in its own.

    A used slot makes the false pair that exports must warn of, so both kinds occur.
    """
    old = found[0]
    slot = count + 1 if count < len(SLOTS) else old.slot
    new = _Span(slot, turn, old.last, old.status, old.reason, takes_over=True)
    return [_Span(old.slot, old.first, turn - 1, "cancelled", _REPLACED), *found[1:], new]


def _arc(draws: Draws, setting: _Setting, span: _Span, number: int) -> Arc:
    story, kept = setting.story, setting.kept
    owner = _owner(draws, setting, span)
    is_over = span.last < len(kept) - 1
    attainment = draws.pick(wording.ATTAINMENT)
    is_attainment = story.attainment and span.slot == 1 and owner == "young-person" and not is_over
    baseline = draws.weighted(_BASELINES)
    on_hold = draws.happens(_ON_HOLD_SHARE) and span.status == "active"
    return Arc(
        number=number,
        slot=span.slot,
        phase=kept[0].phase,
        owner=owner,
        raters=_raters(draws, story, owner),
        text=attainment[0] if is_attainment else wording.goal(draws, owner, setting.person.age),
        trend="improving" if span.reason == _REACHED else stories.trend(draws, story),
        baseline=0 if story.zero_baseline and span.slot == 1 else baseline,
        in_halves=draws.happens(_HALVES_SHARE),
        first=span.first,
        last=span.last,
        started=kept[span.first].day,
        changed=kept[span.last].day if on_hold else None,
        ended=kept[span.last + 1].day if is_over else setting.closed,
        status="on-hold" if on_hold else span.status,
        reason=span.reason,
        replaces=setting.first_number if span.takes_over else None,
        attainment=attainment if is_attainment else None,
    )


def _owner(draws: Draws, setting: _Setting, span: _Span) -> Rater:
    """Whose goal: a young child's parent speaks more often; told owners take the second and third slot."""
    chance, story = draws.unit(), setting.story
    if story.carer_goal and span.slot == 2:
        return "carer"
    if story.clinician_goal and span.slot == 3:
        return "clinician"
    if not setting.person.answers_alone and chance < 0.5:
        return "carer"
    return "young-person"


def _raters(draws: Draws, story: Story, owner: Rater) -> tuple[Rater, ...]:
    """Who rates it: its owner, and sometimes somebody beside them."""
    chance = draws.unit()
    if owner != "young-person":
        return (owner,)
    if story.carer_goal or chance < _SECOND_RATER_SHARE:
        return (owner, "carer")
    return (owner, "clinician") if story.clinician_goal or chance < 2 * _SECOND_RATER_SHARE else (owner,)


def rater_reference(person: YoungPerson, course: Course, rater: Rater, session: Session) -> Resource:
    """A Reference to who rates: the young person, their first carer or the session's clinician."""
    match rater:
        case "young-person":
            return person.reference
        case "carer":
            return person.carers[0].reference
        case _:
            return course.spells[session.spell - 1].clinician.reference


def resource(
    draws: Draws,
    person: YoungPerson,
    course: Course,
    arc: Arc,
    ratings: Sequence[int | Decimal],
    calendar: Calendar,
) -> Resource:
    """The Goal; `ratings` are its owner's, the first one first."""
    session = next(session for session in course.sessions if session.kept and session.day == arc.started)
    agency = course.spells[session.spell - 1].agency
    extensions: list[Resource] = [
        {"url": codes.profile("goal-slot"), "valuePositiveInt": arc.slot},
        {"url": codes.profile("goal-agency"), "valueReference": agency.reference},
    ]
    if arc.replaces is not None:
        old = codes.reference("Goal", f"{person.key}-goal-{arc.replaces}")
        extensions.append({"url": codes.profile("goal-replaces"), "valueReference": old})
    if arc.attainment is not None:
        extensions.extend(_attainment_levels(arc.attainment[1]))
    goal: Resource = {
        "resourceType": "Goal",
        "id": goal_id(person, arc),
        "meta": {"profile": [codes.profile("gbo-goal" if arc.attainment is None else "gas-goal")]},
        "extension": extensions,
        "lifecycleStatus": arc.status,
        "achievementStatus": codes.ACHIEVEMENT[_achievement(arc, ratings)],
        "description": {"text": arc.text},
        "subject": person.reference,
        "startDate": calendar.text(arc.started),
        "statusDate": calendar.text(arc.ended or arc.changed or arc.started),
        "expressedBy": rater_reference(person, course, arc.owner, session),
    }
    due = calendar.text(arc.started + draws.between(*_DUE_DAYS))
    if arc.attainment is None:
        goal["target"] = [{"measure": codes.GOAL_MEASURE, "detailQuantity": _TOP, "dueDate": due}]
    else:
        goal["target"] = [{"dueDate": due}]
    if arc.reason is not None:
        goal["statusReason"] = arc.reason
    return goal


_TOP = codes.score(codes.GOAL_SCALE_TOP)
_TWO_RATINGS = 2
# A change of three points or more is the national threshold for one goal (domain facts section 1);
# on the attainment scale one level is a step and 0 the outcome that was expected (section 2.4).
_CLEAR_CHANGE, _CLEAR_STEP = 3, 1
_NEARLY_THERE, _AS_EXPECTED = 8, 0


def _achievement(arc: Arc, ratings: Sequence[int | Decimal]) -> str:
    """How far the goal came, from its owner's first and last rating."""
    if len(ratings) < _TWO_RATINGS:
        return "in-progress" if arc.ended is None else "not-achieved"
    clear, reached = (_CLEAR_CHANGE, _NEARLY_THERE) if arc.attainment is None else (_CLEAR_STEP, _AS_EXPECTED)
    change = ratings[-1] - ratings[0]
    if arc.ended is not None and ratings[-1] >= reached:
        return "achieved"
    if change >= clear:
        return "improving"
    if arc.ended is not None:
        return "not-achieved"
    return "worsening" if change <= -clear else "no-change"


def _attainment_levels(texts: Sequence[str]) -> list[Resource]:
    return [
        {
            "url": codes.GAS_EXTENSION,
            "extension": [
                {"url": "level", "valueCoding": codes.GAS_LEVELS[level]},
                {"url": "progressText", "valueString": text},
            ],
        }
        for level, text in zip(codes.GAS_LEVELS, texts, strict=True)
    ]
