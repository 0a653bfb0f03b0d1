"""The search values of one resource: what indexes are made from and matching reads.

Source: https://hl7.org/fhir/R4/search.html#3.1.1.4
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, init=False)
class SearchValues:
    """Values by kind, each a set of tuples that begin with the parameter's code.

    tokens      (parameter, system, code)        system "" where none was given
    references  (parameter, type, id)            type "" for an absolute URL or canonical, then id is the URL
    strings     (parameter, folded, original)
    dates       (parameter, low, high)           half-open, microseconds since 1970 UTC
    numbers     (parameter, value)
    quantities  (parameter, system, code, value) system "" and code "" where none was given
    uris        (parameter, uri)
    composites  (parameter, (system, code), second)  second as its own kind has it, without a parameter
    texts       (parameter, words)               folded words, one space before, between and behind

    What is long is shortened, as `lengths.py` tells; words are not.

    Beside the codes of parameters there are codes of what modifiers ask for:
    `code:text` (strings), `identifier:of-type` (tokens: the type's system, and `type-code|value`),
    `subject:identifier` (tokens), `value-quantity:canonical` (quantities in a canonical unit),
    `near:x`, `near:y`, `near:z` (numbers: the unit vector of a position).
    """

    tokens: set[tuple[str, str, str]]
    references: set[tuple[str, str, str]]
    strings: set[tuple[str, str, str]]
    dates: set[tuple[str, int, int]]
    numbers: set[tuple[str, float]]
    quantities: set[tuple[str, str, str, float]]
    uris: set[tuple[str, str]]
    composites: set[tuple[str, tuple[str, str], tuple[Any, ...]]]
    texts: set[tuple[str, str]]

    def __init__(  # noqa: PLR0913, PLR0917 - one for each field
        self,
        tokens: set[tuple[str, str, str]] | None = None,
        references: set[tuple[str, str, str]] | None = None,
        strings: set[tuple[str, str, str]] | None = None,
        dates: set[tuple[str, int, int]] | None = None,
        numbers: set[tuple[str, float]] | None = None,
        quantities: set[tuple[str, str, str, float]] | None = None,
        uris: set[tuple[str, str]] | None = None,
        composites: set[tuple[str, tuple[str, str], tuple[Any, ...]]] | None = None,
        texts: set[tuple[str, str]] | None = None,
    ) -> None:
        self.tokens = set() if tokens is None else tokens
        self.references = set() if references is None else references
        self.strings = set() if strings is None else strings
        self.dates = set() if dates is None else dates
        self.numbers = set() if numbers is None else numbers
        self.quantities = set() if quantities is None else quantities
        self.uris = set() if uris is None else uris
        self.composites = set() if composites is None else composites
        self.texts = set() if texts is None else texts
