"""Populating: a response with an item for each of the Questionnaire's, and the answers that it begins with.

Items have no text: the words of a form are the Questionnaire's, and may be licensed.

Source: https://hl7.org/fhir/uv/sdc/OperationDefinition-Questionnaire-populate.html,
https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.initial
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from service.fhir.paths import Node
from service.fhir.problems import Issue
from service.fhir.questionnaires.extensions import Json, extensions, first
from service.fhir.questionnaires.initial_expressions import Inexpressible
from service.fhir.questionnaires.questions import ANSWERS, CHOICES, UNANSWERED

_SDC: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
INITIAL_EXPRESSION: Final = f"{_SDC}initialExpression"
# Other ways of SDC to populate, which are not taken here.
OTHER_WAYS: Final = frozenset(
    f"{_SDC}{name}"
    for name in ("observationLinkPeriod", "itemPopulationContext", "sourceQueries", "sourceStructureMap")
)

_WHOLE_NUMBERS: Final = frozenset({"integer", "positiveInt", "unsignedInt", "System.Integer"})
_DATES: Final = frozenset({"date", "dateTime", "instant", "System.Date", "System.DateTime"})
_TEXTS: Final = frozenset(
    {"string", "code", "id", "markdown", "uri", "url", "canonical", "oid", "uuid", "System.String"}
)
# The types of values that are answers to questions of a type.
_SIMPLE: Final[Mapping[str, frozenset[str]]] = {
    "boolean": frozenset({"boolean", "System.Boolean"}),
    "integer": _WHOLE_NUMBERS,
    "decimal": _WHOLE_NUMBERS | {"decimal", "System.Decimal"},
    "date": _DATES,
    "dateTime": _DATES,
    "time": frozenset({"time", "System.Time"}),
    "string": _TEXTS,
    "text": _TEXTS,
    "url": _TEXTS,
}
_COMPLEX: Final = frozenset({"quantity", "reference", "attachment"})
_DATE_LENGTH: Final = len("2026-11-27")

Evaluate = Callable[[Json], list[Node]]


@dataclass(frozen=True, slots=True)
class Populated:
    """The items of a response, and what could not be worked out."""

    items: list[Json]
    issues: tuple[Issue, ...]


def populate(questionnaire: Json, evaluate: Evaluate) -> Populated:
    """The items of a response to the Questionnaire, with its initial values.

    `evaluate` gives what an expression comes to, or raises Inexpressible.
    """
    filling = _Filling(evaluate)
    filling.note_other_ways(questionnaire, "Questionnaire")
    return Populated(filling.items(questionnaire, "Questionnaire"), tuple(filling.issues))


@dataclass(slots=True)
class _Filling:
    evaluate: Evaluate
    issues: list[Issue] = field(default_factory=list)

    def items(self, holder: Json, place: str) -> list[Json]:
        """The items of a response for those of a Questionnaire or item."""
        return [
            self._item(item, f"{place}.item[{number}]") for number, item in enumerate(holder.get("item", ()))
        ]

    def _item(self, item: Json, place: str) -> Json:
        made: Json = {"linkId": item.get("linkId", "")}
        self.note_other_ways(item, place)
        if item.get("type") in UNANSWERED:
            within = self.items(item, place)
            return {**made, "item": within} if within else made
        answers = self._answers(item, place)
        if not answers:
            return made
        within = self.items(item, place)
        return {**made, "answer": [{**answer, "item": within} if within else answer for answer in answers]}

    def _answers(self, item: Json, place: str) -> list[Json]:
        """The answers that an item begins with: by its expression, else its initial values."""
        expression = first(extensions(item), dict, INITIAL_EXPRESSION)
        answers = [] if expression is None else self._worked_out(item, expression, place)
        answers = answers or list(_initial(item))
        if len(answers) > 1 and item.get("repeats") is not True:
            text = "There are several values for a question that has one answer."
            self._say(slug="populate-several-values", text=text, place=place)
            return []
        return answers

    def _worked_out(self, item: Json, expression: Json, place: str) -> list[Json]:
        try:
            nodes = self.evaluate(expression)
        except Inexpressible as fault:
            self._say(slug="populate-expression", text=str(fault), place=place)
            return []
        answers = [as_answer(item, node) for node in nodes]
        if None in answers:
            text = "What the expression gives is no answer to this question."
            self._say(slug="populate-value-type", text=text, place=place)
        return [answer for answer in answers if answer is not None]

    def note_other_ways(self, holder: Json, place: str) -> None:
        """Says where a Questionnaire or item is to be populated in a way that is not taken here."""
        if not OTHER_WAYS.isdisjoint(extensions(holder)):
            text = "This is to be populated in a way that is not offered here."
            self._say(slug="populate-way", text=text, place=place)

    def _say(self, *, slug: str, text: str, place: str) -> None:
        self.issues.append(Issue("information", "not-supported", slug, text, place))


def _initial(item: Json) -> Iterator[Json]:
    """The initial values of an item, else its options that are chosen beforehand."""
    initial = item.get("initial", ())
    chosen = [option for option in item.get("answerOption", ()) if option.get("initialSelected") is True]
    for each in initial or chosen:
        yield {name: value for name, value in each.items() if name.startswith("value")}


def as_answer(item: Json, node: Node) -> Json | None:
    """A value as an answer to the item; None where it is none.

    A code is the option that has it, where just one has.
    """
    type_, value = item.get("type", ""), node.value
    if value is None:
        return None
    if type_ in CHOICES:
        return _chosen(item, node)
    if type_ in _COMPLEX:
        return _complex(type_, node)
    types = _SIMPLE.get(type_)
    if types is None or node.type not in types:
        return None
    return {ANSWERS[type_][0]: value[:_DATE_LENGTH] if type_ == "date" else value}


def _complex(type_: str, node: Node) -> Json | None:
    """A quantity, reference or attachment; a resource is referred to by its id."""
    wanted = type_.capitalize()
    if not isinstance(node.value, dict):
        return None
    name = node.type.removeprefix("System.")
    if name == wanted:
        return {f"value{wanted}": node.value}
    id_, resource = node.value.get("id"), node.value.get("resourceType")
    if wanted == "Reference" and id_ is not None and resource is not None:
        return {"valueReference": {"reference": f"{resource}/{id_}"}}
    return None


def _chosen(item: Json, node: Node) -> Json | None:
    value = node.value
    if node.type == "Coding":
        return {"valueCoding": value}
    if node.type not in _TEXTS:
        return None
    options = [option["valueCoding"] for option in item.get("answerOption", ()) if "valueCoding" in option]
    fitting = [option for option in options if option.get("code") == value]
    if len(fitting) == 1:
        return {"valueCoding": fitting[0]}
    return {"valueString": value} if item.get("type") == "open-choice" else None
