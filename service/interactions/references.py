"""References between the entries of a transaction: found once, filled in when ids are known.

A link is replaced wherever the standard says that it is one: Reference.reference; elements
of type uri, url, oid and uuid; href and src in narrative. Elements of type canonical and
string are not links. What looks like a link is found by its text; only then is the type
of its element looked up.

Source: https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from service.fhir import locations
from service.fhir.registry import Registry
from service.interactions.elements import element_type
from service.interactions.entries import Entry

Kind = Literal["reference", "uri", "narrative"]

_LINK_TYPES = frozenset({"uri", "url", "oid", "uuid"})
_RESTFUL = re.compile(r"(https?://.+)/[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]+)\?(.+)", re.DOTALL)
_NARRATIVE_LINK = re.compile(r"""(\b(?:href|src)\s*=\s*)(["'])(.*?)\2""", re.DOTALL)
_VERSIONED = "/_history/"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that holds a link: `holder[key]`, where the client wrote `text`.

    `trail` leads there from the top of the entry's resource, which is of `type`.
    """

    entry: int
    kind: Kind
    holder: Any  # a dict with a name as key, or a list with an index
    key: Any
    text: str
    type: str
    trail: tuple[Any, ...]

    @property
    def expression(self) -> str:
        """The FHIRPath of the place."""
        expression = self.type
        for key in self.trail:
            step = locations.item if isinstance(key, int) else locations.child
            expression = step(expression, key)
        return expression

    def fill(self, text: str) -> None:
        """Writes another text in this place."""
        self.holder[self.key] = text


@dataclass(frozen=True, slots=True)
class Criteria:
    """A reference by search, such as `Patient?identifier=…`."""

    type: str
    query: str


@dataclass(frozen=True, slots=True)
class Directory:
    """Where links lead: entries by fullUrl, and the base that an entry's relative links are under."""

    by_url: Mapping[str, int]
    server_base: str
    has_addresses: bool  # whether any fullUrl is an address, which relative links may mean

    @staticmethod
    def of(entries: Iterable[Entry], server_base: str) -> Directory:
        """The directory of all entries that have a fullUrl and a resource."""
        by_url = {
            entry.full_url: entry.index for entry in entries if entry.full_url and entry.resource is not None
        }
        return Directory(by_url, server_base, any("/" in url for url in by_url))

    def may_be_link(self, key: Any, text: str) -> bool:
        """Whether the text under this name may lead to an entry, or be a search: a first and quick look."""
        if key == "reference":
            return self.has_addresses or ":" in text or "?" in text
        return key == "div" or text in self.by_url

    def base_of(self, full_url: str | None) -> str:
        """The base of links in the entry with that fullUrl; the server's where it is no RESTful address."""
        match = _RESTFUL.fullmatch(full_url or "")
        return match[1] if match else self.server_base

    def lookup(self, text: str, base: str) -> tuple[int, bool] | None:
        """The entry that a link leads to, and whether it names a version; None where it leads elsewhere."""
        url, versioned, _ = text.partition(_VERSIONED)
        index = self.by_url.get(url)
        if index is None and _RELATIVE.fullmatch(url):
            index = self.by_url.get(f"{base}/{url}")
        return None if index is None else (index, bool(versioned))


def find_slots(registry: Registry, entry: Entry, directory: Directory) -> list[Slot]:
    """The places in an entry's resource that hold links."""
    resource = entry.body

    def kind_of(trail: list[Any]) -> Kind | None:
        return _kind(registry, resource, trail)

    type_ = str(resource.get("resourceType"))
    return _slots(entry.index, type_, resource, directory.may_be_link, kind_of)


def find_operation_slots(entry: Entry, operations: list[Any]) -> list[Slot]:
    """The places in a JSON Patch that hold references; it does not tell the types of other elements."""

    def kind_of(trail: list[Any]) -> Kind | None:
        is_reference = trail[-1] == "reference" or _is_reference_value(operations, trail)
        return "reference" if is_reference else None

    return _slots(entry.index, "Binary", operations, lambda key, _: key in {"reference", "value"}, kind_of)


def _slots(
    index: int,
    type_: str,
    top: Any,
    may_be_link: Callable[[Any, str], bool],
    kind_of: Callable[[list[Any]], Kind | None],
) -> list[Slot]:
    slots: list[Slot] = []
    trail: list[Any] = []

    def visit(node: Any) -> None:
        for key, value in node.items() if type(node) is dict else enumerate(node):
            if type(value) is str:
                if may_be_link(key, value):
                    trail.append(key)
                    kind = kind_of(trail)
                    if kind is not None:
                        slots.append(Slot(index, kind, node, key, value, type_, tuple(trail)))
                    trail.pop()
            elif type(value) is dict or type(value) is list:
                trail.append(key)
                visit(value)
                trail.pop()

    visit(top)
    return slots


def _is_reference_value(operations: list[Any], trail: list[Any]) -> bool:
    """Whether the trail leads to the value of an operation on a Reference.reference."""
    match trail:
        case [int(index), "value"]:
            return str(operations[index].get("path", "")).endswith("/reference")
        case _:
            return False


def _kind(registry: Registry, resource: dict[str, Any], trail: list[Any]) -> Kind | None:
    """The kind of link that the element at the end of the trail is; None for any other element."""
    holder, type_ = element_type(registry, resource, trail)
    if holder == "Reference" and trail[-1] == "reference":
        return "reference"
    if type_ in _LINK_TYPES:
        return "uri"
    return "narrative" if type_ == "xhtml" else None


def criteria_of(slot: Slot) -> Criteria | None:
    """The search that a reference is written as; None where it is none."""
    match = _CONDITIONAL.fullmatch(slot.text) if slot.kind == "reference" else None
    return None if match is None else Criteria(match[1], match[2])


def is_placeholder(text: str) -> bool:
    """Whether a reference can lead nowhere but to an entry of the same Bundle."""
    return text.startswith(("urn:uuid:", "urn:oid:"))


def narrative_with(text: str, link_for: Callable[[str], str | None]) -> str:
    """The narrative with every link replaced for which `link_for` has another."""

    def replaced(match: re.Match[str]) -> str:
        link = link_for(html.unescape(match[3]))
        return match[0] if link is None else f"{match[1]}{match[2]}{html.escape(link)}{match[2]}"

    return _NARRATIVE_LINK.sub(replaced, text)
