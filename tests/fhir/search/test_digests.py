"""Digests: what changes the index rows of a parameter changes its digest, and nothing else does."""

from __future__ import annotations

import dataclasses
from hashlib import blake2b

import pytest

from service.fhir.registry import load
from service.fhir.search import digests
from service.fhir.search.derived import STORED, index_codes
from service.fhir.search.digests import SHARING, definitions
from tests.storage.reindexed import DEPLOYERS, NOTE, registry_with

PLAIN = registry_with()

# What the program of the first schema indexed, and how it read it: migration 0002 lets the rows of these stand.
OF_THE_FIRST = "7250311976bfbe3df90e1255c9cc0151"


def test_there_is_a_digest_for_every_code_that_has_rows():
    known = definitions(PLAIN).digests
    assert set(known) == {
        f"{type_}.{code}"
        for type_ in PLAIN.served
        for code in index_codes(PLAIN, type_)
        if code not in STORED
    } | {f"{type_}.{SHARING}" for type_ in PLAIN.served}


def test_the_same_definitions_give_the_same_digests():
    assert definitions(registry_with()) == definitions(PLAIN)


def test_a_parameter_more_changes_no_other():
    more = definitions(registry_with(*DEPLOYERS))
    plain = definitions(PLAIN)
    assert plain.digests.items() < more.digests.items()
    assert plain.whole != more.whole
    assert plain.first == more.first


CHANGES = {
    "type": {"type": "token"},
    "expression": {"expression": "Observation.code.text"},
    "targets": {"targets": ("Patient",)},
    "components": {"components": (("status", "status"),)},
}
REMARKS = {"url": {"url": "https://deployer.example/other"}}


def changed(what: dict[str, object]) -> str:
    registry = registry_with(NOTE)
    parameter = registry.search_parameters("Observation")["note-text"]
    other = registry.extended([dataclasses.replace(parameter, **what)])
    return definitions(other).digests["Observation.note-text"]


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_the_rows_changes_the_digest(what: str):
    assert changed(CHANGES[what]) != changed({})


@pytest.mark.parametrize("what", REMARKS)
def test_what_does_not_change_them_does_not(what: str):
    assert changed(REMARKS[what]) == changed({})


def test_reading_in_another_way_changes_the_digests_of_what_is_so_read(monkeypatch: pytest.MonkeyPatch):
    before = definitions(PLAIN)
    monkeypatch.setattr(digests, "READINGS", {**digests.READINGS, "text": 2, "number": 2})
    after = definitions(registry_with())
    moved = {name for name in before.digests if before.digests[name] != after.digests[name]}
    assert "Observation.code:text" in moved
    assert "Goal.goal-slot" in moved
    assert all(name.endswith(":text") for name in moved - {"Goal.goal-slot"} - _numbers())
    # What is read in another way than the first program did no longer stands as it left it.
    assert after.first == before.first - _numbers()


def _numbers() -> set[str]:
    return {
        f"{type_}.{code}"
        for type_ in PLAIN.served
        for code, parameter in PLAIN.search_parameters(type_).items()
        if parameter.type == "number"
    }


def test_the_codes_of_a_type_are_found():
    assert "Goal.goal-slot" in set(definitions(PLAIN).of("Goal"))
    assert not set(definitions(PLAIN).of("Nobody"))


def test_what_the_first_program_indexed_is_read_as_it_was():
    """Where this fails, stores from before would answer by rows that this program makes in another way.

    Raise the number of the reading that changed in `digests.READINGS`, or leave a changed
    definition out of `Definitions.first`, and put the new digest here.
    """
    known = definitions(load())
    first = sorted((name, known.digests[name]) for name in known.first)
    assert blake2b(repr(first).encode(), digest_size=16).hexdigest() == OF_THE_FIRST
