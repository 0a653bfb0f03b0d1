"""Places on the earth: their points, and distances against the haversine formula in doubles."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.search.sphere import EVERYWHERE, RADIUS, apart, chord, metres, point

latitudes = st.floats(-90, 90) | st.sampled_from([-90, 0, 90])
longitudes = st.floats(-180, 180) | st.sampled_from([-180, -90, 0, 90, 180])
places = st.tuples(latitudes, longitudes)

# Metres by which two ways to compute a distance may differ: the haversine loses digits half-way round the earth.
EDGE = 0.01
FARTHEST = math.pi * float(RADIUS)


def haversine(one, other):
    """The distance of two places in metres, computed without vectors."""
    north, south = math.radians(one[0]), math.radians(other[0])
    east = math.radians(other[1] - one[1])
    half = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(east / 2) ** 2
    return 2 * float(RADIUS) * math.atan2(math.sqrt(half), math.sqrt(max(0.0, 1 - half)))


@given(places, places, st.floats(0, 30_000_000))
def test_what_is_within_a_distance_is_so_by_the_haversine_formula(one, other, distance):
    within = apart(point(*one), point(*other)) <= chord(Fraction(distance))
    if abs(haversine(one, other) - distance) > EDGE:
        assert within == (haversine(one, other) < distance)


@given(places, st.floats(0, 90), st.floats(0, 0.01))
def test_so_is_what_is_close_to_the_edge(one, angle, beyond):
    # Along a meridian degrees are the distance.
    other = (one[0] - math.copysign(angle, one[0]), one[1])
    away = Fraction(math.radians(abs(one[0] - other[0]))) * RADIUS
    between = apart(point(*one), point(*other))
    assert between <= chord(away * Fraction(1 + beyond) + Fraction(EDGE))
    assert away <= EDGE or between > chord(away * Fraction(1 - beyond) - Fraction(EDGE))


@given(places, places)
def test_a_place_is_where_it_is_and_the_way_back_is_as_long(one, other):
    assert apart(point(*one), point(*one)) == 0 <= chord(Fraction(0))
    assert apart(point(*one), point(*other)) == apart(point(*other), point(*one))
    assert apart(point(*one), point(*other)) <= chord(Fraction(FARTHEST) + 1) == EVERYWHERE


@given(st.fractions(0, 25_000_000), st.fractions(0, 25_000_000))
def test_a_longer_way_has_no_shorter_chord(one, other):
    assert chord(min(one, other)) <= chord(max(one, other))


@given(places)
def test_a_point_is_on_the_sphere(place):
    x, y, z = point(*place)
    assert math.isclose(x * x + y * y + z * z, 1, rel_tol=1e-15)
    north, east = map(math.radians, place)
    expected = (math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north))
    assert all(math.isclose(a, b, abs_tol=1e-15) for a, b in zip((x, y, z), expected, strict=True))


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        (0, 0, (1, 0, 0)),
        (0, 90, (0, 1, 0)),
        (0, -90, (0, -1, 0)),
        (0, 180, (-1, 0, 0)),
        (0, -180, (-1, 0, 0)),
        (90, 12, (0, 0, 1)),
        (Decimal("-90.0"), -180, (0, 0, -1)),
        (Decimal("1E-300"), Decimal("-1E-999999999"), (1, 0, 0)),
        (30, 0, (0.8660254037844386, 0, 0.5)),
    ],
)
def test_round_places_have_round_points(latitude, longitude, expected):
    assert point(latitude, longitude) == expected
    assert "-0.0" not in repr(point(latitude, longitude))


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(Decimal("90.0001"), 0), (-91, 0), (0, Decimal("180.5")), (0, -181), (10**400, 0)],
)
def test_beyond_the_map_there_is_no_place(latitude, longitude):
    assert point(latitude, longitude) is None


def test_squares_of_differences_are_never_too_small_for_a_database():
    # PostgreSQL refuses a product that underflows.
    for tiny in (Decimal("1e-20"), Decimal("1e-23"), Decimal("1e-170"), Decimal("1e-320")):
        difference = point(0, tiny)[1] - point(0, 0)[1]
        assert difference == 0 or difference * difference > 1e-300


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("m", 1),
        ("km", 1000),
        ("[mi_i]", Fraction("1609.344")),
        ("[mi_us]", Fraction(6_336_000, 3_937)),
        ("[nmi_i]", 1852),
        ("[ft_i]", Fraction("0.3048")),
        ("m2", None),
        ("s", None),
        ("1", None),
        ("mile", None),
        ("m/0", None),
        ("", None),
    ],
)
def test_how_long_a_unit_is(code, expected):
    assert metres(code) == expected
