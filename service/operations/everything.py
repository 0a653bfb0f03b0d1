"""everything: the whole record of one young person, a page at a time, with what it refers to.

Source: https://hl7.org/fhir/R4/patient-operation-everything.html, docs/operations/everything.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir.parameters import Input, Inputs
from service.fhir.problems import Malformed
from service.fhir.search.asked import Setting
from service.fhir.search.compartments import PATIENT, belonging, of_record
from service.fhir.search.completeness import require_complete
from service.fhir.search.dates import instant, moment
from service.fhir.search.expressions import And, Everything, Expression, LastUpdated, Query
from service.interactions.bundles import Link, bundle, match_entry
from service.interactions.context import Act, Answer, Context
from service.interactions.links import PAGE, PagedList, open_seal, page_address, seal
from service.interactions.read import require_current
from service.operations import supporting
from service.operations.care_dates import Care
from service.operations.operation import Call, Operation
from service.operations.walking import Place, Sheet, walk

if TYPE_CHECKING:
    from service.fhir.registry import Registry
    from service.fhir.search.dates import Range

Pairs = tuple[tuple[str, str], ...]

INPUTS: Final = (
    Input("start", "date"),
    Input("end", "date"),
    Input("_since", "instant"),
    Input("_type", "code", repeats=True),
    Input("_count", "integer"),
    Input(PAGE, "string"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A record as it is asked for.

    `types` are those of the record in the order of its pages, `beside` those of what it refers to.
    `pairs` say it all in a link. Units: `since` in microseconds since 1970, `count` matches a page.
    """

    id: str
    types: tuple[str, ...]
    beside: frozenset[str]
    care: Care
    since: Range | None
    count: int
    pairs: Pairs

    def queries(self, registry: Registry) -> tuple[Query, ...]:
        """What is wanted of each type, in order."""
        return tuple(Query(type_, self._condition(registry, type_), self.count) for type_ in self.types)

    def _condition(self, registry: Registry, type_: str) -> Expression:
        """What holds of the resources of the type that are wanted."""
        within = belonging(registry, type_, self.id)
        care = self.care.condition(type_)
        parts = [within] if care == Everything() else [within, care]
        if self.since is not None:
            parts.append(LastUpdated("gt", *self.since))
        return And(tuple(parts)) if len(parts) > 1 else within


async def everything(context: Context, act: Act, call: Call) -> Answer:
    """200 with a searchset Bundle: the record's resources as matches, what they refer to as includes.

    Raises:
        Malformed: a parameter cannot be used, the page link is not ours, or an index is not complete.
        Missing, Gone: there is no such Patient.
    """
    locality = act.caller.locality
    asked = read(context, call)
    # The types are sealed in, because a place is a number among them.
    listed = PagedList("everything", locality, PATIENT, f"{asked.id}/{','.join(asked.types)}", asked.pairs)
    token: str | None = call.inputs.one(PAGE)
    place = Place() if token is None else Place(*open_seal(context.link_key, listed, token, 3))
    require_current(await context.store.read(locality, PATIENT, asked.id), PATIENT, asked.id)
    queries = asked.queries(context.registry)
    setting = Setting(context.registry, context.base_url, now=0, pending=await context.store.pending())
    require_complete(setting, queries, supporting.includes(context.registry, asked.types, asked.beside))
    sheet = await walk(context.store, locality, queries, place, asked.count)
    included = await supporting.entries(context, locality, sheet.items, asked.beside)
    entries = [*(match_entry(context.base_url, stored) for stored in sheet.items), *included]
    total = len(sheet.items) if token is None and sheet.after is None else None
    links = _links(context, asked, listed, token, sheet)
    return Answer(200, document=bundle("searchset", entries, total=total, links=links))


def read(context: Context, call: Call) -> Asked:
    """What the call asks for.

    Raises:
        Malformed: a date is none, a type is not in the record, or a page would be empty.
    """
    inputs = call.inputs
    start, end = _range(inputs, "start", moment), _range(inputs, "end", moment)
    since = _range(inputs, "_since", instant)
    own, beside, named = _types(context.registry, inputs)
    count = inputs.one("_count")
    if count is not None and count < 1:
        raise Malformed("everything-count", "_count is 1 or more: the matches of a page.")
    granted = min(context.limits.page_default if count is None else count, context.limits.page)
    said = [(name, inputs.one(name)) for name in ("start", "end", "_since")]
    # The count is said in any case, so that the pages of a record stay as long as the first one.
    said += [("_type", named), ("_count", str(granted))]
    return Asked(
        call.id,
        own,
        beside,
        Care(start, end),
        since,
        granted,
        tuple((name, value) for name, value in said if value is not None),
    )


def _range(inputs: Inputs, name: str, read_one: Any) -> Range | None:
    text = inputs.one(name)
    range_: Range | None = None if text is None else read_one(text)
    if text is not None and range_ is None:
        shown = "an instant such as 2026-11-22T00:09:27Z" if name == "_since" else "a date such as 2026-11-22"
        raise Malformed("operation-parameter-type", f"The parameter {name} is {shown}.")
    return range_


def _types(registry: Registry, inputs: Inputs) -> tuple[tuple[str, ...], frozenset[str], str | None]:
    """The types of the record, the Patient first; those beside it; and how they were named, if they were.

    Raises:
        Malformed: one is neither, or none is of the record.
    """
    rest = sorted(of_record(registry) - {PATIENT})
    own = (PATIENT, *rest)
    beside = supporting.TYPES.intersection(registry.served)
    given = inputs.all("_type")
    if not given:
        return own, beside, None
    names = tuple(dict.fromkeys(name for text in given for name in text.split(",")))
    if not set(names) <= {*own, *beside}:
        text = (
            f"_type names types of the record ({', '.join(own)}) or beside it ({', '.join(sorted(beside))})."
        )
        raise Malformed("everything-type", text)
    chosen = tuple(type_ for type_ in own if type_ in names)
    if not chosen:
        text = f"_type names at least one type of the record: {', '.join(own)}."
        raise Malformed("everything-type", text)
    return chosen, beside & set(names), ",".join(names)


def _links(context: Context, asked: Asked, listed: PagedList, token: str | None, sheet: Sheet) -> list[Link]:
    path = f"{PATIENT}/{asked.id}/$everything"

    def link(relation: str, page: str | None) -> Link:
        return Link(relation, page_address(context.base_url, path, listed, page))

    links = [link("self", token)]
    if token is not None:
        links.append(link("first", None))
    for relation, place in (("previous", sheet.before), ("next", sheet.after)):
        if place is not None:
            numbers = (place.type, place.rid, place.direction)
            links.append(link(relation, seal(context.link_key, listed, numbers)))
    return links


OPERATION: Final = Operation(
    name="everything",
    definition="http://hl7.org/fhir/OperationDefinition/Patient-everything",
    summary="The whole record of a young person, with what it refers to.",
    types=frozenset({PATIENT}),
    levels=frozenset({"instance"}),
    readable=frozenset({"instance"}),
    inputs=INPUTS,
    perform=everything,
    finds=True,
)
