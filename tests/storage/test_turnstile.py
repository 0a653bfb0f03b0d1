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


def test_who_is_quick_waits_for_one_of_those_who_take_long(tmp_path: Path):
    mine, others, quick = (Turnstile(tmp_path / "db") for _ in range(3))
    mine.enter(long=True)
    turns: list[str] = []

    def wait(turnstile: Turnstile, name: str, *, long: bool) -> None:
        turnstile.enter(long=long)
        turns.append(name)
        turnstile.leave()

    long_one = threading.Thread(target=wait, args=(others, "long"), kwargs={"long": True})
    long_one.start()
    long_one.join(0.2)  # it waits before the gate, which it would have reached by now
    assert long_one.is_alive()
    with (tmp_path / "db-gate").open() as gate:
        fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
    quick_one = threading.Thread(target=wait, args=(quick, "quick"), kwargs={"long": False})
    quick_one.start()
    wait_until_locked(tmp_path / "db-gate")
    mine.leave()
    for thread in (long_one, quick_one):
        thread.join()
    assert turns == ["quick", "long"]
    for turnstile in (mine, others, quick):
        turnstile.close()


def test_who_took_long_may_be_quick_the_next_time(tmp_path: Path):
    mine, other = Turnstile(tmp_path / "db"), Turnstile(tmp_path / "db")
    mine.enter(long=True)
    mine.leave()
    assert mine.enter_now()
    mine.leave()
    other.enter(long=True)
    other.leave()
    for turnstile in (mine, other):
        turnstile.close()


def test_a_closed_turnstile_lets_others_in(tmp_path: Path):
    """What the kernel does for a process that dies."""
    mine, other = Turnstile(tmp_path / "db"), Turnstile(tmp_path / "db")
    assert mine.enter_now()
    mine.close()
    assert other.enter_now()
    other.close()
