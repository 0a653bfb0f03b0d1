"""What may come with a record: by the registry, not by chance."""

from __future__ import annotations

from service.fhir.search.compartments import ALSO, members
from service.operations.supporting import TYPES, includes


def test_nothing_that_is_somebodys_record_comes_with_another(registry):
    assert not TYPES & {*members(registry, "Patient"), *ALSO}


def test_what_comes_with_a_record_is_served(registry):
    assert registry.served.keys() >= TYPES


def test_only_references_that_can_lead_there_are_followed(registry):
    [include] = includes(registry, ("Goal", "Observation"), frozenset({"Practitioner"}))
    assert include.iterate
    assert not include.reverse
    assert ("Observation", "performer") in include.parameters
    assert ("Observation", "focus") in include.parameters  # may refer to anything
    assert ("Goal", "patient") not in include.parameters
    assert ("Practitioner", "patient") not in include.parameters
