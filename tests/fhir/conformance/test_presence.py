from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.conformance.invariants import Invariants
from service.fhir.conformance.presence import settled
from service.fhir.paths import Environment, Node
from service.fhir.paths.parser import parse

SETTLED = [
    # expression; names of the elements there; verdict
    ("code.exists()", {"code"}, True),
    ("code.exists()", set(), False),
    ("code.empty()", {"code"}, False),
    ("code.exists().not()", {"code"}, False),
    ("value.empty() or code.empty()", {"value"}, True),
    ("value.empty() or code.empty()", {"value", "code"}, False),
    ("code.empty() implies value.empty()", {"value"}, False),
    ("code.exists() implies value.exists()", set(), True),
    ("code.exists() xor value.exists()", {"code", "value"}, False),
    ("code.exists() != value.exists()", {"code"}, True),
    ("code.exists() = value.exists()", {"code"}, False),
    ("true", set(), True),
    # one side decides what the other's values would
    ("code = 'a' and value.exists()", {"code"}, False),
    ("code = 'a' or value.empty()", {"code"}, True),
    ("value.exists() implies code = 'a'", {"code"}, True),
    # values decide
    ("code = 'a'", {"code"}, None),
    ("code.exists(text = 'a')", {"code"}, None),
    ("code.coding.exists()", {"code"}, None),
    ("code.all(text.exists())", {"code"}, None),
    ("code.hasValue()", {"code"}, None),
    ("matches('a')", {"code"}, None),
    # nothing comes of nothing
    ("code.coding.exists()", set(), False),
    ("code.coding.where(code = 'a').exists()", set(), False),
    ("code.all(text.exists())", set(), True),
    ("code.exists(text = 'a')", set(), False),
    ("(value as Quantity).exists()", set(), False),
    ("code.hasValue()", set(), False),
    ("category[0].exists()", set(), False),
    # a function that makes something of nothing
    ("code.count() = 0", set(), None),
]


@pytest.mark.parametrize(("expression", "names", "verdict"), SETTLED)
def test_what_names_alone_decide(expression, names, verdict):
    assert settled(parse(expression), names) is verdict


def test_what_is_settled_is_what_evaluation_gives(registry):
    """Of every invariant of every type, on objects with and without each element that it may speak of."""
    invariants = Invariants(registry)
    compared = 0
    for type_ in sorted(registry.resource_types):
        definition = registry.definition(type_)
        for rule in invariants.of_type(type_):
            for name in (None, *definition.elements):
                given_ = {} if name is None else {definition.elements[name].name: SAMPLE}
                verdict = rule.settled(frozenset(given_))
                if verdict is None or (
                    name
                    and (
                        definition.elements[name].choice
                        or definition.elements[name].types[:1] != ("CodeableConcept",)
                    )
                ):
                    continue
                element = {name: [SAMPLE]} if name and definition.elements[name].repeats else given_
                node = {"resourceType": type_, **element}
                assert rule.holds(Node(type_, node), Environment(resource=node, root=node)) is verdict, (
                    type_,
                    rule.key,
                    name,
                )
                compared += 1
    assert compared > 300


SAMPLE = {"text": "a"}
WORDS = ("code.exists()", "code.empty()", "value.exists()", "value.empty()", "code = 'a'", "true", "false")
TRUTHS = st.recursive(
    st.sampled_from(WORDS),
    lambda inner: (
        st.tuples(inner, st.sampled_from(("and", "or", "xor", "implies", "=", "!=")), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        )
        | inner.map(lambda part: f"({part}).not()")
    ),
    max_leaves=6,
)


@given(TRUTHS, st.sets(st.sampled_from(("code", "value"))))
def test_no_verdict_depends_on_values(expression, names):
    """What is settled stays so whatever stands in the place of what values decide."""
    tree = parse(expression)
    verdict = settled(tree, names)
    if verdict is not None:
        for value in ("true", "false"):
            assert settled(parse(expression.replace("code = 'a'", value)), names) is verdict
