"""That a forked program is as one started from nothing."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.rest.preloaded import Preloaded, preloaded
from tests.rest.serving import PATIENCE, ROOT, command, environment, serving

URL = "sqlite:////nowhere/at/all.db"


@pytest.fixture
def database(databases, tmp_path):
    return databases.opened("sqlite", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (("--version",), {}),
        (("serve", "--hekp"), {}),
        (("serve",), {"WORKERS": "none"}),
        (("serve", "--host", "not a host"), {}),
    ],
    ids=["version", "slip", "setting", "host"],
)
def test_it_says_and_returns_the_same(arguments, settings):
    forked = command(*arguments, database_url=URL, check=False, **settings)
    anew = subprocess.run(
        [sys.executable, "-m", "service.cli", *arguments],
        cwd=ROOT,
        env=environment(URL, settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (anew.returncode, anew.stdout, anew.stderr)


def test_an_error_is_raised_where_it_is_wanted():
    with pytest.raises(subprocess.CalledProcessError):
        command("serve", "--hekp", database_url=URL)


def test_each_has_its_own_environment_and_nothing_of_the_last_one():
    wrong = command("serve", database_url=URL, check=False, WORKERS="none")
    right = command("serve", database_url=URL, check=False)
    assert "THRIVE_WORKERS" in wrong.stderr
    assert "THRIVE_WORKERS" not in right.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_its_own(tmp_path, database, number):
    with serving(tmp_path, database) as server:
        assert server.process.poll() is None
        assert server.stop(number) == 0
        assert server.process.poll() == 0
        server.process.send_signal(number)  # which nobody gets, and nobody minds
    assert command("--version", database_url=URL).returncode == 0


def test_one_that_is_killed_says_by_what(tmp_path, database):
    with serving(tmp_path, database) as server:
        server.process.kill()
        assert server.process.wait(PATIENCE) == -signal.SIGKILL


def test_one_that_does_not_end_is_not_waited_for_longer_than_asked(tmp_path, database):
    with serving(tmp_path, database) as server:
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.05)
        assert server.process.poll() is None


def test_files_of_another_are_not_open_in_it(tmp_path, database):
    """One that stayed open would be found full or locked by another test."""
    with serving(tmp_path, database) as first, serving(tmp_path, database) as second:
        links = Path(f"/proc/{second.process.pid}/fd").iterdir()
        opened = {str(link.readlink()) for link in links if link.is_symlink()}
        assert str(second.output) in opened
        assert str(first.output) not in opened


def test_those_that_run_go_on_when_it_is_closed(tmp_path):
    """As those do that a test process started by itself."""
    source = Preloaded()
    with tempfile.TemporaryFile() as out:
        process = source.start(
            ("sandbox", "--patients", "0", "--output", str(tmp_path / "none.ndjson")),
            environment(URL, {}),
            out.fileno(),
            out.fileno(),
        )
        os.kill(process.pid, signal.SIGSTOP)
        source.close()
        os.kill(process.pid, 0)
        os.kill(process.pid, signal.SIGCONT)
        deadline = time.monotonic() + PATIENCE
        while _runs(process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _runs(process.pid)
        assert preloaded() is not source


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
