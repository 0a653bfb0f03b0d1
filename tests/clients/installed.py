"""The real clients, in an environment of their own beside ours: none of what they need meets what we need.

It is made once and kept for as long as its lock file stays the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

LOCK = Path(__file__).with_name("requirements.lock")
PLACE = Path(sys.prefix) / "clients"
PATIENCE = 240  # seconds for all of it to come


class ClientsAbsent(Exception):  # noqa: N818 - what they are
    """They cannot be installed here; the message says why."""


def clients() -> Path:
    """The folder of the clients' programs, installed if they are not yet."""
    wanted = f"{sys.version}\n{hashlib.sha256(LOCK.read_bytes()).hexdigest()}\n"
    note = PLACE / "installed"
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    with PLACE.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # several test processes may come at once
        if not note.exists() or note.read_text() != wanted:
            _install()
            note.write_text(wanted)
    return PLACE / "bin"


def _install() -> None:
    venv.create(PLACE, clear=True, with_pip=True)
    command = [PLACE / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        done = subprocess.run(
            [*command, "--require-hashes", "-r", LOCK],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ClientsAbsent(f"they did not come within {PATIENCE} s") from None
    if done.returncode:
        raise ClientsAbsent(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pip failed")
