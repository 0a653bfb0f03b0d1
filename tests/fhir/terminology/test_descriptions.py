"""What is said of a concept: by its code system, and by the value set that lists it."""

from __future__ import annotations

import pytest

from service.fhir.terminology.descriptions import describe, is_of_language, of_concept, plain, spelt
from tests.fhir.terminology.guides import HELP, SNOMED, terminology

SYSTEMS = terminology().code_systems
TALKING = (HELP, "talking")


def test_a_concept_is_described_by_its_code_system():
    talking = describe(SYSTEMS, TALKING, {})
    assert (talking.system, talking.code, talking.display) == (HELP, "talking", "Talking (of any kind)")
    assert talking.displays == ("Talking (of any kind)", "Siarad")
    assert talking.definition == "Help by talking."
    assert not talking.inactive
    assert not talking.abstract
    system = SYSTEMS.find(HELP)
    assert of_concept(system, system.concepts["talking"]) == talking


def test_a_value_set_may_give_other_words_which_go_first():
    listed = {"code": "talking", "display": "Talk", "designation": [{"language": "fr", "value": "Parler"}]}
    talking = describe(SYSTEMS, TALKING, listed)
    assert talking.display == "Talk"
    assert talking.displays == ("Talk", "Talking (of any kind)", "Parler", "Siarad")


def test_of_a_system_that_is_not_held_only_what_the_value_set_says_is_known():
    concept = describe(SYSTEMS, (SNOMED, "1"), {"code": "1", "display": "One", "inactive": True})
    assert (concept.display, concept.displays, concept.inactive) == ("One", ("One",), True)
    assert describe(SYSTEMS, (SNOMED, "2"), {"code": "2"}).display is None


@pytest.mark.parametrize(
    ("language", "display"),
    [
        (None, "Talking (of any kind)"),
        ("en", "Talking (of any kind)"),
        ("en-GB", "Talking (of any kind)"),
        ("cy", "Siarad"),
        ("CY", "Siarad"),
        ("de", "Talking (of any kind)"),
    ],
)
def test_a_concept_is_shown_in_the_language_asked_if_there_are_words_in_it(language, display):
    assert describe(SYSTEMS, TALKING, {}, language).display == display


def test_words_in_the_language_asked_go_before_those_of_the_value_set():
    shown = describe(SYSTEMS, TALKING, {"display": "Talk"}, "cy")
    assert (shown.display, shown.displays[0]) == ("Siarad", "Siarad")


def test_inactive_and_grouping_concepts_say_so():
    assert describe(SYSTEMS, (HELP, "letters"), {}).inactive
    assert describe(SYSTEMS, (HELP, "help"), {}).abstract


@pytest.mark.parametrize(
    ("asked", "has"),
    [
        ("", True),
        ("talk", True),
        ("TALK", True),
        ("kind talk", True),
        ("of any", True),
        ("siar", True),
        ("alk", False),
        ("talk walk", False),
        ("(of", True),
    ],
)
def test_words_are_found_by_their_beginnings(asked, has):
    assert describe(SYSTEMS, TALKING, {}).has_words(spelt(asked)) is has


def test_a_code_is_found_by_its_beginning():
    assert describe(SYSTEMS, (SNOMED, "900123"), {}).has_words(["9001"])


@pytest.mark.parametrize(
    ("display", "folds_case", "right"),
    [
        ("Talking (of any kind)", False, True),
        ("  Talking  (of any kind)", False, True),
        ("talking (of any kind)", False, False),
        ("talking (of any kind)", True, True),
        ("Siarad", False, True),
        ("Talking", False, False),
    ],
)
def test_a_display_is_right_if_it_is_one_of_the_concepts_words(display, folds_case, right):
    assert describe(SYSTEMS, TALKING, {}).is_called(display, folds_case=folds_case) is right
    assert plain(display, folds_case=folds_case) == " ".join(
        (display.casefold() if folds_case else display).split()
    )


@pytest.mark.parametrize(
    ("asked", "tag", "expected"),
    [
        ("en", "en-GB", True),
        ("en-GB", "en", False),
        ("EN-gb", "en-GB", True),
        ("en", "eng", False),
        ("en", "", False),
    ],
)
def test_a_language_is_asked_for_by_its_beginning(asked, tag, expected):
    assert is_of_language(asked, tag) is expected


def test_a_designation_without_words_is_passed_over():
    listed = {"designation": [{"language": "de", "_value": {"id": "x"}}]}
    assert describe(SYSTEMS, TALKING, listed, "de").display == "Talking (of any kind)"
