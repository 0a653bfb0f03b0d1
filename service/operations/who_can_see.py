"""who-can-see: who may see a young person's record at a moment, on what ground, and what stands against it.

Source: docs/operations/who-can-see.md, ADR 0022, domain facts section 8
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir import codec, stamping
from service.fhir.parameters import Entry, Input, parameters
from service.fhir.problems import Forbidden, Malformed
from service.fhir.search.compartments import ALSO, PATIENT, belonging, members
from service.fhir.search.dates import MILLISECOND, moment
from service.fhir.search.expressions import Query
from service.fhir.search.references import Addresses
from service.interactions.audit_event import ground_code
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.pauses import breathe
from service.interactions.read import require_current
from service.interactions.shares import rows_of
from service.operations.operation import Call, Operation
from service.operations.shares import may_oversee
from service.operations.showing import coding
from service.operations.unnarrowed import require_unnarrowed
from service.outcomes import labels, sharing
from service.outcomes.days import text_of_day, uk_day
from service.outcomes.grants import EVERYONE, Effect, Ground, Row
from service.outcomes.moments import LONG_AGO, NEVER
from service.outcomes.oversight import Statement, oversee
from service.outcomes.purposes import SYSTEM as PURPOSES
from service.outcomes.purposes import TREATMENT
from service.outcomes.recognition import OURS, codings

if TYPE_CHECKING:
    from service.storage.store import Stored

Json = dict[str, Any]

SECTOR: Final = f"{OURS}/CodeSystem/sector"
_ORGANIZATION: Final = "Organization"
# Read at a time: a young person's resources of a type are fewer, so that one search finds them.
STEP: Final = 1_000

_STRANGE: Final = {"display": "a label that this server does not know"}

# By what each kind of statement is called in the answer.
KINDS: Final = {
    Effect.TEAM: "team",
    Effect.PLAN: "plan",
    Effect.EMERGENCY: "emergency",
    Effect.YOUNG_PERMIT: "young-person",
    Effect.YOUNG_DENY: "young-person",
    Effect.PARENT_PERMIT: "parent",
    Effect.PARENT_DENY: "parent",
}


@dataclass(frozen=True, slots=True)
class _Record:
    """A young person's record, as far as sharing depends on it: `wrote` counts resources by who made them.

    Units: `at` in milliseconds since 1970.
    """

    patient: Stored
    rows: tuple[Row, ...]
    wrote: dict[str, int]
    sectors: dict[str, frozenset[str]]
    at: int


async def who_can_see(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: each agency with what it comes to, then all that permits, and all that denies.

    Raises:
        Malformed: `at` is no time.
        Missing, Gone: there is no such Patient that the caller may see.
        Forbidden: the caller may see the Patient, and not who else may; or the token is for less than everybody.
    """
    at = _at(context, call)
    require_unnarrowed(act.caller, (PATIENT, "r"), ("Consent", "r"))
    patient = await _trusted(context, act, call.id)
    shares = await context.store.whole.sharing(act.caller.locality, call.id)
    rows = rows_of(call.id, shares)
    found = oversee([(each.source, row) for each, row in zip(shares, rows, strict=True)], at)
    wrote = await _wrote(context, act, patient)
    sectors = await _sectors(context, act, found.agencies | wrote.keys())
    record = _Record(patient, rows, wrote, sectors, at)
    context.seen.note(call.id, patient.ground)
    locate = Addresses(context.registry, context.base_url).target
    facts = sharing.facts(content(patient), locate)
    answer = parameters(
        ("about", "valueReference", {"reference": f"{PATIENT}/{call.id}"}),
        ("at", "valueInstant", stamping.instant(at)),
        ("restricted", "valueBoolean", found.restricted != 0),
        (
            "decides-alone-from",
            "valueDate",
            None if found.of_age is None else text_of_day(uk_day(found.of_age)),
        ),
        *(("agency", _agency(record, facts, agency)) for agency in sorted(sectors)),
        *(("access", _said(each)) for each in found.access),
        *(("denial", _said(each)) for each in found.denials),
    )
    return Answer(200, document=codec.encode(answer))


def _at(context: Context, call: Call) -> int:
    text: str | None = call.inputs.one("at")
    if text is None:
        return context.clock()
    range_ = moment(text)
    if range_ is None:
        raise Malformed(
            "operation-parameter-type", "The parameter at is a time such as 2026-11-27T12:00:00Z."
        )
    return range_[0] // MILLISECOND


async def _trusted(context: Context, act: Act, id_: str) -> Stored:
    """The whole Patient, for those who may know who else sees them.

    Raises:
        Missing, Gone: there is no such Patient that the caller may see.
        Forbidden: it is none of the agency that made the Patient, the one that coordinates, and who governs;
            or it is denied the record, or where the young person is, is withheld from it.
    """
    locality = act.caller.locality
    whole = context.store.whole
    if act.caller.administrator or act.caller.governance:
        return require_current(await whole.read(locality, PATIENT, id_), PATIENT, id_)
    seen = require_current(await context.store.read(locality, PATIENT, id_), PATIENT, id_)
    if not await may_oversee(context, act, seen):
        text = (
            "Who may see a record is told to the agency that made the Patient unless it is denied it, to the"
            " one that coordinates the plan, and to who governs the locality's information."
        )
        raise Forbidden("who-can-see-not-allowed", text)
    return require_current(await whole.read(locality, PATIENT, id_), PATIENT, id_)


async def _wrote(context: Context, act: Act, patient: Stored) -> dict[str, int]:
    """How many of the record's resources each agency made: it sees these in any case."""
    found: dict[str, int] = {}
    for type_ in (*members(context.registry, PATIENT), *ALSO):
        where = belonging(context.registry, type_, patient.id)
        after: int | None = None
        while True:
            page = await context.store.whole.search(
                act.caller.locality, Query(type_, where, STEP, after=after)
            )
            for index, stored in enumerate(page.items):
                if stored.child == patient.id and stored.author:
                    found[stored.author] = found.get(stored.author, 0) + 1
                await breathe(index)
            if not page.more or not page.items:
                break
            after = page.items[-1].key
    return found


async def _sectors(context: Context, act: Act, agencies: frozenset[str]) -> dict[str, frozenset[str]]:
    """The sectors that each agency is of, as its Organization says; none where it is not here."""
    keys = [(_ORGANIZATION, agency) for agency in agencies]
    stored = await context.store.whole.read_many(act.caller.locality, keys)
    found: dict[str, frozenset[str]] = dict.fromkeys(agencies, frozenset())
    for (_, agency), organization in stored.items():
        if not organization.deleted:
            types = content(organization).get("type", ())
            found[agency] = frozenset(
                code for concept in types for system, code in codings(concept) if system == SECTOR
            )
    return found


def _agency(record: _Record, facts: sharing.Facts, agency: str) -> list[Entry]:
    """What it comes to for one agency, that asks for treatment: whether it sees the Patient, and what it made."""
    viewer = sharing.Viewer(agency, record.sectors[agency], TREATMENT, record.at)
    author = record.patient.author
    ground = sharing.decide(facts, PATIENT, author, record.rows, viewer)
    sees = ground is not Ground.NONE
    withheld = sees and sharing.withholds(facts, PATIENT, author, record.rows, viewer)
    return [
        ("who", "valueReference", {"reference": f"{_ORGANIZATION}/{agency}"}),
        ("sees", "valueBoolean", sees),
        ("ground", "valueCode", ground_code(ground) if sees else None),
        ("places-withheld", "valueBoolean", withheld),
        ("wrote", "valueUnsignedInt", record.wrote.get(agency, 0)),
    ]


def _said(each: Statement) -> list[Entry]:
    """One statement: of whom, why, by which resource, when, and how far."""
    row = each.row
    period = {
        **({"start": _instant(row.low)} if row.low > LONG_AGO else {}),
        **({"end": _instant(row.high - 1)} if row.high < NEVER else {}),
    }
    return [
        *_party(row),
        ("by", "valueCode", KINDS[Effect(row.effect)]),
        ("source", "valueReference", {"reference": "/".join(each.source)}),
        ("holds", "valueBoolean", each.holds),
        ("period", "valuePeriod", period or None),
        ("type", "valueCode", row.type or None),
        ("purpose", "valueCoding", coding((PURPOSES, row.purpose)) if row.purpose else None),
        *(("label", "valueCoding", coding(named)) for bit, named in labels.names().items() if row.mask & bit),
        ("label", "valueCoding", _STRANGE if row.mask & labels.UNKNOWN else None),
    ]


def _party(row: Row) -> list[Entry]:
    """Whom a statement is about: an agency, those of a sector, the members of a team, or everyone."""
    sector = row.party.partition("|")[2]
    if sector:
        return [("sector", "valueCoding", coding((SECTOR, sector)))]
    if row.party == EVERYONE:
        return [("everyone", "valueBoolean", True)]
    if row.party:
        return [("who", "valueReference", {"reference": f"{_ORGANIZATION}/{row.party}"})]
    return [("team", "valueReference", {"reference": f"CareTeam/{row.team}"})]


def _instant(at: int) -> str:
    return stamping.instant(at)


OPERATION: Final = Operation(
    name="who-can-see",
    definition=f"{OURS}/OperationDefinition/who-can-see",
    summary="Who may see a young person's record, on what ground, and what stands against it.",
    types=frozenset({PATIENT}),
    levels=frozenset({"instance"}),
    readable=frozenset({"instance"}),
    inputs=(Input("at", "dateTime"),),
    perform=who_can_see,
    needs=(("", "r"), ("Consent", "r")),
)
