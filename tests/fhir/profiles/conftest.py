"""Small profiles over R4's types, the official package, and what is compared of two snapshots."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import pytest

from service.fhir import codec
from service.fhir.guide import Guide
from service.fhir.profiles.snapshots import Structures
from tests.conftest import SHARED

R4 = "http://hl7.org/fhir/StructureDefinition/"
OURS = "http://example.org/StructureDefinition/"
PACKAGE = SHARED / "data" / "hl7.fhir.r4.core-4.0.1.tgz"
UK_CORE = SHARED / "suites" / "ukcore" / "json"

VALUED = ("fixed", "pattern", "minValue", "maxValue", "maxLength")


def element(id_, **stated):
    """An element of a differential, by its id."""
    slice_ = id_.rpartition(".")[2].partition(":")[2]
    named = {"sliceName": slice_} if slice_ else {}
    return {"id": id_, "path": re.sub(r":[^.]+", "", id_), **named, **stated}


def profile(type_, *elements, id_="profile", base=None, **stated):
    """A profile of a type that says the elements, at `OURS` and its id."""
    return {
        "resourceType": "StructureDefinition",
        "id": id_,
        "url": f"{OURS}{id_}",
        "name": "Profile",
        "kind": "resource",
        "type": type_,
        "baseDefinition": base or f"{R4}{type_}",
        "derivation": "constraint",
        "differential": {"element": list(elements)},
        **stated,
    }


def compared(element):
    """What two snapshots must agree in, of one element."""
    slicing = element.get("slicing")
    return {
        "path": element["path"],
        "min": element["min"],
        "max": element["max"],
        "base": element["base"],
        "types": [
            (type_.get("code"), type_.get("profile", []), type_.get("targetProfile", []))
            for type_ in element.get("type", [])
        ],
        "contentReference": element.get("contentReference", "").rpartition("#")[2],  # absolute in ours
        "rules": {rule["key"] for rule in element.get("constraint", [])},
        # A binding without value set binds to nothing; the registry does not keep it.
        "binding": {
            key: element["binding"][key]
            for key in ("strength", "valueSet")
            if "valueSet" in element["binding"]
        }
        if "binding" in element
        else {},
        "values": {key: value for key, value in element.items() if key.startswith(VALUED)},
        "mustSupport": element.get("mustSupport", False),
        "isModifier": element.get("isModifier", False),
        "slicing": slicing
        and (slicing.get("discriminator", []), slicing["rules"], slicing.get("ordered", False)),
    }


@pytest.fixture
def made(registry):
    """The elements, by id, of the last profile's snapshot, the others being there for it."""

    def make(*profiles):
        found = Structures(registry, Guide(profiles)).find(profiles[-1]["url"])
        return {one["id"]: one for one in found["snapshot"]["element"]}

    return make


@pytest.fixture(scope="session")
def official():
    """The StructureDefinitions of the official package by address."""
    if not PACKAGE.exists():
        pytest.skip("the official package is not in ../shared/data")
    found = {}
    with tarfile.open(PACKAGE) as archive:
        for member in archive:
            name = Path(member.name).name
            if name.startswith("StructureDefinition-"):
                structure = codec.decode(archive.extractfile(member).read())
                found[structure["url"]] = structure
    return found


@pytest.fixture(scope="session")
def uk_core():
    """The StructureDefinitions of UK Core; they have no snapshots."""
    if not UK_CORE.is_dir():
        pytest.skip("UK Core is not in ../shared/suites")
    every = [codec.decode(path.read_bytes()) for path in sorted(UK_CORE.glob("*.json"))]
    return [one for one in every if one["resourceType"] == "StructureDefinition"]
