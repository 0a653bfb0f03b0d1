"""Places on the earth, taken as a sphere: the point of a position, and how far apart two points may lie.

A point is its unit vector, and the distance of two is asked by the straight line (chord)
through the earth between them, because squares and sums of it are all that a database need
compute. Sines are computed in decimals: those of the machine's own library differ in their
last bit from processor to processor, and index rows of a body must be the same wherever
they are made.

Source: https://hl7.org/fhir/R4/location.html (WGS84, Location.position);
Moritz, Geodetic Reference System 1980, Journal of Geodesy 74 (2000), 128-133 (mean radius R1)
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import Final

from service.fhir.paths.units import unit
from service.fhir.search.numbers import real

Point = tuple[float, float, float]

# Metres: a third of the sum of twice the equatorial and once the polar semi-axis of WGS84.
RADIUS: Final = Fraction("6371008.8")

NORTHERNMOST: Final = 90  # degrees, as KML has latitudes and longitudes, to which R4 refers
EASTERNMOST: Final = 180

# Greater than the square of any chord of the unit sphere, 4, by more than rounding can add.
EVERYWHERE: Final = 5.0

_PI: Final = Decimal("3.14159265358979323846264338327950288419716939937510582097")
_CONTEXT: Final = Context(prec=40)  # digits: over twice as many as a double has
_NEGLIGIBLE: Final = Decimal("1e-40")

# Less than the size of an atom; squares of what is smaller would be too small for PostgreSQL's doubles.
_LEAST: Final = 1e-24

_METRE: Final = unit("m")


@lru_cache(maxsize=512)  # of one position three coordinates are read
def point(latitude: float | Decimal, longitude: float | Decimal) -> Point | None:
    """The unit vector of a position in degrees; None where there is no such place on the earth.

    x points to latitude 0 and longitude 0, y to longitude 90 (east), z to the north pole.
    """
    north, east = real(latitude), real(longitude)
    if not (-NORTHERNMOST <= north <= NORTHERNMOST and -EASTERNMOST <= east <= EASTERNMOST):
        return None
    with localcontext(_CONTEXT):
        across, along = Decimal(latitude), Decimal(longitude)
        out = _sine(90 - abs(across))
        return (
            _double(out * _sine(90 - abs(along))),
            _double(out * _sine(along)),
            _double(_sine(across)),
        )


@lru_cache(maxsize=512)
def metres(code: str) -> Fraction | None:
    """How long a unit of UCUM is, in metres; None where it is no length that is known here."""
    found = unit(code)
    if found is None or _METRE is None or found.dimension != _METRE.dimension:
        return None
    return found.factor


def chord(distance: Fraction) -> float:
    """The square of the chord between points so many metres apart along the surface, the sphere's radius being 1."""
    with localcontext(_CONTEXT):
        halfway = distance / RADIUS / 2  # radians
        if halfway >= Fraction(_PI) / 2:
            return EVERYWHERE
        sine = _series(Decimal(halfway.numerator) / Decimal(halfway.denominator))
        return float(4 * sine * sine)


def apart(one: Point, other: Point) -> float:
    """The square of the chord between two points: as the stores compute it, in the same order of operations."""
    x, y, z = one[0] - other[0], one[1] - other[1], one[2] - other[2]
    return x * x + y * y + z * z


def _sine(degrees: Decimal) -> Decimal:
    """The sine of an angle from -180 to 180 degrees, exact where it is -1, 0 or 1."""
    if abs(degrees) > NORTHERNMOST:
        degrees = Decimal(EASTERNMOST).copy_sign(degrees) - degrees
    return Decimal(1).copy_sign(degrees) if abs(degrees) == NORTHERNMOST else _series(degrees * _PI / 180)


def _series(angle: Decimal) -> Decimal:
    """The sine of an angle from -pi/2 to pi/2 by its power series."""
    term = total = angle
    square = angle * angle
    power = 1
    while abs(term) > _NEGLIGIBLE:
        term *= -square / ((power + 1) * (power + 2))
        total += term
        power += 2
    return total


def _double(number: Decimal) -> float:
    """The nearest double; 0 of what is next to nothing."""
    found = float(number)
    return found if abs(found) >= _LEAST else 0.0
