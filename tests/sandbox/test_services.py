from __future__ import annotations

from tests.sandbox.conftest import Cohort, code, extension


def test_every_service_is_in_the_directory_with_how_one_comes_to_it(made: Cohort):
    services = made.of_type("HealthcareService")
    assert services == made.with_profile("thrive-service")
    ways = {code(way)[1] for service in services for way in service["characteristic"]}
    assert ways == {"drop-in", "self-referral", "referral"}
    for service in services:
        assert made.at(service["providedBy"])["resourceType"] == "Organization"
        assert service["active"] is True


def test_services_that_one_can_go_to_need_no_referral(made: Cohort):
    for service in made.of_type("HealthcareService"):
        only = {code(way)[1] for way in service["characteristic"]} == {"referral"}
        assert not only or service["comment"] == "By referral."


def test_each_grouping_has_a_service_and_services_have_several(made: Cohort):
    offered = [[code(program)[1] for program in one["program"]] for one in made.of_type("HealthcareService")]
    assert {each for one in offered for each in one} == {
        "thriving",
        "getting-advice-signposting",
        "getting-help",
        "getting-more-help",
        "getting-risk-support",
    }
    assert any(len(one) > 1 for one in offered)


def test_services_for_young_people_say_for_which_ages(made: Cohort):
    ages = [extension(one, "service-ages") for one in made.of_type("HealthcareService")]
    ranges = [one["valueRange"] for one in ages if one is not None]
    assert len(ranges) == 6 * len(ages) / 7  # not the circle of parents
    assert all(one["low"]["value"] < one["high"]["value"] for one in ranges)
