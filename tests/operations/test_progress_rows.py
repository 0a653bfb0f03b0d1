"""The rows of $progress, to the letter."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from service.operations.progress_figures import CLINICAL, PARITY, POINTS, SERIES, Asked, figures
from service.operations.progress_rows import PAIR_COLUMNS, POINT_COLUMNS, SERIES_COLUMNS, table
from service.operations.rated import Rated
from service.outcomes.days import ALWAYS, days_of
from service.outcomes.series import RATERS, read_points
from tests.outcomes.clinic import (
    ASH,
    GOAL_TOOL,
    MUM,
    PROGRESS_CHART,
    ROWAN,
    SNOMED,
    extension,
    level,
    locate,
    own,
    rated_by,
    rating,
    refer,
)


def goal(id_, slot=None, status="active"):
    slots = [] if slot is None else [extension("goal-slot", valuePositiveInt=slot)]
    return {"id": id_, "lifecycleStatus": status, "subject": refer(ASH), "extension": slots}


RATED = Rated(
    {"school": goal("school", 1), "sleep": goal("sleep", 2, "completed"), "calm": goal("calm")},
    tuple(
        point
        for each in (
            rating("1", "school", "0", "2026-03-01", own(1, PROGRESS_CHART)),
            rating("2", "school", None, "2026-03-08", own(1)),
            rating(
                "3",
                "school",
                "2.50",
                "2026-03-15T16:00:00Z",
                own(1),
                derivedFrom=[refer(("QuestionnaireResponse", "f"))],
            ),
            rating("4", "sleep", "7", "2026-03-01", own(2)),
            rating("5", "sleep", "3", "2026-03-01", rated_by("parent"), MUM),
            rating(
                "6", "sleep", "6", "2026-03-15", rated_by("parent"), MUM, encounter=refer(("Encounter", "e"))
            ),
            level("7", "calm", -1, "2026-03-01", "112296-9", ROWAN),
            level("8", "calm", 1, "2026-03-15", "107333-7", ROWAN),
        )
        for point in read_points(each, locate)
    ),
)


def rows(mode=CLINICAL, shape=SERIES, raters=RATERS):
    asked = Asked(("Patient", "ash"), ALWAYS, frozenset(raters), mode, shape, days_of("2026-04-01").first)
    text = table(asked, figures(RATED, asked, locate)).decode()
    return list(csv.reader(io.StringIO(text)))


def test_one_row_a_series():
    assert [",".join(row) for row in rows()] == [
        ",".join(SERIES_COLUMNS),
        (
            "school,1,active,young-person,Patient/ash,score,2,1,0,2026-03-01,2.50,2026-03-15T16:00:00Z,2.50,17,"
            "2026-04-01,no-change,1,2.50,2.50,improved,no-change,,,"
        ),
        (
            "sleep,2,completed,young-person,Patient/ash,score,1,0,7,2026-03-01,7,2026-03-01,,31,"
            "2026-04-01,not-rated-twice,1,2.50,2.50,improved,no-change,,,"
        ),
        (
            "sleep,2,completed,parent-or-carer,RelatedPerson/mum,score,2,0,3,2026-03-01,6,2026-03-15,3,17,"
            "2026-04-01,improved,1,3,3.00,improved,improved,,,"
        ),
        "calm,,active,clinician,,level,2,0,-1,2026-03-01,1,2026-03-15,2,17,2026-04-01,,,,,,,40.00,60.00,20.00",
    ]


def test_totals_are_empty_where_nothing_was_rated_twice():
    [_, row] = rows(raters=["young-person"])[1:]
    assert row[0] == "sleep"
    asked = Asked(("Goal", "sleep"), ALWAYS, frozenset(["young-person"]), CLINICAL, SERIES, 1)
    alone = Rated({"sleep": RATED.goals["sleep"]}, tuple(p for p in RATED.points if p.goal[1] == "sleep"))
    [line] = list(csv.DictReader(io.StringIO(table(asked, figures(alone, asked, locate)).decode())))
    assert (line["goals_rated_twice"], line["total_change"], line["mean_change"]) == ("0", "", "")
    assert (line["mean_of_goals"], line["each_slot_of_all"]) == ("not-rated-twice", "not-rated-twice")


def test_one_row_a_pair():
    assert [",".join(row) for row in rows(PARITY)] == [
        ",".join(PAIR_COLUMNS),
        f"{SNOMED},{PROGRESS_CHART[1]},1,school,1,0,2026-03-01,0,2026-03-01,,not-rated-twice,not-rated-twice,code-set-switched",
        (
            f"{SNOMED},{GOAL_TOOL[1]},1,school,1,2.50,2026-03-15T16:00:00Z,2.50,2026-03-15T16:00:00Z,,"
            "not-rated-twice,not-rated-twice,code-set-switched"
        ),
        f"{SNOMED},{GOAL_TOOL[2]},2,sleep,1,7,2026-03-01,7,2026-03-01,,not-rated-twice,not-rated-twice,",
    ]
    assert rows(PARITY, raters=["clinician"]) == [list(PAIR_COLUMNS)]


def test_one_row_a_rating_in_either_mode():
    ours = "https://thrive-fhir.example/CodeSystem/goal-score"
    expected = [
        ",".join(POINT_COLUMNS),
        f"school,1,young-person,Patient/ash,score,2026-03-01,0,{SNOMED},{PROGRESS_CHART[1]},1,,",
        f"school,1,young-person,Patient/ash,score,2026-03-08,,{SNOMED},{GOAL_TOOL[1]},2,,",
        f"school,1,young-person,Patient/ash,score,2026-03-15T16:00:00Z,2.50,{SNOMED},{GOAL_TOOL[1]},3,QuestionnaireResponse/f,",
        f"sleep,2,young-person,Patient/ash,score,2026-03-01,7,{SNOMED},{GOAL_TOOL[2]},4,,",
        f"sleep,2,parent-or-carer,RelatedPerson/mum,score,2026-03-01,3,{ours},parent-rated-goal-score,5,,",
        f"sleep,2,parent-or-carer,RelatedPerson/mum,score,2026-03-15,6,{ours},parent-rated-goal-score,6,,Encounter/e",
        "calm,,clinician,Practitioner/rowan,level,2026-03-01,-1,http://loinc.org,112296-9,7,,",
        "calm,,clinician,Practitioner/rowan,level,2026-03-15,1,http://loinc.org,107333-7,8,,",
    ]
    assert [",".join(row) for row in rows(shape=POINTS)] == expected
    assert [",".join(row) for row in rows(PARITY, POINTS)] == expected
    assert Decimal(rows(shape=POINTS)[3][6]) == Decimal("2.5")
