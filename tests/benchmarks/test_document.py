import json
from pathlib import Path

import pytest

from benchmarks.document import BEGIN, END, PAGE, main, placed, rendered
from benchmarks.figures import Latency, Memory, Result

KILLS = {
    "kind": "kills",
    "database": "sqlite",
    "victim": "server",
    "rounds": 200,
    "acknowledged": 345678,
    "open": 1500,
    "open_and_stored": 700,
    "faults": 0,
    "restart_p50": 0.71,
    "restart_max": 1.23,
    "notes": {"SQLite": "3.40.1"},
}
PROFILE = {
    "kind": "profile",
    "database": "sqlite",
    "stages": [{"stage": "validate", "microseconds": 75.0}, {"stage": "decode", "microseconds": 25.0}],
}

FLATNESS = {
    "kind": "flatness",
    "database": "sqlite",
    "resources": [100_000, 5_000_000],
    "rows": [
        {
            "name": "scores of a goal",
            "small": {"whole": 500.4, "store": 200.0, "first": 600.0, "statements": 1},
            "large": {"whole": 550.0, "store": 250.0, "first": 900.0, "statements": 2},
        }
    ],
    "joining": {"microseconds": 321.0, "size": 123_456, "resources": 100},
}

COST = {
    "kind": "cost",
    "scenario": "crud",
    "database": "sqlite",
    "seconds": 10.0,
    "arms": {
        "before": {
            "per_second": [2000.0, 2200.0],
            "p99": [15.0, 17.0],
            "server_cpu": [700.0, 720.0],
            "errors": 0,
        },
        "sandbox": {"per_second": [1900.0, 2100.0], "p99": [1.0, 1.0], "server_cpu": [1.0, 1.0], "errors": 0},
        "access": {
            "per_second": [1800.0, 1870.0],
            "p99": [18.0, 20.0],
            "server_cpu": [800.0, 840.0],
            "errors": 1,
        },
    },
    "notes": {"SQLite": "3.40.1"},
}

COHORT = {
    "kind": "cohort",
    "database": "postgresql",
    "responses": 150_000,
    "observations": 350_000,
    "transactions": 3_450,
    "repeated": 450,
    "seconds": 100.0,
    "faults": {"a score is there twice": 3},
}


def load(**given):
    result = Result(
        **{
            "scenario": "crud",
            "server": "sqlite",
            "connections": 16,
            "workers": 2,
            "rate": None,
            "seed": 1,
            "seconds": 20.0,
            "requests": 50_000,
            "per_second": 2500.4,
            "resources_per_second": 2500.4,
            "latency": Latency(50_000, 6, 5, 9, 21.37, 30, 44),
            "by_kind": {},
            "statuses": {"200": 50_000},
            "errors": {},
            "memory": Memory(4, 300_000_000, 90_000_000, 111_000_000),
            "database_memory": None,
            "generator_cpu": 1.0,
            "server_cpu": 20.0,
            "database_cpu": None,
            "start_seconds": 0.876,
            "notes": {"SQLite": "3.40.1", "Python": "3.11.7"},
            **given,
        }
    )
    return {"kind": "load", "results": [result.as_json()]}


def test_a_figure_stands_beside_its_budget_and_the_peers():
    text = rendered([load()])
    [row] = [line for line in text.splitlines() if line.startswith("| CRUD mix, requests")]
    assert [cell.strip() for cell in row.split("|")[2:4]] == ["2,500/s", "-"]
    assert "2,000/s on SQLite" in row
    assert "347 per vCPU" in row
    for shown in ("21.4 ms", "0.88 s", "111 MB", "| 400 |"):
        assert shown in text


def test_a_fixed_rate_is_in_the_details_and_not_in_the_budget():
    text = rendered([load(rate=1500.0)])
    assert "crud at 1,500/s" in text
    assert "| CRUD mix, requests | - | - |" in text


def test_kills_and_profiles_have_their_tables():
    text = rendered([load(), KILLS, PROFILE])
    assert "| server on sqlite | 200 | 345,678 | 1,500 | 700 | 0 | 0.71 s | 1.23 s |" in text
    assert "| validate | 75 | 75 % |" in text
    assert "| together | 100 | 100 % |" in text


def test_the_search_mix_is_shown_by_shape_and_database():
    by_kind = {"token": Latency(10, 1, 2.04, 3, 4.06, 5, 6), "_has": Latency(10, 1, 1, 1, 1, 1, 1)}
    mixes = [
        load(scenario="search", by_kind=by_kind, connections=30),
        load(scenario="search", server="postgresql", by_kind={"token": Latency(10, 1, 7, 8, 9, 10, 11)}),
    ]
    text = rendered(mixes)
    assert (
        "| search | p50 ms on sqlite | p99 ms on sqlite | p50 ms on postgresql | p99 ms on postgresql |"
        in text
    )
    assert "| token | 2.0 | 4.1 | 7.0 | 9.0 |" in text
    assert "| _has | 1.0 | 1.0 | - | - |" in text
    assert "| Search mix, requests | 2,500/s | 2,500/s | 2,000/s on SQLite |" in text
    assert "| Search mix, p99 | 21.4 ms | 21.4 ms | 30 ms on SQLite |" in text


def test_one_childs_queries_show_both_stores_and_the_ratio():
    text = rendered([FLATNESS])
    assert "| query | µs at 100,000 | at 5,000,000 | ratio |" in text
    assert "| scores of a goal | 500 | 550 | 1.10 | 1.25 | 600 | 900 | 1.50 | 2 |" in text
    assert "A page of 100 resources, 123,456 bytes, takes 321 µs" in text


def test_the_text_goes_between_the_markers_again_and_again():
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = placed(page, "new")
    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert placed(once, "new") == once


def test_a_page_without_markers_is_left_alone():
    with pytest.raises(ValueError, match="no «"):
        placed("nothing", "new")


def test_the_command_writes_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    figures = tmp_path / "figures.json"
    figures.write_text(json.dumps(load()))
    assert main([str(figures), "--page", str(page)]) == 0
    assert "2,500/s" in page.read_text()


def test_every_command_on_the_page_is_understood():
    """The commands by which the figures are taken stand on the page; each must be one that the parsers know."""
    from benchmarks import __main__ as loads
    from benchmarks import (
        beside_export,
        cohort,
        cost,
        export,
        flatness,
        imports,
        job_kills,
        kills,
        power_loss,
        profile_create,
        search,
        session,
        volume,
    )

    parsers = {
        "benchmarks": loads.arguments(),
        "benchmarks.beside_export": beside_export.arguments(),
        "benchmarks.cohort": cohort.arguments(),
        "benchmarks.cost": cost.arguments(),
        "benchmarks.export": export.arguments(),
        "benchmarks.flatness": flatness.arguments(),
        "benchmarks.imports": imports.arguments(),
        "benchmarks.job_kills": job_kills.arguments(),
        "benchmarks.kills": kills.arguments(),
        "benchmarks.power_loss": power_loss.arguments(),
        "benchmarks.profile_create": profile_create.arguments(),
        "benchmarks.search": search.arguments(),
        "benchmarks.session": session.arguments(),
        "benchmarks.volume": volume.arguments(),
    }
    commands = [line.split() for line in Path(PAGE).read_text().splitlines() if line.startswith("python -m ")]
    understood = [parsers[module].parse_args(given) for _, _, module, *given in commands if module in parsers]
    assert len(understood) == len(commands) - 1  # the last renders the page


def test_imports_are_shown_the_second_one_too():
    runs = [
        {"new": 9_000, "there": 0, "refused": 0, "seconds": 1.5, "cpu": 2.0, "database_cpu": 0.25},
        {"new": 0, "there": 9_000, "refused": 0, "seconds": 0.5, "cpu": 0.9, "database_cpu": 0.0},
    ]
    text = rendered([{"kind": "imports", "database": "postgresql", "workers": 2, "runs": runs, "notes": {}}])
    assert "| postgresql | 2 | 9,000 | 0 | 1.5 | 6,000 | 250 |" in text
    assert "| postgresql | 2 | 9,000 | 9,000 | 0.5 | 18,000 | 100 |" in text


def test_a_sessions_form_is_shown_until_it_is_seen():
    times = Latency(1500, 6, 5.55, 9, 12.34, 30, 44)
    text = rendered([load(scenario="session", rate=50.0, by_kind={"form": times, "visible": times})])
    assert "### A session's form" in text
    assert "| visible | sqlite | 2,500 | 5.5 | 12.3 | 44.0 | 0 |" in text


def test_jobs_under_faults_are_shown_kind_by_kind():
    export = {
        "jobs": 150,
        "ended": {"done": 120, "cancelled": 20, "failed: storage-full": 7, "failed: files-unavailable": 3},
        "struck": {"SIGKILL": 1_200, "cancel": 20, "full disk": 90},
        "jobs_struck": {"SIGKILL": 140},
        "undisturbed": 4,
        "resumed": 77,
        "anew": 160,
    }
    text = rendered(
        [
            {
                "kind": "job-kills",
                "database": "sqlite",
                "together": True,
                "kinds": {"export": export},
                "faults": ["half a file"],
                "notes": {},
            }
        ]
    )
    assert (
        "| export on sqlite, on the disk that is full | 150 | 120 | 20 | 10 | 1,200 | 0 | 0 | 0 | 20 | 90 | 0 | 4"
        " | 77 | 1 |" in text
    )


@pytest.mark.parametrize("job", ["export", "import"])
def test_requests_beside_a_job_show_both_and_the_ratio(job):
    def arm(p99, **more):
        times = {"p50": 5.0, "p99": p99}
        return {"all": times, "kinds": {"search": times}, "errors": {}, **more}

    document = {
        "kind": f"beside-{job}",
        "database": "sqlite",
        "rate": 150.0,
        "arms": {
            "alone": arm(20.0, errors={"read answered 500": 2}),
            "beside": arm(30.0, resources=400_000, seconds=8.0),
        },
        "notes": {},
    }
    text = rendered([document])
    assert f"### Requests while an {job} runs" in text
    assert "| all | sqlite | 150 | 5.0 ms | 5.0 ms | 20.0 ms | 30.0 ms | 1.50 | 2 | 50,000 |" in text
    assert "| search | sqlite |  | 5.0 ms | 5.0 ms | 20.0 ms | 30.0 ms | 1.50 |  |  |" in text


def test_a_cohort_says_what_was_lost_or_came_twice():
    text = rendered([COHORT])
    assert "| postgresql | 150,000 | 350,000 | 3,450 | 450 | 1,500 | 5,000 | 3 |" in text


def test_access_is_in_the_details_and_not_in_the_budget():
    text = rendered([load(access=True)])
    assert "| crud with access | sqlite |" in text
    assert "| CRUD mix, requests | - | - |" in text


def test_the_cost_of_access_is_a_share_of_the_rate_without_it():
    text = rendered([COST])
    assert (
        "| crud | sqlite | 2,100/s | 1,835/s | 88% | 85% to 90% | 16.0 ms | 19.0 ms | 710 | 820 | 1 |" in text
    )
