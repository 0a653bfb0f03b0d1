"""How a process that works at jobs gives way to those that answer requests on the same machine.

A lower priority alone is not enough: Linux since 6.6 lets whoever runs go on for some milliseconds before one that
wakes gets the processor, whatever their priorities are. It does so at once only where the one that wakes asks for
shorter slices of time than the one that runs. So what works at jobs asks for the longest.

Source: https://docs.kernel.org/scheduler/sched-eevdf.html,
https://man7.org/linux/man-pages/man2/sched_setattr.2.html, https://man7.org/linux/man-pages/man2/nice.2.html
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from typing import Final

NICENESS: Final = 10
"""How much less than a process that answers requests one that works at jobs gets, where both want the processor."""
SLICE: Final = 100_000_000
"""Units: nanoseconds that it asks for at a time: the most that Linux grants, and far above the 3 ms of all others."""
SWITCH: Final = 0.0005
"""Units: seconds after which a thread that wants the interpreter gets it. Whoever writes to an SQLite file holds its
one lock while it waits for that, with Python's own 5 ms some ten times over; and so long everybody's writes wait."""

# The number of the system call: the C library has had a name for it only since glibc 2.41.
_CALLS: Final = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
# size, policy, flags, nice, priority, runtime, deadline, period: `struct sched_attr` as it was at first.
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")


def give_way() -> bool:
    """Gives way from now on, with all threads that are started from now on; whether long slices were granted.

    They are not where Linux is older than 6.12, which passes over the wish, or where it refuses the call.
    """
    niceness = os.nice(NICENESS)
    return _ask_for(SLICE, niceness)


def share_the_interpreter() -> None:
    """Lets threads take turns so quickly that none which holds a lock of the database is kept waiting for long."""
    sys.setswitchinterval(SWITCH)


def slice_of(thread: int = 0) -> int:
    """The nanoseconds that a thread gets at a time; 0 where that cannot be told. 0 is the thread that asks."""
    found = ctypes.create_string_buffer(_ATTRIBUTES.size)
    number = _CALLS.get(platform.machine())
    # Reading has the number after that of writing, wherever there are both.
    if number is None or ctypes.CDLL(None).syscall(number + 1, thread, found, _ATTRIBUTES.size, 0) != 0:
        return 0
    runtime: int = _ATTRIBUTES.unpack(found.raw)[5]
    return runtime


def _ask_for(nanoseconds: int, niceness: int) -> bool:
    number = _CALLS.get(platform.machine())
    if number is None:
        return False
    wish = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, 0, niceness, 0, nanoseconds, 0, 0)
    granted: bool = ctypes.CDLL(None).syscall(number, 0, wish, 0) == 0
    return granted and slice_of() == nanoseconds
