"""The report tells how often, and of few only that they are few."""

from __future__ import annotations

from service.fhir.validation.validator import Validator
from service.outcomes.deidentification_report import joined, report

COUNTS = {
    ("Goal", "description: removed"): 12,
    ("Goal.target", "dueDate: shifted"): 5,
    ("Patient", "name: removed"): 40,
    ("Patient", "left out: it has a sensitive label"): 2,
    ("Patient", "left out: it is about somebody who is restricted"): 40,
    ("Patient", "photo: removed"): 4,
}


def texts(outcome):
    return [issue["diagnostics"] for issue in outcome["issue"]]


def test_a_line_for_what_it_is_and_one_for_each_type():
    first, *rest = report(COUNTS)
    assert "pseudonymised" in texts(first)[0]
    assert list(map(texts, rest)) == [
        ["Goal.description removed: 12.", "Goal.target.dueDate shifted: 5."],
        [
            "Patient, some left out: restricted, labelled, or not about one young person.",
            "Patient.name removed: 40.",
            "Patient.photo removed: fewer than 5.",
        ],
    ]


def test_its_lines_are_valid(registry):
    validator = Validator(registry)
    assert [issue for line in report(COUNTS) for issue in validator.check(line) if issue.is_fault] == []


def test_counts_of_tasks_are_added():
    assert joined([COUNTS, COUNTS, {}]) == {key: 2 * count for key, count in COUNTS.items()}
    assert joined([]) == {}
