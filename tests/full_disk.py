"""A disk that is really full: a file system of a few megabytes in memory.

Source: https://man7.org/linux/man-pages/man5/tmpfs.5.html
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.lifeline import lifeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def mounted(folder: Path, kibibytes: int) -> Iterator[bool]:
    """Yield whether the folder has a file system of that size in it; else it is a folder like any other."""
    folder.mkdir(parents=True, exist_ok=True)
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    options = f"size={kibibytes}k,mode=0700"
    command = [str(mount), "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not (mount and unmount) or subprocess.run(command, capture_output=True, check=False).returncode:
        yield False
        return
    try:
        with lifeline('umount -l "$1"', str(folder)):
            yield True
    finally:
        subprocess.run([unmount, "-l", str(folder)], check=True)


@contextlib.contextmanager
def small_disk(folder: Path, kibibytes: int) -> Iterator[Path]:
    """Yield the folder with a file system of that size in it; skip where none may be mounted."""
    with mounted(folder, kibibytes) as small:
        if not small:
            pytest.skip("no file system can be mounted here: that wants root")
        yield folder
