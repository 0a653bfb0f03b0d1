"""The terminology: which value set is meant, what is in it, and how fast that is told."""

from __future__ import annotations

import gc
import time

import pytest

from service.fhir import artefacts
from service.fhir.guide import Guide
from service.fhir.problems import Invalid, Missing, Problem
from service.fhir.terminology import Terminology
from service.fhir.terminology.compositions import INCLUDE_COST, WORK_ALLOWED
from service.fhir.terminology.expansion import Wanted
from service.fhir.terminology.membership import Asked
from tests.fhir.terminology.guides import (
    HELP,
    HELP_SYSTEM,
    LOUD,
    SNOMED,
    address,
    codes,
    filtered,
    terminology,
    value_set,
)

STATUS = "http://hl7.org/fhir/ValueSet/goal-status"
STATUSES = "http://hl7.org/fhir/goal-status"
TALKING = value_set("talking", filtered("concept", "is-a", "talking"))
MIXED = value_set("mixed", {"valueSet": [address("talking")]}, {"system": SNOMED}, {"valueSet": [STATUS]})


@pytest.mark.parametrize(
    ("value_set_", "system", "code", "expected"),
    [
        (address("talking"), HELP, "group", True),
        (address("talking"), HELP, "walk", False),
        (address("talking"), None, "group", True),
        (address("talking"), None, "walk", False),
        (address("talking"), "", "group", False),
        (address("talking"), SNOMED, "group", False),
        (f"{address('talking')}|1", HELP, "group", True),
        (f"{address('talking')}|2", HELP, "group", None),
        (address("mixed"), HELP, "group", True),
        (address("mixed"), HELP, "walk", False),
        (address("mixed"), SNOMED, "1", None),
        (address("mixed"), "", "1", False),
        (address("mixed"), STATUSES, "active", True),
        (address("mixed"), None, "active", True),
        (address("mixed"), None, "anything", None),
        (STATUS, STATUSES, "active", True),
        (f"{STATUS}|4.0.1", STATUSES, "active", True),
        (STATUS, STATUSES, "asleep", False),
        ("http://hl7.org/fhir/ValueSet/mimetypes", None, "text/plain", None),
        (address("unknown"), HELP, "group", None),
    ],
)
def test_a_code_is_in_a_value_set_or_is_not_or_cannot_be_told(value_set_, system, code, expected):
    found = terminology(TALKING, MIXED)
    assert found.contains(value_set_, system, code) is expected
    assert found.contains(value_set_, system, code) is expected, "the second time as the first"


def test_the_members_are_the_pairs_where_all_are_known():
    found = terminology(TALKING, MIXED)
    assert found.members(address("talking")) == {(HELP, "talking"), (HELP, "alone"), (HELP, "group")}
    assert (STATUSES, "active") in found.members(STATUS)
    assert found.members(address("mixed")) is None
    assert found.members(address("unknown")) is None


def test_case_does_not_matter_where_the_code_system_says_so():
    found = terminology(
        value_set("loud", {"system": LOUD}), value_set("both", {"system": LOUD}, {"system": HELP})
    )
    assert found.contains(address("loud"), LOUD, "YES") is True
    assert found.contains(address("loud"), LOUD, "perhaps") is False
    assert found.contains(address("both"), HELP, "WALK") is False


def test_a_value_set_of_the_guide_goes_before_r4s_own():
    found = terminology({**value_set("x", {"system": LOUD}), "url": STATUS})
    assert found.contains(STATUS, LOUD, "Yes") is True
    assert found.contains(STATUS, STATUSES, "active") is False


def test_a_code_system_may_stand_for_the_value_set_that_it_names():
    system = {**HELP_SYSTEM, "url": "urn:helps", "valueSet": address("helps")}
    found = terminology(system)
    assert found.contains(address("helps"), "urn:helps", "walk") is True
    assert found.contains(f"{address('helps')}|2", "urn:helps", "walk") is True
    assert found.contains(f"{address('helps')}|1", "urn:helps", "walk") is None


def test_value_sets_that_draw_on_each_other_in_a_circle_are_not_told_beyond_what_they_list():
    one = value_set("one", {"valueSet": [address("two")]}, {"system": HELP, "concept": [{"code": "walk"}]})
    two = value_set("two", {"valueSet": [address("one")]}, {"system": HELP, "concept": [{"code": "none"}]})
    itself = value_set("itself", {"valueSet": [address("itself")]})
    found = terminology(one, two, itself)
    for id_ in ("one", "two"):
        assert sorted(codes(found, id_)) == ["none", "walk"]
        assert found.contains(address(id_), HELP, "group") is None
    assert [gap.text for gap in found.extent(address("itself")).gaps] == ["The value set draws on itself."]


def test_a_value_set_drawn_on_by_many_is_worked_out_once():
    # Each draws twice on the next one: without keeping what is known, 2 to the power of 40 times.
    depth = 40
    chain = [
        value_set(f"v{level}", *[{"valueSet": [address(f"v{level + 1}")]}] * 2) for level in range(depth)
    ]
    found = terminology(*chain, value_set(f"v{depth}", {"system": HELP}))
    assert len(found.members(address("v0"))) == 7


@pytest.mark.parametrize(
    ("drawn_on", "text"),
    [
        (address("unknown"), "The value set that it draws on is not held here."),
        (address("mixed"), "The value set that it draws on cannot be told whole here."),
        (f"{address('mixed')}|9", "The value set that it draws on is not held here."),
    ],
)
def test_what_is_amiss_in_a_value_set_drawn_on_is_said_where_it_is_named(drawn_on, text):
    content = value_set("x", {"system": HELP}, {"valueSet": [STATUS, drawn_on]})
    for extent in (
        terminology(MIXED, TALKING, content).extent(address("x")),
        terminology(MIXED, TALKING).of_content(content),
    ):
        assert [(gap.text, gap.expression) for gap in extent.gaps] == [
            (text, "ValueSet.compose.include[1].valueSet[1]")
        ]  # fmt: skip


def test_addresses_that_clients_make_up_are_not_kept():
    found = terminology(TALKING)
    before = len(gc.get_objects())
    for number in range(2000):
        assert found.find(f"urn:made-up:{number}") is None
        assert found.find(f"{STATUS}|{number}") is not None
    assert len(gc.get_objects()) - before < 1000


def test_a_membership_is_told_in_microseconds():
    found = terminology(TALKING)
    url, rounds = address("talking"), 20_000
    found.contains(url, HELP, "group")
    # A look into a set takes 0.2 microseconds, a compose walked anew 10 at least; the machine is shared.
    best = min(_seconds(found, url, code, rounds) for code in ("group", "walk") for _ in range(5))
    assert best / rounds < 5e-6


def _seconds(found: Terminology, url: str, code: str, rounds: int) -> float:
    start = time.perf_counter()
    for _ in range(rounds):
        found.contains(url, HELP, code)
    return time.perf_counter() - start


def test_a_value_set_sent_by_a_client_may_cost_so_much_and_no_more():
    most = WORK_ALLOWED // (INCLUDE_COST + 21)
    assert terminology().of_content(value_set("x", *[{"system": HELP}] * most)).is_whole
    with pytest.raises(Invalid, match="too much work"):
        terminology().of_content(value_set("x", *[{"system": HELP}] * (most + 1)))


def test_expansion_validation_lookup_and_subsumption_are_asked_of_it():
    found = terminology(TALKING)
    shown = found.expand(address("talking"), Wanted(count=0), timestamp="2026-11-27", identifier="urn:uuid:1")
    assert (shown["id"], shown["expansion"]["total"]) == ("talking", 3)
    assert found.validate_code(address("talking"), Asked([{"system": HELP, "code": "group"}])).result
    assert found.validate_code(
        value_set("y", {"system": HELP}), Asked([{"system": HELP, "code": "walk"}])
    ).result
    system = found.require_system(HELP)
    assert found.validate_in_system(system, Asked([{"code": "walk"}])).result
    assert found.lookup(system, "walk").display == "A walk"
    assert found.subsumes(system, "help", "walk") == "subsumes"


def test_of_r4s_own_value_sets_codes_are_shown_and_no_status_is_made_up():
    shown = terminology().expand(STATUS, Wanted(), timestamp="2026-11-27", identifier="urn:uuid:1")
    assert (shown["url"], shown["status"]) == (STATUS, "unknown")
    assert {"system": STATUSES, "code": "active"} in shown["expansion"]["contains"]


@pytest.mark.parametrize(
    ("ask", "slug"),
    [
        (lambda found: found.expand("urn:no", Wanted(), timestamp="", identifier=""), "value-set-missing"),
        (lambda found: found.validate_code("urn:no", Asked([])), "value-set-missing"),
        (lambda found: found.validate_code(f"{address('talking')}|9", Asked([])), "value-set-missing"),
        (lambda found: found.require_system("urn:no"), "code-system-missing"),
        (lambda found: found.require_system(HELP, "1"), "code-system-missing"),
        (lambda found: found.lookup(found.require_system(HELP), "no"), "code-missing"),
        (lambda found: found.subsumes(found.require_system(HELP), "walk", "no"), "code-missing"),
        (lambda found: found.subsumes(found.require_system(HELP), "no", "walk"), "code-missing"),
    ],
)
def test_what_is_not_here_is_missing(ask, slug):
    with pytest.raises(Missing) as refused:
        ask(terminology(TALKING))
    assert refused.value.issues[0].slug == slug


@pytest.fixture(scope="module")
def shipped(registry) -> Terminology:
    return Terminology(registry, artefacts.load())


def test_every_value_set_of_ours_can_be_expanded(shipped):
    def why_not(url: str) -> list[str]:
        try:
            shipped.expand(url, Wanted(), timestamp="2026-11-27", identifier="urn:uuid:1")
        except Problem as problem:
            return [f"{issue.text} {issue.expression}" for issue in problem.issues]
        return []

    assert {url: reasons for url in shipped.guide.all("ValueSet") if (reasons := why_not(url))} == {}


def test_every_code_that_our_value_sets_list_is_in_its_code_system(shipped):
    """A listed code that its system lacks would fall out of the set without a word."""
    lacking = [
        (url, concept["code"])
        for url, content in shipped.guide.all("ValueSet").items()
        for include in content.get("compose", {}).get("include", ())
        for concept in include.get("concept", ())
        if (system := shipped.code_systems.find(include["system"])) is not None
        and system.find(concept["code"]) is None
    ]
    assert lacking == []


def test_every_concept_of_our_code_systems_has_a_display_and_a_definition(shipped):
    bare = [
        (system.url, concept.code)
        for url in shipped.guide.all("CodeSystem")
        if (system := shipped.code_systems.find(url)) is not None and system.is_whole
        for concept in system.concepts.values()
        if not (concept.display and concept.definition)
    ]
    assert bare == []


def test_an_empty_guide_still_has_r4s_value_sets(registry):
    assert Terminology(registry, Guide()).contains(STATUS, None, "active") is True
