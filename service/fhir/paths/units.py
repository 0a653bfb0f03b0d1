"""UCUM units of ordinary use: the parts of a unit expression such as `mg/dL`, its size and its dimension.

Units on scales that do not begin at zero (Celsius, pH) and UCUM's arbitrary units ([iU])
have a dimension of their own each: they compare with themselves and convert to nothing.

Source: https://ucum.org/ucum (The Unified Code for Units of Measure, case-sensitive codes)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

Parts = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as a multiple of base units: `dimension` is each base unit with its exponent."""

    factor: Fraction
    dimension: Parts


_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip

_BASE = frozenset({"m", "s", "g", "rad", "K", "C", "cd"})

# Measures of their own: scales with another zero, logarithms, and arbitrary units.
_ALONE = frozenset({
    "Cel", "[degF]", "[degRe]", "[pH]", "B", "Np", "[iU]", "[IU]", "[arb'U]", "[USP'U]", "[GPL'U]", "[MPL'U]",
    "[APL'U]", "[beth'U]", "[anti'Xa'U]", "[todd'U]", "[dye'U]", "[CFU]", "[PFU]", "[FFU]", "[Lf]", "[CCID_50]",
    "[TCID_50]", "[EID_50]", "[knk'U]", "[mclg'U]", "[tb'U]", "[bdsk'U]", "[hp'_X]", "[hp'_C]", "[S]", "[PRU]",
})  # fmt: skip

# Units that take prefixes, each with its size in other units.
_METRIC = {
    "mol": ("6.0221367", "10*23"), "sr": ("1", "rad2"), "Hz": ("1", "s-1"), "N": ("1", "kg.m/s2"),
    "Pa": ("1", "N/m2"), "J": ("1", "N.m"), "W": ("1", "J/s"), "A": ("1", "C/s"), "V": ("1", "J/C"),
    "F": ("1", "C/V"), "Ohm": ("1", "V/A"), "S": ("1", "Ohm-1"), "Wb": ("1", "V.s"), "T": ("1", "Wb/m2"),
    "H": ("1", "Wb/A"), "lm": ("1", "cd.sr"), "lx": ("1", "lm/m2"), "Bq": ("1", "s-1"), "Gy": ("1", "J/kg"),
    "Sv": ("1", "J/kg"), "L": ("1", "dm3"), "l": ("1", "dm3"), "ar": ("100", "m2"), "t": ("1000", "kg"),
    "bar": ("100000", "Pa"), "u": ("1.6605402e-24", "g"), "eV": ("1.60217733e-19", "J"), "kat": ("1", "mol/s"),
    "U": ("1", "umol/min"), "eq": ("1", "mol"), "osm": ("1", "mol"), "cal": ("4.184", "J"),
    "cal_th": ("4.184", "J"), "m[H2O]": ("9.80665", "kPa"), "m[Hg]": ("133.322", "kPa"), "st": ("1", "m3"),
    "dyn": ("1", "g.cm/s2"), "erg": ("1", "dyn.cm"), "P": ("1", "dyn.s/cm2"), "G": ("0.0001", "T"),
    "Ci": ("37000000000", "Bq"), "R": ("0.000258", "C/kg"), "RAD": ("100", "erg/g"), "REM": ("1", "RAD"),
    "g%": ("1", "g/dL"), "[g]": ("9.80665", "m/s2"), "[c]": ("299792458", "m/s"), "pc": ("3.085678e16", "m"),
    "bit": ("1", "1"), "By": ("8", "bit"), "Bd": ("1", "/s"),
}  # fmt: skip

# Units that take no prefix, each with its size in other units.
_PLAIN = {
    "%": ("0.01", "1"), "[ppth]": ("0.001", "1"), "[ppm]": ("0.000001", "1"), "[ppb]": ("1e-9", "1"),
    "[pptr]": ("1e-12", "1"), "[pi]": ("3.14159265358979323846264338327950288419716939937510582097", "1"),
    "deg": ("2", "[pi].rad/360"), "'": ("1", "deg/60"), "''": ("1", "'/60"), "gon": ("0.9", "deg"),
    "circ": ("2", "[pi].rad"),
    "min": ("60", "s"), "h": ("3600", "s"), "d": ("86400", "s"), "wk": ("7", "d"), "a": ("365.25", "d"),
    "a_j": ("365.25", "d"), "a_g": ("365.2425", "d"), "a_t": ("365.24219", "d"), "mo": ("30.4375", "d"),
    "mo_j": ("30.4375", "d"), "mo_g": ("30.436875", "d"), "mo_s": ("29.53059", "d"),
    "atm": ("101325", "Pa"), "Ao": ("0.1", "nm"), "b": ("100", "fm2"), "AU": ("149597.870691", "Mm"),
    "[in_i]": ("2.54", "cm"), "[ft_i]": ("12", "[in_i]"), "[yd_i]": ("3", "[ft_i]"), "[mi_i]": ("5280", "[ft_i]"),
    "[nmi_i]": ("1852", "m"), "[kn_i]": ("1", "[nmi_i]/h"), "[ft_us]": ("1200", "m/3937"), "[mi_us]": ("5280", "[ft_us]"), "[sin_i]": ("1", "[in_i]2"), "[sft_i]": ("1", "[ft_i]2"),
    "[cin_i]": ("1", "[in_i]3"), "[cft_i]": ("1", "[ft_i]3"),
    "[gr]": ("64.79891", "mg"), "[lb_av]": ("7000", "[gr]"), "[oz_av]": ("1", "[lb_av]/16"),
    "[dr_av]": ("1", "[oz_av]/16"), "[stone_av]": ("14", "[lb_av]"), "[lbf_av]": ("1", "[lb_av].[g]"),
    "[psi]": ("1", "[lbf_av]/[sin_i]"), "[car_m]": ("0.2", "g"),
    "[gal_us]": ("231", "[cin_i]"), "[qt_us]": ("1", "[gal_us]/4"), "[pt_us]": ("1", "[qt_us]/2"),
    "[foz_us]": ("1", "[pt_us]/16"), "[cup_us]": ("16", "[tbs_us]"), "[tbs_us]": ("1", "[foz_us]/2"),
    "[tsp_us]": ("1", "[tbs_us]/3"), "[cup_m]": ("240", "mL"), "[tbs_m]": ("15", "mL"), "[tsp_m]": ("5", "mL"),
    "[foz_m]": ("30", "mL"), "[gal_br]": ("4.54609", "L"), "[pt_br]": ("1", "[gal_br]/8"),
    "[foz_br]": ("1", "[pt_br]/20"), "[drp]": ("1", "mL/20"), "[Cal]": ("1", "kcal"),
    "[Btu_IT]": ("1.05505585262", "kJ"), "[diop]": ("1", "/m"), "[mesh_i]": ("1", "/[in_i]"),
    "[Ch]": ("1", "mm/3"), "[HPF]": ("1", "1"), "[LPF]": ("100", "1"),
}  # fmt: skip

_SYMBOL = re.compile(r"(10[*^]|\d+|(?:[^\d\s.+/(){}\[\]-]|\[[^\]]*\])+)([+-]?\d{1,2})?(\{[^{}]*\})?")
_ANNOTATION = re.compile(r"\{[^{}]*\}")


@lru_cache(maxsize=512)
def parts(expression: str) -> Parts | None:
    """The symbols of a unit expression with their exponents, None where it is no UCUM expression."""
    reader = _Reader(expression)
    found = reader.term()
    return None if found is None or reader.position != len(expression) else _merged(found)


class _Reader:
    """Reads a unit expression from left to right."""

    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        """Takes the expression."""
        self.text = text
        self.position = 0

    def _at(self, character: str) -> bool:
        return self.text.startswith(character, self.position)

    def term(self) -> list[tuple[str, int]] | None:
        """Components joined by `.` and `/`, None where one cannot be read."""
        found: list[tuple[str, int]] = []
        sign = 1
        if self._at("/"):
            sign = -1
            self.position += 1
        while (component := self._component()) is not None:
            found += [(symbol, exponent * sign) for symbol, exponent in component]
            if not (self._at(".") or self._at("/")):
                return found
            sign = -1 if self._at("/") else 1
            self.position += 1
        return None

    def _component(self) -> list[tuple[str, int]] | None:
        """One symbol with exponent, an annotation, or a term in parentheses."""
        if self._at("("):
            self.position += 1
            inner = self.term()
            if inner is None or not self._at(")"):
                return None
            self.position += 1
            return inner
        if (note := _ANNOTATION.match(self.text, self.position)) is not None:
            self.position = note.end()
            return []
        match = _SYMBOL.match(self.text, self.position)
        if match is None or not _is_unit(match.group(1)):
            return None
        self.position = match.end()
        return [(match.group(1), int(match.group(2) or 1))]


def _merged(found: list[tuple[str, int]]) -> Parts:
    """Each symbol once, in the order met, those that cancel and the unity left out."""
    exponents: dict[str, int] = {}
    for symbol, exponent in found:
        exponents[symbol] = exponents.get(symbol, 0) + exponent
    return tuple((symbol, exponent) for symbol, exponent in exponents.items() if exponent and symbol != "1")


def _is_unit(symbol: str) -> bool:
    # Of nothing there is no unit, and by it none.
    if symbol.isdecimal():
        return int(symbol) > 0
    return symbol in {"10*", "10^"} or _split(symbol) is not None


def _split(symbol: str) -> tuple[int, str] | None:
    """The power of ten of the prefix, and the unit behind it."""
    if symbol in _BASE or symbol in _METRIC or symbol in _PLAIN or symbol in _ALONE:
        return 0, symbol
    for length in (1, 2):
        prefix, rest = symbol[:length], symbol[length:]
        if prefix in _PREFIXES and (rest in _BASE or rest in _METRIC or rest in {"[iU]", "[IU]", "B"}):
            return _PREFIXES[prefix], rest
    return None


@lru_cache(maxsize=512)
def unit(expression: str) -> Unit | None:
    """The unit that the expression stands for, None where it is no UCUM expression of those known here."""
    symbols = parts(expression)
    return None if symbols is None else product(symbols)


def product(symbols: Parts) -> Unit:
    """The unit that the symbols make together."""
    factor = Fraction(1)
    dimension: dict[str, int] = {}
    for symbol, exponent in symbols:
        one = _symbol_unit(symbol)
        factor *= one.factor**exponent
        for base, power in one.dimension:
            dimension[base] = dimension.get(base, 0) + power * exponent
    return Unit(factor, tuple(sorted((base, power) for base, power in dimension.items() if power)))


@lru_cache(maxsize=512)
def _symbol_unit(symbol: str) -> Unit:
    """The unit of one symbol that `parts` has let through."""
    if symbol.isdecimal():
        return Unit(Fraction(symbol), ())
    if symbol in {"10*", "10^"}:
        return Unit(Fraction(10), ())
    power, name = _split(symbol) or (0, symbol)
    ten = Fraction(10) ** power
    if name in _BASE or name in _ALONE:
        return Unit(ten, (("[iU]" if name == "[IU]" else name, 1),))
    size, of = _METRIC.get(name) or _PLAIN[name]
    whole = unit(of) or Unit(Fraction(1), ())
    return Unit(ten * Fraction(size) * whole.factor, whole.dimension)


def written(symbols: Parts) -> str:
    """The unit expression of the symbols: `kg.m/s2`, `/s`, `1`."""
    over = ".".join(_power(symbol, exponent) for symbol, exponent in symbols if exponent > 0)
    under = "".join(f"/{_power(symbol, -exponent)}" for symbol, exponent in symbols if exponent < 0)
    return over + under or "1"


def _power(symbol: str, exponent: int) -> str:
    return symbol if exponent == 1 else f"{symbol}{exponent}"


def multiplied(left: Parts, right: Parts, sign: int) -> Parts:
    """The symbols of the product (sign 1) or quotient (sign -1) of two units."""
    return _merged([*left, *((symbol, exponent * sign) for symbol, exponent in right)])
