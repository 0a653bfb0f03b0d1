"""What docs/sandbox.md says about the cohort of `make run` is so."""

from __future__ import annotations

import re
from pathlib import Path

from service.sandbox.cohort import cohort

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()


def test_every_id_on_the_page_is_in_the_cohort():
    ids = {resource["id"] for batch in cohort(100, 1) for resource in batch}
    named = set(re.findall(r"`(?:[A-Z]\w+/)?((?:yp-1-\d+|area-1-[a-z]|review-)[\w-]*)`", PAGE))
    assert len(named) > 15
    assert named <= ids


def test_every_extension_of_ours_in_the_cohort_is_on_the_page():
    text = str(list(cohort(100, 1)))
    ours = set(
        re.findall(
            r"https://thrive-fhir\.example/StructureDefinition/((?:goal|plan|attendance|consultation)-\w[\w-]*)'",
            text,
        )
    )
    assert len(ours) > 8
    assert {name for name in ours if f"`{name}`" not in PAGE} == set()
