"""read and search of AuditEvent: the audit as its entries are, made into resources where they are asked for.

Whoever governs the locality's information sees all of it, any other agency what was done for it.

Source: https://hl7.org/fhir/R4/auditevent.html, docs/audit.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from service.fhir.problems import Issue
from service.fhir.search.compartments import PATIENT
from service.interactions.audit_event import AUDIT_EVENT, event_ids, stored
from service.interactions.audit_search import ORGANIZATION, AuditSearch, read_search
from service.interactions.bundles import Link, bundle, match_entry, outcome_entry
from service.interactions.context import Act, Answer, Context
from service.interactions.links import PagedList, open_seal, page_address, seal
from service.interactions.subsetting import subsetted
from service.storage.ledger import Asked

if TYPE_CHECKING:
    from service.access.callers import Caller
    from service.storage.audit import Entry
    from service.storage.store import Stored

Pairs = Sequence[tuple[str, str]]

_PLACE: Final = 2  # numbers: time and serial
_ALL: Final = "*"  # in a page link: of whoever sees all


def sees_all(caller: Caller) -> bool:
    """Whether the caller may look into the audit of the whole locality."""
    return caller.administrator or caller.governance


async def find(context: Context, act: Act, id_: str) -> Stored | None:
    """The event as a version; None where there is none with this id that the caller may see."""
    ids = event_ids(context.link_key)
    found = ids.place(id_)
    entry = None if found is None else await context.store.audit.read(act.caller.locality, *found)
    if entry is None or not _is_visible(act.caller, entry):
        return None
    return stored(entry, context.base_url, ids)


async def search(
    context: Context,
    act: Act,
    pairs: Pairs,
    *,
    lenient: bool = False,
    within: tuple[str, str] | None = None,
) -> Answer:
    """200 with a searchset Bundle of AuditEvents, the newest first.

    Raises:
        Malformed: the parameters cannot be read, or the page link is not ours.
    """
    limits, ids = context.limits, event_ids(context.link_key)
    read = read_search(
        context.registry,
        context.base_url,
        pairs,
        count_default=min(limits.page_default, limits.page),
        count_limit=limits.page,
        lenient=lenient,
        place=ids.place,
    )
    whose = _ALL if sees_all(act.caller) else act.caller.agency
    path = "/".join((*within, AUDIT_EVENT)) if within else AUDIT_EVENT
    listed = PagedList("audit", act.caller.locality, path, whose, read.pairs)
    read = _bounded(read, act.caller, within)
    if read.page is not None:
        at, serial = open_seal(context.link_key, listed, read.page, _PLACE)
        read = replace(read, asked=replace(read.asked, after=(at, serial)))
    entries, more = await _entries(context, act, read)
    total = await _total(context, act, read, len(entries), more=more)
    shown = subsetted(context, read.subset, [stored(entry, context.base_url, ids) for entry in entries])
    found = [match_entry(context.base_url, one) for one in shown]
    if read.ignored:
        found.append(outcome_entry([passed_over(name) for name in read.ignored]))
    links = _links(context, path, listed, read, entries if more else ())
    return Answer(200, document=bundle("searchset", found, total=total, links=links))


def passed_over(name: str) -> Issue:
    """The warning that a parameter of that name was left out, as the caller wished."""
    text = f"The parameter {name!r} was not understood and left out."
    return Issue("warning", "not-supported", "search-parameter-ignored", text)


def _is_visible(caller: Caller, entry: Entry) -> bool:
    if caller.patient is not None and caller.patient not in {child for child, _ in entry.event.children}:
        return False
    return sees_all(caller) or entry.event.agency == caller.agency


def _bounded(read: AuditSearch, caller: Caller, within: tuple[str, str] | None) -> AuditSearch:
    """The search within what the caller sees, and within a compartment where one was asked for."""
    asked, nothing = read.asked, read.nothing
    if not sees_all(caller):
        nothing |= bool(asked.agencies) and caller.agency not in asked.agencies
        asked = replace(asked, agencies=(caller.agency,))
    if within is not None and within[0] not in {PATIENT, ORGANIZATION}:
        nothing |= bool(asked.people) and "/".join(within) not in asked.people
        asked = replace(asked, people=("/".join(within),))
    for child in filter(None, (within[1] if within and within[0] == PATIENT else None, caller.patient)):
        nothing |= bool(asked.children) and child not in asked.children
        asked = replace(asked, children=(child,))
    return replace(read, asked=asked, nothing=nothing)


async def _entries(context: Context, act: Act, read: AuditSearch) -> tuple[Sequence[Entry], bool]:
    """The entries of the page, and whether more follow."""
    if read.nothing or (read.asked.count == 0 and read.ids is None):
        return (), False
    audit, locality = context.store.audit, act.caller.locality
    if read.ids is None:
        return await audit.found(locality, read.asked)
    # Named by their places: each is asked for by itself, and whether the rest fits as well.
    found: list[Entry] = []
    for at, serial in dict.fromkeys(read.ids):
        here = replace(read.asked, count=1, since=at, until=at + 1, after=(at, serial - 1), rising=True)
        if _overlaps(read.asked, at):
            entries, _ = await audit.found(locality, here)
            found += [entry for entry in entries if entry.serial == serial]
    found.sort(key=lambda entry: (entry.event.at, entry.serial), reverse=not read.asked.rising)
    return found, False


def _overlaps(asked: Asked, at: int) -> bool:
    after_start = asked.since is None or at >= asked.since
    return after_start and (asked.until is None or at < asked.until)


async def _total(context: Context, act: Act, read: AuditSearch, shown: int, *, more: bool) -> int | None:
    """The number of matches where it was asked for, or costs nothing because all of them are here."""
    if read.nothing or read.ids is not None:
        return shown
    if read.page is None and not more and read.asked.count:
        return shown
    if read.total == "none":
        return None
    return await context.store.audit.total(act.caller.locality, read.asked)


def _links(
    context: Context, path: str, listed: PagedList, read: AuditSearch, followed: Sequence[Entry]
) -> list[Link]:
    links = [Link("self", page_address(context.base_url, path, listed, read.page))]
    if read.page is not None or followed:
        links.append(Link("first", page_address(context.base_url, path, listed)))
    if followed:
        last = followed[-1]
        token = seal(context.link_key, listed, (last.event.at, last.serial))
        links.append(Link("next", page_address(context.base_url, path, listed, token)))
    return links
