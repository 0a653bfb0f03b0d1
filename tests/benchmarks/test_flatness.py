import json

import pytest

from benchmarks.flatness import PAGE, QUERIES, Cost, Joining, Row, Timed, main, printed


def test_one_command_compares_two_stores(tmp_path, volume, capsys):
    url = f"sqlite:///{volume}"
    written = tmp_path / "flatness.json"
    given = [url, url, "--resources", "1", "1", "--patients", "5", "--children", "1", "--rounds", "2"]
    main([*given, "--json", str(written)])  # what it returns depends on how busy the machine is
    document = json.loads(written.read_text())
    assert [row["name"] for row in document["rows"]] == list(QUERIES)
    for row in document["rows"]:
        for side in ("small", "large"):
            assert row[side]["first"] > 0
            assert 0 < row[side]["store"] < row[side]["whole"]
            assert 1 <= row[side]["statements"] <= 3
    assert document["joining"]["resources"] == PAGE
    assert "of processor beyond the query" in capsys.readouterr().out


async def test_the_time_in_the_store_is_counted_and_the_rest_passed_on():
    class Store:
        name = "inner"

        async def search(self, locality, query):
            return locality, query

    ticks = iter(range(0, 100, 7))
    timed = Timed(Store(), lambda: next(ticks))
    assert await timed.search("default", "query") == ("default", "query")
    assert timed.spent == 7
    assert timed.asked == ["query"]
    assert timed.name == "inner"
    timed.begin()
    assert (timed.spent, timed.asked) == (0, [])


@pytest.mark.parametrize(("large", "ratio"), [(100.0, 1.0), (130.0, 1.3)])
def test_the_ratio_is_of_the_whole_interaction(large, ratio):
    row = Row("a query", Cost(100.0, 50.0, 100.0, 1), Cost(large, 50.0, 150.0, 2))
    assert row.ratio == ratio
    assert row.store_ratio == 1
    assert row.first_ratio == 1.5
    text = printed([row], Joining(400.0, 123_456, 100))
    assert f"{ratio:.2f}" in text
    assert "123,456 bytes: 400 µs" in text


@pytest.mark.parametrize(
    ("large", "microseconds", "code"), [(119.0, 999.0, 0), (121.0, 1.0, 1), (100.0, 1001.0, 1)]
)
def test_the_command_fails_above_its_budgets(monkeypatch, capsys, large, microseconds, code):
    async def measured(*_):
        return [Row("a query", Cost(100.0, 1.0, 1.0, 1), Cost(large, 1.0, 9.0, 1))], Joining(
            microseconds, 1, 100
        )

    monkeypatch.setattr("benchmarks.flatness.measured", measured)
    assert main(["sqlite:///a", "sqlite:///b"]) == code
    assert capsys.readouterr().out
