from __future__ import annotations

import json
import tarfile

import pytest

from service.outcomes import purposes
from tests.conftest import SHARED


def test_treatment_has_emergencies_in_it_and_not_the_other_way_round():
    assert "ETREAT" in purposes.under("TREAT")
    assert "TREAT" not in purposes.under("ETREAT")
    assert purposes.under("HTEST") == ("HTEST",)


def test_the_kinds_of_a_purpose_are_those_of_r4():
    path = SHARED / "data" / "hl7.fhir.r4.core-4.0.1.tgz"
    if not path.exists():
        pytest.skip("R4's core package is not beside this checkout (../shared/data)")
    with tarfile.open(path) as package:
        system = json.load(package.extractfile("package/CodeSystem-v3-ActReason.json"))
    kinds = {code: below for concept in system["concept"] for code, below in _kinds(concept).items()}
    for purpose in kinds["PurposeOfUse"]:
        assert set(purposes.under(purpose)) == {purpose} | kinds[purpose]


def _kinds(concept):
    found = {}
    below = set()
    for child in concept.get("concept", []):
        found |= _kinds(child)
        below |= {child["code"]} | found[child["code"]]
    return {**found, concept["code"]: below}
