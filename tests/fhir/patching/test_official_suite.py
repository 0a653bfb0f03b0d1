"""The official FHIRPath Patch and JSON Patch tests, run as data.

Source: https://github.com/FHIR/fhir-test-cases (r5/patch)
"""

from __future__ import annotations

import copy
from xml.etree import ElementTree as ET

import pytest

from service.fhir import codec
from service.fhir.patching import fhirpath_patch, json_patch
from service.fhir.problems import Invalid
from service.fhir.registry import Registry
from tests.conftest import SHARED
from tests.fhir.patching.xml_resources import resource

SUITE = SHARED / "suites" / "fhir-patch"

if not SUITE.exists():
    pytest.skip("the official patch tests are not in ../shared/suites", allow_module_level=True)

PATH_CASES = list(ET.parse(SUITE / "fhir-patch-tests.xml").getroot())
JSON_CASES = codec.decode(b'{"cases":' + (SUITE / "json-patch-tests.json").read_bytes() + b"}")["cases"]


def squeezed(document: dict) -> dict:
    """The document without the white space of its narrative, which XML and JSON write differently."""
    if "div" in document.get("text", {}):
        div = " ".join(document["text"]["div"].replace("html:", "").replace(":html", "").split()).replace(
            "> <", "><"
        )
        document = {**document, "text": {**document["text"], "div": div}}
    return document


@pytest.mark.parametrize("case", PATH_CASES, ids=lambda case: case.attrib["name"])
def test_fhirpath_patch(case: ET.Element, registry: Registry):
    before, patch = (resource(case.find(name)[0], registry) for name in ("input", "diff"))
    untouched = copy.deepcopy(before)
    if case.find("error") is not None:
        with pytest.raises(Invalid):
            fhirpath_patch.apply(before, patch, registry)
    else:
        after = resource(case.find("output")[0], registry)
        assert squeezed(fhirpath_patch.apply(before, patch, registry)) == squeezed(after)
    assert before == untouched


@pytest.mark.parametrize("case", JSON_CASES, ids=lambda case: case["comment"])
def test_json_patch(case: dict):
    untouched = copy.deepcopy(case["doc"])
    if "error" in case:
        with pytest.raises(Invalid):
            json_patch.apply(case["doc"], case["patch"])
    else:
        assert json_patch.apply(case["doc"], case["patch"]) == case["expected"]
    assert case["doc"] == untouched
