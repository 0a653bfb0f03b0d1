"""docs/bulk.md, run as it stands against a fresh sandbox."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.bulk.manifest import FIRST_PAGES, LATER_PAGES
from service.operations.export_asked import INPUTS
from service.rest.jobs import LONGEST_WAIT
from service.settings import Settings
from tests.documented.scripts import works
from tests.rest.serving import ROOT

PAGE = (ROOT / "docs" / "bulk.md").read_text()
OF_EXPORT = (ROOT / "docs" / "operations" / "export.md").read_text()


@pytest.mark.slow
def test_the_page_works_as_it_stands(tmp_path: Path):
    works(PAGE, tmp_path)
    fetched = sorted(tmp_path.glob("*.ndjson"))
    assert len(fetched) >= 2
    for path in fetched:
        assert f'"resourceType":"{path.suffixes[-2][1:]}"' in path.read_text()


def test_its_numbers_are_those_of_the_program():
    pages = ", ".join(map(str, FIRST_PAGES))
    assert f"Pages of {pages} and then {LATER_PAGES:,} files" in PAGE
    assert f"`Retry-After` in seconds, 1 to {LONGEST_WAIT}" in PAGE
    assert f"They are kept for {Settings().job_hours} hours" in PAGE
    assert "A client has at most eight under way" in PAGE
    assert Settings().jobs_per_client == 8


def test_every_parameter_has_its_row():
    named = set(re.findall(r"^\| `(\w+)` \| ", OF_EXPORT, re.MULTILINE))
    assert named == {each.name for each in INPUTS}
