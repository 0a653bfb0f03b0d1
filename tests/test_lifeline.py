import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lifeline import lifeline

ROOT = Path(__file__).resolve().parent.parent
HELD = """
import sys, time
from tests.lifeline import lifeline
with lifeline('echo "$1" > "$2"', "left", sys.argv[1]):
    print("up", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_script_runs_when_the_process_is_killed(number, tmp_path):
    path = tmp_path / "said"
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT)},
    )
    with process:
        assert process.stdout.readline() == b"up\n"
        os.kill(process.pid, number)
    for _ in range(500):
        if path.exists() and path.read_text():
            break
        time.sleep(0.01)
    assert path.read_text() == "left\n"


def test_the_script_does_not_run_when_the_block_is_left(tmp_path):
    path = tmp_path / "said"
    with lifeline('echo "$1" > "$2"', "left", str(path)):
        pass
    with pytest.raises(KeyError), lifeline('echo "$1" > "$2"', "left", str(path)):
        raise KeyError
    assert not path.exists()
