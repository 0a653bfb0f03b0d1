"""history: the versions of a resource, of a type or of everything, newest first.

Source: https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.fhir.problems import Malformed, Missing
from service.fhir.search.dates import MILLISECOND, instant, moment
from service.fhir.search.grammar import FORMAT_PARAMETERS
from service.interactions.bundles import Link, bundle, version_entry
from service.interactions.context import Act, Answer, Context, Limits
from service.interactions.links import PAGE, PagedList, open_seal, page_address, seal
from service.storage.store import HistoryQuery, Page

_DIGITS = 9  # a count longer than this is no page that anybody wants


@dataclass(frozen=True, slots=True)
class _Asked:
    """The parameters of a history, as read."""

    count: int
    since: int | None
    at: tuple[int, int] | None
    page: str | None


async def history(
    context: Context, act: Act, type_: str | None, id_: str | None, pairs: Sequence[tuple[str, str]]
) -> Answer:
    """200 with a history Bundle; type_ and id_ None: of everything, id_ None: of the type.

    Raises:
        Malformed: a parameter is unknown, repeated or cannot be read, or the page link is not ours.
        Missing: the id was never used.
    """
    kept = tuple(pair for pair in pairs if pair[0] not in FORMAT_PARAMETERS)
    asked = read_parameters(kept, context.limits)
    locality = act.caller.locality
    listed = PagedList("history", locality, type_, id_, tuple(pair for pair in kept if pair[0] != PAGE))
    after = None
    if asked.page is not None:
        updated, key, version = open_seal(context.link_key, listed, asked.page, 3)
        after = (updated, key, version)
    if type_ is not None and id_ is not None and await context.store.read(locality, type_, id_) is None:
        raise Missing("resource-missing", f"There is no {type_}/{id_}, and never was.")
    # A page of none is asked for the total alone; the store always gives at least one.
    query = HistoryQuery(type_, id_, max(asked.count, 1), asked.since, None, asked.at, after)
    page = await context.store.history(locality, query)
    entries = [version_entry(context.base_url, stored) for stored in page.items[: asked.count]]
    links = _links(context, listed, asked, page)
    return Answer(200, document=bundle("history", entries, total=page.total, links=links))


def read_parameters(pairs: Sequence[tuple[str, str]], limits: Limits) -> _Asked:
    """What the parameters ask for.

    Raises:
        Malformed: one is unknown, repeated or cannot be read.
    """
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in {"_count", "_since", "_at", PAGE}:
            raise Malformed("history-parameter-unknown", f"A history has no parameter {name!r}.")
        if name in given:
            raise Malformed("history-parameter-repeated", f"The parameter {name} is given twice.")
        given[name] = value
    return _Asked(
        _count(given.get("_count"), limits),
        _since(given.get("_since")),
        _at(given.get("_at")),
        given.get(PAGE),
    )


def _count(text: str | None, limits: Limits) -> int:
    if text is None:
        return limits.page_default
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Malformed("history-parameter-value", "_count is a whole number; 0 gives the total alone.")
    return min(int(text), limits.page)


def _since(text: str | None) -> int | None:
    """The first millisecond at or after the instant."""
    if text is None:
        return None
    range_ = instant(text)
    if range_ is None:
        raise Malformed("history-parameter-value", "_since is an instant such as 2026-11-22T00:09:27Z.")
    return -(-range_[0] // MILLISECOND)


def _at(text: str | None) -> tuple[int, int] | None:
    """The milliseconds that the date or time covers, at least one."""
    if text is None:
        return None
    range_ = moment(text)
    if range_ is None:
        raise Malformed("history-parameter-value", "_at is a date or time such as 2026-11-22.")
    low = range_[0] // MILLISECOND
    return low, max(-(-range_[1] // MILLISECOND), low + 1)


def _links(context: Context, listed: PagedList, asked: _Asked, page: Page) -> list[Link]:
    path = "/".join(part for part in (listed.type, listed.id, "_history") if part)
    links = [Link("self", page_address(context.base_url, path, listed, asked.page))]
    if page.more and asked.count:
        last = page.items[-1]
        place = (last.updated, last.key, last.version)
        token = seal(context.link_key, listed, place)
        links.append(Link("next", page_address(context.base_url, path, listed, token)))
    return links
