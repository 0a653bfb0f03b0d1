"""What a chart of goals shows: the ratings of each, and the sessions that were missed between them.

Source: docs/operations/chart.md; domain facts sections 1 and 7
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.operations.rated import Rated
from service.outcomes.changes import SLOT_THRESHOLD
from service.outcomes.days import NEVER, Days, days_of
from service.outcomes.progress import within
from service.outcomes.recognition import OURS, SLOT_EXTENSION, codings
from service.outcomes.references import Target
from service.outcomes.series import LEVEL, RATERS, SCORE, Kind, Rater, Series, series_of
from service.pages.charts.pictures import Line, Mark, Panel, State

Json = Mapping[str, Any]

ATTENDANCE: Final = f"{OURS}/StructureDefinition/attendance-status"
# Cancelled by or for the young person, did not attend, put off by the provider, came too late to be seen.
# Source: CodeSystem mhsds-attendance-status
_NOT_SEEN: Final = frozenset({"2", "3", "4", "7"})
_ATTAINMENT: Final = "http://hl7.org/fhir/us/pco/StructureDefinition/pco-goal-attainment-scaling"

# Source: https://hl7.org/fhir/R4/valueset-goal-status.html
_STATES: Final[Mapping[str, State]] = {
    "proposed": "open",
    "planned": "open",
    "accepted": "open",
    "active": "open",
    "on-hold": "on-hold",
    "completed": "completed",
    "cancelled": "ended",
    "rejected": "ended",
}
_WITHOUT_SLOT: Final = 4  # after the three slots


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is shown of what was rated: by whom, on which days, and whether in words.

    With `whole` goals that nobody rated then are shown as well, where they are being worked on.
    """

    raters: frozenset[str]
    days: Days
    titles: bool
    whole: bool


def panels(rated: Rated, missed: Sequence[int], wanted: Wanted) -> tuple[Panel, ...]:
    """A panel for each goal, and for each of its two scales if it was rated on both.

    Goals that are being worked on come first, by slot; then those that are not, by their first rating.
    """
    series = [each for each in series_of(rated.points) if each.rater in wanted.raters]
    numbers = _numbers(series)
    held: dict[tuple[str, Kind], list[Series]] = {}
    for each in within(series, wanted.days):
        if each.points:
            held.setdefault((each.goal[1], each.kind), []).append(each)
    for id_, goal in rated.goals.items():
        if not any((id_, kind) in held for kind in (SCORE, LEVEL)) and (
            wanted.whole or _state(goal) == "open"
        ):
            held[id_, _kind(goal)] = []
    found = [
        (_place(rated.goals[id_], of_goal), _panel(rated.goals[id_], kind, of_goal, numbers, missed, wanted))
        for (id_, kind), of_goal in held.items()
    ]
    return tuple(panel for _, panel in sorted(found, key=lambda pair: (pair[0], pair[1].kind == LEVEL)))


def missed_days(encounters: Iterable[Json]) -> Iterator[int]:
    """The days of sessions that were planned and did not take place."""
    for encounter in encounters:
        days = days_of(encounter.get("period", {}).get("start"))
        if days is not None and days.first == days.last and _was_missed(encounter):
            yield days.first


def _was_missed(encounter: Json) -> bool:
    if encounter.get("status") == "cancelled":
        return True
    return any(
        extension.get("url") == ATTENDANCE
        and any(code in _NOT_SEEN for _, code in codings(extension.get("valueCodeableConcept")))
        for extension in encounter.get("extension", ())
    )


def _panel(
    goal: Json,
    kind: Kind,
    series: Sequence[Series],
    numbers: Mapping[tuple[Rater, Target | None], int],
    missed: Sequence[int],
    wanted: Wanted,
) -> Panel:
    found = [_line(each, numbers[each.rater, each.rated_by]) for each in series]
    lines = tuple(sorted(found, key=lambda line: (RATERS.index(line.rater), line.number)))
    days = [mark.day for line in lines for mark in line.marks]
    return Panel(
        kind,
        lines,
        wording=_wording(goal) if wanted.titles else "",
        language=goal.get("language", ""),
        slot=_slot(goal),
        state=_state(goal),
        # Before the first rating and after the last there is nothing to be missed.
        missed=tuple(sorted({day for day in missed if days and min(days) < day < max(days)})),
        band=SLOT_THRESHOLD if kind == SCORE else None,
    )


def _line(series: Series, number: int) -> Line:
    marks = tuple(Mark(point.day, point.value) for point in series.points if point.value is not None)
    rated = {mark.day for mark in marks}
    missed = tuple(dict.fromkeys(point.day for point in series.missed if point.day not in rated))
    return Line(series.rater, marks, missed, number)


def _numbers(series: Iterable[Series]) -> Mapping[tuple[Rater, Target | None], int]:
    """A number for each person, by when they first rated, where there are several with the same part; else 0."""
    first: dict[tuple[Rater, Target | None], tuple[int, str]] = {}
    for each in series:
        for point in each.points[:1]:
            key = (each.rater, each.rated_by)
            first[key] = min(first.get(key, point.order), point.order)
    ordered = sorted(first, key=lambda key: first[key])
    alike = {rater: [key for key in ordered if key[0] == rater] for rater, _ in ordered}
    return {key: alike[key[0]].index(key) + 1 if len(alike[key[0]]) > 1 else 0 for key in ordered}


def _place(goal: Json, series: Sequence[Series]) -> tuple[bool, int, int, str]:
    """Where a goal stands among the others."""
    first = min((each.points[0].day for each in series), default=NEVER)
    is_over = _state(goal) in {"completed", "ended"}
    slot = _slot(goal) or _WITHOUT_SLOT
    return (is_over, first if is_over else slot, slot if is_over else first, goal.get("id", ""))


def _state(goal: Json) -> State:
    return _STATES.get(goal.get("lifecycleStatus", ""), "open")


def _slot(goal: Json) -> int | None:
    slots = (
        extension.get("valuePositiveInt")
        for extension in goal.get("extension", ())
        if extension.get("url") == SLOT_EXTENSION
    )
    return next((slot for slot in slots if slot is not None), None)


def _kind(goal: Json) -> Kind:
    has_levels = any(extension.get("url") == _ATTAINMENT for extension in goal.get("extension", ()))
    return LEVEL if has_levels else SCORE


def _wording(goal: Json) -> str:
    """What the goal says: in its own words, else by the first name of its code."""
    description = goal.get("description", {})
    names = (coding.get("display", "") for coding in description.get("coding", ()))
    text: str = description.get("text", "") or next((name for name in names if name), "")
    return text
