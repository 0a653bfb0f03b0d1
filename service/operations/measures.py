"""measures: what became of each outcome measure, as a clinician reads it or as England's metric counts it.

Source: docs/operations/measures.md; domain facts sections 2.2, 3.3 and 9
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from service.fhir import codec
from service.fhir.codec import FHIR_JSON
from service.fhir.parameters import Input
from service.fhir.problems import Malformed
from service.interactions.context import Act, Answer, Context
from service.operations.asked import chosen, days_asked
from service.operations.measured import known_measures, measured, referrals_of
from service.operations.measures_answer import told
from service.operations.measures_figures import Asked, clinical, parity
from service.operations.measures_rows import table
from service.operations.operation import Call, Operation
from service.operations.progress_figures import CLINICAL, MODES, PARITY, ROWS, SERIES
from service.operations.tables import CSV
from service.outcomes.measures import goal_measures
from service.outcomes.recognition import OURS

if TYPE_CHECKING:
    from service.outcomes.measures import Measure, Measures


async def measures(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters, or with rows of comma-separated values, about the Patient of the path.

    Raises:
        Malformed: a parameter cannot be used.
        Missing, Gone: there is no such Patient.
        Invalid: there are more scores than any one person has.
    """
    inputs = call.inputs
    mode = chosen(inputs, "mode", MODES) or CLINICAL
    known = known_measures(context)
    if mode == PARITY:
        known = known.beside(goal_measures())
    asked = Asked(
        call.id,
        days_asked(inputs),
        mode,
        chosen(inputs, "rows", ROWS) or SERIES,
        _named(known, inputs.all("measure")),
    )
    found = await measured(context, act, call.id, known)
    figures = (
        parity(asked, found, await referrals_of(context, act, call.id))
        if mode == PARITY
        else clinical(asked, found)
    )
    if call.wanted == CSV:
        return Answer(200, document=table(asked, figures), media=CSV)
    return Answer(200, document=codec.encode(told(asked, figures)))


def _named(known: Measures, texts: tuple[str, ...]) -> frozenset[Measure]:
    """The measures that are asked for; all where none is named.

    Raises:
        Malformed: a text means none.
    """
    if not texts:
        return frozenset(known)
    found = [known.named(text) for text in texts]
    if not all(found):
        raise Malformed(
            "measure-unknown",
            "The parameter measure is a code of the code system of measures, the beginning of one up to a"
            " dash, or a SNOMED CT code of a score.",
        )
    return frozenset().union(*found)


OPERATION: Final = Operation(
    name="measures",
    definition=f"{OURS}/OperationDefinition/measures",
    summary="What became of each outcome measure, clinically or as England's national metric counts it.",
    types=frozenset({"Patient"}),
    levels=frozenset({"instance"}),
    readable=frozenset({"instance"}),
    needs=(
        ("", "r"),
        ("Observation", "s"),
        ("ServiceRequest", "s"),
        ("EpisodeOfCare", "s"),
        ("Encounter", "s"),
    ),
    inputs=(
        Input("start", "date"),
        Input("end", "date"),
        Input("measure", "string", repeats=True),
        Input("mode", "code"),
        Input("rows", "code"),
    ),
    perform=measures,
    media=(FHIR_JSON, CSV),
)
