"""lookup: what a code system says of a code.

Source: https://hl7.org/fhir/R4/codesystem-operation-lookup.html, docs/operations/lookup.md
"""

from __future__ import annotations

from typing import Any, Final

from service.fhir import codec
from service.fhir.parameters import Input, parameters
from service.fhir.terminology.lookup import Details
from service.interactions.context import Act, Answer, Context
from service.operations import subjects
from service.operations.operation import Call, Operation

Json = dict[str, Any]

INPUTS: Final = (
    Input("code", "code"),
    Input("system", "uri"),
    Input("version", "string"),
    Input("coding", "Coding"),
    Input("displayLanguage", "code"),
    Input("property", "code", repeats=True),
)


async def lookup(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: name and version of the code system, display, designations and properties.

    Raises:
        Malformed: no code is given, or two are.
        Missing: the code system is not held here, or has no such code.
    """
    del act  # what is looked up is the guide's, the same for everybody
    subjects.require_one("code", ("code", "coding"), call)
    inputs = call.inputs
    coding: Json = inputs.one("coding") or {
        "system": inputs.one("system"),
        "version": inputs.one("version"),
        "code": inputs.one("code"),
    }
    system, code = coding.get("system"), coding.get("code")
    if system is None or code is None:
        raise subjects.missing("the system of the code and the code")
    found = context.terminology.lookup(
        context.terminology.require_system(system, coding.get("version")),
        code,
        language=inputs.one("displayLanguage"),
        properties=inputs.all("property"),
    )
    return Answer(200, document=codec.encode(_shown(found)))


def _shown(details: Details) -> Json:
    return parameters(
        ("name", "valueString", details.name),
        ("version", "valueString", details.version),
        ("display", "valueString", details.display),
        *(
            (
                "designation",
                [
                    ("language", "valueCode", designation.get("language")),
                    ("use", "valueCoding", designation.get("use")),
                    ("value", "valueString", designation.get("value")),
                ],
            )
            for designation in details.designations
        ),
        *(
            (
                "property",
                [
                    ("code", "valueCode", each.code),
                    ("value", each.shape, each.value),
                    ("description", "valueString", each.description),
                ],
            )
            for each in details.properties
        ),
    )


OPERATION: Final = Operation(
    name="lookup",
    definition="http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup",
    summary="What a code system says of a code.",
    types=frozenset({"CodeSystem"}),
    levels=frozenset({"type"}),
    readable=frozenset({"type"}),
    inputs=INPUTS,
    perform=lookup,
)
