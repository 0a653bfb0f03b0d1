"""fhirpy's asynchronous client: many reads at once over one token."""

import asyncio
import json
import sys

from fhirpy import AsyncFHIRClient


async def main(given):
    client = AsyncFHIRClient(given["base_url"], authorization=f"Bearer {given['token']}")
    read = await asyncio.gather(*(client.get(*one.split("/")) for one in given["references"]))
    pages = [
        one.id async for one in client.resources("Observation").search(patient=given["patient"]).limit(7)
    ]
    json.dump({"read": [f"{one['resourceType']}/{one['id']}" for one in read], "pages": pages}, sys.stdout)


asyncio.run(main(json.load(sys.stdin)))
