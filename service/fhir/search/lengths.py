"""How much of a long value search keeps: the same of what is stored and of what is asked for.

The search values of a resource, and those in an expression, are shortened here and
nowhere else, so that memory and database compare the same. A string is cut; a code, an
address or a unit, which is compared whole, is kept by its beginning and a digest of all.

Source: ADR 0002, docs/interpretations.md (Long values)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from service.fhir.definitions import SearchType
    from service.fhir.search.values import SearchValues

# Bytes. PostgreSQL refuses a B-tree entry over 2,704 bytes; a code or address is kept whole up to here.
LONGEST_WHOLE: Final = 512
# Bytes of the beginning of a longer one; up to here an address can be asked for by its beginning.
LONGEST_BEGINNING: Final = 400

# Characters. 300 of up to four bytes each, twice (folded and original), still fit the limit above.
LONGEST_STRING: Final = 300

# Characters, up to which nothing is shortened, whatever the characters are.
_SHORT: Final = LONGEST_WHOLE // 4

Shorten = Callable[[str], str]


def indexable(text: str) -> str:
    """The text itself, or its beginning and a digest where it is too long for an index."""
    if len(text) <= _SHORT:
        return text
    raw = text.encode()
    if len(raw) <= LONGEST_WHOLE:
        return text
    return raw[:LONGEST_BEGINNING].decode(errors="ignore") + "#" + blake2b(raw, digest_size=32).hexdigest()


def beginning(text: str) -> str:
    """The text, or as much of its beginning as strings are compared by."""
    return text[:LONGEST_STRING]


def shorten(values: SearchValues, seconds: Mapping[str, SearchType]) -> None:
    """Shortens the search values of a resource that are too long; most resources have none.

    `seconds` is the type of the second component by the code of the composite.
    """
    if not (_is_any_long(values) or _is_any_part_long(values.composites)):
        return
    for found, way in (
        (values.tokens, indexable), (values.references, indexable), (values.strings, beginning),
        (values.quantities, indexable), (values.uris, indexable),
    ):  # fmt: skip
        shortened = [(one[0], *_shortened(one[1:], way)) for one in found]
        found.clear()
        found.update(shortened)
    values.composites = {
        (
            code,
            (indexable(first[0]), indexable(first[1])),
            _shortened(second, beginning if seconds[code] == "string" else indexable),
        )
        for code, first, second in values.composites
    }


def _is_any_long(values: SearchValues) -> bool:
    """Written out and without calls, because every write comes by here."""
    for found in (values.tokens, values.references, values.strings):
        for _, one, other in found:
            if len(one) > _SHORT or len(other) > _SHORT:
                return True
    for _, system, unit, _ in values.quantities:
        if len(system) > _SHORT or len(unit) > _SHORT:
            return True
    for _, uri in values.uris:  # noqa: SIM110 - as said
        if len(uri) > _SHORT:
            return True
    return False


def _is_any_part_long(composites: Iterable[tuple[str, tuple[str, str], tuple[Any, ...]]]) -> bool:
    for _, (system, token), second in composites:
        if len(system) > _SHORT or len(token) > _SHORT:
            return True
        for part in second:
            if part.__class__ is str and len(part) > _SHORT:
                return True
    return False


def _shortened(parts: tuple[Any, ...], way: Shorten) -> tuple[Any, ...]:
    return tuple(way(part) if isinstance(part, str) else part for part in parts)
