"""A page's script, run as it stands against a fresh sandbox that carries out jobs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.documented.test_readme import ADDRESS, pattern
from tests.rest.serving import serving


def works(page: str, folder: Path) -> str:
    """What the one Python script of the page prints, run in the folder; it is what the page says that it prints."""
    [script] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    [printed] = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    url = f"sqlite:///{folder / 'thrive.db'}"
    settings = {"JOB_WORKERS": "1", "FILES_URL": str(folder / "files")}
    with serving(folder, url, "--sandbox", **settings) as server:
        asked = script.replace(ADDRESS, server.url).replace("Bearer …", "Bearer x")
        done = subprocess.run(
            [sys.executable, "-c", asked], cwd=folder, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(pattern(printed), done.stdout, re.DOTALL), done.stdout
    return done.stdout
