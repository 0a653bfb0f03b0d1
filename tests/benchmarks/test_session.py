import json
from decimal import Decimal
from random import Random

import pytest

from benchmarks.figures import result_from_json
from benchmarks.resources import Circle, encode
from benchmarks.session import STORED, YoungPerson, forms, main, wrong_with

PERSON = YoungPerson(
    Circle("Patient/1", "", "", "Encounter/1", ""), ("Goal/1", "Goal/2", "Goal/3"), sessions=2
)


def progress(*told):
    """What $progress shows of each goal: its reference, how many ratings, and the latest."""
    return json.dumps(
        {
            "parameter": [
                {
                    "name": "goal",
                    "part": [
                        {"name": "goal", "valueReference": {"reference": goal}},
                        {
                            "name": "series",
                            "part": [
                                {"name": "ratings", "valueUnsignedInt": ratings},
                                {"name": "latest", "part": [{"name": "value", "valueDecimal": value}]},
                            ],
                        },
                    ],
                }
                for goal, ratings, value in told
            ]
        }
    ).encode()


def test_a_session_rates_three_goals_and_answers_three_questions():
    bundle, scores = forms(Random(1), PERSON)
    goals, collaborate = (entry["resource"] for entry in bundle["entry"])
    given = [
        (
            group["item"][0]["answer"][0]["valueReference"]["reference"],
            group["item"][1]["answer"][0]["valueDecimal"],
        )
        for group in goals["item"]
    ]
    assert given == list(zip(PERSON.goals, scores, strict=True))
    assert [len(one["item"]) for one in (goals, collaborate)] == [3, 3]
    assert b"serial-000000000000" in encode(bundle)


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ([("Goal/1", 2, 4), ("Goal/2", 2, 0), ("Goal/3", 2, 7.5)], None),
        ([("Goal/1", 2, 4), ("Goal/2", 2, 1), ("Goal/3", 2, 7.5)], "scores"),
        ([("Goal/1", 2, 4), ("Goal/2", 2, 0)], "scores"),
        ([("Goal/1", 2, 4), ("Goal/2", 3, 0), ("Goal/3", 2, 7.5)], "one rating a session"),
    ],
)
def test_progress_must_show_what_was_posted_once(told, wrong):
    found = wrong_with(progress(*told), PERSON, [Decimal(4), Decimal(0), Decimal("7.5")])
    assert found is None if wrong is None else wrong in found


@pytest.mark.slow
def test_one_command_posts_and_reads_back(tmp_path, capsys):
    written = tmp_path / "session.json"
    given = ["--serve", "sqlite", "--workers", "1", "--connections", "2", "--people", "2"]
    given += ["--rate", "10", "--seconds", "1", "--warm-up", "0.2"]
    assert main([*given, "--json", str(written)]) == 0
    [one] = [result_from_json(found) for found in json.loads(written.read_text())["results"]]
    assert (one.scenario, one.requests, one.errors) == ("session", 10, {})
    assert set(one.by_kind) == {"form", "progress", "visible"}
    assert one.resources_per_second == pytest.approx(one.per_second * STORED, rel=0.01)
    assert "visible" in capsys.readouterr().out
