"""expand: a value set with the list of its codes.

Source: https://hl7.org/fhir/R4/valueset-operation-expand.html, docs/operations/expand.md
"""

from __future__ import annotations

from typing import Any, Final

from service.fhir import codec
from service.fhir.parameters import Input, Inputs
from service.fhir.problems import Malformed
from service.fhir.stamping import instant
from service.fhir.terminology.expansion import Wanted
from service.interactions.context import Act, Answer, Context
from service.operations import subjects
from service.operations.operation import Call, Operation

INPUTS: Final = (
    Input("url", "uri"),
    Input("valueSet", "ValueSet"),
    Input("valueSetVersion", "string"),
    Input("filter", "string"),
    Input("offset", "integer"),
    Input("count", "integer"),
    Input("includeDesignations", "boolean"),
    Input("designation", "string", repeats=True),
    Input("includeDefinition", "boolean"),
    Input("activeOnly", "boolean"),
    Input("excludeNotForUI", "boolean"),
    Input("displayLanguage", "code"),
    Input("exclude-system", "canonical", repeats=True),
    # Every expansion is flat, and no code system here is post-coordinated: these two change nothing.
    Input("excludeNested", "boolean"),
    Input("excludePostCoordinated", "boolean"),
)


async def expand(context: Context, act: Act, call: Call) -> Answer:
    """200 with the ValueSet and its expansion.

    Raises:
        Malformed: no value set is named, or two; a page is below zero.
        Missing: there is no such value set here.
        Invalid: its codes cannot be told all, or are too many for one answer.
    """
    wanted = _wanted(call.inputs)
    value_set = await subjects.value_set(context, act, call)
    found: dict[str, Any] = context.terminology.expand(
        value_set, wanted, timestamp=instant(context.clock()), identifier=f"urn:uuid:{context.ids()}"
    )
    return Answer(200, document=codec.encode(found))


def _wanted(inputs: Inputs) -> Wanted:
    offset, count = inputs.one("offset"), inputs.one("count")
    if (offset or 0) < 0 or (count or 0) < 0:
        raise Malformed("expansion-page", "'offset' and 'count' are 0 or more.")
    return Wanted(
        text=inputs.one("filter"),
        offset=offset,
        count=count,
        active_only=inputs.one("activeOnly"),
        selectable_only=inputs.one("excludeNotForUI"),
        include_designations=inputs.one("includeDesignations"),
        designations=inputs.all("designation"),
        include_definition=inputs.one("includeDefinition"),
        language=inputs.one("displayLanguage"),
        excluded_systems=inputs.all("exclude-system"),
    )


OPERATION: Final = Operation(
    name="expand",
    definition="http://hl7.org/fhir/OperationDefinition/ValueSet-expand",
    summary="The codes of a value set.",
    types=frozenset({"ValueSet"}),
    levels=frozenset({"type", "instance"}),
    readable=frozenset({"type", "instance"}),
    inputs=INPUTS,
    perform=expand,
)
