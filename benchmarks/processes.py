"""What the server's processes use: memory and processor time, as Linux tells it.

Source: proc(5): /proc/net/tcp, /proc/PID/stat, /proc/PID/status, /proc/PID/smaps_rollup
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
LISTENING = "0A"
TICKS = os.sysconf("SC_CLK_TCK")
KILOBYTE = 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """One process. Units: bytes; seconds of processor time since it began.

    `resident` counts pages shared with other processes in full, `own` in part (the sum of `own` over
    processes is what they take together).
    """

    pid: int
    command: str
    resident: int
    peak: int
    own: int
    cpu: float


def listeners(port: int) -> list[int]:
    """Return the processes that hold the socket listening on the port, and their descendants."""
    sockets = _listening_sockets(port)
    return family([pid for pid in _pids() if _sockets(pid) & sockets])


def family(pids: list[int]) -> list[int]:
    """Return the processes and all their descendants, each once, in ascending order."""
    parents = {pid: _parent(pid) for pid in _pids()}
    found = {pid for pid in pids if pid in parents}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return sorted(found)
        found |= more


def usages(pids: list[int]) -> list[Usage]:
    """Return what each process uses now; those that have ended are left out."""
    found = []
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError, KeyError):
            found.append(_usage(pid))
    return found


def alive(pid: int) -> bool:
    """Return whether the process still holds anything: a zombie does not."""
    try:
        return _stat(pid)[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _usage(pid: int) -> Usage:
    status = _fields(PROC / str(pid) / "status")
    own = _fields(PROC / str(pid) / "smaps_rollup")["Pss"]
    after_name = _stat(pid)
    # Fields 14 and 15 of stat, user and system time; the name and what stands before it are cut off.
    ticks = int(after_name[11]) + int(after_name[12])
    command = (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return Usage(
        pid=pid,
        command=command.strip(),
        resident=_kilobytes(status["VmRSS"]),
        peak=_kilobytes(status["VmHWM"]),
        own=_kilobytes(own),
        cpu=ticks / TICKS,
    )


def _fields(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _kilobytes(value: str) -> int:
    return int(value.split(maxsplit=1)[0]) * KILOBYTE


def _stat(pid: int) -> list[str]:
    # The name stands in brackets and may itself hold brackets and spaces.
    text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    return text[text.rindex(")") + 1 :].split()


def _parent(pid: int) -> int:
    try:
        return int(_stat(pid)[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _pids() -> list[int]:
    return [int(path.name) for path in PROC.iterdir() if path.name.isdigit()]


def _listening_sockets(port: int) -> set[str]:
    wanted = f":{port:04X}"
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):
            for line in (PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
                parts = line.split()
                if parts[3] == LISTENING and parts[1].endswith(wanted):
                    inodes.add(parts[9])
    return inodes


def _sockets(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(FileNotFoundError, PermissionError, ProcessLookupError):
        for link in (PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                name = str(link.readlink())
                if name.startswith("socket:["):
                    found.add(name[8:-1])
    return found
