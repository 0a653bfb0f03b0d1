"""The allow-list names what R4 has, and the page for information governance says the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

from service.fhir.validation.properties import properties
from service.outcomes.deidentification_rules import (
    ETHNIC_GROUP_OF,
    EXTENSIONS,
    FEWEST,
    KEPT,
    OF_NOBODY,
    OLDEST,
    OTHER_SECTOR,
    SECTORS_TOLD,
    SYSTEMS,
    TYPES,
    YOUNGEST,
)
from service.outcomes.recognition import OURS

PAGE = Path(__file__).parents[2] / "docs" / "deidentification.md"
FOLDER = Path(__file__).parents[2] / "fhir_profiles" / "CodeSystem"
# Kinds that hold text, of which nothing can be kept.
# Of laws of another country, and of machines.
NOT_KEPT = {
    "http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw",
    "http://dicom.nema.org/resources/ontology/DCM",
}
NEVER = {
    *(
        "Identifier",
        "HumanName",
        "Address",
        "ContactPoint",
        "ContactDetail",
        "Attachment",
        "Annotation",
        "Narrative",
    ),
    *("Signature", "markdown", "base64Binary", "url", "oid", "uuid", "time", "xhtml"),
}


def test_every_name_is_one_of_r4_and_of_a_kind_that_can_be_kept(registry):
    for type_, names in KEPT.items():
        known = properties(registry, registry.definition(type_))
        assert names <= known.keys(), type_
        kinds = {known[name].type for name in names}
        assert not kinds & NEVER, (type_, kinds & NEVER)
        texts = {name for name in names if known[name].type in {"string", "uri"}}
        assert texts == {
            "QuestionnaireResponse.item": {"linkId"},
            "Consent.policy": {"uri"},
        }.get(type_, set())
        # A part of a resource is named, and has its own names.
        assert all(kind in KEPT for kind in kinds if "." in kind)


def test_extensions_are_named_where_they_are_kept():
    assert EXTENSIONS.keys() == {type_ for type_, names in KEPT.items() if "extension" in names}


def test_the_page_has_a_row_for_each_type_with_what_is_kept_of_it():
    rows = dict(re.findall(r"^\| `([A-Z][A-Za-z.]+)` \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE))
    told = {type_: frozenset(re.findall(r"`([A-Za-z]+)`", text)) for type_, text in rows.items()}
    assert told == KEPT


def test_the_page_has_the_extensions_and_the_numbers():
    text = PAGE.read_text()
    for by_url in EXTENSIONS.values():
        for url in by_url:
            assert f"`{url.rsplit('/', 1)[1]}`" in text
    assert f"fewer than {FEWEST}" in text.replace("five", "5")
    assert f"younger than {YOUNGEST} or older than {OLDEST}" in text
    assert all(f"`{code}`" in text for code in {*ETHNIC_GROUP_OF.values(), *SECTORS_TOLD})


def test_codes_in_place_of_others_are_codes_of_ours():
    """Each is in a code system of this guide, so that whoever gets it can look up what it means."""
    for name, codes in (
        ("ethnic-group", set(ETHNIC_GROUP_OF.values())),
        ("sector", {*SECTORS_TOLD, OTHER_SECTOR}),
    ):
        system = json.loads((FOLDER / f"{name}.json").read_text())
        known = {concept["code"] for concept in system["concept"]}
        assert codes <= known if name == "sector" else codes == known


def test_systems_are_those_that_r4_and_this_guide_name(registry):
    """None is made up, and of those to which what is kept is bound none is missing."""
    ours = {json.loads(path.read_text())["url"] for path in FOLDER.glob("*.json")}
    assert {each for each in SYSTEMS if each.startswith(OURS)} <= ours
    assert not {each for each in SYSTEMS if each.endswith("/")}
    for type_, names in KEPT.items():
        for name in names:
            known = properties(registry, registry.definition(type_))[name]
            binding = known.element.binding
            if binding is None or known.type not in {"CodeableConcept", "Coding", "Quantity"}:
                continue
            bound = {system for system, _ in registry.codes(binding.value_set) or ()}
            assert bound <= {*SYSTEMS, *NOT_KEPT}, (type_, name)


def test_types_about_nobody_are_exported():
    assert OF_NOBODY < TYPES
