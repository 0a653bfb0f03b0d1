"""Access tokens: believed for five minutes by every worker, and no longer than their client stands.

Source: RFC 6750, RFC 9068
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest

from service.access import tokens as module
from service.access.keys import presented
from service.access.scopes import read_scopes
from service.access.signing import ALGORITHM, Signer
from service.access.tokens import FRESH, LIFETIME, LONGEST
from service.fhir.problems import Unauthorized
from tests.access.vendors import Vendor, by_hmac, compact
from tests.conftest import BASE_URL


def issue(tokens, registration, scope="system/*.rs") -> bytes:
    return tokens.issue(registration, read_scopes(tokens.setting(), scope)).token.encode()


async def refused(tokens, token: bytes, slug: str) -> None:
    with pytest.raises(Unauthorized) as raised:
        await tokens.caller(token)
    assert raised.value.issues[0].slug == slug
    assert await tokens.believed(token) is None


async def test_a_token_says_who_calls_for_whom_and_what_he_may(tokens, store):
    registration = Vendor().registration(
        administrator=True, governance=True, chooses_ids=True, sectors=("school",), purpose="CAREMGT"
    )
    await store.registrations.add(registration)
    caller = await tokens.caller(issue(tokens, registration, "system/Goal.rs system/Task.cu"))
    assert (caller.client, caller.agency, caller.locality) == ("epr", "camhs", "default")
    assert caller.administrator
    assert caller.governance
    assert caller.chooses_ids
    assert (caller.sectors, caller.purpose) == ({"school"}, "CAREMGT")
    assert (caller.user, caller.patient) == (None, None)
    assert caller.may("Goal", "r")
    assert not caller.may("Goal", "u")
    assert caller.may("Task", "u")


async def test_a_token_is_what_the_standard_says(tokens, vendor, clock):
    issued = tokens.issue(vendor.registration(), read_scopes(tokens.setting(), "system/Goal.rs"))
    assert (issued.seconds, issued.scope) == (LIFETIME, "system/Goal.rs")
    read = presented(issued.token.encode())
    assert (read.header["typ"], read.header["alg"]) == ("at+jwt", "ES256")
    name = read.claims.pop("jti")
    begins = clock.now // 1000
    assert read.claims == {
        "iss": BASE_URL,
        "aud": BASE_URL,
        "sub": "epr",
        "client_id": "epr",
        "iat": begins,
        "exp": begins + 300,
        "scope": "system/Goal.rs",
    }
    again = tokens.issue(vendor.registration(), read_scopes(tokens.setting(), "system/Goal.rs"))
    assert presented(again.token.encode()).claims["jti"] != name


async def test_every_worker_believes_it(tokens, make_tokens, vendor):
    token = issue(tokens, vendor.registration())
    assert (await make_tokens().caller(token)).client == "epr"


async def test_it_expires(tokens, make_tokens, vendor, clock):
    token = issue(tokens, vendor.registration())
    await tokens.caller(token)
    clock.now += LIFETIME * 1000 - 1500
    await tokens.caller(token)
    clock.now += 1500
    await refused(tokens, token, "token-expired")
    await refused(make_tokens(), token, "token-expired")


async def test_what_we_did_not_sign_is_not_believed(tokens, vendor, signer):
    right = presented(issue(tokens, vendor.registration()))
    claims, header = right.claims, right.header
    forged = Signer(bytes(32)).sign(claims)
    [public] = signer.document()["keys"]
    wrong = [
        forged,
        compact(header, claims),
        compact(header | {"alg": "none"}, claims),
        compact(header | {"alg": "HS256"}, claims, by_hmac(signer.public.key.as_pem(private=False))),
        compact(header | {"jwk": public}, claims, lambda _: b"x" * 64),
        right.raw.decode().rpartition(".")[0] + ".",
        "x",
        "a.b.c",
        "",
        vendor.assertion(claims["iat"] * 1000),
    ]
    for each in wrong:
        await refused(tokens, each.encode(), "token-invalid")


async def test_no_change_of_a_token_makes_another_of_it(tokens, vendor):
    """Some bits at the end of base64 say nothing: what differs in them alone is the same token."""
    token = issue(tokens, vendor.registration())
    whole = await tokens.caller(token)
    same = 0
    for place in range(len(token)):
        for other in b"A-z9.":
            changed = token[:place] + bytes([other]) + token[place + 1 :]
            if changed == token:
                continue
            with contextlib.suppress(Unauthorized):
                assert await tokens.caller(changed) == whole
                assert place == len(token) - 1
                same += 1
    assert same < 5


async def test_what_we_signed_for_another_end_is_not_believed(tokens, vendor, signer):
    claims = presented(issue(tokens, vendor.registration())).claims
    for other in (
        {"aud": "https://elsewhere.example/fhir"},
        {"aud": [BASE_URL]},
        {"iss": "https://elsewhere.example/fhir"},
    ):
        await refused(tokens, signer.sign(claims | other).encode(), "token-invalid")
    for other in ({"exp": None}, {"exp": "never"}, {"exp": float(10**15) * -1}):
        await refused(tokens, signer.sign(claims | other).encode(), "token-expired")
    assert ALGORITHM == "ES256"


async def test_a_revoked_client_is_out_within_a_second(tokens, make_tokens, vendor, store, elsewhere):
    other = make_tokens()
    token = issue(tokens, vendor.registration())
    for worker in (tokens, other):
        await worker.caller(token)
    await store.registrations.revoke("epr", 1)
    elsewhere.now += FRESH + 0.001
    for worker in (tokens, other, make_tokens()):
        await refused(worker, token, "token-revoked")


async def test_a_token_that_is_called_back_is_out_at_once_here_and_elsewhere_within_a_second(
    tokens, make_tokens, vendor, elsewhere
):
    other = make_tokens()
    token, kept = issue(tokens, vendor.registration()), issue(tokens, vendor.registration())
    for worker in (tokens, other):
        await worker.caller(token)
        await worker.caller(kept)
    await tokens.call_back(await tokens.believed(token))
    await refused(tokens, token, "token-revoked")
    elsewhere.now += FRESH + 0.001
    for worker in (other, make_tokens()):
        await refused(worker, token, "token-revoked")
        assert await worker.caller(kept)


async def test_another_way_to_write_a_token_does_not_bring_it_back(tokens, make_tokens, vendor, signer):
    """A signature of this kind can be written in two ways; both are the same token."""
    token = issue(tokens, vendor.registration())
    await tokens.call_back(await tokens.believed(token))
    again = signer.sign(presented(token).claims).encode()
    assert again != token
    await refused(make_tokens(), again, "token-revoked")


async def test_what_a_client_may_is_what_it_may_now(tokens, vendor, store, elsewhere, clock):
    """Not what it might when the token was given out."""
    token = issue(tokens, vendor.registration(), "system/*.cruds")
    assert (await tokens.caller(token)).may("Goal", "d")
    await store.registrations._run(
        "UPDATE client SET scopes = $1, administrator = $2, agency = $3 WHERE id = $4",
        "system/Goal.rs",
        True,
        "school",
        "epr",
    )
    elsewhere.now += FRESH + 0.001
    caller = await tokens.caller(token)
    assert (caller.may("Goal", "r"), caller.may("Goal", "d"), caller.may("Task", "r")) == (True, False, False)
    assert (caller.administrator, caller.agency) == (True, "school")
    assert (await tokens.believed(token)).registration.agency == "school"


async def test_the_store_is_asked_once_a_second_however_many_ask(
    tokens, vendor, store, elsewhere, monkeypatch
):
    asked = []
    standing = store.registrations.standing

    async def counted(client, token):
        asked.append(client)
        await asyncio.sleep(0)
        return await standing(client, token)

    monkeypatch.setattr(store.registrations, "standing", counted)
    token = issue(tokens, vendor.registration())
    await tokens.caller(token)
    for second in range(1, 4):
        await asyncio.gather(*(tokens.caller(token) for _ in range(50)))
        elsewhere.now += FRESH + 0.001
        assert len(asked) == second
    assert await tokens.caller(token) is await tokens.caller(token)


async def test_only_so_many_tokens_are_remembered(tokens, vendor, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 10)
    for _ in range(30):
        await tokens.caller(issue(tokens, vendor.registration()))
    assert len(tokens._known) == 10


async def test_what_is_remembered_is_no_token(tokens, vendor):
    token = issue(tokens, vendor.registration())
    await tokens.caller(token)
    assert token.decode() not in repr(tokens._known)
    assert token not in tokens._known
    assert len(token) < LONGEST


async def test_a_client_that_was_never_there_has_no_tokens(tokens, vendor):
    await refused(tokens, issue(tokens, replace(vendor.registration(), id="nobody")), "token-revoked")
