from __future__ import annotations

from collections import Counter

from tests.sandbox.conftest import Cohort


def answers(items: list[dict], link_id: str) -> list:
    return [
        next(iter(answer.values()))
        for item in items
        if item["linkId"] == link_id
        for answer in item.get("answer", ())
    ]


def coded(items: list[dict], link_id: str) -> list[str]:
    return [coding["code"] for coding in answers(items, link_id)]


def options(decision: dict) -> list[list[dict]]:
    return [item["item"] for item in decision["item"] if item["linkId"] == "option"]


def test_some_decisions_were_made_together_and_some_were_not(made: Cohort):
    decisions = made.with_profile("shared-decision")
    outcomes = Counter(outcome for one in decisions for outcome in coded(one["item"], "outcome"))
    assert outcomes.keys() == {"decided-together", "later", "not-agreed"}
    assert outcomes["decided-together"] > outcomes["later"] > 0
    assert 0.15 < len(decisions) / len(made.people) < 0.45


def test_just_what_was_decided_is_chosen_and_has_a_place_and_a_form(made: Cohort):
    for decision in made.with_profile("shared-decision"):
        chosen = [answers(option, "option.chosen") for option in options(decision)]
        decided = coded(decision["item"], "outcome") == ["decided-together"]
        assert chosen.count([True]) == decided
        assert len(coded(decision["item"], "place")) == len(coded(decision["item"], "form")) == decided


def test_the_young_person_took_part_and_there_was_something_to_choose(made: Cohort):
    for decision in made.with_profile("shared-decision"):
        assert "young-person" in coded(decision["item"], "took-part")
        assert len(options(decision)) >= 2


def test_who_did_not_agree_preferred_something_else(made: Cohort):
    apart = 0
    for decision in made.with_profile("shared-decision"):
        preferred = [coded(option, "option.preferred-by") for option in options(decision)]
        assert preferred[0][0] == "young-person"
        if coded(decision["item"], "outcome") == ["not-agreed"]:
            assert preferred[1] == ["parent-or-carer"]
            apart += 1
    assert apart


def test_services_that_were_talked_about_are_of_the_area(made: Cohort):
    offered = [
        made.at(service)
        for decision in made.with_profile("shared-decision")
        for option in options(decision)
        for service in answers(option, "option.service")
    ]
    assert offered
    assert {one["resourceType"] for one in offered} == {"HealthcareService"}


def test_a_decision_belongs_to_the_contact_and_the_plan(made: Cohort):
    for decision in made.with_profile("shared-decision"):
        contact = made.at(decision["encounter"])
        assert contact["status"] == "finished"
        assert decision["authored"][:10] == contact["period"]["start"][:10]
        for plan in decision.get("basedOn", ()):
            assert made.at(plan)["subject"] == decision["subject"]
