"""A fair lock between processes on one machine, by three lock files.

SQLite's own lock is waited for by sleeping and trying again, which lets one process
starve another for a second and more (shared/tech.md, section 5). Here a waiter stands
in the gate while it waits for the lock, so that whoever just let go cannot pass it.
The kernel frees all of them when a process dies.

Source: ADR 0010
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Turnstile:
    """A lock held by one process (and within it by one holder of this object) at a time.

    Of those who hold it for `long` one at a time comes to the gate, and all others of them wait before: whoever
    is quick waits for one of them, and not for as many as there are.
    """

    def __init__(self, beside: Path) -> None:
        """Makes the lock files beside the given file."""
        self._queue = _opened(beside.with_name(beside.name + "-queue"))
        self._gate = _opened(beside.with_name(beside.name + "-gate"))
        self._lock = _opened(beside.with_name(beside.name + "-lock"))
        self._is_long = False

    def enter_now(self) -> bool:
        """Takes the lock, not for long, if nobody has it or waits for it; whether it did."""
        try:
            fcntl.flock(self._gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    def enter(self, *, long: bool = False) -> None:
        """Takes the lock, waiting for its turn; blocks the thread."""
        if long:
            fcntl.flock(self._queue, fcntl.LOCK_EX)
            self._is_long = True
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)

    def leave(self) -> None:
        """Gives the lock back."""
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        if self._is_long:
            self._is_long = False
            fcntl.flock(self._queue, fcntl.LOCK_UN)

    def close(self) -> None:
        """Closes the lock files."""
        os.close(self._queue)
        os.close(self._gate)
        os.close(self._lock)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
