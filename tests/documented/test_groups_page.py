"""docs/groups.md, run as it stands against a fresh sandbox."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.fhir import artefacts
from tests.documented.test_readme import ADDRESS, pattern
from tests.rest.serving import ROOT, serving

PAGE = (ROOT / "docs" / "groups.md").read_text()


@pytest.mark.slow
def test_the_page_works_as_it_stands(tmp_path: Path):
    [script] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    [printed] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    url = f"sqlite:///{tmp_path / 'thrive.db'}"
    settings = {"JOB_WORKERS": "1", "FILES_URL": str(tmp_path / "files")}
    with serving(tmp_path, url, "--sandbox", **settings) as server:
        asked = script.replace(ADDRESS, server.url).replace("Bearer …", "Bearer x")
        done = subprocess.run(
            [sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(pattern(printed), done.stdout, re.DOTALL), done.stdout
    everybody, found = map(int, re.findall(r"\d+", done.stdout.splitlines()[0])[1:])
    assert 0 < found < everybody


def test_its_number_of_filters_is_that_of_the_profile():
    path = artefacts.shipped() / "StructureDefinition" / "thrive-cohort.json"
    elements = json.loads(path.read_text())["differential"]["element"]
    [slice_] = [one for one in elements if one["id"] == "Group.modifierExtension:memberFilter"]
    assert f"Up to {slice_['max']} filters" in PAGE
