from __future__ import annotations

from collections import Counter

from service.sandbox.measures import MEASURES
from tests.sandbox.conftest import Cohort, code

RATERS = {"young-person": "Self", "carer": "Parent", "clinician": "Clinician"}


def test_codes_ranges_and_raters_are_those_of_the_facts(facts: dict):
    known = {found["code"]: found for found in facts["snomed_scores"] if found["ref_version"] == "v2"}
    for measure in MEASURES:
        for scale in measure.scales:
            fact = known[scale.code]
            assert (scale.low, scale.high) == (fact["score_min"], fact["score_max"]), scale
            assert fact["national_metric_rater"] == RATERS[measure.rater], scale
        if measure.total is not None:
            assert measure.total[1] in known


# How the national displays name a scale where they do not use our key.
NAMES = {
    "hyperactivity": "hyperactivity",
    "peer": "peer problems",
    "generalised-anxiety": "generalized anxiety",
    "ocd": "obsessions/compulsions",
    "separation": "separation anxiety",
    "social": "social phobia",
}


def test_no_code_stands_for_two_scales():
    codes = [scale.code for measure in MEASURES for scale in measure.scales]
    assert len(set(codes)) == len(codes)


def test_every_scale_has_the_code_of_its_name(facts: dict):
    displays = {found["code"]: found["display"].lower() for found in facts["snomed_scores"]}
    for measure in MEASURES:
        for scale in measure.scales:
            if len(measure.scales) > 1:
                name = NAMES.get(scale.key, scale.key.replace("scale-", "scale "))
                assert f"{name} " in f"{displays[scale.code]} ", scale


def test_every_measure_occurs_within_its_range(made: Cohort):
    ranges = {scale.code: (scale.low, scale.high) for measure in MEASURES for scale in measure.scales}
    totals = {measure.total[1]: (0, 40) for measure in MEASURES if measure.total is not None}
    found = set()
    for score in made.with_profile("scored-measure"):
        _, given = code(score["code"])
        low, high = (ranges | totals)[given]
        assert low <= score["valueQuantity"]["value"] <= high
        found.add(given)
    assert found == ranges.keys() | totals.keys()


def test_sdq_totals_are_the_sum_of_four_scales(made: Cohort):
    by_taking: dict[str, dict[str, int]] = {}
    for score in made.with_profile("scored-measure"):
        if "-sdq-" in score["id"]:
            taking, key = score["id"].rsplit("-", 1)
            by_taking.setdefault(taking, {})[key] = score["valueQuantity"]["value"]
    assert by_taking
    for scales in by_taking.values():
        assert scales["total"] == sum(
            scales[key] for key in ("emotional", "conduct", "hyperactivity", "peer")
        )


def test_the_performer_is_the_rater_of_the_measure(made: Cohort):
    types = {"young-person": "Patient", "carer": "RelatedPerson", "clinician": "Practitioner"}
    by_code = {scale.code: measure.rater for measure in MEASURES for scale in measure.scales}
    for score in made.with_profile("scored-measure"):
        rater = by_code.get(code(score["code"])[1])
        if rater is not None:
            assert score["performer"][0]["reference"].startswith(f"{types[rater]}/")


def test_some_were_taken_online_before_the_first_contact(made: Cohort):
    before = Counter("encounter" in score for score in made.with_profile("scored-measure"))
    assert 0 < before[False] < before[True] / 5


def test_what_was_taken_online_came_after_the_referral_and_before_the_first_contact(made: Cohort):
    for person in made.people:
        kept = [
            found
            for found in person
            if found["resourceType"] == "Encounter" and found["status"] == "finished"
        ]
        referral = next(found for found in person if found["resourceType"] == "ServiceRequest")
        for score in person:
            if "scored-measure" in str(score.get("meta")) and "encounter" not in score:
                assert (
                    referral["authoredOn"]
                    <= score["effectiveDateTime"][:10]
                    < kept[0]["period"]["start"][:10]
                )


def test_no_wording_comes_with_a_score(made: Cohort):
    for score in made.with_profile("scored-measure"):
        assert "text" not in score["code"]
        assert all("display" not in coding for coding in score["code"]["coding"])
