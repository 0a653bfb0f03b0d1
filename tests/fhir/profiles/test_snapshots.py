from __future__ import annotations

import itertools
import time

import pytest

from service.fhir import registry as registries
from service.fhir.guide import Guide
from service.fhir.profiles.faults import SnapshotError
from service.fhir.profiles.snapshots import Structures, snapshot
from service.fhir.validation.validator import Validator
from tests.fhir.profiles.conftest import OURS, R4, element, profile

AGREED = profile("Goal", element("Goal.note", min=1), id_="agreed", version="2.0")
SHORT = profile("Goal", element("Goal.note", max="3"), id_="short", base=AGREED["url"])
GIVEN = profile("Goal", id_="given", snapshot={"element": [{"id": "Goal", "path": "Goal"}]})


@pytest.fixture
def structures(registry):
    return Structures(registry, Guide([AGREED, SHORT, GIVEN]))


@pytest.mark.parametrize(
    "name",
    ["Goal", "Resource", "DomainResource", "Element", "BackboneElement", "Quantity", "string", "xhtml"],
)
def test_the_types_of_r4_are_found_by_address(structures, name):
    found = structures.find(R4 + name)
    assert (found["type"], found["snapshot"]["element"][0]["id"]) == (name, name)


@pytest.mark.parametrize(
    "url",
    [
        f"{R4}vitalsigns",  # a profile of R4's own
        f"{R4}data-absent-reason",  # an extension of R4's own
        f"{R4}Goal.target",
        f"{R4}Goal|3.0.2",
        f"{R4}SimpleQuantity|3.0.2",
        f"{OURS}agreed|1.0",
        f"{OURS}none",
        "Goal",
        "",
    ],
)
def test_what_is_not_there_is_none(structures, url):
    assert structures.find(url) is None


@pytest.mark.parametrize(
    ("versioned", "plain"),
    [
        (f"{R4}Goal|4.0.1", f"{R4}Goal"),
        (f"{R4}Goal|4.0", f"{R4}Goal"),
        (f"{R4}SimpleQuantity|4.0.1", f"{R4}SimpleQuantity"),
        (f"{OURS}agreed|2.0", f"{OURS}agreed"),
    ],
)
def test_a_version_that_fits_is_the_same(structures, versioned, plain):
    assert structures.find(versioned) is structures.find(plain) is not None


def test_the_simple_quantity_of_r4_has_no_comparator(structures):
    elements = {each["id"]: each for each in structures.find(f"{R4}SimpleQuantity")["snapshot"]["element"]}
    assert elements["Quantity.comparator"]["max"] == "0"
    assert [rule["key"] for rule in elements["Quantity"]["constraint"]] == ["ele-1", "qty-3", "sqty-1"]


@pytest.mark.parametrize(
    ("url", "base"),
    [
        (f"{R4}Goal", f"{R4}DomainResource"),
        (f"{R4}SimpleQuantity", f"{R4}Quantity"),
        (SHORT["url"], AGREED["url"]),
        (f"{AGREED['url']}|2.0", f"{R4}Goal"),
    ],
)
def test_a_head_says_what_a_definition_is_of_and_needs_no_snapshot(structures, url, base):
    head = structures.head(url)
    assert (head["baseDefinition"], "snapshot" in head) == (base, False)


def test_of_what_is_not_there_there_is_no_head(structures):
    assert structures.head(f"{OURS}none") is structures.head(f"{R4}vitalsigns") is None


def test_a_snapshot_that_is_there_is_used_as_it_is(structures):
    assert structures.find(GIVEN["url"]) is GIVEN


def test_a_snapshot_is_made_once_and_what_was_given_stays_as_it_was(structures):
    found = structures.find(SHORT["url"])
    assert structures.find(SHORT["url"]) is found
    assert "snapshot" not in SHORT
    note = next(each for each in found["snapshot"]["element"] if each["id"] == "Goal.note")
    assert (note["min"], note["max"]) == (1, "3")


def test_a_profile_on_a_type_of_r4_of_its_name_does_not_take_its_place(registry):
    impostor = profile("Goal", element("Goal.note", min=1)) | {"url": f"{R4}Goal"}
    assert Structures(registry, Guide([impostor])).find(f"{R4}Goal")["derivation"] == "specialization"


def test_a_profile_may_name_itself_as_a_target(registry):
    again = [{"code": "Reference", "targetProfile": [f"{OURS}profile"]}]
    itself = profile("CarePlan", element("CarePlan.replaces", type=again))
    found = Structures(registry, Guide([itself])).find(itself["url"])
    assert (
        next(each for each in found["snapshot"]["element"] if each["id"] == "CarePlan.replaces")["type"]
        == again
    )


def test_profiles_that_name_each_other_come_out_the_same_whichever_is_asked_first(registry):
    def nested(id_, other):
        part = element(
            "Extension.extension:part", type=[{"code": "Extension", "profile": [f"{OURS}{other}"]}]
        )
        return profile("Extension", element("Extension", short=f"The {id_}"), part, id_=id_)

    pair = [nested("one", "other"), nested("other", "one")]
    results = []
    for order in itertools.permutations(pair):
        structures = Structures(registry, Guide(pair))
        for each in order:
            structures.find(each["url"])
        results.append([structures.find(each["url"])["snapshot"] for each in pair])
    assert results[0] == results[1]
    shorts = {each["id"]: each["short"] for each in results[0][0]["element"]}
    assert shorts["Extension.extension:part"] == "The other"


def test_what_cannot_be_made_is_refused_every_time(registry):
    circle = [profile("Goal", id_="a", base=f"{OURS}b"), profile("Goal", id_="b", base=f"{OURS}a")]
    structures = Structures(registry, Guide(circle))
    for url in (f"{OURS}a", f"{OURS}b", f"{OURS}a"):
        with pytest.raises(SnapshotError):
            structures.find(url)


def test_a_snapshot_can_be_made_without_a_guide(registry):
    elements = snapshot(SHORT | {"baseDefinition": f"{R4}Goal"}, Structures(registry, Guide()).find)
    assert next(each for each in elements if each["id"] == "Goal.note")["max"] == "3"


@pytest.mark.parametrize(
    "name", ["Goal", "Observation", "CarePlan", "Extension", "Quantity", "Element", "xhtml"]
)
def test_a_made_definition_is_sound_itself(registry, structures, name):
    issues = Validator(registry).check(structures.find(R4 + name))
    assert [issue.text for issue in issues if issue.is_fault] == []


def test_a_type_costs_a_few_milliseconds_and_nothing_before_it_is_asked_for(registry):
    began = time.process_time()
    structures = Structures(registries.load(), Guide())
    loaded = time.process_time()
    structures.find(f"{R4}Observation")
    # Half a millisecond where it was measured; the machines of others are slower.
    assert time.process_time() - loaded < 0.05
    assert loaded - began < 1
