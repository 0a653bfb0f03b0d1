"""Whom an address or a search names, and whom not."""

from __future__ import annotations

import gc
import time

import pytest

from service.interactions.naming import MOST, named
from tests.conftest import BASE_URL

NAMED = {
    "": [],
    "Goal": [],
    "Patient/a": ["a"],
    "Patient/a/Goal": ["a"],
    "Patient/a/*": ["a"],
    "Patient/a/$everything": ["a"],
    "Patient/no id": [],
    "Goal/a": [],
    "Goal?patient=a": ["a"],
    "Goal?patient=Patient/a&_summary=count": ["a"],
    "Goal?patient=Patient%2Fa": ["a"],
    "Goal?pat%69ent=a": ["a"],
    f"Goal?patient={BASE_URL}/Patient/a": ["a"],
    "Goal?patient=https://elsewhere.example/fhir/Patient/a": [],
    "Goal?patient:Patient=a": ["a"],
    "Goal?subject=a,Patient/b&patient=a": ["a", "b"],
    "Goal?subject:Group=a": [],
    "Goal?subject=Group/a": [],
    "Goal?subject:identifier=a": [],
    "Goal?subject:missing=true": [],
    "Task?for=a": ["a"],
    "Patient?_id=a,b": ["a", "b"],
    "Goal?_id=a": [],
    "?_type=Patient,Goal&_id=a": ["a"],
    "?_type=Goal&_id=a": [],
    "Goal?patient._id=a": ["a"],
    "Goal?subject:Patient._id=a": ["a"],
    "Goal?encounter._id=a": [],
    "Observation?encounter.subject=a": ["a"],
    "Observation?encounter.subject:Patient._id=a": ["a"],
    "Patient?_has:Goal:patient:patient=a": ["a"],
    "Patient?_has:Goal:patient:_id=a": [],
    "Communication?recipient=Patient/a": ["a"],
    "Communication?recipient=Practitioner/a": [],
    "Communication?recipient=P%61tient/a": ["a"],
    "?_type=Goal%2CPatient&_id=a": ["a"],
    "Goal?description=Patient": [],
    "Observation/$lastn?patient=a": ["a"],
    "Patient/a/Goal?patient=b": ["a", "b"],
}


@pytest.mark.parametrize(("query", "ids"), NAMED.items(), ids=[str(number) for number, _ in enumerate(NAMED)])
def test_who_is_named(query, ids):
    assert list(named(query, BASE_URL)) == ids


def test_no_more_than_can_be_told():
    assert len(named("Goal?patient=" + ",".join(f"p{each}" for each in range(1000)), BASE_URL)) == MOST


@pytest.fixture
def uncollected():
    """Without Python's collector: a process with the rubbish of thousands of tests may take a second for that."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("text", ["&", "=", ",", "patient=", "a.", "Patient/", "%", ":", "patient=Patient&"])
def test_no_query_takes_long(uncollected, text):
    began = time.process_time()
    named("Goal?patient=" + text * (96 * 1024 // len(text)), BASE_URL)
    assert time.process_time() - began < 0.5
