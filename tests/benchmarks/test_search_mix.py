import json
from random import Random
from urllib.parse import parse_qsl

import pytest

from benchmarks import search_mix
from benchmarks.search_mix import ALL, NEVER_EMPTY, SECOND_PAGE, SHAPES, Draws, Searcher, next_page, searcher
from benchmarks.target import target
from benchmarks.wire import Garbled, Response
from service import asgi
from service.access.callers import SANDBOX_CALLER
from service.interactions.context import Act
from service.interactions.search import search
from service.settings import Settings
from tests.benchmarks.memory_server import memory_server

CLONES = 3
EACH = 40  # draws of each shape


@pytest.fixture(scope="module")
def drawn_from(sessions):
    return search_mix.values(sessions)


def draws(drawn_from, seed=1):
    return Draws(drawn_from, CLONES, Random(seed))


@pytest.fixture(scope="module")
def kernel():
    return asgi.kernel("http://127.0.0.1:8080/fhir")


@pytest.mark.parametrize("shape", SHAPES)
async def test_the_service_understands_every_search_and_finds_what_is_there(
    volume, kernel, drawn_from, shape
):
    chance = draws(drawn_from)
    full = 0
    async with asgi.opened(Settings(database_url=f"sqlite:///{volume}"), kernel) as context:
        for _ in range(EACH):
            kind, path = SHAPES[shape](chance)
            type_, _, query = path.removeprefix("/").partition("?")
            answer = await search(context, Act(SANDBOX_CALLER, "test"), type_, parse_qsl(query))
            entries = json.loads(answer.document).get("entry", [])
            assert entries or kind not in NEVER_EMPTY, path
            full += bool(entries)
    assert full >= EACH / 5


def test_the_mix_has_each_shape_equally_often_and_values_differ(drawn_from):
    actor = Searcher(target("http://127.0.0.1:1/fhir"), draws(drawn_from), ALL, ["/Observation?_page=x"])
    kinds, asked = [], set()
    for _ in range(len(ALL) * 50):
        actor.request()
        kinds.append(actor.kind)
        asked.add(actor.asked)
    for shape in ALL:
        own = [kind for kind in kinds if kind == shape or kind.startswith(f"{shape} ")]
        others = [kind for kind in own if kind == "token with system" and shape == "token"]
        assert len(own) - len(others) == 50, shape
    assert {f"date {prefix}" for prefix in search_mix.PREFIXES} <= set(kinds)
    assert {"string prefix", "string contains"} <= set(kinds)
    assert len(asked) > len(kinds) / 2


def test_every_clone_is_asked_about(drawn_from):
    chance = draws(drawn_from)
    children = [chance.child() for _ in range(100)]
    assert len({child.patient[:8] for child in children}) == CLONES
    for child in children:
        assert child.identifier[:8] == child.patient[:8]
        assert {goal[:8] for goal in child.goals} == {child.patient[:8]}


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (200, b'{"resourceType":"Bundle","type":"searchset","entry":[{"fullUrl":"x"}]}', None),
        (200, b'{"resourceType":"Bundle","type":"searchset"}', "reference found nothing"),
        (200, b'{"resourceType":"OperationOutcome"}', "reference answered no searchset"),
        (400, b"{}", "reference answered 400"),
    ],
)
def test_a_wrong_answer_is_told(drawn_from, status, body, fault):
    actor = Searcher(target("http://127.0.0.1:1/fhir"), draws(drawn_from), ["reference"], [])
    actor.request()
    assert actor.verdict(Response(status, b"", body)) == fault


async def test_a_server_without_second_pages_is_refused(drawn_from):
    async with memory_server() as server:
        with pytest.raises(Garbled, match="no second page"):
            await searcher(target(server.base_url), draws(drawn_from), [SECOND_PAGE])


def test_the_next_page_is_the_link_that_says_so():
    link = [{"relation": "self", "url": "a"}, {"relation": "next", "url": "b"}]
    assert next_page(json.dumps({"link": link}).encode()) == "b"
    assert next_page(json.dumps({"link": link[:1]}).encode()) is None
