from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sandbox import names
from tests.sandbox.conftest import Cohort

GIVEN = {start + end for start in names.GIVEN_STARTS for end in names.GIVEN_ENDS}
FAMILY = {start + end for start in names.FAMILY_STARTS for end in names.FAMILY_ENDS}


def test_everybody_has_an_invented_name(made: Cohort):
    people = [*made.of_type("Patient"), *made.of_type("RelatedPerson"), *made.of_type("Practitioner")]
    assert len(people) > 500
    for person in people:
        [name] = person["name"]
        assert name["family"] in FAMILY
        assert set(name["given"]) <= GIVEN


def test_friends_in_goals_have_invented_names_too(made: Cohort):
    texts = [goal["description"]["text"] for goal in made.of_type("Goal")]
    named = [found[1] for text in texts if (found := re.search(r", like (\S+) does$", text))]
    assert named
    assert set(named) <= GIVEN


def test_names_are_many():
    assert len(GIVEN) > 250
    assert len(FAMILY) == len(names.FAMILY_STARTS) * len(names.FAMILY_ENDS)


def modulus_11(number: str) -> bool:
    """The check as the NHS Data Dictionary describes it, step by step."""
    total = 0
    for place in range(9):
        total += int(number[place]) * (10 - place)
    check = 11 - total % 11
    if check == 11:
        check = 0
    return check != 10 and check == int(number[9])


@given(st.integers(0, 10**9), st.integers(0, names.NHS_NUMBERS - 1))
def test_nhs_numbers_are_of_the_test_range_and_check(seed: int, index: int):
    number = names.nhs_number(seed, index)
    assert re.fullmatch(r"999\d{7}", number)
    assert modulus_11(number)


def test_nhs_numbers_are_given_once():
    assert len({names.nhs_number(3, index) for index in range(20_000)}) == 20_000


@pytest.mark.parametrize("index", [-1, names.NHS_NUMBERS])
def test_nobody_gets_a_number_past_the_test_range(index: int):
    with pytest.raises(ValueError, match="test range"):
        names.nhs_number(1, index)


@pytest.mark.parametrize(
    ("body", "digit"), [("999000000", None), ("943476591", 9), ("999000008", 5), ("999000002", 6)]
)
def test_check_digits(body: str, digit: int | None):
    assert names.check_digit(body) == digit


def test_telephones_ring_nowhere_and_mail_goes_nowhere(made: Cohort):
    points = [point for resource in made.resources for point in resource.get("telecom", ())]
    assert points
    for point in points:
        if point["system"] == "phone":
            assert re.fullmatch(r"07700 900\d{3}", point["value"])
        else:
            assert point["value"].endswith("example.org")


def test_addresses_are_nowhere(made: Cohort):
    for patient in made.of_type("Patient"):
        for address in patient.get("address", ()):
            assert address["postalCode"] == names.PSEUDO_POSTCODE
            assert any(address["line"][0].endswith(street) for street in names.STREETS)


def test_areas_have_names_of_their_own():
    assert len({names.area(index) for index in range(300)}) == 300
