"""break-glass: an agency that is not around a young person sees their record for some hours, and says why.

Only in localities that allow it. Who it is about is said by identifier and day of birth, so that
nobody can try numbers; whatever does not match, or stays closed whoever asks, is answered alike.

Source: docs/operations/break-glass.md, ADR 0022
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from service.fhir import codec, stamping
from service.fhir.parameters import Input, parameters
from service.fhir.problems import Forbidden, Malformed, Missing
from service.fhir.search.expressions import Query, Token
from service.fhir.search.references import Addresses
from service.interactions.admission import admit
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.decisions import Decision, settle
from service.interactions.shares import rows_of
from service.operations.asked import chosen
from service.operations.operation import Call, Operation
from service.operations.unnarrowed import require_unnarrowed
from service.outcomes import emergencies, sharing
from service.outcomes.grants import Effect, Ground, Row
from service.outcomes.recognition import OURS
from service.storage.store import Change, Notice

if TYPE_CHECKING:
    from service.interactions.context import Emergencies
    from service.storage.store import Stored

Json = dict[str, Any]

PATIENT: Final = "Patient"
CONSENT: Final = "Consent"
HOUR: Final = 3_600_000
_TWO: Final = 2  # are enough to know that an identifier is not one person's
# A word is no reason; a page is more than a Consent holds for those who look into it later.
_LEAST_TEXT, _MOST_TEXT = 10, 1_000


async def break_glass(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: the young person, and the Consent by which the agency sees their record for a while.

    Raises:
        Forbidden: the locality does not allow it, or the token is for less than everybody.
        Malformed: a parameter is missing or cannot be used.
        Missing: nobody is meant, or the record stays closed to the agency.
    """
    allowed = context.emergencies
    if act.caller.locality not in allowed.localities or not act.caller.agency:
        raise Forbidden("break-glass-not-allowed", "This locality does not let anybody break the glass.")
    # Before anybody is looked for: what is said to a token that is for one young person is the same of everybody.
    require_unnarrowed(act.caller, (CONSENT, "c"), (PATIENT, "r"))
    why, hours = _why(call), _hours(call, allowed)
    whole = replace(context, store=context.store.whole)
    patient = await _meant(whole, act, call)
    if patient is None:
        raise _no_match()
    rows = rows_of(patient.id, await whole.store.sharing(act.caller.locality, patient.id))
    now = context.clock()
    if not _opens(whole, act, patient, rows, now):
        raise _no_match()
    until = now + hours * HOUR
    # A period's end includes all of its last millisecond.
    times = stamping.instant(now), stamping.instant(until - 1)
    id_ = context.ids()
    consent = emergencies.opening(id_, patient.id, act.caller.agency, why, times)
    change = Change(CONSENT, id_, "POST", None, None, admit(context, CONSENT, consent, id_).resource)
    told = emergencies.to_be_told(rows, patient.author, act.caller.agency, now)
    notices = tuple(Notice(context.ids(), agency, emergencies.NOTICE, (CONSENT, id_)) for agency in told)

    async def decide() -> Decision:
        return Decision(200, (change,), notices=notices)

    _, stored = await settle(whole, act, "break-glass", decide)
    context.seen.note(patient.id, Ground.EMERGENCY)
    answer = parameters(
        ("about", "valueReference", {"reference": f"{PATIENT}/{patient.id}"}),
        ("until", "valueInstant", stamping.instant(until)),
        ("consent", "resource", content(stored[0])),
    )
    return Answer(200, document=codec.encode(answer))


def _why(call: Call) -> tuple[str, str]:
    """The reason's code, and what is said of it."""
    code = chosen(call.inputs, "reason", tuple(emergencies.DISPLAYS)) or ""
    text = str(call.inputs.one("text") or "").strip()
    if not _LEAST_TEXT <= len(text) <= _MOST_TEXT:
        said = f"The parameter text says why, in {_LEAST_TEXT} to {_MOST_TEXT} characters."
        raise Malformed("break-glass-text", said)
    return code, text


def _hours(call: Call, allowed: Emergencies) -> int:
    given: int | None = call.inputs.one("hours")
    if given is None:
        return allowed.hours
    if not 1 <= given <= allowed.hours:
        raise Malformed("break-glass-hours", f"The parameter hours is from 1 to {allowed.hours}.")
    return given


async def _meant(context: Context, act: Act, call: Call) -> Stored | None:
    """The Patient of the path, or of the identifier and day of birth; None where these are nobody's, or several's."""
    identifier: Json | None = call.inputs.one("identifier")
    born: str | None = call.inputs.one("birthDate")
    if call.id:
        if identifier is not None or born is not None:
            text = "The young person is named twice: by the path, and by identifier or birthDate."
            raise Malformed("operation-parameter-choice", text)
        stored = await context.store.read(act.caller.locality, PATIENT, call.id)
        return None if stored is None or stored.deleted else stored
    system, value = (identifier or {}).get("system"), (identifier or {}).get("value")
    if not system or not value or not born:
        text = "Say who is meant: identifier with system and value, and birthDate."
        raise Malformed("break-glass-who", text)
    found = await context.store.search(
        act.caller.locality, Query(PATIENT, Token("identifier", system, value), _TWO)
    )
    if len(found.items) != 1 or content(found.items[0]).get("birthDate") != born:
        return None
    return found.items[0]


def _opens(context: Context, act: Act, patient: Stored, rows: tuple[Row, ...], now: int) -> bool:
    """Whether breaking the glass lets the agency see who it is: no refusal and no label stands against it."""
    caller = act.caller
    locate = Addresses(context.registry, context.base_url).target
    opened = (*rows, Row(patient.id, caller.agency, Effect.EMERGENCY))
    viewer = sharing.Viewer(caller.agency, caller.sectors, caller.purpose, now)
    facts = sharing.facts(content(patient), locate)
    return sharing.decide(facts, PATIENT, patient.author, opened, viewer) is not Ground.NONE


def _no_match() -> Missing:
    text = "Nobody of this identifier and day of birth, or this id, can be opened here by breaking the glass."
    return Missing("break-glass-no-match", text)


OPERATION: Final = Operation(
    name="break-glass",
    definition=f"{OURS}/OperationDefinition/break-glass",
    summary="In an emergency an agency sees a young person's record for some hours, and says why.",
    types=frozenset({PATIENT}),
    levels=frozenset({"type", "instance"}),
    readable=frozenset(),
    inputs=(
        Input("identifier", "Identifier"),
        Input("birthDate", "date"),
        Input("reason", "code", required=True),
        Input("text", "string", required=True),
        Input("hours", "positiveInt"),
    ),
    perform=break_glass,
    needs=((CONSENT, "c"), ("", "r")),
)
