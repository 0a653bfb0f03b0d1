"""Every route and method, asked without a token, with a wrong, an expired and one that allows something else.

Each refusal has its status, its challenge, its OperationOutcome, and its entry in the audit.

The table is that of the routes themselves: one that is added is asked as well.

Source: https://www.rfc-editor.org/rfc/rfc6750#section-3, https://hl7.org/fhir/R4/security.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import httpx
import pytest
from litestar.types import ASGIApp

from service.access.authority import Authority
from service.access.fetching import Documents, Fetcher
from service.access.issuers import Issuers
from service.access.needs import require
from service.access.scopes import granted
from service.access.signing import SECRET, Signer
from service.access.tokens import LIFETIME, Surroundings, Tokens
from service.fhir.search.asked import Setting
from service.interactions.context import Context
from service.operations.offered import OPERATIONS
from service.rest.application import outside, system_routes
from service.rest.bodies import Bounds
from service.rest.routes import Route, Table
from service.rest.security import TokenGate
from service.storage.ledger import Asked
from service.storage.registrations import Registration
from service.storage.trail import BufferedTrail
from tests.rest.asking import client_of

# Which scopes each needs is told by its route; what needs none takes any token.
ANY_TOKEN = {
    ("POST", "/fhir"),  # a Bundle: its entries need theirs
    ("OPTIONS", "/fhir"),
    ("POST", "/fhir/$validate"),
    ("POST", "/fhir/Bundle/$validate"),
    # A job: whose it is, and whether the token covers what is in it, its handlers look into.
    *((method, "/fhir/jobs/{id}") for method in ("GET", "HEAD", "DELETE")),
    *((method, "/fhir/jobs/{id}/{file}") for method in ("GET", "HEAD")),
}
PUBLIC = {"/fhir/metadata", "/fhir/.well-known/smart-configuration"}
OUTSIDE = {
    "/health/live",
    "/health/ready",
    "/openapi.json",
    "/auth/token",
    "/auth/introspect",
    "/auth/revoke",
    "/auth/jwks",
    "/.well-known/smart-configuration",
}
# One of the two lacks what a route needs, whichever that is.
OTHERS = ("system/Location.c", "system/Flag.d")


@dataclass(frozen=True)
class Guarded:
    """The service with tokens: an application, its routes, and what makes tokens."""

    app: ASGIApp
    table: Table
    tokens: Tokens
    client: Registration
    setting: Setting
    context: Context
    authority: Authority
    trail: BufferedTrail

    def token(self, scopes: str) -> str:
        return self.tokens.issue(self.client, granted(self.setting, scopes, self.client.scopes)).token

    def asked(self) -> Iterator[tuple[Route, str, str]]:
        """Every route that is not public, each of its methods, and an address."""
        for found in self.table.routes:
            if not found.public:
                address = found.template.replace("{id}", "x1").replace("{version}", "1")
                yield from ((found, method, address) for method in found.methods)


@pytest.fixture
async def guarded(context: Context, make_app: Callable[..., ASGIApp]) -> AsyncIterator[Guarded]:
    fetcher = Fetcher()
    documents = Documents(fetcher.fetch)
    around = Surroundings(context.registry, context.base_url, context.clock, context.ids)
    signer = Signer(await context.store.secret(SECRET))
    registrations = context.store.registrations
    tokens = Tokens(around, signer, registrations, Issuers((), documents, context.base_url))
    authority = Authority(around, signer, registrations, tokens, documents)
    client = Registration("vendor", "default", "camhs", "A vendor", "system/*.cruds")
    assert await registrations.add(client)
    table = Table(context.registry, system_routes(context, authority), OPERATIONS)
    setting = Setting(context.registry, context.base_url, now=0)
    trail = BufferedTrail(context.store.audit.keep)
    app = make_app(TokenGate(tokens), replace(context, trail=trail), authority=authority)
    yield Guarded(app, table, tokens, client, setting, context, authority, trail)
    await trail.close()
    await fetcher.close()


Audited = Mapping[str, tuple[int, str, str]]
_NOTHING: Audited = MappingProxyType({})


async def audited(guarded: Guarded) -> Audited:
    """What the audit says of each request by its id: status, reason and client; each is in it once."""
    await guarded.trail.close()
    found: dict[str, tuple[int, str, str]] = {}
    after = None
    more = True
    while more:
        entries, more = await guarded.context.store.audit.found("default", Asked(500, after=after))
        for each in entries:
            assert each.event.request not in found
            found[each.event.request] = (each.event.status, each.event.reason, each.event.client)
            after = (each.event.at, each.serial)
    return found


def faults(answer: httpx.Response, asked: str, status: int, slug: str, challenge: str) -> list[str]:
    """What is wrong with a refusal."""
    found = []
    if answer.status_code != status:
        found.append(f"{asked}: {answer.status_code} {answer.text[:200]}")
    elif not answer.headers.get("www-authenticate", "").startswith(challenge):
        found.append(f"{asked}: WWW-Authenticate {answer.headers.get('www-authenticate')}")
    elif answer.request.method != "HEAD":
        outcome = answer.json()
        slugs = [issue["details"]["coding"][0]["code"] for issue in outcome.get("issue", ())]
        if outcome.get("resourceType") != "OperationOutcome" or slugs != [slug]:
            found.append(f"{asked}: {answer.text[:200]}")
    return found


async def refusals(
    guarded: Guarded, token: str | None, slug: str, challenge: str, before: Audited = _NOTHING
) -> tuple[int, list[str]]:
    """How many routes were asked with the token, and what is wrong with their refusals.

    The audit tells of each of them, and of what was `before`.
    """
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    wrong: list[str] = []
    told = {}
    async with client_of(guarded.app) as client:
        for _, method, address in guarded.asked():
            answer = await client.request(method, address, headers=headers)
            wrong += faults(answer, f"{method} {address}", 401, slug, challenge)
            told[answer.headers["x-request-id"]] = (401, slug, "anonymous")
    assert await audited(guarded) == {**before, **told}
    return len(told), wrong


async def test_without_a_token_nobody_comes_in(guarded: Guarded) -> None:
    count, wrong = await refusals(guarded, None, "token-missing", 'Bearer realm="')
    assert wrong == []
    assert count > 500


async def test_with_a_wrong_token_nobody_comes_in(guarded: Guarded) -> None:
    head, body, signature = guarded.token("system/*.cruds").split(".")
    turned = signature[:-2] + ("AA" if signature[-2:] != "AA" else "BB")
    _, wrong = await refusals(
        guarded, f"{head}.{body}.{turned}", "token-invalid", 'Bearer error="invalid_token"'
    )
    assert wrong == []


async def test_with_an_expired_token_nobody_comes_in(guarded: Guarded, clock) -> None:
    token = guarded.token("system/*.cruds")
    async with client_of(guarded.app) as client:
        answer = await client.get("/fhir/Goal?_count=0", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
    clock.now += (LIFETIME + 1) * 1000
    before = {answer.headers["x-request-id"]: (200, "", "vendor")}
    _, wrong = await refusals(guarded, token, "token-expired", 'Bearer error="invalid_token"', before)
    assert wrong == []


async def test_with_a_token_for_something_else_each_says_what_it_takes(guarded: Guarded) -> None:
    callers = {
        text: await guarded.tokens.caller(token.encode())
        for text in OTHERS
        for token in [guarded.token(text)]
    }
    tokens = {text: guarded.token(text) for text in OTHERS}
    wrong: list[str] = []
    told = {}
    open_to_any = set()
    async with client_of(guarded.app) as client:
        for found, method, address in guarded.asked():
            needs = found.needs[method]
            if not needs.each:
                open_to_any.add((method, found.template))
                continue
            lacking = next(text for text in OTHERS if not _allows(callers[text], needs))
            answer = await client.request(
                method, address, headers={"authorization": f"Bearer {tokens[lacking]}"}
            )
            challenge = 'Bearer error="insufficient_scope", scope="system/'
            wrong += faults(answer, f"{method} {address}", 403, "insufficient-scope", challenge)
            told[answer.headers["x-request-id"]] = (403, "insufficient-scope", "vendor")
    assert wrong == []
    assert await audited(guarded) == told
    of_types = {(method, path) for method, path in open_to_any if not path.endswith("/$validate")}
    assert of_types == {each for each in ANY_TOKEN if not each[1].endswith("/$validate")}
    assert open_to_any >= ANY_TOKEN


def _allows(caller, needs) -> bool:
    try:
        require(caller, needs)
    except Exception:  # noqa: BLE001 - whatever it is, it does not allow
        return False
    return True


async def test_what_is_not_offered_is_told_to_those_who_may_come_in_alone(guarded: Guarded) -> None:
    wrong = []
    async with client_of(guarded.app) as client:
        for found in guarded.table.routes:
            if found.public:
                continue
            address = found.template.replace("{id}", "x1").replace("{version}", "1")
            for method in {"PUT", "DELETE", "PATCH"} - found.methods.keys():
                answer = await client.request(method, address)
                wrong += faults(answer, f"{method} {address}", 401, "token-missing", "Bearer")
        for address in ("/fhir/Starship", "/fhir/Goal/x1/nowhere", "/fhir/$nothing", "/fhirGoal"):
            wrong += faults(await client.get(address), address, 401, "token-missing", "Bearer")
    assert wrong == []


async def test_what_is_public_is_known_and_tells_of_nobody(guarded: Guarded) -> None:
    public = {found.template for found in guarded.table.routes if found.public}
    assert public == PUBLIC
    handlers = outside(guarded.context, Bounds(1000, 10), guarded.authority)
    assert {path for handler in handlers for path in handler.paths} == OUTSIDE
    async with client_of(guarded.app) as client:
        for address in sorted(PUBLIC | OUTSIDE - {"/auth/token", "/auth/introspect", "/auth/revoke"}):
            answer = await client.get(address)
            assert answer.status_code == 200, (address, answer.text)
            assert "www-authenticate" not in answer.headers


async def test_statement_and_configuration_send_clients_to_the_same_address(guarded: Guarded) -> None:
    async with client_of(guarded.app) as client:
        [rest] = (await client.get("/fhir/metadata")).json()["rest"]
        configured = (await client.get("/fhir/.well-known/smart-configuration")).json()
    [extension] = rest["security"]["extension"]
    told = {part["url"]: part["valueUri"] for part in extension["extension"]}
    assert told == {"token": configured["token_endpoint"]}
    [service] = rest["security"]["service"]
    assert service["coding"][0]["code"] == "SMART-on-FHIR"
