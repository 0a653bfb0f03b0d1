"""A Questionnaire's items compiled: where each stands, how often, and what its answers must be.

Source: https://hl7.org/fhir/R4/questionnaire.html, https://hl7.org/fhir/R4/valueset-item-type.html
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.questionnaires import extensions as ext
from service.fhir.questionnaires.checks import of_values
from service.fhir.questionnaires.conditions import Enabling, enabling_of
from service.fhir.questionnaires.extensions import Json, extensions, first
from service.fhir.questionnaires.options import exclusive, of_options, offered
from service.fhir.questionnaires.reading import Check
from service.fhir.questionnaires.value_sets import contained_value_sets

# Source: https://hl7.org/fhir/R4/valueset-item-type.html
ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "boolean": ("valueBoolean",),
    "decimal": ("valueDecimal",),
    "integer": ("valueInteger",),
    "date": ("valueDate",),
    "dateTime": ("valueDateTime",),
    "time": ("valueTime",),
    "string": ("valueString",),
    "text": ("valueString",),
    "url": ("valueUri",),
    "choice": ("valueCoding",),
    "open-choice": ("valueCoding", "valueString"),
    "attachment": ("valueAttachment",),
    "reference": ("valueReference",),
    "quantity": ("valueQuantity",),
}
CHOICES: Final = frozenset({"choice", "open-choice"})

# What an item that takes no answer is called in a sentence; `question` is an abstract type.
UNANSWERED: Final[Mapping[str, str]] = {
    "group": "group",
    "display": "text to be displayed",
    "question": "heading of questions",
}
UNBOUNDED: Final = 1 << 31


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One item of a Questionnaire.

    `least` and `most` count the groups, or the answers to the question; `least` holds in complete
    responses only. `checks` are by the JSON name of an answer's value. `place` is its place
    among its neighbours. `alone` are the answers that rule out any other.
    """

    link: str
    type: str
    takes_answers: bool
    place: int
    required: bool
    least: int
    most: int
    checks: Mapping[str, tuple[Check, ...]]
    alone: frozenset[tuple[str, Hashable]]
    enabling: Enabling | None
    within: Level

    @property
    def permitted(self) -> list[str]:
        """The types that an answer may have, as FHIR names them."""
        return [name.removeprefix("value") for name in self.checks]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """The items that stand side by side, by linkId; `wanted` are those that a complete response must hold."""

    questions: Mapping[str, Question]
    wanted: tuple[Question, ...]


class Compilation:
    """What is the same for all items of one Questionnaire."""

    def __init__(self, questionnaire: Json, *, regexes: bool) -> None:
        """Takes the Questionnaire, and whether its regular expressions are run."""
        self._regexes = regexes
        self._contained = contained_value_sets(questionnaire)
        self.chains: dict[str, tuple[str, ...]] = {}
        self.has_conditions = False
        self._place(questionnaire.get("item", []), ())
        self.level = self._level(questionnaire.get("item", []))

    def _place(self, items: list[Json], above: tuple[str, ...]) -> None:
        """Notes the linkIds above each item; where two have one linkId, which R4 forbids, the first counts."""
        for item in items:
            link = item.get("linkId", "")
            self.chains.setdefault(link, above)
            self._place(item.get("item", []), (*above, link))

    def _level(self, items: list[Json]) -> Level:
        questions: dict[str, Question] = {}
        for place, item in enumerate(items):
            question = self._question(item, place)
            questions.setdefault(question.link, question)
        return Level(questions, tuple(one for one in questions.values() if one.required))

    def _question(self, item: Json, place: int) -> Question:
        link, type_ = item.get("linkId", ""), item.get("type", "")
        given = extensions(item)
        enabling = enabling_of(
            item, link, self.chains, by_expression=bool(given.get(ext.ENABLE_WHEN_EXPRESSION))
        )
        self.has_conditions = self.has_conditions or enabling is not None
        repeats = item.get("repeats") is True
        required = item.get("required") is True
        least, most = first(given, int, ext.MIN_OCCURS), first(given, int, ext.MAX_OCCURS)
        return Question(
            link=link,
            type=type_,
            takes_answers=type_ not in UNANSWERED,
            place=place,
            required=required,
            least=max(least or 0, int(required)),
            most=1 if not repeats else most if most is not None else UNBOUNDED,
            checks=self._checks(item, link, type_, given),
            alone=exclusive(item),
            enabling=enabling,
            within=self._level(item.get("item", [])),
        )

    def _checks(
        self, item: Json, link: str, type_: str, given: Mapping[str, list[Any]]
    ) -> dict[str, tuple[Check, ...]]:
        """The checks of each type that an answer may have; none where the item takes no answer."""
        names = dict.fromkeys(ANSWERS.get(type_, ()))
        if type_ in CHOICES:
            names |= dict.fromkeys(name for name, _ in offered(item))
        found = [
            *of_options(item, link, self._contained),
            *of_values(item, link, given, regexes=self._regexes),
        ]
        return {name: tuple(check for for_, check in found if for_ in {None, name}) for name in names}
