from __future__ import annotations

import inspect
import re

import pytest

from service.fhir.problems import Issue
from service.fhir.validation import faults
from service.fhir.validation.bindings import bound
from service.fhir.validation.narrative import NarrativeFault
from service.fhir.validation.references import ReferenceFault

EXAMPLES = {
    "path": "Place.name",
    "name": "name",
    "owner": "Place",
    "names": ["valueA", "valueB"],
    "type_": "decimal",
    "kind": "array",
    "wanted": "number",
    "found": "string",
    "limit": 10,
}


@pytest.fixture(scope="module")
def made(registry):
    """An issue of every function here that makes one, by the function's name."""
    gender = bound(registry, registry.definition("Patient").elements["gender"], "code")
    given = EXAMPLES | {"bound": gender}
    issues = {
        "of_reference": faults.of_reference(
            "Place.name", ReferenceFault("reference-malformed", "value", "A sentence.")
        ),
        "of_narrative": faults.of_narrative("Place.name", NarrativeFault("narrative-empty", "A sentence.")),
    }
    for name, make in inspect.getmembers(faults, inspect.isfunction):
        if (
            make.__module__ == faults.__name__
            and make.__annotations__["return"] == "Issue"
            and name not in issues
        ):
            issues[name] = make(**{each: given[each] for each in inspect.signature(make).parameters})
    return issues


def test_every_function_gives_its_own_slug(made):
    plain = {name: issue for name, issue in made.items() if not name.startswith("of_")}
    assert len(plain) > 25
    assert {name: issue.slug.replace("-", "_") for name, issue in plain.items()} == {
        name: name for name in plain
    }


def test_every_code_is_an_issue_type(made, registry):
    types = {code for _, code in registry.codes("http://hl7.org/fhir/ValueSet/issue-type")}
    assert {issue.code for issue in made.values()} <= types


def test_every_sentence_is_one(made):
    for issue in made.values():
        assert isinstance(issue, Issue)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", issue.slug)
        assert re.fullmatch(r"\S.*\.", issue.text)
        assert "  " not in issue.text


def test_warnings_are_for_what_may_be_right(made):
    warnings = {issue.slug for issue in made.values() if issue.severity == "warning"}
    assert warnings == {"value-blank", "code-outside-value-set"}


def test_a_name_near_to_one_that_exists_is_suggested():
    assert faults.element_unknown("P", "statsu", "Goal", ["status", "note"]).text.endswith(
        "Did you mean status?"
    )
    assert "mean" not in faults.element_unknown("P", "colour", "Goal", ["status", "note"]).text
    assert "mean" not in faults.element_unknown("P", "status" * 1000, "Goal", ["status"]).text


def test_long_lists_are_cut():
    issue = faults.choice_type("P", "valueX", "Extension", [f"value{number}" for number in range(50)])
    assert issue.text.endswith("value11 and others.")


@pytest.mark.parametrize(("kind", "words"), [("array", "an array"), ("string", "a string"), ("null", "null")])
def test_kinds_have_their_article(kind, words):
    assert faults.article(kind) == words
