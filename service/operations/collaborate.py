"""collaborate: what an agency's young people say of shared decisions, as figures of many and never of one.

Source: docs/operations/collaborate.md; domain facts sections 4 and 8
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from service.fhir import codec
from service.fhir.parameters import Entry, Input, Inputs, parameters
from service.fhir.problems import Forbidden, Malformed
from service.fhir.search.references import Addresses
from service.interactions.context import Act, Answer, Context
from service.interactions.read import require_current
from service.operations.asked import chosen, days_asked
from service.operations.collaborated import ORGANIZATION, Agency, agency_of, rated_encounters
from service.operations.operation import Call, Operation
from service.operations.unnarrowed import require_unnarrowed
from service.outcomes.collaborate_figures import (
    LEAST_ENCOUNTERS,
    LEAST_YOUNG_PEOPLE,
    Figures,
    Group,
    Months,
    Of,
    figures,
    shown,
    split,
    whole,
)
from service.outcomes.days import ALWAYS, Days, text_of_day, uk_day
from service.outcomes.months import first_day, last_day, month_of
from service.outcomes.rated_contacts import Rated
from service.outcomes.recognition import OURS, SCALES
from service.outcomes.references import Target

Json = dict[str, Any]

CLINICIAN: Final = "clinician"
TEAM: Final = "team"
# What each of the two may lead to.
_TYPES: Final[Mapping[str, frozenset[str]]] = {
    CLINICIAN: frozenset({"Practitioner"}),
    TEAM: frozenset({ORGANIZATION, "CareTeam"}),
}
_ABSENT: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
    "code": "masked",
    "display": "Masked",
}
_UCUM: Final = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: which organisation, for which months, for one unit, or broken down by a kind of unit.

    `months` are those of the `period` that are over; `over` is the last that is.
    """

    id: str
    period: Json | None
    months: Months
    over: int
    kind: str | None
    unit: Target | None


@dataclass(frozen=True, slots=True)
class View:
    """A part of the agency's encounters on one scale: those rated, and the stretches that are counted."""

    rated: list[Rated]
    group: Group


async def collaborate(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: the figures of the organisation of the path, one set for each scale.

    Raises:
        Malformed: a parameter cannot be used.
        Missing, Gone: there is no such Organization.
        Forbidden: the caller acts for another agency, or the token is for less than everybody.
        Invalid: there are more responses than any one agency has.
    """
    asked = _asked(context, call)
    require_current(
        await context.store.read(act.caller.locality, ORGANIZATION, call.id), ORGANIZATION, call.id
    )
    # Figures of many are of all there are. Of what each caller sees, they would differ from one to the other by few.
    whole = replace(context, store=context.store.whole)
    agency = await agency_of(whole, act, call.id)
    _require_own(context, act, agency)
    require_unnarrowed(act.caller, ("QuestionnaireResponse", "s"), ("Observation", "s"), ("Encounter", "s"))
    rated = await rated_encounters(whole, act, agency)
    # Counting a hundred thousand takes a while; other requests get their turn meanwhile.
    scales = await asyncio.to_thread(_scales, rated, agency, asked)
    entries: list[Entry] = [
        ("organization", "valueReference", _reference((ORGANIZATION, call.id))),
        ("period", "valuePeriod", asked.period),
        ("least-encounters", "valuePositiveInt", LEAST_ENCOUNTERS),
        ("least-young-people", "valuePositiveInt", LEAST_YOUNG_PEOPLE),
        *(("scale", parts) for parts in scales),
    ]
    return Answer(200, document=codec.encode(parameters(*entries)))


def _require_own(context: Context, act: Act, agency: Agency) -> None:
    """Lets those go on who act for the agency or a part of it, and those who see everything.

    Raises:
        Forbidden: the caller acts for another agency.
    """
    sight = context.store.sight
    if sight is None or sight.every or act.caller.governance or agency.holds(act.caller.agency):
        return
    text = "What young people say of an agency's shared decisions is told to the agency itself."
    raise Forbidden("collaborate-of-another-agency", text)


def _scales(rated: list[Rated], agency: Agency, asked: Asked) -> list[list[Entry]]:
    """What is said of each scale."""
    return [
        _of_scale(
            name, [each for each in rated if each.top == top and each.month <= asked.over], agency, asked
        )
        for name, top in SCALES.items()
    ]


def _of_scale(name: str, rated: list[Rated], agency: Agency, asked: Asked) -> list[Entry]:
    """What is said of one scale: the organisation's figures or one unit's, and those of each unit where asked."""
    parts: list[Entry] = [("scale", "valueCode", f"scale-{name}")]
    view = _down_to(asked.id, View(rated, whole(rated, asked.over)), agency, asked.months)
    if asked.kind is None:
        return [*parts, *_said(view, asked.months)]
    of = _of(asked.kind, agency, asked.id)
    if asked.unit is not None:
        only = None if view is None else _unit(view, of, asked.unit, asked.months)
        return [*parts, ("unit", "valueReference", _reference(asked.unit)), *_said(only, asked.months)]
    parts += _said(view, asked.months)
    for unit, row in _rows(view, of, asked.months) if view is not None else ():
        parts.append((asked.kind, [("who", "valueReference", _reference(unit)), *_said(row, asked.months)]))
    return parts


def _down_to(id_: str, view: View, agency: Agency, months: Months) -> View | None:
    """The part of the agency's view that is the organisation's; None where it may not be shown for these months.

    A part's own figures are those of its row in what it is part of: else the two would tell of the rest.
    """
    above = agency.root
    found: View | None = view
    for below in agency.path(id_):
        if found is None:
            return None
        found = _unit(found, _of(TEAM, agency, above), (ORGANIZATION, below), months)
        above = below
    return found


def _unit(view: View, of: Of, unit: Target, months: Months) -> View | None:
    """The unit's part of the view, where it may be shown for these months."""
    units = split(view.group, of)
    if unit not in shown(view.group, units, months):
        return None
    return View([each for each in view.rated if of(each) == unit], units[unit])


def _rows(view: View, of: Of, months: Months) -> list[tuple[Target, View | None]]:
    """Each unit that has answers in these months, with its part of the view where that may be shown."""
    units = split(view.group, of)
    allowed = shown(view.group, units, months)
    rated: dict[Target, list[Rated]] = {}
    for each in view.rated:
        unit = of(each)
        if unit is not None and months.first <= each.month <= months.last:
            rated.setdefault(unit, []).append(each)
    return [(unit, View(rated[unit], units[unit]) if unit in allowed else None) for unit in sorted(rated)]


def _of(kind: str, agency: Agency, id_: str) -> Of:
    """The clinician of an encounter, or its team as the organisation sees it: a part of its own, else a staff team."""

    def team(rated: Rated) -> Target | None:
        branch = agency.branch(rated.provider, id_)
        if branch is not None:
            return ORGANIZATION, branch
        return rated.team if rated.provider == id_ else None

    return (lambda rated: rated.clinician) if kind == CLINICIAN else team


def _said(view: View | None, months: Months) -> Sequence[Entry]:
    """The figures, or that there are none to be shown."""
    found = None if view is None else figures(view.group, months, view.rated)
    return (("absent-reason", "valueCoding", _ABSENT),) if found is None else _shown(found)


def _shown(found: Figures) -> Sequence[Entry]:
    share = _percent(found.top_share)
    if found.bound:
        share = {"value": found.top_share, "comparator": found.bound, **share}
    return (
        ("counted", "valuePeriod", _period(first_day(found.months.first), last_day(found.months.last))),
        ("encounters", "valuePositiveInt", found.encounters),
        ("top-score", "valueQuantity", share),
        ("mean", "valueDecimal", found.mean),
        ("completeness", "valueQuantity", _percent(found.completeness)),
    )


def _percent(value: int) -> Json:
    return {"value": value, "unit": "%", "system": _UCUM, "code": "%"}


def _reference(target: Target) -> Json:
    return {"reference": "/".join(target)}


def _period(first: int, last: int) -> Json | None:
    """The days as a Period, open where they are; None where they are open on both sides."""
    ends = {}
    if first != ALWAYS.first:
        ends["start"] = text_of_day(first)
    if last != ALWAYS.last:
        ends["end"] = text_of_day(last)
    return ends or None


def _asked(context: Context, call: Call) -> Asked:
    """What the parameters ask for.

    Raises:
        Malformed: one cannot be used, or two of them do not go together.
    """
    inputs = call.inputs
    given = [name for name in (TEAM, CLINICIAN, "by") if name in inputs]
    if len(given) > 1:
        text = f"The operation takes one of team, clinician and by; {' and '.join(given)} are given."
        raise Malformed("collaborate-units", text)
    over = month_of(uk_day(context.clock())) - 1
    kind = chosen(inputs, "by", (TEAM, CLINICIAN)) or next(iter(given), None)
    unit = None if kind is None or kind not in inputs else _named(context, inputs, kind)
    days = days_asked(inputs)
    return Asked(call.id, _period(days.first, days.last), _months(days, over), over, kind, unit)


def _named(context: Context, inputs: Inputs, kind: str) -> Target:
    found = Addresses(context.registry, context.base_url).local(inputs.one(kind) or "")
    if found is None or found[0] not in _TYPES[kind]:
        named = " or ".join(f"{type_}/[id]" for type_ in sorted(_TYPES[kind]))
        raise Malformed("operation-parameter-value", f"The parameter {kind} is {named}.")
    return found


def _months(days: Days, over: int) -> Months:
    """The months of the days, as far as they are over; from the beginning where they are open there.

    Raises:
        Malformed: they are not whole months.
    """
    first = 0 if days.first == ALWAYS.first else month_of(days.first)
    last = over if days.last == ALWAYS.last else month_of(days.last)
    if (first and first_day(first) != days.first) or (
        days.last != ALWAYS.last and last_day(last) != days.last
    ):
        text = "The period is of whole months: start is the first day of one, end the last, such as 2026-03 and 2026-05."
        raise Malformed("collaborate-period", text)
    return Months(first, min(last, over))


OPERATION: Final = Operation(
    name="collaborate",
    definition=f"{OURS}/OperationDefinition/collaborate",
    summary="CollaboRATE figures of an organisation, a team or a clinician, from 25 complete encounters up.",
    types=frozenset({ORGANIZATION}),
    levels=frozenset({"instance"}),
    readable=frozenset({"instance"}),
    needs=(("", "r"), ("QuestionnaireResponse", "s"), ("Observation", "s"), ("Encounter", "s")),
    inputs=(
        Input("start", "date"),
        Input("end", "date"),
        Input("team", "uri"),
        Input("clinician", "uri"),
        Input("by", "code"),
    ),
    perform=collaborate,
)
