from __future__ import annotations

import pytest

from service.fhir import codec
from service.fhir.conformance.invariants import NOT_ASKED, Invariants, Uncompilable
from service.fhir.definitions import Invariant
from service.fhir.paths import Environment, Node
from tests.fhir.validation.conftest import EXAMPLES


@pytest.fixture(scope="module")
def invariants(registry):
    return Invariants(registry)


def test_every_invariant_of_r4_compiles(registry, invariants):
    compiled = {
        (type_, rule.key) for type_ in sorted(registry.resource_types) for rule in invariants.of_type(type_)
    }
    stated = {
        (type_, invariant.key)
        for type_ in sorted(registry.resource_types)
        for invariant in registry.definition(type_).invariants
        if invariant.key not in NOT_ASKED
    }
    assert stated - compiled == {("ChargeItemDefinition", "cid-0")}
    assert len(compiled) > 500
    for type_ in sorted(registry.resource_types):
        for element in registry.definition(type_).elements.values():
            invariants.of_element(element)


def test_the_shortcut_of_ele_1_is_what_its_expression_says(invariants):
    (rule,) = (rule for rule in invariants.of_type("CodeableConcept") if rule.key == "ele-1")
    for value in (
        {"id": "a"},
        {"text": "a"},
        {"id": "a", "text": "b"},
        {"extension": [{"url": "a", "valueCode": "b"}]},
    ):
        said = rule.path.holds(Node("CodeableConcept", value), Environment()) is not False
        assert rule.settled(frozenset(value)) is said


@pytest.mark.parametrize("expression", ["a.(", "colour.exists()", "nothing()", ""])
def test_what_cannot_be_compiled_is_never_skipped(invariants, expression):
    with pytest.raises(Uncompilable, match=r"x-1 of Somebody"):
        invariants.rule(Invariant("x-1", "error", expression, "text"), "Somebody", "Observation")


def test_a_rule_for_items_of_several_types(invariants):
    rule = invariants.rule(
        Invariant("x-1", "error", "value <= 10", "text"), "Somebody", ["Quantity", "Ratio"]
    )
    assert rule.holds(Node("Quantity", {"value": 10}), Environment())
    assert not rule.holds(Node("Quantity", {"value": 11}), Environment())


def test_the_correction_of_que_7(invariants, registry):
    (rule,) = (rule for rule in invariants.of_type("Questionnaire.item.enableWhen") if rule.key == "que-7")
    when = {"question": "a", "operator": "exists", "answerBoolean": True}
    assert rule.holds(Node("Questionnaire.item.enableWhen", when), Environment())
    wrong = {"question": "a", "operator": "exists", "answerString": "yes"}
    assert not rule.holds(Node("Questionnaire.item.enableWhen", wrong), Environment())


def test_it_is_official_that_exists_is_asked_with_a_boolean():
    if not EXAMPLES.exists():
        pytest.skip("the official examples are not in ../shared/suites")
    example = codec.decode((EXAMPLES / "Questionnaire-bb.json").read_bytes())
    asked = str(example)
    assert "'operator': 'exists', 'answerBoolean': True" in asked
