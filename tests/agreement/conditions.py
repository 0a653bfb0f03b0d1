"""Random conditions on random resources, as expression trees: every kind of leaf, joined and chained.

They are drawn with `random.Random`: thousands of them for each list of resources, which
takes Hypothesis longer than asking them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from itertools import product, starmap
from random import Random

from service.fhir.search.dates import moment
from service.fhir.search.expressions import (
    EARLIEST,
    LATEST,
    And,
    Chain,
    Composite,
    Date,
    Direction,
    Everything,
    Expression,
    Has,
    Ids,
    LastUpdated,
    Missing,
    Near,
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
    Within,
    Words,
)
from service.fhir.search.sphere import apart, chord, point
from service.fhir.search.strings import fold
from service.fhir.search.units import conversion
from tests.agreement.pools import (
    BIRTHS,
    CODES,
    COMPOSITES,
    DAYS,
    DERIVED,
    ELSEWHERE,
    FAR,
    IDS,
    LINKS,
    LONG,
    NUMBERS,
    PARAMETERS,
    PIECES,
    POSITIONS,
    PREFIXES,
    STARTED,
    SYSTEMS,
    TEXTS,
    TYPES,
    UCUM,
    UNITS,
    URIS,
)

# What searches compare with: ranges of time, and numbers with the range their digits imply.
RANGES = [
    *(range_ for day in (*DAYS, *BIRTHS) if (range_ := moment(day))),
    (EARLIEST, LATEST), (EARLIEST, 0), (0, LATEST), (0, 1),
]  # fmt: skip
SPANS = [
    (value, value - half, max(value + half, math.nextafter(value, math.inf)))
    for value, half in product(map(float, NUMBERS), (0.0, 0.05, 0.5))
]
DIRECTIONS: tuple[Direction, ...] = ("above", "below")
# The codes of parameters that read bare codes and booleans.
BARE = {
    "status": ("final", "active"), "lifecycle-status": ("active",), "gender": ("male", "female"), "version": ("1", "v1"),
    "active": ("true", "false"), "deceased": ("false",),
}  # fmt: skip
WORDS = sorted({word for text in (*TEXTS, *PIECES) for word in fold(text).split()})


def _tokens(code: str) -> list[Expression]:
    values = (*BARE[code], "one") if code in BARE else CODES
    if code.endswith(":of-type"):
        values = tuple(f"{of}|{value}" for of, value in product(CODES, CODES))
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
        *(Reference(code, "", f"{FAR}{type_}/a") for type_ in TYPES),
    ]


def _within(type_: str) -> list[Expression]:
    """Conditions on references to organisations, which are part of one another."""
    return [
        Within(code, to, id_, "partof", direction)
        for start, code, to in LINKS
        for id_, direction in product(IDS, DIRECTIONS)
        if start == type_ and to == "Organization"
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
    if code.endswith(":canonical"):
        return _canonical(code)
    units = (
        (None, None),
        (None, "mg"),
        (None, "milli"),
        *(unit for unit in UNITS if unit[0]),
        (UCUM, None),
    )
    return [Quantity(code, prefix, *span, *unit) for prefix, span, unit in product(PREFIXES, SPANS, units)]


def _canonical(code: str) -> list[Expression]:
    """Quantities in every unit that converts, as they are asked for in that of their dimension."""
    converted = [
        ((convert(value), convert(low), convert(high)), convert.code)
        for (value, low, high), (system, unit) in product(SPANS, UNITS)
        if (convert := conversion(system, unit)) is not None
    ]
    return [
        Quantity(code, prefix, *span, UCUM, unit) for prefix, (span, unit) in product(PREFIXES, converted)
    ]


def _numbers(code: str) -> list[Expression]:
    return [Number(code, prefix, *span) for prefix, span in product(PREFIXES, SPANS)]


def _uris(code: str) -> list[Expression]:
    asked = (
        *URIS,
        "http://a.example/",
        "http://a.example/x/y/z",
        f"{URIS[-1]}/z",
        f"http://a.example/{LONG}/y/z",
    )
    return [Uri(code, uri, match) for uri, match in product(asked, ("exact", "above", "below"))]


POINTS = [found for north, east in POSITIONS if (found := point(north, east)) is not None]
# Also the very distances of the points from one another: what lies at the edge is found.
CHORDS = [
    *(chord(Fraction(metres)) for metres in (0, 1, 10**4, 5 * 10**5, 10**7, 10**8)),
    *starmap(apart, product(POINTS, POINTS)),
]


def _near(code: str) -> list[Expression]:
    return [Near(code, *middle, within) for middle, within in product(POINTS, CHORDS)]


LEAVES: dict[str, Callable[[str], list[Expression]]] = {
    "token": _tokens, "reference": _referring, "string": _strings, "date": _dates,
    "quantity": _quantities, "number": _numbers, "uri": _uris, "special": _near,
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

Draw = Callable[[Random], Expression]


def _one(pool: list[Expression]) -> Draw:
    return lambda random: random.choice(pool)


def _second(kind: str, code: str) -> list[Expression]:
    """What a composite's second part may ask: strings by their beginning, references of a type."""
    return [
        leaf
        for leaf in LEAVES[kind](code)
        if not (isinstance(leaf, String) and leaf.match != "starts")
        and not (isinstance(leaf, Reference) and leaf.type is None)
    ]


def _composite(code: str, kind: str) -> Draw:
    firsts = _tokens("code") + 4 * [
        Token("code", None, one) for one in CODES
    ]  # both parts must find something
    seconds = _second(kind, "value:canonical" if code.endswith(":canonical") else "value")

    def draw(random: Random) -> Expression:
        return Composite(code, random.choice(firsts), random.choice(seconds))  # type: ignore[arg-type]  # of the kinds that parts have

    return draw


def _words(random: Random) -> Expression:
    words = random.sample(WORDS, random.choice((1, 1, 2)))
    cut = tuple(word[: random.randint(1, len(word))] if random.random() < 0.5 else word for word in words)
    return Words(random.choice(("_text", "_content")), cut)


@lru_cache
def _draws(type_: str) -> list[list[Draw]]:
    """Ways to draw a condition on one parameter of the type, each kind in a list of its own."""
    plain, derived = PARAMETERS[type_], DERIVED[type_]
    several = {kind: (*plain.get(kind, ()), *derived.get(kind, ())) for kind in {**plain, **derived}}
    codes = sorted(
        f"{code}:x" if kind == "special" else code for kind, some in several.items() for code in some
    )
    missing: list[Expression] = [Missing(code, absent) for code, absent in product(codes, (True, False))]
    by_kind = [[_one(LEAVES[kind](code)) for code in several[kind]] for kind in sorted(several)]
    composites = [_composite(code, kind) for code, kind in COMPOSITES.get(type_, {}).items()]
    return [
        *by_kind,
        *([composites] * 2 if composites else []),
        *([[_one(within)]] if (within := _within(type_)) else []),
        [_one(missing)],
        [_one(UPDATES)],
        [_one(KNOWN)],
        [_words],
    ]


def leaf(random: Random, type_: str) -> Expression:
    """A condition on one parameter of the type, or on what every resource has: each kind as often as another."""
    return random.choice(random.choice(_draws(type_)))(random)


# Ways to join conditions, each with its weight; a chain or reverse chain needs a link to go by.
SHAPES = ("leaf",) * 6 + ("and",) * 2 + ("or",) * 2 + ("not", "chain", "chain", "has", "has")


def expression(random: Random, type_: str, depth: int = 3) -> Expression:
    """A condition on resources of the type, so many levels deep at most."""
    match random.choice(SHAPES) if depth else "leaf":
        case "and":
            return And(tuple(expression(random, type_, depth - 1) for _ in range(random.choice((2, 3)))))
        case "or":
            return Or(tuple(expression(random, type_, depth - 1) for _ in range(random.choice((2, 3)))))
        case "not":
            return Not(expression(random, type_, depth - 1))
        case "chain" if links := [(parameter, to) for start, parameter, to in LINKS if start == type_]:
            parameter, to = random.choice(links)
            return Chain(parameter, to, expression(random, to, depth - 1))
        case "has" if links := [(start, parameter) for start, parameter, to in LINKS if to == type_]:
            start, parameter = random.choice(links)
            return Has(start, parameter, expression(random, start, depth - 1))
        case _:
            return leaf(random, type_)


def query(random: Random, depth: int = 3, types: tuple[str, ...] = TYPES) -> Query:
    """A search of one of the types for everything that matches, with its total."""
    type_ = random.choice(types)
    return Query(type_, expression(random, type_, depth), 1000, None, total="accurate")
