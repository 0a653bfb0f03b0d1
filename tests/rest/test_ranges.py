"""Parts of a file, against what the bytes themselves say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rest.ranges import Part, Unsatisfiable, part

SIZE = 100
TAG = b'"a"'


def asked(value: bytes, **fields: bytes) -> Part | None:
    named = {name.replace("_", "-").encode(): text for name, text in fields.items()}
    return part({b"range": value, **named}, SIZE, TAG)


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        (b"bytes=0-0", 0, 1),
        (b"bytes=0-9", 0, 10),
        (b"bytes=90-", 90, 100),
        (b"bytes=90-1000", 90, 100),
        (b"bytes=-10", 90, 100),
        (b"bytes=-1000", 0, 100),
        (b" bytes = 5-6 ", 5, 7),
    ],
)
def test_a_part(value, start, end):
    assert asked(value) == Part(start, end)
    assert Part(start, end).length == end - start


@pytest.mark.parametrize("value", [b"bytes=100-", b"bytes=100-200", b"bytes=-0"])
def test_no_such_part(value):
    with pytest.raises(Unsatisfiable):
        asked(value)


@pytest.mark.parametrize(
    "value",
    [
        b"bytes=-",
        b"bytes=9-5",
        b"bytes=0-1,5-6",
        b"items=0-1",
        b"bytes=a-b",
        b"",
        b"bytes=" + b"1" * 40 + b"-",
    ],
)
def test_what_is_no_part_is_all_of_it(value):
    assert asked(value) is None


def test_without_a_range_it_is_all_of_it():
    assert part({}, SIZE, TAG) is None


def test_a_part_of_another_file_is_all_of_this_one():
    assert asked(b"bytes=0-1", if_range=b'"a"') == Part(0, 2)
    assert asked(b"bytes=0-1", if_range=b'"b"') is None
    assert asked(b"bytes=0-1", if_range=b"Fri, 27 Nov 2026 20:00:00 GMT") is None


@given(st.integers(0, 120), st.integers(0, 120))
def test_parts_put_together_are_the_file(first, last):
    content = bytes(range(SIZE))
    wanted = content[first : last + 1]
    if last < first:
        assert asked(b"bytes=%d-%d" % (first, last)) is None
    elif not wanted:
        with pytest.raises(Unsatisfiable):
            asked(b"bytes=%d-%d" % (first, last))
    else:
        found = asked(b"bytes=%d-%d" % (first, last))
        assert found is not None
        assert content[found.start : found.end] == wanted
