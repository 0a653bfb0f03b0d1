"""Who may write what of a young person's record, as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.outcomes.grants import Effect, Ground, Row
from service.outcomes.stewardship import (
    AROUND,
    COORDINATED,
    GOVERNING,
    Deed,
    Nobody,
    favours,
    opens,
    permits,
    refusal,
)

N, A, T, P, C, E = Ground.NONE, Ground.AUTHOR, Ground.TEAM, Ground.PLAN, Ground.CONSENT, Ground.EMERGENCY
MINE = {"is_new": False, "is_author": True}
THEIRS = {"is_new": False}


@pytest.mark.parametrize(
    ("what", "deed", "slug"),
    [
        ("a new score", Deed("Observation", is_new=True), None),
        ("a new practitioner", Deed("Practitioner", is_new=True), None),
        ("my own score", Deed("Observation", **MINE), None),
        ("another's score", Deed("Observation", **THEIRS, ground=T), "not-the-author"),
        ("another's score, and I coordinate", Deed("Observation", **THEIRS, ground=P), "not-the-author"),
        ("another's goal", Deed("Goal", **THEIRS, ground=T), "not-the-author"),
        ("another's goal, and I coordinate", Deed("Goal", **THEIRS, ground=P), None),
        ("another's young person, and I coordinate", Deed("Patient", **THEIRS, ground=P), None),
        ("another's plan, and I coordinate", Deed("CarePlan", **THEIRS, ground=P, child=P), None),
        (
            "another's consent, and I coordinate",
            Deed("Consent", **THEIRS, ground=P, child=P),
            "not-the-author",
        ),
        ("another's practitioner", Deed("Practitioner", **THEIRS, ground=Ground.DIRECTORY), "not-the-author"),
        ("another's task", Deed("Task", **THEIRS, ground=T), "not-the-author"),
        ("another's task that I have to do", Deed("Task", **THEIRS, ground=T, owns=True), None),
        ("my own plan, and I left the circle", Deed("CarePlan", **MINE, child=N), "not-in-the-circle"),
        (
            "my own consent, and I am only permitted to look",
            Deed("Consent", **MINE, child=C),
            "not-in-the-circle",
        ),
        (
            "what is withheld from me in part",
            Deed("Goal", **THEIRS, ground=P, is_withheld=True),
            "withheld-unchanged",
        ),
        ("a staff team, about no young person", Deed("CareTeam", is_new=True), None),
        (
            "broken glass",
            Deed("Consent", is_new=True, child=A, breaks_glass=True),
            "break-glass-by-operation",
        ),
        ("my agency", Deed("Organization", **MINE, is_agency=True), "agency-kept-by-administrators"),
        (
            "the sector of a practice",
            Deed("Organization", **MINE, changes_sector=True),
            "agency-kept-by-administrators",
        ),
        ("a practice that I wrote", Deed("Organization", **MINE), None),
        ("a form of the service", Deed("Questionnaire", is_new=True, is_reserved=True), "canonical-reserved"),
        (
            "another's team, and I made the record",
            Deed("CareTeam", **THEIRS, child=A, keeps_circle=True),
            None,
        ),
        (
            "another's plan, and I made the record",
            Deed("CarePlan", **THEIRS, child=A, keeps_circle=True),
            "not-the-author",
        ),
        (
            "a team with me in it",
            Deed("CareTeam", is_new=True, child=T, favours_itself=True),
            "grants-itself",
        ),
        ("the same, and I coordinate", Deed("CareTeam", is_new=True, child=P, favours_itself=True), None),
        (
            "the same, and I made the record",
            Deed("CareTeam", is_new=True, child=A, favours_itself=True),
            None,
        ),
        (
            "a permission with labels",
            Deed("Consent", is_new=True, child=T, opens_labels=True),
            "opens-labels",
        ),
        ("the same, and I coordinate", Deed("Consent", is_new=True, child=P, opens_labels=True), None),
        (
            "the same, and whereabouts are withheld from me",
            Deed("Consent", is_new=True, child=P, opens_labels=True, knows_whereabouts=False),
            "opens-labels",
        ),
        (
            "a permission for me, and I made the record",
            Deed("Consent", is_new=True, child=A, favours_itself=True, permits_itself=True),
            "grants-itself",
        ),
        (
            "the same, and I coordinate",
            Deed("Consent", is_new=True, child=P, favours_itself=True, permits_itself=True),
            "grants-itself",
        ),
        (
            "a denial of me that goes, and I made the record",
            Deed("Consent", **MINE, child=A, favours_itself=True),
            None,
        ),
        (
            "the date of birth of a young person who denies me",
            Deed("Patient", **MINE, unties=True),
            "denied-unchanged",
        ),
    ],
)
def test_who_may_write_what(what, deed, slug):
    issue = refusal(deed)
    assert (None if issue is None else issue.slug) == slug, what
    if issue is not None:
        assert issue.code == "forbidden"
        assert issue.is_fault
        assert (issue.expression or "").partition(".")[0] == deed.type


@pytest.mark.parametrize("type_", sorted(GOVERNING))
@pytest.mark.parametrize("ground", [*Ground, Nobody.NOBODY])
def test_what_says_who_sees_the_record_is_written_by_who_is_around_the_young_person(type_, ground):
    issue = refusal(Deed(type_, is_new=True, child=ground))
    assert (issue is None) is (ground is Nobody.NOBODY or ground in {A, T, P})
    if issue is not None:
        assert issue.slug == "not-in-the-circle"


@pytest.mark.parametrize(
    ("former", "child"), [(A, A), (T, P), (P, Nobody.NOBODY), (A, C), (E, A), (N, A), (A, N)]
)
def test_a_resource_is_moved_by_who_is_around_both_young_people(former, child):
    issue = refusal(Deed("Observation", **MINE, moves=True, former=former, child=child))
    allowed = former in AROUND and (child is Nobody.NOBODY or child in AROUND)
    assert (None if issue is None else issue.slug) == (None if allowed else "young-person-changed")


SCHOOL_IN = Row("ash", "school", Effect.TEAM)
PERMIT, DENY = Row("ash", "school", Effect.YOUNG_PERMIT), Row("ash", "school", Effect.PARENT_DENY)


@pytest.mark.parametrize(
    ("what", "before", "after", "does"),
    [
        ("nothing", [], [], False),
        ("a place in a team", [], [SCHOOL_IN], True),
        ("the same place as before", [SCHOOL_IN], [SCHOOL_IN], False),
        ("a longer place", [replace(SCHOOL_IN, low=5)], [SCHOOL_IN], True),
        ("a shorter place", [SCHOOL_IN], [replace(SCHOOL_IN, low=5)], False),
        ("a place for another", [], [replace(SCHOOL_IN, party="charity")], False),
        ("a place that ends", [SCHOOL_IN], [], False),
        ("a plan of its own", [], [replace(SCHOOL_IN, effect=Effect.PLAN)], True),
        ("a permission", [], [PERMIT], True),
        ("a parent's permission", [], [replace(PERMIT, effect=Effect.PARENT_PERMIT)], True),
        ("a permission for everybody", [], [replace(PERMIT, party="*")], True),
        ("a permission for its sector", [], [replace(PERMIT, party="sector|school")], True),
        ("a permission for another sector", [], [replace(PERMIT, party="sector|charity")], False),
        ("a permission for a team", [], [replace(PERMIT, party="", team="t")], True),
        ("a denial", [], [DENY], False),
        ("a denial that goes", [DENY], [], True),
        ("the young person's denial that goes", [replace(DENY, effect=Effect.YOUNG_DENY)], [], True),
        ("a denial that gets narrower", [DENY], [replace(DENY, type="Goal")], True),
        ("another's denial that goes", [replace(DENY, party="charity")], [], False),
    ],
)
def test_what_an_agency_would_see_more_by(what, before, after, does):
    assert favours("school", {"school"}, before, after) is does, what


MASKED = replace(PERMIT, mask=3)


@pytest.mark.parametrize(
    ("what", "before", "after", "does"),
    [
        ("nothing", [], [], False),
        ("a place in a team", [], [SCHOOL_IN], False),
        ("a permission", [], [PERMIT], True),
        ("a parent's permission", [], [replace(PERMIT, effect=Effect.PARENT_PERMIT)], True),
        ("one for everybody", [], [replace(PERMIT, party="*")], True),
        ("one for its sector", [], [replace(PERMIT, party="sector|school")], True),
        ("one for another sector", [], [replace(PERMIT, party="sector|charity")], False),
        ("one for another agency", [], [replace(PERMIT, party="charity")], False),
        ("one for a team", [], [replace(PERMIT, party="", team="t")], True),
        ("one that goes", [PERMIT], [], False),
        ("a denial that goes", [DENY], [], False),
        ("one that ends", [PERMIT], [replace(PERMIT, high=9)], False),
        ("one that is prolonged", [replace(PERMIT, high=9)], [PERMIT], True),
        ("one for goals alone in its place", [PERMIT], [replace(PERMIT, type="Goal")], False),
        ("one for everything in its place", [replace(PERMIT, type="Goal")], [PERMIT], True),
        ("one for treatment alone in its place", [PERMIT], [replace(PERMIT, purpose="TREAT")], False),
        ("one with fewer labels in its place", [MASKED], [replace(PERMIT, mask=1)], False),
        ("one with more labels in its place", [replace(PERMIT, mask=1)], [MASKED], True),
        (
            "the young person's in place of a parent's",
            [replace(PERMIT, effect=Effect.PARENT_PERMIT)],
            [PERMIT],
            True,
        ),
    ],
)
def test_what_permits_an_agency_more(what, before, after, does):
    assert permits("school", {"school"}, before, after) is does, what


@pytest.mark.parametrize(
    ("was", "is_", "lifts"), [(0, 1, True), (1, 0, False), (1, 3, False), (3, 1, True), (1, 2, True)]
)
def test_a_denial_with_fewer_labels_lifts_something(was, is_, lifts):
    assert favours("school", (), [replace(DENY, mask=was)], [replace(DENY, mask=is_)]) is lifts


def test_a_permission_with_a_mask_opens_labels():
    assert not opens([], [PERMIT])
    assert opens([], [replace(PERMIT, mask=1)])
    assert not opens([replace(PERMIT, mask=1)], [replace(PERMIT, mask=1)])
    assert not opens([replace(PERMIT, mask=1)], [replace(PERMIT, mask=1, high=9)])
    assert not opens([], [replace(DENY, mask=1)])


def test_a_refusal_says_whose_kind_of_agency_may():
    words = {
        type_: refusal(Deed(type_, **THEIRS, ground=T)).text for type_ in ("Goal", "Task", "Observation")
    }
    assert "coordinates" in words["Goal"]
    assert "task" in words["Task"]
    assert words["Observation"].endswith("wrote it.")
    assert {"CarePlan", "CareTeam", "Goal", "Patient"} == COORDINATED
