"""UK Core, which publishes differentials alone: all of its profiles and extensions get a snapshot.

Source: UK Core R4 2.0.0 (STU2)
"""

from __future__ import annotations

import pytest

from service.fhir.guide import Guide
from service.fhir.profiles.snapshots import Structures
from service.fhir.validation.validator import Validator

UK = "https://fhir.hl7.org.uk/StructureDefinition/"
VERIFICATION = f"{UK}Extension-UKCore-NHSNumberVerificationStatus"


@pytest.fixture(scope="module")
def structures(registry, uk_core):
    return Structures(registry, Guide(uk_core))


def elements(structures, id_):
    return {each["id"]: each for each in structures.find(UK + id_)["snapshot"]["element"]}


def test_all_of_them_are_made_and_sound(registry, structures, uk_core):
    validator = Validator(registry)
    made = [structures.find(each["url"]) for each in uk_core]
    assert len(made) == 153
    assert all(each["snapshot"]["element"] for each in made)
    assert [issue.text for each in made for issue in validator.check(each) if issue.is_fault] == []


def test_every_constraint_of_a_differential_is_in_its_snapshot(structures, uk_core):
    for each in uk_core:
        found = structures.find(each["url"])["snapshot"]["element"]
        keys = {rule["key"] for element in found for rule in element.get("constraint", [])}
        for element in each["differential"]["element"]:
            assert {rule["key"] for rule in element.get("constraint", [])} <= keys


def test_the_nhs_number_is_a_slice_with_its_verification(structures):
    found = elements(structures, "UKCore-Patient")
    number = found["Patient.identifier:nhsNumber"]
    assert number["max"] == "1"
    assert found["Patient.identifier:nhsNumber.system"]["fixedUri"] == "https://fhir.nhs.uk/Id/nhs-number"
    status = found["Patient.identifier:nhsNumber.extension:nhsNumberVerificationStatus"]
    assert status["type"] == [{"code": "Extension", "profile": [VERIFICATION]}]
    assert status["base"]["path"] == "Element.extension"


def test_a_profile_on_a_profile_has_what_both_say(structures):
    found = elements(structures, "UKCore-Observation-VitalSigns-BMI")  # on VitalSigns, on Observation
    subject = found["Observation.subject"]
    assert (subject["min"], subject["mustSupport"]) == (1, True)
    assert subject["base"] == {"path": "Observation.subject", "min": 0, "max": "1"}
    loinc = found["Observation.code.coding:loinc.system"]
    assert (loinc["fixedUri"], loinc["base"]["path"]) == ("http://loinc.org", "Coding.system")
