"""What an export is asked for, read and checked as far as it can be before anything is exported.

What R4 or Bulk Data does not know, what is not offered, and what the token does not cover is refused; where the
client prefers lenient handling, it is passed over, and told in the export's error file. What is offered and has a
value that cannot be read is refused in any case: to pass it over would give other data than was meant.

Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html#query-parameters,
https://hl7.org/fhir/uv/bulkdata/en/export.html (3.0.0), docs/operations/export.md
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from service.access.needs import Need, Needs, require
from service.access.scopes import OPEN
from service.bulk import acting
from service.bulk.export_request import ASSOCIATED, ExportRequest, Level, Pairs
from service.fhir.parameters import ELEMENT, Input
from service.fhir.problems import Issue, Malformed
from service.fhir.registry import APART, Registry
from service.fhir.search import subsets
from service.fhir.search.compartments import PATIENT, of_record
from service.fhir.search.dates import MILLISECOND, moment
from service.interactions.context import Act, Context
from service.operations.export_filters import read_filter
from service.operations.operation import Call

INPUTS: Final = (
    Input("_outputFormat", "string"),
    Input("_since", "instant"),
    Input("_until", "instant"),
    Input("_type", "string", repeats=True),
    Input("_typeFilter", "string", repeats=True),
    Input("_elements", "string", repeats=True),
    Input("patient", ELEMENT, repeats=True, either=("Reference", "string")),
    Input("includeAssociatedData", ELEMENT, repeats=True, either=("code", "Coding")),
    Input("organizeOutputBy", "string"),
    Input("allowPartialManifests", "boolean"),
)

FORMATS: Final = frozenset({"application/fhir+ndjson", "application/ndjson", "ndjson"})
ORGANIZED_BY: Final = (PATIENT,)
ASSOCIATED_SYSTEM: Final = "http://hl7.org/fhir/uv/bulkdata/CodeSystem/include-associated-data"

# A comma parts filters only where another one begins behind it: one inside a filter is encoded once more by some
# clients, and by others not.
_BETWEEN_FILTERS: Final = re.compile(r",(?=[A-Z][A-Za-z]{1,63}(?:\?|%3F))")
_WARNING: Final = "warning"


@dataclass(slots=True)
class _Reading:
    """A request while it is read: `faults` are what makes it another than was asked, `wrong` what cannot be read."""

    context: Context
    act: Act
    call: Call
    level: Level
    faults: list[Issue] = field(default_factory=list)
    wrong: list[Issue] = field(default_factory=list)

    def values(self, name: str) -> tuple[str, ...]:
        """The values of a parameter that repeats, or holds several with commas, each once."""
        given = (part.strip() for text in self.call.inputs.all(name) for part in text.split(","))
        return tuple(dict.fromkeys(part for part in given if part))


async def read(context: Context, act: Act, call: Call, level: Level) -> ExportRequest:
    """The request, but for whom it is about (`patients`), which takes a look into the store.

    Raises:
        Malformed: something cannot be read, or is not understood and may not be passed over.
        InsufficientScope: the token does not cover a type that is asked for.
    """
    reading = _Reading(context, act, call, level)
    _unknown(reading)
    _format(reading)
    types = _types(reading)
    associated, coded = _associated(reading)
    request = ExportRequest(
        level=level,
        group=call.id if level == "Group" else "",
        url=_url(context, call),
        method="GET" if call.method == "GET" else "POST",
        types=types,
        since=_moment(reading, "_since"),
        until=_moment(reading, "_until"),
        filters=await _filters(reading, types),
        elements=_elements(reading, types),
        associated=associated,
        organized_by=_organized_by(reading),
        partial=call.inputs.one("allowPartialManifests") is True,
        strict=not call.lenient,
        ballot=coded,
        apart=call.apart,
    )
    _require_sense(reading, request)
    if reading.wrong or (reading.faults and not call.lenient):
        raise Malformed.of([*reading.wrong, *(() if call.lenient else reading.faults)])
    return replace(request, faults=passed_over(reading.faults))


def passed_over(faults: Iterable[Issue]) -> tuple[Issue, ...]:
    """Faults as what was passed over: none of them refuses anything."""
    return tuple(replace(fault, severity=_WARNING) for fault in faults)


def _url(context: Context, call: Call) -> str:
    """The address that the export was asked at, as the client sees it."""
    path = "/".join(part for part in (call.type, call.id, "$export") if part)
    return f"{context.base_url}/{path}" + (f"?{call.query}" if call.query else "")


def _unknown(reading: _Reading) -> None:
    """Notes parameters that the export has not; `_format` and `_pretty` are about the answer."""
    names = {name for name, _ in reading.call.inputs.criteria} - {"_format", "_pretty"}
    if names:
        known = ", ".join(each.name for each in INPUTS)
        text = f"The operation has no such parameter; those that it has: {known}."
        reading.faults.append(Issue("error", "not-supported", "operation-parameter-unknown", text))


def _format(reading: _Reading) -> None:
    asked = reading.call.inputs.one("_outputFormat")
    # A plus that a client forgot to escape comes as a space.
    if asked is not None and asked.strip().replace(" ", "+").lower() not in FORMATS:
        text = f"_outputFormat is one of: {', '.join(sorted(FORMATS))}."
        reading.wrong.append(Issue("error", "not-supported", "export-format", text))


def exportable(registry: Registry, level: Level) -> tuple[str, ...]:
    """The types that an export at this level has, sorted, where none are named."""
    if level == "system":
        return tuple(sorted(registry.served.keys() - APART))
    return tuple(sorted(of_record(registry) - APART))


def _types(reading: _Reading) -> tuple[str, ...]:
    """The types to export.

    Raises:
        InsufficientScope: the token does not cover one that is named, and that may not be passed over; or none.
    """
    registry, caller = reading.context.registry, reading.act.caller
    possible = exportable(registry, reading.level)
    named = reading.values("_type")
    if not named:
        found = tuple(type_ for type_ in possible if acting.exports(caller, type_))
        if not found:
            require(caller, _covering([PATIENT]))
        return found
    beside = frozenset() if reading.level == "system" else OPEN
    known = [type_ for type_ in named if type_ in possible or type_ in beside]
    if len(known) < len(named):
        shown = ", ".join(sorted({*possible, *beside}))
        reading.faults.append(
            Issue(
                "error", "not-supported", "export-type", f"_type names types that are exported here: {shown}."
            )
        )
    found = tuple(sorted(type_ for type_ in known if acting.exports(caller, type_)))
    if len(found) < len(known):
        lacking = sorted(set(known) - set(found))
        if not reading.call.lenient or not found:
            require(caller, _covering(lacking))
        text = f"The access token does not cover {', '.join(lacking)}: left out."
        reading.faults.append(Issue("error", "forbidden", "export-type-not-covered", text))
    if found and found == tuple(type_ for type_ in found if type_ in beside - set(possible)):
        text = f"At this level _type names some type of a Patient's compartment: {', '.join(possible)}."
        reading.faults.append(Issue("error", "not-supported", "export-type-outside", text))
    if not found:
        reading.wrong.append(Issue("error", "invalid", "export-nothing", "No type is left to be exported."))
    return found


def _covering(types: Iterable[str]) -> Needs:
    return Needs(tuple(Need(type_, acting.READING) for type_ in types))


def _moment(reading: _Reading, name: str) -> int | None:
    """The millisecond after which (`_since`), or up to which (`_until`) something changed; a day is its beginning.

    Source: export.html: later than `_since`, earlier than `_until`
    """
    text = reading.call.inputs.one(name)
    if text is None:
        return None
    range_ = moment(text.replace(" ", "+"))  # a plus that a client forgot to escape comes as a space
    if range_ is None:
        shown = f"The parameter {name} is an instant such as 2026-11-22T00:09:27Z."
        reading.wrong.append(Issue("error", "value", "export-instant", shown))
        return None
    low = range_[0]
    return low // MILLISECOND if name == "_since" else -(-low // MILLISECOND) - 1


def _require_sense(reading: _Reading, request: ExportRequest) -> None:
    since, until = request.since, request.until
    if since is not None and until is not None and until <= since:
        text = "_until is later than _since: else nothing could be between them."
        reading.wrong.append(Issue("error", "value", "export-period-inverted", text))


async def _filters(reading: _Reading, types: tuple[str, ...]) -> Pairs:
    """Types and queries of `_typeFilter`; those that cannot be applied are passed over."""
    found: list[tuple[str, str]] = []
    for text in reading.call.inputs.all("_typeFilter"):
        for part in _BETWEEN_FILTERS.split(text):
            try:
                found.append(await read_filter(reading.context, reading.act, part, types))
            except Malformed as problem:
                reading.faults += problem.issues
    return tuple(dict.fromkeys(found))


def _elements(reading: _Reading, types: tuple[str, ...]) -> Pairs:
    """Types (empty: all) and names of the elements that shall be kept."""
    registry = reading.context.registry
    found: list[tuple[str, str]] = []
    for text in reading.values("_elements"):
        before, dot, after = text.partition(".")
        type_, element = (before, after) if dot else ("", before)
        if dot and type_ not in types:
            shown = "_elements names elements of types that are exported, as Type.element or element."
            reading.faults.append(Issue("error", "not-supported", "export-elements", shown))
            continue
        of = (type_,) if type_ else types
        try:
            names = subsets.elements(registry, of, element)
        except Malformed as problem:
            reading.faults += problem.issues
        else:
            found += ((type_, name) for name in sorted(names))
    return tuple(dict.fromkeys(found))


def _associated(reading: _Reading) -> tuple[tuple[str, ...], bool]:
    """The associated data that returns most of what is asked for, and whether it came as the ballot has it."""
    codes: list[str] = []
    coded = False
    for value in reading.call.inputs.all("includeAssociatedData"):
        if isinstance(value, str):
            codes += (part.strip() for part in value.split(","))
        else:
            coded = True
            codes.append(_code(value))
    if not set(codes) <= set(ASSOCIATED):
        text = f"includeAssociatedData is one of: {', '.join(ASSOCIATED)}."
        reading.faults.append(Issue("error", "not-supported", "export-associated-data", text))
    found = [code for code in ASSOCIATED if code in codes]
    return tuple(found[-1:]), coded


def _code(coding: dict[str, Any]) -> str:
    """The code of a Coding, empty where it is of another system."""
    code = coding.get("code")
    return (
        code if isinstance(code, str) and coding.get("system", ASSOCIATED_SYSTEM) == ASSOCIATED_SYSTEM else ""
    )


def _organized_by(reading: _Reading) -> str:
    asked: str | None = reading.call.inputs.one("organizeOutputBy")
    if asked is None or asked in ORGANIZED_BY:
        return asked or ""
    text = f"organizeOutputBy is one of: {', '.join(ORGANIZED_BY)}."
    reading.faults.append(Issue("error", "not-supported", "export-organized-by", text))
    return ""
