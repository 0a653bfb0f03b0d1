"""How tests ask the HTTP side, and what they expect of every refusal."""

from __future__ import annotations

import io
from typing import Any

import httpx
import msgspec
from litestar.types import ASGIApp

from tests.conftest import BASE_URL


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    # Faults that nobody catches must fail the test, not hide behind a 500.
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL.removesuffix("/fhir"))


def lines(log: io.BytesIO) -> list[dict[str, Any]]:
    """The log's lines."""
    return [msgspec.json.decode(line) for line in log.getvalue().splitlines()]


def patient(**elements: Any) -> dict[str, Any]:
    """A small Patient of nobody."""
    return {"resourceType": "Patient", "gender": "other", "birthDate": "2011-02-03", **elements}


def refused(response: httpx.Response, status: int, slug: str | None = None) -> dict[str, Any]:
    """The first issue of a refusal, after a look at its form."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/fhir+json; charset=utf-8"
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome"
    for issue in outcome["issue"]:
        assert issue["severity"] in {"fatal", "error", "warning", "information"}
        assert issue["code"]
        assert issue["diagnostics"].endswith(".")
    first: dict[str, Any] = outcome["issue"][0]
    if slug is not None:
        assert first["details"]["coding"][0]["code"] == slug
    return first
