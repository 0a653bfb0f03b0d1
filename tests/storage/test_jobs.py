"""What a job and a task tell of themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.storage.jobs import OPEN, Job, Lost, Task, folder, new_job_id, owner

JOB = Job("default", "0" * 32, "count", "epr", "camhs", "queued", b"", b"", 0, 0, None, 1)


def test_ids_are_random_and_of_sixteen_bytes():
    ids = {new_job_id() for _ in range(100)}
    assert len(ids) == 100
    assert {len(bytes.fromhex(id_)) for id_ in ids} == {16}


@pytest.mark.parametrize("state", ["queued", "running", "done", "failed", "cancelled", "expired"])
def test_a_job_is_open_until_it_ended(state):
    assert replace(JOB, state=state).is_open is (state in {"queued", "running"}) is (state in OPEN)


@given(
    st.text(min_size=1).filter(lambda text: text.encode("utf-8", "replace") == text.encode("utf-8", "ignore"))
)
def test_the_folder_of_a_job_tells_whose_it_is(locality):
    one = replace(JOB, locality=locality)
    assert owner(folder(one)) == (locality, one.id)
    assert folder(one).isascii()
    assert folder(one).count("/") == 2


def test_no_two_attempts_write_the_same_file():
    tasks = [Task(JOB, number, attempt, b"") for number in range(12) for attempt in range(1, 12)]
    paths = {task.path(ordinal) for task in tasks for ordinal in range(12)}
    assert len(paths) == 12 * 11 * 12


def test_work_goes_on_until_the_task_is_gone():
    task = Task(JOB, 0, 1, b"")
    task.require()
    assert list(task.held(iter("ab"))) == ["a", "b"]
    held = task.held(iter("ab"))
    assert next(held) == "a"
    task.gone.set()
    with pytest.raises(Lost):
        next(held)
    with pytest.raises(Lost):
        task.require()
