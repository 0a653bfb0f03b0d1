"""worklist: what wants doing, a page at a time: each entry with the reason why it is on the list.

Source: docs/operations/worklist.md; domain facts section 7 (completeness lists)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from service.fhir.guide import CANONICAL_BASE
from service.fhir.parameters import Input
from service.fhir.problems import Issue
from service.fhir.search.asked import Setting
from service.fhir.search.completeness import require_complete
from service.fhir.search.includes import Include
from service.interactions.bundles import Link, bundle, include_entry, listed_entry, outcome_entry
from service.interactions.context import Act, Answer, Context
from service.interactions.links import PAGE, PagedList, invalid, open_seal, page_address, seal
from service.operations.operation import Call, Operation
from service.operations.worklists import closing, coordinators, goals, reviews
from service.operations.worklists.asking import CLOSING, REVIEWS, UNCOORDINATED, UNRATED, Asked, read
from service.operations.worklists.sifting import Listed, Place, Sheet, Sieve, sift
from service.outcomes.days import text_of_day
from service.outcomes.reasons import Reason
from service.outcomes.references import Target
from service.storage.store import Stored

Json = dict[str, Any]
Parameters = tuple[tuple[str, str], ...]

REASON: Final = f"{CANONICAL_BASE}StructureDefinition/worklist-reason"

SIEVES: Final[Mapping[str, Callable[[Context, Act, Asked], Sieve]]] = {
    CLOSING: closing.sieve,
    REVIEWS: reviews.sieve,
    UNRATED: goals.sieve,
    UNCOORDINATED: coordinators.sieve,
}

_OF_PLAN: Final = (
    ("CarePlan", "subject"),
    ("CarePlan", "plan-coordinator"),
    ("CarePlan", "plan-coordinating-agency"),
)
BESIDE: Final[Mapping[str, Parameters]] = {
    CLOSING: (),
    REVIEWS: _OF_PLAN,
    UNRATED: (("Goal", "subject"),),
    UNCOORDINATED: _OF_PLAN,
}
"""What is shown beside the entries of a list in any case: whom they are about, and who acts."""

_FORWARD, _BACKWARD = 1, -1
_NUMBERS: Final = 2  # that a place is sealed as
_NO_KEY: Final = 0  # keys of resources count from 1


async def worklist(context: Context, act: Act, call: Call) -> Answer:
    """200 with a searchset Bundle: what is on the list as matches, each with its reasons, and what explains them.

    Raises:
        Malformed: a parameter cannot be used, the page link is not ours, or an index is not complete.
    """
    locality = act.caller.locality
    asked = await read(context, act, call)
    listed = PagedList("worklist", locality, "$worklist", None, asked.pairs)
    token: str | None = call.inputs.one(PAGE)
    place = Place() if token is None else _place(open_seal(context.link_key, listed, token, _NUMBERS))
    sieve = SIEVES[asked.list](context, act, asked)
    setting = Setting(context.registry, context.base_url, now=0, pending=await context.store.pending())
    followed = Include(reverse=False, iterate=False, parameters=BESIDE[asked.list])
    require_complete(setting, sieve.candidates, [followed])
    sheet = await sift(context.store, locality, sieve, place, asked.count)
    entries = [listed_entry(context.base_url, each.stored, _why(each.reasons)) for each in sheet.items]
    entries += await _beside(context, locality, sheet.items, BESIDE[asked.list])
    total = len(sheet.items) if token is None and sheet.behind is None else None
    links = _links(context, listed, token, sheet)
    return Answer(200, document=bundle("searchset", entries, total=total, links=links))


def _place(numbers: Sequence[int]) -> Place:
    """The place that was sealed.

    Raises:
        Malformed: the numbers are none.
    """
    key, direction = numbers
    if direction not in {_FORWARD, _BACKWARD}:
        raise invalid()
    return Place(None if key == _NO_KEY else key, backward=direction == _BACKWARD)


def _numbers(place: Place) -> tuple[int, int]:
    return (place.key or _NO_KEY, _BACKWARD if place.backward else _FORWARD)


def _why(reasons: Sequence[Reason]) -> list[Json]:
    return [{"url": REASON, "extension": _parts(reason)} for reason in reasons]


def _parts(reason: Reason) -> list[Json]:
    parts: list[Json] = [
        {"url": "reason", "valueCode": reason.code},
        {"url": "text", "valueString": reason.text},
    ]
    if reason.day is not None:
        parts.append({"url": "day", "valueDate": text_of_day(reason.day)})
    if reason.days is not None:
        parts.append({"url": "days", "valueInteger": reason.days})
    return [*parts, *({"url": "about", "valueReference": _reference(target)} for target in reason.about)]


def _reference(target: Target) -> Json:
    type_, id_ = target
    return {"reference": f"{type_}/{id_}" if type_ else id_}


async def _beside(
    context: Context, locality: str, items: Sequence[Listed], parameters: Parameters
) -> list[bytes]:
    """The entries of what explains those on the page, each once; a warning in place of more than a page may show."""
    limit = context.limits.included
    shown: dict[int, Stored] = {one.key: one for each in items for one in each.beside}
    if items and parameters:
        keys = [each.stored.key for each in items]
        reached = await context.store.referred(locality, keys, parameters, frozenset(), limit + 1)
        shown |= {one.key: one for one in reached}
    for each in items:
        shown.pop(each.stored.key, None)
    kept = list(shown.values())
    entries = [include_entry(context.base_url, one) for one in kept[:limit]]
    return [*entries, outcome_entry([_too_many(limit)])] if len(kept) > limit else entries


def _too_many(limit: int) -> Issue:
    text = (
        f"The entries of this page lead to more than {limit} other resources, of which so many are shown;"
        " ask for fewer entries a page."
    )
    return Issue("warning", "too-costly", "search-includes-cut", text)


def _links(context: Context, listed: PagedList, token: str | None, sheet: Sheet) -> list[Link]:
    def link(relation: str, page: str | None) -> Link:
        return Link(relation, page_address(context.base_url, "$worklist", listed, page))

    links = [link("self", token)]
    if token is not None or sheet.behind is not None:
        links.append(link("first", None))
    for relation, place in (("previous", sheet.before), ("next", sheet.behind)):
        if place is not None:
            links.append(link(relation, seal(context.link_key, listed, _numbers(place))))
    return links


OPERATION: Final = Operation(
    name="worklist",
    definition=f"{CANONICAL_BASE}OperationDefinition/worklist",
    summary="What wants doing: plans past review, goals not rated, help that closes without a second score.",
    types=frozenset(),
    levels=frozenset({"system"}),
    readable=frozenset({"system"}),
    needs=(("CarePlan", "s"), ("Goal", "s"), ("Observation", "s"), ("EpisodeOfCare", "s")),
    inputs=(
        Input("list", "code", required=True),
        Input("days", "integer"),
        Input("agency", "string"),
        Input("on", "date"),
        Input("_count", "integer"),
        Input(PAGE, "string"),
    ),
    perform=worklist,
    finds=True,
)
