"""What is left of resources: over the sandbox's cohort, our examples, and resources full of what must not get out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.fhir import codec
from service.fhir.registry import Registry
from service.fhir.search.references import Addresses
from service.fhir.validation.validator import Validator
from service.outcomes.deidentification import MASKED, PSEUDED, Deidentifier, ethnic_group
from service.outcomes.deidentification_keys import Keyring
from service.outcomes.deidentification_rules import (
    ETHNIC_CATEGORY,
    ETHNIC_CODES,
    EXTENSIONS,
    KEPT,
    OF_NOBODY,
    TYPES,
)
from service.outcomes.whose import whose
from service.sandbox.cohort import cohort
from tests.conftest import BASE_URL

SECRET = bytes(range(32))
YEAR = 2026
POISON = "Zebulon Quillfeather"
EXAMPLES = sorted((Path(__file__).parents[2] / "fhir_profiles" / "examples" / "valid").glob("*.json"))
# Of those who have such a label nothing is told; `Young` has none.
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
DATES = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
TIME = re.compile(rb"T\d\d:\d\d")

Pair = tuple[dict[str, Any], dict[str, Any]]


def deidentifier(registry, recipient="camhs", *, secret=SECRET, **more):
    return Deidentifier(registry, Keyring(secret, "default", recipient), frozenset(), YEAR, **more)


@pytest.fixture(scope="module")
def originals(registry) -> list[tuple[dict[str, Any], str | None, bool]]:
    """The resources of a cohort, and whom each is about."""
    locate = Addresses(registry, BASE_URL).target
    found = []
    for batch in cohort(40, 7):
        for each in batch:
            about = whose(each, locate)
            child, closed = about.child, about.closed
            if each["resourceType"] == "Provenance":  # the store knows by what it is about
                child, closed = each["target"][0]["reference"].split("/")[1].rsplit("-", 2)[0], False
            found.append((codec.restore(codec.encode(each)), child, closed))
    return found


@pytest.fixture(scope="module")
def pairs(registry, originals) -> list[Pair]:
    by = deidentifier(registry)
    made = [(each, by.line(each, child, closed=closed)) for each, child, closed in originals]
    return [(each, shown) for each, shown in made if shown is not None]


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The primitives of a node, each with the names that lead to it."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from leaves(value, f"{path}.{name}")
    elif isinstance(node, list):
        for each in node:
            yield from leaves(each, path)
    else:
        yield path, node


def test_most_of_the_cohort_is_told_and_bears_the_label(originals, pairs):
    types = {shown["resourceType"] for _, shown in pairs}
    assert types == TYPES
    assert len(pairs) > 0.99 * len(originals)
    assert all(shown["meta"]["security"] == [dict(PSEUDED)] for _, shown in pairs)


def test_nothing_that_identifies_is_in_any_line(pairs):
    telling = re.compile(
        r"\.(id|reference|text|display|family|given|line|city|postalCode|name|title|description|unit|comment"
        r"|valueString|contentString|statusReason|birthDate)$|identifier\.value$|telecom\.value$"
    )
    forbidden = {
        value
        for each, _ in pairs
        for path, value in leaves(each)
        if telling.search(path) and isinstance(value, str) and len(value) > 3
    }
    assert len(forbidden) > 2_000
    text = b"\n".join(codec.encode(shown) for _, shown in pairs).decode()
    told = {value for _, shown in pairs for _, value in leaves(shown) if isinstance(value, str)}
    assert told & forbidden == set()
    # What is long or has a space can be no part of a code by chance.
    assert [each for each in forbidden if (" " in each or len(each) > 12) and each in text] == []


def test_every_text_of_a_line_is_a_code_a_date_an_address_or_a_pseudonym(pairs):
    is_known = re.compile(
        r"\.(resourceType|status|intent|code|system|url|valueCode|linkId|mode|type|gender|uri|questionnaire|measure"
        r"|lifecycleStatus|priority|kind|role|meaning)$|(start|end|[dD]ate|[dD]ateTime|[cC]reated|sent|authored(On)?"
        r"|lastModified|recorded)$|(\.id|\.reference)$"
    )
    texts = {path for _, shown in pairs for path, value in leaves(shown) if isinstance(value, str)}
    assert {path for path in texts if not is_known.search(path)} == set()
    ids = {
        value.split("/")[-1]
        for _, shown in pairs
        for path, value in leaves(shown)
        if path.endswith(("reference", "id"))
    }
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in ids)


def test_references_lead_to_the_same_as_before(pairs):
    names = {f"{each['resourceType']}/{each['id']}": shown["id"] for each, shown in pairs}
    assert len(set(names.values())) == len(names)
    for each, shown in pairs:
        for name in ("subject", "patient", "encounter", "for", "managingOrganization", "author"):
            if isinstance(each.get(name), dict) and name in shown:
                before, after = each[name]["reference"], shown[name]["reference"]
                # One who is restricted is left out.
                assert after == f"{before.split('/')[0]}/{names.get(before, after.split('/')[1])}"


def days(node: Any) -> list[date]:
    return [
        date.fromisoformat(value[:10])
        for path, value in leaves(node)
        if isinstance(value, str)
        and re.search(
            r"(start|end|[dD]ate|[dD]ateTime|created|sent|authored(On)?|lastModified|recorded)$", path
        )
        and not path.endswith("birthDate")
        and "answer" not in path
        and len(value) >= 10
    ]


def test_dates_of_a_young_person_are_all_shifted_by_the_same_weeks(pairs):
    shifts: dict[str, set[int]] = {}
    for each, shown in pairs:
        if shown["resourceType"] in OF_NOBODY:
            assert days(shown) == []
            continue
        before, after = days(each), days(shown)
        assert len(before) == len(after)
        who = next(
            (shown[name]["reference"] for name in ("subject", "patient", "for") if name in shown), shown["id"]
        )
        moved = {(late - soon).days for soon, late in zip(before, after, strict=True)}
        if each["resourceType"] != "Provenance":
            shifts.setdefault(who, set()).update(moved)
    found = [shift for each in shifts.values() for shift in each]
    assert all(len(each) <= 1 for each in shifts.values())
    assert len(found) >= 40
    assert all(shift % 7 == 0 and 7 <= abs(shift) <= 182 for shift in found)
    assert len(set(found)) > 15


def test_times_of_day_are_dropped(pairs):
    text = b"\n".join(codec.encode(shown) for _, shown in pairs)
    assert set(TIME.findall(text)) == {b"T00:00"}
    assert b"T00:00:00Z" in text


def test_it_is_the_same_each_time_and_another_for_others(registry, originals, pairs):
    def lines(recipient, secret=SECRET):
        by = deidentifier(registry, recipient, secret=secret)
        return [by.line(each, child, closed=closed) for each, child, closed in originals]

    again = [each for each in lines("camhs") if each is not None]
    assert again == [shown for _, shown in pairs]
    mine = {each["id"] for each in again}
    for other in (lines("school"), lines("camhs", bytes(32))):
        assert mine.isdisjoint(each["id"] for each in other if each is not None)
        assert json.dumps([each and each.get("period") for each in other]) != json.dumps(
            [each.get("period") for each in again]
        )


def test_what_is_left_is_valid_r4(registry, pairs):
    validator = Validator(registry)
    faults = {
        (shown["resourceType"], issue.slug, issue.text)
        for _, shown in pairs
        for issue in validator.check(shown)
        if issue.is_fault
    }
    assert faults == set()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_is_left_of_an_example_is_valid_r4(path, registry):
    resource = codec.restore(path.read_bytes())
    shown = deidentifier(registry).line({"id": "x", **resource}, "ash")
    if shown is not None:
        assert [issue for issue in Validator(registry).check(shown) if issue.is_fault] == []


class Poisoned:
    """Resources in which everything that there can be is there, and every text says who it is."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def resource(self, type_: str) -> dict[str, Any]:
        return {
            "resourceType": type_,
            **self._object(type_, 0),
            "id": "x",
            "meta": {"tag": [{"display": POISON}]},
        }

    def _object(self, type_: str, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for element in self._registry.definition(type_).elements.values():
            if element.name in {"modifierExtension", "implicitRules", "meta"}:
                continue
            for each in element.types:
                value = self._value(each, depth)
                if value is None:
                    continue
                suffix = each[0].upper() + each[1:] if element.choice else ""
                made[element.name + suffix] = [value] if element.repeats else value
        return made

    def _value(self, type_: str, depth: int) -> Any:
        if depth > 3:
            return None
        if type_ == "Resource":
            return {"resourceType": "Patient", "id": "inside", "name": [{"family": POISON}]}
        if type_ == "Extension":
            return {"url": "https://example.org/new", "valueString": POISON}
        definition = self._registry.definition(type_)
        if definition.kind != "primitive":
            return self._object(type_, depth + 1)
        return {
            "code": "final",
            "boolean": True,
            "integer": 1,
            "positiveInt": 1,
            "unsignedInt": 1,
            "decimal": 1,
        }.get(type_, f"urn:{POISON}" if type_ in {"uri", "url", "canonical"} else POISON)


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_of_a_resource_full_of_names_none_gets_out(type_, registry):
    poisoned = Poisoned(registry).resource(type_)
    assert codec.encode(poisoned).count(POISON.encode()) > 20
    # Each extension that is kept, too, with a text in place of what it holds.
    poisoned["extension"] = [
        {"url": url, name: POISON}
        for url in EXTENSIONS.get(type_, ())
        for name in ("valueString", "valueCode")
    ] or poisoned["extension"]
    shown = deidentifier(registry).line(poisoned, "ash")
    assert shown is not None
    assert POISON.encode() not in codec.encode(shown)


def test_all_that_r4_wants_is_named(registry):
    """A mandatory element that is not named would be dropped without a mark, and one that changes the rest with none."""
    for type_, names in KEPT.items():
        for element in registry.definition(type_).elements.values():
            known = {element.name} | {f"{element.name}{each[0].upper()}{each[1:]}" for each in element.types}
            is_wanted = element.minimum > 0 or element.modifier
            left_out = element.name in {"implicitRules", "modifierExtension"}
            assert not is_wanted or left_out or known & names, (type_, element.name)


PATIENT = {"resourceType": "Patient", "id": "ash"}
GOAL = {"resourceType": "Goal", "id": "g", "subject": {"reference": "Patient/ash"}}


@pytest.mark.parametrize(
    ("resource", "child", "closed", "why"),
    [
        (GOAL, None, True, "it is about several people, or unknown ones"),
        (GOAL, None, False, "it is about no young person"),
        (GOAL | {"modifierExtension": [{"url": "urn:x"}]}, "ash", False, "it has a modifier"),
        (GOAL | {"target": [{"modifierExtension": [{"url": "urn:x"}]}]}, "ash", False, "it has a modifier"),
        (GOAL | {"implicitRules": "urn:x"}, "ash", False, "it has a modifier"),
        (GOAL, "birch", False, "it is about somebody who is restricted"),
        *(
            (GOAL | {"meta": {"security": [label]}}, "ash", False, "it has a sensitive label")
            for label in (
                {"system": CONFIDENTIALITY, "code": "R"},
                {"system": CONFIDENTIALITY, "code": "V"},
                {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"},
                {"system": "urn:own", "code": "unknown"},
            )
        ),
        ({"resourceType": "Binary", "id": "b"}, "ash", False, "its type is not exported so"),
    ],
)
def test_what_is_left_out_whole(resource, child, closed, why, registry):
    by = deidentifier(registry)
    by.restricted = frozenset({"birch"})
    assert by.line(resource, child, closed=closed) is None
    assert by.counts[resource["resourceType"], f"left out: {why}"] == 1


def test_what_leads_to_the_restricted_is_masked(registry):
    by = deidentifier(registry)
    by.restricted = frozenset({"birch"})
    shown = by.line(GOAL | {"expressedBy": {"reference": "Patient/birch"}}, "ash")
    assert shown["expressedBy"] == MASKED


@pytest.mark.parametrize(
    "reference",
    [
        "#inside",
        "https://elsewhere.example/Patient/ash",
        "urn:uuid:4b0e6cbe-0d2f-4f8a-9b4c-5d1c1f8b2a00",
        "Binary/x",
        "Patient/",
        "Patient",
        "Patient/ash/other/1",
    ],
)
def test_references_that_lead_nowhere_here_are_masked(reference, registry):
    shown = deidentifier(registry).line(GOAL | {"expressedBy": {"reference": reference}}, "ash")
    assert shown["expressedBy"] == MASKED


def test_of_a_reference_to_a_version_the_version_is_dropped(registry):
    said = GOAL | {"expressedBy": {"reference": "Patient/ash/_history/3", "display": "Ash"}}
    shown = deidentifier(registry).line(said, "ash")
    assert shown["expressedBy"] == shown["subject"]


@pytest.mark.parametrize(
    "coding",
    [
        {"system": "https://school.example/codes", "code": "ash-jones"},
        {"system": "http://snomed.info/sct", "code": "ash"},
        {"system": "http://loinc.org", "code": "two words"},
        {"code": "x"},
        {"display": "Ash"},
    ],
)
def test_codes_that_anybody_may_make_up_are_dropped(coding, registry):
    shown = deidentifier(registry).line(GOAL | {"category": [{"coding": [coding], "text": "Ash"}]}, "ash")
    assert shown["category"] == [MASKED]


@pytest.mark.parametrize(
    ("code", "told"), [("school", "school"), ("youth-justice", "other"), ("nhs-trust", "nhs-trust")]
)
def test_rare_sectors_are_told_as_one(code, told, registry):
    sector = "https://thrive-fhir.example/CodeSystem/sector"
    kind = {"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": "prov"}
    said = [{"coding": [kind, {"system": sector, "code": code, "display": "x"}]}, {"coding": [kind]}]
    shown = deidentifier(registry).line({"resourceType": "Organization", "id": "o", "type": said}, None)
    assert shown["type"] == [{"coding": [{"system": sector, "code": told}]}]
    shown = deidentifier(registry).line({"resourceType": "Organization", "id": "o", "type": said[1:]}, None)
    assert shown["type"] == [MASKED]


def ethnic(code):
    return {
        "url": ETHNIC_CATEGORY,
        "valueCodeableConcept": {"coding": [{"system": ETHNIC_CODES, "code": code, "display": "x"}]},
    }


def test_the_ethnic_category_is_told_as_its_group(registry):
    shown = deidentifier(registry).line(PATIENT | {"extension": [ethnic("M")]}, "ash")
    [extension] = shown["extension"]
    [coding] = extension["valueCodeableConcept"]["coding"]
    assert coding["code"] == "black"
    codes = "ABCDEFGHJKLMNPRSZ"
    groups = {ethnic_group(ethnic(code)["valueCodeableConcept"]) for code in (*codes, "99")}
    assert groups == {"white", "mixed", "asian", "black", "other", "not-told"}
    assert ethnic_group(ethnic("Q")["valueCodeableConcept"]) is None


def test_rare_values_are_dropped(registry):
    told = {"gender": frozenset({"female"}), "ethnicity": frozenset({"white"}), "born": frozenset({"2012"})}
    by = deidentifier(registry, told=told)
    # All days of these years stay in them, however they are shifted.
    said = PATIENT | {"gender": "other", "birthDate": "2010-07-02", "extension": [ethnic("M")]}
    shown = by.line(said, "ash")
    assert shown.keys() == {"resourceType", "id", "meta"}
    said = PATIENT | {"gender": "female", "birthDate": "2012-07-02", "extension": [ethnic("A")]}
    shown = by.line(said, "ash")
    assert (shown["gender"], shown["birthDate"]) == ("female", "2012")
    assert "extension" in shown


@pytest.mark.parametrize(("born", "told"), [("2024", False), ("2021", True), ("2002", True), ("1999", False)])
def test_of_the_very_young_and_of_adults_the_year_of_birth_is_not_told(born, told, registry):
    shown = deidentifier(registry).line(PATIENT | {"birthDate": f"{born}-07-02"}, "ash")
    assert shown.get("birthDate") == (born if told else None)


@pytest.mark.parametrize("said", [{"deceasedDateTime": "2025-03-01"}, {"deceasedBoolean": True}])
def test_of_a_death_it_is_told_that_it_was(said, registry):
    shown = deidentifier(registry).line(PATIENT | said, "ash")
    assert shown["deceasedBoolean"] is True
    assert "deceasedDateTime" not in shown


def test_primitives_that_are_masked_stay_marked(registry):
    said = GOAL | {"lifecycleStatus": "active", "_lifecycleStatus": {"extension": [{"url": "urn:x"}]}}
    assert "_lifecycleStatus" not in deidentifier(registry).line(said, "ash")
    del said["lifecycleStatus"]
    assert deidentifier(registry).line(said, "ash")["_lifecycleStatus"] == MASKED


def test_it_counts_what_it_does_and_tells_no_value(registry):
    by = deidentifier(registry)
    by.line(
        GOAL
        | {
            "description": {"text": POISON},
            "startDate": "2026-01-05",
            "statusReason": POISON,
            "note": [{"text": POISON}],
        },
        "ash",
    )
    assert dict(by.counts) == {
        ("Goal", "description: removed"): 1,
        ("Goal", "note: removed"): 1,
        ("Goal", "startDate: shifted"): 1,
        ("Goal", "statusReason: removed"): 1,
        ("Goal", "subject: replaced"): 1,
    }


def test_what_is_counted_of_a_young_person(registry):
    by = deidentifier(registry, told={"gender": frozenset(), "ethnicity": frozenset(), "born": frozenset()})
    said = PATIENT | {"gender": "male", "birthDate": "2012-07-02", "extension": [ethnic("Z")]}
    assert by.counted(said) == {"gender": "male", "ethnicity": "not-told", "born": "2012"}
    assert by.counted(PATIENT) == {"gender": None, "ethnicity": None, "born": None}
    assert by.line(said, "ash").keys() == {"resourceType", "id", "meta"}
