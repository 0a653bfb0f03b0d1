"""References to what is here: a literal reference to a resource of this server must lead to one.

Asked of each reference that a write brings. One that the version before had already is not
asked again: resources may be deleted though others refer to them, and what refers to them
must still be open to correction.

Source: https://hl7.org/fhir/R4/references.html#literal, docs/rules.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from service.fhir import locations
from service.fhir.problems import Issue
from service.fhir.registry import Registry
from service.fhir.search.references import Addresses
from service.interactions.elements import child_element
from service.interactions.etags import version_number
from service.storage.store import Change, Key

_HISTORY = "/_history/"
Json = dict[str, Any]


class Presence(NamedTuple):
    """A resource as far as it is here: its newest version, and whether that is a deletion."""

    version: int
    deleted: bool


class Literal(NamedTuple):
    """A reference to a resource of this server, or (`version` not None) to a version of it, as it is written."""

    text: str
    key: Key
    version: str | None

    def leads_to(self, present: Presence | None) -> bool:
        """Whether there is what it names. Versions stay when their resource is deleted, its deletion is one."""
        if present is None:
            return False
        if self.version is None:
            return not present.deleted
        number = version_number(self.version)
        return 1 <= number <= present.version


class Literals:
    """The references of a unit, each text of them read once: most of what is about somebody says the same."""

    def __init__(self, addresses: Addresses) -> None:
        """Takes which addresses are ours."""
        self._addresses = addresses
        self._known: dict[str, Literal | None] = {}

    def new(self, change: Change) -> list[Literal]:
        """The references to this server that a change brings."""
        if change.resource is None:
            return []
        texts = _texts(change.resource)
        if change.former is not None:
            texts -= _texts(change.former)
        known = self._known
        found = (known[text] if text in known else self._read(text) for text in texts)
        return [literal for literal in found if literal is not None]

    def _read(self, text: str) -> Literal | None:
        key = self._addresses.local(text)
        literal = None
        if key is not None:
            _, versioned, version = text.partition(_HISTORY)
            literal = Literal(text, key, version if versioned else None)
        self._known[text] = literal
        return literal


def _texts(resource: Json) -> set[str]:
    """The text of every literal reference: no other element of R4 is a string called reference."""
    found: set[str] = set()
    _gather((resource,), found)
    return found


def _gather(values: Iterable[Any], found: set[str]) -> None:
    for value in values:
        if isinstance(value, dict):
            text = value.get("reference")
            if not isinstance(text, str):
                _gather(value.values(), found)
                continue
            found.add(text)
            if len(value) > 1:  # most references have nothing else
                _gather(value.values(), found)
        elif isinstance(value, list):
            _gather(value, found)


def missing(
    change: Change, literals: list[Literal], present: Callable[[Key], Presence | None], registry: Registry
) -> list[Issue]:
    """An issue for each place of the change's resource whose reference leads to nothing here."""
    broken = {literal.text: literal for literal in literals if not literal.leads_to(present(literal.key))}
    if not broken or change.resource is None:
        return []
    issues = []
    for text, expression in _places(registry, change.resource, broken.keys()):
        type_ = broken[text].key[0]
        said = f"There is no such {type_} on this server. Create it first, or in the same transaction."
        issues.append(Issue("error", "not-found", "reference-missing", said, expression))
    return issues


def _places(registry: Registry, resource: Json, texts: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    """Where these references are written, in the order of the document."""

    def visit(node: Any, type_: str, path: str) -> Iterator[tuple[str, str]]:
        for name, value in node.items():
            if name == "reference" and type(value) is str and value in texts:
                yield value, locations.child(path, name)
            elif type(value) is dict or type(value) is list:
                element, inner = child_element(registry, type_, name)
                for item, place in _items(value, locations.child(path, element)):
                    of = str(item.get("resourceType", inner)) if inner == "Resource" else inner
                    yield from visit(item, of, place)

    type_ = str(resource.get("resourceType", ""))
    return visit(resource, type_, type_)


def _items(value: Any, path: str) -> Iterator[tuple[Json, str]]:
    if type(value) is dict:
        yield value, path
    else:
        for index, item in enumerate(value):
            if type(item) is dict:
                yield item, locations.item(path, index)
