"""Whatever breaks, and wherever: a client sees that something did, and nothing of what or where.

Source: https://owasp.org/www-project-api-security/ (API8), docs/security.md
"""

from dataclasses import replace

import httpx
import pytest

from service.rest.errors import failure
from tests.rest.asking import lines, patient

MARK = "Marigold Quillfeather-77"  # nobody is called so
FHIR = {"content-type": "application/fhir+json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
BUNDLE = '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Goal"}}]}'

ASKED = [
    ("GET", "/fhir/Patient/one", None, {}),
    ("GET", "/fhir/Patient/one/_history/1", None, {}),
    ("GET", "/fhir/Patient/one/_history", None, {}),
    ("GET", "/fhir/_history", None, {}),
    ("GET", "/fhir/Patient?name=x", None, {}),
    ("GET", "/fhir?_type=Patient,Goal", None, {}),
    ("POST", "/fhir/Patient/_search", "name=x", FORM),
    ("GET", "/fhir/Patient/one/Goal", None, {}),
    ("GET", "/fhir/Patient/one/$everything", None, {}),
    ("POST", "/fhir/Patient", None, FHIR),
    ("PUT", "/fhir/Patient/one", None, FHIR),
    ("PUT", "/fhir/Patient?identifier=urn:x|1", None, FHIR),
    ("PATCH", "/fhir/Patient/one", "[]", {"content-type": "application/json-patch+json"}),
    ("DELETE", "/fhir/Patient/one", None, {}),
    ("DELETE", "/fhir/Patient?identifier=urn:x|1", None, {}),
    ("POST", "/fhir", BUNDLE, FHIR),
    ("POST", "/fhir", BUNDLE.replace("transaction", "batch"), FHIR),
    ("GET", "/health/ready", None, {}),
]


class Broken:
    """A store of which nothing works, and that says too much."""

    def __getattr__(self, name):
        raise LookupError(f"{name} of {MARK} in /var/lib/{MARK}") from KeyError(MARK)


class BrokenWhenAsked(Broken):
    """One that is there to be asked, and breaks then."""

    sight = None
    audit = None

    @property
    def whole(self):
        return self

    def seen_by(self, *_):
        return self


@pytest.mark.parametrize("debug", ["", "1"], ids=["plain", "debugging"])
@pytest.mark.parametrize("broken", [Broken, BrokenWhenAsked])
async def test_no_fault_shows_itself(make_app, context, log, subtests, monkeypatch, debug, broken):
    monkeypatch.setenv("LITESTAR_DEBUG", debug)
    app = make_app(context=replace(context, store=broken()))
    # As the server does it: what escapes the application would be the server's to answer.
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        for method, path, body, headers in ASKED:
            with subtests.test(f"{method} {path}"):
                whole = (
                    {"content": body}
                    if body or method not in {"POST", "PUT"}
                    else {"json": patient(id="one")}
                )
                response = await client.request(method, path, headers=headers, **whole)
                assert (response.status_code, response.content) == (500, failure().body)
                told = str(response.headers).lower()
                assert "quillfeather" not in told
                assert ".py" not in told
    assert MARK.encode() not in log.getvalue()
    failed = [line for line in lines(log) if line["event"] == "request_failed"]
    assert len(failed) == len(ASKED)
