import asyncio
import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir.problems import Malformed, TooLarge, TooSlow, Unsupported
from service.rest import bodies

LIMIT = 1000


class Client:
    """Sends the pieces one by one, and knows how many were taken."""

    def __init__(self, *pieces, leaves=False):
        self.pieces = list(pieces)
        self.leaves = leaves
        self.taken = 0

    async def __call__(self):
        if not self.pieces:
            assert self.leaves, "read on after the end"
            return {"type": "http.disconnect"}
        self.taken += 1
        piece = self.pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces) or self.leaves}


GZIP = {b"content-encoding": b"gzip"}


async def test_a_body_in_pieces_is_put_together():
    assert await bodies.read(Client(b"a", b"", b"bc"), {}, LIMIT) == b"abc"


async def test_a_body_of_exactly_the_limit_is_read():
    assert await bodies.read(Client(b"x" * LIMIT), {}, LIMIT) == b"x" * LIMIT


async def test_a_declared_length_above_the_limit_is_refused_unread():
    client = Client(b"x")
    with pytest.raises(TooLarge):
        await bodies.read(client, {b"content-length": b"1001"}, LIMIT)
    assert client.taken == 0


@pytest.mark.parametrize("declared", [b"5", b"", b"-1", b"many"])
async def test_a_length_that_lies_changes_nothing_and_reading_stops_at_the_limit(declared):
    client = Client(*[b"x" * 400] * 100)
    with pytest.raises(TooLarge):
        await bodies.read(client, {b"content-length": declared}, LIMIT)
    assert client.taken == 3


async def test_a_body_that_takes_too_long_is_not_waited_for():
    async def trickle():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    with pytest.raises(TooSlow) as refused:
        await asyncio.wait_for(bodies.read(trickle, {}, LIMIT * LIMIT, 0.1), 5)
    assert refused.value.issues[0].slug == "body-too-slow"


async def whole(pieces):
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("pause", [0.01, 60], ids=["a byte now and then", "nothing"])
async def test_pieces_that_come_too_slowly(pause):
    async def trickle():
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(TooSlow) as refused:
        await asyncio.wait_for(whole(bodies.pieces(trickle, 0.2)), 10)
    assert refused.value.issues[0].slug == "body-too-slow"


async def test_of_pieces_the_time_counts_that_the_client_is_waited_for():
    client = Client(b"a", b"", b"b")
    taken = []
    async for piece in bodies.pieces(client, 0.1):
        taken.append(piece)
        await asyncio.sleep(0.2)
    assert taken == [b"a", b"b"]


async def test_a_client_that_leaves_is_no_fault():
    with pytest.raises(bodies.Disconnected):
        await bodies.read(Client(b"{", leaves=True), {}, LIMIT)


async def test_gzip_is_undone_also_in_small_pieces_and_in_several_members():
    packed = gzip.compress(b"a" * 300) + gzip.compress(b"b" * 300)
    client = Client(*(packed[at : at + 1] for at in range(len(packed))))
    assert await bodies.read(client, GZIP, LIMIT) == b"a" * 300 + b"b" * 300


async def test_a_small_body_that_unpacks_to_a_large_one_is_refused():
    packed = gzip.compress(b"0" * 50_000_000)
    assert len(packed) < 60_000
    with pytest.raises(TooLarge):
        await bodies.read(Client(packed), GZIP, LIMIT)
    with pytest.raises(TooLarge):
        await bodies.read(Client(gzip.compress(b"0" * LIMIT) + gzip.compress(b"0")), GZIP, LIMIT)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        gzip.compress(b"{}", mtime=0)[:-3],
        zlib.compress(b"{}"),
        gzip.compress(b"{}", mtime=0) + b"x",
    ],
)
async def test_what_says_gzip_and_is_none_is_refused(body):
    with pytest.raises(Malformed) as refused:
        await bodies.read(Client(body), GZIP, LIMIT)
    assert refused.value.issues[0].slug == "gzip-malformed"


@pytest.mark.parametrize("encoding", [b"br", b"deflate", b"gzip, gzip"])
async def test_other_packings_are_refused(encoding):
    with pytest.raises(Unsupported):
        await bodies.read(Client(b"{}"), {b"content-encoding": encoding}, LIMIT)


@given(st.binary(max_size=LIMIT), st.integers(1, 50))
@settings(max_examples=50, derandomize=True)
async def test_any_body_comes_back_whatever_the_pieces(body, size):
    packed = gzip.compress(body)
    for sent, fields in ((body, {}), (packed, GZIP)):
        pieces = [sent[at : at + size] for at in range(0, len(sent), size)] or [b""]
        assert await bodies.read(Client(*pieces), fields, LIMIT) == body


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (b"", False),
        (b"gzip", True),
        (b"gzip, deflate, br, identity", True),
        (b"GZIP;q=1.0", True),
        (b"br, gzip;q=0.1", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0.0, *", False),
        (b"*", True),
        (b"*;q=0", False),
        (b"br", False),
        (b"identity", False),
    ],
)
def test_whether_the_client_takes_gzip(header, accepted):
    assert bodies.accepts_gzip(header) is accepted


@pytest.mark.parametrize("size", [2000, bodies.GZIP_ASIDE_FROM + 1])
async def test_what_was_packed_unpacks_to_the_same(size):
    body = b"score" * (size // 5 + 1)
    packed = await bodies.gzipped(body)
    assert gzip.decompress(packed) == body
    assert len(packed) < len(body) / 10
