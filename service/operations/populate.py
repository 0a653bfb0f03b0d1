"""populate: a response to a form with what is known beforehand; nothing is stored.

The session form gets the young person's open goals and where each stood last. Other forms get
their initial values, and what their initial expressions come to.

Source: https://hl7.org/fhir/uv/sdc/OperationDefinition-Questionnaire-populate.html,
docs/operations/populate.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.fhir import codec
from service.fhir.guide import CANONICAL_BASE
from service.fhir.parameters import ELEMENT, PARTS, Input, Inputs, parameters
from service.fhir.paths import Node
from service.fhir.problems import Invalid, Issue, Malformed, Missing, operation_outcome
from service.fhir.questionnaires import Form
from service.fhir.questionnaires.initial_expressions import Evaluator, Inexpressible
from service.fhir.questionnaires.populating import Evaluate
from service.fhir.questionnaires.populating import populate as fill
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.read import require_current
from service.operations import forms, subjects
from service.operations.launch import Launch, read_launch
from service.operations.operation import Call, Operation
from service.operations.rated import rated_for_child
from service.outcomes import session_form
from service.outcomes.days import uk_time
from service.outcomes.recognition import is_goal_session
from service.outcomes.series import series_of

Json = dict[str, Any]

RESPONSE: Final = "QuestionnaireResponse"
PATIENT: Final = "Patient"
# Expressions come from whoever may store a Questionnaire. What they are given is small, as work grows with
# the square of it: a Patient or an Encounter has some thousand bytes. And they share so many milliseconds.
LARGEST: Final = 16_384
LONGEST: Final = 500
_NAMES: Final = ("questionnaire", "canonical", "questionnaireRef", "identifier")


@dataclass(frozen=True, slots=True)
class Filled:
    """A response, and what there is to say of it."""

    response: Json
    issues: tuple[Issue, ...]


async def populate(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: the response, in progress, and issues where there are any.

    Raises:
        Malformed: no form is named, or several are; no subject is named, or one of another server.
        Missing, Gone: there is no such form, or no such subject.
        Invalid: the form is not about subjects of that type.
    """
    form = await _form(context, act, call)
    launch = await read_launch(context, act, call.inputs.all("context"))
    subject = await _subject(context, act, call.inputs, launch)
    _require_type(form, subject)
    filled = await _filled(context, act, form, subject, launch, local=call.inputs.one("local") is not False)
    issues = [*launch.issues, *filled.issues]
    shown = parameters(
        ("response", "resource", filled.response),
        ("issues", "resource", operation_outcome(issues) if issues else None),
    )
    return Answer(200, document=codec.encode(shown))


async def _form(context: Context, act: Act, call: Call) -> Json:
    """The Questionnaire of the path, or the one that is named or sent; of one in the path the others are not looked at.

    Raises:
        Malformed: none is named, or several are.
        Missing, Gone: there is no such Questionnaire here.
    """
    if call.id:
        return await forms.of_id(context, act, call.id)
    subjects.require_one("Questionnaire", _NAMES, call)
    name = next(name for name in _NAMES if name in call.inputs)
    given = call.inputs.one(name)
    found: Json | None
    match given:
        case str():
            found = await forms.of_canonical(context, act, given)
        case dict() if name == "identifier":
            found = await forms.of_identifier(context, act, given)
        case dict() if given.get("resourceType") == forms.QUESTIONNAIRE:
            found = given
        case _:
            found = await forms.of_reference(context, act, given or {})
    if found is None:
        raise Missing("questionnaire-unknown", "No such Questionnaire is held here.")
    return found


async def _subject(context: Context, act: Act, inputs: Inputs, launch: Launch) -> Json:
    """Whoever, or whatever, the response is to be about.

    Raises:
        Malformed: nobody is named, or not by the address of a resource of this server.
        Missing, Gone: there is no such resource.
    """
    given: Json | str | None = inputs.one("subject")
    if given is None:
        if (patient := launch.resource(PATIENT.lower())) is None:
            raise subjects.missing("subject")
        given = {"reference": f"{patient.get('resourceType')}/{patient.get('id')}"}
    text = given if isinstance(given, str) else given.get("reference", "")
    target = Addresses(context.registry, context.base_url).local(text)
    if target is None:
        text = "The subject is a resource of this server, named by its address, such as Patient/[id]."
        raise Malformed("populate-subject", text)
    current = await context.store.read(act.caller.locality, *target)
    return content(require_current(current, *target))


def _require_type(form: Json, subject: Json) -> None:
    """Lets a form go on that is about subjects of this type.

    Raises:
        Invalid: it is not.
    """
    types = form.get("subjectType", ())
    if types and subject["resourceType"] not in types:
        text = f"This form is about a {' or a '.join(types)}, not about a {subject['resourceType']}."
        raise Invalid("populate-subject-type", text)


async def _filled(
    context: Context, act: Act, form: Json, subject: Json, launch: Launch, *, local: bool
) -> Filled:
    """The response to the form; with what is stored here of its subject only where that is wanted (`local`)."""
    response = _begun(context, form, subject, launch)
    known = {"subject": subject, subject["resourceType"].lower(): subject} if local else {}
    given, left_out = _readable(known | dict(launch.resources))
    populated = fill(form, _timed(context, Evaluator(context.registry, given, context.clock(), response)))
    items, issues = populated.items, [*left_out, *populated.issues]
    if local and _is_session(form):
        items, further = await _with_goals(context, act, items, subject, launch)
        issues += further
    whole = {**response, "item": items} if items else response
    issues += _misfits(context, form, whole)
    return Filled(whole, tuple(issues))


def _readable(resources: Mapping[str, Json]) -> tuple[dict[str, Node], list[Issue]]:
    """The resources that expressions can name; those that are too large for that are told of."""
    given: dict[str, Node] = {}
    left = LARGEST
    for name, resource in resources.items():
        left -= len(codec.encode(resource))
        if left >= 0:
            given[name] = Node(str(resource["resourceType"]), resource)
    if left >= 0:
        return given, []
    text = f"Expressions are given {LARGEST} bytes of resources at most; some were left out."
    return given, [_information(slug="populate-context-large", text=text)]


def _timed(context: Context, evaluator: Evaluator) -> Evaluate:
    """The evaluator, which stops once its expressions together took too long."""
    started = context.clock()

    def values(expression: Json) -> list[Node]:
        if context.clock() - started > LONGEST:
            raise Inexpressible("The expressions before this one took too long.")
        return evaluator.values(expression)

    return values


def _begun(context: Context, form: Json, subject: Json, launch: Launch) -> Json:
    """A response without items: in progress, of now, by who is at the keyboard."""
    response: Json = {"resourceType": RESPONSE}
    if "url" in form:
        version = f"|{form['version']}" if "version" in form else ""
        response["questionnaire"] = form["url"] + version
    response |= {"status": "in-progress", "subject": {"reference": _address(subject)}}
    if (encounter := launch.reference("encounter")) is not None:
        response["encounter"] = encounter
    response["authored"] = uk_time(context.clock())
    return response | launch.authorship()


async def _with_goals(
    context: Context, act: Act, items: list[Json], subject: Json, launch: Launch
) -> tuple[list[Json], list[Issue]]:
    """The items of the session form with the open goals of the young person."""
    locate = Addresses(context.registry, context.base_url).target
    rated = await rated_for_child(context, act, subject["id"])
    goals = session_form.open_goals(rated.goals.values(), locate)
    made = session_form.prefilled(items, goals, series_of(rated.points), launch.who(locate))
    issues = []
    if not any(goals.get(slot) for slot in session_form.SLOTS):
        issues.append(
            _information(slug="populate-no-open-goal", text="No goal of this young person is open in a slot.")
        )
    if goals.get(None):
        text = "There are open goals that hold no slot; they are not in the form."
        issues.append(_information(slug="populate-goal-without-slot", text=text))
    return made, issues


def _is_session(form: Json) -> bool:
    return is_goal_session({"questionnaire": form.get("url", "")})


def _misfits(context: Context, form: Json, response: Json) -> list[Issue]:
    """Answers that the form itself would not have, so that somebody looks at them."""
    found = Form(form).issues(response, context.terminology.contains)
    return [Issue("warning", each.code, each.slug, each.text, each.expression) for each in found]


def _information(*, slug: str, text: str) -> Issue:
    return Issue("information", "informational", slug, text)


def _address(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


OPERATION: Final = Operation(
    name="populate",
    definition=f"{CANONICAL_BASE}OperationDefinition/populate",
    summary="A response to a form with what is known beforehand.",
    types=frozenset({forms.QUESTIONNAIRE}),
    levels=frozenset({"type", "instance"}),
    readable=frozenset({"type", "instance"}),
    inputs=(
        Input("identifier", "Identifier"),
        Input("questionnaire", ELEMENT, either=("canonical", "Reference", forms.QUESTIONNAIRE)),
        Input("canonical", "uri"),
        Input("questionnaireRef", "Reference"),
        Input("subject", ELEMENT, either=("Reference", "uri")),
        Input("context", PARTS, repeats=True),
        Input("local", "boolean"),
    ),
    perform=populate,
)
