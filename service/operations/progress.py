"""progress: how far a young person's goals have come, by each rater, and what each change rule says of it.

Source: docs/operations/progress.md; domain facts section 1
"""

from __future__ import annotations

from typing import Final

from service.fhir import codec
from service.fhir.codec import FHIR_JSON
from service.fhir.parameters import Input
from service.fhir.search.references import Addresses
from service.interactions.context import Act, Answer, Context
from service.operations.asked import all_chosen, chosen, days_asked
from service.operations.operation import Call, Operation
from service.operations.progress_answer import told
from service.operations.progress_figures import CLINICAL, MODES, ROWS, SERIES, Asked, figures
from service.operations.progress_rows import table
from service.operations.rated import rated_for_child, rated_for_goal
from service.operations.tables import CSV
from service.outcomes.days import uk_day
from service.outcomes.recognition import OURS
from service.outcomes.series import RATERS


async def progress(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters, or with rows of comma-separated values, about the Goal or Patient of the path.

    Raises:
        Malformed: a parameter cannot be used.
        Missing, Gone: there is no such Goal or Patient.
        Invalid: there are more ratings than any one person has.
    """
    inputs = call.inputs
    asked = Asked(
        (call.type, call.id),
        days_asked(inputs),
        all_chosen(inputs, "rater", RATERS),
        chosen(inputs, "mode", MODES) or CLINICAL,
        chosen(inputs, "rows", ROWS) or SERIES,
        uk_day(context.clock()),
    )
    fetch = rated_for_goal if call.type == "Goal" else rated_for_child
    found = figures(
        await fetch(context, act, call.id), asked, Addresses(context.registry, context.base_url).target
    )
    if call.wanted == CSV:
        return Answer(200, document=table(asked, found), media=CSV)
    return Answer(200, document=codec.encode(told(asked, found)))


OPERATION: Final = Operation(
    name="progress",
    definition=f"{OURS}/OperationDefinition/progress",
    summary="How far goals have come, by each rater, and what each change rule says of it.",
    types=frozenset({"Goal", "Patient"}),
    levels=frozenset({"instance"}),
    readable=frozenset({"instance"}),
    needs=(("", "r"), ("Goal", "s"), ("Observation", "s")),
    inputs=(
        Input("start", "date"),
        Input("end", "date"),
        Input("rater", "code", repeats=True),
        Input("mode", "code"),
        Input("rows", "code"),
    ),
    perform=progress,
    media=(FHIR_JSON, CSV),
)
