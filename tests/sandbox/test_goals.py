from __future__ import annotations

from collections import Counter

from tests.sandbox.conftest import Cohort, extension, goals_by_person, scores, slot


def ended(goal: dict) -> str | None:
    return goal["statusDate"] if goal["lifecycleStatus"] in {"completed", "cancelled"} else None


def test_one_goal_holds_a_slot_at_a_time(made: Cohort):
    held = 0
    for goals in goals_by_person(made):
        for place, goal in enumerate(goals):
            for other in goals[place + 1 :]:
                if slot(goal) == slot(other):
                    held += 1
                    until = ended(goal)
                    assert until is not None
                    assert until <= other["startDate"]
    assert held > 3


def test_at_most_three_goals_run_at_once(made: Cohort):
    most = 0
    for goals in goals_by_person(made):
        running = [goal for goal in goals if goal["lifecycleStatus"] in {"active", "on-hold"}]
        most = max(most, len(running))
        assert {slot(goal) for goal in goals} <= {1, 2, 3}
    assert most == 3


def test_one_to_three_goals_occur(made: Cohort):
    found = Counter(len(goals) for goals in goals_by_person(made))
    assert all(found[count] > 10 for count in (1, 2, 3))


def test_goals_of_young_people_parents_and_clinicians_occur(made: Cohort):
    found = Counter(goal["expressedBy"]["reference"].split("/")[0] for goal in made.of_type("Goal"))
    assert found.keys() == {"Patient", "RelatedPerson", "Practitioner"}
    assert found["Patient"] > found["RelatedPerson"] > found["Practitioner"] > 0


def test_lifecycle_and_achievement_vary(made: Cohort):
    goals = made.of_type("Goal")
    assert {goal["lifecycleStatus"] for goal in goals} == {"active", "completed", "cancelled", "on-hold"}
    found = {goal["achievementStatus"]["coding"][0]["code"] for goal in goals}
    assert {"in-progress", "improving", "no-change", "worsening", "achieved", "not-achieved"} <= found


def test_no_score_after_its_goal_ended_and_none_before_it_was_set(made: Cohort):
    for goal in made.of_type("Goal"):
        for score in scores(made, goal):
            day = score["effectiveDateTime"][:10]
            assert goal["startDate"] <= day
            if goal.get("statusReason") == "Help has ended":
                assert day <= goal["statusDate"]
            elif ended(goal) is not None:
                assert day < goal["statusDate"]


def test_a_replacement_says_what_it_replaces(made: Cohort):
    slots = Counter()
    for goal in made.of_type("Goal"):
        replaces = extension(goal, "goal-replaces")
        if replaces is None:
            continue
        old = made.at(replaces["valueReference"])
        assert old["subject"] == goal["subject"]
        assert old["lifecycleStatus"] == "cancelled"
        slots["used again" if slot(old) == slot(goal) else "new"] += 1
    assert slots["used again"] > 0
    assert slots["new"] > 0


def test_the_slot_is_no_part_of_the_identity(made: Cohort):
    assert any(int(goal["id"].rsplit("-", 1)[1]) != slot(goal) for goal in made.of_type("Goal"))


def test_a_target_has_its_measure(made: Cohort):
    for goal in made.with_profile("gbo-goal"):
        [target] = goal["target"]
        assert target["measure"]
        assert target["detailQuantity"]["value"] == 10
        assert target["dueDate"] > goal["startDate"]


def test_attainment_levels_are_five_from_the_answer_list(made: Cohort):
    url = "http://hl7.org/fhir/us/pco/StructureDefinition/pco-goal-attainment-scaling"
    goals = made.with_profile("gas-goal")
    assert goals
    for goal in goals:
        levels = [
            found["extension"][0]["valueCoding"]["code"] for found in goal["extension"] if found["url"] == url
        ]
        assert levels == ["LA34484-8", "LA34483-0", "LA34481-4", "LA34480-6", "LA34479-8"]
