"""Invented names, numbers and places: nobody's, and seen at a glance to be nobody's.

Source: NHS numbers that begin with 999 are kept for tests and given to nobody, check digit
modulus 11 (NHS Data Model and Dictionary, NHS NUMBER); telephone numbers 07700 900000 to
900999 are kept for drama (Ofcom); example.org (RFC 2606); ZZ99 3CZ is the pseudo postcode
for "England, not further known" (ONS Postcode Directory).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.sandbox.draws import Draws

GIVEN_STARTS = (
    "Zib", "Quor", "Flum", "Snor", "Wozz", "Blim", "Plonk", "Grib", "Yumb", "Drizz", "Twox", "Vlim",
    "Kwib", "Jizzle", "Oomp", "Frub", "Splod", "Nurf", "Hoop", "Crump", "Dweez", "Glim", "Skwib", "Thrum",
)  # fmt: skip
GIVEN_ENDS = ("bo", "wick", "dle", "kin", "zop", "nip", "bert-o", "fizz", "loo", "mop", "tik", "wumple")
FAMILY_STARTS = (
    "Teapot", "Lantern", "Pebble", "Marmalade", "Thistle", "Bobbin", "Custard", "Puddle", "Biscuit", "Feather",
    "Button", "Turnip", "Kettle", "Muffin", "Acorn", "Parsnip", "Velvet", "Bramble", "Cobweb", "Trifle",
    "Saucer", "Ribbon", "Crumpet", "Doorknob", "Mitten", "Umbrella", "Pickle", "Gherkin", "Haystack", "Jigsaw",
)  # fmt: skip
FAMILY_ENDS = (
    "moss", "whistle", "quartz", "wumpet", "shoe", "fiddle", "plume", "snap", "grommet", "twirl",
    "spangle", "hubbub", "drift", "clink", "zigzag", "flop", "gust", "nettle", "spoon", "wobble",
)  # fmt: skip
AREA_STARTS = ("Teapot", "Marmalade", "Thistle", "Lantern", "Bobbin", "Custard", "Kettle", "Parsnip")
AREA_ENDS = ("Vale", "Ness", "Magna", "Parva", "Spires", "Mere", "Wold", "Regis")
STREETS = ("Marmalade Rise", "Kettle Row", "Wobble Lane", "Button Close", "Custard Crescent", "Jigsaw Way")

PSEUDO_POSTCODE = "ZZ99 3CZ"

NHS_TEST_PREFIX = "999"
# Nine of ten last digits under each of the 100,000 five-digit stems have a check digit.
_VALID_PER_STEM = 9
NHS_NUMBERS = 900_000
# Any step without a common factor with NHS_NUMBERS visits each number once.
_STEP = 700_001
_SEED_STEP = 86_243


def given(draws: Draws) -> str:
    """An invented first name."""
    return draws.pick(GIVEN_STARTS) + draws.pick(GIVEN_ENDS)


def family(draws: Draws) -> str:
    """An invented family name."""
    return draws.pick(FAMILY_STARTS) + draws.pick(FAMILY_ENDS)


def area(index: int) -> str:
    """The name of the index-th area of the sandbox; a number tells those beyond the 64th apart."""
    ends = len(AREA_ENDS)
    turn, place = divmod(index, len(AREA_STARTS) * ends)
    name = f"{AREA_STARTS[place % len(AREA_STARTS)]} {AREA_ENDS[(place // len(AREA_STARTS) + place) % ends]}"
    return name if turn == 0 else f"{name} {turn + 1}"


def phone(draws: Draws) -> str:
    """A telephone number that rings nowhere."""
    return f"07700 900{draws.between(0, 999):03d}"


def nhs_number(seed: int, index: int) -> str:
    """The NHS number of the index-th young person: from the test range, its check digit right.

    No two of one cohort agree. Raises ValueError past the test range's 900,000 numbers.
    """
    if not 0 <= index < NHS_NUMBERS:
        raise ValueError(f"the test range has {NHS_NUMBERS} NHS numbers, none for position {index}")
    stem, rank = divmod((index * _STEP + seed * _SEED_STEP) % NHS_NUMBERS, _VALID_PER_STEM)
    valid = [
        f"{body}{check}"
        for last in range(10)
        if (check := check_digit(body := f"{NHS_TEST_PREFIX}{stem:05d}{last}")) is not None
    ]
    return valid[rank]


def check_digit(body: str) -> int | None:
    """The tenth digit of an NHS number's first nine, or None where no number has that body."""
    total = sum(int(digit) * weight for digit, weight in zip(body, range(10, 1, -1), strict=True))
    check = (11 - total % 11) % 11
    return None if check == 10 else check
