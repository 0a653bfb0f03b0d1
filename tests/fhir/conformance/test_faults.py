from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.conformance import faults

SENTENCES = [
    (faults.element_missing("a", "P", "focus", 1), "P asks for focus."),
    (faults.element_missing("a", "P", "focus", 2), "P asks for focus at least 2 times."),
    (faults.element_repeated("a", "P", "focus", 1), "P has focus at most once."),
    (faults.element_repeated("a", "P", "focus", 3), "P has focus at most 3 times."),
    (faults.element_prohibited("a", "P", "focus"), "P does not have focus."),
    (
        faults.type_not_permitted("a", "P", "value", ["Quantity", "integer"]),
        "P has value as Quantity, integer.",
    ),
    (faults.not_fixed("a", "P", "status", "final"), "P fixes status to final."),
    (faults.not_pattern("a", "P", "code", {"code": "a"}), 'P asks that code have {"code":"a"}.'),
    (faults.out_of_range("a", "P", "value", "at most", Decimal("10.50")), "P has value of at most 10.50."),
    (faults.too_long("a", "P", "text", 4), "P has text of at most 4 characters."),
    (faults.wrong_target("a", "P", "subject", ["Patient"]), "In P, subject refers to Patient."),
    (faults.slice_missing("a", "P", "identifier", "nhs", 1), "P asks for the identifier nhs."),
    (
        faults.slice_missing("a", "P", "identifier", "nhs", 2),
        "P asks for the identifier nhs at least 2 times.",
    ),
    (faults.slice_repeated("a", "P", "identifier", "nhs", 1), "P has at most 1 of the identifier nhs."),
    (faults.slice_repeated("a", "P", "identifier", "nhs", 0), "P does not have the identifier nhs."),
    (
        faults.slice_closed("a", "P", "identifier", ["nhs", "local"]),
        "P permits as identifier only nhs, local.",
    ),
    (
        faults.slice_order("a", "P", "identifier", ["nhs", "local"]),
        "P has identifier in the order nhs, local.",
    ),
    (faults.profile_type_mismatch("a", "http://a", "Goal"), "The profile http://a is one of Goal."),
    (faults.invariant_broken("a", "error", "a-1", "Rule."), "a-1: Rule."),
    (faults.rule_broken("a", "warning", "slug", "Rule."), "Rule."),
]


@pytest.mark.parametrize(("issue", "sentence"), SENTENCES)
def test_sentences(issue, sentence):
    assert issue.text == sentence
    assert issue.expression == "a"


def test_long_lists_and_values_are_cut():
    assert faults.listed(str(number) for number in range(20)).endswith("11 and others")
    assert len(faults.shown({"text": "a" * 500})) == faults.LONGEST_SHOWN + 3


@pytest.mark.parametrize(("stated", "severity"), [("error", "error"), ("warning", "warning")])
def test_a_broken_rule_is_as_severe_as_it_says(stated, severity):
    assert faults.rule_broken("a", stated, "slug", "Rule.").severity == severity
    assert faults.invariant_broken("a", stated, "key", "Rule.").severity == severity


@pytest.mark.parametrize(("fault", "severity"), [(True, "error"), (False, "warning")])
def test_an_unknown_profile(fault, severity):
    assert faults.profile_unknown("a", "http://a", fault=fault).severity == severity
