"""CollaboRATE figures of an organisation, a team or a clinician, and what is not shown so that nobody is found out.

A figure stands on 25 complete encounters of five young people at least. That alone would not
keep an answer from who asks twice and takes one figure from the other, so:

- Counts go by whole months that are over. A figure does not move with the answer of yesterday.
- Months with too few wait for those after them: together they are a stretch, and a period counts
  the stretches that lie in it whole. So two periods never differ by fewer than a figure needs.
- What a breakdown does not show adds up to enough for a figure itself, or to nothing: where it would
  not, further rows are left out, the smallest first.
- Numbers are rounded, and where nearly all or nearly nobody answered alike the share is a bound.

Source: domain facts section 4 (25 complete encounters; top score and mean; confidentiality) and
section 8 (suppression, rounding, secondary suppression); section 9, item 16; docs/operations/collaborate.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final, Literal

from service.outcomes.collaborate_scores import ITEMS, Scored
from service.outcomes.rated_contacts import Rated
from service.outcomes.references import Target

# Source: domain facts section 4 (a clinician or clinic is reported from 25 complete encounters up)
LEAST_ENCOUNTERS: Final = 25
# Fewer people than this are shown nowhere: domain facts section 8. Twenty-five encounters may be one person's.
LEAST_YOUNG_PEOPLE: Final = 5
# Counts are shown to the nearest so many: domain facts section 8.
ROUNDED_TO: Final = 5

_TENTH: Final = Decimal("0.1")
_PERCENT: Final = 100

Bound = Literal["", "<", ">"]


@dataclass(frozen=True, slots=True)
class Months:
    """From the month `first` to the month `last`, both included (`months.py`)."""

    first: int
    last: int

    def holds(self, other: Months) -> bool:
        """Whether all of the other lies in these."""
        return self.first <= other.first and other.last <= self.last


@dataclass(frozen=True, slots=True)
class Stretch:
    """Months that are counted together, with the complete encounters in them that are counted."""

    months: Months
    encounters: tuple[Rated, ...]


Group = tuple[Stretch, ...]  # one after the other in time
Unit = Target | None  # a team or clinician; None for what is of none of them, or of several
Of = Callable[[Rated], Unit]


@dataclass(frozen=True, slots=True)
class Figures:
    """What may be said of complete encounters on one scale.

    `months` are those counted. `encounters` are to the nearest five. `mean` is in points of the
    scale, to one decimal place. `top_share` is the share in which all three items were at the top, in
    whole percent; with a `bound` it is less or more than that. `completeness` is the share of answered
    encounters that were answered in full, in whole percent.
    """

    months: Months
    encounters: int
    mean: Decimal
    top_share: int
    bound: Bound
    completeness: int


def is_enough(encounters: Sequence[Rated]) -> bool:
    """Whether a figure may stand on these."""
    children = {each.child for each in encounters if each.child is not None}
    return len(encounters) >= LEAST_ENCOUNTERS and len(children) >= LEAST_YOUNG_PEOPLE


def whole(rated: Iterable[Rated], over: int) -> Group:
    """The stretches of the complete encounters among those rated, in months up to `over`, which is over.

    They are of one scale, each encounter once. What is in months after the last stretch waits.
    """
    by_month: dict[int, list[Rated]] = {}
    for each in rated:
        if each.score is not None and each.month <= over:
            by_month.setdefault(each.month, []).append(each)
    months = [(Months(month, month), by_month[month]) for month in sorted(by_month)]
    return _stretches(months)


def split(group: Group, of: Of) -> dict[Target, Group]:
    """The stretches of each unit of the group; each is made of some of the group's, one after the other."""
    parts: dict[Target, list[tuple[Months, list[Rated]]]] = {}
    for stretch in group:
        units: dict[Target, list[Rated]] = {}
        for each in stretch.encounters:
            unit = of(each)
            if unit is not None:
                units.setdefault(unit, []).append(each)
        for unit, encounters in units.items():
            parts.setdefault(unit, []).append((stretch.months, encounters))
    return {unit: _stretches(found) for unit, found in parts.items()}


def counted(group: Group, asked: Months) -> tuple[Stretch, ...]:
    """The stretches of the group that lie in the months asked for."""
    return tuple(stretch for stretch in group if asked.holds(stretch.months))


def shown(group: Group, units: Mapping[Target, Group], asked: Months) -> frozenset[Target]:
    """The units of the group whose figures may be shown for these months, the group's own being shown.

    What the group counts and the units do not show is enough for a figure, or nothing. Else the
    smallest unit is left out, too, and so on.
    """
    kept = {unit: _encounters(counted(own, asked)) for unit, own in units.items()}
    kept = {unit: encounters for unit, encounters in kept.items() if encounters}
    named = {each.encounter for encounters in kept.values() for each in encounters}
    rest = [each for each in _encounters(counted(group, asked)) if each.encounter not in named]
    for unit in sorted(kept, key=lambda unit: (len(kept[unit]), unit)):
        if not rest or is_enough(rest):
            break
        rest += kept.pop(unit)
    return frozenset(kept)


def figures(group: Group, asked: Months, rated: Iterable[Rated]) -> Figures | None:
    """The figures of a group that may be shown, for these months; None where there are too few.

    `rated` are all encounters of the group, those not answered in full as well.
    """
    stretches = counted(group, asked)
    scores = [each.score for each in _encounters(stretches) if each.score is not None]
    if not scores:
        return None
    tops = sum(score.all_at_top for score in scores)
    share, bound = _share(tops, len(scores))
    unanswered = sum(each.score is None and _is_within(each.month, stretches) for each in rated)
    return Figures(
        months=Months(stretches[0].months.first, stretches[-1].months.last),
        encounters=_rounded(len(scores)),
        mean=_mean(scores),
        top_share=share,
        bound=bound,
        completeness=_percent(len(scores), len(scores) + unanswered, ROUND_HALF_UP),
    )


def _stretches(months: Iterable[tuple[Months, list[Rated]]]) -> Group:
    """The stretches that the encounters make, month after month; what is left over at the end is in none."""
    found: list[Stretch] = []
    first: int | None = None
    waiting: list[Rated] = []
    for at, encounters in months:
        first = at.first if first is None else first
        waiting += encounters
        if is_enough(waiting):
            found.append(Stretch(Months(first, at.last), tuple(waiting)))
            first, waiting = None, []
    return tuple(found)


def _encounters(stretches: Iterable[Stretch]) -> list[Rated]:
    return [each for stretch in stretches for each in stretch.encounters]


def _is_within(month: int, stretches: Iterable[Stretch]) -> bool:
    return any(stretch.months.first <= month <= stretch.months.last for stretch in stretches)


def _rounded(count: int) -> int:
    return int((Decimal(count) / ROUNDED_TO).to_integral_value(ROUND_HALF_UP)) * ROUNDED_TO


def _mean(scores: Sequence[Scored]) -> Decimal:
    """The mean over encounters of the mean of three items; the same as that of all items, as all have three."""
    total = sum(score.total for score in scores)
    return (Decimal(total) / (ITEMS * len(scores))).quantize(_TENTH, ROUND_HALF_UP)


def _share(tops: int, encounters: int) -> tuple[int, Bound]:
    """The share of encounters all at the top in whole percent, as a bound where fewer than five are on one side."""
    if tops < ROUNDED_TO:
        return _percent(ROUNDED_TO, encounters, ROUND_CEILING), "<"
    if encounters - tops < ROUNDED_TO:
        return _percent(encounters - ROUNDED_TO, encounters, ROUND_FLOOR), ">"
    return _percent(tops, encounters, ROUND_HALF_UP), ""


def _percent(part: int, all_: int, rounding: str) -> int:
    return int((Decimal(part * _PERCENT) / all_).to_integral_value(rounding))
