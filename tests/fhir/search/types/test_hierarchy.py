"""Hierarchies of resources, asked for above and below one."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.expressions import Query, Within
from service.fhir.search.types.hierarchy import hierarchical, part_of
from tests.agreement.neighbours import neighbours


def location(id_, above=None):
    part = {"partOf": {"reference": f"Location/{above}"}} if above else {}
    return {"resourceType": "Location", "id": id_, **part}


def visit(id_, at):
    return {
        "resourceType": "Encounter", "id": id_, "status": "finished", "class": {"code": "AMB"},
        "location": [{"location": {"reference": f"Location/{at}"}}],
    }  # fmt: skip


PLACES = ("site", "building", "floor", "room")
THERE = [
    location("site"), location("building", "site"), location("floor", "building"), location("room", "floor"),
    location("elsewhere"), *(visit(f"in-{place}", place) for place in (*PLACES, "elsewhere")),
]  # fmt: skip


@pytest.fixture
def found(ask, extractor):
    def run(type_, name, value):
        around = neighbours(THERE, extractor, [0] * len(THERE))
        return around.found(Query(type_, ask(type_, name, value), 1))

    return run


@pytest.mark.parametrize(
    ("type_", "name", "value", "expected"),
    [
        ("Encounter", "location:below", "Location/building", {"in-building", "in-floor", "in-room"}),
        ("Encounter", "location:below", "room", {"in-room"}),
        ("Encounter", "location:above", "Location/floor", {"in-floor", "in-building", "in-site"}),
        ("Encounter", "location:above", "site", {"in-site"}),
        ("Encounter", "location:below", "nowhere", set()),
        ("Location", "partof:below", "building", {"floor", "room"}),
        ("Location", "partof:above", "floor", {"building", "floor", "room"}),
    ],
)
def test_what_is_above_and_below(found, type_, name, value, expected):
    assert found(type_, name, value) == expected


def test_a_hierarchy_is_followed_however_many_levels(ask, extractor):
    line = [location("0"), *(location(str(level), str(level - 1)) for level in range(1, 200))]
    around = neighbours(line, extractor, [0] * len(line))
    below = around.found(Query("Location", ask("Location", "partof:below", "0"), 1))
    assert below == {str(level) for level in range(1, 200)}


def test_a_circle_ends_where_it_began(ask, extractor):
    circle = [location("a", "b"), location("b", "a"), location("c", "a"), location("outside")]
    around = neighbours(circle, extractor, [0] * len(circle))
    for name in ("partof:below", "partof:above"):
        assert around.found(Query("Location", ask("Location", name, "a"), 1)) == {"a", "b", "c"}


def test_what_is_asked_is_one_condition(ask):
    assert ask("Encounter", "location:below", "ward") == Within(
        "location", "Location", "ward", "partof", "below"
    )


def test_the_types_whose_resources_are_part_of_one_another(registry):
    assert {type_ for type_ in registry.served if part_of(registry, type_)} == {
        "CarePlan", "Encounter", "Location", "Organization", "Task",
    }  # fmt: skip
    assert part_of(registry, "Device") is None
    assert hierarchical(registry, registry.search_parameters("Goal")["subject"]) == ("Organization",)
    assert hierarchical(registry, registry.search_parameters("Goal")["patient"]) == ()


@pytest.mark.parametrize(
    ("type_", "name", "value", "slug"),
    [
        ("Goal", "subject:below", "Patient/1", "search-reference-target"),
        ("Goal", "subject:below", "http://b.example/Organization/1", "search-value-reference"),
        ("Patient", "general-practitioner:below", "not an id", "search-value-reference"),
    ],
)
def test_what_has_no_hierarchy_is_refused(ask, type_, name, value, slug):
    with pytest.raises(Malformed) as refusal:
        ask(type_, name, value)
    assert refusal.value.issues[0].slug == slug
