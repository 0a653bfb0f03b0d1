"""The machine and the versions that a figure depends on besides the code.

Source: docs/performance.md
"""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

from tests.postgres import programs

GIBIBYTE = 1024**3
LIBRARIES = ("uvicorn", "uvloop", "litestar", "msgspec", "asyncpg")


def described(database: str | None) -> dict[str, str]:
    """Return what a reader needs to know to repeat a figure; no name of the machine."""
    found = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processors": _processors(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / GIBIBYTE:.0f} GiB",
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "Python": platform.python_version(),
    }
    if database == "sqlite":
        found["SQLite"] = sqlite3.sqlite_version
    if database == "postgresql":
        done = subprocess.run(  # noqa: S603 - found by ourselves
            [str(programs() / "postgres"), "--version"], capture_output=True, text=True, check=True
        )
        found["PostgreSQL"] = done.stdout.split()[2]
    return found | {name: version(name) for name in LIBRARIES}


def _processors() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    megahertz = re.search(r"^cpu MHz\s*: ([0-9.]+)$", text, re.MULTILINE)
    speed = f" at {float(megahertz[1]) / 1000:.1f} GHz" if megahertz else ""
    return f"{os.cpu_count()}{speed}"
