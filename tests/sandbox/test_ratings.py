from __future__ import annotations

from collections import Counter
from decimal import Decimal

from tests.sandbox.conftest import Cohort, code, scores, slot

SNOMED = "http://snomed.info/sct"
CHART = {1: "1034351000000101", 2: "1034361000000103", 3: "1034371000000105"}
TOOL = {1: "1638531000000102", 2: "1638541000000106", 3: "1638551000000109"}
NOT_GBO_SLOTS = {"959951000000108", "959961000000106", "959971000000104"}


def values(made: Cohort) -> list[int | Decimal]:
    return [score["valueQuantity"]["value"] for score in made.with_profile("gbo-score")]


def test_scores_lie_between_0_and_10_and_both_ends_occur(made: Cohort):
    found = values(made)
    assert (min(found), max(found)) == (0, 10)


def test_zero_is_often_a_score(made: Cohort):
    found = values(made)
    assert found.count(0) > 0.02 * len(found)


def test_decimals_occur_now_and_then(made: Cohort):
    found = values(made)
    decimals = [value for value in found if isinstance(value, Decimal)]
    assert 0.01 < len(decimals) / len(found) < 0.2
    assert any(value % 1 for value in decimals)
    assert all(isinstance(value, (int, Decimal)) for value in found)


def test_the_young_persons_code_is_that_of_the_slot_and_anyone_elses_is_ours(made: Cohort):
    raters = Counter()
    for score in made.with_profile("gbo-score"):
        goal = made.at(score["focus"][0])
        system, found = code(score["code"])
        rater = score["performer"][0]["reference"].split("/")[0]
        raters[rater] += 1
        if rater == "Patient":
            assert system == SNOMED
            assert found in {CHART[slot(goal)], TOOL[slot(goal)]}
        else:
            ours = {"RelatedPerson": "parent-rated-goal-score", "Practitioner": "clinician-rated-goal-score"}
            assert (system, found) == ("https://thrive-fhir.example/CodeSystem/goal-score", ours[rater])
    assert raters.keys() == {"Patient", "RelatedPerson", "Practitioner"}


def test_both_code_sets_occur_and_never_in_one_referral(made: Cohort):
    sets: dict[str, set[str]] = {}
    for score in made.with_profile("gbo-score"):
        system, found = code(score["code"])
        if system == SNOMED:
            referral = made.at(score["encounter"])["basedOn"][0]["reference"]
            sets.setdefault(referral, set()).add("chart" if found in CHART.values() else "tool")
    assert all(len(found) == 1 for found in sets.values())
    assert set.union(*sets.values()) == {"chart", "tool"}


def test_codes_often_quoted_wrongly_occur_nowhere(made: Cohort):
    found = {coding["code"] for score in made.of_type("Observation") for coding in score["code"]["coding"]}
    assert not found & NOT_GBO_SLOTS


def test_goal_codes_and_ranges_are_those_of_the_facts(facts: dict):
    known = {found["code"]: found for found in facts["snomed_scores"]}
    for found in (*CHART.values(), *TOOL.values()):
        assert (known[found]["score_min"], known[found]["score_max"]) == (0, 10)
        assert known[found]["check_digit_ok"]


def test_the_child_the_goal_and_the_session_of_a_score_agree(made: Cohort):
    for name in ("gbo-score", "gas-score"):
        for score in made.with_profile(name):
            [focus], [derived] = score["focus"], score["derivedFrom"]
            assert made.at(focus)["subject"] == score["subject"]
            assert made.at(derived)["subject"] == score["subject"]
            assert made.at(derived)["encounter"] == score["encounter"]
            assert made.at(score["encounter"])["subject"] == score["subject"]


def test_every_score_stands_in_its_form_and_every_answer_is_a_score(made: Cohort):
    answers = set()
    for response in made.with_profile("gbo-session"):
        for group in response["item"]:
            goal, answer = group["item"]
            assert goal["linkId"] == f"{group['linkId']}.goal"
            assert answer["linkId"] in {f"{group['linkId']}.score", f"{group['linkId']}.level"}
            assert group["linkId"] == f"goal-{slot(made.at(goal['answer'][0]['valueReference']))}"
            [(kind, value)] = answer["answer"][0].items()
            where = (
                f"QuestionnaireResponse/{response['id']}",
                goal["answer"][0]["valueReference"]["reference"],
            )
            answers.add((*where, value if kind == "valueDecimal" else "level"))
    found = {
        (
            score["derivedFrom"][0]["reference"],
            score["focus"][0]["reference"],
            score["valueQuantity"]["value"] if "valueQuantity" in score else "level",
        )
        for name in ("gbo-score", "gas-score")
        for score in made.with_profile(name)
    }
    assert found == answers


def test_a_form_has_each_slot_once(made: Cohort):
    for response in made.with_profile("gbo-session"):
        links = [group["linkId"] for group in response["item"]]
        assert links == sorted(set(links))


def test_one_form_a_session_and_rater(made: Cohort):
    forms = Counter(
        (response["encounter"]["reference"], response["source"]["reference"])
        for response in made.with_profile("gbo-session")
        if response["status"] != "entered-in-error"
    )
    assert max(forms.values()) == 1


def test_first_ratings_come_by_the_third_contact_of_help_that_began_with_the_goal(made: Cohort):
    early = late = 0
    for person in made.people:
        kept: dict[str, list[str]] = {}
        for found in person:
            if found["resourceType"] == "Encounter" and found["status"] == "finished":
                kept.setdefault(found["basedOn"][0]["reference"], []).append(f"Encounter/{found['id']}")
        for goal in (found for found in person if found["resourceType"] == "Goal"):
            first = scores(made, goal)[0]
            referral = made.at(first["encounter"])["basedOn"][0]["reference"]
            assert first["effectiveDateTime"][:10] == goal["startDate"]
            if kept[referral].index(first["encounter"]["reference"]) < 3:
                early += 1
            else:
                late += 1
    assert late > 0
    assert early > 5 * late


def test_ratings_of_a_goal_come_one_after_another(made: Cohort):
    for goal in made.of_type("Goal"):
        by_rater: dict[str, list[str]] = {}
        for score in scores(made, goal):
            by_rater.setdefault(score["performer"][0]["reference"], []).append(
                score["effectiveDateTime"][:10]
            )
        for days in by_rater.values():
            assert days == sorted(set(days))


def test_goals_go_up_stay_and_go_down(made: Cohort):
    found = Counter()
    for goal in made.with_profile("gbo-goal"):
        own = [score for score in scores(made, goal) if score["performer"] == [goal["expressedBy"]]]
        if len(own) > 1:
            change = own[-1]["valueQuantity"]["value"] - own[0]["valueQuantity"]["value"]
            found["up" if change >= 3 else "down" if change <= -3 else "near"] += 1
    assert found["up"] > found["near"] / 2
    assert found["near"] > found["down"] > 5


def test_a_corrected_or_retracted_form_takes_its_scores_with_it_and_is_traced(made: Cohort):
    expected = {"completed": "final", "amended": "amended", "entered-in-error": "entered-in-error"}
    traced = {found["target"][0]["reference"] for found in made.of_type("Provenance")}
    states = Counter()
    for score in made.with_profile("gbo-score"):
        form = made.at(score["derivedFrom"][0])
        assert score["status"] == expected[form["status"]]
        states[form["status"]] += 1
        if form["status"] != "completed":
            assert score["derivedFrom"][0]["reference"] in traced
    assert states.keys() == expected.keys()


def test_the_unit_is_that_of_uk_core(made: Cohort):
    units = {tuple(sorted(score["valueQuantity"].keys())) for score in made.with_profile("gbo-score")}
    assert units == {("code", "system", "unit", "value")}
    assert {score["valueQuantity"]["code"] for score in made.with_profile("gbo-score")} == {"{ScoreOf}"}


def test_attainment_follow_ups_say_who_judged(made: Cohort):
    follow_up = {"Practitioner": "107333-7", "Patient": "107334-5", "RelatedPerson": "107331-1"}
    found = made.with_profile("gas-score")
    assert found
    baselines = 0
    for score in found:
        rater = score["performer"][0]["reference"].split("/")[0]
        system, given = code(score["code"])
        assert system == "http://loinc.org"
        assert given in {"112296-9", follow_up[rater]}
        baselines += given == "112296-9"
        assert code(score["valueCodeableConcept"])[1] != "LA34482-2"
    assert baselines > 0
