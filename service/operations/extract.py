"""extract: the Observations of a completed response, as a transaction to be sent; nothing is stored.

Those of our own forms are the ones that storing the response makes. Of other forms the
Questionnaire says what is taken.

Source: https://hl7.org/fhir/uv/sdc/OperationDefinition-QuestionnaireResponse-extract.html,
docs/operations/extract.md
"""

from __future__ import annotations

from typing import Any, Final

from service.fhir import codec
from service.fhir.guide import CANONICAL_BASE
from service.fhir.parameters import Input, parameters
from service.fhir.problems import Invalid, Issue, Malformed, operation_outcome
from service.fhir.questionnaires import Form
from service.fhir.questionnaires.reading import WHOLE
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.read import require_current
from service.interactions.response_ids import response_id
from service.interactions.standing import fit
from service.operations import forms
from service.operations.extracted import (
    OBSERVATION,
    RESPONSE,
    Extracted,
    extracted,
    extracted_of_ours,
    sound_again,
)
from service.operations.operation import Call, Operation
from service.outcomes.extraction import is_ours

Json = dict[str, Any]

_SENT: Final = "questionnaire-response"
_FORM: Final = "questionnaire"


async def extract(context: Context, act: Act, call: Call) -> Answer:
    """200 with a transaction Bundle; or with Parameters, where there is more to be said or nothing to extract.

    Raises:
        Malformed: there is no response, or there are two.
        Missing, Gone: there is no such response.
        Invalid: it is not complete, breaks rules, or its form is not known here.
    """
    response = _named(context, act, await _response(context, act, call))
    if response.get("status") not in WHOLE:
        text = "Only a response that is completed or amended is extracted."
        raise Invalid("extract-not-complete", text, f"{RESPONSE}.status")
    found = await _extracted(context, act, call, response)
    issues = [*found.issues, *sound_again(context, found.observations)]
    if not found.observations:
        text = "Nothing of this response is extracted."
        issues.append(Issue("information", "informational", "extract-nothing", text))
    elif not call.id and not await _is_stored(context, act, response):
        text = "The response is not stored here; store it before the Observations, which refer to it."
        issues.append(Issue("information", "informational", "extract-response-not-stored", text))
    return Answer(200, document=codec.encode(_shown(context, found.observations, issues)))


async def _response(context: Context, act: Act, call: Call) -> Json:
    """The response of the path, or the one that was sent.

    Raises:
        Malformed: neither is given, or both are.
        Missing, Gone: there is no such response.
        Invalid: the one sent breaks rules.
    """
    sent: Json | None = call.inputs.one(_SENT)
    if call.id:
        if sent is not None:
            text = f"The response is given twice: by the path and by {_SENT}."
            raise Malformed("operation-parameter-choice", text)
        current = await context.store.read(act.caller.locality, RESPONSE, call.id)
        return content(require_current(current, RESPONSE, call.id))
    if sent is None:
        raise Malformed("operation-parameter-missing", f"The operation needs {_SENT}.")
    return (await fit(context, act, RESPONSE, sent, None)).resource


def _named(context: Context, act: Act, response: Json) -> Json:
    """The response with its id; one of our forms that has none yet has the one that a POST of it would get."""
    id_ = response.get("id") or response_id(context, act, RESPONSE, response)
    return response if id_ is None else {**response, "id": id_}


async def _extracted(context: Context, act: Act, call: Call, response: Json) -> Extracted:
    if is_ours(response):
        return await extracted_of_ours(context, act, response)
    form = await _form(context, act, call, response)
    faults = [issue for issue in Form(form).issues(response, context.terminology.contains) if issue.is_fault]
    if faults:
        raise Invalid.of(faults)
    return await extracted(context, act, form, response)


async def _form(context: Context, act: Act, call: Call, response: Json) -> Json:
    """The Questionnaire that the response answers: sent with it, contained in it, or held here.

    Raises:
        Invalid: it is not known here, or the one that was sent is another one.
    """
    canonical = response.get("questionnaire", "")
    sent: Json | None = call.inputs.one(_FORM)
    if sent is not None:
        if not _is_of(sent, canonical):
            text = "The Questionnaire that was sent is not the one that the response answers."
            raise Invalid("extract-form-differs", text, f"{RESPONSE}.questionnaire")
        return sent
    found: Json | None
    if canonical.startswith("#"):
        inside = response.get("contained", ())
        found = next((each for each in inside if each.get("id") == canonical[1:]), None)
    else:
        found = await forms.of_canonical(context, act, canonical) if canonical else None
    if found is None or found.get("resourceType") != forms.QUESTIONNAIRE:
        text = "The Questionnaire that the response answers is not held here; send it as questionnaire."
        raise Invalid("extract-form-unknown", text, f"{RESPONSE}.questionnaire")
    return found


def _is_of(form: Json, canonical: str) -> bool:
    """Whether a response to that canonical answers the form, or one that the form is derived from.

    Source: https://hl7.org/fhir/uv/sdc/extraction.html#caveats (extraction by a derived Questionnaire)
    """
    url, _, version = canonical.partition("|")
    if form.get("url") == url:
        return not version or form.get("version", version) == version
    return any(base.partition("|")[0] == url for base in form.get("derivedFrom", ()))


async def _is_stored(context: Context, act: Act, response: Json) -> bool:
    id_ = response.get("id")
    current = None if id_ is None else await context.store.read(act.caller.locality, RESPONSE, id_)
    return current is not None and not current.deleted


def _shown(context: Context, observations: tuple[Json, ...], issues: list[Issue]) -> Json:
    """The Bundle by itself where there is nothing else to say.

    Source: https://hl7.org/fhir/R4/operations.html#response: a lone `return` stands without Parameters
    """
    bundle: Json = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [_entry(context, one) for one in observations],
    }
    if not issues:
        return bundle
    return parameters(
        ("return", "resource", bundle if observations else None),
        ("issues", "resource", operation_outcome(issues)),
    )


def _entry(context: Context, observation: Json) -> Json:
    address = f"{OBSERVATION}/{observation['id']}"
    return {
        "fullUrl": f"{context.base_url}/{address}",
        "resource": observation,
        "request": {"method": "PUT", "url": address},
    }


OPERATION: Final = Operation(
    name="extract",
    definition=f"{CANONICAL_BASE}OperationDefinition/extract",
    summary="The Observations of a completed response, as a transaction to be sent.",
    types=frozenset({RESPONSE}),
    levels=frozenset({"type", "instance"}),
    readable=frozenset({"instance"}),
    inputs=(Input(_SENT, RESPONSE), Input(_FORM, forms.QUESTIONNAIRE)),
    perform=extract,
)
