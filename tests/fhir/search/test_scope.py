"""Which types a search looks in."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.registry import APART
from service.fhir.search.scope import Scope


def test_a_type_in_the_path_is_the_only_one(registry):
    scope = Scope("Goal")
    assert scope.searched(registry, [("_type", "Task")]) == ("Goal",)
    assert not scope.is_wide


def test_the_system_has_every_type_that_is_searched_by_name(registry):
    types = Scope().searched(registry, [])
    assert types == tuple(sorted(types))
    assert {"Goal", "Patient"} <= set(types)
    assert APART.isdisjoint(types)
    assert all("search-type" in registry.served[type_] for type_ in types)


def test_types_are_searched_in_the_order_they_are_named_each_once(registry):
    assert Scope().searched(registry, [("_type", "Task,Goal,Task")]) == ("Task", "Goal")


def test_a_compartment_has_the_types_that_belong_to_it(registry):
    types = Scope(within=("Patient", "1")).searched(registry, [])
    assert {"Patient", "Goal", "Observation"} <= set(types)
    assert "Location" not in types
    assert APART.isdisjoint(types)


def test_a_scope_may_be_narrower(registry):
    scope = Scope(within=("Patient", "1"), types=("Goal", "Location"))
    assert scope.searched(registry, []) == ("Goal",)
    assert scope.is_wide


@pytest.mark.parametrize("value", ["Colour", "Goal,", "goal", "Account", "Goal,Colour"])
def test_a_type_that_is_not_searched_is_refused_with_those_that_are(registry, value):
    with pytest.raises(Malformed, match="`Goal`") as refused:
        Scope().searched(registry, [("_type", value)])
    assert refused.value.issues[0].slug == "search-type-unknown"
    assert "Colour" not in refused.value.issues[0].text


def test_a_type_outside_the_compartment_is_refused(registry):
    with pytest.raises(Malformed):
        Scope(within=("Patient", "1")).searched(registry, [("_type", "Location")])
