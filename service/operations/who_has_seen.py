"""who-has-seen: by whom a young person's record was seen or changed, when, how often and on what ground.

Source: docs/operations/who-has-seen.md, ADR 0020, https://ico.org.uk/for-organisations/uk-gdpr-guidance-and-resources/individual-rights/individual-rights/right-of-access/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from service.fhir import codec, stamping
from service.fhir.parameters import Entry, Input, parameters
from service.fhir.problems import Forbidden, Malformed, Missing
from service.fhir.search.compartments import PATIENT
from service.fhir.search.dates import MILLISECOND, moment
from service.interactions.audit_event import AUDIT_EVENT, ground_code
from service.interactions.audit_events import sees_all
from service.interactions.context import Act, Answer, Context
from service.interactions.read import require_current
from service.operations.operation import Call, Operation
from service.operations.shares import may_oversee
from service.operations.unnarrowed import require_unnarrowed
from service.outcomes.grants import Ground
from service.outcomes.recognition import OURS
from service.storage.audit import ACTIONS

if TYPE_CHECKING:
    from service.storage.ledger import Viewing
    from service.storage.store import Stored

INPUTS: Final = (Input("start", "date"), Input("end", "date"), Input("agency", "id"))

_ALWAYS: Final = (0, 1 << 62)  # milliseconds: before and after all that there is


async def who_has_seen(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: one `seen` for each agency, client, user, ground and kind of act, the latest first.

    What was asked for in vain is not in it: nothing was seen.

    Raises:
        Malformed: start or end is no date.
        Missing, Gone: there is no such Patient that the caller may see.
        Forbidden: the caller may see the Patient, and not who else did; or the token is narrowed.
    """
    require_unnarrowed(act.caller, (PATIENT, "r"), (AUDIT_EVENT, "s"))
    locality = act.caller.locality
    since, until = _range(call)
    current = await context.store.read(locality, PATIENT, call.id)
    if not sees_all(act.caller):
        await require_trusted(context, act, require_current(current, PATIENT, call.id))
    elif current is None and await context.store.whole.read(locality, PATIENT, call.id) is None:
        # Who governs asks about those, too, whom their own agency does not see.
        raise Missing("resource-missing", f"There is no {PATIENT}/{call.id}.")
    found = await context.store.audit.viewings(locality, call.id, since, until, call.inputs.one("agency"))
    entries = [_seen(viewing) for viewing in found if viewing.ground != Ground.NONE]
    return Answer(200, document=codec.encode(parameters(*entries)))


async def require_trusted(context: Context, act: Act, patient: Stored) -> None:
    """Lets the agency go on that wrote the Patient, or that coordinates the young person's plan.

    Raises:
        Forbidden: it is another, it is denied the record, or where the young person is, is withheld from it.
    """
    if not await may_oversee(context, act, patient):
        raise Forbidden(
            "who-has-seen-not-allowed",
            "Who has seen a record is told to the agency that made the Patient unless it is denied it, to the"
            " one that coordinates the plan, and to who governs the locality's information.",
        )


def _range(call: Call) -> tuple[int, int]:
    """The time that is asked about, in milliseconds, half open."""
    low, high = _ALWAYS
    for name in ("start", "end"):
        text = call.inputs.one(name)
        if text is None:
            continue
        range_ = moment(text)
        if range_ is None:
            raise Malformed("who-has-seen-date", f"{name} is a date such as 2026-11-27.")
        if name == "start":
            low = -(-range_[0] // MILLISECOND)
        else:
            high = -(-range_[1] // MILLISECOND)
    return low, high


def _seen(viewing: Viewing) -> Entry:
    return (
        "seen",
        (
            ("agency", "valueReference", _reference(viewing.agency and f"Organization/{viewing.agency}")),
            ("client", "valueString", viewing.client or None),
            ("user", "valueReference", _reference(viewing.person)),
            ("ground", "valueCode", ground_code(viewing.ground)),
            ("action", "valueCode", ACTIONS[viewing.action]),
            ("times", "valueInteger", viewing.times),
            ("first", "valueInstant", stamping.instant(viewing.first)),
            ("last", "valueInstant", stamping.instant(viewing.last)),
        ),
    )


def _reference(address: str) -> dict[str, str] | None:
    return {"reference": address} if address else None


OPERATION: Final = Operation(
    name="who-has-seen",
    definition=f"{OURS}/OperationDefinition/who-has-seen",
    summary="By whom the young person's record was seen or changed, when, how often and on what ground.",
    types=frozenset({PATIENT}),
    levels=frozenset({"instance"}),
    readable=frozenset({"instance"}),
    inputs=INPUTS,
    perform=who_has_seen,
    needs=(("", "r"), (AUDIT_EVENT, "s")),
)
