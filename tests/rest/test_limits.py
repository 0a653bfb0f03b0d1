"""How much, how often and how long, as clients meet it.

Source: docs/security.md
"""

import asyncio
import ipaddress
from dataclasses import replace

import httpx
import pytest
from litestar.types import ASGIApp

from service.access.callers import Caller
from service.fhir.problems import TooMany, Unauthorized, Unavailable
from service.rest.limits import ALL_STRANGERS, BURST_SECONDS, ONE_STRANGER, UNLIMITED, Allowance, Doors
from tests.rest.asking import client_of, lines, patient, refused


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Callers:
    """Lets in whoever says a name in a header, and knows nobody else."""

    async def admit(self, fields):
        name = fields.get(b"x-name", b"").decode()
        if not name:
            raise Unauthorized("token-missing", "Say who you are.")
        return Caller(name, "camhs", administrator=True)


GATE = Callers()
ONE = {"x-name": "one"}
TWO = {"x-name": "two"}
PATH = "/fhir/Organization?_id=none"


def from_address(app: ASGIApp, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080")


async def test_a_client_that_asks_too_often_is_told_when_to_go_on(make_app, log):
    async with client_of(make_app(GATE, allowance=Allowance(client_rate=0.2))) as client:
        for _ in range(int(0.2 * BURST_SECONDS)):
            assert (await client.get(PATH, headers=ONE)).status_code == 200
        response = await client.get(PATH, headers=ONE)
        refused(response, 429, "rate-exceeded")
        assert response.headers["retry-after"] == "5"
        assert (await client.get(PATH, headers=TWO)).status_code == 200
    assert [line["status"] for line in lines(log)] == [200, 200, 429, 200]


def bundle(type_: str, count: int) -> dict:
    entries = [{"request": {"method": "GET", "url": "Organization?_id=none"}} for _ in range(count)]
    return {"resourceType": "Bundle", "type": type_, "entry": entries}


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("/fhir", "batch"),
        ("/fhir", "transaction"),
        ("/fhir/Bundle/$validate?mode=create", "transaction"),
    ],
)
async def test_each_entry_of_a_bundle_counts_as_a_request(make_app, path, type_):
    """However many they are, they are done; what comes next waits for them."""
    async with client_of(make_app(GATE, allowance=Allowance(client_rate=1))) as client:
        answer = await client.post(path, json=bundle(type_, 30), headers=ONE)
        assert answer.status_code == 200, answer.text
        response = await client.get(PATH, headers=ONE)
        refused(response, 429, "rate-exceeded")
        assert 15 <= int(response.headers["retry-after"]) <= 21
        assert (await client.get(PATH, headers=TWO)).status_code == 200


async def test_a_bundle_whose_body_came_late_is_not_done_on_credit(make_app):
    doors = Doors(Allowance(client_rate=1))
    caller = Caller("one", "camhs")
    doors.enter(caller)
    doors.enter(caller)
    doors.charge(caller, 0)
    doors.charge(caller, 100)
    for count in (1, 100):
        with pytest.raises(TooMany) as caught:
            doors.charge(caller, count)
        assert 90 < caught.value.retry_after < 100
    doors.charge(caller, 0)


async def test_nothing_of_a_request_over_the_rate_is_done(make_app):
    async with client_of(make_app(GATE, allowance=Allowance(client_rate=0.1))) as client:
        assert (await client.put("/fhir/Patient/a", json=patient(id="a"), headers=ONE)).status_code == 201
        refused(await client.put("/fhir/Patient/b", json=patient(id="b"), headers=ONE), 429, "rate-exceeded")
        refused(await client.get("/fhir/Patient/b", headers=TWO), 404)


@pytest.mark.parametrize("path", [PATH, "/fhir/metadata", "/openapi.json", "/nowhere", "/fhir/Starship"])
async def test_an_address_without_a_token_is_slowed_down_whatever_it_asks(make_app, path):
    app = make_app(GATE, allowance=Allowance(stranger_rate=0.2))
    async with from_address(app, "192.0.2.1") as stranger:
        first = await stranger.get(path)
        assert (await stranger.get(path)).status_code == first.status_code != 429
        response = await stranger.get(path)
        refused(response, 429, "rate-exceeded")
        assert response.headers["retry-after"] == "5"
        assert (await stranger.get(PATH, headers=ONE)).status_code == 200
    async with from_address(app, "192.0.2.2") as another:
        assert (await another.get(path)).status_code == first.status_code


async def test_health_is_told_however_often_it_is_asked(make_app):
    allowance = Allowance(requests=1, stranger_rate=0.1)
    async with client_of(make_app(GATE, allowance=allowance)) as client:
        for _ in range(50):
            assert (await client.get("/health/live")).status_code == 200
            assert (await client.get("/health/ready")).status_code == 200


class UnderWay:
    """Requests of which the body comes when it may."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.go = asyncio.Event()
        self.tasks: list[asyncio.Task] = []

    async def ask(self, headers) -> None:
        """Returns when the request has come as far as to its body."""
        reached = asyncio.Event()

        async def body():
            reached.set()
            await self.go.wait()
            yield b'{"resourceType":"Patient"}'

        sent = headers | {"content-type": "application/fhir+json"}
        self.tasks.append(
            asyncio.create_task(self.client.post("/fhir/Patient", content=body(), headers=sent))
        )
        await reached.wait()

    async def ended(self) -> list[int]:
        """The statuses of all, now that they may go on."""
        self.go.set()
        return [answer.status_code for answer in await asyncio.gather(*self.tasks)]


async def test_a_worker_takes_so_many_at_once_and_tells_the_others_to_come_again(make_app):
    async with client_of(make_app(GATE, allowance=Allowance(requests=2))) as client:
        held = UnderWay(client)
        await held.ask(ONE)
        await held.ask(TWO)
        response = await client.get("/fhir/metadata")
        refused(response, 503, "server-busy")
        assert response.headers["retry-after"] == "1"
        assert (await client.get("/health/live")).status_code == 200
        assert await held.ended() == [201, 201]
        assert (await client.get("/fhir/metadata")).status_code == 200


def test_those_who_ask_for_tokens_slowly_leave_room_for_others():
    doors = Doors(Allowance(requests=64))
    held = [doors.begin_outside(at("192.0.2.1")) for _ in range(64 // ONE_STRANGER)]
    with pytest.raises(TooMany) as caught:
        doors.begin_outside(at("192.0.2.1"))
    assert caught.value.issues[0].slug == "client-too-busy"
    count = len(held)
    while count < 64 // ALL_STRANGERS:
        held.append(doors.begin_outside(at(f"192.0.2.{10 + count}")))
        count += 1
    with pytest.raises(Unavailable):
        doors.begin_outside(at("192.0.2.9"))
    for _ in range(64 - count):
        doors.begin()
    with pytest.raises(Unavailable):
        doors.begin()
    for address in held:
        doors.end_outside(address)
    assert not doors._outside
    assert [doors.begin_outside(at("192.0.2.1")) for _ in range(2)] == ["192.0.2.1"] * 2


async def test_one_client_leaves_room_for_others(make_app):
    async with client_of(make_app(GATE, allowance=Allowance(client_requests=2))) as client:
        held = UnderWay(client)
        await held.ask(ONE)
        await held.ask(ONE)
        response = await client.get(PATH, headers=ONE)
        refused(response, 429, "client-too-busy")
        assert response.headers["retry-after"] == "1"
        assert (await client.get(PATH, headers=TWO)).status_code == 200
        assert await held.ended() == [201, 201]
        assert (await client.get(PATH, headers=ONE)).status_code == 200


async def test_what_takes_too_long_is_given_up(make_app):
    async with client_of(make_app(GATE, allowance=Allowance(requests=1, seconds=0.05))) as client:
        held = UnderWay(client)
        await held.ask(ONE)
        response = await asyncio.wait_for(held.tasks[0], 5)
        refused(response, 503, "request-too-long")
        assert response.headers["retry-after"] == "1"
    async with client_of(make_app(GATE, allowance=Allowance(requests=1, seconds=60))) as client:
        assert (await client.get(PATH, headers=ONE)).status_code == 200


async def test_what_was_given_up_makes_room(make_app):
    async with client_of(
        make_app(GATE, allowance=Allowance(requests=1, client_requests=1, seconds=0.2))
    ) as client:
        for _ in range(3):
            held = UnderWay(client)
            await held.ask(ONE)
            assert (await asyncio.wait_for(held.tasks[0], 5)).status_code == 503


async def test_changes_that_are_given_up_are_whole_or_absent_and_hold_nothing(make_app, context):
    """Cut off at any point of their way, shorter and shorter; what was acknowledged is there."""
    given_up = 0
    async with client_of(make_app(GATE)) as patient_one:
        for round_, seconds in enumerate((0.1, 0.03, 0.01, 0.003, 0.001)):
            ids = [f"p-{round_}-{number}" for number in range(25)]
            async with client_of(make_app(GATE, allowance=Allowance(seconds=seconds))) as client:
                answers = await asyncio.gather(
                    *(client.put(f"/fhir/Patient/{id_}", json=patient(id=id_), headers=ONE) for id_ in ids)
                )
            for id_, answer in zip(ids, answers, strict=True):
                assert answer.status_code in {201, 503}, answer.text
                given_up += answer.status_code == 503
                seen = await patient_one.get(f"/fhir/Patient/{id_}/_history", headers=ONE)
                assert seen.status_code in ({200} if answer.status_code == 201 else {200, 404})
                if seen.status_code == 200:
                    assert seen.json()["total"] == 1
            again = await patient_one.put("/fhir/Patient/x", json=patient(id="x"), headers=ONE)
            assert again.status_code in {200, 201}
    assert given_up


async def test_a_fault_that_looks_like_it_is_none(make_app, context):
    class Late:
        sight = None

        @property
        def whole(self):
            return self

        def seen_by(self, *_):
            return self

        async def read(self, *_):
            raise TimeoutError

    app = make_app(GATE, replace(context, store=Late()), allowance=Allowance(seconds=60))
    async with client_of(app) as client:
        refused(await client.get("/fhir/Patient/none", headers=ONE), 500, "unexpected")


async def test_a_refused_request_makes_room_for_the_next(make_app):
    async with client_of(make_app(GATE, allowance=Allowance(requests=1, client_requests=1))) as client:
        for _ in range(5):
            refused(await client.get(PATH), 401)
            refused(await client.get("/fhir/Patient/none", headers=ONE), 404)
            refused(await client.get("/fhir/Starship", headers=ONE), 404)


def at(address, forwarded=b""):
    class Seen:
        fields = {b"x-forwarded-for": forwarded} if forwarded else {}

    return {"type": "http", "client": (address, 1) if address else None, "state": {"thrive_exchange": Seen()}}


PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:1::/48"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", b"", "192.0.2.1"),
        ("192.0.2.1", b"198.51.100.7", "192.0.2.1"),
        ("10.1.2.3", b"", "10.1.2.3"),
        ("10.1.2.3", b"198.51.100.7", "198.51.100.7"),
        ("10.1.2.3", b"203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("10.1.2.3", b"203.0.113.9, 198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("10.1.2.3", b"10.4.4.4", "10.4.4.4"),
        ("10.1.2.3", b"forged", "10.1.2.3"),
        ("10.1.2.3", b"198.51.100.7, forged", "10.1.2.3"),
        ("2001:db8:1::5", b"2001:db8:ffff:1:2:3:4:5", "2001:db8:ffff:1::/64"),
        ("2001:db8:ffff:1::9", b"", "2001:db8:ffff:1::/64"),
        ("", b"", ""),
        ("testclient", b"", ""),
    ],
)
def test_an_address_is_the_peers_or_what_a_proxy_that_is_believed_says(peer, forwarded, expected):
    assert Doors(Allowance(proxies=PROXIES)).address(at(peer, forwarded)) == expected


def test_by_default_no_proxy_is_believed():
    assert Doors(UNLIMITED).address(at("127.0.0.1", b"198.51.100.7")) == "127.0.0.1"


def test_rates_refill():
    clock = Clock()
    doors = Doors(Allowance(client_rate=1, stranger_rate=1), clock)
    one = Caller("one", "camhs")
    for _ in range(BURST_SECONDS):
        doors.enter(one)
        doors.stranger(at("192.0.2.1"))
    with pytest.raises(TooMany) as caught:
        doors.enter(one)
    assert caught.value.retry_after == 1
    with pytest.raises(TooMany):
        doors.stranger(at("192.0.2.1"))
    clock.now += 1
    doors.enter(one)
    doors.stranger(at("192.0.2.1"))


def test_clients_of_two_localities_are_two():
    doors = Doors(Allowance(client_requests=1))
    doors.enter(Caller("epr", "camhs", "here"))
    doors.enter(Caller("epr", "camhs", "there"))
    with pytest.raises(TooMany):
        doors.enter(Caller("epr", "camhs", "here"))
    doors.leave(Caller("epr", "camhs", "here"))
    doors.enter(Caller("epr", "camhs", "here"))


def test_who_leaves_is_forgotten():
    doors = Doors(Allowance(requests=1))
    for number in range(3):
        doors.enter(Caller(str(number), "camhs"))
        doors.leave(Caller(str(number), "camhs"))
    assert not doors._clients
    doors.begin()
    with pytest.raises(Unavailable):
        doors.begin()
    doors.end()
    doors.begin()
