"""search: the resources of a type for which a query holds, a page at a time.

Source: https://hl7.org/fhir/R4/http.html#search, https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from service.fhir.problems import Issue
from service.fhir.search.grammar import Search, parse
from service.interactions.bundles import Link, bundle, match_entry, outcome_entry
from service.interactions.context import Act, Answer, Context
from service.interactions.links import PAGE, PagedList, address, open_seal, seal
from service.storage.store import Page


async def search(
    context: Context, act: Act, type_: str, pairs: Sequence[tuple[str, str]], *, lenient: bool = False
) -> Answer:
    """200 with a searchset Bundle; parameters that `lenient` passed over are named in it.

    Raises:
        Malformed: the parameters cannot be read, or the page link is not ours.
    """
    read = read_search(context, type_, pairs, lenient=lenient)
    listed = _listed(act, type_, read)
    query = read.query
    if read.page is not None:
        (after,) = open_seal(context.link_key, listed, read.page, 1)
        query = replace(query, after=after)
    page = await context.store.search(act.caller.locality, query)
    entries = [match_entry(context.base_url, stored) for stored in page.items]
    if read.ignored:
        entries.append(outcome_entry([_passed_over(name) for name in read.ignored]))
    links = _links(context, listed, read, page)
    return Answer(200, document=bundle("searchset", entries, total=_total(read, page), links=links))


def read_search(context: Context, type_: str, pairs: Sequence[tuple[str, str]], *, lenient: bool) -> Search:
    """The search that the parameters ask for.

    Raises:
        Malformed: they cannot be read, or one is unknown and the search is not lenient.
    """
    return parse(
        context.registry,
        type_,
        pairs,
        base_url=context.base_url,
        count_default=context.limits.page_default,
        count_limit=context.limits.page,
        lenient=lenient,
        now=context.clock(),
    )


def _listed(act: Act, type_: str, read: Search) -> PagedList:
    pairs = tuple(pair for pair in read.understood if pair[0] != PAGE)
    return PagedList("search", act.caller.locality, type_, None, pairs)


def _total(read: Search, page: Page) -> int | None:
    """The number of matches where it was asked for, or costs nothing because all of them are here."""
    if page.total is None and read.page is None and not page.more:
        return len(page.items)
    return page.total


def _links(context: Context, listed: PagedList, read: Search, page: Page) -> list[Link]:
    path = listed.type or ""
    here = listed.pairs if read.page is None else (*listed.pairs, (PAGE, read.page))
    links = [Link("self", address(context.base_url, path, here))]
    if page.more and page.items:
        token = seal(context.link_key, listed, (page.items[-1].key,))
        links.append(Link("next", address(context.base_url, path, (*listed.pairs, (PAGE, token)))))
    return links


def _passed_over(name: str) -> Issue:
    return Issue(
        "warning",
        "not-supported",
        "search-parameter-ignored",
        f"The parameter {name!r} was not understood and left out.",
    )
