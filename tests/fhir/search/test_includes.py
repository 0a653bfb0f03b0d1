"""`_include` and `_revinclude`, as clients write them."""

import itertools

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.includes import include, reference_codes

GOAL = ("Goal",)


def asked(registry, name, value, types=GOAL):
    return include(registry, types, name, value)


def test_what_a_match_refers_to(registry):
    found = asked(registry, "_include", "Goal:patient")
    assert (found.reverse, found.iterate, found.target) == (False, False, None)
    assert found.parameters == (("Goal", "patient"),)


def test_what_a_match_refers_to_of_one_type(registry):
    found = asked(registry, "_include", "Goal:subject:Group")
    assert (found.parameters, found.target) == ((("Goal", "subject"),), "Group")


def test_what_refers_to_a_match(registry):
    found = asked(registry, "_revinclude", "Observation:focus")
    assert (found.reverse, found.iterate, found.parameters) == (True, False, (("Observation", "focus"),))


@pytest.mark.parametrize("modifier", ["iterate", "recurse"])
def test_what_is_included_can_refer_on(registry, modifier):
    found = asked(registry, f"_include:{modifier}", "Patient:general-practitioner")
    assert (found.iterate, found.parameters) == (True, (("Patient", "general-practitioner"),))


def test_everything_that_a_match_refers_to(registry):
    for value in ("*", "Goal:*"):
        found = asked(registry, "_include", value)
        assert {("Goal", "patient"), ("Goal", "subject")} <= set(found.parameters)
        assert {type_ for type_, _ in found.parameters} == {"Goal"}


def test_everything_that_refers_to_a_match(registry):
    found = asked(registry, "_revinclude", "*")
    assert ("Observation", "focus") in found.parameters
    assert ("CarePlan", "goal") in found.parameters
    assert ("Observation", "encounter") not in found.parameters  # no goal is an encounter


def test_everything_however_far(registry):
    found = asked(registry, "_include:iterate", "*")
    assert {("Goal", "subject"), ("Patient", "organization"), ("PractitionerRole", "practitioner")} <= set(
        found.parameters
    )


def test_a_canonical_is_followed_too(registry):
    assert "questionnaire" in reference_codes(registry, "QuestionnaireResponse")


@pytest.mark.parametrize(
    ("name", "value", "slug"),
    [
        ("_include", "Goal", "search-include-form"),
        ("_include", "Goal:", "search-include-form"),
        ("_include", ":patient", "search-include-form"),
        ("_include", "*:patient", "search-include-source"),
        ("_include", "Goal:patient:Patient:x", "search-include-form"),
        ("_include", "Goal:subject:Colour", "search-reference-target"),
        ("_include", "Goal:subject:Task", "search-reference-target"),
        ("_include", "Goal:lifecycle-status", "search-include-unknown"),
        ("_include", "Goal:colour", "search-include-unknown"),
        ("_include", "Colour:patient", "search-include-source"),
        ("_include", "Observation:patient", "search-include-source"),  # goals alone are searched
        ("_include:exact", "Goal:patient", "search-modifier-unsupported"),
        ("_include:", "Goal:patient", "search-modifier-unsupported"),
        ("_revinclude", "Colour:goal", "search-include-source"),
        ("_revinclude", "Observation:encounter", "search-reference-target"),  # to no goal
        ("_revinclude", "Observation:focus:Patient", "search-reference-target"),
    ],
)
def test_what_leads_nowhere_is_refused(registry, name, value, slug):
    with pytest.raises(Malformed) as refused:
        asked(registry, name, value)
    assert refused.value.issues[0].slug == slug


@pytest.mark.parametrize(
    ("name", "value", "types"),
    [
        ("_revinclude", "Binary:*:Patient", ("AuditEvent",)),
        ("_revinclude", "Binary:*", ("AuditEvent",)),
        ("_revinclude:iterate", "Binary:*", ("AuditEvent",)),
        ("_revinclude", "Questionnaire:*:Goal", ("Patient",)),
        ("_include", "Binary:*", ("Binary",)),
    ],
)
def test_a_type_without_references_leads_nowhere(registry, name, value, types):
    with pytest.raises(Malformed) as refused:
        asked(registry, name, value, types)
    assert refused.value.issues[0].slug in {"search-include-unknown", "search-reference-target"}


def test_whatever_is_asked_of_any_type_is_understood_or_refused(registry):
    types = sorted(registry.served)
    for source, target in itertools.product(types, ["", *types]):
        for name in ("_include", "_revinclude", "_revinclude:iterate"):
            value = f"{source}:*:{target}" if target else f"{source}:*"
            try:
                found = asked(registry, name, value, ("Patient",))
            except Malformed as refused:
                assert refused.issues[0].slug.startswith("search-")  # noqa: PT017 - either is right
            else:
                assert {type_ for type_, _ in found.parameters} == {source}


def test_the_refusal_of_a_target_names_what_was_asked(registry):
    with pytest.raises(Malformed, match=r"`Goal:\*` does not refer to `Task`"):
        asked(registry, "_include", "Goal:*:Task")
    with pytest.raises(Malformed, match="`Goal:subject` does not refer to `Task`"):
        asked(registry, "_include", "Goal:subject:Task")


def test_a_refusal_lists_what_there_is(registry):
    with pytest.raises(Malformed, match="`patient`, `subject`"):
        asked(registry, "_include", "Goal:colour")
    with pytest.raises(Malformed, match="`_include:iterate`"):
        asked(registry, "_include", "Observation:patient")


def test_what_is_included_may_be_referred_to_by_anything(registry):
    found = asked(registry, "_revinclude:iterate", "Observation:encounter")
    assert found.parameters == (("Observation", "encounter"),)
