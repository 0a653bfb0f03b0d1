"""The SMART `bulk-data-client`, step by step as version 1.2.1 goes about it: it is on no package index that tests
could install it from. What it would stop at stops here.

Source: https://github.com/smart-on-fhir/bulk-data-client (Apache-2.0), README and what it was seen to send
"""

from __future__ import annotations

import gzip
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.clients.vendor import PATIENCE, Vendor

COMPRESSIONS = "gzip, deflate, br, identity"


@dataclass
class SmartBulk:
    """One export of the vendor's. `files` are the lines of each file by `output/`, `deleted/` or `error/` and its name."""

    base_url: str
    vendor: Vendor
    lenient: bool = False
    manifest: dict[str, Any] = field(default_factory=dict)
    files: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def token_url(self) -> str:
        """Found without being told: at the root of the host, else in the CapabilityStatement's `oauth-uris`."""
        parts = urlsplit(self.base_url)
        root = httpx.get(f"{parts.scheme}://{parts.netloc}/.well-known/smart-configuration", timeout=PATIENCE)
        statement = httpx.get(f"{self.base_url}/metadata", timeout=PATIENCE).json()
        [uris] = statement["rest"][0]["security"]["extension"]
        [token] = [each["valueUri"] for each in uris["extension"] if each["url"] == "token"]
        assert root.json()["token_endpoint"] == token
        return token

    def headers(self) -> dict[str, str]:
        """Signed in for everything that it reads, in the words of SMART 1."""
        assertion = self.vendor.assertion(self.token_url())
        form = {
            "scope": "system/*.read",
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        answer = httpx.post(self.token_url(), data=form, timeout=PATIENCE).json()
        assert answer["expires_in"]
        return {"authorization": f"Bearer {answer['access_token']}"}

    def export(self, path: str, parameters: dict[str, str], body: dict[str, Any] | None = None) -> None:
        """Kick-off by GET, or by POST with Parameters; waiting; all files; and the deletion of the job."""
        signed = self.headers()
        prefer = "respond-async" + (", handling=lenient" if self.lenient else "")
        headers = {**signed, "accept": "application/fhir+json", "prefer": prefer}
        url = f"{self.base_url}/{path}"
        if body is None:
            answer = httpx.get(url, params=parameters, headers=headers, timeout=PATIENCE)
        else:
            answer = httpx.post(url, json=body, headers=headers, timeout=PATIENCE)
        assert answer.status_code < 400, answer.text
        json.loads(answer.content)  # it reads the body of each answer as JSON
        location = answer.headers["content-location"]
        self.manifest = self._waited(location, signed)
        for kind in ("output", "deleted", "error"):
            for file in self.manifest[kind]:  # iterates over each, without looking whether it is there
                self._download(kind, file, signed)
        gone = httpx.delete(location, headers=signed, timeout=PATIENCE)
        assert gone.status_code == 202

    def _waited(self, location: str, signed: dict[str, str]) -> dict[str, Any]:
        headers = {**signed, "accept": "application/json"}
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = httpx.get(location, headers=headers, timeout=PATIENCE)
            if answer.status_code == 200:
                manifest = answer.json()
                assert isinstance(manifest["output"], list)
                assert manifest["output"], "the client takes an export without files for a fault"
                return manifest
            assert answer.status_code == 202, f"Unexpected status response {answer.status_code}"
            assert time.monotonic() < deadline
            # A date in place of seconds, or none, leaves it without a pause that is a number.
            pause = int(answer.headers["retry-after"])
            time.sleep(min(pause, 1))

    def _download(self, kind: str, file: dict[str, Any], signed: dict[str, str]) -> None:
        headers = {"accept-encoding": COMPRESSIONS}
        if self.manifest["requiresAccessToken"]:
            headers |= signed
        with httpx.stream("GET", file["url"], headers=headers, timeout=PATIENCE) as answer:
            assert answer.status_code < 400
            raw = b"".join(answer.iter_raw())
            content = gzip.decompress(raw) if answer.headers.get("content-encoding") == "gzip" else raw
        lines = [json.loads(line) for line in content.decode().split("\n") if line]
        if kind == "output":
            assert len(lines) == file["count"]
            assert {line["resourceType"] for line in lines} <= {file["type"]}
        name = f"{kind}/{file['url'].rsplit('/', 1)[1]}"
        assert name not in self.files, "one would overwrite the other"
        self.files[name] = lines

    def ids(self, kind: str = "output") -> set[str]:
        """The resources of that kind, as references."""
        return {
            f"{line['resourceType']}/{line['id']}"
            for name, lines in self.files.items()
            if name.startswith(f"{kind}/")
            for line in lines
        }
