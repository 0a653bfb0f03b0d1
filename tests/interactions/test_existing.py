from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example
from hypothesis import given as each
from hypothesis import strategies as st

from service.fhir.search.references import Addresses
from service.fhir.validation.validator import Validator
from service.interactions.delete import delete
from service.interactions.existing import Literal, Literals, Presence, missing
from service.interactions.transaction import bundle as carry_out
from service.storage.store import Change
from tests.conftest import BASE_URL
from tests.interactions.builders import bundle, entry, urn
from tests.interactions.clinic import (
    child,
    codes,
    entry_of,
    given,
    goal,
    put,
    refer,
    refusal,
    score,
    together,
)
from tests.interactions.transactions import refused, run

ASH = ("Patient", "ash")


@pytest.fixture(scope="module")
def validator(registry):
    """R4 alone: profiles have tests of their own."""
    return Validator(registry)


@pytest.fixture
def strict(context):
    return replace(context, references=True)


def change(resource, former=None):
    return Change(resource["resourceType"], "x", "PUT", None, former, resource)


@pytest.mark.parametrize(
    ("text", "version", "present", "leads"),
    [
        ("there", None, Presence(3, deleted=False), True),
        ("deleted", None, Presence(3, deleted=True), False),
        ("never there", None, None, False),
        ("its first version", "1", Presence(3, deleted=False), True),
        ("its newest version", "3", Presence(3, deleted=False), True),
        ("a version to come", "4", Presence(3, deleted=False), False),
        ("version 0", "0", Presence(3, deleted=False), False),
        ("no number", "x", Presence(3, deleted=False), False),
        ("a version of what is deleted", "2", Presence(3, deleted=True), True),
        ("its deletion", "3", Presence(3, deleted=True), True),
        ("a version of what never was", "1", None, False),
    ],
)
def test_where_references_lead(text, version, present, leads):
    assert Literal("Patient/ash", ASH, version).leads_to(present) is leads, text


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("Patient/ash", Literal("Patient/ash", ASH, None)),
        ("Patient/ash/_history/2", Literal("Patient/ash/_history/2", ASH, "2")),
        (f"{BASE_URL}/Patient/ash", Literal(f"{BASE_URL}/Patient/ash", ASH, None)),
        ("https://elsewhere.example/fhir/Patient/ash", None),
        ("#contained", None),
        (urn(1), None),
        ("urn:oid:1.2.3", None),
        ("Patient?identifier=1", None),
    ],
)
def test_which_references_are_asked_after(registry, reference, found):
    given_ = change({"resourceType": "Goal", "subject": refer(reference)})
    assert Literals(Addresses(registry, BASE_URL)).new(given_) == ([] if found is None else [found])


def texts_in(node):
    """Every string that is called reference, wherever it stands."""
    if isinstance(node, list):
        return {text for value in node for text in texts_in(value)}
    if not isinstance(node, dict):
        return set()
    mine = {node["reference"]} if isinstance(node.get("reference"), str) else set()
    return mine | {text for value in node.values() for text in texts_in(value)}


names = st.sampled_from(["reference", "subject", "data", "value"])
trees = st.recursive(
    st.sampled_from(["Patient/ash", "Patient/bramble", "Goal/a", 1, True, None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@each(tree=st.dictionaries(names, trees, max_size=4))
@example(
    tree={"data": [{"reference": {"reference": "Patient/ash"}}]}
)  # an element called reference that is one
def test_each_reference_is_found_wherever_it_stands(registry, tree):
    resource = {"resourceType": "Consent", **tree}
    literals = Literals(Addresses(registry, BASE_URL)).new(change(resource))
    assert {literal.text for literal in literals} == texts_in(resource)


def test_what_was_referred_to_before_is_not_asked_after_again(registry):
    addresses = Addresses(registry, BASE_URL)
    former = {"resourceType": "Goal", "subject": refer("Patient/ash")}
    now = {**former, "expressedBy": refer("Patient/bramble")}
    assert [literal.text for literal in Literals(addresses).new(change(now, former))] == ["Patient/bramble"]
    assert Literals(addresses).new(change(former, former)) == []
    assert Literals(addresses).new(Change("Goal", "x", "DELETE", None, former, None)) == []


def test_every_place_of_a_missing_one_is_told(registry):
    gone = refer("Patient/ash")
    resource = {
        "resourceType": "Observation",
        "subject": gone,
        "performer": [refer("Patient/there"), gone],
        "extension": [{"url": "x", "valueReference": gone}],
        "_status": {"extension": [{"url": "x", "valueReference": gone}]},
        "contained": [
            {"resourceType": "Goal", "outcomeReference": [gone], "note": [{"authorReference": gone}]}
        ],
        "component": [{"valueString": "Patient/ash"}],
    }
    given_ = change(resource)
    literals = Literals(Addresses(registry, BASE_URL)).new(given_)
    there = {("Patient", "there"): Presence(1, deleted=False)}
    issues = missing(given_, literals, there.get, registry)
    assert {(issue.slug, issue.code, issue.severity) for issue in issues} == {
        ("reference-missing", "not-found", "error")
    }
    assert [issue.expression for issue in issues] == [
        "Observation.subject.reference",
        "Observation.performer[1].reference",
        "Observation.extension[0].value.reference",
        "Observation._status.extension[0].value.reference",
        "Observation.contained[0].outcomeReference[0].reference",
        "Observation.contained[0].note[0].author.reference",
    ]
    assert all("ash" not in issue.text for issue in issues)


async def test_enforced_or_free(context, strict, act):
    assert await refusal(put(strict, act, goal())) == [("reference-missing", "Goal.subject.reference")]
    assert (await put(context, act, goal())).status == 201


async def test_of_another_type_or_deleted_it_is_missing(strict, act):
    await given(
        strict, act, child("ash"), {"resourceType": "Group", "id": "g", "type": "person", "actual": True}
    )
    assert (await put(strict, act, goal())).status == 201
    assert await refusal(put(strict, act, goal("g2", whose="g"))) == [
        ("reference-missing", "Goal.subject.reference")
    ]
    await delete(strict, act, "Patient", "ash")
    assert await refusal(put(strict, act, goal("g3", slot=3))) == [
        ("reference-missing", "Goal.subject.reference")
    ]
    corrected = await put(strict, act, goal(note=[{"text": "corrected, though its subject is gone"}]))
    assert corrected.status == 200


async def test_what_others_refer_to_can_be_deleted(strict, act):
    await given(strict, act, child("ash"), goal())
    assert (await delete(strict, act, "Patient", "ash")).status == 204


async def test_logical_references_are_not_asked_after(strict, act):
    mine = goal()
    mine["subject"] = {"identifier": {"system": "urn:x", "value": "1"}, "display": "somebody"}
    assert (await put(strict, act, mine)).status == 201


async def test_in_a_transaction_its_own_resources_count(strict, act):
    assert codes(await together(strict, act, goal(), child("ash"))) == ["201", "201"]
    found = await refused(strict, act, entry_of(goal("g2", slot=2)), entry("DELETE", "Patient/ash"))
    assert found == (422, [("reference-missing", "Bundle.entry[0].resource.subject.reference")])


async def test_versions_that_a_transaction_makes_are_there(strict, act):
    target = {
        "resourceType": "Provenance",
        "recorded": "2026-03-10T16:00:00Z",
        "agent": [{"who": {"display": "x"}}],
    }
    answer = await run(
        strict, act,
        entry("POST", "Provenance", {**target, "target": [refer(f"{urn(1)}/_history/1")]}),
        entry("POST", "Patient", {"resourceType": "Patient"}, urn(1)),
    )  # fmt: skip
    assert codes(answer) == ["201", "201"]
    await given(strict, act, child("ash"))
    ahead = {**target, "target": [refer("Patient/ash/_history/2")]}
    assert (await refused(strict, act, entry("POST", "Provenance", ahead)))[1] == [
        ("reference-missing", "Bundle.entry[0].resource.target[0].reference")
    ]
    answer = await run(
        strict, act, entry("POST", "Provenance", ahead), entry_of({**child("ash"), "active": True})
    )
    assert codes(answer) == ["201", "200"]


async def test_in_a_batch_each_entry_stands_alone(strict, act):
    given_ = bundle(entry_of(child("ash")), entry_of(goal()), entry_of(score(of="none")), type_="batch")
    first, _, third = codes(await carry_out(strict, act, given_))
    assert (first, third) == ("201", "422")
