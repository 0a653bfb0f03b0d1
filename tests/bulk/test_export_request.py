"""A request comes back from what is kept of it as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.bulk.export_request import ExportRequest, export_request
from service.fhir.problems import Issue

texts = st.text(max_size=8)
times = st.none() | st.integers(0, 1 << 42)
pairs = st.lists(st.tuples(texts, texts), max_size=3).map(tuple)
several = st.lists(texts, max_size=3).map(tuple)
issues = st.builds(
    Issue,
    severity=st.sampled_from(["error", "warning"]),
    code=texts,
    slug=texts,
    text=texts,
    expression=st.none() | texts,
)


@given(
    st.builds(
        ExportRequest,
        level=st.sampled_from(["system", "Patient", "Group"]),
        group=texts,
        url=texts,
        method=st.sampled_from(["GET", "POST"]),
        types=several,
        since=times,
        until=times,
        filters=pairs,
        elements=pairs,
        patients=several,
        associated=several,
        organized_by=texts,
        partial=st.booleans(),
        deidentified=st.booleans(),
        gzip=st.booleans(),
        strict=st.booleans(),
        faults=st.lists(issues, max_size=2).map(tuple),
        ballot=st.booleans(),
        apart=st.booleans(),
    )
)
def test_a_request_comes_back(request: ExportRequest) -> None:
    assert export_request(request.encode()) == request


def test_what_was_not_given_is_not_kept() -> None:
    request = ExportRequest("system", "", "http://h/fhir/$export", "GET", ("Goal",))
    assert b"since" not in request.encode()
    assert export_request(request.encode()).since is None
