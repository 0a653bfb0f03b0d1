from __future__ import annotations

from tests.sandbox.conftest import Cohort, code, scores


def test_a_handover_leaves_a_task_a_notice_to_both_agencies_and_provenance(made: Cohort):
    told = 0
    for plan in made.of_type("CarePlan"):
        if "replaces" not in plan:
            continue
        id_ = plan["id"].replace("-plan-", "-handover-")
        notice = made.by_reference[f"Communication/{id_}"]
        assert len({recipient["reference"] for recipient in notice["recipient"]}) == 2
        assert made.by_reference[f"Task/{id_}"]["focus"] == {"reference": f"CarePlan/{plan['id']}"}
        assert made.by_reference[f"Provenance/{id_}"]["target"] == [{"reference": f"CarePlan/{plan['id']}"}]
        told += 1
    assert told > 3


def test_flags_stand_exactly_where_there_is_risk_support(made: Cohort):
    at_risk = [
        (grouping["subject"]["reference"], grouping["effectivePeriod"])
        for grouping in made.with_profile("needs-based-grouping")
        if code(grouping["valueCodeableConcept"])[1] == "getting-risk-support"
    ]
    flagged = [(flag["subject"]["reference"], flag["period"]) for flag in made.of_type("Flag")]
    assert flagged == at_risk


def test_messages_hold_no_names(made: Cohort):
    for message in made.of_type("Communication"):
        person = made.at(message["subject"])
        for payload in message["payload"]:
            assert person["name"][0]["family"] not in payload["contentString"]


def test_a_report_counts_goals_with_a_first_and_a_later_score(made: Cohort):
    reports = made.of_type("MeasureReport")
    assert reports
    for report in reports:
        goals = [goal for goal in made.of_type("Goal") if goal["subject"] == report["subject"]]
        counts = []
        for goal in goals:
            kind = goal["expressedBy"]["reference"].split("/")[0]
            counts.append(
                sum(found["performer"][0]["reference"].split("/")[0] == kind for found in scores(made, goal))
            )
        denominator, numerator = (found["count"] for found in report["group"][0]["population"])
        assert (denominator, numerator) == (
            sum(count > 0 for count in counts),
            sum(count > 1 for count in counts),
        )


def test_review_groups_hold_sixteen_young_people(made: Cohort):
    groups = [group for group in made.of_type("Group") if group["actual"]]
    assert len(groups) == 300 // 16
    for group in groups:
        assert len(group["member"]) == group["quantity"] == 16
        assert all(member["entity"]["reference"] in made.by_reference for member in group["member"])


def test_signposting_is_a_proposal_and_says_what_came_of_it(made: Cohort):
    signposts = made.with_profile("thrive-signposting")
    assert {found["intent"] for found in signposts} == {"proposal"}
    assert {found["status"] for found in signposts} == {"active", "completed", "revoked"}
    decided = [made.at(info) for found in signposts for info in found.get("supportingInfo", ())]
    assert decided
    for found in signposts:
        [service] = found["performer"]
        assert made.at(service)["resourceType"] == "HealthcareService"
        for info in found.get("supportingInfo", ()):
            assert made.at(info)["subject"] == found["subject"]
