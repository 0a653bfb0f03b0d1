"""Random searches as a client writes them: pairs of a name and a value, in the full grammar of R4.

Every parameter of a type is drawn, with every modifier, chains and reverse chains of any
depth; most values are what the resources of `strategies.py` hold, so that searches find
something, and some are at the edge of the grammar or beyond it. What is beyond it must be
refused, and nothing else may happen to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from random import Random

from service.fhir.definitions import SearchParameter
from service.fhir.matching import Candidate
from service.fhir.registry import Registry
from service.fhir.search.escapes import escape
from service.fhir.search.values import SearchValues
from tests.agreement.strategies import (
    BIRTHS,
    CODES,
    COMBINED,
    DAYS,
    IDS,
    LINKS,
    NUMBERS,
    PARAMETERS,
    PIECES,
    POSITIONS,
    PREFIXES,
    SYSTEMS,
    TEXTS,
    TYPES,
    URIS,
)

Pair = tuple[str, str]

DEEPEST = 3  # steps of a chain: more finds nothing in so few resources

MODIFIERS: Mapping[str, tuple[str, ...]] = {
    "token": ("not", "text", "of-type", "in", "not-in", "above", "below"),
    "string": ("exact", "contains"),
    "reference": ("Patient", "Organization", "identifier", "above", "below"),
    "uri": ("above", "below"),
}
WRONG = ("exact", "Exact", "Patient", "not", "of_type", "", "nonsense", "missing:not")

# Values at the edge: some of them are read, some are not.
EDGES = (
    "", ",", "a,", ",a", "\\", "\\,", "\\x", "|", "||", "|||", "a|b|c|d", "$", "a$b", " ", "%", "_", "\u0000",
    "ge", "ge2026-13", "eq", "NaN", "1e999", "-0", "0.0", "1e-3", "2026-02-30", "2026-11-22T10:30Z",
    "2026-11-22T10:30:00 01:00", "2026-11-22T24:00:00Z", "9999", "0001-01-01", "Patient/", "/a", "Patient/a/_history/1",
    "#a", "http://", "urn:x:y", "x" * 700, "é" * 400, "😀", "\uff21", "ﬁ", "İ", "ß",
)  # fmt: skip

BARE = ("final", "active", "male", "female", "true", "false", "1", "v1", "V1", "in words")
TYPED = tuple(f"{system}|{code}|{value}" for system, code, value in product(SYSTEMS, CODES, CODES))
UNITS = (
    "",
    "|http://unitsofmeasure.org|mg",
    "|http://unitsofmeasure.org|g",
    "||mg",
    "||milli",
    "||",
    "|urn:x|",
)
PLACES = ("Patient/a", "Patient/A", "Organization/b", "Goal/a.b", "a", "b", "http://b.example/fhir/Patient/a")
NEAR = tuple(
    f"{north}|{east}{away}"
    for (north, east), away in product(
        POSITIONS[:-1], ("", "|0", "|10", "|600|km", "|300|[mi_us]", "|1e7|m", "||", "|-1", "|5|s")
    )
)
SETS = ("http://hl7.org/fhir/ValueSet/administrative-gender", "http://a.example/no-such-set")


class Writer:
    """Writes searches of the types of `strategies.py`."""

    def __init__(self, registry: Registry, random: Random, held: Iterable[Candidate] = ()) -> None:
        """Draws everything from `random`; half of the values are what `held` resources have."""
        self._registry = registry
        self._random = random
        self._held: dict[tuple[str, str], list[str]] = {}
        for one in held:
            for code, value in sorted(_written(one.values)):
                self._held.setdefault((one.type, code), []).append(value)

    def pairs(self, type_: str) -> list[Pair]:
        """One to three criteria of the type."""
        return [self.pair(type_) for _ in range(self._one((1, 1, 1, 1, 2, 3)))]

    def pair(self, type_: str, depth: int = DEEPEST) -> Pair:
        """One criterion; a chain or reverse chain in one of four."""
        chance = self._random.random()
        if depth and chance < 0.13 and (links := [one for one in LINKS if one[0] == type_]):
            _, code, to = self._one(links)
            name, value = self.pair(to, depth - 1)
            return f"{code}{self._one((f':{to}', f':{to}', ''))}.{name}", value
        if depth and chance < 0.26 and (links := [one for one in LINKS if one[2] == type_]):
            source, code, _ = self._one(links)
            name, value = self.pair(source, depth - 1)
            return f"_has:{source}:{code}:{name}", value
        if self._random.random() < 0.05:
            return self._one(("_text", "_content")), self._joined(
                lambda: escape(self._one((*PIECES, *TEXTS)))
            )
        return self._plain(type_)

    def order(self, type_: str) -> str:
        """A value of `_sort`, now and then one that is none."""
        known = sorted(self._registry.search_parameters(type_))
        codes = self._random.sample(known, self._one((1, 1, 2, 3)))
        return ",".join(self._one(("", "-")) + code for code in codes)

    def _plain(self, type_: str) -> Pair:
        parameter = self._parameter(type_)
        code, kind = parameter.code, parameter.type
        match self._random.random():
            case chance if chance < 0.1:
                return f"{code}:missing", self._one(("true", "false"))
            case chance if chance < 0.14:
                return f"{code}:{self._one(WRONG)}", self._values(parameter)
            case chance if chance < 0.4 and kind in MODIFIERS:
                modifier = self._one(MODIFIERS[kind])
                return f"{code}:{modifier}", self._modified(parameter, modifier)
            case _:
                return code, self._values(parameter)

    def _parameter(self, type_: str) -> SearchParameter:
        """A parameter of the type, mostly one that the resources fill."""
        known = self._registry.search_parameters(type_)
        filled = [code for codes in PARAMETERS[type_].values() for code in codes if code in known]
        filled += COMBINED.get(type_, ())
        held = [code for of, code in self._held if of == type_ and code in known]
        return known[self._one(self._one((held, held, filled, list(known))) or filled)]

    def _modified(self, parameter: SearchParameter, modifier: str) -> str:
        match modifier:
            case "of-type":
                return self._joined(lambda: self._one(TYPED))
            case "in" | "not-in":
                return self._one(SETS)
            case "text":
                return self._joined(lambda: self._one((*PIECES, "In Words", "in", "words")))
            case "identifier":
                return self._joined(self._token)
            case _:
                return self._values(parameter)

    def _values(self, parameter: SearchParameter) -> str:
        if self._random.random() < 0.06:
            return self._one(EDGES)
        return self._joined(lambda: self._value(parameter))

    def _joined(self, value: Callable[[], str]) -> str:
        return ",".join(value() for _ in range(self._one((1, 1, 1, 2, 3))))

    def _value(self, parameter: SearchParameter) -> str:
        held = self._held.get((parameter.base, parameter.code))
        if held and self._random.random() < 0.5:
            return self._one(held)
        if parameter.type == "composite":
            return "$".join(self._component(parameter, code) for code, _ in parameter.components)
        if parameter.code == "_id":
            return self._one(IDS)
        by_kind: Mapping[str, Callable[[], str]] = {
            "token": self._token,
            "string": lambda: escape(self._one((*PIECES, *TEXTS))),
            "date": lambda: self._prefixed((*DAYS, *BIRTHS)),
            "number": lambda: self._prefixed(NUMBERS),
            "quantity": lambda: self._prefixed(NUMBERS) + self._one(UNITS),
            "reference": lambda: self._one(PLACES),
            "special": lambda: self._one(NEAR),
        }
        return by_kind.get(parameter.type, lambda: self._one(URIS))()

    def _prefixed(self, pool: Sequence[object]) -> str:
        return f"{self._one(('', *PREFIXES))}{self._one(pool)}"

    def _component(self, parameter: SearchParameter, code: str) -> str:
        known = self._registry.search_parameters(parameter.base)
        return self._value(known[code]) if code in known else self._token()

    def _token(self) -> str:
        code = self._one((*CODES, *BARE))
        return self._one((code, code, f"{self._one(SYSTEMS)}|{code}", f"|{code}", f"{self._one(SYSTEMS)}|"))

    def _one(self, pool):
        return self._random.choice(pool)


def _written(values: SearchValues) -> Iterator[Pair]:
    """Parameters with values that a resource has, each in one of the ways to ask for it."""
    for code, system, token in values.tokens:
        if token:
            yield code, f"{escape(system)}|{escape(token)}"
            yield code, escape(token)
    for code, folded, _ in values.strings:
        if folded:
            yield code, folded[:3].strip()
    yield from ((code, f"{type_}/{id_}" if type_ else escape(id_)) for code, type_, id_ in values.references)
    yield from ((code, escape(uri)) for code, uri in values.uris)
    for code, system, unit, number in values.quantities:
        yield code, f"{number!r}|{escape(system)}|{escape(unit)}"
        yield code, f"ge{number!r}"


def searched(random: Random) -> str:
    """One of the types that are searched."""
    return random.choice(TYPES)
