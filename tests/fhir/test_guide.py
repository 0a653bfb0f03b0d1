from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.guide import CANONICAL_BASE, KINDS, Guide


def artefact(kind: str, id_: str, **further: object) -> dict[str, object]:
    return {"resourceType": kind, "id": id_, "url": f"{CANONICAL_BASE}{kind}/{id_}", **further}


PROFILE = artefact("StructureDefinition", "a-profile", version="0.1.0")
VALUE_SET = artefact("ValueSet", "some-codes", version="0.1.0")
CODE_SYSTEM = artefact("CodeSystem", "some-codes")


def test_an_empty_guide_has_every_kind_and_nothing_in_it():
    guide = Guide()
    assert len(guide) == 0
    assert list(guide) == []
    assert [dict(guide.all(kind)) for kind in KINDS] == [{}] * len(KINDS)


def test_artefacts_come_kind_by_kind_whatever_their_order():
    guide = Guide([PROFILE, VALUE_SET, CODE_SYSTEM])
    assert list(guide) == [CODE_SYSTEM, VALUE_SET, PROFILE]
    assert len(guide) == 3
    assert guide.all("ValueSet") == {VALUE_SET["url"]: VALUE_SET}


@pytest.mark.parametrize(
    "stranger",
    [
        {"resourceType": "Patient", "id": "young-person"},
        {"resourceType": "Measure", "url": f"{CANONICAL_BASE}Measure/paired-goal-scores"},
        {"resourceType": "ValueSet", "id": "without-url"},
        {"resourceType": "ValueSet", "url": 1},
        {"url": f"{CANONICAL_BASE}ValueSet/without-type"},
    ],
    ids=str,
)
def test_what_is_no_artefact_is_left_out(stranger: dict[str, object]):
    assert list(Guide([stranger, PROFILE])) == [PROFILE]


@pytest.mark.parametrize(
    ("canonical", "found"),
    [
        (f"{CANONICAL_BASE}StructureDefinition/a-profile", PROFILE),
        (f"{CANONICAL_BASE}StructureDefinition/a-profile|0.1.0", PROFILE),
        (f"{CANONICAL_BASE}StructureDefinition/a-profile|0.2.0", None),
        (f"{CANONICAL_BASE}StructureDefinition/a-profile|", PROFILE),
        (f"{CANONICAL_BASE}StructureDefinition/another", None),
        ("a-profile", None),
        ("", None),
    ],
)
def test_an_artefact_is_found_by_its_address_and_version(canonical: str, found: dict[str, object] | None):
    assert Guide([PROFILE]).find("StructureDefinition", canonical) == found


def test_one_that_says_no_version_is_of_every_version():
    assert Guide([CODE_SYSTEM]).find("CodeSystem", f"{CODE_SYSTEM['url']}|7") == CODE_SYSTEM


def test_an_artefact_is_looked_for_among_its_kind_alone():
    guide = Guide([VALUE_SET, CODE_SYSTEM])
    assert guide.find("CodeSystem", str(VALUE_SET["url"])) is None
    assert guide.with_id("ValueSet", "some-codes") == VALUE_SET
    assert guide.with_id("CodeSystem", "some-codes") == CODE_SYSTEM
    assert guide.with_id("StructureDefinition", "some-codes") is None


def test_the_last_of_one_address_counts_and_stands_last():
    newer = artefact("ValueSet", "some-codes", version="0.0.1")
    other = artefact("ValueSet", "other-codes")
    guide = Guide([VALUE_SET, other, newer])
    assert list(guide) == [other, newer]
    assert guide.find("ValueSet", str(VALUE_SET["url"])) == newer
    assert guide.find("ValueSet", f"{VALUE_SET['url']}|0.1.0") is None


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from("abc"), st.integers(0, 3))))
def test_of_any_sequence_the_last_of_each_kind_and_address_is_kept(given_: list[tuple[str, str, int]]):
    guide = Guide(artefact(kind, id_, version=str(version)) for kind, id_, version in given_)
    last = {(kind, id_): str(version) for kind, id_, version in given_}
    assert {(one["resourceType"], one["id"]): one["version"] for one in guide} == last
    assert len(guide) == len(last)
