"""Showing: how what the rules speak of stands in an answer: references, codes, days.

Source: https://hl7.org/fhir/R4/parameters.html, https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

from typing import Any

from service.outcomes.days import ALWAYS, Days, text_of_day
from service.outcomes.recognition import Coding
from service.outcomes.references import Target

Json = dict[str, Any]


def reference(target: Target | None) -> Json | None:
    """A Reference to a target; one with an empty type is an address elsewhere, or `system|value` of an identifier."""
    if target is None:
        return None
    type_, id_ = target
    if type_:
        return {"reference": f"{type_}/{id_}"}
    system, bar, value = id_.partition("|")
    if not bar:
        return {"reference": id_}
    return {"identifier": {**({"system": system} if system else {}), "value": value}}


def written(target: Target | None) -> str | None:
    """A target in a cell: type and id, or the address or identifier of what has no type here."""
    return None if target is None else "/".join(filter(None, target))


def coding(code: Coding, display: str | None = None) -> Json:
    """A Coding."""
    system, code_ = code
    return {"system": system, "code": code_, **({} if display is None else {"display": display})}


def period(days: Days) -> Json | None:
    """A Period of days, without the ends that are open; None where both are."""
    shown = {}
    if days.first != ALWAYS.first:
        shown["start"] = text_of_day(days.first)
    if days.last != ALWAYS.last:
        shown["end"] = text_of_day(days.last)
    return shown or None
