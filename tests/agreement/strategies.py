"""Random small resources and random searches of them, for the tests that interpreters agree.

Everything is drawn from small pools, so that searches find something: ids, codes, names
and times repeat between resources and searches. The pools hold what interpreters are
apt to differ on: LIKE's wildcards, capitals and accents, open periods, comparators
(which index infinities), values at the very edge of a range, references elsewhere. They
are made once, whole elements and whole conditions, because a draw is what costs.

`resources()` draws lists of resources that refer to one another; `queries()` draws
searches as expression trees. Both draw the same for the same Hypothesis seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import Any

from hypothesis import strategies as st

from service.fhir.search.dates import moment
from service.fhir.search.expressions import (
    EARLIEST,
    LATEST,
    And,
    Chain,
    Date,
    Everything,
    Expression,
    Has,
    Ids,
    LastUpdated,
    Missing,
    Not,
    Nothing,
    Number,
    Or,
    Quantity,
    Query,
    Reference,
    String,
    Token,
    Uri,
)
from service.fhir.search.strings import fold

Resource = dict[str, Any]
Drawn = st.SearchStrategy[Any]

one_of = st.sampled_from

IDS = ("a", "b", "A", "a.b")
SYSTEMS = ("http://a.example/s", "http://a.example/S")
CODES = ("one", "One", "%")
TEXTS = ("Exöm", "exom", "Tester-Probe", "O'Testing", "100%", "a_b", "a\\b", "Ł", "東京", "Probe Tester", "-")
PIECES = ("e", "ex", "probe", "tester probe", "ot", "1", "%", "_", "a b", "l", "東", "0%", "ester")
DAYS = (
    "2026", "2026-11", "2026-11-22", "2026-11-22T10:30:00Z", "2026-11-22T10:30:00.500Z",
    "2026-11-23T00:00:00+01:00", "2025-12-31", "2027-01-01", "0001", "9999-12-31",
)  # fmt: skip
BIRTHS = ("2011", "2011-05", "2011-05-17", "2012-01-01")
NUMBERS = (0, 5, Decimal("5.5"), Decimal("4.5"), -5, 10, Decimal("7.10"))
UNITS = (("http://unitsofmeasure.org", "mg"), ("http://unitsofmeasure.org", "g"), ("", "mg"), ("", ""))
URIS = (
    "http://a.example/x", "http://a.example/x/y", "http://a.example/xy", "http://a.example/x/", "urn:x:y",
    "http://a_example/x",
)  # fmt: skip
ELSEWHERE = "http://b.example/fhir/"  # and type and id
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

# Where the test clock of `conftest.py` begins, in microseconds since 1970 UTC.
STARTED = 1_700_000_000_000_000


def _with(**parts: Any) -> Resource:
    """An object of the parts that are not empty."""
    return {name: part for name, part in parts.items() if part not in ("", None)}


# Whole elements.
CODINGS = [_with(system=system, code=code) for system, code in product(("", *SYSTEMS), CODES)]
CONCEPTS = [*({"coding": [coding]} for coding in CODINGS), {"coding": CODINGS[::4]}, {"text": "in words"}]
IDENTIFIERS = [_with(system=system, value=code) for system, code in product(("", *SYSTEMS), CODES)]
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
METAS = [*({"tag": [coding]} for coding in CODINGS), *({"profile": [uri]} for uri in URIS)]


def _references(*types: str) -> list[Resource]:
    """References to resources of the types, and elsewhere."""
    return [
        *({"reference": f"{type_}/{id_}"} for type_, id_ in product(types, IDS)),
        *({"reference": f"{ELSEWHERE}{type_}/a"} for type_ in types),
        {"display": "nobody"},
    ]


def _one(pool: Iterable[Any]) -> Drawn:
    return one_of(list(pool))


def _several(pool: Iterable[Any]) -> Drawn:
    """Lists of one or two of the pool."""
    pool = list(pool)
    return st.one_of(one_of(pool).map(lambda one: [one]), st.tuples(one_of(pool), one_of(pool)).map(list))


def _resource(type_: str, required: Resource, **elements: Drawn) -> st.SearchStrategy[Resource]:
    known = {"resourceType": st.just(type_), "id": one_of(IDS)}
    fixed = {key: st.just(value) for key, value in required.items()}
    return st.fixed_dictionaries({**known, **fixed}, optional={"meta": _one(METAS), **elements})


patients = _resource(
    "Patient", {},
    identifier=_several(IDENTIFIERS), active=st.booleans(), name=_several(NAMES), gender=one_of(("male", "female")),
    birthDate=one_of(BIRTHS), generalPractitioner=_several(_references("Organization")),
)  # fmt: skip
organizations = _resource(
    "Organization", {"name": "Invented"},
    identifier=_several(IDENTIFIERS), alias=_several(TEXTS), partOf=_one(_references("Organization")),
)  # fmt: skip
observations = st.one_of(*(
    _resource(
        "Observation", {"status": "final", "code": {"coding": [{"code": "one"}]}},
        category=_several(CONCEPTS), subject=_one(_references("Patient")), focus=_several(_references("Goal", "Patient")),
        **{f"effective{when}": _one(times), f"value{kind}": _one(values)},
    )
    for when, times in (("DateTime", DAYS), ("Period", PERIODS))
    for kind, values in (("Quantity", QUANTITIES), ("CodeableConcept", CONCEPTS), ("String", TEXTS))
))  # fmt: skip
goals = _resource(
    "Goal", {"lifecycleStatus": "active", "description": {"text": "Invented"}, "subject": {"display": "nobody"}},
    identifier=_several(IDENTIFIERS), startDate=one_of(DAYS[:3]), category=_several(CONCEPTS),
)  # fmt: skip
goals = st.tuples(goals, _one(_references("Patient", "Organization"))).map(
    lambda both: {**both[0], "subject": both[1]}
)
questionnaires = _resource(
    "Questionnaire", {"status": "active"},
    url=one_of(URIS), version=one_of(("1", "V1", "v1")), title=one_of(TEXTS), effectivePeriod=_one(PERIODS),
)  # fmt: skip

BY_TYPE: dict[str, st.SearchStrategy[Resource]] = {
    "Patient": patients, "Observation": observations, "Goal": goals, "Organization": organizations,
    "Questionnaire": questionnaires,
}  # fmt: skip
TYPES = tuple(BY_TYPE)


# Types that refer to one another, and so are drawn together.
TOGETHER = (
    ("Observation", "Patient"), ("Patient", "Organization"), ("Goal", "Patient", "Organization"),
    ("Observation", "Goal", "Patient"), ("Questionnaire",), ("Organization",), TYPES,
)  # fmt: skip


@lru_cache  # making strategies costs more than drawing from them
def resources(most: int = 10, types: tuple[str, ...] | None = None) -> st.SearchStrategy[list[Resource]]:
    """Lists of at most so many resources, no two of one type and id, that refer to one another.

    They are of the types, or of some that go together.
    """
    if types is None:
        return one_of(TOGETHER).flatmap(lambda some: resources(most, some))
    any_of = st.one_of(*(BY_TYPE[type_] for type_ in types))
    return st.lists(
        any_of,
        min_size=most // 2,
        max_size=most,
        unique_by=lambda resource: (resource["resourceType"], resource["id"]),
    )


@lru_cache  # as above
def cases(most: int = 10, searches: int = 8) -> st.SearchStrategy[tuple[list[Resource], list[Query]]]:
    """Lists of resources, each with a list of so many searches of their types."""
    return one_of(TOGETHER).flatmap(
        lambda types: st.tuples(
            resources(most, types), st.lists(queries(3, types), min_size=searches, max_size=searches)
        )
    )


# The parameters that the resources above fill, and a few that they leave empty.
PARAMETERS: dict[str, dict[str, tuple[str, ...]]] = {
    "Patient": {
        "token": ("identifier", "active", "gender", "deceased", "_tag", "language"), "string": ("name", "family", "given"),
        "date": ("birthdate", "death-date"), "reference": ("general-practitioner", "link"), "uri": ("_profile",),
    },
    "Observation": {
        "token": ("code", "combo-code", "category", "status", "value-concept", "_tag"), "string": ("value-string",),
        "date": ("date", "value-date"), "reference": ("subject", "patient", "focus"),
        "quantity": ("value-quantity", "combo-value-quantity"), "uri": ("_profile",),
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
}  # fmt: skip

# Reference parameters with the types they are followed to: (from, parameter, to).
LINKS = (
    ("Patient", "general-practitioner", "Organization"), ("Observation", "subject", "Patient"),
    ("Observation", "patient", "Patient"), ("Observation", "focus", "Goal"), ("Observation", "focus", "Patient"),
    ("Goal", "subject", "Patient"), ("Goal", "subject", "Organization"), ("Organization", "partof", "Organization"),
)  # fmt: skip

# What searches compare with: ranges of time, and numbers with the range their digits imply.
RANGES = [
    *(range_ for day in (*DAYS, *BIRTHS) if (range_ := moment(day))),
    (EARLIEST, LATEST), (EARLIEST, 0), (0, LATEST), (0, 1),
]  # fmt: skip
SPANS = [
    (value, value - half, max(value + half, math.nextafter(value, math.inf)))
    for value, half in product(map(float, NUMBERS), (0.0, 0.05, 0.5))
]
# The codes of parameters that read bare codes and booleans.
BARE = {
    "status": ("final", "active"), "lifecycle-status": ("active",), "gender": ("male", "female"), "version": ("1", "v1"),
    "active": ("true", "false"), "deceased": ("false",),
}  # fmt: skip


def _tokens(code: str) -> list[Expression]:
    values = (*BARE[code], "one") if code in BARE else CODES
    return [
        *(Token(code, system, value) for system, value in product((None, "", *SYSTEMS), values)),
        *(Token(code, system, None) for system in SYSTEMS),
    ]


def _referring(code: str) -> list[Expression]:
    return [
        *(
            Reference(code, type_, id_)
            for type_, id_ in product((None, "Patient", "Organization", "Goal"), IDS)
        ),
        *(Reference(code, "", f"{ELSEWHERE}{type_}/a") for type_ in TYPES),
    ]


def _strings(code: str) -> list[Expression]:
    folded = [*PIECES, *(fold(text) for text in TEXTS if fold(text))]
    return [
        *(String(code, text, "starts") for text in folded),
        *(String(code, text, "contains") for text in folded),
        *(String(code, text, "exact") for text in TEXTS),
    ]


def _dates(code: str) -> list[Expression]:
    return [Date(code, prefix, *range_) for prefix, range_ in product(PREFIXES, RANGES)]


def _quantities(code: str) -> list[Expression]:
    units = (
        (None, None),
        (None, "mg"),
        (None, "milli"),
        *(unit for unit in UNITS if unit[0]),
        (UNITS[0][0], None),
    )
    return [Quantity(code, prefix, *span, *unit) for prefix, span, unit in product(PREFIXES, SPANS, units)]


def _numbers(code: str) -> list[Expression]:
    return [Number(code, prefix, *span) for prefix, span in product(PREFIXES, SPANS)]


def _uris(code: str) -> list[Expression]:
    asked = (*URIS, "http://a.example/", "http://a.example/x/y/z")
    return [Uri(code, uri, match) for uri, match in product(asked, ("exact", "above", "below"))]


LEAVES: dict[str, Callable[[str], list[Expression]]] = {
    "token": _tokens, "reference": _referring, "string": _strings, "date": _dates,
    "quantity": _quantities, "number": _numbers, "uri": _uris,
}  # fmt: skip

# What every resource has, or may lack.
UPDATES: list[Expression] = [
    LastUpdated(prefix, STARTED + since * 1000, STARTED + (since + width) * 1000)
    for prefix, since, width in product(PREFIXES, range(-1, 24), (1, 2, 7))
]
KNOWN: list[Expression] = [
    *(Ids(frozenset(some)) for some in product(IDS, IDS)), Ids(frozenset(IDS)), Ids(frozenset()),
    Everything(), Nothing(),
]  # fmt: skip


@lru_cache  # as above
def leaves(type_: str) -> st.SearchStrategy[Expression]:
    """Conditions on one parameter of the type, or on what every resource has: each kind as often as another."""
    codes = [code for several in PARAMETERS[type_].values() for code in several]
    pools = [
        [leaf for code in several for leaf in LEAVES[kind](code)]
        for kind, several in PARAMETERS[type_].items()
    ]
    missing: list[Expression] = [Missing(code, absent) for code, absent in product(codes, (True, False))]
    return one_of([*map(one_of, pools), one_of(missing), one_of(UPDATES), one_of(KNOWN)]).flatmap(
        lambda pool: pool
    )


# Ways to join conditions, each with its weight; a chain or reverse chain needs a link to go by.
SHAPES = ("leaf",) * 6 + ("and",) * 2 + ("or",) * 2 + ("not", "chain", "chain", "has", "has")


@st.composite
def expressions(draw: st.DrawFn, type_: str, depth: int = 3) -> Expression:
    """Conditions on resources of the type, so many levels deep at most."""
    shape = draw(one_of(SHAPES)) if depth else "leaf"
    match shape:
        case "and":
            return And(tuple(draw(expressions(type_, depth - 1)) for _ in range(draw(one_of((2, 3))))))
        case "or":
            return Or(tuple(draw(expressions(type_, depth - 1)) for _ in range(draw(one_of((2, 3))))))
        case "not":
            return Not(draw(expressions(type_, depth - 1)))
        case "chain" if links := [(parameter, to) for start, parameter, to in LINKS if start == type_]:
            parameter, to = draw(one_of(links))
            return Chain(parameter, to, draw(expressions(to, depth - 1)))
        case "has" if links := [(start, parameter) for start, parameter, to in LINKS if to == type_]:
            start, parameter = draw(one_of(links))
            return Has(start, parameter, draw(expressions(start, depth - 1)))
        case _:
            return draw(leaves(type_))


@st.composite
def queries(draw: st.DrawFn, depth: int = 3, types: tuple[str, ...] = TYPES) -> Query:
    """Searches of the types, each of everything that matches, with its total."""
    type_ = draw(one_of(types))
    return Query(type_, draw(expressions(type_, depth)), 1000, None, total=True)
