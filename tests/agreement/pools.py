"""What random resources and searches are made of, in small pools, so that searches find something.

The pools hold what interpreters are apt to differ on: LIKE's wildcards, capitals and
accents, open periods, comparators (which index infinities), values at the very edge of a
range, units of one dimension, references elsewhere, values too long to be kept whole. They are made once, whole elements,
because a draw is what costs.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

from service.fhir.definitions import SearchParameter
from service.fhir.registry import Registry
from service.fhir.search.dates import moment

Resource = dict[str, Any]

TYPES = ("Patient", "Observation", "Goal", "Organization", "Questionnaire", "Location")
IDS = ("a", "b", "A", "a.b")
LONG = "x" * 600  # more than is kept of any value
SYSTEMS = ("http://a.example/s", "http://a.example/S", f"http://a.example/{LONG}")
CODES = ("one", "One", "%", f"{LONG}1", f"{LONG}2")
TEXTS = (
    "Exöm", "exom", "Tester-Probe", "O'Testing", "100%", "a_b", "a\\b", "Ł", "東京", "Probe Tester", "-",
    # Those that differ behind what is kept, one whose folded text is cut alone, and a word longer than is kept.
    f"{'Probe ' * 60}1", f"{'Probe ' * 60}2", "ß" * 200, LONG,
)  # fmt: skip
PIECES = (
    "e", "ex", "probe", "tester probe", "ot", "1", "%", "_", "a b", "l", "東", "0%", "ester",
    "probe " * 55 + "1", "e 1", "s" * 310, "x" * 310,
)  # fmt: skip
DAYS = (
    "2026", "2026-11", "2026-11-22", "2026-11-22T10:30:00Z", "2026-11-22T10:30:00.500Z",
    "2026-11-23T00:00:00+01:00", "2025-12-31", "2027-01-01", "0001", "9999-12-31",
)  # fmt: skip
BIRTHS = ("2011", "2011-05", "2011-05-17", "2012-01-01")
NUMBERS = (0, 5, Decimal("5.5"), Decimal("4.5"), -5, 10, Decimal("7.10"))
UCUM = "http://unitsofmeasure.org"
UNITS = ((UCUM, "mg"), (UCUM, "g"), ("", "mg"), ("", ""), (UCUM, "Cel"), (UCUM, "{score}"), (SYSTEMS[0], LONG))  # fmt: skip
URIS = (
    "http://a.example/x", "http://a.example/x/y", "http://a.example/xy", "http://a.example/x/", "urn:x:y",
    "http://a_example/x", f"http://a.example/{LONG}", f"http://a.example/{LONG}/y", f"http://a.example/x/{LONG[:480]}/y",
)  # fmt: skip
# Latitude and longitude: some that are near one another, both poles, the ends of the earth's map, and none at all.
POSITIONS = (
    (Decimal("51.5"), Decimal("-0.125")), (Decimal("51.5"), Decimal("-0.12")), (Decimal("51.45"), 0),
    (Decimal("55.95"), Decimal("-3.2")), (0, 0), (0, 180), (0, -180), (90, 0), (90, 50), (-90, 0), (Decimal("1e-300"), 0),
)  # fmt: skip
NOWHERE = ((Decimal("90.01"), 0), (0, 181))
ELSEWHERE = "http://b.example/fhir/"  # and type and id
FAR = f"{ELSEWHERE}{LONG}/"  # and type and id, more than is kept of an address
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

# Where the test clock of `conftest.py` begins, in microseconds since 1970 UTC.
STARTED = 1_700_000_000_000_000


def _with(**parts: Any) -> Resource:
    """An object of the parts that are not empty."""
    return {name: part for name, part in parts.items() if part not in ("", None)}


# Whole elements.
CODINGS = [_with(system=system, code=code) for system, code in product(("", *SYSTEMS), CODES)]
CONCEPTS = [
    *({"coding": [coding]} for coding in CODINGS), {"coding": CODINGS[::4]}, {"text": "in words"},
    *({"coding": [CODINGS[0] | {"display": text}]} for text in TEXTS), *({"text": text} for text in TEXTS[:4]),
    {"coding": [CODINGS[4] | {"display": "Exom"}], "text": "100% Tester-Probe"},
]  # fmt: skip
IDENTIFIERS = [_with(system=system, value=code) for system, code in product(("", *SYSTEMS), CODES)]
IDENTIFIERS += [one | {"type": concept} for one, concept in zip(IDENTIFIERS, CONCEPTS[::2], strict=False)]
NAMES = [
    *({"family": text} for text in TEXTS), *({"given": [text]} for text in TEXTS),
    {"family": "Probe", "given": ["Exöm", "Ł"]}, {"text": "Exom Tester-Probe"},
]  # fmt: skip
PERIODS = [
    *({"start": day} for day in DAYS), *({"end": day} for day in DAYS),
    *({"start": start, "end": end} for start, end in product(DAYS, DAYS) if (moment(start) or ()) <= (moment(end) or ())),
]  # fmt: skip
QUANTITIES = [
    _with(value=number, system=system, code=code, unit=unit, comparator=comparator)
    for number, (system, code), (unit, comparator) in product(
        NUMBERS,
        UNITS,
        (("", ""), ("", ""), ("mg", ""), ("milli", ""), ("", "<"), ("", "<="), ("", ">="), ("", ">")),
    )
]
SAMPLES = [
    {"origin": {"value": 0, "system": UCUM, "code": unit}, "period": 1, "dimensions": 1, "data": data}
    for unit, data in product(("mg", "g", "{score}"), ("5 10", "-5 E 0", "E"))
]
COMPONENTS = [
    {"code": concept, **value}
    for concept, value in product(
        CONCEPTS[::4],
        (
            *({"valueQuantity": quantity} for quantity in QUANTITIES[::20]),
            {"valueCodeableConcept": CONCEPTS[1]},
            {},
        ),
    )
]
NARRATIVES = [
    {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'}
    for text in ("Exöm <b>Tester</b>-Probe", "100% a_b", "東京 Ł", "e ex")
]
METAS = [*({"tag": [coding]} for coding in CODINGS), *({"profile": [uri]} for uri in URIS)]


def references(*types: str) -> list[Resource]:
    """References to resources of the types, and elsewhere."""
    return [
        *({"reference": f"{type_}/{id_}"} for type_, id_ in product(types, IDS)),
        *({"reference": f"{ELSEWHERE}{type_}/a"} for type_ in types),
        # What may not refer to a type may not by such an address either, which is read as being of the first.
        *({"reference": f"{FAR}{type_}/a"} for type_ in types[:1]),
        {"display": "nobody"},
        *({"identifier": identifier} for identifier in IDENTIFIERS[:6]),
        *({"identifier": IDENTIFIERS[0], "type": type_} for type_ in types),
    ]


# Parameters that others make up: there are no values of theirs alone, but clients ask by them.
COMBINED: dict[str, tuple[str, ...]] = {
    "Observation": ("combo-code", "combo-value-quantity", "combo-value-concept"),
}

# The parameters that the resources above fill, and a few that they leave empty.
PARAMETERS: dict[str, dict[str, tuple[str, ...]]] = {
    "Patient": {
        "token": ("identifier", "active", "gender", "deceased", "_tag", "language"), "string": ("name", "family", "given"),
        "date": ("birthdate", "death-date"), "reference": ("general-practitioner", "link"), "uri": ("_profile",),
    },
    "Observation": {
        "token": ("code", "component-code", "category", "status", "value-concept", "_tag"), "string": ("value-string",),
        "date": ("date", "value-date"), "reference": ("subject", "patient", "focus"),
        "quantity": ("value-quantity", "component-value-quantity"), "uri": ("_profile",),
    },
    "Goal": {
        "token": ("identifier", "lifecycle-status", "category", "_tag"), "date": ("start-date", "target-date"),
        "reference": ("subject", "patient"), "uri": ("_profile",),
    },
    "Organization": {
        "token": ("identifier", "active", "_tag"), "string": ("name", "address"), "reference": ("partof",), "uri": ("_profile",),
    },
    "Questionnaire": {
        "token": ("status", "version", "_tag"), "string": ("title",), "date": ("effective",), "uri": ("url", "_profile"),
    },
    "Location": {
        "token": ("identifier", "status", "_tag"), "string": ("name",), "reference": ("partof", "organization"),
        "special": ("near",), "uri": ("_profile",),
    },
}  # fmt: skip

# What modifiers ask for beside these, by kind, and composites with the kind of their second part.
DERIVED: dict[str, dict[str, tuple[str, ...]]] = {
    "Patient": {
        "string": ("identifier:text",), "token": ("general-practitioner:identifier", "identifier:of-type"),
    },
    "Observation": {
        "string": ("code:text", "category:text", "component-code:text"), "token": ("subject:identifier", "patient:identifier"),
        "quantity": ("value-quantity:canonical", "component-value-quantity:canonical"), "number": ("own-number",),
    },
    "Goal": {
        "string": ("category:text", "identifier:text"), "token": ("subject:identifier", "identifier:of-type"),
    },
    "Organization": {"string": ("identifier:text",), "token": ("partof:identifier", "identifier:of-type")},
    "Questionnaire": {},
    "Location": {"string": ("identifier:text",), "token": ("organization:identifier", "partof:identifier")},
}  # fmt: skip
COMPOSITES: dict[str, dict[str, str]] = {
    "Observation": {
        "code-value-concept": "token", "code-value-date": "date", "code-value-quantity": "quantity",
        "code-value-quantity:canonical": "quantity", "code-value-string": "string",
        "component-code-value-concept": "token", "component-code-value-quantity": "quantity",
        "component-code-value-quantity:canonical": "quantity",
        "own-code-number": "number", "own-code-subject": "reference", "own-code-profile": "uri",
    },
}  # fmt: skip


def _own(code: str, kind: Any, expression: str, *components: tuple[str, str]) -> SearchParameter:
    url = f"http://a.example/SearchParameter/{code}"
    return SearchParameter(url, code, "Observation", kind, expression, components=components)


# What a deployer might add, of kinds that R4 has none of for our types.
OWN = (
    _own("own-number", "number", "Observation.value.ofType(integer)"),
    _own(
        "own-code-number",
        "composite",
        "Observation",
        ("code", "code"),
        ("own-number", "value.ofType(integer)"),
    ),
    _own("own-code-subject", "composite", "Observation", ("code", "code"), ("subject", "subject")),
    _own("own-code-profile", "composite", "Observation", ("code", "code"), ("_profile", "meta.profile")),
)


def with_own(registry: Registry) -> Registry:
    """The registry with a deployer's search parameters."""
    return registry.extended(OWN)


# Reference parameters with the types they are followed to: (from, parameter, to).
LINKS = (
    ("Patient", "general-practitioner", "Organization"), ("Observation", "subject", "Patient"),
    ("Observation", "patient", "Patient"), ("Observation", "focus", "Goal"), ("Observation", "focus", "Patient"),
    ("Goal", "subject", "Patient"), ("Goal", "subject", "Organization"), ("Organization", "partof", "Organization"),
    ("Location", "partof", "Location"), ("Location", "organization", "Organization"),
)  # fmt: skip
