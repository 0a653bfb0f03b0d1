import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.problems import Malformed, TooLarge
from service.interactions.criteria import PARAMETERS
from service.rest.bodies import Bounds
from service.rest.requests import (
    FORM_BYTES,
    QUERY_BYTES,
    fields,
    form,
    form_parameters,
    own,
    pairs,
    request_id,
)


def test_headers_of_one_name_are_joined_in_order():
    assert fields([(b"prefer", b"a"), (b"accept", b"x"), (b"prefer", b"b")]) == {
        b"prefer": b"a, b",
        b"accept": b"x",
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", ()),
        (b"a=1&b=2&a=3", (("a", "1"), ("b", "2"), ("a", "3"))),
        (b"name=%C3%BC+x", (("name", "ü x"),)),
        (b"a=&b", (("a", ""), ("b", ""))),
        (b"a=b=c&&", (("a", "b=c"),)),
        (b"code=urn%3Ax%7C1%2C2", (("code", "urn:x|1,2"),)),
    ],
)
def test_parameters_in_order(query, expected):
    assert pairs(query) == expected


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        (b"a=%ff", "query-malformed"),
        ("a=ü".encode(), "query-malformed"),
        (b"&".join([b"a=1"] * (PARAMETERS + 1)), "query-too-long"),
        (b"a=" + b"1" * QUERY_BYTES, "query-too-long"),
    ],
)
def test_parameters_that_cannot_be_read_are_refused(query, slug):
    with pytest.raises(Malformed) as refused:
        pairs(query)
    assert refused.value.issues[0].slug == slug


@given(st.binary(max_size=50))
def test_any_query_is_read_or_refused(query):
    try:
        pairs(query)
    except Malformed:
        return


def test_what_is_about_the_form_is_no_business_of_the_interaction():
    given_ = pairs(b"_format=json&name=x&_pretty=true")
    assert own(given_) == (("name", "x"),)
    shape = form({b"accept": b"application/xml"}, given_)
    assert (shape.media, shape.pretty) == ("application/fhir+json", True)


@pytest.mark.parametrize(
    ("query", "pretty"),
    [(b"", False), (b"_pretty=true", True), (b"_pretty", True), (b"_pretty=false", False)],
)
def test_pretty(query, pretty):
    assert form({}, pairs(query)).pretty is pretty


def test_a_sane_request_id_is_kept_and_another_made():
    assert request_id({b"x-request-id": b"A-1_b.c:d/e+f="}, lambda: "new") == "A-1_b.c:d/e+f="
    for insane in (b"", b" ", b"a b", b"x" * 65, b"\xc3\xbc", b"a\nb", b"a\n"):
        assert request_id({b"x-request-id": insane}, lambda: "new") == "new"
    assert request_id({}, lambda: "new") == "new"


async def test_a_form_may_be_as_long_as_a_search_can_be_and_no_longer():
    """However large other bodies may be: each parameter of it is work."""
    headers = {b"content-type": b"application/x-www-form-urlencoded"}
    bounds = Bounds(10 * FORM_BYTES, 64)

    def sent(length):
        async def receive():
            return {"type": "http.request", "body": b"a=" + b"1" * (length - 2), "more_body": False}

        return form_parameters(receive, headers, bounds)

    assert await sent(FORM_BYTES) == (("a", "1" * (FORM_BYTES - 2)),)
    with pytest.raises(TooLarge):
        await sent(FORM_BYTES + 1)
