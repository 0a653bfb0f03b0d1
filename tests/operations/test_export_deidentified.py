"""What a client that is bound to PSEUDED may ask of an export."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.bulk.export_request import ExportRequest
from service.fhir import parameters
from service.fhir.problems import Forbidden, Malformed
from service.fhir.search.asked import Setting
from service.operations import export
from service.operations.export_deidentified import REFUSED, deidentified
from service.operations.operation import Call

LABEL = "_security=http://terminology.hl7.org/CodeSystem/v3-ObservationValue|PSEUDED"


@pytest.fixture
def analyst(registry):
    return Caller(
        "a", "camhs", scopes=read_scopes(Setting(registry, "http://h/fhir", 0), f"system/*.rs?{LABEL}")
    )


def call(**values):
    return Call(
        "", "", parameters.read(export.SYSTEM_OPERATION.inputs, tuple(values.items()), None, searches=True)
    )


def request(*types, **more):
    return ExportRequest("system", "", "", "GET", types, **more)


def test_for_others_it_is_as_it_was():
    asked = request("Binary", "Goal", since=5)
    assert deidentified(Caller("a", "camhs"), call(_since="2026-01-01"), asked) is asked


def test_for_the_bound_it_is_deidentified_and_has_those_types_that_there_are(analyst):
    found = deidentified(analyst, call(), request("Binary", "Goal", "Group", "Patient"))
    assert found == request("Goal", "Patient", deidentified=True)


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_tell_who_is_who_is_refused(name, analyst):
    value = "Goal?x=y" if name == "_typeFilter" else "2026-01-01"
    with pytest.raises(Malformed) as refusal:
        deidentified(analyst, call(**{name: value}), request("Goal", strict=False))
    assert refusal.value.issues[0].slug == "export-deidentified-parameter"
    assert name in str(refusal.value)


def test_a_group_is_for_administrators(analyst):
    asked = replace(request("Goal", strict=False), level="Group", group="g")
    with pytest.raises(Forbidden) as refusal:
        deidentified(analyst, call(), asked)
    assert refusal.value.issues[0].slug == "export-deidentified-group"
    found = deidentified(replace(analyst, administrator=True), call(), asked)
    assert (found.group, found.deidentified) == ("g", True)
    assert deidentified(Caller("a", "camhs"), call(), asked) is asked


def test_a_type_that_is_named_and_that_there_is_not(analyst):
    named = call(_type="Goal,Binary")
    with pytest.raises(Malformed) as refusal:
        deidentified(analyst, named, request("Binary", "Goal"))
    assert refusal.value.issues[0].slug == "export-deidentified-type"
    found = deidentified(analyst, named, request("Binary", "Goal", strict=False))
    assert found.types == ("Goal",)
    assert [(fault.slug, fault.severity) for fault in found.faults] == [
        ("export-deidentified-type", "warning")
    ]
    with pytest.raises(Malformed) as nothing:
        deidentified(analyst, named, request("Binary", strict=False))
    assert nothing.value.issues[0].slug == "export-nothing"
