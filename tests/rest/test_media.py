import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir.problems import Unacceptable, Unsupported
from service.rest.media import LONGEST, sent, wanted

FHIR = "application/fhir+json"


@pytest.mark.parametrize(
    ("accept", "answer"),
    [
        (b"", FHIR),
        (b"*/*", FHIR),
        (b"application/*", FHIR),
        (b"application/fhir+json", FHIR),
        (b"APPLICATION/FHIR+JSON", FHIR),
        (b"application/json+fhir", FHIR),
        (b"application/json", "application/json"),
        (b"text/json", "text/json"),
        (b"application/fhir+json; charset=utf-8", FHIR),
        (b"application/fhir+json; fhirVersion=4.0", FHIR),
        (b'application/fhir+json; fhirVersion="4.0"', FHIR),
        (b"application/json, text/plain, */*", "application/json"),
        (b"application/fhir+json;q=0.5, application/json", "application/json"),
        (b"application/json, application/fhir+json", FHIR),
        (b"application/fhir+xml, application/fhir+json;q=0.1", FHIR),
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", FHIR),
        (b"application/json;q=0, */*", FHIR),
    ],
)
def test_the_format_that_a_client_accepts_most(accept, answer):
    assert wanted(accept, "") == answer


@pytest.mark.parametrize(
    "accept",
    [
        b"application/fhir+xml",
        b"application/xml",
        b"text/html",
        b"text/turtle",
        b"application/fhir+json; fhirVersion=3.0",
        b"application/json;q=0",
        b"application/json;q=high",
        b"nonsense",
        b", ,",
        b"\xff\xfe/;;=",
    ],
)
def test_what_is_not_offered_is_refused(accept):
    with pytest.raises(Unacceptable) as refused:
        wanted(accept, "")
    assert refused.value.issues[0].slug == "format-not-offered"


@pytest.mark.parametrize(
    ("format_", "answer"),
    [
        ("json", FHIR),
        ("JSON", FHIR),
        ("application/fhir+json", FHIR),
        ("application/fhir json", FHIR),  # the + of an unescaped query
        ("application/json", "application/json"),
        ("text/json", "text/json"),
    ],
)
def test_the_parameter_goes_before_the_header(format_, answer):
    assert wanted(b"application/fhir+xml", format_) == answer


@pytest.mark.parametrize("format_", ["xml", "application/fhir+xml", "ttl", "html", "yaml"])
def test_a_format_parameter_that_is_not_offered_is_refused(format_):
    with pytest.raises(Unacceptable, match="_format"):
        wanted(b"*/*", format_)


@given(st.binary(max_size=60))
@settings(max_examples=200, derandomize=True)
def test_no_header_does_more_than_be_refused(header):
    for read, refusal in ((lambda value: wanted(value, ""), Unacceptable), (sent, Unsupported)):
        try:
            read(header)
        except refusal:
            continue


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        (b"application/fhir+json", "resource"),
        (b"application/fhir+json; charset=utf-8; fhirVersion=4.0", "resource"),
        (b'application/json; charset="UTF-8"', "resource"),
        (b"application/json;charset=us-ascii", "resource"),
        (b"text/json", "resource"),
        (b"Application/Fhir+Json", "resource"),
        (b"application/json-patch+json", "json-patch"),
        (b"application/x-www-form-urlencoded", "form"),
    ],
)
def test_what_a_body_claims_to_be(content_type, kind):
    assert sent(content_type) == kind


@pytest.mark.parametrize(
    ("content_type", "slug"),
    [
        (b"", "content-type-missing"),
        (b"application/fhir+xml", "content-type-not-read"),
        (b"text/plain", "content-type-not-read"),
        (b"multipart/form-data; boundary=x", "content-type-not-read"),
        (b"application/merge-patch+json", "content-type-not-read"),
        (b"application/json, application/json", "content-type-not-read"),
        (b"json", "content-type-not-read"),
        (b"application/fhir+json; charset=utf-16", "charset-not-read"),
        (b"application/fhir+json; fhirVersion=5.0", "fhir-version-not-read"),
    ],
)
def test_what_is_not_read_is_refused(content_type, slug):
    with pytest.raises(Unsupported) as refused:
        sent(content_type)
    assert refused.value.issues[0].slug == slug


CHART = ("image/svg+xml", "image/png", "application/fhir+json")
ROWS = ("application/fhir+json", "text/csv")


@pytest.mark.parametrize(
    ("further", "accept", "format_", "answer"),
    [
        # Nothing in particular: the operation's own first choice.
        (CHART, b"", "", "image/svg+xml"),
        (CHART, b"*/*", "", "image/svg+xml"),
        (ROWS, b"*/*", "", "application/fhir+json"),
        # Spelt out.
        (CHART, b"image/png", "", "image/png"),
        (CHART, b"application/fhir+json", "", "application/fhir+json"),
        (ROWS, b"text/csv", "", "text/csv"),
        (ROWS, b"application/json", "", "application/json"),
        # What browsers send for a page, and for a picture in one.
        (CHART, b"text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8", "", "image/svg+xml"),
        (
            CHART,
            b"image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
            "",
            "image/svg+xml",
        ),
        (CHART, b"image/svg+xml;q=0.5,image/png", "", "image/png"),
        (CHART, b"image/*", "", "image/svg+xml"),
        # The parameter, whose plus some clients forget to escape.
        (CHART, b"*/*", "png", "image/png"),
        (CHART, b"*/*", "image/svg xml", "image/svg+xml"),
        (ROWS, b"*/*", "csv", "text/csv"),
        (ROWS, b"*/*", "json", "application/fhir+json"),
    ],
)
def test_an_operation_may_answer_in_other_formats(further, accept, format_, answer):
    assert wanted(accept, format_, further) == answer


def test_what_one_operation_answers_in_is_not_offered_elsewhere():
    for format_ in ("csv", "svg", "png"):
        with pytest.raises(Unacceptable):
            wanted(b"", format_)
    with pytest.raises(Unacceptable):
        wanted(b"text/csv", "", CHART)


@pytest.mark.parametrize("parameter", [b';"', b";a=b", b",a/b", b';q="'])
def test_a_header_that_is_longer_than_any_is_not_read(parameter):
    """Python would take time by the square of its length; a stranger may send it."""
    header = FHIR.encode() + parameter * (LONGEST // len(parameter))
    with pytest.raises(Unacceptable):
        wanted(header, "")
    with pytest.raises(Unacceptable):
        wanted(b"", header.decode())
    with pytest.raises(Unsupported):
        sent(header)


def test_one_as_long_as_may_be_is_read():
    header = FHIR.encode().ljust(LONGEST, b" ")
    assert (wanted(header, ""), sent(header)) == (FHIR, "resource")
