"""search: the resources for which a query holds, a page at a time.

Source: https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.access.needs import Need, Needs, require
from service.fhir.problems import Forbidden, Issue
from service.fhir.search.grammar import Search
from service.fhir.search.scope import TYPE
from service.fhir.search.subsets import Subset
from service.interactions import audit_events, pages
from service.interactions.audit_event import AUDIT_EVENT
from service.interactions.bundles import Link, bundle, include_entry, match_entry, outcome_entry
from service.interactions.context import Act, Answer, Context
from service.interactions.including import Included, include
from service.interactions.links import PagedList, open_seal, page_address, seal
from service.interactions.pages import Place, Shown
from service.interactions.searching import setting
from service.interactions.subsetting import subsetted
from service.storage.store import Explained, Stored


async def search(
    context: Context,
    act: Act,
    type_: str,
    pairs: Sequence[tuple[str, str]],
    *,
    lenient: bool = False,
    within: tuple[str, str] | None = None,
    types: tuple[str, ...] = (),
) -> Answer:
    """200 with a searchset Bundle; parameters that `lenient` passed over are named in it.

    `type_` is empty for a search of several types: of `types` where there are any. `within` is
    the type and id of the resource whose compartment is searched.

    Raises:
        Malformed: the parameters cannot be read, or the page link is not ours.
        Forbidden: the caller may not see how the search is done, or not search a type that it names.
    """
    if type_ == AUDIT_EVENT:
        return await audit_events.search(context, act, pairs, lenient=lenient, within=within)
    read = await read_search(context, act, type_, pairs, lenient=lenient, within=within, types=types)
    if any(name == TYPE for name, _ in pairs):
        require(act.caller, Needs(tuple(Need(query.type, "s") for query in read.queries)))
    if read.explain and not act.caller.administrator:
        raise Forbidden("explain-not-allowed", "Only administrators may see how a search is done.")
    listed = _listed(act, read, type_, within)
    place = None if read.page is None else Place.of(open_seal(context.link_key, listed, read.page))
    shown = await pages.show(context, act.caller.locality, read.queries, place)
    included = await include(context, act.caller.locality, shown.items, read.includes)
    issues = [*_warnings(read, included), *(await _explained(context, act, read, place))]
    entries = _entries(context, read.subset, shown.items, included.items)
    if issues:
        entries.append(outcome_entry(issues))
    links = _links(context, listed, read, shown)
    return Answer(200, document=bundle("searchset", entries, total=_total(read, shown), links=links))


async def read_search(
    context: Context,
    act: Act,
    type_: str,
    pairs: Sequence[tuple[str, str]],
    *,
    lenient: bool,
    within: tuple[str, str] | None = None,
    types: tuple[str, ...] = (),
) -> Search:
    """The search that the parameters ask for.

    Raises:
        Malformed: they cannot be read, or one is unknown and the search is not lenient.
    """
    return context.recalled.parse(
        await setting(context, act, pairs),
        type_,
        pairs,
        count_default=context.limits.page_default,
        count_limit=context.limits.page,
        lenient=lenient,
        within=within,
        types=types,
    )


def _listed(act: Act, read: Search, type_: str, within: tuple[str, str] | None) -> PagedList:
    path = "/".join((*within, type_ or "*")) if within else type_
    # A place counts the types: with others it would be another place.
    types = None if type_ else ",".join(query.type for query in read.queries)
    return PagedList("search", act.caller.locality, path, types, read.understood)


def _total(read: Search, shown: Shown) -> int | None:
    """The number of matches where it was asked for, or costs nothing because all of them are here."""
    if shown.total is None and read.page is None and not shown.behind:
        return len(shown.parts)
    return shown.total


def _entries(
    context: Context, subset: Subset, matches: Sequence[Stored], included: Sequence[Stored]
) -> list[bytes]:
    base_url = context.base_url
    return [
        *(match_entry(base_url, stored) for stored in subsetted(context, subset, matches)),
        *(include_entry(base_url, stored) for stored in subsetted(context, subset.of_included, included)),
    ]


def _links(context: Context, listed: PagedList, read: Search, shown: Shown) -> list[Link]:
    path = listed.type or ""

    def link(relation: str, token: str | None) -> Link:
        return Link(relation, page_address(context.base_url, path, listed, token))

    beside = [("previous", shown.previous), ("next", shown.next)]
    links = [link("self", read.page)]
    if read.page is not None or any(place for _, place in beside):
        links.append(link("first", None))
    for relation, place in beside:
        if place is not None:
            links.append(link(relation, seal(context.link_key, listed, place.numbers)))
    return links


def passed_over(name: str) -> Issue:
    """The warning that a parameter of that name was left out, as the caller wished."""
    return Issue(
        "warning",
        "not-supported",
        "search-parameter-ignored",
        f"The parameter {name!r} was not understood and left out.",
    )


def _warnings(read: Search, included: Included) -> Iterator[Issue]:
    yield from map(passed_over, read.ignored)
    if included.is_cut:
        text = (
            f"The matches of this page lead to more than {len(included.items)} other resources, of which"
            " so many are shown; ask for fewer matches a page."
        )
        yield Issue("warning", "too-costly", "search-includes-cut", text)


async def _explained(context: Context, act: Act, read: Search, place: Place | None) -> list[Issue]:
    """How the search was done, where that was asked for: one issue for each statement, and the time of all."""
    if not read.explain:
        return []
    queries = pages.asked(read.queries, place)
    told = [each for query in queries for each in await context.store.explain(act.caller.locality, query)]
    whole = sum(each.microseconds for each in told)
    first = f"{len(told)} statements took {whole} microseconds."
    return [_explanation(first), *(_explanation(_told(each)) for each in told)]


def _told(each: Explained) -> str:
    plan = "\n".join(each.plan)
    return f"{each.purpose}: {each.rows} rows, {each.microseconds} microseconds\n{each.text}\n{plan}"


def _explanation(text: str) -> Issue:
    return Issue("information", "informational", "search-explained", text)
