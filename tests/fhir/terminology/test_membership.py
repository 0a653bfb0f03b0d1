"""Whether a code is right: the verdict, its message, and a right display."""

from __future__ import annotations

import pytest

from service.fhir.problems import Invalid
from service.fhir.terminology.membership import Asked, Verdict
from tests.fhir.terminology.guides import HELP, LOUD, PART, SNOMED, address, terminology, value_set

FOUND = terminology(
    value_set(
        "helps",
        {"system": HELP, "concept": [{"code": code} for code in ("help", "group", "letters", "walk")]},
    ),
    value_set("loud", {"system": LOUD}),
    value_set("open", {"system": SNOMED}, {"system": HELP, "concept": [{"code": "walk"}]}),
    value_set("listed", {"system": SNOMED, "concept": [{"code": "1"}, {"code": "2", "display": "Two"}]}),
    value_set("twice", {"system": SNOMED, "concept": [{"code": "walk"}]}, {"system": HELP}),
)
NOT_IN = "The code is not in the value set."


def coding(code, system=HELP, **members):
    return {"system": system, "code": code, **members}


@pytest.mark.parametrize(
    ("id_", "given", "expected"),
    [
        ("helps", coding("walk"), Verdict(True, None, "A walk")),
        ("helps", coding("walk", display="A walk"), Verdict(True, None, "A walk")),
        ("helps", coding("group", display="Group work"), Verdict(True, None, "In a group")),
        ("helps", coding("walk", display="A  walk"), Verdict(True, None, "A walk")),
        ("helps", coding("walk", display="a walk"),
         Verdict(False, 'The display is not one of the concept; "A walk" is.', "A walk")),
        ("helps", coding("none"), Verdict(False, NOT_IN)),
        ("helps", coding("never"), Verdict(False, "The code system has no such code.")),
        ("helps", coding("walk", system=LOUD), Verdict(False, "The code system has no such code.")),
        ("helps", coding("walk", system=SNOMED), Verdict(False, NOT_IN)),
        ("helps", {"system": HELP}, Verdict(False, "The coding has no code.")),
        ("helps", {"code": "walk"}, Verdict(False, "The coding has no system.")),
        ("helps", coding("letters"), Verdict(True, "The concept is inactive.", "Letters")),
        ("helps", coding("help"), Verdict(True, None, "Help")),
        ("helps", coding("walk", version="2"), Verdict(True, None, "A walk")),
        ("helps", coding("walk", version="1"),
         Verdict(False, "Of the code system, version 2 is held here, no other.")),
        ("loud", coding("YES", system=LOUD, display="yes"), Verdict(True, None, "Yes")),
        ("listed", coding("1", system=SNOMED, display="One"),
         Verdict(True, "The display was not checked: none is held here.", None)),
        ("listed", coding("2", system=SNOMED, display="One"),
         Verdict(False, 'The display is not one of the concept; "Two" is.', "Two")),
        ("open", coding("walk"), Verdict(True, None, "A walk")),
        ("open", coding("none"), Verdict(False, NOT_IN)),
    ],
)  # fmt: skip
def test_the_verdict_on_a_coding_by_a_value_set(id_, given, expected):
    assert FOUND.validate_code(address(id_), Asked([given])) == expected


def test_concepts_that_group_others_are_right_only_where_they_may_be():
    refused = FOUND.validate_code(address("helps"), Asked([coding("help")], abstract=False))
    assert refused == Verdict(False, "The concept only groups others; choose one of those.", "Help")
    assert FOUND.validate_code(address("helps"), Asked([coding("help")], abstract=True)).result


@pytest.mark.parametrize(
    ("id_", "code", "expected"),
    [
        ("helps", "walk", Verdict(True, None, "A walk")),
        ("helps", "none", Verdict(False, NOT_IN)),
        ("twice", "walk", Verdict(False, "Several code systems have the code; say which is meant.")),
        ("twice", "none", Verdict(True, None, "No help")),
    ],
)
def test_a_plain_code_is_looked_for_in_every_system_of_the_value_set(id_, code, expected):
    assert FOUND.validate_code(address(id_), Asked([{"code": code}], plain=True)) == expected


@pytest.mark.parametrize(
    ("codings", "expected"),
    [
        ([], Verdict(False, "There is no coding in it.")),
        ([coding("none"), coding("walk")], Verdict(True, None, "A walk")),
        ([coding("walk", display="Run"), coding("group")], Verdict(True, None, "In a group")),
        ([coding("none"), coding("never")], Verdict(False, NOT_IN)),
        ([coding("none"), coding("walk", display="Run")],
         Verdict(False, 'The display is not one of the concept; "A walk" is.', "A walk")),
    ],
)  # fmt: skip
def test_of_several_codings_one_that_is_right_will_do(codings, expected):
    assert FOUND.validate_code(address("helps"), Asked(codings)) == expected


@pytest.mark.parametrize(
    ("codings", "plain"),
    [
        ([coding("9", system=SNOMED)], False),
        ([coding("none"), coding("9", system=SNOMED)], False),
        ([{"code": "9"}], True),
    ],
)
def test_what_cannot_be_told_is_refused_and_not_guessed(codings, plain):
    with pytest.raises(Invalid) as refused:
        FOUND.validate_code(address("open"), Asked(codings, plain=plain))
    assert refused.value.issues[0].slug == "value-set-not-told"


def test_one_right_coding_settles_it_even_if_another_cannot_be_told():
    assert FOUND.validate_code(address("open"), Asked([coding("9", system=SNOMED), coding("walk")])).result


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"code": "walk"}, Verdict(True, None, "A walk")),
        (coding("walk", display="A walk"), Verdict(True, None, "A walk")),
        (coding("walk", display="Run"), Verdict(False, 'The display is not one of the concept; "A walk" is.', "A walk")),
        (coding("never"), Verdict(False, "The code system has no such code.")),
        (coding("walk", system=SNOMED), Verdict(False, "The coding is of another code system.")),
        (coding("walk", version="1"), Verdict(False, "Of the code system, version 2 is held here, no other.")),
        ({"system": HELP}, Verdict(False, "The coding has no code.")),
    ],
)  # fmt: skip
def test_the_verdict_on_a_coding_by_a_code_system(given, expected):
    assert FOUND.validate_in_system(FOUND.require_system(HELP), Asked([given])) == expected


def test_of_a_code_system_held_in_part_only_what_is_held_is_told():
    part = FOUND.require_system(PART)
    assert FOUND.validate_in_system(part, Asked([{"code": "a"}])).result
    with pytest.raises(Invalid) as refused:
        FOUND.validate_in_system(part, Asked([{"code": "b"}]))
    assert refused.value.issues[0].slug == "code-system-in-part"


def test_the_display_is_in_the_language_asked():
    asked = Asked([{"code": "talking", "display": "Siarad"}], language="cy")
    assert FOUND.validate_in_system(FOUND.require_system(HELP), asked) == Verdict(True, None, "Siarad")
