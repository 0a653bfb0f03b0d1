"""Measures: what is known of each score of a routine outcome measure, goals apart.

The code system `measures` of the guide is the one source of codes, ranges, directions, raters
and thresholds; here it is read. A score is of one measure whichever of its two SNOMED CT
codes it has, the present or the former one. England's national metric knows the codes of the
goal slots as measures, too, so they stand here beside the others.

Source: CodeSystem measures; domain facts sections 1, 2.1, 2.2 and 3.3 (NHSDigital/
mental-health-monthly-statistics @7b4d742)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal

from service.outcomes.changes import SLOT_THRESHOLD
from service.outcomes.recognition import OURS, SNOMED, Coding, Resource, codings
from service.outcomes.series import LEAST_SCORE, MOST_SCORE, YOUNG_PERSON

Direction = Literal["higher-is-better", "higher-is-worse"]

MEASURES: Final = f"{OURS}/CodeSystem/measures"
HIGHER_IS_BETTER: Final[Direction] = "higher-is-better"
HIGHER_IS_WORSE: Final[Direction] = "higher-is-worse"
_DIRECTIONS: Final[Mapping[str | None, Direction]] = MappingProxyType(
    {HIGHER_IS_BETTER: HIGHER_IS_BETTER, HIGHER_IS_WORSE: HIGHER_IS_WORSE}
)
TEACHER: Final = "teacher"  # rates no goals, and so is none of the raters of series

# As the code system writes it where the threshold is of T scores.
_T_SCORE: Final = "t-score"

# The slots' codes, in the older set and the newer, and the one without a slot. Source: domain facts section 2.1
_GOAL_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "959951000000108": "Goal progress chart: a goal",
        "1034351000000101": "Goal progress chart: goal 1",
        "1034361000000103": "Goal progress chart: goal 2",
        "1034371000000105": "Goal progress chart: goal 3",
        "1638531000000102": "Goal-based outcomes tool: goal 1",
        "1638541000000106": "Goal-based outcomes tool: goal 2",
        "1638551000000109": "Goal-based outcomes tool: goal 3",
    }
)


@dataclass(frozen=True, slots=True)
class National:
    """How England's metric judges a score: the change from which it is reliable, which way is better, whose view it is.

    Units: `threshold` in points of the score, or of its T score where it is `of_t_scores`.
    """

    threshold: Decimal
    direction: Direction
    rater: str
    of_t_scores: bool


@dataclass(frozen=True, slots=True)
class Measure:
    """A score: `coding` is its stable name, `low` to `high` its range, both ends included.

    `rater` is None where the measure does not say who rates. `national` is None of what is no
    part of the national metric.
    """

    coding: Coding
    name: str
    low: Decimal
    high: Decimal
    direction: Direction
    rater: str | None
    national: National | None

    @property
    def code(self) -> str:
        """Its code without the system."""
        return self.coding[1]

    def holds(self, value: Decimal) -> bool:
        """Whether the value is one that the score can have."""
        return self.low <= value <= self.high


class Measures:
    """Measures by the codes that their scores have."""

    __slots__ = ("_by_code", "_by_coding")

    def __init__(self, known: Iterable[tuple[Measure, Iterable[Coding]]]) -> None:
        """Takes each measure with the codes of its scores, the present one first."""
        self._by_code: dict[str, tuple[Measure, tuple[Coding, ...]]] = {}
        self._by_coding: dict[Coding, Measure] = {}
        for measure, scores in known:
            kept = tuple(scores)
            self._by_code[measure.code] = (measure, kept)
            self._by_coding.update(dict.fromkeys(kept, measure))

    def beside(self, others: Measures) -> Measures:
        """These and others."""
        return Measures([*self._by_code.values(), *others._by_code.values()])

    def __iter__(self) -> Iterator[Measure]:
        """Every measure."""
        return (measure for measure, _ in self._by_code.values())

    def of(self, observation: Resource) -> tuple[Measure, Coding] | None:
        """The measure that an Observation is a score of, and the code that says so; None where it is of none."""
        found = ((self._by_coding.get(coding), coding) for coding in codings(observation.get("code")))
        return next(((measure, coding) for measure, coding in found if measure is not None), None)

    def codings_of(self, measure: Measure) -> tuple[Coding, ...]:
        """The codes that its scores may have, the present one first."""
        return self._by_code[measure.code][1]

    def named(self, text: str) -> frozenset[Measure]:
        """The measures that a text means: a code, a SNOMED CT id, `system|code`, or what codes begin with up to a dash.

        `sdq-self-11-17` are all scales of that form, `sdq` those of all forms; none where it means nothing.
        """
        system, bar, wanted = text.rpartition("|")
        return frozenset(
            measure
            for measure, scores in self._by_code.values()
            if any(coding == (system if bar else coding[0], wanted) for coding in (measure.coding, *scores))
            or (not bar and measure.code.startswith(f"{wanted}-"))
        )


def read_measures(code_system: Mapping[str, Any]) -> Measures:
    """The measures of a code system; concepts that lack a code of scores, a range or a direction are left out."""
    found = (_measure(code_system["url"], concept) for concept in code_system.get("concept", ()))
    return Measures(each for each in found if each is not None)


def goal_measures() -> Measures:
    """The codes of goal scores as the national metric takes them: each for itself, and all as the young person's view."""
    national = National(SLOT_THRESHOLD, HIGHER_IS_BETTER, YOUNG_PERSON, of_t_scores=False)
    return Measures(
        (
            Measure(
                (SNOMED, code),
                name,
                LEAST_SCORE,
                MOST_SCORE,
                HIGHER_IS_BETTER,
                YOUNG_PERSON,
                national,
            ),
            [(SNOMED, code)],
        )
        for code, name in _GOAL_CODES.items()
    )


def _measure(system: str, concept: Mapping[str, Any]) -> tuple[Measure, list[Coding]] | None:
    told = {each["code"]: each for each in concept.get("property", ())}
    scores = [
        (coding["system"], coding["code"])
        for coding in (told.get(name, {}).get("valueCoding") for name in ("snomed", "snomed-legacy"))
        if coding is not None
    ]
    low, high = _number(told, "minimum"), _number(told, "maximum")
    direction = _DIRECTIONS.get(_code(told, "direction"))
    if not scores or low is None or high is None or direction is None:
        return None
    code = concept["code"]
    measure = Measure(
        coding=(system, code),
        name=concept.get("display", code),
        low=low,
        high=high,
        direction=direction,
        rater=_code(told, "rater"),
        national=_national(told),
    )
    return measure, scores


def _national(told: Mapping[str, Mapping[str, Any]]) -> National | None:
    """How the metric judges the score; None unless it is in it and all is said that a judgement needs."""
    threshold = _number(told, "national-threshold")
    direction = _DIRECTIONS.get(_code(told, "national-direction"))
    rater = _code(told, "national-rater")
    is_counted = told.get("national-metric", {}).get("valueBoolean") is True
    if not is_counted or threshold is None or direction is None or rater is None:
        return None
    return National(threshold, direction, rater, _code(told, "threshold-scale") == _T_SCORE)


def _number(told: Mapping[str, Mapping[str, Any]], name: str) -> Decimal | None:
    value = told.get(name, {}).get("valueDecimal")
    return None if value is None else Decimal(value)


def _code(told: Mapping[str, Mapping[str, Any]], name: str) -> str | None:
    code: str | None = told.get(name, {}).get("valueCode")
    return code
