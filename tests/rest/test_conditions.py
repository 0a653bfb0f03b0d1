import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.problems import Malformed
from service.interactions.etags import NEVER
from service.rest.conditions import etag, http_date, if_match, if_none_match, moment


@given(st.integers(1, 10**9))
def test_a_version_comes_back_from_its_etag(version):
    assert if_match(etag(version)) == version


@pytest.mark.parametrize(
    ("value", "version"), [(b'W/"3"', 3), (b'"3"', 3), (b' W/"12" ', 12), (b'W/"abc"', NEVER)]
)
def test_the_version_that_if_match_names(value, version):
    assert if_match(value) == version


@pytest.mark.parametrize("value", [b"3", b"", b"*", b'W/"1", W/"2"', b'W/3"', b"W/'3'", b'W/"3" x', b"\xff"])
def test_what_is_no_etag_is_refused(value):
    with pytest.raises(Malformed):
        if_match(value)


def test_if_none_match_takes_lists_and_a_star():
    assert if_none_match(b'W/"1", "2"') == (1, 2)
    assert if_none_match(b" * ") is None
    with pytest.raises(Malformed):
        if_none_match(b'W/"1", 2')


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_comes_back_from_its_http_date_without_its_fraction(updated):
    assert moment(http_date(updated)) == updated // 1000 * 1000


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (b"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", 784111777000),
        (b"Sun, 06 Nov 1994 08:49:37 -0000", 784111777000),
        (b"Sun Nov  6 08:49:37 1994", 784111777000),
    ],
)
def test_the_three_ways_to_write_an_http_date(date, expected):
    assert moment(date) == expected


@pytest.mark.parametrize(
    "date", [b"", b"yesterday", b"2026-11-22T00:00:00Z", b"Sun, 99 Nov 1994 08:49:37 GMT", b"\xff"]
)
def test_what_is_no_date_is_passed_over(date):
    assert moment(date) is None
