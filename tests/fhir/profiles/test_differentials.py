"""A differential over its base: children, slices, choices, references to content, profiles on types."""

from __future__ import annotations

import pytest

from tests.fhir.profiles.conftest import OURS, R4, element, profile

BY_PATTERN = {"discriminator": [{"type": "pattern", "path": "$this"}], "rules": "open"}
BY_CODE = {"discriminator": [{"type": "value", "path": "code"}], "rules": "open"}
RULE = {"key": "rule-1", "severity": "error", "human": "It holds.", "expression": "true"}


def under(elements, id_):
    """The last names of the elements right under one."""
    return [
        each.removeprefix(id_ + ".")
        for each in elements
        if each.startswith(id_ + ".") and "." not in each[len(id_) + 1 :]
    ]


def extension(id_, *elements, **root):
    return profile(
        "Extension",
        element("Extension", short="What it says", **root),
        *elements,
        element("Extension.url", fixedUri=f"{OURS}{id_}"),
        id_=id_,
    )


def extended(id_):
    return [{"code": "Extension", "profile": [f"{OURS}{id_}"]}]


def test_an_empty_differential_is_the_base(made, registry):
    elements = made(profile("Goal"))
    assert elements["Goal.lifecycleStatus"]["min"] == 1
    assert elements["Goal.target.measure"]["base"] == {"path": "Goal.target.measure", "min": 0, "max": "1"}


def test_the_root_says_what_the_profile_is(made):
    root = made(profile("Goal", title="A goal", description="Of a young person."))["Goal"]
    assert (root["short"], root["definition"]) == ("A goal", "Of a young person.")
    stated = made(profile("Goal", element("Goal", short="Ours"), title="A goal"))["Goal"]
    assert stated["short"] == "Ours"


def test_a_child_is_unfolded_from_the_type(made):
    elements = made(profile("Goal", element("Goal.description.coding.system", min=1)))
    assert under(elements, "Goal.description") == ["id", "extension", "coding", "text"]
    assert under(elements, "Goal.description.coding") == [
        "id", "extension", "system", "version", "code", "display", "userSelected",
    ]  # fmt: skip
    system = elements["Goal.description.coding.system"]
    assert (system["min"], system["base"]) == (1, {"path": "Coding.system", "min": 0, "max": "1"})
    assert elements["Goal.description.coding.code"]["min"] == 0


def test_what_is_unfolded_in_two_places_is_constrained_in_one(made):
    elements = made(
        profile("Goal", element("Goal.description.text", min=1), element("Goal.category.text", max="0"))
    )
    assert (elements["Goal.description.text"]["min"], elements["Goal.description.text"]["max"]) == (1, "1")
    assert (elements["Goal.category.text"]["min"], elements["Goal.category.text"]["max"]) == (0, "0")


def test_a_child_of_an_element_of_several_types_is_one_of_any_element(made):
    elements = made(profile("Goal", element("Goal.start[x].extension", min=1)))
    assert under(elements, "Goal.start[x]") == ["id", "extension"]


def test_a_type_that_is_left_brings_its_own_children(made):
    base = profile("Observation", element("Observation.value[x].extension", max="0"), id_="base")
    elements = made(
        base, profile("Observation", element("Observation.valueQuantity.unit", min=1), base=base["url"])
    )
    assert under(elements, "Observation.value[x]:valueQuantity") == [
        "id", "extension", "value", "comparator", "unit", "system", "code",
    ]  # fmt: skip
    assert elements["Observation.value[x]:valueQuantity.extension"]["max"] == "0"


def test_a_child_of_a_primitive_is_reached(made):
    elements = made(profile("Patient", element("Patient.birthDate.extension", min=1)))
    assert elements["Patient.birthDate.extension"]["min"] == 1
    assert elements["Patient.birthDate.value"]["type"][0]["code"] == "http://hl7.org/fhirpath/System.Date"


def test_a_child_of_a_resource_within_is_reached(made):
    elements = made(
        profile("Bundle", element("Bundle.entry.resource", type=[{"code": "Goal"}]), element("Bundle.entry.resource.note", min=1))
    )  # fmt: skip
    assert elements["Bundle.entry.resource.note"]["min"] == 1


def test_a_child_is_unfolded_from_the_one_profile_of_the_type(made):
    coded = profile(
        "CodeableConcept", element("CodeableConcept.text", min=1), id_="coded", kind="complex-type"
    )
    elements = made(
        coded,
        profile(
            "Goal",
            element("Goal.description", type=[{"code": "CodeableConcept", "profile": [coded["url"]]}]),
            element("Goal.description.coding", min=1),
        ),
    )
    assert (elements["Goal.description.text"]["min"], elements["Goal.description.coding"]["min"]) == (1, 1)


def test_the_simple_quantities_of_r4_have_no_comparator(made):
    elements = made(profile("Observation", element("Observation.referenceRange.low.value", min=1)))
    assert elements["Observation.referenceRange.low.comparator"]["max"] == "0"


def test_the_content_of_another_element_is_unfolded_as_the_base_has_it(made):
    elements = made(
        profile(
            "Questionnaire",
            element("Questionnaire.item.text", min=1),
            element("Questionnaire.item.item.prefix", max="0"),
        )
    )
    inner = elements["Questionnaire.item.item"]
    assert ("contentReference" in inner, inner["type"]) == (False, [{"code": "BackboneElement"}])
    assert elements["Questionnaire.item.item.prefix"]["max"] == "0"
    assert elements["Questionnaire.item.item.text"]["min"] == 0
    assert (
        elements["Questionnaire.item.item.item"]["contentReference"]
        == f"{R4}Questionnaire#Questionnaire.item"
    )


def test_slices_follow_their_element_in_the_order_in_which_they_are_said(made):
    elements = made(
        profile(
            "Goal",
            element("Goal.category", slicing=BY_PATTERN, min=1),
            element("Goal.category:b", patternCodeableConcept={"text": "b"}),
            element("Goal.category:a", min=1, max="1"),
            element("Goal.category:a.text", min=1),
        )
    )
    ids = [each for each in elements if each.startswith("Goal.category")]
    assert ids == [
        "Goal.category", "Goal.category:b", "Goal.category:a", "Goal.category:a.id", "Goal.category:a.extension",
        "Goal.category:a.coding", "Goal.category:a.text",
    ]  # fmt: skip
    assert list(elements)[-1] != ids[-1]


def test_a_new_slice_is_optional_and_else_as_its_element_was_in_the_base(made):
    elements = made(
        profile(
            "Goal",
            element("Goal.category", slicing=BY_PATTERN, min=1, mustSupport=True),
            element("Goal.category:a", short="A"),
        )
    )
    slice_ = elements["Goal.category:a"]
    assert (slice_["sliceName"], slice_["min"], slice_["max"]) == ("a", 0, "*")
    assert slice_["base"] == {"path": "Goal.category", "min": 0, "max": "*"}
    assert slice_["binding"] == elements["Goal.category"]["binding"]
    assert "slicing" not in slice_
    assert "mustSupport" not in slice_


def test_a_slice_of_what_is_demanded_is_not_demanded_itself(made):
    elements = made(
        profile(
            "Provenance", element("Provenance.agent", slicing=BY_CODE), element("Provenance.agent:author")
        )
    )
    assert (elements["Provenance.agent"]["min"], elements["Provenance.agent:author"]["min"]) == (1, 0)


def test_a_slice_of_a_backbone_element_has_all_its_children(made):
    elements = made(
        profile(
            "Observation",
            element("Observation.component", slicing=BY_CODE),
            element("Observation.component:effort", min=1),
        )
    )
    assert under(elements, "Observation.component:effort") == under(elements, "Observation.component")


def test_a_slice_of_the_base_is_narrowed_further_and_new_ones_come_after(made):
    base = profile(
        "Goal", element("Goal.category", slicing=BY_PATTERN), element("Goal.category:a", min=1), id_="base"
    )
    elements = made(
        base,
        profile(
            "Goal",
            element("Goal.category:b"),
            element("Goal.category:a", max="1", constraint=[RULE]),
            base=base["url"],
        ),
    )
    assert [each for each in elements if ":" in each] == ["Goal.category:a", "Goal.category:b"]
    assert (elements["Goal.category:a"]["min"], elements["Goal.category:a"]["max"]) == (1, "1")
    assert elements["Goal.category:a"]["constraint"][-1] == RULE | {"source": f"{OURS}profile"}


def test_a_slice_is_sliced_again(made):
    base = profile(
        "Goal", element("Goal.category", slicing=BY_PATTERN), element("Goal.category:a", max="3"), id_="base"
    )
    again = element("Goal.category:a/b", max="1")
    elements = made(
        base, profile("Goal", element("Goal.category:a", slicing=BY_CODE), again, base=base["url"])
    )
    assert [each for each in elements if ":" in each] == ["Goal.category:a", "Goal.category:a/b"]
    assert elements["Goal.category:a/b"]["sliceName"] == "a/b"
    assert (elements["Goal.category:a"]["max"], elements["Goal.category:a/b"]["max"]) == ("3", "1")
    further = profile("Goal", again | {"min": 1}, base=f"{OURS}profile", id_="further")
    sliced = profile("Goal", element("Goal.category:a", slicing=BY_CODE), again, base=base["url"])
    assert made(base, sliced, further)["Goal.category:a/b"]["min"] == 1


QUANTITY = [
    [element("Observation.valueQuantity.unit", min=1)],
    [element("Observation.value[x]:valueQuantity.unit", min=1)],
    [{"path": "Observation.valueQuantity.unit", "min": 1}],
    [{"path": "Observation.value[x]", "sliceName": "valueQuantity"}, {"path": "Observation.value[x].unit", "min": 1}],
    [
        {"path": "Observation.valueQuantity", "sliceName": "valueQuantity"},
        {"path": "Observation.valueQuantity.unit", "min": 1},
    ],
]  # fmt: skip


@pytest.mark.parametrize(
    "elements", QUANTITY, ids=[str(each[0].get("id")) + str(i) for i, each in enumerate(QUANTITY)]
)
def test_a_typed_name_is_the_slice_of_the_choice_and_says_nothing_of_other_types(made, elements):
    found = made(profile("Observation", *elements))
    choice, slice_ = found["Observation.value[x]"], found["Observation.value[x]:valueQuantity"]
    assert choice["slicing"] == {
        "discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": "open",
    }  # fmt: skip
    assert len(choice["type"]) == 11
    assert (slice_["type"], slice_["sliceName"], slice_["path"]) == (
        [{"code": "Quantity"}], "valueQuantity", "Observation.value[x]",
    )  # fmt: skip
    assert found["Observation.value[x]:valueQuantity.unit"]["min"] == 1
    assert found["Observation.value[x]:valueQuantity.unit"]["path"] == "Observation.value[x].unit"


def test_a_choice_of_one_type_is_walked_into_by_its_own_name(made):
    found = made(
        profile(
            "Observation",
            element("Observation.value[x]", type=[{"code": "Quantity"}]),
            element("Observation.value[x].unit", min=1),
        )
    )
    assert found["Observation.value[x].unit"]["min"] == 1
    assert "slicing" not in found["Observation.value[x]"]


def test_a_slice_of_a_choice_keeps_only_the_binding_that_its_type_can_have(made):
    found = made(profile("Goal", element("Goal.startDate", min=1), element("Goal.startCodeableConcept")))
    assert "binding" not in found["Goal.start[x]:startDate"]
    assert found["Goal.start[x]:startCodeableConcept"]["binding"] == found["Goal.start[x]"]["binding"]


def test_a_slice_of_a_choice_may_have_any_name(made):
    found = made(
        profile(
            "Observation",
            element("Observation.value[x]:score", type=[{"code": "Quantity"}]),
            {"path": "Observation.valueString", "sliceName": "words"},
        )
    )
    assert found["Observation.value[x]:score"]["type"] == [{"code": "Quantity"}]
    assert found["Observation.value[x]:words"]["type"] == [{"code": "string"}]


def test_extensions_are_sliced_by_address_without_saying_so(made):
    slot = extension("slot", element("Extension.value[x]", type=[{"code": "positiveInt"}]), max="1")
    found = made(slot, profile("Goal", element("Goal.extension:slot", type=extended("slot"), min=1)))
    assert found["Goal.extension"]["slicing"]["discriminator"] == [{"type": "value", "path": "url"}]
    slice_ = found["Goal.extension:slot"]
    assert (slice_["min"], slice_["max"], slice_["short"]) == (1, "1", "What it says")
    assert slice_["type"] == extended("slot")


@pytest.mark.parametrize(("id_", "is_modifier"), [("extension", False), ("modifierExtension", True)])
def test_an_extension_where_it_stands_is_as_it_is_defined(made, id_, is_modifier):
    rules = {"constraint": [RULE], "isModifier": is_modifier, "isModifierReason": "It turns it round."}
    found = made(
        extension("slot", **rules), profile("Goal", element(f"Goal.{id_}:slot", type=extended("slot")))
    )
    slice_ = found[f"Goal.{id_}:slot"]
    assert slice_["isModifier"] is is_modifier
    assert [(rule["key"], rule["source"]) for rule in slice_["constraint"]] == [
        ("ele-1", f"{R4}Element"), ("ext-1", f"{R4}Extension"), ("rule-1", f"{OURS}slot"),
    ]  # fmt: skip


def test_an_extension_that_is_not_known_stays_as_it_is_named(made):
    found = made(profile("Goal", element("Goal.extension:other", type=extended("other"))))
    assert found["Goal.extension:other"]["type"] == extended("other")
    assert found["Goal.extension:other"]["max"] == "*"


def test_an_extension_may_hold_itself(made):
    found = made(extension("nested", element("Extension.extension:inner", type=extended("nested"), min=1)))
    assert found["Extension.extension:inner"]["min"] == 1


def test_the_parts_of_an_extension_are_slices_with_their_own_address(made):
    found = made(
        extension(
            "levels",
            element("Extension.extension:level", min=1, max="5"),
            element("Extension.extension:level.extension", max="0"),
            element("Extension.extension:level.url", type=[{"code": "uri"}], fixedUri="level"),
            element("Extension.extension:level.value[x]", min=1, type=[{"code": "integer"}]),
            element("Extension.value[x]", max="0"),
        )
    )
    assert list(found) == [
        "Extension", "Extension.id", "Extension.extension", "Extension.extension:level",
        "Extension.extension:level.id", "Extension.extension:level.extension", "Extension.extension:level.url",
        "Extension.extension:level.value[x]", "Extension.url", "Extension.value[x]",
    ]  # fmt: skip
    assert found["Extension.extension:level.url"]["fixedUri"] == "level"
    assert found["Extension.extension:level.value[x]"]["type"] == [{"code": "integer"}]


def test_what_a_profile_inherits_says_where_it_is_from_and_leaves_mappings_behind(made):
    base = profile(
        "Goal",
        element(
            "Goal.note",
            constraint=[RULE],
            mustSupport=True,
            mapping=[{"identity": "a", "map": "b"}],
            extension=[
                {"url": f"{R4}structuredefinition-standards-status", "valueCode": "draft"},
                {"url": f"{R4}structuredefinition-display-hint", "valueString": "c"},
            ],
        ),
        id_="base",
    )
    note = made(base, profile("Goal", element("Goal.note", min=1), base=base["url"]))["Goal.note"]
    assert note["constraint"][-1]["source"] == base["url"]
    assert note["mustSupport"] is True
    assert "mapping" not in note
    assert [one["valueString"] for one in note["extension"]] == ["c"]


def test_a_rule_of_a_given_snapshot_is_its_own_where_it_does_not_say(made):
    given = profile(
        "Goal", snapshot={"element": [{"id": "Goal", "path": "Goal", "constraint": [RULE]}]}, id_="given"
    )
    assert made(given, profile("Goal", base=given["url"]))["Goal"]["constraint"][0]["source"] == given["url"]


def test_a_logical_model_adds_its_elements_to_its_base(made):
    model = profile(
        "Session",
        element("Session"),
        element("Session.focus", min=1, max="1", type=[{"code": "string"}]),
        element("Session.focus.extension", max="0"),
        element("Session.rating", max="*", type=[{"code": "BackboneElement"}]),
        element("Session.rating.points", type=[{"code": "integer"}]),
        base=f"{R4}Element",
        kind="logical",
        derivation="specialization",
    )
    found = made(model)
    assert list(found)[:5] == [
        "Session",
        "Session.id",
        "Session.extension",
        "Session.focus",
        "Session.focus.id",
    ]
    assert found["Session.rating.points"]["base"] == {"path": "Session.rating.points", "min": 0, "max": "*"}
