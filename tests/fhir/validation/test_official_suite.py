"""The official validator's R4 cases, run as data: agreement on fault or none; every miss has its reason.

A case's verdict is that of validation without the profile that stands beside it, so none is
asked for here; artefacts brought along are in the guide, and hold where a resource claims them.

Source: https://github.com/FHIR/fhir-test-cases (validator)
"""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from service.fhir import codec
from service.fhir.conformance.invariants import Uncompilable
from service.fhir.guide import Guide
from service.fhir.problems import Malformed
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator
from tests.conftest import SHARED
from tests.fhir.patching.xml_resources import resource as from_xml

SUITE = SHARED / "suites" / "validator-r4"

if not SUITE.exists():
    pytest.skip("the official validator's cases are not in ../shared/suites", allow_module_level=True)

CASES = {case["name"]: case for case in json.loads((SUITE / "cases.json").read_text(encoding="utf-8"))}

DISPLAY = (
    "the fault is a display that is not the code's; displays are for reading and not held to anything here"
)
UNHELD = "the fault is a code of a system that is not held here (SNOMED CT, UCUM, HL7's own code systems)"
UNKNOWN_EXTENSION = (
    "the fault is an extension of others whose definition was not given; those are let pass here"
)
DEFINITIONS = (
    "the fault is in a definition by the rules for authors of definitions, which are not checked here"
)
ELSEWHERE = "the fault lies in how resources refer to each other, which is the store's to know"
LINKS = "the fault is a link within narrative that leads nowhere"
SEARCHSET = "the fault is in how a server's search answers are put together; clients send none"

MISSES = {
    # faults that are not looked for here
    "allergy": "a code with nothing but data-absent-reason, which R4 lets stand for a value",
    "attachment-with-wrong-size": "the size that an attachment states is not held to its data",
    "dr-example-org": "addresses at example.org are refused there in whatever is no example",
    "bad-markdown-no-html": "the validator fears HTML in any markdown; text is escaped where it is shown",
    "pat-security-bad-string": "the validator fears HTML in any string; text is escaped where it is shown",
    "encounter-period": "per-1 compares a date with a time, which gives nothing; there nothing counts as broken",
    "quantity-qr": "units written alike are compared here; the validator wants codes",
    "obs-vs-1": "R4's own profiles of vital signs are no part of the guide unless they are added",
    "PulseOxBundle_25Oct2022": DISPLAY,
    "mr-covid-m2": DISPLAY,
    "mr-covid-m5": "a system that is the address of a value set",
    "mr-covid-bnd1": "a system that is the address of a value set",
    "bundle-duplicate-ids-not": DISPLAY,
    "cvx": DISPLAY,
    "choice-async-qr": DISPLAY,
    "open-choice-gender-coding-async-qr": DISPLAY,
    "fixed-quantity-binding-observation": UNHELD,
    "supplement-1": UNHELD,
    "cm": UNHELD,
    "obs-temp-code2": UNHELD,
    "contract-binding-test": UNHELD,
    "target-ref-profile-empty": UNKNOWN_EXTENSION,
    "patient-with-turvakielto": UNKNOWN_EXTENSION,
    "nested-questionnaire-nested-valueset": UNKNOWN_EXTENSION,
    "capstmt": DEFINITIONS,
    "sp-diff-type": DEFINITIONS,
    "sp-diff-base": DEFINITIONS,
    "StructureDefinition-Slice23": DEFINITIONS,
    "cs-bad-props": DEFINITIONS,
    "vs-canonical-bad-2": DEFINITIONS,
    "vs-canonical-urn": DEFINITIONS,
    "vs-filter-property-bad": DEFINITIONS,
    "vs-filter-property-bad2": DEFINITIONS,
    "vs-params-2": DEFINITIONS,
    "vs-params-3": DEFINITIONS,
    "vs-params-4": DEFINITIONS,
    "parameters-reference-bad": ELSEWHERE,
    "ips-htmlrefs-backwards": LINKS,
    "ab-list-slicing": LINKS,
    "bundle-id-2": SEARCHSET,
    "bundle-id-4": SEARCHSET,
    "patient-ig-bad": "the profile is asked for by an implementation guide's settings, not by the resource",
    # faults found here that are none there
    "contained-resource-bad-id-ignore": "the validator was told to let it pass",
    "choice-invalid-type-qr": "R4's choice is answered with a Coding; the validator looks at types only where there are options",
    # definitions that cannot be compiled
    "bundle-enrl": "the profile slices a CodeableConcept by an element that it does not have, which is refused at start",
}  # fmt: skip


@pytest.fixture(scope="module")
def has_fault(registry):
    def artefacts(name):
        path = SUITE / name
        if path.suffix == ".xml":
            return [from_xml(ET.parse(path).getroot(), registry)]
        read = codec.decode(path.read_bytes())
        entries = read.get("entry", []) if read["resourceType"] == "Bundle" else [{"resource": read}]
        return [entry["resource"] for entry in entries]

    def check(case):
        """Whether there is a fault; None where the artefacts cannot be used."""
        try:
            resource = codec.decode((SUITE / case["file"]).read_bytes())
        except Malformed:
            return True
        brought = [*case["supporting"], case["profile"]] if case["profile"] else case["supporting"]
        guide = Guide(one for name in brought if (SUITE / name).exists() for one in artefacts(name))
        try:
            validator = Validator(registry, guide, Terminology(registry, guide))
        except Uncompilable:
            return None
        return any(issue.is_fault for issue in validator.check(resource))

    return check


@pytest.fixture(scope="module")
def misses(has_fault):
    return {name for name, case in CASES.items() if has_fault(case) is not (not case["valid"])}


def test_every_miss_has_its_reason(misses):
    assert misses == MISSES.keys()


def test_the_figure_in_the_documentation(misses):
    assert len(CASES) == 146
    assert len(CASES) - len(misses) == 101


def test_no_sound_resource_is_refused_but_those_that_are_explained(has_fault):
    refused = {name for name, case in CASES.items() if case["valid"] and has_fault(case)}
    assert refused == {"contained-resource-bad-id-ignore", "choice-invalid-type-qr"}


WITH_PROFILE = [
    # what the profile beside a case says of it, which the case's own verdict leaves out
    ("obs-value-min", "profile-value-range"),
    ("patient-min-fixed1", "profile-element-missing"),
    ("mycommunication.invalid", "profile-reference-target"),
    ("parameters-profiled-resource-invalid", "profile-element-missing"),
    ("type-subtype-slicing2", "profile-slice-missing"),
    ("obs-value-min-g", None),
    ("ad-practitioner-resource", None),
]


@pytest.mark.parametrize(("name", "slug"), [row for row in WITH_PROFILE if row[0] in CASES])
def test_the_profile_beside_a_case(registry, name, slug):
    case = CASES[name]

    def read(file):
        path = SUITE / file
        if path.suffix == ".xml":
            return from_xml(ET.parse(path).getroot(), registry)
        return codec.decode(path.read_bytes())

    profile = read(case["profile"])
    guide = Guide([profile, *map(read, case["supporting"])])
    validator = Validator(registry, guide, Terminology(registry, guide))
    faults = {issue.slug for issue in validator.check(read(case["file"]), [profile["url"]]) if issue.is_fault}
    assert faults == ({slug} if slug else set())
