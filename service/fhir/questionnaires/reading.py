"""One checking of a response: what was found so far, and what surrounds the answers.

Source: ADR 0003
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from service.fhir.conformance.places import Place
from service.fhir.problems import Issue

Json = dict[str, Any]

Contains = Callable[[str, str | None, str], bool | None]
"""Whether a value set holds a code of a system; None where that cannot be told."""

Check = Callable[[str, Any, Place, "Reading"], None]
"""Adds to the reading what is wrong with one answer's value: its JSON name, such as `valueDate`, itself, its place."""

# Only a response that says it is whole is held to what it must hold.
# Source: https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.required
WHOLE: Final = frozenset({"completed", "amended"})


class Reading:
    """The issues of one response, and whether it says that it is complete."""

    __slots__ = ("complete", "contains", "issues", "response")

    def __init__(self, response: Json, contains: Contains) -> None:
        """Takes the response and who knows what value sets hold."""
        status = response.get("status")
        self.issues: list[Issue] = []
        self.response = response
        self.contains = contains
        self.complete = isinstance(status, str) and status in WHOLE
