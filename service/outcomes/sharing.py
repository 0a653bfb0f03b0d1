"""Sharing: who may see a resource, and on what ground. The one rule, in plain Python.

`facts` is what a resource says, and is stored beside it; `decide` puts together what it and what
others say of the same young person. The store asks the same in SQL, and a test holds that both
agree.

Source: ADR 0022, docs/sharing.md, design section 8
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from service.outcomes import labels
from service.outcomes.circles import rows_of_team
from service.outcomes.consents import rows_of_consent
from service.outcomes.days import days_of
from service.outcomes.grants import EVERYONE, Effect, Ground, Row, circle_row, sector_party
from service.outcomes.moments import midnight, span_of
from service.outcomes.plans import read_plan
from service.outcomes.recognition import Resource, is_thrive_plan
from service.outcomes.references import Locate, Target
from service.outcomes.whose import whose

__all__ = [
    "EVERYONE",
    "SPEAKING",
    "Effect",
    "Facts",
    "Ground",
    "Row",
    "Viewer",
    "decide",
    "facts",
    "is_denied",
    "is_named_in_denial",
    "withholds",
]

# Young people of 16 are presumed to decide for themselves. Source: domain facts section 8 (capacity)
COMES_OF_AGE: Final = 16

_CIRCLE: Final[Mapping[int, Ground]] = {
    Effect.PLAN: Ground.PLAN,
    Effect.TEAM: Ground.TEAM,
    Effect.EMERGENCY: Ground.EMERGENCY,
}
_PARENTS: Final = frozenset({Effect.PARENT_PERMIT, Effect.PARENT_DENY})
_PERMITS: Final = frozenset({Effect.YOUNG_PERMIT, Effect.PARENT_PERMIT})
_DENIES: Final = frozenset({Effect.YOUNG_DENY, Effect.PARENT_DENY})
# The ground that is told where there are several.
_ORDER: Final = (Ground.PLAN, Ground.TEAM, Ground.CONSENT, Ground.EMERGENCY)


class Facts(NamedTuple):
    """What a resource says of sharing.

    `child` is the id of the one Patient that it is about; without one, `closed` tells whether it is
    about several or unknown people (its author alone sees it), else it is about nobody. `label` are
    the bits of its sensitive labels. `rows` are what it says of who may see a young person's record.
    `through` are the resources of this server that it is about besides: it is theirs whose these are,
    and closed until that is looked up.
    """

    child: str | None
    closed: bool
    label: int
    rows: tuple[Row, ...] = ()
    through: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: an agency (id of its Organization), the sectors it is of, for which purpose, and when.

    Units: `now` in milliseconds since 1970.
    """

    agency: str
    sectors: frozenset[str]
    purpose: str
    now: int


def facts(resource: Resource, locate: Locate) -> Facts:
    """What the resource says of sharing; a function of it alone."""
    about = whose(resource, locate)
    label = labels.label_of(resource)
    read = _READERS.get(resource.get("resourceType", ""))
    if read is None or about.child is None:
        return Facts(about.child, about.closed, label, (), about.through)
    rows = tuple(dict.fromkeys(read(resource, about.child, locate)))
    if resource["resourceType"] == "Patient":
        # Who is restricted is known to their circle; where they are is withheld instead.
        label &= ~labels.RESTRICTED
    return Facts(about.child, about.closed, label, rows, about.through)


def _of_patient(patient: Resource, child: str, _locate: Locate) -> Iterator[Row]:
    of_age = _coming_of_age(patient.get("birthDate"))
    if of_age is not None:
        yield Row(child, "", Effect.COMING_OF_AGE, low=of_age)
    restricted = labels.label_of(patient) & labels.WHEREABOUTS
    if restricted:
        yield Row(child, "", Effect.RESTRICTED, mask=restricted)


def _coming_of_age(born: str | None) -> int | None:
    """The moment from which somebody is certainly 16; None where their birth is not known.

    Who is born on 29 February comes of age on 1 March where there is no such day.
    """
    days = days_of(born)
    if days is None:
        return None
    last = date.fromordinal(days.last)
    year = last.year + COMES_OF_AGE
    if year > date.max.year:
        return None
    try:
        return midnight(last.replace(year=year).toordinal())
    except ValueError:
        return midnight(date(year, 3, 1).toordinal())


def _of_plan(plan: Resource, child: str, locate: Locate) -> Iterator[Row]:
    """The agency that coordinates a THRIVE plan while it is active."""
    time = span_of(plan.get("period"))
    if plan.get("status") != "active" or not is_thrive_plan(plan) or time is None:
        return
    agency = read_plan(plan, locate).agency
    if agency is not None and agency[0] == "Organization":
        yield circle_row(child, agency[1], Effect.PLAN, time)


_READERS: Final[Mapping[str, Callable[[Resource, str, Locate], Iterator[Row]]]] = {
    "Patient": _of_patient,
    "CareTeam": rows_of_team,
    "CarePlan": _of_plan,
    "Consent": rows_of_consent,
}
SPEAKING: Final = frozenset(_READERS)
"""The types of the resources that say who may see a young person's record."""


def decide(of: Facts, type_: str, author: str, rows: Iterable[Row], viewer: Viewer) -> Ground:
    """On what ground the viewer sees a resource of that type, with these facts, that `author` created.

    `rows` are all that is said of the young person that it is about. All is of one locality.
    """
    if author == viewer.agency:
        return Ground.AUTHOR
    if of.child is None:
        return Ground.NONE if of.closed or of.label else Ground.DIRECTORY
    counting = _counting(of.child, type_, rows, viewer)
    if _denied(of.label, counting):
        return Ground.NONE
    grounds = set(_grounds(of.label, counting))
    return next((ground for ground in _ORDER if ground in grounds), Ground.NONE)


def withholds(of: Facts, type_: str, author: str, rows: Iterable[Row], viewer: Viewer) -> bool:
    """Whether where the young person is, is not told to the viewer, who sees the resource.

    It is told to its author, and to whom a permission names for what is labelled as the young person
    is (R, V or both), where no denial is about that.
    """
    said = tuple(rows)
    if author == viewer.agency or of.child is None:
        return False
    label = 0
    for row in said:
        if row.effect == Effect.RESTRICTED and row.child == of.child and row.low <= viewer.now < row.high:
            label |= row.mask
    return label != 0 and decide(of._replace(label=label), type_, "", said, viewer) is Ground.NONE


def is_denied(child: str, type_: str, rows: Iterable[Row], viewer: Viewer) -> bool:
    """Whether what has no label and is of that type is denied to the viewer, whoever wrote it."""
    return _denied(0, _counting(child, type_, rows, viewer))


def is_named_in_denial(child: str, rows: Iterable[Row], viewer: Viewer) -> bool:
    """Whether any denial stands against the viewer now, of whatever types, labels and purposes."""
    return any(row.effect in _DENIES for row in _about(child, rows, viewer))


def _counting(child: str, type_: str, rows: Iterable[Row], viewer: Viewer) -> Sequence[Row]:
    """The rows that say anything about this viewer and a resource of this type, now."""
    return [
        row
        for row in _about(child, rows, viewer)
        if row.type in {"", type_} and row.purpose in {"", viewer.purpose}
    ]


def _about(child: str, rows: Iterable[Row], viewer: Viewer) -> Sequence[Row]:
    """The rows that say anything about this viewer, now."""
    present = [row for row in rows if row.child == child and row.low <= viewer.now < row.high]
    parties = {viewer.agency, EVERYONE, *map(sector_party, viewer.sectors)} - {""}
    teams = {row.team for row in present if row.effect == Effect.TEAM and row.party == viewer.agency}
    is_of_age = any(row.effect == Effect.COMING_OF_AGE for row in present)
    return [
        row
        for row in present
        if (row.party in parties or (row.party == "" and row.team in teams))
        and not (is_of_age and row.effect in _PARENTS)
    ]


def _denied(label: int, rows: Sequence[Row]) -> bool:
    """Whether somebody denies it: the young person, or a parent where the young person does not permit it."""
    about = [row.effect for row in rows if row.mask == 0 or label & row.mask]
    if Effect.YOUNG_DENY in about:
        return True
    return Effect.PARENT_DENY in about and not any(
        row.effect == Effect.YOUNG_PERMIT and not label & ~row.mask for row in rows
    )


def _grounds(label: int, rows: Sequence[Row]) -> Iterator[Ground]:
    for row in rows:
        if row.effect in _PERMITS:
            if not label & ~row.mask:
                yield Ground.CONSENT
        elif row.effect in _CIRCLE and not label:
            yield _CIRCLE[Effect(row.effect)]
