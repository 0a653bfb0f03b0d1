"""Whether this machine can compile what a wheel may have compiled."""

from __future__ import annotations

import importlib.util
import shutil
import sysconfig
from pathlib import Path

import pytest


def lacking() -> str:
    """What it lacks for that; empty where it lacks nothing."""
    if shutil.which("cc") is None:
        return "there is no C compiler"
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        return "Python's headers are not installed"
    return "" if importlib.util.find_spec("setuptools") else "setuptools is not installed"


compiles = pytest.mark.skipif(bool(lacking()), reason=lacking() or "nothing is lacking")
