"""String parameters: text found by how it begins, what it contains, or exactly.

Source: https://hl7.org/fhir/R4/search.html#string
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from service.fhir.search import refusals
from service.fhir.search.asked import Asked
from service.fhir.search.expressions import And, Expression, String
from service.fhir.search.strings import endings, fold, soundex

MODIFIERS = ("exact", "contains")

Texts = list[tuple[str, str]]  # folded, original

# R4 defines it as "some kind of phonetic matching algorithm" on names.
PHONETIC = "phonetic"

# The part of a HumanName of which R4 asks that its own parts be found.
FAMILY = "family"


def _texts(parts: Iterable[str | None]) -> Texts:
    """The parts folded; a repeating primitive has null where it has only extensions."""
    return [(fold(part), part) for part in parts if part is not None]


def _text(value: str) -> Texts:
    return [(fold(value), value)]


def _family(value: str) -> Texts:
    """A family name, found by each of its parts as well."""
    folded = fold(value)
    return [(folded, value), *((ending, value) for ending in endings(folded))]


def _human_name(value: Mapping[str, Any]) -> Texts:
    found = _texts((*value.get("given", ()), *value.get("prefix", ()), *value.get("suffix", ())))
    if "family" in value:
        found += _family(value["family"])
    if "text" in value:
        found += _text(value["text"])
    return found


def _address(value: Mapping[str, Any]) -> Texts:
    return _texts((*value.get("line", ()), *(value.get(part) for part in _ADDRESS_PARTS)))


_ADDRESS_PARTS = ("text", "city", "district", "state", "postalCode", "country")

READERS: Mapping[str, Callable[[Any], Texts]] = {
    "HumanName": _human_name, "Address": _address,
    "string": _text, "markdown": _text, "System.String": _text,
    "code": _text, "id": _text, "uri": _text, "url": _text, "canonical": _text,
}  # fmt: skip

FAMILY_READERS: Mapping[str, Callable[[Any], Texts]] = {**READERS, "string": _family}


def _phonetic(reader: Callable[[Any], Texts]) -> Callable[[Any], Texts]:
    """The reader with the Soundex code of each word in place of the folded text."""

    def _sounds(value: Any) -> Texts:
        return [
            (code, original)
            for folded, original in reader(value)
            for word in folded.split(" ")
            if (code := soundex(word))
        ]

    return _sounds


PHONETIC_READERS: Mapping[str, Callable[[Any], Texts]] = {
    type_: _phonetic(reader) for type_, reader in READERS.items()
}


def read(asked: Asked) -> Expression:
    """The condition that a string value states.

    Raises:
        Malformed: nothing is left of it once it is folded, so that it would find everything.
    """
    if asked.modifier == "exact":
        return String(asked.code, asked.value, "exact")
    folded = fold(asked.value)
    if not folded:
        raise refusals.unreadable(asked.name, "search-value-string", "give letters or digits")
    return String(asked.code, folded, "contains" if asked.modifier == "contains" else "starts")


def read_phonetic(asked: Asked) -> Expression:
    """The condition that every word of the value sounds like one of the name.

    Raises:
        Malformed: it has no Latin letter.
    """
    codes = [soundex(word) for word in fold(asked.value).split(" ")]
    if not all(codes):
        raise refusals.unreadable(asked.name, "search-value-string", "give words in Latin letters")
    conditions = tuple(String(asked.code, code, "starts") for code in codes)
    return conditions[0] if len(conditions) == 1 else And(conditions)
