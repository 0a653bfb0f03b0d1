import pytest

from benchmarks.target import Refused, target


@pytest.mark.parametrize(
    ("base_url", "normal"),
    [
        ("http://127.0.0.1:8080/fhir", "http://127.0.0.1:8080/fhir"),
        ("http://127.0.0.1:8080/fhir/", "http://127.0.0.1:8080/fhir"),
        ("http://localhost:8080/baseR4", "http://127.0.0.1:8080/baseR4"),
        ("http://127.8.9.1", "http://127.8.9.1:80"),
    ],
)
def test_a_loopback_base_url_is_taken_apart(base_url, normal):
    assert target(base_url).base_url == normal


@pytest.mark.parametrize(
    "base_url",
    [
        "http://fhir.example/fhir",
        "http://10.0.0.1/fhir",
        "http://127.0.0.1.fhir.example/fhir",
        "http://0.0.0.0/fhir",
        "http://2130706433/fhir",
        "https://127.0.0.1/fhir",
        "http://someone@127.0.0.1/fhir",
        "http://127.0.0.1/fhir?x=1",
        "127.0.0.1:8080",
    ],
)
def test_any_other_host_is_refused(base_url):
    with pytest.raises(Refused):
        target(base_url)


def test_a_header_cannot_smuggle_a_second_one():
    with pytest.raises(Refused):
        target("http://127.0.0.1/fhir", ("Prefer: return=minimal\r\nX-Other: 1",))


def test_requests_are_whole():
    goal = target("http://127.0.0.1:8080/fhir", ("Authorization: Bearer abc",))
    head = b"Host: 127.0.0.1:8080\r\nAccept: application/fhir+json\r\nAuthorization: Bearer abc\r\n"
    assert goal.get(b"/Goal/1") == b"GET /fhir/Goal/1 HTTP/1.1\r\n" + head + b"\r\n"
    assert goal.delete(b"/Goal/1") == b"DELETE /fhir/Goal/1 HTTP/1.1\r\n" + head + b"\r\n"
    with_body = head + b"Content-Type: application/fhir+json\r\nContent-Length: 2\r\n\r\n{}"
    assert goal.post(b"", b"{}") == b"POST /fhir HTTP/1.1\r\n" + with_body
    assert goal.put(b"/Goal/1", b"{}") == b"PUT /fhir/Goal/1 HTTP/1.1\r\n" + with_body
