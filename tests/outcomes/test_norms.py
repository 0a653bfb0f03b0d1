from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outcomes.days import days_of
from service.outcomes.norms import NORMS, Norm, Norms, Person, rcads_norms, read_person, shown
from tests.outcomes.instruments import day, known

SEXES = {"F": "female", "M": "male"}


def test_every_norm_of_the_facts_is_there_for_both_ages_of_its_band(domain_facts):
    """Domain facts `rcads_norms`, all 120 rows."""
    terms = {row["display"]: row["code"] for row in domain_facts["snomed_scores"]}
    by_code = {code: each for each in known() for _, code in known().codings_of(each)}
    rows = domain_facts["rcads_norms"]["rows"]
    for row in rows:
        measure = by_code[terms[row["preferred_term"]]].code
        for age in row["ages"]:
            norm = NORMS.find(measure, SEXES[row["sex"]], age)
            assert norm == Norm(row["mean"], row["sd"]), row
    assert len(rows) == 120


def test_each_scale_with_a_threshold_of_t_scores_has_norms_from_8_to_17_and_no_other_has():
    for each in known():
        of_t_scores = each.national is not None and each.national.of_t_scores
        for sex in ("female", "male"):
            ages = [age for age in range(30) if NORMS.find(each.code, sex, age) is not None]
            assert ages == (list(range(8, 18)) if of_t_scores else []), each.code


@pytest.mark.parametrize(
    ("measure", "sex", "age"),
    [
        ("rcads-self-depression", None, 12),
        ("rcads-self-depression", "female", None),
        ("rcads-self-depression", "female", 7),
        ("rcads-self-depression", "female", 18),
        ("rcads-self-total-anxiety", "female", 12),
        ("ors-total", "female", 12),
    ],
)
def test_who_and_what_has_no_norm(measure, sex, age):
    assert NORMS.find(measure, sex, age) is None


def test_what_comes_with_the_service_is_read_as_written():
    assert rcads_norms().find("rcads-self-depression", "male", 8) == Norm(Decimal("8.25"), Decimal("4.09"))


def test_a_band_holds_its_first_and_its_last_age():
    row = {"measure": "m", "sex": "male", "ages": [8, 10], "mean": 3, "sd": Decimal("1.5")}
    norms = Norms([row])
    found = [age for age in range(20) if norms.find("m", "male", age)]
    assert found == [8, 9, 10]
    assert norms.find("m", "male", 9) == Norm(Decimal(3), Decimal("1.5"))


# T = 50 + 10 * (raw - mean) / sd, by hand, of a boy of 8: depression, mean 8.25 and sd 4.09.
@pytest.mark.parametrize(
    ("raw", "t_score"),
    [
        ("8.25", "50.00"),  # at the mean
        ("12.34", "60.00"),  # one standard deviation above
        ("4.16", "40.00"),  # one below
        ("0", "29.83"),
        ("10", "54.28"),
        ("30", "103.18"),
    ],
)
def test_t_scores(raw, t_score):
    norm = NORMS.find("rcads-self-depression", "male", 8)
    assert shown(norm.t_score(Decimal(raw))) == Decimal(t_score)


@given(st.decimals(0, 30, places=1), st.decimals(0, 30, places=2), st.decimals("0.01", 20, places=2))
def test_a_t_score_is_exactly_so_many_deviations_from_the_mean(raw, mean, deviation):
    t_score = Norm(mean, deviation).t_score(raw)
    assert (t_score - 50) * Fraction(deviation) == 10 * (Fraction(raw) - Fraction(mean))


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Fraction(1, 3), "0.33"),
        (Fraction(2, 3), "0.67"),
        (Fraction(5, 1000), "0.01"),
        (Fraction(-5, 1000), "-0.01"),
        (Fraction(15, 1000), "0.02"),
        (Fraction(50), "50.00"),
        (Fraction(-1, 3), "-0.33"),
        # Rounded once: what is just below a half stays below it.
        (Fraction(5, 1000) - Fraction(1, 10**40), "0.00"),
    ],
)
def test_figures_are_shown_to_two_places(figure, text):
    assert str(shown(figure)) == text


@pytest.mark.parametrize(
    ("born", "on", "age"),
    [
        ("2012-03-10", "2026-03-09", 13),
        ("2012-03-10", "2026-03-10", 14),
        ("2012-03-10", "2026-02-11", 13),
        ("2012-03-10", "2026-04-09", 14),
        ("2012-03-10", "2012-03-10", 0),
        ("2012-03-10", "2012-03-09", None),
        ("2012-02-29", "2026-02-28", 13),
        ("2012-02-29", "2026-03-01", 14),
        ("2012-02-29", "2028-02-29", 16),
        ("2012-03", "2026-02-28", 13),  # whenever in March it was
        ("2012-03", "2026-03-30", None),
        ("2012-03", "2026-03-31", 14),
        ("2012", "2026-06-01", None),
        ("2012", "2026-12-31", 14),
        ("2012", "2012-12-31", 0),
        (None, "2026-03-10", None),
    ],
)
def test_how_old_somebody_is(born, on, age):
    assert Person(days_of(born), None).age_on(day(on)) == age


@pytest.mark.parametrize(
    ("gender", "sex"),
    [("female", "female"), ("male", "male"), ("other", None), ("unknown", None), (None, None)],
)
def test_a_person_is_read(gender, sex):
    patient = {"birthDate": "2012-03-10"} | ({} if gender is None else {"gender": gender})
    assert read_person(patient) == Person(days_of("2012-03-10"), sex)
    assert read_person({}) == Person(None, None)
