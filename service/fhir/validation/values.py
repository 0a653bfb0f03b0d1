"""Why a JSON value is not of its primitive type: the slow counterpart of `primitives`.

Source: https://hl7.org/fhir/R4/datatypes.html#primitive
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.fhir.validation import faults, narrative
from service.fhir.validation.primitives import ACCEPTS, CONTROL_CHARACTER, LONGEST_STRING, json_kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.fhir.problems import Issue


def issues(value: Any, type_: str, name: str, path: str) -> Iterator[Issue]:
    """What there is to say about a value that should be of the primitive type."""
    found, wanted = kind_of(value), json_kind(type_)
    if value is None:
        yield faults.null_value(path, name)
    elif type(value) is list:
        yield faults.array_unexpected(path, name)
    elif found != wanted:
        yield faults.value_kind(path, name, type_, wanted, found)
    elif value == "":
        yield faults.value_empty(path, name)
    elif type_ == "xhtml":
        yield from (faults.of_narrative(path, fault) for fault in narrative.faults(value))
    elif type_ in {"string", "markdown"}:
        yield from of_text(value, name, path)
    elif not ACCEPTS[type_](value):
        yield faults.value_malformed(path, name, type_)


def of_text(value: str, name: str, path: str) -> Iterator[Issue]:
    """What there is to say about a string or markdown that is not empty."""
    if CONTROL_CHARACTER.search(value):
        yield faults.value_characters(path, name)
    if len(value) > LONGEST_STRING:
        yield faults.value_length(path, name, LONGEST_STRING)
    if value.isspace():
        yield faults.value_blank(path, name)
