from __future__ import annotations

import pytest

from service.fhir.problems import Malformed, Missing, Unoffered
from service.interactions.targets import Target, read_target
from tests.conftest import BASE_URL


@pytest.mark.parametrize(
    ("method", "url", "target"),
    [
        ("POST", "Patient", Target("create", "Patient")),
        ("POST", "/Patient", Target("create", "Patient")),
        ("POST", f"{BASE_URL}/Patient", Target("create", "Patient")),
        ("GET", "Patient/p1", Target("read", "Patient", "p1")),
        ("HEAD", "Patient/p1", Target("read", "Patient", "p1")),
        ("GET", "Patient/p1?_format=json", Target("read", "Patient", "p1", query="_format=json")),
        ("GET", "Patient/p1/_history/2", Target("vread", "Patient", "p1", "2")),
        ("GET", "Patient/p1/_history", Target("history-instance", "Patient", "p1")),
        ("GET", "Patient/_history?_count=1", Target("history-type", "Patient", query="_count=1")),
        ("GET", "_history", Target("history-system")),
        ("GET", "", Target("search-system")),
        ("GET", "?_type=Goal", Target("search-system", query="_type=Goal")),
        ("GET", f"{BASE_URL}?_type=Goal", Target("search-system", query="_type=Goal")),
        ("GET", "Patient/p1/*?_count=5", Target("search-system", query="_count=5", within=("Patient", "p1"))),
        ("GET", "Patient/p1/Goal", Target("search-type", "Goal", within=("Patient", "p1"))),
        ("GET", "Patient", Target("search-type", "Patient")),
        ("GET", "Patient?", Target("search-type", "Patient", query="")),
        ("GET", "Patient?name=a/b?c", Target("search-type", "Patient", query="name=a/b?c")),
        ("PUT", "Patient/p1", Target("update", "Patient", "p1")),
        ("PUT", "Patient?identifier=1", Target("update", "Patient", query="identifier=1")),
        ("PUT", "Patient/?identifier=1", Target("update", "Patient", query="identifier=1")),
        ("PATCH", "Patient/p1", Target("patch", "Patient", "p1")),
        ("PATCH", "Patient?identifier=1", Target("patch", "Patient", query="identifier=1")),
        ("DELETE", "Patient/p1", Target("delete", "Patient", "p1")),
        ("DELETE", "Patient?identifier=1", Target("delete", "Patient", query="identifier=1")),
    ],
)
def test_addresses_that_are_read(registry, method, url, target):
    assert read_target(registry, BASE_URL, method, url) == target


@pytest.mark.parametrize(
    ("method", "url", "problem"),
    [
        ("POST", "", Malformed),
        ("POST", "Patient/p1", Malformed),
        ("POST", "Patient/_search", Malformed),
        ("POST", "Patient/$validate", Malformed),
        ("PUT", "Patient", Malformed),
        ("PUT", "Patient?", Malformed),
        ("DELETE", "Patient", Malformed),
        ("DELETE", "Patient/p1/_history/1", Malformed),
        ("PUT", "_history", Malformed),
        ("GET", "Goal/g1/Observation", Malformed),
        ("GET", "Patient/p1/$everything", Malformed),
        ("GET", "metadata/x/y", Malformed),
        ("GET", "Patient/p1/_history/1/2", Malformed),
        ("GET", "https://elsewhere.example/fhir/Patient/p1", Malformed),
        ("OPTIONS", "Patient", Malformed),
        ("POST", "Appointment", Missing),
        ("POST", "AuditEvent", Unoffered),
        ("GET", "AuditEvent/_history", Unoffered),
    ],
)
def test_addresses_that_are_refused(registry, method, url, problem):
    with pytest.raises(problem):
        read_target(registry, BASE_URL, method, url)
