"""The faults of answers to a Questionnaire: one function per slug, each giving an Issue.

Sentences name linkIds and bounds of the Questionnaire, never what somebody answered.

Source: https://hl7.org/fhir/R4/questionnaireresponse.html, https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

from service.fhir import codec
from service.fhir.problems import Issue

LISTED: Final = 12  # a sentence with more is not read
LONGEST_NAME: Final = 64  # a longer linkId is a slip for none of ours


def question_unknown(path: str, link: str, known: Iterable[str]) -> Issue:
    """The Questionnaire has no such item; says which may have been meant."""
    likely = get_close_matches(link, known, n=1) if len(link) <= LONGEST_NAME else []
    hint = f" Did you mean {likely[0]}?" if likely else ""
    text = f"The Questionnaire has no item with this linkId.{hint}"
    return Issue("error", "not-found", "question-unknown", text, path)


def question_misplaced(path: str, link: str, above: str | None, *, in_answer: bool) -> Issue:
    """The item stands elsewhere in the Questionnaire. `above` is the linkId over it there, None at the top."""
    where = "at the top level"
    if above is not None:
        where = f"within an answer to {above}" if in_answer else f"within the group {above}"
    return Issue("error", "structure", "question-misplaced", f"{link} stands {where}.", path)


def question_order(path: str, link: str) -> Issue:
    """The item comes before this one in the Questionnaire, and after it here."""
    text = f"Items must be in the order of the Questionnaire, and {link} comes too late."
    return Issue("error", "structure", "question-order", text, path)


def question_repeated(path: str, link: str, most: int, *, is_group: bool) -> Issue:
    """The item stands more often than it may; a question stands once, with all its answers in it."""
    often = "once" if most == 1 else f"{most} times"
    text = f"{link} may stand {often}." if is_group else f"{link} must stand once, with every answer in it."
    return Issue("error", "structure", "question-repeated", text, path)


def question_missing(path: str, link: str, least: int) -> Issue:
    """A group that must be there is not, is empty, or is there too seldom."""
    often = "" if least == 1 else f" at least {least} times"
    text = f"The group {link} must be there{often}, and hold an item."
    return Issue("error", "required", "question-missing", text, path)


def answer_missing(path: str, link: str, least: int) -> Issue:
    """A question that must be answered is not, or has too few answers."""
    wanted = "must be answered" if least <= 1 else f"must have at least {least} answers"
    return Issue("error", "required", "answer-missing", f"{link} {wanted}.", path)


def answer_repeated(path: str, link: str, most: int) -> Issue:
    """More answers than the question takes."""
    often = "one answer" if most == 1 else f"{most} answers"
    return Issue("error", "structure", "answer-repeated", f"{link} takes at most {often}.", path)


def answer_unexpected(path: str, link: str, type_: str) -> Issue:
    """An answer to what is not asked: a group or a text to be displayed."""
    return Issue(
        "error", "structure", "answer-unexpected", f"{link} is a {type_}, and takes no answer.", path
    )


def answer_disabled(path: str, link: str) -> Issue:
    """An answer to a question that other answers have ruled out."""
    text = f"{link} is not to be answered, as the conditions for asking it (enableWhen) do not hold."
    return Issue("error", "business-rule", "answer-disabled", text, path)


def answer_type(path: str, link: str, permitted: Iterable[str]) -> Issue:
    """The answer is of another type than the question."""
    text = f"{link} is answered with {' or '.join(permitted)}."
    return Issue("error", "structure", "answer-type", text, path)


def answer_not_an_option(path: str, link: str, offered: str) -> Issue:
    """The answer is none of those offered. `offered` says which are: a list, or a value set's address."""
    return Issue(
        "error", "code-invalid", "answer-not-an-option", f"The answer to {link} is one of {offered}.", path
    )


def answer_exclusive(path: str, link: str) -> Issue:
    """An answer that stands alone has company."""
    text = f"This answer to {link} rules out any other beside it."
    return Issue("error", "business-rule", "answer-exclusive", text, path)


def answer_out_of_range(path: str, link: str, bound: str, limit: Any) -> Issue:
    """The answer is below the least or above the greatest that is asked for."""
    text = f"The answer to {link} is {bound} {shown(limit)}."
    return Issue("error", "value", "answer-out-of-range", text, path)


def answer_too_long(path: str, link: str, limit: int) -> Issue:
    """The answer has too many characters."""
    text = f"The answer to {link} has at most {limit} characters."
    return Issue("error", "too-long", "answer-too-long", text, path)


def answer_too_short(path: str, link: str, limit: int) -> Issue:
    """The answer has too few characters."""
    text = f"The answer to {link} has at least {limit} characters."
    return Issue("error", "value", "answer-too-short", text, path)


def answer_pattern(path: str, link: str) -> Issue:
    """The answer does not have the form that the Questionnaire's regular expression gives it."""
    text = f"The answer to {link} does not have the form that the Questionnaire asks for."
    return Issue("error", "value", "answer-pattern", text, path)


def answer_decimal_places(path: str, link: str, limit: int) -> Issue:
    """More digits behind the point than asked for."""
    text = f"The answer to {link} has at most {limit} decimal places."
    return Issue("error", "value", "answer-decimal-places", text, path)


def answer_unit(path: str, link: str, units: Iterable[str]) -> Issue:
    """The quantity is not in a unit that the question takes."""
    text = f"The answer to {link} is in {listed(units)}."
    return Issue("error", "code-invalid", "answer-unit", text, path)


def answer_fixed(path: str, link: str) -> Issue:
    """A read-only answer is not the one that the Questionnaire gives."""
    text = f"{link} is read-only, so its answer is the one that the Questionnaire gives."
    return Issue("error", "value", "answer-fixed", text, path)


def answer_target(path: str, link: str, types: Iterable[str]) -> Issue:
    """The answer refers to a resource of another type than asked for."""
    text = f"The answer to {link} refers to {listed(types)}."
    return Issue("error", "structure", "answer-target", text, path)


def answer_attachment_type(path: str, link: str, types: Iterable[str]) -> Issue:
    """The attachment is of another media type than asked for."""
    text = f"The attachment for {link} is of type {listed(types)}."
    return Issue("error", "value", "answer-attachment-type", text, path)


def answer_attachment_size(path: str, link: str, limit: Any) -> Issue:
    """The attachment is larger than asked for."""
    text = f"The attachment for {link} has at most {shown(limit)} bytes."
    return Issue("error", "too-long", "answer-attachment-size", text, path)


def listed(names: Iterable[str]) -> str:
    """Names in a row, cut where nobody would read on."""
    all_names = list(names)
    return f"{', '.join(all_names[:LISTED])}{' and others' if len(all_names) > LISTED else ''}"


def shown(value: Any) -> str:
    """A bound of the Questionnaire as it stands in a sentence."""
    if isinstance(value, dict):
        return " ".join(shown(value[name]) for name in ("value", "unit") if name in value)
    return value if isinstance(value, str) else codec.encode(value).decode()
