"""The parameters that say how results are shown."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.asked import Setting
from service.fhir.search.results import Results


@pytest.fixture
def results(registry):
    return Results(Setting(registry, "http://127.0.0.1:8080/fhir", 0), ("Goal",), 20, 1000)


def test_what_is_understood_comes_back_for_the_self_link(results):
    assert results.take("_count", "0005") == "5"
    assert results.take("_total", "accurate") == "accurate"
    assert results.take("_sort", "-start-date") == "-start-date"
    assert results.take("_include", "Goal:patient") == "Goal:patient"
    assert results.take("_include", "Goal:subject") == "Goal:subject"
    assert results.take("_page", "opaque") is None
    assert results.take("_explain", "true") == "true"
    assert (results.count, results.total, results.page, results.explain) == (5, "accurate", "opaque", True)
    assert len(results.includes) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_count", "1"),
        ("_total", "none"),
        ("_sort", "_id"),
        ("_summary", "true"),
        ("_elements", "id"),
        ("_explain", "true"),
        ("_page", "x"),
    ],
)
def test_what_is_given_once_only(results, name, value):
    results.take(name, value)
    with pytest.raises(Malformed) as refused:
        results.take(name, value)
    assert refused.value.issues[0].slug == "search-parameter-repeated"


@pytest.mark.parametrize(
    ("pairs", "slug"),
    [
        ([("_summary", "true"), ("_elements", "id")], "search-subset-twice"),
        ([("_summary", "text"), ("_include", "Goal:patient")], "search-summary-include"),
        ([("_summary", "text"), ("_revinclude", "CarePlan:goal")], "search-summary-include"),
    ],
)
def test_what_does_not_go_together(results, pairs, slug):
    for name, value in pairs:
        results.take(name, value)
    with pytest.raises(Malformed) as refused:
        results.require_sense()
    assert refused.value.issues[0].slug == slug


def test_a_whole_summary_goes_with_elements(results):
    results.take("_summary", "false")
    results.take("_elements", "lifecycleStatus")
    results.require_sense()
    assert results.subset.elements == {"lifecycleStatus"}


def test_the_number_alone(results):
    assert not results.is_count_alone
    results.take("_summary", "count")
    assert results.is_count_alone
