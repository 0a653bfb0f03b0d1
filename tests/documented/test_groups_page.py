"""docs/groups.md, run as it stands against a fresh sandbox."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from service.fhir import artefacts
from tests.documented.scripts import works
from tests.rest.serving import ROOT

PAGE = (ROOT / "docs" / "groups.md").read_text()


@pytest.mark.slow
def test_the_page_works_as_it_stands(tmp_path: Path):
    told = works(PAGE, tmp_path)
    everybody, found = map(int, re.findall(r"\d+", told.splitlines()[0])[1:])
    assert 0 < found < everybody


def test_its_number_of_filters_is_that_of_the_profile():
    path = artefacts.shipped() / "StructureDefinition" / "thrive-cohort.json"
    elements = json.loads(path.read_text())["differential"]["element"]
    [slice_] = [one for one in elements if one["id"] == "Group.modifierExtension:memberFilter"]
    assert f"Up to {slice_['max']} filters" in PAGE
