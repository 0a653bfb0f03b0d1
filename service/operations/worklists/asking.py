"""What is asked of a worklist: which list, of which agency, for which day.

Source: docs/operations/worklist.md
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from service.fhir.problems import Malformed
from service.fhir.search.dates import DAY
from service.fhir.search.expressions import And, Date, Expression, Reference
from service.fhir.search.references import ID, Addresses
from service.interactions.context import Act, Context
from service.operations.asked import chosen
from service.operations.operation import Call
from service.outcomes.days import days_of, text_of_day, uk_day
from service.outcomes.overdue_reviews import LEAST_DAYS

CLOSING: Final = "closing-without-second-score"
REVIEWS: Final = "plans-past-review"
UNRATED: Final = "goals-not-rated"
UNCOORDINATED: Final = "plans-without-coordinator"

DAYS: Final[dict[str, int | None]] = {CLOSING: 28, REVIEWS: LEAST_DAYS, UNRATED: 28, UNCOORDINATED: None}
"""The lists, each with the days that it goes by where none are asked for; None where it goes by none.

Units: days. A goal is rated about every session, and sessions are every week or two, so that
four weeks are two missed. Source: domain facts section 1; shared with nobody, a choice of ours.
"""
MOST_DAYS: Final = 36_525  # a hundred years: further away there is no help

# The first day that search counts from. Source: service/fhir/search/dates.py
_EPOCH: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Asked:
    """A worklist as it is asked for. `agency` is the id of an Organization, None for all.

    Units: `days` in days (0 where the list goes by none), `on` as a date ordinal, `count` entries a page.
    """

    list: str
    days: int
    on: int
    agency: str | None
    count: int

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """It all as parameters, so that the pages of a list stay those of the first one, and of its day."""
        said = [("list", self.list), ("on", text_of_day(self.on))]
        if DAYS[self.list] is not None:
            said.append(("days", str(self.days)))
        if self.agency is not None:
            said.append(("agency", f"Organization/{self.agency}"))
        return (*said, ("_count", str(self.count)))


async def read(context: Context, act: Act, call: Call) -> Asked:
    """What the call asks for; today in the United Kingdom where it names no day.

    Raises:
        Malformed: a parameter cannot be used, or there is no such agency.
    """
    name = chosen(call.inputs, "list", tuple(DAYS)) or ""
    count: int | None = call.inputs.one("_count")
    if count is not None and count < 1:
        raise Malformed("worklist-count", "_count is 1 or more: the entries of a page.")
    return Asked(
        list=name,
        days=_days(name, call.inputs.one("days")),
        on=_on(context, call.inputs.one("on")),
        agency=await _agency(context, act, call.inputs.one("agency")),
        count=min(context.limits.page_default if count is None else count, context.limits.page),
    )


def _days(name: str, given: int | None) -> int:
    usual = DAYS[name]
    if given is None:
        return usual or 0
    if usual is None:
        raise Malformed("worklist-days", f"The list {name} goes by no number of days; leave days out.")
    least = LEAST_DAYS if name == REVIEWS else 0
    if not least <= given <= MOST_DAYS:
        raise Malformed("worklist-days", f"For the list {name}, days is from {least} to {MOST_DAYS}.")
    return given


def _on(context: Context, text: str | None) -> int:
    if text is None:
        return uk_day(context.clock())
    days = days_of(text)
    if days is None or days.first != days.last or text != text_of_day(days.first):
        raise Malformed("operation-parameter-type", "The parameter on is a day such as 2026-11-22.")
    return days.first


async def _agency(context: Context, act: Act, text: str | None) -> str | None:
    """The id of the agency. A name that leads nowhere is refused: its empty list would say that all is well."""
    if text is None:
        return None
    local = Addresses(context.registry, context.base_url).local(text)
    type_, id_ = ("Organization", text) if local is None else local
    stored = None
    if type_ == "Organization" and ID.fullmatch(id_):
        stored = await context.store.read(act.caller.locality, type_, id_)
    if stored is None or stored.deleted:
        raise Malformed("worklist-agency-unknown", "The parameter agency names an Organization that is here.")
    return id_


def of_agency(asked: Asked, parameter: str) -> tuple[Expression, ...]:
    """The condition that the parameter leads to the agency that is asked for; none where all are."""
    return () if asked.agency is None else (Reference(parameter, "Organization", asked.agency),)


def ends_by(parameter: str, day: int) -> Date:
    """The condition that what the parameter says is over by the end of the day, in UTC as search reads dates."""
    midnight = _midnight(day + 1)
    return Date(parameter, "eb", midnight, midnight)


def begins_after(parameter: str, day: int) -> Date:
    """The condition that what the parameter says begins after the end of the day, in UTC as search reads dates."""
    midnight = _midnight(day + 1)
    return Date(parameter, "sa", midnight, midnight)


def all_of(*conditions: Expression) -> Expression:
    """The conditions as one."""
    return conditions[0] if len(conditions) == 1 else And(conditions)


def _midnight(day: int) -> int:
    """The first microsecond of the day, in UTC since 1970."""
    return (day - _EPOCH) * DAY
