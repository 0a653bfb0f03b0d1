"""A process that has loaded the program and forks one that runs it, as often as it is asked.

To load takes most of what a start costs, and is the same each time. What runs is as if started anew: arguments,
environment, output, signals and exit code are its own. Starts from nothing are in tests/test_cli.py and in
benchmarks/servers.py.

Source: https://docs.python.org/3/library/os.html#os.fork, https://docs.python.org/3/library/socket.html#socket.send_fds
"""

from __future__ import annotations

import array
import atexit
import gc
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRAM = "python -m service.cli"
LENGTH = struct.Struct("!I")
OUTPUTS = 2  # standard output and standard error
GLANCE = 0.005  # seconds between looks whether one has ended


class Forked:
    """A process that runs the program; like subprocess.Popen, as far as tests ask."""

    def __init__(self, source: Preloaded, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._source = source

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        if self.returncode is None:
            self.returncode = self._source.asked({"ended": self.pid})["code"]
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit code, once it has ended. Raises subprocess.TimeoutExpired; seconds."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(PROGRAM, timeout)
            time.sleep(GLANCE)
        return code

    def send_signal(self, number: int) -> None:
        """Sends the signal; nothing where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends it at once."""
        self.send_signal(signal.SIGKILL)


class Preloaded:
    """The process that forks, and the line to it."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.rest.preloaded", str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._lock = threading.Lock()
        atexit.register(self.close)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], out: int, error: int) -> Forked:
        """Runs the program with what it says going to the two file descriptors."""
        asked = {"run": list(arguments), "environment": dict(environment)}
        return Forked(self, self.asked(asked, (out, error))["pid"])

    def asked(self, question: dict[str, Any], files: tuple[int, ...] = ()) -> dict[str, Any]:
        """What the process answers."""
        with self._lock:
            _send(self._ours, question, files)
            answer, _ = _receive(self._ours)
        if answer is None:
            raise RuntimeError("the process that starts others has ended")
        return answer

    def close(self) -> None:
        """Ends the process that forks; those that it forked go on."""
        self._ours.close()
        self._process.wait()


@cache
def preloaded() -> Preloaded:
    """The one of this session."""
    return Preloaded()


def _send(line: socket.socket, message: dict[str, Any], files: tuple[int, ...] = ()) -> None:
    body = json.dumps(message).encode()
    handed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
    line.sendmsg([LENGTH.pack(len(body))], handed)
    line.sendall(body)


def _receive(line: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    head, files, _, _ = socket.recv_fds(line, LENGTH.size, OUTPUTS)
    if not head:
        return None, []
    (length,) = LENGTH.unpack(head)
    body = b""
    while len(body) < length:
        body += line.recv(length - len(body))
    return json.loads(body), files


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _become(asked: dict[str, Any], files: list[int]) -> None:
    """Makes this process one that was started with this environment and these outputs."""
    os.environ.clear()  # noqa: TID251 - it is this process's own
    os.environ.update(asked["environment"])  # noqa: TID251 - as above
    time.tzset()
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
        os.close(file)
    sys.argv = [str(ROOT / "service" / "cli.py"), *asked["run"]]


def main() -> None:
    """Forks until the line is closed."""
    line = socket.socket(fileno=int(sys.argv[1]))
    line.set_inheritable(False)
    from service import cli

    gc.collect()
    gc.freeze()
    while True:
        try:
            asked, files = _receive(line)
        except KeyboardInterrupt:  # at the terminal, where all processes are told
            return
        if asked is None:
            return
        if "ended" in asked:
            _send(line, {"code": _ended(asked["ended"])})
            continue
        pid = os.fork()
        if pid == 0:
            break
        for file in files:
            os.close(file)
        _send(line, {"pid": pid})
    line.close()
    _become(asked, files)
    gc.unfreeze()
    cli.main(prog_name=PROGRAM)


if __name__ == "__main__":
    main()
