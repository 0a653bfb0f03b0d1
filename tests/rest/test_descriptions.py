"""How what is offered is described: every route by every method, each by what it does."""

from __future__ import annotations

import pytest

from service.operations.offered import OPERATIONS
from service.rest.descriptions import PARTS, SHOWING, described
from service.rest.routes import Table, served_routes


@pytest.fixture(scope="module")
def table(registry):
    return Table(registry, {}, OPERATIONS)


def test_every_route_is_described_for_every_method(registry):
    for type_ in registry.served:
        for route in served_routes(registry, type_, OPERATIONS):
            for method in set(route.methods) - {"HEAD"}:
                told = described(route, method)
                assert told.summary.endswith(".")
                assert {200, 202} & told.answers.keys()


@pytest.mark.parametrize(
    ("path", "method", "name", "answer"),
    [
        ("Goal", "GET", "search", "Bundle"),
        ("Goal/_search", "POST", "search", "Bundle"),
        ("Patient/1/Goal", "GET", "searchWithin", "Bundle"),
        ("Patient/1/*/_search", "POST", "searchWithin", "Bundle"),
        ("Patient/1/$everything", "GET", "everythingByQuery", "Bundle"),
        ("Observation/$lastn", "POST", "lastn", "Bundle"),
        ("Goal/$validate", "POST", "validate", "OperationOutcome"),
        ("ValueSet/$expand", "GET", "expandByQuery", "Resource"),
        ("Goal/1", "GET", "read", "Resource"),
        ("jobs/1", "GET", "jobStatus", "Resource"),
        ("jobs/1/1-0.Goal.ndjson", "GET", "jobDownload", "Resource"),
    ],
)
def test_names_and_answers(table, path, method, name, answer):
    told = described(table.find(path).route, method)
    assert (told.name, told.answers[200]) == (name, answer)


@pytest.mark.parametrize(
    ("path", "method", "name"),
    [
        ("$export", "GET", "exportByQuery"),
        ("Patient/$export", "POST", "export"),
        ("Group/1/$export", "GET", "exportByQuery"),
        ("jobs/1", "DELETE", "jobCancel"),
    ],
)
def test_what_is_taken_and_done_later(table, path, method, name):
    told = described(table.find(path).route, method)
    assert (told.name, told.answers[202]) == (name, "OperationOutcome")


def test_what_searches_takes_the_parameters_of_searches(table):
    assert described(table.find("Goal").route, "GET").showing == SHOWING
    assert described(table.find("Patient/1/Goal").route, "GET").showing == SHOWING
    assert described(table.find("Patient/1/*").route, "GET").showing == (*SHOWING, "Types")
    lastn = described(table.find("Observation/$lastn").route, "GET")
    assert lastn.searches
    assert lastn.showing == ()
    assert [each["name"] for each in lastn.query] == ["max"]
    assert lastn.query[0]["schema"] == {"type": "integer", "minimum": 1}
    read = described(table.find("Goal/1").route, "GET")
    assert not read.searches
    assert read.showing == PARTS


def test_nobody_may_be_there_to_search_for(table):
    assert 404 in described(table.find("Patient/1/Goal").route, "GET").faults
    assert 404 not in described(table.find("Goal").route, "GET").faults


def test_what_changes_the_resource_in_the_path_can_be_guarded(table):
    guarded = described(table.find("CarePlan/1/$hand-over").route, "POST")
    assert guarded.headers == ("IfMatch",)
    assert {409, 412} <= set(guarded.faults)
    unguarded = described(table.find("Organization/1/$acknowledge").route, "POST")
    assert unguarded.headers == ()
    assert not {409, 412} & set(unguarded.faults)
