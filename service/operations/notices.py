"""notices: what an agency was told and has not acknowledged, oldest first.

Source: docs/operations/notices.md, ADR 0017
"""

from __future__ import annotations

from typing import Final

from service.fhir import codec, stamping
from service.fhir.parameters import Entry, Input, parameters
from service.fhir.problems import Forbidden, Malformed
from service.interactions.context import Act, Answer, Context
from service.interactions.identity import is_id
from service.interactions.read import require_current
from service.operations.operation import Call, Operation
from service.operations.unnarrowed import reads_every, require_unnarrowed
from service.outcomes.handovers import EVENTS
from service.outcomes.recognition import OURS
from service.storage.store import Waiting

ORGANIZATION: Final = "Organization"
COMMUNICATION: Final = "Communication"
INPUTS: Final = (Input("_count", "positiveInt"), Input("after", "id"))


async def notices(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: a page of the notices that wait for the agency, and whether there are more.

    That a notice is there tells of what it is about; so those about resources that the token is not for
    reading, such as Consents by which somebody broke the glass, go on waiting for a client that may.

    Raises:
        Malformed: a page would be empty, or `after` is no id.
        Forbidden: the caller acts for another agency, or the token is narrowed or in a name.
        Missing, Gone: there is no such agency.
    """
    require_unnarrowed(act.caller, (ORGANIZATION, "r"), (COMMUNICATION, "r"))
    require_own(act, call)
    count = call.inputs.one("_count")
    if count is not None and count < 1:
        raise Malformed("notices-count", "_count is 1 or more: the notices of a page.")
    granted = min(context.limits.page_default if count is None else count, context.limits.page)
    after: str | None = call.inputs.one("after")
    if after is not None:
        require_ids((after,))
    await require_agency(context, act, call)
    found = await _waiting(context, act, call.id, granted + 1, after)
    entries: list[Entry] = [_notice(each) for each in found[:granted]]
    entries.append(("more", "valueBoolean", len(found) > granted))
    return Answer(200, document=codec.encode(parameters(*entries)))


async def _waiting(context: Context, act: Act, agency: str, count: int, after: str | None) -> list[Waiting]:
    """The first so many notices of the agency that the caller may know of, behind `after`."""
    found: list[Waiting] = []
    more = True
    while more and len(found) < count:
        page = await context.store.notices(act.caller.locality, agency, count, after)
        found += (each for each in page if reads_every(act.caller, each.about[0]))
        more = len(page) == count
        after = page[-1].id if page else after
    return found[:count]


def _notice(waiting: Waiting) -> Entry:
    type_, id_ = waiting.about
    return (
        "notice",
        (
            ("id", "valueId", waiting.id),
            ("event", "valueCoding", {"system": EVENTS, "code": waiting.event}),
            ("at", "valueInstant", stamping.instant(waiting.at)),
            ("about", "valueReference", {"reference": f"{type_}/{id_}/_history/{waiting.version}"}),
        ),
    )


def require_own(act: Act, call: Call) -> None:
    """Lets an agency see to its own notices, and an administrator to all.

    Raises:
        Forbidden: the caller acts for another agency.
    """
    if not act.caller.administrator and act.caller.agency != call.id:
        raise Forbidden("notices-of-another-agency", "These notices are another agency's.")


def require_ids(ids: tuple[str, ...]) -> None:
    """Lets ids be looked up.

    Raises:
        Malformed: one cannot be an id.
    """
    if not all(map(is_id, ids)):
        raise Malformed("notice-id", "A notice is named by its id, as $notices shows it.")


async def require_agency(context: Context, act: Act, call: Call) -> None:
    """Lets a call go on that is about an agency of this server.

    Raises:
        Missing, Gone: there is no such agency.
    """
    current = await context.store.read(act.caller.locality, ORGANIZATION, call.id)
    require_current(current, ORGANIZATION, call.id)


OPERATION: Final = Operation(
    name="notices",
    definition=f"{OURS}/OperationDefinition/notices",
    summary="What the agency was told and has not acknowledged, oldest first.",
    types=frozenset({ORGANIZATION}),
    levels=frozenset({"instance"}),
    readable=frozenset({"instance"}),
    inputs=INPUTS,
    perform=notices,
    # What is told is about messages, and about young people of whom nothing here is said but that.
    needs=(("", "r"), (COMMUNICATION, "r")),
)
