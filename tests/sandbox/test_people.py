from __future__ import annotations

from datetime import date

from tests.sandbox.conftest import Cohort

UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"


def test_ages_at_referral_are_five_to_eighteen(made: Cohort):
    ages = set()
    for person in made.people:
        referral = next(found for found in person if found["resourceType"] == "ServiceRequest")
        born, referred = (
            date.fromisoformat(person[0]["birthDate"]),
            date.fromisoformat(referral["authoredOn"]),
        )
        ages.add(referred.year - born.year - ((referred.month, referred.day) < (born.month, born.day)))
    assert ages == set(range(5, 19))


def test_nhs_numbers_have_a_verification_status_and_who_has_none_says_why(made: Cohort):
    without = 0
    for patient in made.of_type("Patient"):
        numbers = [
            found for found in patient["identifier"] if found["system"] == "https://fhir.nhs.uk/Id/nhs-number"
        ]
        reasons = [
            found for found in patient["extension"] if found["url"] == f"{UK_CORE}NHSNumberUnavailableReason"
        ]
        assert len(numbers) + len(reasons) == 1
        for number in numbers:
            [status] = number["extension"]
            assert status["url"] == f"{UK_CORE}NHSNumberVerificationStatus"
            [coding] = status["valueCodeableConcept"]["coding"]
            assert coding["code"] in {"01", "02", "05"}
        without += len(reasons)
    assert 0 < without < 30


def test_restricted_records_withhold_where_they_live(made: Cohort):
    restricted = [person for person in made.people if "security" in person[0].get("meta", {})]
    assert restricted
    for person in restricted:
        assert not {"address", "telecom", "generalPractitioner"} & person[0].keys()
        assert not any("telecom" in found for found in person if found["resourceType"] == "RelatedPerson")


def test_every_young_person_has_a_carer_of_their_own(made: Cohort):
    for person in made.people:
        carers = [found for found in person if found["resourceType"] == "RelatedPerson"]
        assert carers
        assert all(carer["patient"] == {"reference": f"Patient/{person[0]['id']}"} for carer in carers)


def test_everybody_is_marked_as_test_data(made: Cohort):
    for type_ in ("Patient", "RelatedPerson", "Practitioner", "Organization"):
        assert all(found["meta"]["tag"][0]["code"] == "HTEST" for found in made.of_type(type_))
