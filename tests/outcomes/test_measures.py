from __future__ import annotations

from decimal import Decimal

import pytest

from service.outcomes.measures import (
    HIGHER_IS_BETTER,
    HIGHER_IS_WORSE,
    MEASURES,
    Measure,
    Measures,
    National,
    goal_measures,
    read_measures,
)
from tests.outcomes.clinic import SNOMED, concept
from tests.outcomes.instruments import code_system, known, measure

GOALS = "Goal Based Outcomes (GBO)"
DIRECTIONS = {"higher_is_better": HIGHER_IS_BETTER, "higher_is_worse": HIGHER_IS_WORSE}
NATIONAL_DIRECTIONS = {"Positive": HIGHER_IS_BETTER, "Negative": HIGHER_IS_WORSE}
RATERS = {"Self": "young-person", "Parent": "parent-or-carer", "Clinician": "clinician"}


def of(code: str, measures: Measures | None = None) -> Measure | None:
    found = (measures or known()).of({"code": concept(SNOMED, code)})
    return None if found is None else found[0]


def test_the_code_system_is_the_one_that_is_looked_for():
    assert code_system()["url"] == MEASURES


def test_every_score_of_the_facts_is_known_with_its_range_and_direction(domain_facts):
    """Domain facts section 2.2, row by row: all 253, goals included."""
    for row in domain_facts["snomed_scores"]:
        found = of(row["code"])
        assert found is not None, row["code"]
        assert (found.low, found.high) == (row["score_min"], row["score_max"]), row["code"]
        assert found.direction == DIRECTIONS[row["clinical_direction"]], row["code"]
    assert len(domain_facts["snomed_scores"]) == 253
    assert sum(len(known().codings_of(each)) for each in known()) == 253


def test_what_the_national_metric_says_of_every_score(domain_facts):
    """Domain facts section 3.3, row by row: in or out, threshold, direction, rater, and which are of T scores."""
    thresholds = domain_facts["reliable_change_national"]["thresholds_by_preferred_term"]
    counted = 0
    for row in domain_facts["snomed_scores"]:
        national = of(row["code"]).national
        if not row["in_national_cyp_outcome_metric"]:
            assert national is None, row["code"]
            continue
        counted += 1
        assert national == National(
            threshold=row["national_reliable_change_threshold"],
            direction=NATIONAL_DIRECTIONS[row["national_metric_direction"]],
            rater=RATERS[row["national_metric_rater"]],
            of_t_scores="threshold_scale" in row,
        ), row["code"]
        assert national.threshold == thresholds[row["display"]], row["code"]
    assert counted == 106


def test_scores_are_of_one_measure_exactly_where_their_preferred_terms_are_one(domain_facts):
    """The pairing key is the preferred term: so a legacy and an active id of one measure do pair."""
    rows = domain_facts["snomed_scores"]
    terms = {row["code"]: row["display"] for row in rows}
    measures = {row["code"]: of(row["code"]) for row in rows}
    for one in rows:
        for other in rows:
            assert (terms[one["code"]] == terms[other["code"]]) is (
                measures[one["code"]] == measures[other["code"]]
            )


@pytest.mark.parametrize(
    ("code", "legacy", "name", "low", "high", "threshold", "rater"),
    [
        # Domain facts section 2.2, the table
        ("718458005", "960321000000103", "cors-total", 0, 40, "10", "young-person"),
        ("716613004", "960251000000100", "ors-total", 0, 40, "6.60", "young-person"),
        ("720482000", "960451000000101", "srs-total", 0, 40, None, None),
        ("718762000", None, "csrs-total", 0, 40, None, None),
        ("718437004", "960601000000104", "yp-core-total", 0, 40, "8", "young-person"),
        ("718583008", "958051000000104", "core-10-total", 0, 40, "5", "young-person"),
        ("720433000", "506701000000100", "phq-9-total", 0, 27, "6", "young-person"),
        ("445455005", None, "gad-7-total", 0, 21, "4", "young-person"),
        ("860591000000104", None, "cgas-total", 1, 100, "11", "clinician"),
        ("718466001", "960481000000107", "swemwbs-total", 7, 35, "3", "young-person"),
        ("718426000", "885541000000103", "wemwbs-total", 14, 70, "9", "young-person"),
        ("718455008", "959961000000106", "score-15-total", 15, 75, "10", "young-person"),
        ("718145004", None, "sdq-self-11-17-emotional", 0, 10, "4", "young-person"),
        ("718143006", None, "sdq-self-11-17-conduct", 0, 10, "4", "young-person"),
        ("718482000", None, "sdq-self-11-17-hyperactivity", 0, 10, "4", "young-person"),
        ("718146003", None, "sdq-self-11-17-peer", 0, 10, "5", "young-person"),
        ("718147007", None, "sdq-self-11-17-prosocial", 0, 10, "4", "young-person"),
        ("718477007", None, "sdq-self-11-17-impact", 0, 10, "3", "young-person"),
        ("718134002", None, "sdq-self-11-17-total", 0, 40, None, None),
        ("986071000000101", None, "sdq-parent-4-17-emotional", 0, 10, "4", "parent-or-carer"),
        ("986061000000108", None, "sdq-parent-4-17-conduct", 0, 10, "4", "parent-or-carer"),
        ("986081000000104", None, "sdq-parent-4-17-hyperactivity", 0, 10, "4", "parent-or-carer"),
        ("986101000000105", None, "sdq-parent-4-17-peer", 0, 10, "3", "parent-or-carer"),
        ("986111000000107", None, "sdq-parent-4-17-prosocial", 0, 10, "3", "parent-or-carer"),
        ("986091000000102", None, "sdq-parent-4-17-impact", 0, 10, "3", "parent-or-carer"),
        ("986121000000101", None, "sdq-parent-4-17-total", 0, 40, None, None),
        ("718655001", None, "rcads-self-depression", 0, 30, "17.73", "young-person"),
        ("718656000", None, "rcads-self-generalised-anxiety", 0, 18, "14.91", "young-person"),
        ("718657009", None, "rcads-self-ocd", 0, 18, "16.35", "young-person"),
        ("718658004", None, "rcads-self-panic", 0, 27, "18.29", "young-person"),
        ("718659007", None, "rcads-self-separation", 0, 21, "22.95", "young-person"),
        ("718660002", None, "rcads-self-social", 0, 27, "13.99", "young-person"),
        ("718665007", None, "rcads-parent-depression", 0, 30, "22.87", "parent-or-carer"),
        ("718666008", None, "rcads-parent-generalised-anxiety", 0, 18, "18.30", "parent-or-carer"),
        ("718667004", None, "rcads-parent-ocd", 0, 18, "24.06", "parent-or-carer"),
        ("718668009", None, "rcads-parent-panic", 0, 27, "40.93", "parent-or-carer"),
        ("718669001", None, "rcads-parent-separation", 0, 21, "28", "parent-or-carer"),
        ("718670000", None, "rcads-parent-social", 0, 27, "16.63", "parent-or-carer"),
        ("989751000000102", None, "honosca-clinician-scale-1", 0, 4, "2", "clinician"),
        ("989881000000104", None, "honosca-parent-scale-1", 0, 4, "2", "parent-or-carer"),
        # Quirk 3: national figures file it under Parent.
        ("989621000000101", None, "honosca-self-scale-1", 0, 4, "2", "parent-or-carer"),
    ],
)
def test_the_measures_of_the_table(code, legacy, name, low, high, threshold, rater):
    found = of(code)
    assert (found.code, found.low, found.high) == (name, low, high)
    if legacy is not None:
        assert of(legacy) == found
    national = found.national
    assert (national and national.threshold) == (threshold and Decimal(threshold))
    assert (national and national.rater) == rater


def test_whose_view_a_measure_is_and_where_the_metric_turns_it_round():
    """The quirks of domain facts section 3.3 that are of single measures: no other one differs."""
    judged = [each for each in known() if each.national is not None]
    reversed_ = {each.code for each in judged if each.national.direction != each.direction}
    assert reversed_ == {"sdq-self-11-17-prosocial", "sdq-parent-4-17-prosocial", "score-15-total"}
    moved = {each.code for each in judged if each.rater is not None and each.national.rater != each.rater}
    assert moved == {"honosca-self-scale-1"}
    t_scores = {each.code for each in judged if each.national.of_t_scores}
    assert t_scores == {each.code for each in judged if each.code.startswith("rcads-")}
    outside = {each.code for each in known() if each.national is None}
    assert {"rcads-self-total-anxiety", "rcads-parent-total-anxiety-depression"} <= outside
    assert {each.code for each in known() if "teacher" in each.code or "-2-4-" in each.code} <= outside


def test_goals_are_measures_to_the_national_metric_and_each_code_is_one():
    goals = list(goal_measures())
    assert {each.code for each in goals} == {
        "959951000000108",
        "1034351000000101",
        "1034361000000103",
        "1034371000000105",
        "1638531000000102",
        "1638541000000106",
        "1638551000000109",
    }
    for each in goals:
        assert (each.low, each.high, each.direction, each.rater) == (0, 10, HIGHER_IS_BETTER, "young-person")
        assert each.national == National(Decimal(3), HIGHER_IS_BETTER, "young-person", of_t_scores=False)
        assert each.coding == (SNOMED, each.code)
        assert goal_measures().codings_of(each) == (each.coding,)
    assert len({each.name for each in goals}) == 7


@pytest.mark.parametrize(
    ("value", "held"), [("-0.01", False), ("0", True), ("7.5", True), ("40", True), ("40.01", False)]
)
def test_a_range_holds_both_of_its_ends(value, held):
    assert measure("ors-total").holds(Decimal(value)) is held


def test_the_code_by_which_a_score_was_known():
    both = {
        "coding": [
            {"system": "https://elsewhere.example", "code": "1"},
            *concept(SNOMED, "960251000000100")["coding"],
        ]
    }
    assert known().of({"code": both}) == (measure("ors-total"), (SNOMED, "960251000000100"))
    assert known().of({"code": concept("https://elsewhere.example", "716613004")}) is None
    assert known().of({}) is None
    assert known().codings_of(measure("ors-total")) == ((SNOMED, "716613004"), (SNOMED, "960251000000100"))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ors-total", {"ors-total"}),
        ("ors", {"ors-total"}),
        ("716613004", {"ors-total"}),
        ("960251000000100", {"ors-total"}),
        (f"{SNOMED}|716613004", {"ors-total"}),
        (f"{MEASURES}|ors-total", {"ors-total"}),
        (f"{MEASURES}|ors", set()),
        (f"{MEASURES}|716613004", set()),
        ("rcads-self", {each.code for each in known() if each.code.startswith("rcads-self-")}),
        ("|ors-total", set()),
        ("o", set()),
        ("or", set()),
        ("", set()),
        ("ors-", set()),
        ("1638531000000102", {"1638531000000102"}),
    ],
)
def test_what_a_text_means(text, meant):
    assert {each.code for each in known().named(text)} == meant


def properties(**told):
    return [{"code": name.replace("_", "-"), **value} for name, value in told.items()]


WHOLE = {
    "snomed": {"valueCoding": {"system": SNOMED, "code": "1"}},
    "minimum": {"valueDecimal": 0},
    "maximum": {"valueDecimal": Decimal("7.5")},
    "direction": {"valueCode": "higher-is-worse"},
    "national_metric": {"valueBoolean": True},
    "national_threshold": {"valueDecimal": Decimal("2.5")},
    "national_direction": {"valueCode": "higher-is-better"},
    "national_rater": {"valueCode": "clinician"},
}


def read(**told):
    system = {"url": "urn:x", "concept": [{"code": "a", "property": properties(**told)}]}
    return next(iter(read_measures(system)), None)


def test_a_measure_of_an_added_package_is_read():
    found = read(**WHOLE)
    assert found == Measure(
        coding=("urn:x", "a"),
        name="a",
        low=Decimal(0),
        high=Decimal("7.5"),
        direction=HIGHER_IS_WORSE,
        rater=None,
        national=National(Decimal("2.5"), HIGHER_IS_BETTER, "clinician", of_t_scores=False),
    )
    assert read(**WHOLE, threshold_scale={"valueCode": "t-score"}).national.of_t_scores
    assert read(**WHOLE, rater={"valueCode": "other"}).rater == "other"
    assert list(read_measures({})) == []


@pytest.mark.parametrize("name", ["snomed", "minimum", "maximum", "direction"])
def test_what_is_not_wholly_told_is_no_measure(name):
    assert read(**{each: value for each, value in WHOLE.items() if each != name}) is None
    assert read(**WHOLE | {name: {}}) is None


def test_a_direction_is_one_of_two():
    assert read(**WHOLE | {"direction": {"valueCode": "sideways"}}) is None
    assert read(**WHOLE | {"national_direction": {"valueCode": "sideways"}}).national is None


@pytest.mark.parametrize(
    "name", ["national_metric", "national_threshold", "national_direction", "national_rater"]
)
def test_what_is_not_wholly_told_is_in_no_metric(name):
    found = read(**{each: value for each, value in WHOLE.items() if each != name})
    assert found is not None
    assert found.national is None
    assert read(**WHOLE | {"national_metric": {"valueBoolean": False}}).national is None
