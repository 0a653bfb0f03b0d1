import pytest

from service.fhir.problems import Issue
from service.interactions.context import Answer
from service.rest.preferences import preference
from service.rest.requests import Form
from service.rest.responses import outcome, pretty, reply
from service.storage.store import Stored

BODY = b'{"resourceType":"Patient","x":7.10}'
STORED = Stored("Patient", "1", 3, 1_700_000_000_123, "PUT", BODY, 1)
DELETED = Stored("Patient", "1", 4, 1_700_000_000_123, "DELETE", b"", 1)
BASE = "http://x/fhir"
WARNING = Issue("warning", "business-rule", "some-slug", "Look again.")


def shape(prefer=b"", *, indent=False):
    return Form("application/fhir+json", indent, preference(prefer))


def headers(made):
    return {name.decode(): value.decode() for name, value in made.headers}


def test_a_version_with_all_that_is_known_of_it():
    made = reply(Answer(201, STORED, "Patient/1/_history/3"), "POST", shape(), BASE)
    assert (made.status, made.body) == (201, BODY)
    shown = headers(made)
    assert shown["etag"] == 'W/"3"'
    assert shown["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert shown["location"] == "http://x/fhir/Patient/1/_history/3"


@pytest.mark.parametrize(
    ("answer", "method", "prefer", "status", "begins", "applied"),
    [
        (Answer(200, STORED), "GET", b"return=minimal", 200, BODY, None),
        (Answer(304, STORED), "GET", b"", 304, b"", None),
        (Answer(200, STORED), "PUT", b"return=minimal", 200, b"", "return=minimal"),
        (Answer(200, STORED), "PUT", b"return=representation", 200, BODY, "return=representation"),
        (
            Answer(200, STORED),
            "PATCH",
            b"return=OperationOutcome",
            200,
            b'{"resourceType":"OperationOutcome"',
            "return=OperationOutcome",
        ),
        (Answer(204, DELETED), "DELETE", b"", 204, b"", None),
        (Answer(204, None), "DELETE", b"", 204, b"", None),
        (Answer(204, DELETED), "DELETE", b"return=representation", 204, b"", None),
        (
            Answer(204, DELETED),
            "DELETE",
            b"return=OperationOutcome",
            200,
            b'{"resourceType":"OperationOutcome"',
            "return=OperationOutcome",
        ),
        (
            Answer(204, DELETED, issues=(WARNING,)),
            "DELETE",
            b"",
            200,
            b'{"resourceType":"OperationOutcome"',
            None,
        ),
        (Answer(200, document=b"{}"), "POST", b"return=minimal", 200, b"{}", None),
        (Answer(200, document=b"{}"), "GET", b"", 200, b"{}", None),
    ],
)
def test_the_body_by_method_and_preference(answer, method, prefer, status, begins, applied):
    made = reply(answer, method, shape(prefer), BASE)
    assert made.status == status
    assert made.body.startswith(begins)
    assert bool(made.body) == bool(begins)
    assert headers(made).get("preference-applied") == applied
    assert ("content-type" in headers(made)) == bool(begins)


def test_warnings_are_told_where_an_outcome_is_asked_for():
    made = reply(Answer(200, STORED, issues=(WARNING,)), "PUT", shape(b"return=OperationOutcome"), BASE)
    assert b"some-slug" in made.body


def test_indenting_keeps_the_digits():
    assert pretty(BODY) == b'{\n  "resourceType": "Patient",\n  "x": 7.10\n}'
    assert reply(Answer(200, STORED), "GET", shape(indent=True), BASE).body == pretty(BODY)


def test_replies_do_not_share_their_headers():
    first = outcome(404, b"{}")
    first.headers.append((b"x", b"y"))
    assert (b"x", b"y") not in outcome(404, b"{}").headers
    second = reply(Answer(200, STORED), "GET", shape(), BASE)
    second.headers.append((b"x", b"y"))
    assert (b"x", b"y") not in reply(Answer(200, STORED), "GET", shape(), BASE).headers


@pytest.mark.parametrize(
    ("media", "header"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("image/svg+xml", "image/svg+xml"),
        ("", "application/fhir+json; charset=utf-8"),
    ],
)
def test_a_document_of_another_format_says_so_and_is_left_as_it_is(media, header):
    body = b'{"rows":[1,2]}'
    made = reply(Answer(200, document=body, media=media), "GET", shape(indent=True), BASE)
    assert headers(made)["content-type"] == header
    assert headers(made)["cache-control"] == "no-store"
    assert (made.body == body) is bool(media)


def test_headers_of_an_answer_go_out_beside_the_others():
    answer = Answer(202, document=b"{}", headers=((b"content-location", b"http://x/fhir/jobs/1"),))
    made = reply(answer, "POST", shape(b"return=minimal"), BASE)
    assert headers(made)["content-location"] == "http://x/fhir/jobs/1"
    assert (made.status, made.body) == (202, b"{}")
