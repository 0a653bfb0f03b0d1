"""Number parameters: what elements give, and what queries ask."""

from decimal import Decimal

import pytest

from service.fhir.definitions import SearchParameter
from service.fhir.problems import Malformed
from service.fhir.search.asked import Asked, Setting
from service.fhir.search.expressions import Number
from service.fhir.search.types.number import READERS, read

# None of the served types has a number parameter in R4, so that one is invented.
AGE = SearchParameter("http://a.example/age", "age", "Patient", "number", "Patient.multipleBirth")


@pytest.fixture
def asked(registry):
    return lambda text: read(Asked(Setting(registry, "http://a.example", 0), AGE, "age", None, text))


@pytest.mark.parametrize(
    ("type_", "value"), [("decimal", Decimal("7.10")), ("integer", 7), ("positiveInt", 7)]
)
def test_the_number_of_an_element(type_, value):
    assert READERS[type_](value) == [(float(value),)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", Number("age", "eq", 7, 6.5, 7.5)),
        ("ne7.0", Number("age", "ne", 7, 6.95, 7.05)),
        ("sa7", Number("age", "sa", 7, 6.5, 7.5)),
        ("lt-7", Number("age", "lt", -7, -7.5, -6.5)),
    ],
)
def test_what_a_number_asks(asked, text, expected):
    assert asked(text) == expected


def test_about_a_number_is_a_wider_range(asked):
    about = asked("ap100")
    assert about.prefix == "ap"
    assert (about.value, about.low) == (100, 90)
    assert 110 < about.high < 110.0001


@pytest.mark.parametrize("text", ["seven", "", "gt", "7|x", "1e999"])
def test_what_is_no_number_is_refused(asked, text):
    with pytest.raises(Malformed) as refusal:
        asked(text)
    assert refusal.value.issues[0].slug == "search-value-number"
