"""groupings: a young person's needs-based groupings over time, and the one of a day.

Source: docs/operations/groupings.md; domain facts section 5
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from service.fhir import codec
from service.fhir.parameters import Entry, Input, parameters
from service.fhir.problems import Malformed
from service.fhir.search.expressions import And, Reference, Token
from service.fhir.search.references import Addresses
from service.interactions.context import Act, Answer, Context
from service.interactions.read import require_current
from service.operations.operation import Call, Operation
from service.operations.rated import resources_where
from service.operations.showing import coding, reference
from service.outcomes.days import days_of, text_of_day, uk_day
from service.outcomes.grouping_history import GROUPINGS, Held, history, present, read_held
from service.outcomes.recognition import GROUPING, OURS

if TYPE_CHECKING:
    from service.fhir.guide import Guide
    from service.fhir.parameters import Inputs

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


async def groupings(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: each grouping that the Patient of the path had, and the present one.

    Raises:
        Malformed: the date is no day.
        Missing, Gone: there is no such Patient.
        Invalid: there are more groupings than any one person has.
    """
    day = _day(call.inputs)
    on = uk_day(context.clock()) if day is None else day
    stored = await context.store.read(act.caller.locality, call.type, call.id)
    require_current(stored, call.type, call.id)
    where = And((Reference("subject", call.type, call.id), Token("code", *GROUPING)))
    locate = Addresses(context.registry, context.base_url).target
    read = [
        read_held(observation, locate)
        async for observation in resources_where(context, act, "Observation", where)
    ]
    held = history(each for each in read if each is not None)
    names, now = _names(context.guide), present(held, on)
    answer = parameters(
        ("about", "valueReference", reference((call.type, call.id))),
        ("on", "valueDate", text_of_day(on)),
        ("present", [] if now is None else list(_shown(now, names))),
        *(("history", list(_shown(each, names))) for each in held),
    )
    return Answer(200, document=codec.encode(answer))


def _day(inputs: Inputs) -> int | None:
    text: str | None = inputs.one("date")
    if text is None:
        return None
    days = days_of(text)
    if _DAY.fullmatch(text) is None or days is None:
        raise Malformed("operation-parameter-type", "The parameter date is a day such as 2026-11-22.")
    return days.first


def _names(guide: Guide) -> Mapping[str, str | None]:
    """What the groupings are called, by code."""
    code_system: Mapping[str, Any] = guide.find("CodeSystem", GROUPINGS) or {}
    return {concept["code"]: concept.get("display") for concept in code_system.get("concept", ())}


def _shown(held: Held, names: Mapping[str, str | None]) -> Iterator[Entry]:
    yield "grouping", "valueCoding", coding((GROUPINGS, held.grouping), names.get(held.grouping))
    yield "period", "valuePeriod", held.period
    for performer in held.decided_by:
        yield "decided-by", "valueReference", performer
    yield "chosen-together", "valueBoolean", held.is_chosen_together
    yield "status", "valueCode", held.status
    yield "encounter", "valueReference", reference(held.encounter)
    yield "observation", "valueReference", reference(("Observation", held.observation))


OPERATION: Final = Operation(
    name="groupings",
    definition=f"{OURS}/OperationDefinition/groupings",
    summary="The needs-based groupings of a young person over time, and the one of a day.",
    types=frozenset({"Patient"}),
    levels=frozenset({"instance"}),
    readable=frozenset({"instance"}),
    needs=(("", "r"), ("Observation", "s")),
    inputs=(Input("date", "date"),),
    perform=groupings,
)
