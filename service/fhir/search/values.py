"""The search values of one resource: what indexes are made from and matching reads.

Source: https://hl7.org/fhir/R4/search.html#3.1.1.4
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
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

    tokens: set[tuple[str, str, str]] = field(default_factory=set)
    references: set[tuple[str, str, str]] = field(default_factory=set)
    strings: set[tuple[str, str, str]] = field(default_factory=set)
    dates: set[tuple[str, int, int]] = field(default_factory=set)
    numbers: set[tuple[str, float]] = field(default_factory=set)
    quantities: set[tuple[str, str, str, float]] = field(default_factory=set)
    uris: set[tuple[str, str]] = field(default_factory=set)
    composites: set[tuple[str, tuple[str, str], tuple[Any, ...]]] = field(default_factory=set)
    texts: set[tuple[str, str]] = field(default_factory=set)
