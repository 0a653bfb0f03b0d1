"""Every profile and extension of the official package: our snapshot beside the one that it came with.

Source: hl7.fhir.r4.core 4.0.1
"""

from __future__ import annotations

import pytest

from service.fhir.guide import Guide
from service.fhir.profiles.faults import SnapshotError
from service.fhir.profiles.snapshots import Structures, snapshot
from service.fhir.validation.validator import Validator
from tests.fhir.profiles.conftest import R4, compared

TYPED_NAME = (
    "The package reads `valueQuantity` as R3 did: as the only type, with closed slices. R4 has it say nothing of other "
    "types (FHIR-12259), and HL7's generator has followed that since."
)
NO_SLICING = (
    "The differential names slices of elements that nothing slices; the package's snapshot is no use either."
)
XML_TYPES = "The package's snapshot has types without code, which no R4 resource may have."
SPELLED_OUT = "The package spells out the children of extensions that the differential does not walk into."
ANY_TARGET = "Any resource is told as the target Resource, as elsewhere in R4 (see test_types_of_r4)."
DEFINED_ONCE = "The extension's definition permits one, and the package forgot it where it stands."
SLICE_NAMED = "The package's contentReference leads to a slice of what the base names."

EXPLAINED = {
    **dict.fromkeys(
        [
            "bmi", "bodyheight", "bodytemp", "bodyweight", "bp", "cdshooksguidanceresponse", "cholesterol",
            "devicemetricobservation", "hdlcholesterol", "headcircum", "heartrate", "ldlcholesterol", "oxygensat",
            "resprate", "triglyceride",
        ],
        TYPED_NAME,
    ),
    "catalog": NO_SLICING,
    "familymemberhistory-genetic": NO_SLICING,
    "structuredefinition-json-type": XML_TYPES,
    "structuredefinition-rdf-type": XML_TYPES,
    "structuredefinition-xml-type": XML_TYPES,
    "elementdefinition-de": SPELLED_OUT,
    "groupdefinition": ANY_TARGET,
    "actualgroup": ANY_TARGET,
    "clinicaldocument": DEFINED_ONCE,
    "provenance-relevant-history": SLICE_NAMED,
}  # fmt: skip


@pytest.fixture(scope="module")
def profiles(official):
    """Those of the package that have a differential and a snapshot; two examples in it have none."""
    return [
        each for each in official.values() if each.get("derivation") == "constraint" and "snapshot" in each
    ]


@pytest.fixture(scope="module")
def ours(registry, profiles):
    bare = [{name: value for name, value in each.items() if name != "snapshot"} for each in profiles]
    return Structures(registry, Guide(bare))


def same(ours, theirs):
    """Whether both have the same elements in the same order, and each says the same."""
    return [(each["id"], compared(each)) for each in ours] == [
        (each["id"], compared(each)) for each in theirs
    ]


def made(structures, url):
    try:
        return structures.find(url)["snapshot"]["element"]
    except SnapshotError:
        return []


def test_all_are_the_same_but_those_explained(ours, profiles):
    others = {
        each["id"] for each in profiles if not same(made(ours, each["url"]), each["snapshot"]["element"])
    }
    assert others == set(EXPLAINED)
    assert (len(profiles), len(profiles) - len(others)) == (442, 417)


def test_the_typed_names_alone_are_what_the_vital_signs_differ_in(ours, profiles):
    for each in profiles:
        if EXPLAINED.get(each["id"]) != TYPED_NAME or each["id"] == "bp":  # bp has them in slices as well
            continue
        theirs = {element["id"]: compared(element) for element in each["snapshot"]["element"]}
        mine = {element["id"]: compared(element) for element in ours.find(each["url"])["snapshot"]["element"]}
        assert list(mine) == list(theirs)
        different = {
            (id_, name) for id_ in mine for name in mine[id_] if mine[id_][name] != theirs[id_][name]
        }
        assert {name for _, name in different} == {"types", "slicing"}
        assert all(id_.endswith("[x]") for id_, _ in different)


def test_over_the_official_bases_prose_is_inherited_as_well(official, profiles):
    """Except where the package made links absolute, and where it took a shorter text for its own extensions."""
    names = (
        "short",
        "definition",
        "comment",
        "requirements",
        "mustSupport",
        "isModifierReason",
        "meaningWhenMissing",
    )
    for id_ in ("vitalsigns", "shareablevalueset", "picoelement", "hlaresult", "lipidprofile"):
        each = official[R4 + id_]
        mine = {element["id"]: element for element in snapshot(each, official.get)}
        for element in each["snapshot"]["element"]:
            if "http://hl7.org/fhir/" in str([element.get(name) for name in names]):
                continue
            if element["path"].endswith(("xtension", ".id")) or "." not in element["path"]:
                continue
            assert {name: mine[element["id"]].get(name) for name in names} == {
                name: element.get(name) for name in names
            }, (id_, element["id"])


def test_what_is_made_is_a_sound_resource(registry, ours, profiles):
    validator = Validator(registry)
    faults = {
        issue.text
        for each in profiles
        if EXPLAINED.get(each["id"]) != NO_SLICING
        for issue in validator.check(ours.find(each["url"]))
        if issue.is_fault
    }
    assert faults == set()
