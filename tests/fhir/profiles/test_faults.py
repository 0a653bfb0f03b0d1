"""Every way in which a differential does not fit its base, and the sentence that says so."""

from __future__ import annotations

import pytest

from service.fhir.profiles.faults import SnapshotError
from tests.fhir.profiles.conftest import R4, element, profile

CLOSED = profile(
    "Goal",
    element(
        "Goal.category", slicing={"discriminator": [{"type": "value", "path": "$this"}], "rules": "closed"}
    ),
    id_="closed",
)
REQUIRED = {"strength": "required", "valueSet": "http://example.org/ValueSet/a"}

MISFITS = [
    (element("Goal.points"), "Goal.points is not an element of its base"),
    (
        element("Goal.description.coding.points"),
        "Goal.description.coding.points is not an element of its base",
    ),
    (element("Goal.startQuantity"), "Goal.startQuantity is not an element of its base"),
    (element("Goal.lifecycleStatus", min=0), "Goal.lifecycleStatus has min 0, but its base asks for 1."),
    (element("Goal.subject", max="*"), r"Goal.subject has max \*, but its base permits 1."),
    (element("Goal.subject", max="2"), "Goal.subject has max 2, but its base permits 1."),
    (element("Goal.note", min=3, max="2"), "Goal.note has min 3 and max 2."),
    (
        element("Goal.start[x]", type=[{"code": "Period"}]),
        r"Goal.start\[x\] has the type Period, but its base permits date, CodeableConcept.",
    ),
    (
        element("Goal.subject", type=[{"code": "Reference", "targetProfile": [f"{R4}Device"]}]),
        "Goal.subject has the target Device, but its base permits Group, Organization, Patient.",
    ),
    (
        element("Goal.lifecycleStatus", binding=REQUIRED | {"strength": "preferred"}),
        "Goal.lifecycleStatus has a binding that is preferred, but its base's is required.",
    ),
    (
        element("Goal.start[x]", fixedDate="2026-01-01"),
        r"Goal.start\[x\] has fixedDate, but its type is date or CodeableConcept.",
    ),
    (
        element("Goal.description", patternString="a"),
        "Goal.description has patternString, but its type is CodeableConcept.",
    ),
    (element("Goal.note:own"), "Goal.note:own is a slice, but nothing says how note is sliced"),
    (
        element("Goal.start[x]:startPeriod"),
        r"Goal.start\[x\]:startPeriod is of a type that its base does not permit",
    ),
    (
        element("Goal.contained.points"),
        "Goal.contained.points is not an element of its base",
    ),
    ({"path": "Observation.code"}, "is about Observation, but its base is about Goal."),
]


@pytest.mark.parametrize(("change", "sentence"), MISFITS, ids=[sentence for _, sentence in MISFITS])
def test_what_does_not_fit_is_refused_in_a_sentence(made, change, sentence):
    with pytest.raises(SnapshotError, match=sentence):
        made(profile("Goal", change))


def test_closed_slices_stay_closed(made):
    opened = profile("Goal", element("Goal.category", slicing={"rules": "open"}), base=CLOSED["url"])
    with pytest.raises(
        SnapshotError, match=r"Goal.category has slices that are open, but its base's are closed."
    ):
        made(CLOSED, opened)


def test_a_base_that_is_not_there_is_named(made):
    with pytest.raises(
        SnapshotError, match=r"profile builds on http://example.org/none, which is not known."
    ):
        made(profile("Goal", base="http://example.org/none"))


def test_a_profile_that_builds_on_itself_is_refused(made):
    first = profile("Goal", id_="first", base="http://example.org/StructureDefinition/second")
    second = profile("Goal", id_="second", base=first["url"])
    with pytest.raises(SnapshotError, match=r"first builds on .*second, which builds on it."):
        made(first, second)


def test_an_element_with_the_content_of_nothing_is_refused(made):
    astray = profile("Goal", snapshot={"element": [
        {"id": "Goal", "path": "Goal"},
        {"id": "Goal.target", "path": "Goal.target", "contentReference": "#Goal.aim"},
    ]}, id_="astray")  # fmt: skip
    with pytest.raises(SnapshotError, match=r"Goal.target has the content of #Goal.aim, which there is not"):
        made(astray, profile("Goal", element("Goal.target.measure"), base=astray["url"]))


def test_an_element_of_an_unknown_type_cannot_be_walked_into(made):
    strange = profile("Goal", snapshot={"element": [
        {"id": "Goal", "path": "Goal"},
        {"id": "Goal.target", "path": "Goal.target", "type": [{"code": "Aim"}]},
    ]}, id_="strange")  # fmt: skip
    with pytest.raises(
        SnapshotError, match=r"Goal.target has no known type whose elements could be constrained"
    ):
        made(strange, profile("Goal", element("Goal.target.measure"), base=strange["url"]))
