import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import (
    Latency,
    Memory,
    Result,
    latencies,
    latency,
    memory,
    percentile,
    printed,
    result_from_json,
    table,
)
from benchmarks.load import Counts
from benchmarks.processes import Usage


@given(values=st.lists(st.integers(0, 10**9), min_size=1), share=st.floats(0.001, 1))
def test_a_percentile_is_the_smallest_value_that_covers_its_share(values, share):
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) < share * len(values) + 1e-6


def test_percentiles_of_a_hundred():
    hundred = list(range(1, 101))
    assert [percentile(hundred, share) for share in (0.5, 0.9, 0.99, 0.999, 1)] == [50, 90, 99, 100, 100]


@pytest.mark.parametrize("share", [0, -1, 1.1])
def test_there_is_no_percentile_of_no_share(share):
    with pytest.raises(ValueError, match="no share"):
        percentile([1], share)


def test_latencies_come_in_milliseconds_and_by_kind():
    counts = Counts(latencies={"read": [2_000_000, 1_000_000], "create": [9_000_000]})
    overall, by_kind = latencies(counts)
    assert overall == Latency(3, 4.0, 2.0, 9.0, 9.0, 9.0, 9.0)
    assert by_kind["read"] == Latency(2, 1.5, 1.0, 2.0, 2.0, 2.0, 2.0)
    assert latency([]) is None


def test_memory_sums_what_is_shared_once_and_names_the_largest():
    usages = [
        Usage(1, "a", resident=100, peak=150, own=60, cpu=1),
        Usage(2, "b", resident=90, peak=200, own=50, cpu=1),
    ]
    assert memory(usages) == Memory(processes=2, together=110, largest=100, peak=200)
    assert memory([]) is None


def result(**given):
    return Result(
        **{
            "scenario": "crud",
            "server": "sqlite",
            "connections": 16,
            "workers": 2,
            "rate": None,
            "seed": 1,
            "seconds": 2.0,
            "requests": 4000,
            "per_second": 2000.0,
            "resources_per_second": 2000.0,
            "latency": Latency(4000, 5, 4, 8, 12.34, 15, 20),
            "by_kind": {"read": Latency(4000, 5, 4, 8, 12.34, 15, 20)},
            "statuses": {"200": 3999, "500": 1},
            "errors": {"read answered 500": 1},
            "memory": Memory(3, 200_000_000, 100_000_000, 120_000_000),
            "database_memory": None,
            "generator_cpu": 0.1,
            "server_cpu": 2.0,
            "database_cpu": None,
            **given,
        }
    )


def test_a_result_survives_json():
    one = result()
    assert result_from_json(json.loads(json.dumps(one.as_json()))) == one


def test_the_print_says_rate_percentiles_errors_and_memory():
    text = printed([result()])
    for said in (
        "2,000",
        "12.34",
        "500: 1",
        "1 x read answered 500",
        "100 MB (peak 120 MB)",
        "500 µs a request",
    ):
        assert said in text


def test_a_run_without_an_answer_can_be_printed():
    nothing = result(
        requests=0, seconds=0.0, latency=None, by_kind={}, statuses={}, memory=None, server_cpu=None
    )
    assert "statuses     none" in printed([nothing])


def test_columns_line_up():
    lines = table(("name", "n"), [("a", "1"), ("longer", "1,000")]).splitlines()
    assert lines == ["name        n", "------  -----", "a           1", "longer  1,000"]


def test_counts_know_their_length():
    counts = Counts(
        latencies={"a": [1, 2], "b": [3]}, statuses=Counter({200: 3}), began=10**9, ended=3 * 10**9
    )
    assert counts.requests == 3
    assert counts.seconds == 2
