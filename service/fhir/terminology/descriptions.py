"""Descriptions: what is said of a concept, by its code system and by the value set that lists it.

Source: https://hl7.org/fhir/R4/valueset.html#compositions (display and designation), RFC 4647 section 3.3.1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from service.fhir.terminology.code_systems import CodeSystem, CodeSystems, Concept
    from service.fhir.terminology.extents import Pair

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Described:
    """A concept as it is shown. `displays` are all words that are right for it, `display` among them first."""

    system: str
    code: str
    display: str | None
    displays: tuple[str, ...]
    designations: tuple[Json, ...]
    inactive: bool
    abstract: bool
    definition: str | None = None

    def has_words(self, words: Iterable[str]) -> bool:
        """Whether each of the words, in lower case, begins a word of the code or of a display."""
        own = [self.code.casefold(), *(part for text in self.displays for part in spelt(text))]
        return all(any(part.startswith(word) for part in own) for word in words)

    def is_called(self, display: str, *, folds_case: bool) -> bool:
        """Whether the display is right, however its spaces are set, and in any case if the code system minds none."""
        shown = plain(display, folds_case=folds_case)
        return any(plain(text, folds_case=folds_case) == shown for text in self.displays)


def describe(code_systems: CodeSystems, pair: Pair, listed: Json, language: str | None = None) -> Described:
    """The concept, shown in the language if there are words for it; `listed` is how a value set lists it."""
    system = code_systems.find(pair[0])
    concept = None if system is None else system.find(pair[1])
    return _described(pair, system, concept, listed, language)


def of_concept(system: CodeSystem, concept: Concept, language: str | None = None) -> Described:
    """The concept as its code system describes it."""
    return _described((system.url, concept.code), system, concept, {}, language)


def _described(
    pair: Pair, system: CodeSystem | None, concept: Concept | None, listed: Json, language: str | None
) -> Described:
    designations = (*listed.get("designation", ()), *(concept.designations if concept else ()))
    named = [listed.get("display"), concept.display if concept else None]
    displays = [text for text in named if text is not None]
    translated = None if language is None else _in_language(language, system, displays, designations)
    words = dict.fromkeys(
        [
            *([] if translated is None else [translated]),
            *displays,
            *(designation["value"] for designation in designations if "value" in designation),
        ]
    )
    return Described(
        pair[0],
        pair[1],
        translated or next(iter(displays), None),
        tuple(words),
        designations,
        inactive=bool(listed.get("inactive")) or (concept is not None and concept.inactive),
        abstract=concept is not None and concept.abstract,
        definition=None if concept is None else concept.definition,
    )


def spelt(text: str) -> Iterator[str]:
    """The words of a text in lower case, without the punctuation about them."""
    for word in text.casefold().split():
        stripped = word.strip(_PUNCTUATION)
        if stripped:
            yield stripped


def plain(text: str, *, folds_case: bool) -> str:
    """A display as it is compared."""
    spaced = " ".join(text.split())
    return spaced.casefold() if folds_case else spaced


def is_of_language(asked: str, tag: str) -> bool:
    """Whether a language tag is of the language asked: `en-GB` is of `en`, not the other way round."""
    asked, tag = asked.casefold(), tag.casefold()
    return tag == asked or tag.startswith(f"{asked}-")


def _in_language(
    asked: str, system: CodeSystem | None, displays: list[str], designations: tuple[Json, ...]
) -> str | None:
    own = None if system is None else system.content.get("language")
    if own is not None and displays and is_of_language(asked, own):
        return displays[0]
    for designation in designations:
        if "value" in designation and is_of_language(asked, designation.get("language", "")):
            return str(designation["value"])
    return None


_PUNCTUATION: Final = "()[]{}<>\"'.,;:/-–"  # noqa: RUF001 - the dash is one that displays have
