from __future__ import annotations

import itertools

import pytest

from service.fhir.conformance.objects import SHAPES_KEPT, guard_of, keys_of
from service.fhir.conformance.runs import Run
from tests.fhir.conformance.conftest import PROFILES, element, goal, profile, rule, score, value_set

CATEGORY = {"category": [{"text": "a"}]}


@pytest.fixture
def demands(validator_of):
    asked = profile(
        "Goal",
        element("Goal.category", min=1),
        element("Goal", constraint=[rule("a-1", "statusDate.exists()")]),
    )
    return validator_of(asked).profiles.profile(f"{PROFILES}profile").demands


ASKED = [
    (goal(**CATEGORY, statusDate="2026"), True),
    (goal(**CATEGORY), False),
    (goal(statusDate="2026"), False),
    (goal(**CATEGORY, _statusDate={"extension": [{"url": "http://example.org/e", "valueCode": "a"}]}), True),
]


@pytest.mark.parametrize(("node", "accepted"), ASKED)
def test_what_is_accepted_has_nothing_to_be_told(demands, node, accepted):
    run = Run(node)
    assert demands.accepts(node, run) is accepted
    demands.tell(node, "Goal", run)
    assert (run.issues == []) is accepted


def test_no_more_shapes_are_kept_than_there_is_room_for(demands):
    whole = goal(**CATEGORY, statusDate="2026", note=[{"text": "a"}])
    for names in itertools.islice(itertools.permutations(whole), SHAPES_KEPT + 10):
        node = {name: whole[name] for name in names}
        assert demands.accepts(node, Run(node))
    assert len(demands._shapes) == SHAPES_KEPT


def test_shapes_that_cannot_be_good_are_not_kept(demands):
    assert not demands.accepts(goal(), Run(goal()))
    assert not demands._shapes


KEYS = [
    ("status", ("code",), False, ("status",)),
    ("value", ("Quantity", "integer"), True, ("valueQuantity", "valueInteger")),
]


@pytest.mark.parametrize(("name", "types", "choice", "keys"), KEYS)
def test_the_json_names_of_an_element(name, types, choice, keys):
    assert keys_of(name, types, choice=choice) == keys


COLOURS = value_set("colours", "http://example.org/colour", "red")
MEMBER = f"memberOf('{COLOURS['url']}')"
GUARDED = [
    (f"code.{MEMBER} implies value.exists()", ("code", frozenset({("http://example.org/colour", "red")}))),
    (f"code.{MEMBER}", None),
    (f"category.{MEMBER} implies value.exists()", None),  # it repeats
    (f"value.{MEMBER} implies code.exists()", None),  # it is a choice
    ("code.memberOf('http://example.org/ValueSet/other') implies value.exists()", None),
    ("value.exists() implies code.exists()", None),
]


SHADES = value_set("shades", "http://example.org/colour", "red", "grey")


@pytest.mark.parametrize(
    ("codes", "broken"), [(["red"], 2), (["grey"], 1), (["blue"], 0), (["blue", "red"], 2), ([], 0)]
)
def test_rules_of_some_codes_are_asked_of_these_alone(found, codes, broken):
    rules = [
        rule("a-1", f"code.{MEMBER} implies note.exists()"),
        rule("a-2", f"code.memberOf('{SHADES['url']}') implies method.exists()"),
    ]
    asked = profile("Observation", element("Observation", constraint=rules))
    codings = [{"system": "http://example.org/colour", "code": code} for code in codes]
    concept = {"text": "a", **({"coding": codings} if codings else {})}
    more = {"note": [{"text": "a"}], "method": {"text": "a"}}
    assert len(found(score(code=concept), asked, COLOURS, SHADES)) == broken
    assert found(score(code=concept, **more), asked, COLOURS, SHADES) == []


@pytest.mark.parametrize(("expression", "guard"), GUARDED)
def test_the_guard_of_a_rule(validator_of, registry, expression, guard):
    asked = profile("Observation", element("Observation", constraint=[rule("a-1", expression)]))
    profiles = validator_of(asked, COLOURS).profiles
    (ruled,) = profiles.profile(f"{PROFILES}profile").demands.ruled
    elements = registry.definition("Observation").elements
    assert guard_of(ruled.rule, elements, profiles.terminology) == guard == ruled.guard
    assert guard_of(ruled.rule, elements, None) is None
