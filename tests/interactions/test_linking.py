from __future__ import annotations

import pytest

from service.interactions.entries import read_entries
from service.interactions.faults import Faults
from service.interactions.linking import Address, fill_links, find_links
from service.interactions.outlook import Outlook
from service.interactions.update import update
from tests.conftest import BASE_URL
from tests.interactions.builders import bundle, criteria, entry, goal, patient, score, urn


async def linked(context, act, addresses, *given):
    """The links, what was expected, and the faults (slug, expression) after filling with the addresses."""
    entries = (await read_entries(context, bundle(*given))).entries
    faults = Faults()
    links = await find_links(context.registry, BASE_URL, entries, {}, faults)
    outlook = Outlook(context, act)
    expectations = await fill_links(context.registry, links, addresses, outlook, faults)
    told = [(one.slug, one.expression) for _, problem in faults.by_entry() for one in problem.issues]
    return links, [sorted(one.ids) for one in expectations], told


@pytest.mark.parametrize(("versioned", "reference"), [(False, "Patient/p1"), (True, "Patient/p1/_history/3")])
def test_addresses(versioned, reference):
    assert Address("Patient", "p1", 3).reference(versioned=versioned) == reference


async def test_links_are_filled_in_and_can_be_again(context, act):
    resource = goal(urn(1), note=[{"text": "x", "authorReference": {"reference": f"{urn(1)}/_history/1"}}])
    given = [entry("POST", "Goal", resource, urn(2)), entry("PUT", "Patient/p1", patient(id="p1"), urn(1))]
    links, _, told = await linked(context, act, {1: Address("Patient", "p1", 3)}, *given)
    assert told == []
    assert links.pinned == {1}
    assert resource["subject"]["reference"] == "Patient/p1"
    assert resource["note"][0]["authorReference"]["reference"] == "Patient/p1/_history/3"
    again = {1: Address("Patient", "p2", 1)}
    await fill_links(context.registry, links, again, Outlook(context, act), Faults())
    assert resource["subject"]["reference"] == "Patient/p2"


async def test_a_link_to_an_entry_with_faults_is_left(context, act):
    resource = goal(urn(1))
    given = [entry("POST", "Goal", resource), entry("POST", "Patient", patient(), urn(1))]
    _, _, told = await linked(context, act, {}, *given)
    assert told == []
    assert resource["subject"]["reference"] == urn(1)


async def test_nobody_refers_to_what_is_looked_at_or_deleted(context, act):
    given = [entry("POST", "Goal", goal(urn(1))), entry("DELETE", "Patient/p1", None, urn(1))]
    _, _, told = await linked(context, act, {}, *given)
    assert told == [("reference-broken", "Bundle.entry[0].resource.subject.reference")]


async def test_a_search_is_asked_once_however_many_use_it(context, act):
    await update(context, act, "Patient", "p1", patient("1", id="p1"))
    goals = [goal("Patient?" + criteria("1")) for _ in range(5)]
    given = [entry("POST", "Goal", one) for one in goals]
    _, expected, told = await linked(context, act, {}, *given)
    assert (expected, told) == ([["p1"]], [])
    assert {one["subject"]["reference"] for one in goals} == {"Patient/p1"}


async def test_a_search_that_means_nothing_is_told_of_everyone_who_uses_it(context, act):
    given = [entry("POST", "Observation", score("Patient?" + criteria("9"))) for _ in range(3)]
    _, _, told = await linked(context, act, {}, *given)
    assert told == [
        ("reference-unmatched", f"Bundle.entry[{index}].resource.subject.reference") for index in range(3)
    ]
