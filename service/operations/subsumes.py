"""subsumes: how two codes of a code system stand to each other.

Source: https://hl7.org/fhir/R4/codesystem-operation-subsumes.html, docs/operations/subsumes.md
"""

from __future__ import annotations

from typing import Any, Final

from service.fhir import codec
from service.fhir.parameters import Input, parameters
from service.fhir.problems import Invalid
from service.interactions.context import Act, Answer, Context
from service.operations import subjects
from service.operations.operation import Call, Operation

Json = dict[str, Any]

INPUTS: Final = (
    Input("codeA", "code"),
    Input("codeB", "code"),
    Input("system", "uri"),
    Input("version", "string"),
    Input("codingA", "Coding"),
    Input("codingB", "Coding"),
)


async def subsumes(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: the outcome, of the first code as seen from the other.

    Raises:
        Malformed: a code or the code system is not given, or twice.
        Missing: the code system is not held here, or has no such code.
        Invalid: the codes are of two code systems.
    """
    one, other = _coding(call, "A"), _coding(call, "B")
    url = call.inputs.one("system")
    named = [system for system in (url, one.get("system"), other.get("system")) if system is not None]
    if len(set(named)) > 1:
        raise Invalid("subsumption-across-systems", "The codes are not of one code system.")
    version = call.inputs.one("version")
    named_one = subjects.canonical(named[0], version) if named else None
    system = await subjects.code_system(context, act, call, named_one)
    outcome = context.terminology.subsumes(system, one["code"], other["code"])
    return Answer(200, document=codec.encode(parameters(("outcome", "valueCode", outcome))))


def _coding(call: Call, letter: str) -> Json:
    """The code A or B with its system, where that is said."""
    code, coding = f"code{letter}", f"coding{letter}"
    subjects.require_one(f"code {letter}", (code, coding), call)
    given: Json = call.inputs.one(coding) or {"code": call.inputs.one(code)}
    if given.get("code") is None:
        raise subjects.missing(f"a code in {coding}")
    return given


OPERATION: Final = Operation(
    name="subsumes",
    definition="http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes",
    summary="How two codes of a code system stand to each other.",
    types=frozenset({"CodeSystem"}),
    levels=frozenset({"type", "instance"}),
    readable=frozenset({"type", "instance"}),
    inputs=INPUTS,
    perform=subsumes,
)
