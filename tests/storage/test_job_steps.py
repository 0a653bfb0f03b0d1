"""The transactions of jobs as steps: what they lock first, and in how many statements they say it.

What they come to on either database is in test_job_register.py.
"""

from __future__ import annotations

from service.storage import job_steps as steps
from service.storage.job_steps import Held
from service.storage.jobs import Job, Outcome

HELD = Held(1, b"j", 0, 1)
JOB = Job("default", "0" * 32, "count", "epr", "camhs", "queued", b"", b"", 5, 5, None, 65)


def told(begun, *answers):
    """The statements of the steps, where the database gives these rows one after the other; and what they return."""
    said, rows = [], iter(answers)
    try:
        text, arguments = next(begun)
        while True:
            said.append((text, arguments))
            text, arguments = begun.send(next(rows, ()))
    except StopIteration as end:
        return said, end.value


def test_whatever_changes_a_task_and_its_job_locks_the_job_first():
    outcome = Outcome(more=(b"x",))
    for begun in (
        steps.complete(HELD, outcome, 9),
        steps.fail(HELD, b"{}", 9, 0, final=True),
        steps.claim(1, b"j", "w", 9, 5),
    ):
        said, _ = told(begun, [("row",)])
        assert said[0][0].startswith("SELECT")
        assert "FROM job " in said[0][0]
        assert said[0][0].endswith(("{lock}", "{skip}"))


def test_a_claim_passes_by_a_job_that_another_keeps():
    said, claimed = told(steps.claim(1, b"j", "w", 9, 5))
    assert claimed is None
    assert len(said) == 1
    assert said[0][0].endswith("{skip}")


def test_what_no_longer_counts_changes_nothing():
    for answers in ((), ([("row",)],)):
        said, counts = told(steps.complete(HELD, Outcome(more=(b"x",)), 9), *answers)
        assert counts is False
        assert not any(text.startswith("INSERT") for text, _ in said)


def test_a_plan_of_thousands_is_some_dozen_statements():
    said, _ = told(steps.add(1, JOB, [b"x"] * 2_050, 9))
    assert len(said) == 1 + 21
    for text, arguments in said:
        assert text.count("$") == len(arguments)
        assert f"${len(arguments)}" in text


def test_a_job_is_kept_as_long_as_it_was_added_for():
    [(text, arguments)], _ = told(steps.add(1, JOB, (), 9))
    columns = text[text.index("(") + 1 : text.index(")")].split(", ")
    row = dict(zip(columns, arguments, strict=True))
    assert (row["keep"], row["state"], row["ended"], row["due"]) == (60, "done", 9, 9)
