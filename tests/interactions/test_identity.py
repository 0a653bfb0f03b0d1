from __future__ import annotations

import pytest

from service.fhir.problems import Malformed, Missing, Unoffered
from service.interactions.identity import is_id, require_id, require_offered, require_same_id, require_type


@pytest.mark.parametrize("id_", ["a", "A-9.z", "0", "x" * 64])
def test_ids_that_fhir_allows(id_):
    assert is_id(id_)
    require_id("Patient", id_)


@pytest.mark.parametrize("id_", ["", "x" * 65, "a b", "a_b", "a/b", "é", "a\n", "٣"])
def test_ids_that_it_does_not(id_):
    assert not is_id(id_)
    with pytest.raises(Malformed):
        require_id("Patient", id_)


@pytest.mark.parametrize(
    "body", [{}, {"resourceType": "Goal"}, {"resourceType": None}, {"resourceType": ["Patient"]}]
)
def test_another_type(body):
    require_type({"resourceType": "Patient"}, "Patient")
    with pytest.raises(Malformed):
        require_type(body, "Patient")


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": "p2"}, {"id": 1}])
def test_another_id(body):
    require_same_id({"id": "p1"}, "Patient", "p1")
    with pytest.raises(Malformed):
        require_same_id(body, "Patient", "p1")


@pytest.mark.parametrize(
    ("type_", "interaction", "problem"),
    [
        ("Patient", "create", None),
        ("AuditEvent", "read", None),
        ("AuditEvent", "create", Unoffered),
        ("Appointment", "read", Missing),
        ("Nonsense", "read", Missing),
    ],
)
def test_what_is_offered(registry, type_, interaction, problem):
    if problem is None:
        require_offered(registry, type_, interaction)
    else:
        with pytest.raises(problem):
            require_offered(registry, type_, interaction)
