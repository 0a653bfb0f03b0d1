"""Links between the entries of a transaction, resolved: to the ids that entries get, and to what criteria mean.

Source: https://hl7.org/fhir/R4/http.html#trules, https://hl7.org/fhir/R4/bundle.html#references
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from service.access.needs import Needs, of
from service.fhir.problems import Issue, Malformed, Precondition, Problem
from service.fhir.registry import Registry
from service.interactions.entries import Entry
from service.interactions.faults import Faults
from service.interactions.identity import require_offered
from service.interactions.outlook import Outlook
from service.interactions.patch import JsonPatch, Patch
from service.interactions.pauses import breathe
from service.interactions.references import (
    Criteria,
    Directory,
    Slot,
    criteria_of,
    find_operation_slots,
    find_slots,
    is_placeholder,
    narrative_with,
)
from service.storage.store import Expectation

_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a resource will be: its type, its id, and the version that the transaction gives it."""

    type: str
    id: str
    version: int

    def reference(self, *, versioned: bool) -> str:
        """The relative reference to the resource, or to that version of it."""
        plain = f"{self.type}/{self.id}"
        return f"{plain}/_history/{self.version}" if versioned else plain


@dataclass(frozen=True, slots=True)
class Link:
    """A slot, and where it leads: to the entry `target`, or by `criteria`, or (narrative) by several links in it."""

    slot: Slot
    base: str
    target: int | None = None
    versioned: bool = False
    criteria: Criteria | None = None


@dataclass(frozen=True, slots=True)
class Links:
    """All links of a transaction that lead to its own entries or by criteria."""

    links: tuple[Link, ...]
    directory: Directory

    @property
    def unmeant(self) -> frozenset[tuple[str, str]]:
        """What conditional references are made to lead to where their criteria mean nothing: type and id."""
        return frozenset((link.criteria.type, _UNKNOWN) for link in self.links if link.criteria is not None)

    def needs(self, served: Container[str]) -> Iterator[tuple[Slot, Needs]]:
        """The scopes that conditional references take, each with where it stands; of types that are served.

        Who asks whether something is there, searches.
        """
        for link in self.links:
            if link.criteria is not None and link.criteria.type in served:
                yield link.slot, of("search-type", link.criteria.type)

    @property
    def pinned(self) -> frozenset[int]:
        """The entries of which a certain version is referred to, so that they must get a new one."""
        return frozenset(link.target for link in self.links if link.versioned and link.target is not None)


async def find_links(
    registry: Registry,
    server_base: str,
    entries: Sequence[Entry],
    patches: Mapping[int, Patch],
    faults: Faults,
) -> Links:
    """The links in all entries; one that must lead to an entry and does not is added to `faults`."""
    changing = [entry for entry in entries if entry.method in {"POST", "PUT", "PATCH"}]
    directory = Directory.of(changing, server_base)
    links = []
    for done, entry in enumerate(changing):
        base = directory.base_of(entry.full_url)
        patch = patches.get(entry.index)
        if isinstance(patch, JsonPatch):
            slots = find_operation_slots(entry, patch.operations)
        else:
            slots = find_slots(registry, entry, directory)
        for slot in slots:
            link = _link(slot, base, directory, faults)
            if link is not None:
                links.append(link)
        await breathe(done)
    return Links(tuple(links), directory)


def _link(slot: Slot, base: str, directory: Directory, faults: Faults) -> Link | None:
    if slot.kind == "narrative":
        return Link(slot, base)
    found = directory.lookup(slot.text, base)
    if found is not None:
        return Link(slot, base, *found)
    criteria = criteria_of(slot)
    if criteria is not None:
        return Link(slot, base, criteria=criteria)
    if slot.kind == "reference" and is_placeholder(slot.text):
        text = "No entry of this transaction has the fullUrl that this refers to."
        issue = Issue("error", "not-found", "reference-broken", text, slot.expression)
        faults.add(slot.entry, Malformed.of([issue]))
    return None


async def fill_links(
    registry: Registry, links: Links, addresses: Mapping[int, Address], outlook: Outlook, faults: Faults
) -> list[Expectation]:
    """What the store must still say of conditional references at commit; writes into every slot where it leads.

    Criteria that do not mean exactly one resource are added to `faults`. A link to an entry without an address, which has faults of its own, is left as it is.
    """
    meanings: dict[Criteria, str | Problem] = {}
    expectations: list[Expectation] = []
    for done, link in enumerate(links.links):
        if link.criteria is not None:
            if link.criteria not in meanings:
                meanings[link.criteria] = await _meaning(registry, outlook, link.criteria, expectations)
            _fill_meant(link.slot, link.criteria, meanings[link.criteria], faults)
        elif link.target is None:
            _fill_narrative(link, links.directory, addresses)
        elif link.target in addresses:
            link.slot.fill(addresses[link.target].reference(versioned=link.versioned))
        await breathe(done)
    return expectations


def _fill_narrative(link: Link, directory: Directory, addresses: Mapping[int, Address]) -> None:
    def link_for(text: str) -> str | None:
        found = directory.lookup(text, link.base)
        if found is None or found[0] not in addresses:
            return None
        return addresses[found[0]].reference(versioned=found[1])

    link.slot.fill(narrative_with(link.slot.text, link_for))


def _fill_meant(slot: Slot, criteria: Criteria, meaning: str | Problem, faults: Faults) -> None:
    if isinstance(meaning, Problem):
        issues = [
            Issue(issue.severity, issue.code, issue.slug, issue.text, slot.expression)
            for issue in meaning.issues
        ]
        faults.add(slot.entry, type(meaning).of(issues))
        # The transaction is refused; its other faults are still looked for, and this is not told twice.
        slot.fill(f"{criteria.type}/{_UNKNOWN}")
    else:
        slot.fill(meaning)


async def _meaning(
    registry: Registry, outlook: Outlook, criteria: Criteria, expectations: list[Expectation]
) -> str | Problem:
    """The reference to the one resource that the criteria mean, or why there is none."""
    try:
        require_offered(registry, criteria.type, "search-type")
        prospects, expectation = await outlook.find(criteria.type, criteria.query, refers=True)
    except Problem as problem:
        return problem
    expectations.append(expectation)
    if len(prospects) == 1:
        return f"{criteria.type}/{prospects[0].id}"
    if prospects:
        issue = Issue(
            "error", "multiple-matches", "reference-ambiguous", f"More than one {criteria.type} matches."
        )
    else:
        issue = Issue("error", "not-found", "reference-unmatched", f"No {criteria.type} matches.")
    return Precondition.of([issue])
