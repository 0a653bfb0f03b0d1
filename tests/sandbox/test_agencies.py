from __future__ import annotations

import re
from collections import Counter

from service.sandbox import agencies
from tests.sandbox.conftest import Cohort, code

ODS = "https://fhir.nhs.uk/Id/ods-organization-code"


def sector(organization: dict) -> str:
    return code(organization["type"][0])[1]


def test_every_sector_is_there(made: Cohort):
    found = Counter(sector(organization) for organization in made.of_type("Organization"))
    assert found.keys() == {"nhs-trust", "local-authority", "school", "charity", "general-practice"}


def test_ods_codes_are_well_formed_schools_have_urns_and_charities_have_none(made: Cohort):
    for organization in made.of_type("Organization"):
        [identifier] = organization["identifier"]
        match sector(organization):
            case "charity":
                assert identifier["system"] != ODS
            case "school":
                assert identifier["system"] == ODS
                assert re.fullmatch(r"EE9\d{5}", identifier["value"])
            case _:
                assert identifier["system"] == ODS
                assert re.fullmatch(r"ZZ[A-Z0-9]{1,7}", identifier["value"])


def test_codes_of_organisations_are_given_once(made: Cohort):
    found = [organization["identifier"][0]["value"] for organization in made.of_type("Organization")]
    assert len(set(found)) == len(found)


def test_a_second_area_begins_when_the_first_is_full(made: Cohort):
    first = {
        person[0]["managingOrganization"]["reference"].split("-")[1]
        for person in made.people[: agencies.AREA_SIZE]
    }
    rest = {
        person[0]["managingOrganization"]["reference"].split("-")[1]
        for person in made.people[agencies.AREA_SIZE :]
    }
    assert (first, rest) == ({"1"}, {"2"})


def test_every_clinician_has_a_role_with_their_agency(made: Cohort):
    practitioners = {f"Practitioner/{found['id']}" for found in made.of_type("Practitioner")}
    roles = {found["practitioner"]["reference"]: found for found in made.of_type("PractitionerRole")}
    assert roles.keys() == practitioners
    assert all(role["organization"]["reference"].split("/")[1] in name for name, role in roles.items())


def test_sds_numbers_have_twelve_digits(made: Cohort):
    found = [
        identifier["value"]
        for practitioner in made.of_type("Practitioner")
        for identifier in practitioner["identifier"]
        if identifier["system"] == "https://fhir.nhs.uk/Id/sds-user-id"
    ]
    assert len(found) == len(set(found))
    assert found
    assert all(re.fullmatch(r"\d{12}", value) for value in found)


def test_signposting_goes_to_services_that_need_no_referral(made: Cohort):
    for list_ in made.of_type("List"):
        for entry in list_["entry"]:
            assert made.at(entry["item"])["comment"] == "No referral needed."


def test_the_sandbox_subscription_rings_nobody(made: Cohort):
    assert {found["status"] for found in made.of_type("Subscription")} == {"off"}


def test_an_agency_has_one_set_of_forms():
    area = agencies.area(0)
    assert area == agencies.area(0)
    assert {agency.scale for agency in area.agencies} == {None, 4, 9}
    assert {agency.code_set for agency in area.agencies} == {"goal-tool", "progress-chart"}


def test_one_of_each_trust_has_left_and_is_still_named_as_coordinator(made: Cohort):
    left = [found["id"] for found in made.of_type("Practitioner") if not found["active"]]
    assert left == ["area-1-trust-staff-12", "area-2-trust-staff-12"]
    roles = {
        found["practitioner"]["reference"]: found["active"] for found in made.of_type("PractitionerRole")
    }
    assert [who for who, is_active in roles.items() if not is_active] == [
        f"Practitioner/{id_}" for id_ in left
    ]
