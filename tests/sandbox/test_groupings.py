from __future__ import annotations

from collections import Counter
from itertools import pairwise

from tests.sandbox.conftest import Cohort, code

FIVE = {
    "thriving": "Thriving",
    "getting-advice-signposting": "Getting Advice and Signposting",
    "getting-help": "Getting Help",
    "getting-more-help": "Getting More Help",
    "getting-risk-support": "Getting Risk Support",
}


def test_all_five_occur_with_their_exact_names(made: Cohort):
    found = Counter()
    for grouping in made.with_profile("needs-based-grouping"):
        [coding] = grouping["valueCodeableConcept"]["coding"]
        assert coding["display"] == FIVE[coding["code"]]
        found[coding["code"]] += 1
    assert found.keys() == FIVE.keys()
    assert found["getting-help"] == max(found.values())


def test_periods_of_one_young_person_do_not_overlap(made: Cohort):
    changes = 0
    for person in made.people:
        periods = [
            found["effectivePeriod"] for found in person if "needs-based-grouping" in str(found.get("meta"))
        ]
        for before, after in pairwise(periods):
            assert before["start"] <= before["end"] < after["start"]
            changes += 1
    assert changes > 30


def test_groupings_are_decided_together_in_a_kept_session(made: Cohort):
    for grouping in made.with_profile("needs-based-grouping"):
        encounter = made.at(grouping["encounter"])
        assert encounter["status"] == "finished"
        assert encounter["period"]["start"][:10] == grouping["effectivePeriod"]["start"]
        kinds = [performer["reference"].split("/")[0] for performer in grouping["performer"]]
        assert kinds in (["Patient", "Practitioner"], ["RelatedPerson", "Practitioner"])


def test_no_number_makes_an_order_of_them(made: Cohort):
    for grouping in made.with_profile("needs-based-grouping"):
        assert code(grouping["valueCodeableConcept"])[1] in FIVE
        assert not {"valueInteger", "valueQuantity"} & grouping.keys()
