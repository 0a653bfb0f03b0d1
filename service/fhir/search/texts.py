"""Words of a resource: of its narrative (`_text`), and of all that people wrote in it (`_content`).

Which elements hold text is told by the definitions of the types: strings, markdown and
XHTML, wherever they stand, in extensions and contained resources too. Strings that are
addresses, numbers or names for machines are left out, since `_content` would otherwise
find records by what is no word.

Source: https://hl7.org/fhir/R4/search.html#content
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from service.fhir.search.derived import CONTENT, NARRATIVE
from service.fhir.search.strings import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.fhir.definitions import Element
    from service.fhir.registry import Registry

_TEXT_TYPES = frozenset({"string", "markdown"})

# Strings that no one reads: (type, element), the type "" for every one.
_UNREAD = frozenset({
    ("", "id"), ("", "linkId"), ("", "implicitRules"), ("Reference", "reference"), ("Identifier", "value"),
    ("Coding", "version"), ("Expression", "expression"), ("SampledData", "data"), ("ElementDefinition", "path"),
    ("Subscription", "criteria"), ("SearchParameter", "expression"), ("SearchParameter", "xpath"),
    ("ElementDefinition.constraint", "expression"), ("ElementDefinition.constraint", "xpath"),
})  # fmt: skip

# Elements that may hold any resource, which says its type itself.
_RESOURCES = frozenset({"Resource", "DomainResource"})

_MARKUP = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)

# Texts up to this long (characters) repeat between resources, and what was made of them is kept.
_REPEATING = 200

# What an element's table has for a JSON property: a table of its own, or one of these.
_PLAIN = "text"
_XHTML = "xhtml"
_RESOURCE = "resource"
Table = dict[str, Any]


class Texts:
    """The words of resources, by tables of where types have text; these are made when first needed."""

    def __init__(self, registry: Registry) -> None:
        """Takes the definitions of types."""
        self._registry = registry
        self._tables: dict[str, Table] = {}

    def add(self, resource: dict[str, Any], to: set[tuple[str, str]]) -> None:
        """Adds the words of the resource to `to`, as `SearchValues.texts` has them."""
        found: list[str] = []
        self._gather(resource, self._table(resource["resourceType"]), found)
        self.add_found(resource, found, to)

    def has_any(self, type_: str, name: str) -> bool:
        """Whether there may be text in the property of a resource of the type."""
        return name in self._table(type_)

    def found(self, type_: str, name: str, value: Any) -> list[str]:
        """The texts in the value of that property of a resource of the type."""
        found: list[str] = []
        self._gather({name: value}, self._table(type_), found)
        return found

    @staticmethod
    def add_found(resource: dict[str, Any], found: list[str], to: set[tuple[str, str]]) -> None:
        """As `add`, where the resource's texts are known."""
        words = _joined(tuple(found)) if sum(map(len, found)) <= _REPEATING else _distinct(found)
        if words:
            to.add((CONTENT, words))
            narrative = resource.get("text")
            if (
                narrative is not None
                and (div := narrative.get("div"))
                and (words := _distinct([_read_xhtml(div)]))
            ):
                to.add((NARRATIVE, words))

    def _gather(self, item: dict[str, Any], table: Table, found: list[str]) -> None:
        for key, value in item.items():
            below = table.get(key)
            if below is None:
                continue
            if below is _PLAIN:
                if value.__class__ is str:
                    found.append(value)
                else:
                    found += [text for text in value if text is not None]
            elif below is _XHTML:
                found.append(_read_xhtml(value))
            else:
                for one in (value,) if value.__class__ is dict else value:
                    self._gather(
                        one, self._table(one["resourceType"]) if below is _RESOURCE else below, found
                    )

    def _table(self, type_: str) -> Table:
        """The table of a type; of its parts too, which may have it as a part again."""
        known = self._tables.get(type_)
        if known is None:
            known = self._tables[type_] = {}
            try:
                elements = self._registry.definition(type_).elements
            except KeyError:  # a contained resource of no type of R4, from before resources were checked
                return known
            for name, element in elements.items():
                known.update(self._rows(type_, name, element))
        return known

    def _rows(self, type_: str, name: str, element: Element) -> Iterable[tuple[str, Any]]:
        if (type_, name) in _UNREAD or ("", name) in _UNREAD:
            return
        for of in element.types:
            key = f"{name}{of[:1].upper()}{of[1:]}" if element.choice else name
            if of in _TEXT_TYPES:
                yield key, _PLAIN
            elif of == "xhtml":
                yield key, _XHTML
            elif of in _RESOURCES:
                yield key, _RESOURCE
            elif self._registry.definition(of).kind in {"complex", "backbone"}:
                yield key, self._table(of)


def _read_xhtml(div: str) -> str:
    """The text of XHTML."""
    return html.unescape(_MARKUP.sub(" ", div))


def _distinct(texts: Iterable[str]) -> str:
    """The words of the texts, each once, with a space before, between and behind them; "" where there are none.

    Sorted, because a row must not depend on the order in which a client writes elements.
    """
    words = sorted({word for text in texts for word in _words(text)})
    return f" {' '.join(words)} " if words else ""


def _words(text: str) -> list[str]:
    """The words of a text, folded; what was made of a long one is not kept."""
    return (fold(text) if len(text) <= _REPEATING else fold.__wrapped__(text)).split()


@lru_cache(maxsize=8_192)  # scores differ in their numbers, not in their words
def _joined(texts: tuple[str, ...]) -> str:
    return _distinct(texts)
