"""A Questionnaire as a form: everything that is wrong with a response to it, in one pass.

The items of a response are walked beside those of the Questionnaire, and places are put
into words only where a fault is found. What is not of JSON's right kind is passed by: structural
validation says it.

Source: https://hl7.org/fhir/R4/questionnaireresponse.html#9.2.2, #9.2.4
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Final

from service.fhir.conformance.places import Place, expression
from service.fhir.problems import Issue
from service.fhir.questionnaires import faults
from service.fhir.questionnaires.comparing import identity
from service.fhir.questionnaires.conditions import Frame, Spot
from service.fhir.questionnaires.questions import UNANSWERED, Compilation, Level, Question
from service.fhir.questionnaires.reading import Contains, Json, Reading

ROOT: Final = "QuestionnaireResponse"
COMPLEX: Final = frozenset({"valueCoding", "valueQuantity", "valueReference", "valueAttachment"})

# Faults after which the rest is not looked at: more than a validator lists (1,000), so that it can say it left some out.
ENOUGH: Final = 1_500
# Faults that may suggest a likely linkId, and the linkIds among which one is looked for.
HINTED: Final = 50
SEARCHED: Final = 1_000

_NONE: Final[list[Any]] = []
_VALUE: Final = len("value")
_NOWHERE: Final = Frame([], {}, None, 0)


class Form:
    """A Questionnaire, compiled once to judge any number of responses."""

    def __init__(self, questionnaire: Json, *, regexes: bool = False) -> None:
        """Takes the Questionnaire, whose structure is sound.

        `regexes`: run its regular expressions too. Those of strangers (a Questionnaire that a
        response brings along) can take for ever, so they are not run unless asked for.

        Raises:
            re.error: `regexes`, and one of them is none that Python reads.
        """
        compiled = Compilation(questionnaire, regexes=regexes)
        self._top = compiled.level
        self._chains = compiled.chains
        self._answered = {link: question.takes_answers for link, question in _all(compiled.level)}
        # Without conditions nothing asks where an item stands.
        self._follows = compiled.has_conditions

    def issues(self, response: Json, contains: Contains) -> Iterator[Issue]:
        """The faults of a response to this Questionnaire, in the order of the document.

        `contains` says whether a value set holds a code, None where it cannot tell; then
        nothing is said here.
        """
        reading = Reading(response, contains)
        self._walk(self._top, response, ROOT, (_NOWHERE, 0), reading)
        return iter(reading.issues)

    def _walk(self, level: Level, holder: Json, place: Place, spot: Spot, reading: Reading) -> None:
        """Judges the items of the response, of a group or of an answer, which stands at the spot."""
        items = holder.get("item", _NONE)
        if items.__class__ is not list:
            return
        frame = Frame(items, holder, *spot) if self._follows else _NOWHERE
        seen: dict[str, int] = {}
        furthest = 0
        array: Place = (place, "item")
        for number, item in enumerate(items):
            link = item.get("linkId") if item.__class__ is dict else None
            if link.__class__ is not str:
                continue
            if len(reading.issues) > ENOUGH:
                return
            at: Place = (array, number)
            question = level.questions.get(link)
            if question is None:
                reading.issues.append(self._unexpected(link, at, reading))
                continue
            if question.place < furthest:
                reading.issues.append(faults.question_order(expression(at), link))
            furthest = max(furthest, question.place)
            seen[link] = count = seen.get(link, 0) + 1
            if count > 1:
                _count(question, count, at, reading)
            self._item(question, item, at, (frame, number), reading)
        if reading.complete:
            _whole(level, seen, array, frame, reading)

    def _unexpected(self, link: str, place: Place, reading: Reading) -> Issue:
        """The fault of an item that the Questionnaire does not have here."""
        chain = self._chains.get(link)
        if chain is None:
            # To look for likely names takes long; after many faults nobody reads the hint.
            known = self._chains if len(reading.issues) < HINTED and len(self._chains) < SEARCHED else ()
            return faults.question_unknown(expression(place), link, known)
        above = chain[-1] if chain else None
        in_answer = above is not None and self._answered[above]
        return faults.question_misplaced(expression(place), link, above, in_answer=in_answer)

    def _item(self, question: Question, item: Json, place: Place, spot: Spot, reading: Reading) -> None:
        """Judges one item of a question, and what is in it."""
        enabled = question.enabling is None or question.enabling.holds(*spot)
        if enabled is False:
            if is_answered(item):
                reading.issues.append(faults.answer_disabled(expression(place), question.link))
        elif question.takes_answers:
            self._answers(question, item, place, spot, reading, demanded=reading.complete and enabled is True)
        else:
            if "answer" in item:
                name = UNANSWERED[question.type]
                issue = faults.answer_unexpected(expression((place, "answer")), question.link, name)
                reading.issues.append(issue)
            if item.get("item"):
                self._walk(question.within, item, place, spot, reading)
            elif "answer" not in item and question.required and reading.complete and enabled is True:
                reading.issues.append(faults.question_missing(expression((place, "item")), question.link, 1))

    def _answers(
        self, question: Question, item: Json, place: Place, spot: Spot, reading: Reading, *, demanded: bool
    ) -> None:
        """Judges the answers to a question, and the items that stand under it without an answer."""
        answers = item.get("answer", _NONE)
        if answers.__class__ is not list:
            return
        array: Place = (place, "answer")
        link = question.link
        if len(answers) > question.most:
            issue = faults.answer_repeated(expression((array, question.most)), link, question.most)
            reading.issues.append(issue)
        given = 0
        for index, answer in enumerate(answers):
            if answer.__class__ is dict:
                given += self._answer(question, answer, (array, index), reading)
                if question.within.questions or "item" in answer:
                    self._walk(question.within, answer, (array, index), spot, reading)
        if demanded and given < question.least:
            reading.issues.append(faults.answer_missing(expression(array), link, question.least))
        if question.alone and len(answers) > 1:
            self._alone(question, answers, array, reading)
        if "item" in item:
            self._astray(item["item"], (place, "item"), reading)

    def _answer(self, question: Question, answer: Json, place: Place, reading: Reading) -> bool:
        """Judges the value of an answer; says whether there is one, or an extension that says why there is none."""
        given = False
        for key, value in answer.items():
            if key[:_VALUE] != "value":
                given = given or key == "extension" or key[: _VALUE + 1] == "_value"
                continue
            given = True
            checks = question.checks.get(key)
            if checks is None:
                reading.issues.append(
                    faults.answer_type(expression((place, "value")), question.link, question.permitted)
                )
            elif checks and (value.__class__ is dict) is (key in COMPLEX) and value.__class__ is not list:
                for check in checks:
                    check(key, value, (place, "value"), reading)
        return given

    def _alone(self, question: Question, answers: list[Any], array: Place, reading: Reading) -> None:
        for index, answer in enumerate(answers):
            if answer.__class__ is dict and any(
                (key, identity(key, value)) in question.alone for key, value in answer.items()
            ):
                reading.issues.append(faults.answer_exclusive(expression((array, index)), question.link))

    def _astray(self, items: Any, array: Place, reading: Reading) -> None:
        """Items directly under a question: they belong under one of its answers, if anywhere."""
        for index, item in enumerate(items if items.__class__ is list else _NONE):
            link = item.get("linkId") if item.__class__ is dict else None
            if isinstance(link, str) and len(reading.issues) <= ENOUGH:
                reading.issues.append(self._unexpected(link, (array, index), reading))


def _count(question: Question, count: int, place: Place, reading: Reading) -> None:
    """Judges whether a question or group may stand a further time; said once."""
    most = 1 if question.takes_answers else question.most
    if count == most + 1:
        is_group = not question.takes_answers
        reading.issues.append(
            faults.question_repeated(expression(place), question.link, most, is_group=is_group)
        )


def _whole(level: Level, seen: dict[str, int], array: Place, frame: Frame, reading: Reading) -> None:
    """What a complete response must hold and does not."""
    reached: list[int] | None = None
    for question in level.wanted:
        count = seen.get(question.link, 0)
        if count and (question.takes_answers or count >= question.least):
            continue
        if question.enabling is not None:
            reached = _reached(frame.items, level) if reached is None else reached
            # Where it would stand: before the first item that comes after it in the Questionnaire.
            if question.enabling.holds(frame, bisect_right(reached, question.place)) is not True:
                continue
        fault = faults.answer_missing if question.takes_answers else faults.question_missing
        reading.issues.append(fault(expression(array), question.link, question.least))


def _reached(items: list[Any], level: Level) -> list[int]:
    """For each item the furthest place in the Questionnaire that it or one before it has."""
    links = (item.get("linkId") if isinstance(item, dict) else None for item in items)
    questions = (level.questions.get(link) if isinstance(link, str) else None for link in links)
    return list(accumulate((0 if one is None else one.place for one in questions), max))


def is_answered(item: Json) -> bool:
    """Whether the item or one within it has an answer."""
    pending = [item]
    while pending:
        one = pending.pop()
        answers = one.get("answer")
        if answers:
            return True
        items = one.get("item")
        pending += (inner for inner in items if isinstance(inner, dict)) if isinstance(items, list) else ()
    return False


def _all(level: Level) -> Iterator[tuple[str, Question]]:
    """Every question by its linkId."""
    for link, question in level.questions.items():
        yield link, question
        yield from _all(question.within)
