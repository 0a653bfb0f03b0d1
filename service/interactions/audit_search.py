"""The search parameters of AuditEvent that are offered, read into what the audit is asked for.

The audit has tables of its own, so not all that can be asked of stored resources can be asked of it:
no chains, no modifiers, no includes, and one order, that of time.

Source: https://hl7.org/fhir/R4/auditevent.html#search, docs/audit.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from service.fhir.problems import Malformed
from service.fhir.search import refusals, subsets
from service.fhir.search.compartments import PATIENT
from service.fhir.search.dates import MILLISECOND, moment
from service.fhir.search.escapes import split, unescape
from service.fhir.search.expressions import TotalMode
from service.fhir.search.grammar import FORMAT_PARAMETERS
from service.fhir.search.references import Addresses, Target
from service.fhir.search.results import PAGE
from service.fhir.search.subsets import WHOLE, Subset
from service.interactions.audit_event import (
    ACTS,
    AUDIT_EVENT,
    DICOM,
    EXPORT,
    GET_TOKEN,
    IHE_EVENTS,
    INTERACTIONS,
    SECURITY_ALERT,
    SIGN_IN,
    TYPES,
)
from service.interactions.identity import is_id
from service.interactions.noting import TOKEN
from service.storage.audit import ACTIONS
from service.storage.ledger import EXPORTING, REST, SECURITY, SIGNING_IN, Asked, Subtype

if TYPE_CHECKING:
    from service.fhir.registry import Registry

PARAMETERS: Final = (
    "_id",
    "_lastUpdated",
    "action",
    "agent",
    "altid",
    "date",
    "entity",
    "outcome",
    "patient",
    "subtype",
    "type",
)
"""R4's search parameters of AuditEvent that are offered, in order."""

ORGANIZATION: Final = "Organization"

_SHOWING: Final = ("_sort", "_count", "_total", "_summary", "_elements", PAGE)
_REPEATABLE: Final = frozenset({"date", "_lastUpdated"})
_RISING: Final = {"date": True, "_lastUpdated": True, "-date": False, "-_lastUpdated": False}
_STATUSES: Final[Mapping[str, tuple[int, int] | None]] = {
    "0": (100, 400),
    "4": (400, 500),
    "8": (500, 600),
    "12": None,  # what fails in a way that ends the service leaves no entry
}
# Kinds of acts by the code of their type.
_KINDS: Final = {"rest": REST, SIGN_IN: SIGNING_IN, SECURITY_ALERT: SECURITY, EXPORT: EXPORTING}
_COUNT: Final = re.compile(r"\d{1,9}", re.ASCII)
_PREFIXED: Final = re.compile(r"(eq|ge|gt|le|lt)?(\d.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """A search of the audit as understood.

    `asked` says which entries; `ids` are places where some were named, None where none were. With
    `nothing` none can be meant. `pairs` are what was understood, for the links.
    """

    asked: Asked
    ids: tuple[tuple[int, int], ...] | None
    nothing: bool
    total: TotalMode
    subset: Subset
    page: str | None
    pairs: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]


def read_search(
    registry: Registry,
    base_url: str,
    pairs: Sequence[tuple[str, str]],
    *,
    count_default: int,
    count_limit: int,
    lenient: bool,
    place: Callable[[str], tuple[int, int] | None],
) -> AuditSearch:
    """The search that the pairs ask for; `place` tells where the entry of an id is.

    Raises:
        Malformed: something was not understood; every such thing is an issue.
    """
    addresses = Addresses(registry, base_url)
    reading = _Reading(registry, addresses, place, lenient, count_limit, Asked(count_default))
    faults = []
    for name, value in pairs:
        try:
            reading.take(name, value)
        except Malformed as problem:
            faults += problem.issues
    if faults:
        raise Malformed.of(faults)
    return reading.search()


@dataclass(slots=True)
class _Reading:
    """A search while its pairs are read."""

    registry: Registry
    addresses: Addresses
    place: Callable[[str], tuple[int, int] | None]
    lenient: bool
    count_limit: int
    asked: Asked
    ids: tuple[tuple[int, int], ...] | None = None
    nothing: bool = False
    total: TotalMode = "none"
    subset: Subset = WHOLE
    page: str | None = None
    seen: set[str] = field(default_factory=set)
    understood: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def take(self, name: str, value: str) -> None:
        """Takes a pair in.

        Raises:
            Malformed: it is not understood.
        """
        if name in FORMAT_PARAMETERS:
            return
        code, _, modifier = name.partition(":")
        if code not in {*PARAMETERS, *_SHOWING}:
            if self.lenient:
                self.ignored.append(name)
                return
            raise refusals.unsupported_parameter(name, AUDIT_EVENT, PARAMETERS)
        if modifier:
            raise refusals.unknown_modifier(code, modifier, ())
        if not value:
            raise refusals.empty(name)
        if code in self.seen and code not in _REPEATABLE:
            raise refusals.repeated(code)
        self.seen.add(code)
        shown = self._show(code, value) if code in _SHOWING else self._choose(code, value)
        if shown is not None:
            self.understood.append((code, shown))

    def search(self) -> AuditSearch:
        """The search that was read."""
        subsets.require_one(self.subset)
        if self.subset.summary == "count":
            self.asked = replace(self.asked, count=0)
        return AuditSearch(
            self.asked,
            self.ids,
            self.nothing,
            "accurate" if self.asked.count == 0 else self.total,
            self.subset,
            self.page,
            tuple(self.understood),
            tuple(self.ignored),
        )

    def _show(self, code: str, value: str) -> str | None:
        match code:
            case "_sort":
                if value not in _RISING:
                    raise refusals.unsortable([AUDIT_EVENT], ["date", "_lastUpdated"])
                self.asked = replace(self.asked, rising=_RISING[value])
            case "_count":
                if _COUNT.fullmatch(value) is None:
                    raise refusals.unreadable("_count", "search-value-count", "give a whole number")
                self.asked = replace(self.asked, count=min(int(value), self.count_limit))
                return str(self.asked.count)
            case "_total":
                if value not in get_args(TotalMode):
                    raise refusals.unreadable(
                        "_total", "search-value-total", "give `none`, `estimate` or `accurate`"
                    )
                self.total = cast("TotalMode", value)
            case "_summary":
                self.subset = replace(self.subset, summary=subsets.summary(value))
            case "_elements":
                chosen = subsets.elements(self.registry, [AUDIT_EVENT], value)
                self.subset = replace(self.subset, elements=chosen)
            case _:
                self.page = value
                return None
        return value

    def _choose(self, code: str, value: str) -> str:
        alternatives = [unescape(part) for part in split(value, ",")]
        if not all(alternatives):
            raise refusals.empty(code)
        _READERS[code](self, alternatives)
        return value

    def _id(self, values: list[str]) -> None:
        # An id that is none of ours finds nothing, as in any search.
        self.ids = tuple(found for value in values if (found := self.place(value)) is not None)

    def _time(self, values: list[str]) -> None:
        found = _PREFIXED.fullmatch(values[0]) if len(values) == 1 else None
        range_ = None if found is None else moment(found[2])
        if found is None or range_ is None:
            raise refusals.unreadable(
                "date", "search-value-date", "give one date or time, with eq, ge, gt, le or lt before it"
            )
        low, high = (-(-micros // MILLISECOND) for micros in range_)
        since, until = {
            "ge": (low, None),
            "gt": (high, None),
            "le": (None, high),
            "lt": (None, low),
        }.get(found[1] or "eq", (low, high))
        self.asked = replace(
            self.asked,
            since=max((one for one in (self.asked.since, since) if one is not None), default=None),
            until=min((one for one in (self.asked.until, until) if one is not None), default=None),
        )

    def _agent(self, values: list[str]) -> None:
        targets = tuple(self._target("agent", value) for value in values)
        if all(type_ == ORGANIZATION for type_, _ in targets):  # found by an index of its own
            self.asked = replace(self.asked, agencies=tuple(id_ for _, id_ in targets))
        else:
            self.asked = replace(self.asked, agents=targets)

    def _altid(self, values: list[str]) -> None:
        self.asked = replace(self.asked, clients=tuple(value.removeprefix("|") for value in values))

    def _patient(self, values: list[str]) -> None:
        self._children(
            [value if is_id(value) else self._of_type("patient", value, PATIENT) for value in values]
        )

    def _entity(self, values: list[str]) -> None:
        targets = tuple(self._target("entity", value) for value in values)
        if all(type_ == PATIENT for type_, _ in targets):  # found by an index of its own
            self._children([id_ for _, id_ in targets])
        else:
            self.asked = replace(self.asked, entities=targets)

    def _children(self, ids: list[str]) -> None:
        known = self.asked.children
        wanted = tuple(id_ for id_ in ids if not known or id_ in known)
        self.nothing |= not wanted
        self.asked = replace(self.asked, children=wanted)

    def _action(self, values: list[str]) -> None:
        codes = {letter: code for code, letter in ACTIONS.items()}
        wanted = tuple(codes[value] for value in map(_code, values) if value in codes)
        self.nothing |= not wanted
        self.asked = replace(self.asked, actions=wanted)

    def _type(self, values: list[str]) -> None:
        named = [_KINDS[code] for system, code in map(_token, values) if system in _systems(code)]
        wanted = tuple(kind for kind in dict.fromkeys(_KINDS.values()) if kind in named)
        self.nothing |= not wanted
        self.asked = replace(self.asked, kinds=wanted)

    def _subtype(self, values: list[str]) -> None:
        wanted = [found for value in values for found in _subtypes(*_token(value))]
        self.nothing |= not wanted
        self.asked = replace(self.asked, subtypes=tuple(wanted))

    def _outcome(self, values: list[str]) -> None:
        ranges = [_STATUSES.get(_code(value)) for value in values]
        wanted = tuple(each for each in ranges if each is not None)
        self.nothing |= not wanted
        self.asked = replace(self.asked, statuses=wanted)

    def _of_type(self, name: str, value: str, type_: str) -> str:
        found, id_ = self._target(name, value)
        if found != type_:
            raise refusals.wrong_target(name, found, [type_])
        return id_

    def _target(self, name: str, value: str) -> Target:
        found = ("", value) if is_id(value) else self.addresses.local(value)
        if found is None:
            raise refusals.unreadable(name, "search-value-reference", "give `Type/id`, or an id")
        return found


_READERS: Final[Mapping[str, Callable[[_Reading, list[str]], Any]]] = {
    "_id": _Reading._id,  # noqa: SLF001 - its own
    "_lastUpdated": _Reading._time,  # noqa: SLF001 - its own
    "action": _Reading._action,  # noqa: SLF001 - its own
    "agent": _Reading._agent,  # noqa: SLF001 - its own
    "altid": _Reading._altid,  # noqa: SLF001 - its own
    "date": _Reading._time,  # noqa: SLF001 - its own
    "entity": _Reading._entity,  # noqa: SLF001 - its own
    "outcome": _Reading._outcome,  # noqa: SLF001 - its own
    "patient": _Reading._patient,  # noqa: SLF001 - its own
    "subtype": _Reading._subtype,  # noqa: SLF001 - its own
    "type": _Reading._type,  # noqa: SLF001 - its own
}


def _systems(code: str) -> tuple[str | None, ...]:
    """The systems that a token of that type may name, None for any; none where there is no such type."""
    return (TYPES if code == REST else DICOM, None) if code in _KINDS else ()


def _token(value: str) -> tuple[str | None, str]:
    """The system (None: any) and code of a token."""
    system, bar, code = value.partition("|")
    return (system, code) if bar else (None, system)


def _code(value: str) -> str:
    """The code of a token of which the system can be but one."""
    return _token(value)[1]


def _subtypes(system: str | None, code: str) -> list[Subtype]:
    """What a subtype means of entries."""
    found: list[Subtype] = []
    if system in {None, INTERACTIONS}:
        found.append(Subtype(code, own=False))
    if system in {None, ACTS}:
        found.append(Subtype(code, own=True))
    if system in {None, IHE_EVENTS} and code == GET_TOKEN:
        found.append(Subtype(TOKEN, own=True))
    return found
