import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.wire import Garbled, Parser, Response


def cut(data, places):
    """Return the bytes in pieces, cut at the places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges) if start < end]


def plain(status, body):
    return b'HTTP/1.1 %d Any\r\nETag: W/"3"\r\nContent-Length: %d\r\n\r\n%b' % (status, len(body), body)


def usual(status, body):
    return b'HTTP/1.1 %d Any\r\ncontent-length: %d\r\netag: W/"3"\r\n\r\n%b' % (status, len(body), body)


def chunked(status, body):
    chunks = [body[at : at + 7] for at in range(0, len(body), 7)]
    framed = b"".join(b"%x;note=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = b'HTTP/1.1 %d Any\r\nTransfer-Encoding: chunked\r\nETag: W/"3"\r\n\r\n' % status
    return head + framed + b"0\r\n\r\n"


def interim(status, body):
    return b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + plain(status, body)


@given(
    framing=st.sampled_from([plain, usual, chunked, interim]),
    status=st.sampled_from([200, 201, 404, 500]),
    body=st.binary(max_size=60),
    places=st.lists(st.integers(0, 400), max_size=6),
)
def test_a_response_is_the_same_however_it_is_framed_and_cut(framing, status, body, places):
    parser = Parser()
    for _ in range(2):  # the second response of a connection as the first
        pieces = cut(framing(status, body), places)
        answers = [parser.feed(piece) for piece in pieces]
        assert answers[:-1] == [None] * (len(pieces) - 1)
        last = answers[-1]
        assert last is not None
        assert (last.status, last.body, last.header("etag")) == (status, body, 'W/"3"')


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_end_with_their_head(status):
    response = Parser().feed(b"HTTP/1.1 %d Any\r\ndate: now\r\n\r\n" % status)
    assert response is not None
    assert response.body == b""


def test_headers_are_found_whatever_their_case_and_only_whole():
    response = Response(200, b"HTTP/1.1 200 OK\r\nX-Location: a\r\nLOCATION:   b/c  \r\nlocation: d", b"")
    assert response.header("Location") == "b/c"
    assert response.header("ETag") is None


@pytest.mark.parametrize(
    "garbled",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno-size\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000,
    ],
)
def test_what_cannot_be_followed_is_said_so(garbled):
    with pytest.raises(Garbled):
        Parser().feed(garbled)
