"""The client under smart-fetch reads, loses its token to a revocation, and reads again."""

import asyncio
import json
import sys

import cumulus_fhir_support as cfs
import httpx

# Revocations hold in every worker after a second.
SECOND = 1.2


async def main(given):
    client = cfs.FhirClient.create_for_cli(
        given["base_url"], ["Patient"], smart_client_id=given["client_id"], smart_key=given["key"]
    )
    tokens = set()
    statuses = []
    async with client:
        for revoke in (True, False):
            answer = await client.request("GET", given["patient"])
            statuses.append(answer.status_code)
            token = client._auth.sign_headers()["Authorization"].removeprefix("Bearer ")
            tokens.add(token)
            if revoke:
                await revoked(given, client, token)
    json.dump({"status": statuses, "tokens": len(tokens)}, sys.stdout)


async def revoked(given, client, token):
    async with httpx.AsyncClient() as session:
        found = await session.get(f"{given['base_url']}/.well-known/smart-configuration")
        form = {
            "token": token,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": client._auth._make_signed_jwt(),
        }
        answer = await session.post(found.json()["revocation_endpoint"], data=form)
        answer.raise_for_status()
    await asyncio.sleep(SECOND)


asyncio.run(main(json.load(sys.stdin)))
