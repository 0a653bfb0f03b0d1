"""The answers that a question offers: those it lists, those of a value set, and the one of a read-only item.

Source: https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.answerOption
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

from service.fhir.conformance.places import Place, expression
from service.fhir.questionnaires import faults
from service.fhir.questionnaires.comparing import identity
from service.fhir.questionnaires.extensions import EXCLUSIVE, extensions
from service.fhir.questionnaires.reading import Check, Json, Reading
from service.fhir.questionnaires.value_sets import ContainedValueSet

# An expression that fills an answer, so that `initial` does not say what it must be.
_FILLED_BY: Final = "Expression"


def valued(element: Json, prefix: str = "value") -> tuple[str, Any] | None:
    """The value of a choice element, under its JSON name as an answer; None where there is none."""
    for key, value in element.items():
        if key.startswith(prefix):
            return f"value{key[len(prefix) :]}", value
    return None


def offered(item: Json) -> list[tuple[str, Any]]:
    """The answers that a Questionnaire's item lists."""
    return [option for entry in item.get("answerOption", []) if (option := valued(entry)) is not None]


def exclusive(item: Json) -> frozenset[tuple[str, Hashable]]:
    """The answers listed that rule out any other beside them."""
    alone = (
        valued(entry)
        for entry in item.get("answerOption", [])
        if True in extensions(entry).get(EXCLUSIVE, ())
    )
    return frozenset((key, identity(key, value)) for key, value in (one for one in alone if one is not None))


def of_options(
    item: Json, link: str, contained: Mapping[str, ContainedValueSet]
) -> Iterator[tuple[str | None, Check]]:
    """The checks that an answer is one of those offered, each with the type of answer that it is for (None: any).

    Text is free for an open-choice, and never looked up in a value set.
    """
    is_open = item.get("type") == "open-choice"
    if options := offered(item):
        yield None, _listing(options, link, is_open=is_open)
    if isinstance(value_set := item.get("answerValueSet"), str):
        yield "valueCoding", _choosing(value_set, link, contained.get(value_set))
    if item.get("readOnly") is True and (fixed := _fixed(item)):
        yield None, _fixing(fixed, link)


def _listing(options: list[tuple[str, Any]], link: str, *, is_open: bool) -> Check:
    known = frozenset((key, identity(key, value)) for key, value in options)
    shown = faults.listed(_shown(value) for _, value in options)

    def check(key: str, value: Any, place: Place, reading: Reading) -> None:
        if is_open and key == "valueString":
            return
        if (key, identity(key, value)) not in known:
            reading.issues.append(faults.answer_not_an_option(expression(place), link, shown))

    return check


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("code") or value.get("display") or value.get("reference") or "a resource")
    return faults.shown(value)


def _choosing(value_set: str, link: str, held: ContainedValueSet | None) -> Check:
    shown = "the contained value set" if value_set.startswith("#") else value_set

    def check(_key: str, value: Any, place: Place, reading: Reading) -> None:
        system, code = value.get("system", ""), value.get("code")
        if isinstance(code, str) and isinstance(system, str):
            verdict = (
                reading.contains(value_set, system, code)
                if held is None
                else held.contains(system, code, reading.contains)
            )
        else:
            verdict = False
        if verdict is False:
            reading.issues.append(faults.answer_not_an_option(expression(place), link, shown))

    return check


def _fixed(item: Json) -> frozenset[tuple[str, Hashable]]:
    """The answers that a read-only item gives; none where something else fills them."""
    if any(_FILLED_BY in url for url in extensions(item)):
        return frozenset()
    given = (valued(entry) for entry in item.get("initial", []))
    return frozenset((key, identity(key, value)) for key, value in (one for one in given if one is not None))


def _fixing(fixed: frozenset[tuple[str, Hashable]], link: str) -> Check:
    def check(key: str, value: Any, place: Place, reading: Reading) -> None:
        if (key, identity(key, value)) not in fixed:
            reading.issues.append(faults.answer_fixed(expression(place), link))

    return check
