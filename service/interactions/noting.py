"""What was done, told to the audit: who, for which agency, what, of whom, and what came of it.

Whatever stored versions is told of by these, in their own unit; everything else is told here,
when it is known how it ended, and before the answer leaves.

Source: ADR 0020, docs/audit.md
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, unquote, urlencode

from service.fhir.problems import Problem
from service.fhir.search.compartments import PATIENT
from service.fhir.search.sight import Seen, Sight
from service.interactions.identity import is_id
from service.interactions.naming import named
from service.storage.audit import CREATED, DELETED, EXECUTED, READ, UPDATED, Children, Event
from service.storage.ledger import FILES_EXPORTED, SIGN_IN
from service.storage.store import AuditEntry

if TYPE_CHECKING:
    from service.access.callers import Caller
    from service.interactions.context import Act, Context
    from service.storage.registrations import Registration

OPERATION: Final = "$"
"""What stands before the name of an operation."""
TOKEN: Final = SIGN_IN
"""What is done where an access token is asked for."""

DOWNLOAD: Final = "job-download"
"""What is done where a file of a job is fetched."""

MOST_CHILDREN: Final = 1_000
"""Young people of one entry; a file of an export has more, and is told of by several."""
MOST_QUERY: Final = 4_000
"""Units: characters of a query that are kept; what is longer is cut, with an ellipsis."""

NOTHING_STORED: Final = "nothing-stored"
"""The reason told of a change that was done and stored nothing: nothing was there to delete, or it was so before.

Alike for what never was and for what the caller does not see: the audit, too, is read by those who do not see it.
"""

# Administration of a health system. Source: https://terminology.hl7.org/CodeSystem-v3-ActReason.html
_OPERATION_OF_SERVERS: Final = "HSYSADMIN"
_FIRST_REFUSAL: Final = 400
# No search parameter is called so; a client that puts its token into a query is refused, but noted.
_SECRETS: Final = ("token", "assertion", "secret", "password")
_SECRET: Final = re.compile("|".join(_SECRETS))
_ACTIONS: Final = {
    "create": CREATED,
    "read": READ,
    "vread": READ,
    "history-instance": READ,
    DOWNLOAD: READ,
    "update": UPDATED,
    "patch": UPDATED,
    "delete": DELETED,
}
_NO_GROUND: Final = 0
# What is asked of no young person, whatever stands in its address.
_OF_NOBODY: Final = frozenset({"capabilities", "unknown"})
# Those of which each version is told of by its unit.
_CHANGING: Final = frozenset({"create", "update", "patch", "delete"})
_STORING: Final = _CHANGING | {"transaction", "batch"}
# A refusal because the audit itself cannot be kept is told to nobody: it would only lie in the way.
_UNKEPT: Final = "audit-unavailable"


class Deed(NamedTuple):
    """What was done: an interaction's code, or `$` and the name of an operation, and on what.

    `query` is what was asked for where it is not the address of one resource, relative to the base.
    """

    what: str
    type: str = ""
    id: str = ""
    version: str = ""
    query: str = ""


def author_of(act: Act, interaction: str) -> AuditEntry:
    """Who is told of with each version of a unit."""
    caller = act.caller
    return AuditEntry(
        caller.client,
        caller.agency,
        interaction,
        act.request_id,
        person(caller),
        caller.purpose,
        act.address,
    )


def person(caller: Caller) -> str:
    """The user as `Type/id`, empty where there is none."""
    return "/".join(caller.user) if caller.user else ""


async def note(context: Context, act: Act, deed: Deed, status: int, problem: Problem | None = None) -> None:
    """Tells the audit what was done. `context` is the one that it was done with: it knows who was seen."""
    refused = status >= _FIRST_REFUSAL
    if not refused and context.seen.stored and deed.what in _STORING:
        return
    reason = "" if problem is None else problem.issues[0].slug
    if not refused and deed.what in _CHANGING:
        reason = NOTHING_STORED
    if reason == _UNKEPT:
        return
    caller = act.caller
    children = _tried(deed) if refused else await _concerned(context, act, deed)
    event = Event(
        caller.locality,
        deed.what,
        caller.client,
        caller.agency,
        person(caller),
        caller.purpose,
        deed.type,
        context.clock(),
        _ACTIONS.get(deed.what, EXECUTED),
        status,
        deed.id if is_id(deed.id) else "",
        _number(deed.version),
        act.request_id,
        act.address,
        cut(deed.query) if deed.query else "",
        reason,
        children,
    )
    if len(children) <= MOST_CHILDREN:
        await context.trail.note(event)
        return
    for start in range(0, len(children), MOST_CHILDREN):
        await context.trail.note(event._replace(children=children[start : start + MOST_CHILDREN]))


def _tried(deed: Deed) -> tuple[tuple[str, int], ...]:
    """The young person whose record was asked for in vain: nothing was seen of them, and on no ground."""
    return ((deed.id, _NO_GROUND),) if deed.type == PATIENT and is_id(deed.id) else ()


async def _concerned(context: Context, act: Act, deed: Deed) -> tuple[tuple[str, int], ...]:
    """The young people whose data were shown, and those of whom something was asked, whether anything came or not.

    Of whom nothing came, the ground is that on which the agency sees the Patient, whatever the token reads.
    """
    shown = context.seen.children
    if deed.what in _OF_NOBODY:
        return tuple(shown.items())
    asked = named(deed.query, context.base_url) if deed.query else ()
    if deed.type == PATIENT and is_id(deed.id) and deed.id not in asked:
        asked = (deed.id, *asked)
    unseen = [id_ for id_ in asked if id_ not in shown]
    if not unseen:
        return tuple(shown.items())
    grounds = await _grounds(context, act.caller.locality, unseen)
    return tuple((shown | grounds).items())


async def _grounds(context: Context, locality: str, ids: Sequence[str]) -> dict[str, int]:
    """On what ground the Patients are seen, by id; none of those that are not."""
    eyes = context.store.sight
    if eyes is not None:
        eyes = Sight(eyes.agency, eyes.sectors, eyes.purpose, every=eyes.every)
    store = context.store.whole.seen_by(locality, eyes, Seen())
    try:
        found = await store.read_many(locality, [(PATIENT, id_) for id_ in ids])
    except Problem:
        found = {}  # that it was asked is told all the same
    return {id_: found[PATIENT, id_].ground if (PATIENT, id_) in found else _NO_GROUND for id_ in ids}


def cut(query: str) -> str:
    """The query as it is kept: without secrets and what no database text holds, and no longer than `MOST_QUERY`."""
    kept = query if len(query) <= MOST_QUERY else query[:MOST_QUERY]
    # Most have nothing of either anywhere, and need not be taken apart.
    if "\x00" in kept or _SECRET.search((unquote(kept) if "%" in kept else kept).lower()):
        kept = "&".join(map(_without_secret, kept.split("&")))
    return f"{kept}…" if len(query) > MOST_QUERY else kept


def _without_secret(pair: str) -> str:
    """A name and its value, the value left out where the name says that it is a secret."""
    name, equals, _ = pair.partition("=")
    said = unquote(name).lower()
    kept = f"{name}=…" if equals and any(word in said for word in _SECRETS) else pair
    return kept.replace("\x00", "\ufffd")


def _number(version: str) -> int:
    """A version's number; 0 where it is none that there could be."""
    return int(version) if version.isascii() and version.isdigit() and len(version) <= _DIGITS else 0


_DIGITS: Final = 9  # an integer of the database holds so many


def operated(what: str, registration: Registration, at: int) -> Event:
    """What whoever runs the server did to a client (one of `OPERATED`), as the audit is told of it.

    The command knows of nobody by name. Units: `at` in milliseconds since 1970.
    """
    powers = ("administrator", "governance", "chooses_ids")
    said = {
        "client": registration.id,
        "agency": registration.agency,
        "scope": registration.scopes,
        **{power: "true" for power in powers if getattr(registration, power)},
        "sectors": " ".join(registration.sectors),
        "purpose": registration.purpose,
    }
    told = {name: value for name, value in said.items() if value}
    query = cut(urlencode(told, safe="/*", quote_via=quote))
    return Event(registration.locality, what, "", "", purpose=_OPERATION_OF_SERVERS, at=at, query=query)


def exported(locality: str, query: str, at: int, children: Children = ()) -> tuple[Event, ...]:
    """What whoever runs the server had written into files, as the audit is told of it: an entry for some young people each.

    `query` is what was asked for, as `$export` is; `children` are the ids of the Patients in the files, with the
    grounds. Units: `at` in milliseconds since 1970.
    """
    event = Event(locality, FILES_EXPORTED, "", "", purpose=_OPERATION_OF_SERVERS, at=at, query=cut(query))
    return tuple(
        event._replace(children=children[start : start + MOST_CHILDREN])
        for start in range(0, max(len(children), 1), MOST_CHILDREN)
    )


async def note_token(  # noqa: PLR0913 - each is a plain fact of the request, given by name
    context: Context,
    *,
    status: int,
    request_id: str,
    address: str = "",
    client: str = "",
    agency: str = "",
    locality: str = "default",
    scope: str = "",
    reason: str = "",
) -> None:
    """Tells the audit that an access token was given out, or refused for a `reason` (an error code of RFC 6749).

    `client` and `agency` are those of a registered client, whether it was believed or not, and empty for
    whoever is not one; `scope` is what was granted.
    """
    await context.trail.note(
        Event(
            locality,
            TOKEN,
            client,
            agency,
            at=context.clock(),
            status=status,
            request=request_id,
            address=address,
            query=cut(scope),
            reason=reason,
        )
    )
