"""Places: what positions give, and what queries ask."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest

from service.fhir.matching import Candidate, matches
from service.fhir.problems import Malformed
from service.fhir.search.asked import Asked, Setting
from service.fhir.search.expressions import Near
from service.fhir.search.sphere import chord, point
from service.fhir.search.types.near import NEARBY, READERS, read

KM = 1_000


@pytest.fixture
def ask(registry):
    parameter = registry.search_parameters("Location")["near"]
    return lambda text: read(Asked(Setting(registry, "http://a.example", 0), parameter, "near", None, text))


def place(latitude, longitude):
    return {"latitude": latitude, "longitude": longitude}


def test_a_position_has_the_coordinates_of_its_point():
    position = place(Decimal("51.5"), Decimal("-0.125"))
    read_off = [READERS[axis]["Location.position"](position) for axis in "xyz"]
    assert read_off == [[(number,)] for number in point(Decimal("51.5"), Decimal("-0.125"))]


@pytest.mark.parametrize(
    "position", [{"latitude": 1}, {"longitude": 1}, {"_latitude": {}}, place(91, 0), place(0, 181)]
)
def test_what_is_no_place_has_none(position):
    assert [READERS[axis]["Location.position"](position) for axis in "xyz"] == [[], [], []]


@pytest.mark.parametrize(
    ("text", "distance"),
    [
        ("51.5|-0.125|10|km", 10 * KM),
        ("51.5|-0.125|10|", 10 * KM),
        ("51.5|-0.125|10", 10 * KM),
        ("5.15e1|-0.125|2500|m", Fraction("2.5") * KM),
        ("51.5|-0.125|7|[mi_i]", 7 * Fraction("1.609344") * KM),
        ("51.50|-0.1250|7|[mi_us]", 7 * Fraction(6_336_000, 3_937)),
        ("51.5|-0.125|0", 0),
        ("51.5|-0.125", int(NEARBY) * KM),
        ("51.5|-0.125||", int(NEARBY) * KM),
        ("51.5|-0.125||m", int(NEARBY) * KM),
    ],
)
def test_what_a_place_and_a_distance_ask(ask, text, distance):
    assert ask(text) == Near("near", *point(Decimal("51.5"), Decimal("-0.125")), chord(Fraction(distance)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a latitude alone", "51.5"),
        ("nothing between the bars", "|"),
        ("no latitude", "|0|1|km"),
        ("no longitude", "51.5||1|km"),
        ("a word", "north|0"),
        ("beyond the pole", "90.1|0|1|km"),
        ("beyond the date line", "0|-180.1|1|km"),
        ("a negative distance", "0|0|-1|km"),
        ("a distance in words", "0|0|near|km"),
        ("no length", "0|0|1|s"),
        ("a square", "0|0|1|m2"),
        ("no unit of UCUM", "0|0|1|miles"),
        ("no unit of UCUM, without a distance", "0|0||miles"),
        ("a part too many", "0|0|1|km|x"),
        ("a prefix", "le0|0|1|km"),
        ("a unit of nothing", "0|0|1|m/0"),
        ("a unit as long as a book", "0|0|1|" + "m." * 500 + "m"),
    ],
)
def test_what_is_no_place_is_refused(ask, name, value):
    with pytest.raises(Malformed) as refusal:
        ask(value)
    (issue,) = refusal.value.issues
    assert issue.slug == "search-value-near", name
    assert "`[mi_i]`" in issue.text


# As the crow flies, rounded; the test lets half a hundredth pass, because the earth is no sphere.
CHARING_CROSS = "51.50735|-0.12755"


@pytest.mark.parametrize(
    ("where", "latitude", "longitude", "kilometres"),
    [
        ("Edinburgh", "55.94859", "-3.19991", 534),
        ("New York", "40.74844", "-73.98566", 5567),
        ("Wellington", "-41.28898", "174.77722", 18818),
    ],
)
def test_cities_are_as_far_as_they_are(ask, extractor, where, latitude, longitude, kilometres):
    location = {"resourceType": "Location", "position": place(Decimal(latitude), Decimal(longitude))}
    known = Candidate("Location", "a", 0, extractor.values(location))

    def within(distance):
        asked = ask(f"{CHARING_CROSS}|{distance}|km")
        return matches(asked, "Location", "a", 0, known.values, None)

    assert not within(math.floor(kilometres * 0.995)), where
    assert within(math.ceil(kilometres * 1.005)), where
