import json

import pytest

from service.access import tokens
from service.access.needs import InsufficientScope
from service.fhir import problems
from service.fhir.problems import Issue, Problem
from service.rest.errors import DETAIL_LINES, detail, failure, refusal

CLASSES = [each for each in vars(problems).values() if isinstance(each, type) and issubclass(each, Problem)]
STATUSES = {
    "Malformed": 400,
    "Unauthorized": 401,
    "Forbidden": 403,
    "Missing": 404,
    "Unoffered": 405,
    "Unacceptable": 406,
    "TooSlow": 408,
    "Conflict": 409,
    "Gone": 410,
    "Precondition": 412,
    "TooLarge": 413,
    "Unsupported": 415,
    "Invalid": 422,
    "TooMany": 429,
    "Unavailable": 503,
}


def test_the_table_is_whole():
    assert {each.__name__ for each in CLASSES} == {"Problem", *STATUSES}


@pytest.mark.parametrize("name", STATUSES)
def test_each_problem_has_its_status_and_an_outcome(name):
    reply = refusal(getattr(problems, name)("some-slug", "A sentence.", "Goal.target[0]"))
    assert reply.status == STATUSES[name]
    outcome = json.loads(reply.body)
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert issue["details"]["coding"][0]["code"] == "some-slug"
    assert issue["diagnostics"] == "A sentence."
    assert issue["expression"] == ["Goal.target[0]"]
    assert (b"content-type", b"application/fhir+json; charset=utf-8") in reply.headers


def test_who_has_no_token_is_told_that_one_is_wanted_and_who_has_a_wrong_one_that_it_is():
    def challenge(problem):
        return dict(refusal(problem).headers)[b"www-authenticate"]

    wanted = challenge(tokens.missing())
    assert wanted.startswith(b"Bearer")
    assert b"error" not in wanted
    for problem in (tokens.invalid(), tokens.expired(), tokens.revoked()):
        found = challenge(problem)
        assert found.startswith(b'Bearer error="invalid_token", error_description="')
        assert found.count(b'"') == 4


def test_every_issue_is_told():
    found = [Issue("error", "value", "first", "One."), Issue("warning", "value", "second", "Two.")]
    assert len(json.loads(refusal(problems.Invalid.of(found)).body)["issue"]) == 2


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Unauthorized", b"www-authenticate"),
        ("Unavailable", b"retry-after"),
        ("TooMany", b"retry-after"),
        ("TooSlow", b"connection"),
    ],
)
def test_headers_that_a_status_brings(name, header):
    headers = dict(refusal(getattr(problems, name)("slug", "Text.")).headers)
    assert headers[header]
    assert header not in dict(refusal(problems.Missing("slug", "Text.")).headers)


def test_who_asks_too_often_is_told_how_long_to_wait():
    problem = problems.TooMany("slug", "Text.")
    problem.retry_after = 17
    assert dict(refusal(problem).headers)[b"retry-after"] == b"17"


@pytest.mark.parametrize(
    ("needed", "challenge"),
    [
        ("system/Goal.u", b'Bearer error="insufficient_scope", scope="system/Goal.u"'),
        ("", b'Bearer error="insufficient_scope"'),
    ],
)
def test_whose_token_does_not_allow_it_is_told_what_does(needed, challenge):
    problem = InsufficientScope("insufficient-scope", "Text.")
    problem.needed = needed
    assert dict(refusal(problem).headers)[b"www-authenticate"] == challenge


def test_an_unknown_exception_is_told_without_detail():
    reply = failure()
    assert reply.status == 500
    assert json.loads(reply.body)["issue"][0]["severity"] == "fatal"


def test_detail_has_types_and_places_and_no_message():
    try:
        try:
            int("Marigold")
        except ValueError:
            raise KeyError("Marigold") from None
    except KeyError as fault:
        lines = detail(fault)
    assert lines[0] == "builtins.KeyError"
    assert any("test_errors.py" in line and "test_detail_has_types" in line for line in lines)
    assert "builtins.ValueError" in lines
    assert "Marigold" not in str(lines)


def test_detail_of_a_runaway_recursion_stays_short():
    def run_away():
        run_away()

    with pytest.raises(RecursionError) as caught:
        run_away()
    assert len(detail(caught.value)) == DETAIL_LINES
