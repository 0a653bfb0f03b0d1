import json
import os
import subprocess
import sys

import pytest

from service.commands.giving_way import NICENESS, SLICE, SWITCH

# In a process of its own: there is no way back.
GIVEN_WAY = """
import json, os, sys, threading
from service.commands.giving_way import give_way, share_the_interpreter, slice_of
before = os.nice(0)
granted = give_way()
share_the_interpreter()
of_a_thread = []
thread = threading.Thread(target=lambda: of_a_thread.append(slice_of()))
thread.start()
thread.join()
print(json.dumps([os.nice(0) - before, granted, slice_of(), of_a_thread[0], sys.getswitchinterval()]))
"""


@pytest.fixture(scope="module")
def given_way():
    done = subprocess.run([sys.executable, "-c", GIVEN_WAY], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def linux() -> tuple[int, ...]:
    return tuple(int(part) for part in os.uname().release.split(".")[:2])


def test_it_is_less_urgent_than_those_that_answer(given_way):
    less, *_ = given_way
    assert less == NICENESS


def test_threads_take_turns_quickly(given_way):
    *_, interval = given_way
    assert interval == pytest.approx(SWITCH)


@pytest.mark.skipif(linux() < (6, 12), reason="Linux grants slices of time since 6.12")
def test_it_and_its_threads_ask_for_the_longest_slices(given_way):
    _, granted, own, of_a_thread, _ = given_way
    assert granted
    assert own == of_a_thread == SLICE
