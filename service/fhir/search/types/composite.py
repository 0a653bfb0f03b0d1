"""Composite parameters: two values, joined by `$`, that must stand together.

Source: https://hl7.org/fhir/R4/search.html#combining
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.fhir.search import refusals
from service.fhir.search.asked import Asked
from service.fhir.search.composites import components
from service.fhir.search.derived import CANONICAL
from service.fhir.search.escapes import split
from service.fhir.search.expressions import (
    Composite,
    Date,
    Number,
    Or,
    Quantity,
    Reference,
    String,
    Token,
    Uri,
)
from service.fhir.search.types import date, number, quantity, reference, string, token, uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.fhir.definitions import SearchParameter
    from service.fhir.search.asked import Reader
    from service.fhir.search.expressions import Expression

MODIFIERS = ()

_READERS: Mapping[str, Reader] = {
    "token": token.read, "reference": reference.read, "string": string.read, "date": date.read,
    "number": number.read, "quantity": quantity.read, "uri": uri.read,
}  # fmt: skip

_PARTS = 2
_SECOND = (Token, Reference, String, Date, Number, Quantity, Uri)


def read(asked: Asked) -> Expression:
    """The condition that a pair of values states, each written as for a parameter of its own.

    Raises:
        Malformed: it is no pair, or one of the two cannot be read.
    """
    parts = components(asked.setting.registry, asked.parameter)
    texts = split(asked.text, "$")
    if parts is None or len(texts) != _PARTS or not all(texts):
        raise refusals.unreadable(
            asked.name, "search-value-composite", "give two values joined by `$`, such as `system|code$ge5`"
        )
    (first, _), (second, _) = parts
    found = dict.fromkeys(
        _pair(asked, one, other)
        for one in _each(_read(asked, first, texts[0]))
        for other in _each(_read(asked, second, texts[1]))
    )
    return next(iter(found)) if len(found) == 1 else Or(tuple(found))


def _read(asked: Asked, component: SearchParameter, text: str) -> Expression:
    """The condition as the component states it, whichever parameters that is made up of."""
    return _READERS[component.type](Asked(asked.setting, component, asked.name, None, text))


def _each(condition: Expression) -> tuple[Expression, ...]:
    return condition.parts if isinstance(condition, Or) else (condition,)


def _pair(asked: Asked, first: Expression, second: Expression) -> Composite:
    """The two as one condition; under a code of its own where the second is in the canonical unit."""
    parts = [code for code, _ in asked.parameter.components]
    if not isinstance(first, Token) or not isinstance(second, _SECOND) or _is_vague(second):
        raise refusals.unreadable(
            asked.name,
            "search-value-composite",
            "each of the two is one value, and a reference says its type",
        )
    in_any_unit = second.parameter.endswith(f":{CANONICAL}")
    return Composite(
        f"{asked.code}:{CANONICAL}" if in_any_unit else asked.code,
        replace(first, parameter=parts[0]),
        replace(second, parameter=parts[1]),
    )


def _is_vague(second: object) -> bool:
    return isinstance(second, Reference) and second.type is None
