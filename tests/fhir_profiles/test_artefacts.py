"""The guide as a whole: every artefact is complete, every address leads somewhere, every rule has its examples.

Whether the examples keep and break the rules that they say is asked of the validator elsewhere; here it is seen
that none is lacking.

Source: design.md sections 2 and 6, https://hl7.org/fhir/R4/conformance-module.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from service.fhir import codec
from service.fhir.guide import CANONICAL_BASE, KINDS
from service.fhir.registry import Registry
from service.sandbox.cohort import cohort
from tests.rest.serving import ROOT

Json = dict[str, Any]

FOLDER = ROOT / "fhir_profiles"
DEPTH = 64  # nested arrays and objects
ARTEFACTS = sorted(path for kind in KINDS for path in (FOLDER / kind).glob("*.json"))
VALID = sorted((FOLDER / "examples" / "valid").glob("*.json"))
INVALID = sorted((FOLDER / "examples" / "invalid").glob("*.json"))

# The one whose shape and address are another guide's; domain.md section 6.4.
FRAGMENTS = {
    "loinc-goal-attainment-fragment": "http://loinc.org",
    "nhs-number-verification-status-fragment": (
        "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"
    ),
}
BORROWED = {
    "member-filter": "http://hl7.org/fhir/uv/bulkdata/StructureDefinition/",
    "pco-goal-attainment-scaling": "http://hl7.org/fhir/us/pco/StructureDefinition/",
}
RULE_SLUG = f"{CANONICAL_BASE}CodeSystem/rule-slug"
EXPECTED_EXPRESSION = f"{CANONICAL_BASE}StructureDefinition/expected-expression"
# Not what only begins addresses, as in startsWith('…/goal-').
ADDRESS = re.compile(
    rf"{re.escape(CANONICAL_BASE)}(?:{'|'.join(KINDS)})/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?![a-z0-9-])"
)
KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
LONGEST_KEY = 64  # characters; an id of R4

# All that our questionnaires say to people. Wording of GBO, CollaboRATE and other measures is
# their owners', and stays out: domain.md sections 1 and 4.
OUR_LABELS = {
    "Goal 1",
    "Goal 2",
    "Goal 3",
    "Which goal it is",
    "Score from 0 to 10",
    "Attainment level from -2 to +2",
    "Score of the last time",
    "Attainment level of the last time",
    "When the last time was",
    "Which kind of help fits now?",
    "Are these still the right goals?",
    "Does coordination stay where it is?",
    "Did we talk about how this ends?",
    "When do we look at it again?",
    "What is there to decide?",
    "Who talked about it?",
    "What matters most here?",
    "Which decision aid did we use?",
    "One way that we talked about",
    "What it would be",
    "What speaks for it",
    "What speaks against it",
    "A service that offers it",
    "Who would like this best?",
    "Is this what we do?",
    "Where did we get to?",
    "Where does it take place?",
    "In which form?",
    "Warm?",  # the example of a deployer's wording
}


@cache
def read(path: Path) -> Json:
    return codec.decode(path.read_bytes(), max_depth=DEPTH)


def of_kind(kind: str) -> list[Json]:
    return [read(path) for path in ARTEFACTS if path.parent.name == kind]


def nodes(value: Any) -> Iterator[Json]:
    """Every object in the value, itself included."""
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)


def profiles() -> list[Json]:
    return [one for one in of_kind("StructureDefinition") if one["type"] != "Extension"]


def extensions() -> list[Json]:
    return [one for one in of_kind("StructureDefinition") if one["type"] == "Extension"]


def constraints() -> list[tuple[Json, Json]]:
    """Every invariant of ours with the structure that states it."""
    return [
        (structure, constraint)
        for structure in of_kind("StructureDefinition")
        for element in structure["differential"]["element"]
        for constraint in element.get("constraint", ())
    ]


def claimed(path: Path) -> list[str]:
    return read(path).get("meta", {}).get("profile", [])


def rules(path: Path) -> list[tuple[str, str]]:
    """The slugs that an example must raise, each with where."""
    return [
        (tag["code"], part["valueString"])
        for tag in read(path).get("meta", {}).get("tag", ())
        if tag.get("system") == RULE_SLUG
        for part in tag.get("extension", ())
        if part["url"] == EXPECTED_EXPRESSION and "valueString" in part
    ]


def concepts(parent: Json) -> list[Json]:
    """The concepts of a code system, those below others included."""
    return [one for child in parent.get("concept", ()) for one in (child, *concepts(child))]


def named(path: Path) -> str:
    return str(path.relative_to(FOLDER))


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_artefacts_of_every_kind(kind: str):
    assert of_kind(kind)


@pytest.mark.parametrize("path", ARTEFACTS, ids=named)
def test_an_artefact_says_what_it_is(path: Path):
    artefact = read(path)
    kind = path.parent.name
    url = FRAGMENTS.get(path.stem) or f"{BORROWED.get(path.stem, f'{CANONICAL_BASE}{kind}/')}{path.stem}"
    assert {name: artefact.get(name) for name in ("resourceType", "id", "url", "version")} == {
        "resourceType": kind,
        "id": path.stem,
        "url": url,
        "version": "0.1.0",
    }
    assert {name: artefact.get(name) for name in ("status", "experimental", "publisher", "contact")} == {
        "status": "active",
        "experimental": False,
        "publisher": "thrive-fhir",
        "contact": None,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", artefact["date"])
    assert re.fullmatch(r"[A-Z][A-Za-z0-9_]{0,254}", artefact["name"])  # R4's own rule, such as vsd-0
    assert artefact["description"].strip()
    # A SearchParameter of R4 has no title.
    assert kind == "SearchParameter" or artefact["title"].strip()
    [[jurisdiction]] = [concept["coding"] for concept in artefact["jurisdiction"]]
    assert (jurisdiction["system"], jurisdiction["code"]) == ("urn:iso:std:iso:3166", "GB")


def test_no_two_artefacts_have_one_address_or_name():
    for field in ("url", "name"):
        counted = Counter((path.parent.name, read(path)[field]) for path in ARTEFACTS)
        assert [one for one, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("structure", of_kind("StructureDefinition"), ids=lambda one: one["id"])
def test_a_structure_is_a_constraint_with_differential_and_snapshot(structure: Json, registry: Registry):
    assert {name: structure.get(name) for name in ("fhirVersion", "derivation", "abstract")} == {
        "fhirVersion": "4.0.1",
        "derivation": "constraint",
        "abstract": False,
    }
    assert structure["kind"] == ("complex-type" if structure["type"] == "Extension" else "resource")
    base = structure["baseDefinition"]
    ours = {one["url"] for one in of_kind("StructureDefinition")}
    assert base in ours or base == f"http://hl7.org/fhir/StructureDefinition/{structure['type']}"
    assert registry.definition(structure["type"])
    assert structure["differential"]["element"][0]["path"] == structure["type"]
    assert "snapshot" in structure, "has no snapshot yet: scripts/write_snapshots.py makes it"
    assert structure["snapshot"]["element"][0]["path"] == structure["type"]


def strangers(paths: Iterable[Path]) -> dict[str, set[str]]:
    """Addresses of ours that lead nowhere, by the file that has them."""
    ours = {read(path)["url"] for path in ARTEFACTS}
    found = {str(path.relative_to(ROOT)): set(ADDRESS.findall(path.read_text())) - ours for path in paths}
    return {path: addresses for path, addresses in found.items() if addresses}


def test_every_address_of_ours_leads_to_an_artefact():
    assert strangers([*ARTEFACTS, *VALID]) == {}  # an invalid one may name what there is not


def test_what_the_code_speaks_of_is_an_artefact():
    assert strangers((ROOT / "service").rglob("*.py")) == {}


def test_what_the_sandbox_writes_speaks_of_artefacts():
    ours = {read(path)["url"] for path in ARTEFACTS}
    written = {
        address
        for batch in cohort(patients=12, seed=7)
        for resource in batch
        for address in ADDRESS.findall(codec.encode(resource).decode())
    }
    assert written - ours == set()


@pytest.mark.parametrize("code_system", of_kind("CodeSystem"), ids=lambda one: one["id"])
def test_a_code_system_is_whole(code_system: Json):
    codes = [concept["code"] for concept in concepts(code_system)]
    assert code_system["caseSensitive"] is True
    if code_system["id"] in FRAGMENTS:  # codes alone, under their owner's notice
        assert code_system["content"] == "fragment"
        assert code_system["copyright"]
        assert all(concept.keys() == {"code"} for concept in concepts(code_system))
        return
    assert code_system["content"] == "complete"
    assert code_system["count"] == len(codes)
    assert [code for code, count in Counter(codes).items() if count > 1] == []
    assert all(concept["display"].strip() for concept in concepts(code_system))


@pytest.mark.parametrize("value_set", of_kind("ValueSet"), ids=lambda one: one["id"])
def test_a_value_set_lists_codes_that_there_are(value_set: Json):
    held = {one["url"]: {concept["code"] for concept in concepts(one)} for one in of_kind("CodeSystem")}
    included = value_set["compose"]["include"]
    assert included
    for part in included:
        listed = [concept["code"] for concept in part.get("concept", ())]
        assert len(listed) == len(set(listed))
        if part.get("system", "").startswith(CANONICAL_BASE):
            assert set(listed) <= held[part["system"]]


def test_an_invariant_has_one_key_and_a_sentence():
    counted = Counter(constraint["key"] for _, constraint in constraints())
    assert counted, "no structure states an invariant"
    assert [key for key, count in counted.items() if count > 1] == []
    for structure, constraint in constraints():
        assert KEY.fullmatch(constraint["key"]), constraint["key"]
        assert len(constraint["key"]) <= LONGEST_KEY
        assert constraint["severity"] in {"error", "warning"}
        assert re.fullmatch(r"\S.+\.", constraint["human"]), constraint["key"]
        assert constraint["expression"].strip()
        assert constraint["source"] == structure["url"], constraint["key"]


def test_no_key_of_ours_is_one_of_r4(registry: Registry):
    theirs = {
        invariant.key
        for structure in profiles()
        for invariant in registry.definition(structure["type"]).invariants
    }
    assert theirs.isdisjoint(constraint["key"] for _, constraint in constraints())


@pytest.mark.parametrize("profile", profiles(), ids=lambda one: one["id"])
def test_a_profile_has_a_valid_example(profile: Json):
    examples = [read(path) for path in VALID if profile["url"] in claimed(path)]
    assert examples, f"no file in examples/valid claims {profile['url']}"
    assert {one["resourceType"] for one in examples} == {profile["type"]}


@pytest.mark.parametrize("profile", profiles(), ids=lambda one: one["id"])
def test_a_profile_has_invalid_examples(profile: Json):
    assert [path for path in INVALID if profile["url"] in claimed(path)]


@pytest.mark.parametrize("extension", extensions(), ids=lambda one: one["id"])
def test_an_extension_is_shown_in_use(extension: Json):
    files = [*VALID, *INVALID, *(path for path in ARTEFACTS if path.stem != extension["id"])]
    assert any(
        node.get("url") == extension["url"] and "resourceType" not in node
        for path in files
        for node in nodes(read(path))
    )


def test_every_invariant_has_an_invalid_example():
    broken = {slug for path in INVALID for slug, _ in rules(path)}
    assert [constraint["key"] for _, constraint in constraints() if constraint["key"] not in broken] == []


def test_a_valid_example_is_named_after_its_id_and_breaks_nothing():
    assert VALID
    assert [named(path) for path in VALID if read(path)["id"] != path.stem or rules(path)] == []


def test_valid_examples_refer_to_each_other_alone():
    there = {f"{read(path)['resourceType']}/{read(path)['id']}" for path in VALID}
    referred = {
        str(node["reference"])
        for path in VALID
        for node in nodes(read(path))
        if re.fullmatch(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]+", str(node.get("reference", "")))
    }
    assert referred - there == set()


def test_an_invalid_example_names_its_one_rule_and_where_it_is_broken():
    assert INVALID
    for path in INVALID:
        assert len(rules(path)) == 1, named(path)
        [(_, expression)] = rules(path)
        assert expression.split(".")[0] == read(path)["resourceType"], named(path)


def slugs() -> set[str]:
    return {
        concept["code"]
        for one in of_kind("CodeSystem")
        if one["url"] == RULE_SLUG
        for concept in concepts(one)
    }


def test_the_rules_that_examples_break_are_in_the_code_system():
    assert {slug for path in INVALID for slug, _ in rules(path)} - slugs() == set()


def test_every_invariant_is_in_the_code_system():
    assert {constraint["key"] for _, constraint in constraints()} - slugs() == set()


def with_ancestors(url: str) -> list[str]:
    """A profile's address and those of the profiles of ours that it is built on."""
    base = {one["url"]: one["baseDefinition"] for one in profiles()}
    return [url, *with_ancestors(base[url])] if url in base else []


def test_an_invalid_example_claims_the_profile_that_it_is_named_after():
    ours = {one["id"]: one["url"] for one in profiles()}
    for path in INVALID:
        after = [id_ for id_ in ours if path.stem.startswith(f"{id_}-")]
        held = {url for profile in claimed(path) for url in with_ancestors(profile)}
        assert not after or held & {ours[id_] for id_ in after}, named(path)


def test_questionnaires_and_answers_say_only_what_is_ours_to_say():
    displays = {
        concept["display"]
        for one in of_kind("CodeSystem")
        for concept in concepts(one)
        if "display" in concept
    }
    said: set[str] = set()
    for path in [*ARTEFACTS, *VALID, *INVALID]:
        if read(path)["resourceType"] in {"Questionnaire", "QuestionnaireResponse"}:
            for node in nodes(read(path).get("item", [])):
                said.update(str(node[name]) for name in ("text", "prefix", "display") if name in node)
    assert said - OUR_LABELS - displays == set()
    assert said >= OUR_LABELS, "a label that nothing says any longer"
