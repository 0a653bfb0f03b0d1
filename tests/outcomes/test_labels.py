from __future__ import annotations

import pytest

from service.outcomes import labels
from service.outcomes.labels import CONFIDENTIALITY, RESTRICTED, SENSITIVITY, UNKNOWN, VERY_RESTRICTED

HL7 = "http://terminology.hl7.org/CodeSystem"


@pytest.mark.parametrize(
    ("system", "code", "bit"),
    [
        *((CONFIDENTIALITY, code, 0) for code in "ULMN"),
        (CONFIDENTIALITY, "R", RESTRICTED),
        (CONFIDENTIALITY, "V", VERY_RESTRICTED),
        (CONFIDENTIALITY, "REDACTED", VERY_RESTRICTED),
        (CONFIDENTIALITY, None, VERY_RESTRICTED),
        (f"{HL7}/v3-ActReason", "HTEST", 0),
        (f"{HL7}/v3-ObservationValue", "REDACTED", 0),
        (SENSITIVITY, "ETH", 4),
        (SENSITIVITY, "SDV", 1 << 7),
        (SENSITIVITY, "NOAUTH", UNKNOWN),
        (SENSITIVITY, None, UNKNOWN),
        ("urn:local", "R", UNKNOWN),
        (None, "R", UNKNOWN),
    ],
)
def test_what_a_label_is(system, code, bit):
    assert labels.bit({"system": system, "code": code}) == bit


def test_the_labels_of_a_resource_are_put_together():
    security = [{"system": CONFIDENTIALITY, "code": "R"}, {"text": "secret"}]
    assert labels.label_of({"meta": {"security": security}}) == RESTRICTED | UNKNOWN
    assert labels.label_of({"meta": {}}) == labels.label_of({}) == 0
    assert labels.bit("R") == UNKNOWN


def test_each_label_has_a_bit_of_its_own_below_the_one_of_unknown_labels():
    names = labels.names()
    assert len(set(names.values())) == len(names) == 28
    for bit, (system, code) in names.items():
        assert bit.bit_count() == 1
        assert bit < UNKNOWN < 1 << 31
        assert labels.bit({"system": system, "code": code}) == bit


R, V, N, U = ({"system": CONFIDENTIALITY, "code": code} for code in "RVNU")
SEX = {"system": SENSITIVITY, "code": "SEX"}
REDACTED = {"system": f"{HL7}/v3-ObservationValue", "code": "REDACTED"}
ELSEWHERE_NORMAL = {"system": "urn:local", "code": "N"}
TEST = {"system": f"{HL7}/v3-ActReason", "code": "HTEST"}


@pytest.mark.parametrize(
    ("had", "says", "has"),
    [
        ([R, N, TEST], {}, [R]),
        ([R], {"tag": [TEST]}, [R]),
        ([R], {"security": [N]}, [N]),
        ([R], {"security": [TEST]}, [R, TEST]),
        ([R], {"security": [REDACTED]}, [R, REDACTED]),
        ([R], {"security": [ELSEWHERE_NORMAL]}, [R, ELSEWHERE_NORMAL]),
        ([R], {"security": [V]}, [R, V]),
        ([R, SEX], {"security": [SEX]}, [R, SEX]),
        ([R, SEX], {"security": [U, SEX]}, [U, SEX]),
        ([R, TEST], {"security": [R]}, [R]),
        ([N], {}, None),
        ([], {}, None),
    ],
)
def test_sensitive_labels_stay_unless_it_says_to_be_open(had, says, has):
    new = {"resourceType": "Goal", "meta": says} if says else {"resourceType": "Goal"}
    found = labels.kept({"meta": {"security": had}}, new)
    assert found.get("meta", {}).get("security") == has
    assert found.get("meta", {}).get("tag") == says.get("tag")
    assert "security" not in new.get("meta", {}) or says
