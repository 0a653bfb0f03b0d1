"""validate-code: whether a code is right by a value set, or by a code system.

A `code` without `system` is looked for in all systems of the value set; that it is in more
than one makes it wrong.

Source: https://hl7.org/fhir/R4/valueset-operation-validate-code.html,
https://hl7.org/fhir/R4/codesystem-operation-validate-code.html, docs/operations/validate-code.md
"""

from __future__ import annotations

from typing import Any, Final

from service.fhir import codec
from service.fhir.parameters import Input, Inputs, parameters
from service.fhir.terminology.membership import Asked, Verdict
from service.interactions.context import Act, Answer, Context
from service.operations import subjects
from service.operations.operation import Call, Operation

Json = dict[str, Any]

_GIVEN: Final = (
    Input("code", "code"),
    Input("display", "string"),
    Input("coding", "Coding"),
    Input("codeableConcept", "CodeableConcept"),
    Input("abstract", "boolean"),
    Input("displayLanguage", "code"),
)
VALUE_SET_INPUTS: Final = (
    Input("url", "uri"),
    Input("valueSet", "ValueSet"),
    Input("valueSetVersion", "string"),
    Input("system", "uri"),
    Input("systemVersion", "string"),
    *_GIVEN,
)
CODE_SYSTEM_INPUTS: Final = (Input("url", "uri"), Input("version", "string"), *_GIVEN)

SHAPES: Final = ("code", "coding", "codeableConcept")


async def validate_in_value_set(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: the result, a message, and a right display.

    Raises:
        Malformed: no code is given or no value set named, or two are.
        Missing: there is no such value set here.
        Invalid: the answer cannot be told here.
    """
    asked = _asked(call, call.inputs.one("system"), call.inputs.one("systemVersion"))
    value_set = await subjects.value_set(context, act, call)
    return _answer(context.terminology.validate_code(value_set, asked))


async def validate_in_code_system(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: the result, a message, and a right display.

    Raises:
        Malformed: no code is given or no code system named, or two are.
        Missing: there is no such code system here.
        Invalid: the answer cannot be told here.
    """
    coding: Json = call.inputs.one("coding") or {}
    named = call.inputs.one("url") or (None if call.id else coding.get("system"))
    asked = _asked(call, None, call.inputs.one("version"))
    system = await subjects.code_system(context, act, call, named)
    return _answer(context.terminology.validate_in_system(system, asked))


def _asked(call: Call, system: str | None, version: str | None) -> Asked:
    subjects.require_one("code", SHAPES, call)
    inputs = call.inputs
    plain = "code" in inputs
    if plain:
        members = {
            "system": system,
            "version": version,
            "code": inputs.one("code"),
            "display": inputs.one("display"),
        }
        codings = [{name: value for name, value in members.items() if value is not None}]
    else:
        codings = _codings(inputs)
    return Asked(
        codings, plain=plain, abstract=inputs.one("abstract"), language=inputs.one("displayLanguage")
    )


def _codings(inputs: Inputs) -> list[Json]:
    coding: Json | None = inputs.one("coding")
    concept: Json = inputs.one("codeableConcept") or {}
    return list(concept.get("coding", ())) if coding is None else [coding]


def _answer(verdict: Verdict) -> Answer:
    found = parameters(
        ("result", "valueBoolean", verdict.result),
        ("message", "valueString", verdict.message),
        ("display", "valueString", verdict.display),
    )
    return Answer(200, document=codec.encode(found))


VALUE_SET_OPERATION: Final = Operation(
    name="validate-code",
    definition="http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code",
    summary="Whether a code is in a value set.",
    types=frozenset({"ValueSet"}),
    levels=frozenset({"type", "instance"}),
    readable=frozenset({"type", "instance"}),
    inputs=VALUE_SET_INPUTS,
    perform=validate_in_value_set,
)
CODE_SYSTEM_OPERATION: Final = Operation(
    name="validate-code",
    definition="http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code",
    summary="Whether a code is of a code system.",
    types=frozenset({"CodeSystem"}),
    levels=frozenset({"type", "instance"}),
    readable=frozenset({"type", "instance"}),
    inputs=CODE_SYSTEM_INPUTS,
    perform=validate_in_code_system,
)
