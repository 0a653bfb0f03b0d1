"""`near`: places within a distance of a point, on a sphere.

Source: https://hl7.org/fhir/R4/location.html#search (near), docs/interpretations.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

from service.fhir.search import refusals
from service.fhir.search.asked import Asked
from service.fhir.search.derived import AXES
from service.fhir.search.escapes import split, unescape
from service.fhir.search.expressions import Expression, Near
from service.fhir.search.numbers import exact
from service.fhir.search.sphere import chord, metres, point

MODIFIERS = ()

# What is near where the client does not say: a way that a family goes for a clinic. R4 leaves it to the server.
NEARBY: Final = "50"
KILOMETRES: Final = "km"

# Nobody writes a unit of length that is longer; what is kept of units stays small.
_LONGEST_UNIT: Final = 20

_FORM = (
    "give `latitude|longitude`, `latitude|longitude|distance` (in km) or `latitude|longitude|distance|units`:"
    " degrees from -90 to 90 and from -180 to 180, a distance that is not negative, and a length of UCUM"
    " such as `km`, `m` or `[mi_i]`"
)

Values = list[tuple[float]]


def _axis(number: int) -> Callable[[Mapping[str, Any]], Values]:
    """Reads the coordinate of that number of a position; none of one that is no place on the earth."""

    def read_axis(position: Mapping[str, Any]) -> Values:
        if "latitude" not in position or "longitude" not in position:
            return []
        found = point(position["latitude"], position["longitude"])
        return [] if found is None else [(found[number],)]

    return read_axis


# By axis, and by type of element.
READERS: Mapping[str, Mapping[str, Callable[[Mapping[str, Any]], Values]]] = {
    axis: {"Location.position": _axis(number)} for number, axis in enumerate(AXES)
}


def read(asked: Asked) -> Expression:
    """The condition that a place lies no farther from a point than was said.

    Raises:
        Malformed: the value is no point on the earth with, or without, a distance and its unit.
    """
    parts = [unescape(part) for part in split(asked.text, "|")]
    if not 2 <= len(parts) <= 4:
        raise _unreadable(asked)
    latitude, longitude, distance, units = (*parts, "", "")[:4]
    north, east, away = exact(latitude), exact(longitude), exact(distance or NEARBY)
    long = metres(units or KILOMETRES) if len(units) <= _LONGEST_UNIT else None
    middle = None if north is None or east is None else point(north, east)
    if middle is None or away is None or away < 0 or long is None:
        raise _unreadable(asked)
    # Without a distance "units are irrelevant", says R4.
    return Near(asked.code, *middle, chord(Fraction(away) * (long if distance else 1_000)))


def _unreadable(asked: Asked) -> Exception:
    return refusals.unreadable(asked.name, "search-value-near", _FORM)
