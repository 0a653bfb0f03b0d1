"""Scopes as they are written, in both grammars, and what two of them have in common."""

from __future__ import annotations

from itertools import islice, product
from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as some

from service.access.grants import (
    LETTERS,
    LONGEST_QUERY,
    MOST,
    MOST_CONDITIONS,
    SIGN_IN,
    Grant,
    common,
    read_grants,
)

READABLE = [
    ("system/Observation.read", Grant("system", "Observation", "rs")),
    ("system/Observation.write", Grant("system", "Observation", "cud")),
    ("user/Goal.*", Grant("user", "Goal", "cruds")),
    ("patient/*.read", Grant("patient", "*", "rs")),
    ("system/*.*", Grant("system", "*", "cruds")),
    ("system/*.cruds", Grant("system", "*", "cruds")),
    ("system/Patient.r", Grant("system", "Patient", "r")),
    ("user/CarePlan.cu", Grant("user", "CarePlan", "cu")),
    (
        "system/Observation.rs?category=survey",
        Grant("system", "Observation", "rs", (("category", "survey"),)),
    ),
    (
        "system/Observation.rs?category=survey&code=http%3A%2F%2Floinc.org%7C1",
        Grant("system", "Observation", "rs", (("category", "survey"), ("code", "http://loinc.org|1"))),
    ),
]
UNREADABLE = [
    "Observation.read",
    "system/observation.read",
    "system/Observation",
    "system/Observation.",
    "system/Observation.sr",  # letters have an order
    "system/Observation.rr",
    "system/Observation.readwrite",
    "system/Observation.read?category=survey",  # version 1 has no parameters
    "system/Observation.rs?",
    "system/Observation.rs?category",
    "system/Observation.rs?category=%ff",
    "system/Observation.rs\n",
    "practitioner/Observation.rs",
    "SYSTEM/Observation.rs",
    "system/Ob servation.rs",
    "system/Observation.rs?" + "a=" + "x" * LONGEST_QUERY,
    "",
    *sorted(SIGN_IN),
]


@pytest.mark.parametrize(("text", "meant"), READABLE, ids=[text for text, _ in READABLE])
def test_scope_of_either_version_is_read(text: str, meant: Grant) -> None:
    assert read_grants(text) == (meant,)
    assert read_grants(text)[0].text == text


@pytest.mark.parametrize("text", UNREADABLE, ids=[f"{n}" for n in range(len(UNREADABLE))])
def test_what_is_not_understood_is_left_out(text: str) -> None:
    assert read_grants(f"{text} system/Goal.r") == (Grant("system", "Goal", "r"),)


def test_scopes_that_mean_the_same_are_one() -> None:
    assert read_grants("system/Goal.read system/Goal.rs system/Goal.read") == (Grant("system", "Goal", "rs"),)


def test_reading_a_long_text_ends() -> None:
    names = map("".join, product("ABC", ascii_lowercase, ascii_lowercase))
    many = " ".join(f"system/{name}.r" for name in islice(names, MOST + 50))
    assert len(read_grants(many)) == MOST


def met(requested: str, allowed: str) -> list[str]:
    return [grant.text for grant in common(read_grants(requested), read_grants(allowed))]


@pytest.mark.parametrize(
    ("requested", "allowed", "granted"),
    [
        ("system/Goal.read", "system/*.cruds", ["system/Goal.read"]),
        ("system/*.rs", "system/Goal.cruds system/Patient.r", ["system/Goal.rs", "system/Patient.r"]),
        ("system/Goal.cruds", "system/Goal.read", ["system/Goal.rs"]),
        ("system/Goal.write", "system/Goal.read", []),
        ("user/Goal.rs", "system/Goal.rs", []),
        ("system/Goal.rs", "system/Patient.rs", []),
        ("system/Observation.rs", "system/Observation.rs?category=survey", ["system/Observation.rs?category=survey"]),
        ("system/Observation.rs?category=survey", "system/*.rs", ["system/Observation.rs?category=survey"]),
        (
            "system/Observation.rs?category=survey",
            "system/Observation.r?code=a|b",
            ["system/Observation.r?category=survey&code=a|b"],
        ),
        ("system/Goal.r system/Goal.rs", "system/*.r", ["system/Goal.r"]),
    ],
)  # fmt: skip
def test_what_is_requested_is_granted_as_far_as_it_is_allowed(
    requested: str, allowed: str, granted: list[str]
) -> None:
    assert met(requested, allowed) == granted


grants = some.builds(
    Grant,
    some.sampled_from(["system", "user", "patient"]),
    some.sampled_from(["*", "Goal", "Observation"]),
    some.sets(some.sampled_from(LETTERS), min_size=1).map(
        lambda chosen: "".join(letter for letter in LETTERS if letter in chosen)
    ),
    some.sampled_from([(), (("_tag", "a"),), (("_tag", "a"), ("_tag", "b,c"))]),
)


@given(grants)
def test_scope_that_is_written_is_read_as_what_it_was(grant: Grant) -> None:
    assert read_grants(grant.written()) == (grant,)


@given(grants, grants)
def test_what_two_allow_is_within_both(one: Grant, other: Grant) -> None:
    both = one.meet(other)
    turned = other.meet(one)
    assert (both is None) == (turned is None)
    if both is not None and turned is not None:
        for each in (one, other):
            assert both.context == each.context
            assert each.type in {"*", both.type}
            assert set(both.letters) <= set(each.letters)
            assert set(each.pairs) <= set(both.pairs)
        assert (turned.type, turned.letters, set(turned.pairs)) == (both.type, both.letters, set(both.pairs))
        assert read_grants(both.text or both.written()) == (both,)


def weights(text: str) -> int:
    return sum(grant.weight for grant in read_grants(text))


def test_scopes_put_so_many_conditions_and_no_more() -> None:
    many = [f"system/Observation.rs?code=a,{number}" for number in range(MOST)]
    found = read_grants(" ".join(many))
    assert [grant.text for grant in found] == many[: MOST_CONDITIONS // 2]
    # What is not narrowed, or puts few enough, is still read behind what puts too many.
    behind = " ".join(
        [
            "system/Goal.rs?" + "&".join(["_tag=a"] * (MOST_CONDITIONS - 1)),
            many[0],
            "system/Goal.s?_tag=b system/Flag.c",
        ]
    )
    assert [grant.type for grant in read_grants(behind)] == ["Goal", "Goal", "Flag"]


def test_what_is_read_in_each_type_anew_weighs_more() -> None:
    assert weights("system/Goal.rs?status=a") == weights("system/*.rs?_tag=a") == 1
    assert weights("system/*.rs?status=a,b&_tag=c") == 30
    assert weights("system/*.rs") == 0


def test_no_more_is_granted_than_a_text_may_hold() -> None:
    one = read_grants(" ".join(f"system/*.r?_tag={number}" for number in range(50)))
    other = read_grants(" ".join(f"system/*.r?_id={number}" for number in range(50)))
    found = list(common(one, other))
    assert sum(grant.weight for grant in found) == MOST_CONDITIONS
    assert read_grants(" ".join(grant.text or grant.written() for grant in found)) == tuple(found)
