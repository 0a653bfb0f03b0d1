"""What a Consent comes to; whether it is then obeyed is asked in test_sharing.py."""

from __future__ import annotations

import pytest

from service.outcomes import labels as known
from service.outcomes.consents import (
    LONGEST_EMERGENCY,
    is_break_glass,
    names_teams_of_its_child,
    read_recipients,
    rows_of_consent,
)
from service.outcomes.grants import MOST_ROWS, Effect, Row
from service.outcomes.moments import moments_of
from tests.outcomes.clinic import locate, refer
from tests.outcomes.sharing_cases import (
    CHARITY,
    CHILD,
    HL7,
    PARENT,
    RECIPIENT,
    SCHOOL,
    TO_ALL,
    broken_glass,
    consent,
    labels,
    purposes,
    to,
    to_sector,
    types,
)

ALL_DENIED = Row("ash", "*", Effect.YOUNG_DENY)
SCHOOL_DENIED = Row("ash", "school", Effect.YOUNG_DENY)


def rows(said):
    return list(rows_of_consent(said, "ash", locate))


def test_a_permission_is_a_row_for_each_agency_type_and_purpose():
    said = consent(
        "permit",
        to(SCHOOL),
        to_sector("charity"),
        **types("Goal", "CarePlan"),
        **purposes("HTEST"),
        **labels("R"),
    )
    assert set(rows(said)) == {
        Row("ash", party, Effect.YOUNG_PERMIT, type_, "HTEST", known.RESTRICTED)
        for party in ("school", "sector|charity")
        for type_ in ("Goal", "CarePlan")
    }


@pytest.mark.parametrize(
    ("by", "effects"),
    [
        (CHILD, (Effect.YOUNG_PERMIT, Effect.YOUNG_DENY)),
        (PARENT, (Effect.PARENT_PERMIT, Effect.PARENT_DENY)),
        (("Organization", "council"), (Effect.PARENT_PERMIT, Effect.PARENT_DENY)),
        (("Practitioner", "fern"), (None, Effect.YOUNG_DENY)),
        (("Patient", "bramble"), (None, Effect.YOUNG_DENY)),
    ],
)
def test_what_young_people_and_what_parents_decide_is_told_apart(by, effects):
    found = [[row.effect for row in rows(consent(type_, to(SCHOOL), by=by))] for type_ in ("permit", "deny")]
    permits, denies = effects
    assert found == [[] if permits is None else [permits], [denies]]


def test_what_both_decided_together_permits_nothing_and_denies_for_good():
    both = {"performer": [refer(CHILD), refer(PARENT)]}
    assert rows({**consent("permit", to(SCHOOL)), **both}) == []
    assert rows({**consent("deny", to(SCHOOL)), **both}) == [SCHOOL_DENIED]
    nobody = {"performer": []}
    assert rows({**consent("permit", to(SCHOOL)), **nobody}) == []
    assert rows({**consent("deny", to(SCHOOL)), **nobody}) == [SCHOOL_DENIED]


@pytest.mark.parametrize("status", ["draft", "proposed", "rejected", "inactive", "entered-in-error", None])
def test_only_an_active_consent_counts(status):
    assert rows(consent("permit", to(SCHOOL), status=status)) == []
    assert rows(consent("deny", to(SCHOOL), status=status)) == []


@pytest.mark.parametrize(
    ("scope", "permits", "denies"),
    [
        ({"coding": [{"system": f"{HL7}/consentscope", "code": "treatment"}]}, False, False),
        ({"coding": [{"system": f"{HL7}/consentscope", "code": "research"}]}, False, False),
        ({"text": "about sharing"}, False, True),
        ({}, False, True),
    ],
)
def test_consents_of_other_scopes_share_nothing(scope, permits, denies):
    assert bool(rows({**consent("permit", to(SCHOOL)), "scope": scope})) is permits
    assert bool(rows({**consent("deny", to(SCHOOL)), "scope": scope})) is denies


EXTENSION = {"extension": [{"url": "urn:x", "valueBoolean": True}]}
UNREADABLE = {
    "nested": ({"provision": [{"type": "permit", "actor": [to(CHARITY)]}]}, SCHOOL_DENIED),
    "data": ({"data": [{"meaning": "instance", "reference": refer(CHILD)}]}, SCHOOL_DENIED),
    "data period": ({"dataPeriod": {"start": "2026"}}, SCHOOL_DENIED),
    "code": ({"code": [{"text": "notes"}]}, SCHOOL_DENIED),
    "action": ({"action": [{"text": "print"}]}, SCHOOL_DENIED),
    "modifier": ({"modifierExtension": [{"url": "urn:x"}]}, SCHOOL_DENIED),
    "period": ({"period": {"start": "soon"}}, SCHOOL_DENIED),
    "period backwards": ({"period": {"start": "2027", "end": "2026"}}, SCHOOL_DENIED),
    "class": ({"class": [{"system": "urn:x", "code": "Goal"}]}, SCHOOL_DENIED),
    "class of several": ({"class": [*types("Goal")["class"], {"code": "Goal"}]}, SCHOOL_DENIED),
    "purpose": ({"purpose": [{"code": "TREAT"}]}, SCHOOL_DENIED),
    "purpose that is none": (purposes("P1"), SCHOOL_DENIED),
    "actor": (
        {"actor": [{"role": {"coding": [RECIPIENT]}, "reference": refer(("Practitioner", "fern"))}]},
        ALL_DENIED,
    ),
    "actor of several": ({"actor": [to(SCHOOL), {"reference": refer(CHARITY)}]}, ALL_DENIED),
    "actor by another role": (
        {
            "actor": [
                {
                    "role": {"coding": [{"system": RECIPIENT["system"], "code": "AUT"}]},
                    "reference": refer(SCHOOL),
                }
            ]
        },
        ALL_DENIED,
    ),
    "actor by name": (
        {"actor": [{"role": {"coding": [RECIPIENT]}, "reference": {"display": "The school"}}]},
        ALL_DENIED,
    ),
    "actor of a sector with an address": (
        {"actor": [{**to_sector("school"), "reference": refer(SCHOOL)}]},
        ALL_DENIED,
    ),
    "actor with a modifier": (
        {"actor": [{**to(SCHOOL), "modifierExtension": [{"url": "urn:x"}]}]},
        ALL_DENIED,
    ),
}


@pytest.mark.parametrize("part", UNREADABLE)
def test_what_cannot_be_read_permits_nothing_and_denies_all_of_its_kind(part):
    narrowed, denied = UNREADABLE[part]
    whole = {"actor": [to(SCHOOL)], **narrowed}
    permit, deny = ({**consent(type_), "provision": {"type": type_, **whole}} for type_ in ("permit", "deny"))
    assert rows(permit) == []
    assert rows(deny) == [denied]


def test_an_unknown_label_is_permitted_to_nobody_and_denied_with_all_unknown_ones():
    unknown = labels("LOCAL", system="urn:local")
    assert rows(consent("permit", to(SCHOOL), **unknown)) == []
    [row] = rows(consent("deny", to(SCHOOL), **unknown))
    assert row.mask == known.UNKNOWN


def test_a_denial_of_what_has_no_sensitive_label_is_about_everything():
    assert rows(consent("deny", to(SCHOOL), **labels("N"))) == [SCHOOL_DENIED]


def test_a_permission_without_recipient_is_none_and_a_denial_without_is_for_all():
    assert rows(consent("permit")) == []
    assert rows(consent("deny")) == [ALL_DENIED]
    assert rows(consent("deny", TO_ALL)) == [ALL_DENIED]


def test_what_is_nested_in_a_permission_is_denied_all_the_same():
    nested = {"provision": [{"type": "deny", "actor": [to(CHARITY)]}, {"actor": [to(SCHOOL)]}]}
    assert rows(consent("permit", to(SCHOOL), **nested)) == [
        Row("ash", "charity", Effect.YOUNG_DENY),
        SCHOOL_DENIED,
    ]


def test_the_outermost_provision_need_not_say_its_type_and_others_must():
    bare = {**consent("deny"), "provision": {"provision": [{"type": "permit", "actor": [to(SCHOOL)]}]}}
    assert rows(bare) == []
    assert rows({**consent("deny"), "provision": {"_type": EXTENSION, "actor": [to(SCHOOL)]}}) == [
        SCHOOL_DENIED
    ]
    assert rows({**consent("deny"), "provision": []}) == [ALL_DENIED]
    assert rows({**consent("deny"), "provision": {"provision": ["no"]}}) == [ALL_DENIED]


def test_a_consent_that_comes_to_too_much_permits_nothing_and_denies_everything():
    fifty = [to(("Organization", f"a{number}")) for number in range(50)]
    ten = types(*(f"Type{number}" for number in range(10)))
    assert len(rows(consent("permit", *fifty, **ten))) == MOST_ROWS == 500
    assert len(rows(consent("deny", *fifty, **ten))) == MOST_ROWS
    assert rows(consent("permit", *fifty, to(SCHOOL), **ten)) == []
    assert rows(consent("deny", *fifty, to(SCHOOL), **ten)) == [ALL_DENIED]
    nested = {"provision": [{"type": "deny", "actor": [*fifty, to(SCHOOL)], **ten}]}
    assert rows(consent("permit", to(SCHOOL), **nested)) == [ALL_DENIED]
    issues = names_teams_of_its_child(
        read_recipients(consent("permit", *fifty, to(SCHOOL), **ten), locate), {}
    )
    assert [issue.slug for issue in issues] == ["consent-too-wide"]
    assert names_teams_of_its_child(read_recipients(consent("permit", *fifty, **ten), locate), {}) == []


def test_opting_out_denies_everything_to_everybody():
    rule = {"policyRule": {"coding": [{"system": f"{HL7}/v3-ActCode", "code": "OPTOUT"}]}}
    said = {name: value for name, value in consent("deny").items() if name != "provision"}
    assert rows({**said, **rule}) == [ALL_DENIED]
    assert rows({**said, **rule, "performer": [refer(PARENT)]}) == [Row("ash", "*", Effect.PARENT_DENY)]
    assert rows(said) == []


def test_a_modifier_of_the_whole_permits_nothing():
    modifier = {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}
    assert rows({**consent("permit", to(SCHOOL)), **modifier}) == []
    assert rows({**consent("deny", to(SCHOOL)), **modifier}) == [SCHOOL_DENIED]


def test_a_team_is_named_by_its_id():
    [row] = rows(consent("permit", to(("CareTeam", "t"))))
    assert (row.party, row.team) == ("", "t")


TEAM, OTHER = ("CareTeam", "t"), ("CareTeam", "u")


@pytest.mark.parametrize(
    ("known", "places"),
    [
        ({}, []),
        ({TEAM: CHILD}, []),
        ({TEAM: CHILD, OTHER: ("Patient", "bramble")}, [2]),
        ({TEAM: None, OTHER: CHILD}, [0]),
    ],
)
def test_a_consent_names_teams_of_its_own_child(known, places):
    said = read_recipients(consent("deny", to(TEAM), to(SCHOOL), to(OTHER)), locate)
    issues = names_teams_of_its_child(said, known)
    assert [issue.expression for issue in issues] == [
        f"Consent.provision.actor[{at}].reference" for at in places
    ]
    assert {issue.slug for issue in issues} <= {"consent-team-of-another-child"}
    assert read_recipients({"resourceType": "Consent"}, locate).teams == ()


START, END = "2026-11-27T10:00:00Z", "2026-11-27T14:00:00Z"


def test_broken_glass_is_open_for_all_purposes_as_long_as_it_says():
    low, high = moments_of(START).low, moments_of(END).high
    assert rows(broken_glass(SCHOOL, START, END)) == [
        Row("ash", "school", Effect.EMERGENCY, low=low, high=high)
    ]
    assert is_break_glass(broken_glass(SCHOOL, START, END))
    assert not is_break_glass(consent("permit", to(SCHOOL)))


@pytest.mark.parametrize(
    "made",
    [
        broken_glass(SCHOOL, START, "2026-11-28T11:00:00Z"),
        broken_glass(SCHOOL, START, END, status="inactive"),
        {**broken_glass(SCHOOL, START, END), "provision": {"type": "permit", "actor": [to(SCHOOL)]}},
        broken_glass(("CareTeam", "t"), START, END),
        {
            **broken_glass(SCHOOL, START, END),
            "provision": {**consent("permit", TO_ALL, period={"start": START, "end": END})["provision"]},
        },
    ],
    ids=("a day and more", "ended", "for ever", "to a team", "to everybody"),
)
def test_glass_is_broken_by_named_agencies_for_a_short_time_alone(made):
    assert rows(made) == []
    assert LONGEST_EMERGENCY == 24 * 3_600_000
