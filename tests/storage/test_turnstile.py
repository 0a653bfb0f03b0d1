from __future__ import annotations

import fcntl
import threading
from pathlib import Path

from service.storage.turnstile import Turnstile


def wait_until_locked(path: Path) -> None:
    while True:
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return


def test_one_at_a_time(tmp_path: Path):
    mine, other = Turnstile(tmp_path / "db"), Turnstile(tmp_path / "db")
    assert mine.enter_now()
    assert not other.enter_now()
    mine.leave()
    assert other.enter_now()
    other.leave()
    mine.close()
    other.close()


def test_who_waits_is_not_passed_by_who_just_left(tmp_path: Path):
    mine, other = Turnstile(tmp_path / "db"), Turnstile(tmp_path / "db")
    assert mine.enter_now()
    turns: list[str] = []
    inside = threading.Event()

    def wait() -> None:
        other.enter()
        turns.append("other")
        inside.set()
        other.leave()

    waiting = threading.Thread(target=wait)
    waiting.start()
    wait_until_locked(tmp_path / "db-gate")
    mine.leave()
    mine.enter()
    turns.append("mine")
    mine.leave()
    inside.wait()
    waiting.join()
    assert turns[0] == "other"
    for turnstile in (mine, other):
        turnstile.close()


def test_a_closed_turnstile_lets_others_in(tmp_path: Path):
    """What the kernel does for a process that dies."""
    mine, other = Turnstile(tmp_path / "db"), Turnstile(tmp_path / "db")
    assert mine.enter_now()
    mine.close()
    assert other.enter_now()
    other.close()
