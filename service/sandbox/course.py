"""The course of one young person's help: referral, spells with agencies, sessions kept and missed.

Sessions are weekly or fortnightly on one weekday, with gaps, bank holidays and school
holidays; nothing happens after the anchor. A handover begins a spell with another agency,
a re-referral reopens the same episode.

Source: domain facts section 3.3 (contacts, attendance, waits) and section 7; MHSDS attendance
status and consultation mechanism as in section 3.2 (AttendStatus, ConsMechanismMH; that 2, 3
and 4 are the missed ones, and which mechanism is which, is recalled, not seen).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.sandbox.agencies import Agency, Area, Clinician
    from service.sandbox.dates import Calendar
    from service.sandbox.draws import Draws
    from service.sandbox.stories import Help, Story

# The last days before the anchor stay free for answers that come in after a session.
QUIET_DAYS = 3
_WAIT_DAYS = (10, 140)
_TOLD_WAIT_DAYS = (14, 42)
_SESSIONS: dict[Help, tuple[int, int]] = {
    "declined": (0, 0),
    "advice": (1, 3),
    "help": (6, 15),
    "more-help": (12, 26),
    "risk-support": (10, 22),
}
_HANDOVER_GAP_DAYS = (14, 42)
_REOPENING_GAP_DAYS = (70, 170)
# A handover or a reopening wants some work before and after it.
_SPLIT_FROM_SESSIONS = 6
# The day of the last session is agreed when there are so many to go.
_IN_SIGHT_SESSIONS = 3

_WEEK = 7
_FIRST_SLOT = 9 * 60
_LAST_SLOT = 17 * 60
_LAST_SCHOOL_SLOT = 14 * 60 + 30
_SLOT_STEP = 30
_LENGTH = 50
_ADVICE_LENGTH = 30

ATTENDED = "5"
ATTENDED_LATE = "6"
_CANCELLED_BY_FAMILY = "2"
_DID_NOT_ATTEND = "3"
_CANCELLED_BY_SERVICE = "4"
_ATTEND_SHARE = 0.86
_FIRST_ATTEND_SHARE = 0.92
_LATE_SHARE = 0.04
_MISSED = ((0.40, _CANCELLED_BY_FAMILY), (0.42, _DID_NOT_ATTEND), (0.18, _CANCELLED_BY_SERVICE))

FACE_TO_FACE = "01"
TELEPHONE = "02"
VIDEO = "11"
_MECHANISMS = ((0.74, FACE_TO_FACE), (0.06, TELEPHONE), (0.20, VIDEO))


@dataclass(frozen=True, slots=True)
class Spell:
    """Time with one agency and one clinician; `number` from 1, `end` None while it lasts.

    Spells of one `phase` share goals; a reopening begins a new phase in the same `episode`.
    `start` is the day on which the agency took the young person on.
    """

    number: int
    phase: int
    episode: int
    agency: Agency
    clinician: Clinician
    referred: int
    start: int | None
    end: int | None


@dataclass(frozen=True, slots=True)
class Session:
    """One appointment, kept or missed; `number` counts all, `contact` the kept ones, both from 1."""

    number: int
    contact: int
    spell: int
    phase: int
    day: int
    minute: int
    length: int
    attendance: str
    mechanism: str

    @property
    def kept(self) -> bool:
        """Whether they met."""
        return self.attendance in {ATTENDED, ATTENDED_LATE}


@dataclass(frozen=True, slots=True)
class Course:
    """All that happened; `closed` is the day on which help ended, None while it goes on.

    `expected` is the day on which help that goes on is to end, None where that is not in sight.
    """

    referred: int
    spells: tuple[Spell, ...]
    sessions: tuple[Session, ...]
    closed: int | None
    expected: int | None = None

    @property
    def kept(self) -> tuple[Session, ...]:
        """The sessions that took place."""
        return tuple(session for session in self.sessions if session.kept)


def course(draws: Draws, story: Story, area: Area, calendar: Calendar, *, told: bool) -> Course:
    """The course that the story takes in this area."""
    referred = calendar.working_day(calendar.anchor - story.referred)
    first_agency = _first_agency(draws, story, area)
    first_clinician = draws.pick(first_agency.clinicians)
    waited = referred + draws.early(*(_TOLD_WAIT_DAYS if told else _WAIT_DAYS))
    if story.help == "declined":
        declined = min(referred + draws.between(3, 15), calendar.anchor)
        return Course(
            referred, (Spell(1, 1, 1, first_agency, first_clinician, referred, None, declined),), (), declined
        )
    second_agency = _second_agency(draws, first_agency, area)
    second_clinician = draws.pick(second_agency.clinicians)
    planned = max(draws.between(*_SESSIONS[story.help]), story.sessions)
    appointments = _appointments(draws, story, first_agency, (waited, planned), calendar)
    sessions = _sessions(draws, appointments, first_agency, second_agency if story.handover else first_agency)
    closed = _closed(draws, sessions, planned, calendar)
    if not sessions:
        return Course(
            referred, (Spell(1, 1, 1, first_agency, first_clinician, referred, None, None),), (), None
        )
    taken_on = referred + draws.between(1, 9)
    spell = Spell(1, 1, 1, first_agency, first_clinician, referred, taken_on, closed)
    expected = None if closed is not None else _expected(sessions, planned, calendar)
    if sessions[-1].spell == 1:
        return Course(referred, (spell,), sessions, closed, expected)
    before = max(session.day for session in sessions if session.spell == 1)
    after = min(session.day for session in sessions if session.spell == 2)
    spells = (
        _handed_over(
            spell,
            (second_agency, second_clinician),
            before,
            calendar.working_day(draws.between(before + 1, after)),
        )
        if story.handover
        else _reopened(draws, spell, before, after)
    )
    return Course(referred, spells, sessions, closed, expected)


def _first_agency(draws: Draws, story: Story, area: Area) -> Agency:
    """Who takes the young person on: the trust mostly, for more help and risk support always."""
    choice = draws.unit()
    school, charity = draws.pick(area.schools), draws.pick(area.charities)
    if story.help in {"more-help", "risk-support"} or choice < 0.55:
        return area.trust
    if choice < 0.67:
        return area.council
    return school if choice < 0.84 else charity


def _second_agency(draws: Draws, first: Agency, area: Area) -> Agency:
    """Who takes over: another sector always."""
    others = [
        agency for agency in (area.trust, area.council, *area.charities) if agency.sector != first.sector
    ]
    return draws.pick(others)


def _appointments(
    draws: Draws, story: Story, agency: Agency, wanted: tuple[int, int], calendar: Calendar
) -> list[tuple[int, int, int]]:
    """Days, phases and spells of the appointments up to the anchor; `wanted` is the first day and how many."""
    first, planned = wanted
    splits = planned >= _SPLIT_FROM_SESSIONS and (story.handover or story.reopened)
    split = int(planned * (0.4 + 0.2 * draws.unit())) if splits else planned
    interval = _WEEK if draws.happens(0.4) else 2 * _WEEK
    day = calendar.working_day(first)
    found: list[tuple[int, int, int]] = []
    last = calendar.anchor - QUIET_DAYS
    while len(found) < planned and day <= last:
        is_second = len(found) >= split
        if not _is_off(draws, agency, day, calendar, is_second=is_second):
            found.append((day, 2 if is_second and not story.handover else 1, 2 if is_second else 1))
            if len(found) == split and split < planned:
                day += (
                    draws.between(*(_HANDOVER_GAP_DAYS if story.handover else _REOPENING_GAP_DAYS))
                    // _WEEK
                    * _WEEK
                )
        day += interval
    return found


def _is_off(draws: Draws, agency: Agency, day: int, calendar: Calendar, *, is_second: bool) -> bool:
    """Whether there is no session on its usual day: closed, holidays, or someone is away."""
    chance = draws.unit()
    if calendar.is_closed(day):
        return True
    if calendar.is_school_holiday(day):
        return (agency.keeps_school_terms and not is_second) or chance < 0.4
    return chance < 0.04


def _sessions(
    draws: Draws, appointments: Sequence[tuple[int, int, int]], first: Agency, second: Agency
) -> tuple[Session, ...]:
    minutes = {
        spell: _FIRST_SLOT
        + draws.between(
            0, ((_LAST_SCHOOL_SLOT if agency.keeps_school_terms else _LAST_SLOT) - _FIRST_SLOT) // _SLOT_STEP
        )
        * _SLOT_STEP
        for spell, agency in ((1, first), (2, second))
    }
    length = _LENGTH if len(appointments) > _SESSIONS["advice"][1] else _ADVICE_LENGTH
    found: list[Session] = []
    contact = 0
    for number, (day, phase, spell) in enumerate(appointments, 1):
        attendance = _attendance(draws, number)
        kept = attendance in {ATTENDED, ATTENDED_LATE}
        contact += kept
        mechanism = FACE_TO_FACE if number == 1 else draws.weighted(_MECHANISMS)
        found.append(
            Session(
                number,
                contact if kept else 0,
                spell,
                phase,
                day,
                minutes[spell],
                length,
                attendance,
                mechanism,
            )
        )
    return tuple(found)


def _attendance(draws: Draws, number: int) -> str:
    chance = draws.unit()
    reason = draws.weighted(_MISSED)
    share = _FIRST_ATTEND_SHARE if number == 1 else _ATTEND_SHARE
    if chance >= share:
        return reason
    return ATTENDED_LATE if chance < _LATE_SHARE else ATTENDED


def _closed(draws: Draws, sessions: Sequence[Session], planned: int, calendar: Calendar) -> int | None:
    """The day on which help ended, if every planned session came and the anchor leaves room."""
    ended = draws.between(0, 21)
    if not sessions or len(sessions) < planned:
        return None
    day = calendar.working_day(sessions[-1].day + ended)
    return day if day <= calendar.anchor - QUIET_DAYS else None


def _expected(sessions: Sequence[Session], planned: int, calendar: Calendar) -> int | None:
    """The day on which help is to end, where the last few sessions are in sight: a fortnight for each, and one more."""
    left = planned - len(sessions)
    return (
        calendar.working_day(sessions[-1].day + (left + 1) * 2 * _WEEK)
        if left <= _IN_SIGHT_SESSIONS
        else None
    )


def _handed_over(spell: Spell, to: tuple[Agency, Clinician], before: int, start: int) -> tuple[Spell, ...]:
    """Two spells of one phase that meet without gap or overlap, on a day between two sessions."""
    agency, clinician = to
    return (
        Spell(1, 1, 1, spell.agency, spell.clinician, spell.referred, spell.start, start - 1),
        Spell(2, 1, 2, agency, clinician, before, start, spell.end),
    )


def _reopened(draws: Draws, spell: Spell, before: int, after: int) -> tuple[Spell, ...]:
    """Two spells of one episode: an ending that was agreed, and a return."""
    ended = before + draws.between(0, 10)
    returned = after - draws.between(7, 28)
    return (
        Spell(1, 1, 1, spell.agency, spell.clinician, spell.referred, spell.start, ended),
        Spell(2, 2, 1, spell.agency, spell.clinician, returned, returned, spell.end),
    )
