from __future__ import annotations

import csv

from service.operations.measures_figures import Asked, Figures, Told
from service.operations.measures_rows import POINT_COLUMNS, SERIES_COLUMNS, table
from service.operations.progress_figures import CLINICAL, PARITY, POINTS, SERIES
from service.outcomes.days import ALWAYS
from service.outcomes.measure_changes import clinical_changes
from service.outcomes.national import national_changes, views
from service.outcomes.norms import NORMS
from service.outcomes.referrals import Referrals
from tests.operations.test_measures_answer import GIRL, REFERRAL
from tests.outcomes.instruments import HAZEL, known, taking

PANIC = (
    taking("rcads-self-panic", "2026-02-01", 20, observation="a", encounter=("Encounter", "e")),
    taking("rcads-self-panic", "2026-02-08", 10, observation="b"),
)


def rows(figures, mode=CLINICAL, kind=SERIES):
    written = table(Asked("ash", ALWAYS, mode, kind, frozenset(known())), figures).decode()
    lines = list(csv.reader(written.splitlines()))
    assert tuple(lines[0]) == (POINT_COLUMNS if kind == POINTS else SERIES_COLUMNS)
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def test_a_row_a_measure_and_view():
    [row] = rows(Figures(clinical_changes(PANIC, GIRL, NORMS)))
    norm = NORMS.find("rcads-self-panic", "female", 13)
    before, after = (round(50 + 10 * (raw - norm.mean) / norm.deviation, 2) for raw in (20, 10))
    assert row == {
        "measure": "rcads-self-panic",
        "name": "RCADS, self-rated: panic",
        "rater": "young-person",
        "rated_by": "Patient/ash",
        "referral": "",
        "direction": "higher-is-worse",
        "scale": "t-score",
        "at_least": "18.29",
        "ratings": "2",
        "baseline": "20",
        "baseline_t": str(before),
        "baseline_date": "2026-02-01",
        "latest": "10",
        "latest_t": str(after),
        "latest_date": "2026-02-08",
        "change": str(round(-100 / norm.deviation, 2)),
        "verdict": "improved",
        "cautions": "",
        "view": "",
        "counted": "",
        "reasons": "",
    }


def test_what_was_not_compared_is_empty():
    [row] = rows(Figures(clinical_changes([taking("cgas-total", "2026-02-01", 40, HAZEL)], GIRL, NORMS)))
    assert [row[name] for name in ("rated_by", "scale", "baseline", "latest", "change")] == [
        "",
        "score",
        "",
        "",
        "",
    ]
    assert row["verdict"] == "not-rated-twice"


def test_national_rows_say_what_the_view_comes_to_and_if_it_counts():
    takings = [
        *PANIC,
        taking("ors-total", "2026-02-01", 30),
        taking("ors-total", "2026-02-08", 10),
        taking("srs-total", "2026-02-01", 10),
        taking("ors-total", "2025-01-01", 10),
    ]
    changes = national_changes(takings, Referrals([REFERRAL]), GIRL, NORMS)
    told = Told(REFERRAL, 13, ("rejected", "hospital-stay"), views(changes))
    found = rows(Figures(changes, (told,)), PARITY)
    assert [
        (row["measure"], row["referral"], row["verdict"], row["view"], row["counted"], row["reasons"])
        for row in found
    ] == [
        ("ors-total", "r", "deteriorated", "deteriorated", "false", "rejected hospital-stay"),
        ("rcads-self-panic", "r", "improved", "deteriorated", "false", "rejected hospital-stay"),
        ("srs-total", "r", "outside-metric", "", "false", "rejected hospital-stay"),
        ("ors-total", "", "no-referral", "", "", ""),
    ]
    assert found[0]["cautions"] == "referral-by-date"
    counted = Told(REFERRAL, 13, (), views(changes))
    assert rows(Figures(changes, (counted,)), PARITY)[0]["counted"] == "true"


def test_a_row_a_score():
    first, second = rows(Figures(clinical_changes(PANIC, GIRL, NORMS)), kind=POINTS)
    norm = NORMS.find("rcads-self-panic", "female", 13)
    assert first == {
        "measure": "rcads-self-panic",
        "rater": "young-person",
        "rated_by": "Patient/ash",
        "referral": "",
        "date": "2026-02-01",
        "value": "20",
        "t_score": str(round(50 + 10 * (20 - norm.mean) / norm.deviation, 2)),
        "age": "13",
        "code_system": "http://snomed.info/sct",
        "code": "718658004",
        "observation": "a",
        "encounter": "Encounter/e",
    }
    assert (second["observation"], second["encounter"]) == ("b", "")
    changes = national_changes([taking("ors-total", "2026-02-01", 30)], Referrals([REFERRAL]), GIRL, NORMS)
    [row] = rows(Figures(changes), PARITY, POINTS)
    assert (row["referral"], row["t_score"], row["age"]) == ("r", "", "")
