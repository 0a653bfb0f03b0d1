from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.conformance.invariants import Uncompilable
from tests.fhir.conformance.conftest import (
    PROFILES,
    SCORE,
    claiming,
    element,
    goal,
    profile,
    rule,
    score,
    value_set,
)

REFERENCE = {"reference": "Patient/1"}
ASKS = [
    # cardinality
    ("an element must be there", element("Observation.subject", min=1), score(), [("profile-element-missing", "Observation.subject")]),
    ("it is", element("Observation.subject", min=1), score(subject=REFERENCE), []),
    ("an element must be there twice", element("Observation.focus", min=2), score(focus=[{"reference": "Goal/1"}]),
     [("profile-element-missing", "Observation.focus")]),
    ("an element stands once", element("Observation.focus", max="1"), score(focus=[{"reference": "Goal/1"}, {"reference": "Goal/2"}]),
     [("profile-element-repeated", "Observation.focus[1]")]),
    ("it does", element("Observation.focus", max="1"), score(focus=[{"reference": "Goal/1"}]), []),
    ("an element is not used", element("Observation.focus", max="0"), score(focus=[{"reference": "Goal/1"}]),
     [("profile-element-prohibited", "Observation.focus")]),
    ("a choice must be there", element("Observation.value[x]", min=1), score(), [("profile-element-missing", "Observation.value")]),
    ("0 is a value", element("Observation.value[x]", min=1), score(valueInteger=0), []),
    ("false is a value", element("Observation.value[x]", min=1), score(valueBoolean=False), []),
    ("a value that is only an extension is there", element("Observation.issued", min=1),
     score(_issued={"extension": [{"url": "http://example.org/e", "valueCode": "a"}]}), []),
    ("an element under a backbone element", element("Goal.target.measure", min=1), goal(target=[{"dueDate": "2026"}, {}]),
     [("object-empty", "Goal.target[1]"), ("profile-element-missing", "Goal.target[0].measure"), ("profile-element-missing", "Goal.target[1].measure")]),
    ("of an element that is not there nothing is asked", element("Goal.target.measure", min=1), goal(), []),
    # types
    ("a choice of fewer types", element("Observation.value[x]", type=[{"code": "Quantity"}]), score(valueString="7"),
     [("profile-type", "Observation.value")]),
    ("one of them", element("Observation.value[x]", type=[{"code": "Quantity"}]), score(valueQuantity={"value": 7}), []),
    ("a choice named by its type", element("Observation.valueQuantity", min=1), score(), [("profile-slice-missing", "Observation.value")]),
    # values
    ("a fixed code", element("Observation.status", fixedCode="final"), score(status="amended"), [("profile-value-fixed", "Observation.status")]),
    ("it is that", element("Observation.status", fixedCode="final"), score(), []),
    ("a pattern", element("Observation.code", patternCodeableConcept={"coding": [{"system": "http://example.org", "code": "a"}]}),
     score(code={"coding": [{"system": "http://example.org", "code": "b"}]}), [("profile-value-pattern", "Observation.code")]),
    ("it is among the codings", element("Observation.code", patternCodeableConcept={"coding": [{"system": "http://example.org", "code": "a"}]}),
     score(code={"coding": [{"code": "b"}, {"system": "http://example.org", "code": "a", "display": "A"}]}), []),
    ("the pattern of each item", element("Observation.category", patternCodeableConcept={"text": "a"}), score(category=[{"text": "a"}, {"text": "b"}]),
     [("profile-value-pattern", "Observation.category[1]")]),
    ("no more than a number", element("Observation.value[x]", type=[{"code": "integer"}], maxValueInteger=10), score(valueInteger=11),
     [("profile-value-range", "Observation.value")]),
    ("just that number", element("Observation.value[x]", type=[{"code": "integer"}], maxValueInteger=10), score(valueInteger=10), []),
    ("no less than a number", element("Observation.value[x]", type=[{"code": "integer"}], minValueInteger=0), score(valueInteger=-1),
     [("profile-value-range", "Observation.value")]),
    ("just that number, which is 0", element("Observation.value[x]", type=[{"code": "integer"}], minValueInteger=0), score(valueInteger=0), []),
    ("no longer than a length", element("Goal.description.text", maxLength=3), goal(description={"text": "four"}),
     [("profile-value-length", "Goal.description.text")]),
    ("just that long", element("Goal.description.text", maxLength=4), goal(description={"text": "four"}), []),
    # references
    ("a reference to one type", element("Observation.subject", type=[{"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}]),
     score(subject={"reference": "Group/1"}), [("profile-reference-target", "Observation.subject")]),
    ("it is to that type", element("Observation.subject", type=[{"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}]),
     score(subject={"reference": "https://example.org/fhir/Patient/1"}), []),
    ("it says its type", element("Observation.subject", type=[{"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}]),
     score(subject={"type": "Group", "display": "a"}), [("profile-reference-target", "Observation.subject")]),
    ("a contained one", element("Observation.subject", type=[{"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}]),
     score(subject={"reference": "#a"}, contained=[{"resourceType": "Group", "id": "a", "type": "person", "actual": True}]),
     [("profile-reference-target", "Observation.subject")]),
    ("what cannot be told is let pass", element("Observation.subject", type=[{"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}]),
     score(subject={"identifier": {"value": "a"}}), []),
    # rules
    ("a rule of the resource", element("Observation", constraint=[rule("a-1", "value.exists()")]), score(), [("invariant-broken", "Observation")]),
    ("a rule of an element", element("Observation.value[x]", constraint=[rule("a-1", "$this is Quantity implies $this.value <= 10")]),
     score(valueQuantity={"value": 11}), [("invariant-broken", "Observation.value")]),
    ("a rule of each item", element("Observation.category", constraint=[rule("a-1", "text.exists()")]),
     score(category=[{"text": "a"}, {"coding": [{"code": "a"}]}]), [("invariant-broken", "Observation.category[1]")]),
    ("a rule that gives nothing is not broken", element("Observation", constraint=[rule("a-1", "value.unit = 'a'")]), score(), []),
    ("a rule that cannot be evaluated here is broken", element("Observation", constraint=[rule("a-1", "category.single().exists()")]),
     score(category=[{"text": "a"}, {"text": "b"}]), [("invariant-broken", "Observation")]),
    ("a rule that fails without being a fault", element("Observation", constraint=[rule("a-1", "value.exists()", "warning")]), score(),
     [("invariant-broken", "Observation")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "resource", "expected"), [row[1:] for row in ASKS], ids=[row[0] for row in ASKS]
)
def test_what_a_profile_asks_of_an_element(found, asked, resource, expected):
    assert found(resource, profile(resource["resourceType"], asked)) == expected


SYSTEM = "http://example.org/colour"
COLOURS = value_set("colours", SYSTEM, "red", "blue")


def bound(id_, strength, **stated):
    return element(id_, binding={"strength": strength, "valueSet": COLOURS["url"]}, **stated)


BOUND = [
    ("a code of it", "required", {"coding": [{"system": SYSTEM, "code": "red"}]}, []),
    ("one coding of it", "required", {"coding": [{"system": "a", "code": "b"}, {"system": SYSTEM, "code": "red"}]}, []),
    ("another code", "required", {"coding": [{"system": SYSTEM, "code": "green"}]}, ["code-not-in-value-set"]),
    ("another system", "required", {"coding": [{"system": "http://example.org", "code": "red"}]}, ["code-not-in-value-set"]),
    ("no system", "required", {"coding": [{"code": "red"}]}, ["code-not-in-value-set"]),
    ("no code at all", "required", {"text": "red"}, ["code-not-in-value-set"]),
    ("no code but a reason", "required", {"text": "red", "extension": [{"url": "http://example.org/e", "valueCode": "a"}]}, []),
    ("no code where one would be better", "extensible", {"text": "red"}, []),
    ("another code where one would be better", "extensible", {"coding": [{"system": SYSTEM, "code": "green"}]}, ["code-outside-value-set"]),
    ("a code where one is only proposed", "preferred", {"coding": [{"system": SYSTEM, "code": "green"}]}, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("strength", "code", "slugs"), [row[1:] for row in BOUND], ids=[row[0] for row in BOUND]
)
def test_bindings(found, strength, code, slugs):
    asked = profile("Observation", bound("Observation.code", strength))
    assert found(score(code=code), asked, COLOURS) == [(slug, "Observation.code") for slug in slugs]


def test_a_required_binding_of_a_value_set_that_is_not_held_says_nothing(found):
    asked = profile("Observation", bound("Observation.code", "required"))
    assert found(score(code={"coding": [{"system": SYSTEM, "code": "green"}]}), asked) == []


RANGES = [
    ("within", {"value": Decimal("7.5"), "code": "kg"}, []),
    ("above", {"value": Decimal("10.5"), "code": "kg"}, ["profile-value-range"]),
    ("in another unit nothing can be said", {"value": 10500, "code": "g"}, []),
    ("no number", {"code": "kg"}, []),
]


@pytest.mark.parametrize(("quantity", "slugs"), [row[1:] for row in RANGES], ids=[row[0] for row in RANGES])
def test_the_range_of_a_quantity_is_in_its_unit(found, quantity, slugs):
    limit = {"value": 10, "system": "http://unitsofmeasure.org", "code": "kg"}
    asked = profile(
        "Observation", element("Observation.value[x]", type=[{"code": "Quantity"}], maxValueQuantity=limit)
    )
    assert found(score(valueQuantity=quantity | {"system": "http://unitsofmeasure.org"}), asked) == [
        (slug, "Observation.value") for slug in slugs
    ]


DATES = [("2026-03-04", []), ("2026-01", []), ("2026", []), ("2025-12-31", ["profile-value-range"])]


@pytest.mark.parametrize(("date", "slugs"), DATES)
def test_the_range_of_a_date_leaves_in_what_it_may_cover(found, date, slugs):
    asked = profile("Goal", element("Goal.statusDate", minValueDate="2026-01-01"))
    assert found(goal(statusDate=date), asked) == [(slug, "Goal.statusDate") for slug in slugs]


def test_a_rule_of_our_own_has_its_key_as_its_slug(validator_of):
    ours = profile(
        "Observation", element("Observation", constraint=[rule("score-lacks-value", "value.exists()")])
    )
    ours["url"] = "https://thrive-fhir.example/StructureDefinition/a"
    (issue,) = validator_of(ours).check(score(), [ours["url"]])
    assert (issue.severity, issue.slug, issue.text) == ("error", "score-lacks-value", "This is the rule.")


def test_a_rule_of_others_is_named_by_its_key(validator_of):
    theirs = profile("Observation", element("Observation", constraint=[rule("a-1", "value.exists()")]))
    (issue,) = validator_of(theirs).check(score(), [theirs["url"]])
    assert (issue.slug, issue.text) == ("invariant-broken", "a-1: This is the rule.")


def test_a_rule_that_cannot_be_compiled_is_an_error_at_start(validator_of):
    for expression in ("value.(", "nothing.ofThe(Kind)", "valeu.exists()"):
        broken = profile("Observation", element("Observation", constraint=[rule("a-1", expression)]))
        with pytest.raises(Uncompilable, match="a-1"):
            validator_of(broken)


def test_a_rule_without_expression_is_words_for_people(found):
    spoken = {"key": "a-1", "severity": "error", "human": "Be kind."}
    assert found(score(), profile("Observation", element("Observation", constraint=[spoken]))) == []


def test_what_the_base_says_already_is_not_said_again(found):
    asked = profile(
        "Observation", element("Observation.status", min=1), element("Observation.subject", max="1")
    )
    resource = {key: value for key, value in SCORE.items() if key != "status"}
    assert found(resource, asked) == [("element-missing", "Observation.status")]


def test_a_profile_of_a_datatype_is_asked_of_values(found):
    period = profile("Period", element("Period.start", min=1), id_="period", kind="complex-type")
    asked = profile(
        "Observation",
        element("Observation.effective[x]", type=[{"code": "Period", "profile": [period["url"]]}]),
    )
    resource = score(effectivePeriod={"end": "2026"})
    assert found(resource, asked, period) == [("profile-element-missing", "Observation.effective.start")]
    assert found(score(effectivePeriod={"start": "2026"}), asked, period) == []


def test_of_several_profiles_of_a_type_one_is_enough(found):
    first = profile("Period", element("Period.start", min=1), id_="first", kind="complex-type")
    second = profile("Period", element("Period.end", min=1), id_="second", kind="complex-type")
    asked = profile(
        "Observation",
        element(
            "Observation.effective[x]", type=[{"code": "Period", "profile": [first["url"], second["url"]]}]
        ),
    )
    assert found(score(effectivePeriod={"end": "2026"}), asked, first, second) == []


def test_invariants_are_not_asked_of_what_has_not_the_form_they_speak_of(found):
    asked = profile(
        "Observation",
        element("Observation", constraint=[rule("a-1", "subject.exists()")]),
        element("Observation.focus", min=1),
    )
    assert found(score(code="text"), asked) == [
        ("object-expected", "Observation.code"),
        ("profile-element-missing", "Observation.focus"),
    ]


def test_invariants_are_asked_whatever_else_is_wrong(found):
    asked = profile("Observation", element("Observation", constraint=[rule("a-1", "subject.exists()")]))
    assert found(score(colour="red"), asked) == [
        ("element-unknown", "Observation.colour"),
        ("invariant-broken", "Observation"),
    ]


def test_a_profile_derived_from_another_asks_both(found):
    base = profile("Observation", element("Observation.subject", min=1), id_="base")
    derived = profile(
        "Observation", element("Observation.focus", min=1), id_="derived", baseDefinition=f"{PROFILES}base"
    )
    assert found(score(), derived, base) == [
        ("profile-element-missing", "Observation.subject"),
        ("profile-element-missing", "Observation.focus"),
    ]


def test_claimed_and_asked_profiles_say_a_thing_once(found):
    asked = profile("Observation", element("Observation.subject", min=1))
    assert found(claiming(score()), asked) == [("profile-element-missing", "Observation.subject")]
