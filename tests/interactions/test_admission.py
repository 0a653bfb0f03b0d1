from __future__ import annotations

import pytest

from service.fhir.problems import Invalid, Malformed
from service.interactions.admission import admit
from tests.interactions.builders import patient


@pytest.mark.parametrize(
    ("given", "id_", "admitted"),
    [
        ({}, "p1", {"id": "p1"}),
        ({"id": "other"}, "p1", {"id": "p1"}),
        ({"id": "kept"}, None, {"id": "kept"}),
        ({}, None, {}),
        ({"meta": {"versionId": "3"}}, "p1", {"id": "p1"}),
        (
            {"meta": {"lastUpdated": "nonsense", "source": "urn:x"}},
            "p1",
            {"id": "p1", "meta": {"source": "urn:x"}},
        ),
        (
            {"meta": {"_versionId": {"id": "a"}, "tag": [{"code": "t"}]}},
            None,
            {"meta": {"tag": [{"code": "t"}]}},
        ),
    ],
)
def test_the_server_sets_id_version_and_time(bare, given, id_, admitted):
    before = repr(given)
    assert admit(bare, "Patient", {**patient(), **given}, id_).resource == {**patient(), **admitted}
    assert repr(given) == before


@pytest.mark.parametrize("meta", [5, "x", [], {}, {"versionId": "1", "colour": "red"}])
def test_a_broken_meta_is_refused(bare, meta):
    with pytest.raises(Invalid):
        admit(bare, "Patient", patient(meta=meta), "p1")


def test_another_type_is_malformed(bare):
    with pytest.raises(Malformed):
        admit(bare, "Goal", patient(), "p1")


def test_warnings_travel_and_faults_refuse_with_them(bare):
    odd = {"coding": [{"system": "http://example.org", "code": "odd"}]}
    (warning,) = admit(bare, "Patient", patient(maritalStatus=odd), "p1").issues
    assert warning.severity == "warning"
    with pytest.raises(Invalid) as refusal:
        admit(bare, "Patient", patient(maritalStatus=odd, gender="odd"), "p1")
    assert sorted(issue.severity for issue in refusal.value.issues) == ["error", "warning"]
    assert warning in refusal.value.issues
    fault = next(issue for issue in refusal.value.issues if issue.is_fault)
    assert str(refusal.value) == fault.text


def test_a_part_of_a_resource_is_not_stored_as_the_whole(bare):
    tag = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
    with pytest.raises(Invalid) as refusal:
        admit(bare, "Patient", patient(meta={"tag": [{"code": "t"}, {**tag, "display": "part"}]}), "p1")
    assert refusal.value.issues[0].slug == "resource-subsetted"
    assert admit(bare, "Patient", patient(meta={"tag": [{"code": "SUBSETTED"}]}), "p1").issues == ()


@pytest.mark.parametrize("more", [{}, {"display": "pseudonymised"}])
def test_what_bears_the_label_of_the_deidentified_is_not_stored(bare, more):
    """Whoever may see nothing but that would see it."""
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "PSEUDED"}
    other = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "CRYTOHASH"}
    with pytest.raises(Invalid) as refusal:
        admit(bare, "Patient", patient(meta={"security": [other, {**label, **more}]}), "p1")
    assert refusal.value.issues[0].slug == "label-pseudonymised"
    meta = {"security": [other, {"code": "PSEUDED"}]}
    assert admit(bare, "Patient", patient(meta=meta), "p1").resource["meta"] == meta
