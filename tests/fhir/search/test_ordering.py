"""`_sort`, as clients write it."""

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.asked import Setting
from service.fhir.search.expressions import SortKey
from service.fhir.search.ordering import MOST_KEYS, order, sortable

BASE = "http://127.0.0.1:8080/fhir"


@pytest.fixture
def setting(registry):
    return Setting(registry, BASE, 0)


@pytest.mark.parametrize(
    ("type_", "value", "keys"),
    [
        ("Observation", "date", [SortKey("date", "date")]),
        ("Observation", "-date", [SortKey("date", "date", descending=True)]),
        ("Observation", "-date,code", [SortKey("date", "date", descending=True), SortKey("code", "token")]),
        ("Observation", "value-quantity", [SortKey("value-quantity", "quantity")]),
        ("Observation", "subject", [SortKey("subject", "reference")]),
        ("Patient", "family,-birthdate", [SortKey("family", "string"), SortKey("birthdate", "date", True)]),
        ("Goal", "_id", [SortKey("_id", "_id")]),
        ("Goal", "-_lastUpdated", [SortKey("_lastUpdated", "_lastUpdated", descending=True)]),
        ("Questionnaire", "url", [SortKey("url", "uri")]),
        ("Goal", "_tag", [SortKey("_tag", "token")]),
    ],
)
def test_orders(setting, type_, value, keys):
    assert order(setting, (type_,), value) == tuple(keys)


@pytest.mark.parametrize(
    ("type_", "value", "slug"),
    [
        ("Goal", "colour", "search-sort-unsupported"),
        ("Goal", "--start-date", "search-sort-unsupported"),
        ("Goal", " start-date", "search-sort-unsupported"),
        ("Observation", "code-value-quantity", "search-sort-unsupported"),
        ("Observation", "combo-code", "search-sort-unsupported"),
        ("Location", "near", "search-sort-unsupported"),
        ("Goal", "_text", "search-sort-unsupported"),
        ("Goal", "_score", "search-sort-unsupported"),
        ("Goal", "start-date,-start-date", "search-sort-repeated"),
        ("Goal", "start-date,", "search-value-empty"),
        ("Goal", "-", "search-value-empty"),
        ("Goal", "_id,_lastUpdated,start-date,target-date,category,subject", "search-sort-keys"),
    ],
)
def test_what_cannot_be_an_order_is_refused(setting, type_, value, slug):
    with pytest.raises(Malformed) as refused:
        order(setting, (type_,), value)
    assert refused.value.issues[0].slug == slug


def test_the_refusal_lists_what_can_be(setting):
    with pytest.raises(Malformed, match="`target-date`"):
        order(setting, ("Goal",), "colour")


def test_as_many_keys_as_are_allowed(setting):
    assert len(order(setting, ("Goal",), "_id,_lastUpdated,start-date,target-date,category")) == MOST_KEYS


def test_several_types_are_sorted_by_what_means_the_same_in_all(setting):
    types = ("Goal", "Observation")
    assert order(setting, types, "patient") == (SortKey("patient", "reference"),)
    assert {"_id", "_lastUpdated", "patient", "category"} <= set(sortable(setting, types))
    assert "start-date" not in sortable(setting, types)
    with pytest.raises(Malformed):
        order(setting, types, "start-date")
