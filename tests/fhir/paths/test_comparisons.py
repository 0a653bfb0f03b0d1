from __future__ import annotations

import pytest

from service.fhir.paths.faults import EvaluationError, PathError

TABLE = [
    ("1 = 1.0", True),
    ("1 = true", False),
    ("1 = '1'", False),
    ("'a' = 'A'", False),
    ("'a b' ~ 'A\\tB'", True),
    ("'a' !~ 'b'", True),
    ("(1 | 2) = (1 | 2)", True),
    ("(1 | 2) = (2 | 1)", False),
    ("(1 | 2) ~ (2 | 1)", True),
    ("1 ~ {}", False),
    ("{} ~ {}", True),
    ("1.2 / 1.8 ~ 0.67", True),
    ("1.11 ~ 1.12", False),
    ("'Z' < 'a'", True),
    ("1 <= 1.0", True),
    ("@2026 < @2027-01", True),
    ("@T10 >= @T09", True),
    ("1 in (1 | 2)", True),
    ("1 in {}", False),
    ("(1 | 2) contains 3", False),
    ("{} contains 3", False),
    ("name = name", True),
    ("name ~ name", True),
    ("name[0] = name[1]", False),
    ("name.given contains 'Second'", True),
    ("active = true", True),
    ("deceased != true", True),
    ("birthDate = @2010-05-06", True),
    ("birthDate < @2011", True),
    ("birthDate = '2010-05-06'", False),
]
NOTHING = [
    "1 = {}",
    "{} != {}",
    "1 > {}",
    "{} in (1 | 2)",
    "1 contains {}",
    "@2026 = @2026-01",
    "birthDate > @2010",
    "1 'm' = 1 's'",
]


@pytest.mark.parametrize(("expression", "expected"), TABLE)
def test_comparison(expression: str, expected: object, patient, evaluate):
    assert evaluate(expression, patient) == [expected]


@pytest.mark.parametrize("expression", NOTHING)
def test_comparison_that_cannot_be_told(expression: str, patient, evaluate):
    assert evaluate(expression, patient) == []


@pytest.mark.parametrize("expression", ["1 > 'a'", "birthDate > 1", "name < 1", "true < false", "@T10 > 'a'"])
def test_no_order_among_these_types(expression: str, patient, evaluate):
    with pytest.raises(PathError):
        evaluate(expression, patient)


@pytest.mark.parametrize(
    "expression",
    ["(1 | 2) > 1", "(1 | 2) in (1 | 2)", "component.value > 1", "component[0].value > 1", "@2026 < @T10"],
)
def test_what_fails_on_the_data(expression: str, observation, evaluate):
    with pytest.raises(EvaluationError):
        evaluate(expression, observation)


def test_dates_compare_as_elements(observation, evaluate):
    assert evaluate("effective.start <= effective.end", observation) == [True]
    assert evaluate("effective.start > effective.end", observation) == [False]
    assert evaluate("effective.start < effective.start", observation) == [False]
    del observation["effectivePeriod"]["end"]
    assert evaluate("effective.start <= effective.end", observation) == []


def test_a_date_with_extensions_alone_has_no_order(evaluate):
    appointment = {"resourceType": "Encounter", "period": {"_start": {"id": "a"}, "end": "2026"}}
    assert evaluate("period.start <= period.end", appointment) == []
