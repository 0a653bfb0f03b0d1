"""Tokens of the leak test: scopes as they are written, beside what they mean in plain Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.agreement.oracle import DIRECTORY, WHOSE, Key, Record, Token
from tests.agreement.questions import TYPES
from tests.agreement.worlds import CHILDREN

Json = dict[str, Any]
Records = Mapping[Key, Record]


def _active(goal: Json, _records: Records) -> bool:
    return bool(goal["lifecycleStatus"] == "active")


def _survey(observation: Json, _records: Records) -> bool:
    return any(
        coding["code"] == "survey"
        for category in observation.get("category", ())
        for coding in category.get("coding", ())
    )


FEW_TYPES = Token(
    "system/Goal.rs system/Patient.read system/Organization.rs",
    types=dict.fromkeys(("Goal", "Patient", "Organization")),
)

NARROWED = Token(
    "system/Goal.rs?lifecycle-status=active system/Observation.rs?category=survey system/Patient.rs"
    " system/Encounter.rs system/List.rs",
    types={
        "Goal": _active,
        "Observation": _survey,
        **dict.fromkeys(("Encounter", "List", "Patient")),
    },
)


def of_child(child: str) -> Token:
    """A token in the name of a young person: their compartment, and what is nobody's record."""
    return Token("patient/*.rs", child, types={**dict.fromkeys(DIRECTORY), **_compartment(child)})


def of_themselves(child: str, context: str) -> Token:
    """A token of the young person's own, for their own record; what is labelled is theirs as well.

    A launch in a `patient` context says whose record it is; for a `user` that is who they are.
    """
    named = child if context == "patient" else None
    return replace(of_child(child), scopes=f"{context}/*.rs", patient=named, user=("Patient", child))


def of_family(child: str) -> Token:
    """A token of a relative's, opened for the young person: what that of the young person's name shows, and no more."""
    return replace(of_child(child), scopes="user/*.rs", user=("RelatedPerson", f"{child}-carer"))


# Of a relative, for nobody: whose relative somebody is opens nothing by itself.
FOR_NOBODY = Token("user/*.rs", types={}, user=("RelatedPerson", f"{CHILDREN[0]}-carer"))


def _compartment(child: str) -> dict[str, Any]:
    me = {"reference": f"Patient/{child}"}

    def by(element: str) -> Any:
        return lambda resource, _records: resource.get(element) == me

    return {
        "Patient": lambda resource, _records: resource["id"] == child,
        "Group": lambda resource, _records: any(each["entity"] == me for each in resource.get("member", ())),
        "Provenance": lambda resource, _records: me in resource["target"],
        **{type_: by(element) for type_, element in WHOSE.items()},
    }


def of_clinician(id_: str) -> Token:
    """A token in the name of a clinician, who is not shown what was said by CollaboRATE of contacts with them."""

    def may_be_told(resource: Json, records: Records) -> bool:
        if not _is_collaborate(resource):
            return True
        _, _, visit = resource.get("encounter", {}).get("reference", "").partition("/")
        record = records.get(("Encounter", visit))
        if record is None or record.current.resource is None:
            return False
        staff = [each["individual"]["reference"] for each in record.current.resource.get("participant", ())]
        return not {f"Practitioner/{id_}", f"PractitionerRole/{id_}-role"} & set(staff)

    everything = dict.fromkeys(TYPES)
    told = dict.fromkeys(("Observation", "QuestionnaireResponse"), may_be_told)
    return Token("user/*.rs", types={**everything, **told}, user=("Practitioner", id_))


def _is_collaborate(resource: Json) -> bool:
    codings = resource.get("code", {}).get("coding", ())
    by_code = any(coding.get("system", "").endswith("/CodeSystem/collaborate") for coding in codings)
    return by_code or "/Questionnaire/collaborate" in resource.get("questionnaire", "")


IN_USE: Mapping[str, tuple[Token, ...]] = {
    "north": (
        FEW_TYPES,
        of_child(CHILDREN[0]),
        of_clinician("fern"),
        of_themselves(CHILDREN[1], "patient"),
        FOR_NOBODY,
    ),
    "south": (
        NARROWED,
        of_child(CHILDREN[0]),
        of_clinician("fern"),
        of_themselves(CHILDREN[1], "user"),
        of_family(CHILDREN[2]),
    ),
}
"""By locality: each kind is looked at in one at least."""
