from __future__ import annotations

import pytest

from service.fhir.problems import Malformed, Precondition
from service.fhir.search.expressions import Token
from service.fhir.search.results import RESULT_PARAMETERS
from service.interactions.criteria import PARAMETERS, find, find_one, pairs_of, read_criteria
from service.interactions.update import update
from tests.interactions.builders import NUMBERS, criteria, patient


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("", []),
        ("a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        ("a=%7C%26%20%C3%A9+x", [("a", "|& é x")]),
        ("a=", [("a", "")]),
        ("a=b=c", [("a", "b=c")]),
    ],
)
def test_pairs(query, pairs):
    assert pairs_of(query) == pairs


@pytest.mark.parametrize("query", ["a=%FF", "a=%C3%28"])
def test_what_is_not_utf8(query):
    with pytest.raises(Malformed):
        pairs_of(query)


def test_so_many_parameters_and_no_more():
    """Those of an entry's URL too, which is as long as a body may be."""
    assert len(pairs_of("&".join(["a=1"] * PARAMETERS))) == PARAMETERS
    with pytest.raises(Malformed) as caught:
        pairs_of("&".join(["a=1"] * (PARAMETERS + 1)))
    assert caught.value.issues[0].slug == "query-too-long"


@pytest.mark.parametrize("form", ["{}", "?{}", "Patient?{}", "{}&_format=json&_pretty=true"])
async def test_forms_of_criteria(context, act, form):
    query = await read_criteria(context, act, "Patient", form.format(criteria("1")), 2)
    assert query.where == Token("identifier", NUMBERS, "1")
    assert (query.type, query.count, query.after, query.total) == ("Patient", 2, None, "none")


@pytest.mark.parametrize("name", [*RESULT_PARAMETERS, "_include:iterate", "_sort:asc"])
async def test_criteria_choose_and_do_not_show(context, act, name):
    with pytest.raises(Malformed) as refused:
        await read_criteria(context, act, "Patient", f"{criteria('1')}&{name}=1", 2)
    assert refused.value.issues[0].slug == "criteria-not-filter"


@pytest.mark.parametrize("name", ["_contained", "_type", "colour"])
async def test_criteria_that_are_none_are_refused(context, act, name):
    with pytest.raises(Malformed) as refused:
        await read_criteria(context, act, "Patient", f"{criteria('1')}&{name}=true", 2)
    assert refused.value.issues[0].slug.startswith("search-parameter-")


async def test_found_and_expected(context, act):
    for id_ in ("p1", "p2", "p3"):
        await update(context, act, "Patient", id_, patient(id=id_))
    found = await find(context, act, "Patient", criteria("1"))
    assert [stored.id for stored in found.matches] == ["p1", "p2"]
    assert found.expectation.ids == {"p1", "p2"}
    with pytest.raises(Precondition):
        await find_one(context, act, "Patient", criteria("1"))
    only, expectation = await find_one(context, act, "Patient", "_id=p3")
    assert (only.id, expectation.ids) == ("p3", {"p3"})
    none, expectation = await find_one(context, act, "Patient", criteria("9"))
    assert (none, expectation.ids) == (None, frozenset())
