"""What becomes of a response's Observations, row by row: the response before and after, what is stored, what a client writes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from service.outcomes.extraction import observation, sayings
from service.outcomes.extraction_changes import Response, Writing, read_taken, reckon
from tests.outcomes.clinic import LOINC, OURS, SNOMED, concept, locate
from tests.outcomes.test_extraction import ASH, PARENT, collaborate, level, score, session, slot

Json = dict[str, Any]
IN_ERROR = "entered-in-error"
OTHER_PARENT = {"reference": "RelatedPerson/birch"}
STAFF = {"reference": "PractitionerRole/x"}
NOBODY = {"display": "somebody"}
S = {"reference": "QuestionnaireResponse/s"}
R = {"reference": "QuestionnaireResponse/r"}


def one(value: Any = 5, **more: Any) -> Json:
    """A session that rates the goal in slot 1."""
    return session(slot(1, score=score(value)), **more)


def made(response: Json, id_: str = "o", **more: Any) -> Json:
    """The Observation that was taken from a response that says one thing."""
    [saying] = sayings(response, locate)
    return {**observation(response, saying, "goal-tool"), "id": id_, **more}


def outcome(
    before: Json | None,
    after: Json | None,
    stored: list[Json] | None = None,
    written: Any = (),
    codes: Any = "goal-tool",
) -> Any:
    taken = [each for each in (read_taken(resource, locate) for resource in stored or []) if each is not None]
    writings = [Writing(id_, read_taken(old, locate), read_taken(new, locate)) for id_, old, new in written]
    said = () if after is None else sayings(after, locate)
    return reckon(Response("r", before, after, said), taken, writings, codes, locate)


def shown(reckoning: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Id, status and value of what is revised; what is missing; what is refused."""
    revised = [
        (each["id"], each["status"], each.get("valueQuantity", {}).get("value")) for each in reckoning.revised
    ]
    missing = [(each.kind, each.about, each.value) for each in reckoning.missing]
    return revised, missing, [(id_, issue.slug) for id_, issue in reckoning.issues]


NOTHING: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
NEW = [("score", "Goal/g1", 5)]
DELETED = None


# What the response said before, what it says, what is stored of it; what is revised, what is missing.
@pytest.mark.parametrize(
    ("before", "after", "stored", "revised", "missing"),
    [
        pytest.param(None, one(), [], [], NEW, id="a new response"),
        pytest.param(one(status="in-progress"), one(), [], [], NEW, id="completed"),
        pytest.param(one(), one(encounter={"reference": "Encounter/x"}), [made(one())],
                     [("o", "amended", 5)], [], id="another encounter"),
        pytest.param(one(), one(language="en"), [made(one())], [], [], id="nothing that is taken"),
        pytest.param(one(5), one(6), [made(one(5))], [("o", "amended", 6)], [], id="corrected"),
        pytest.param(one(5), one(0), [made(one(5))], [("o", "amended", 0)], [], id="corrected to 0"),
        pytest.param(one(0), one(0), [made(one(0))], [], [], id="0 and still 0"),
        pytest.param(one(5), one(6), [made(one(5), status="amended")], [("o", "amended", 6)], [], id="again"),
        pytest.param(one(5), one(6), [made(one(5), status="corrected")], [("o", "corrected", 6)], [], id="was corrected"),
        pytest.param(one(5), one(5, status="amended"), [made(one(5))], [], [], id="amended elsewhere"),
        pytest.param(one(), session(), [made(one())], [("o", IN_ERROR, 5)], [], id="no longer rated"),
        pytest.param(one(), one(status=IN_ERROR), [made(one())], [("o", IN_ERROR, 5)], [], id="in error"),
        pytest.param(one(), DELETED, [made(one())], [("o", IN_ERROR, 5)], [], id="deleted"),
        pytest.param(one(status="amended"), DELETED, [made(one())], [("o", IN_ERROR, 5)], [], id="amended and deleted"),
        pytest.param(one(status="in-progress"), DELETED, [made(one())], [], [], id="a draft deleted"),
        pytest.param(one(status="in-progress"), one(status=IN_ERROR), [made(one())],
                     [("o", IN_ERROR, 5)], [], id="a draft in error"),
        pytest.param(DELETED, DELETED, [made(one())], [], [], id="it never was"),
        pytest.param(one(), one(status=IN_ERROR), [made(one(), status=IN_ERROR)], [], [], id="retracted before"),
        pytest.param(None, one(), [made(one(), status=IN_ERROR)], [], NEW, id="in error before, and said again"),
        pytest.param(one(), session(slot(1, {"reference": "Goal/x"}, score=score(5))), [made(one())],
                     [("o", IN_ERROR, 5)], [("score", "Goal/x", 5)], id="another goal"),
        pytest.param(one(), session(slot(1, level=level(1))), [made(one())],
                     [("o", IN_ERROR, 5)], [("level", "Goal/g1", 1)], id="a level instead"),
        pytest.param(one(by=PARENT), one(), [made(one(by=PARENT))], [("o", "amended", 5)], [], id="another rater"),
        pytest.param(one(), {**one(), "questionnaire": "urn:x"}, [made(one())],
                     [("o", IN_ERROR, 5)], [], id="another form"),
        # Written by hand.
        pytest.param(one(status="in-progress"), one(), [made(one())], [], [], id="adopted"),
        pytest.param(one(status="in-progress"), one(), [made(one(4))], [("o", "amended", 5)], [], id="adopted, corrected"),
        pytest.param(one(status="in-progress"), one(), [made(one(), status="preliminary")],
                     [("o", "final", 5)], [], id="adopted, finished"),
        pytest.param(one(status="in-progress"), one(status="amended"), [made(one(), status="registered")],
                     [("o", "amended", 5)], [], id="adopted, finished by an amended one"),
        pytest.param(one(status="in-progress"), one(), [made(one(by=PARENT))], [], NEW, id="by somebody else"),
        pytest.param(one(status="in-progress"), one(by=PARENT), [made(one(by=PARENT), performer=[OTHER_PARENT])],
                     [("o", "amended", 5)], [], id="adopted from the other parent"),
        pytest.param(one(status="in-progress"), one(by=PARENT), [made(one(by=PARENT))], [], [],
                     id="adopted from the same parent"),
        pytest.param(one(status="in-progress"), one(), [made(one(4), "a"), made(one(), "b"), made(one(), "c")],
                     [("a", IN_ERROR, 4), ("c", IN_ERROR, 5)], [], id="the right one of three"),
        pytest.param(one(status="in-progress"), one(),
                     [made(one(), "a", status="preliminary"), made(one(4), "b")],
                     [("b", "amended", 5), ("a", IN_ERROR, 5)], [], id="the finished one of two"),
        pytest.param(one(status="in-progress"), one(),
                     [made(session(slot(1, level=level(1))), "a"), made(one(4), "b")],
                     [("b", "amended", 5), ("a", IN_ERROR, None)], [], id="the one of the same kind"),
        pytest.param(one(), one(6), [made(one(), "o", derivedFrom=[R, {"reference": "QuestionnaireResponse/s"}])],
                     [("o", "amended", 6)], [], id="of two responses"),
        pytest.param(one(), DELETED, [made(one(), "o", derivedFrom=[R, {"reference": "QuestionnaireResponse/s"}])],
                     [], [], id="of two responses, one of which goes"),
        pytest.param(one(), DELETED, [made(one(), "o", derivedFrom=[R, {"reference": "Observation/s"}])],
                     [("o", IN_ERROR, 5)], [], id="of a response and something else"),
        pytest.param(one(), one(6), [made(one()), made(session(slot(2, score=score(3))), "x")],
                     [("o", "amended", 6)], [], id="beside one that it never said"),
        pytest.param(one(), one(status=IN_ERROR), [made(session(slot(2, score=score(3))), "x")],
                     [("x", IN_ERROR, 3)], [], id="what it never said goes with it"),
        # CollaboRATE.
        pytest.param(None, collaborate(1, 2, 3), [], [], [("collaborate", "", sayings(collaborate(1, 2, 3), locate)[0].value)],
                     id="collaborate"),
        pytest.param(collaborate(1, 2, 3), collaborate(2, 2, 2), [made(collaborate(1, 2, 3))],
                     [("o", "amended", Decimal("2.00"))], [], id="collaborate with the same mean"),
        pytest.param(collaborate(1, 2, 3), collaborate(1, None, 3), [made(collaborate(1, 2, 3))],
                     [("o", IN_ERROR, Decimal("2.00"))], [], id="collaborate, incomplete"),
        pytest.param(collaborate(1, 2, 3), collaborate(1, 2, 3, by=PARENT), [made(collaborate(1, 2, 3))],
                     [("o", "amended", Decimal("2.00"))], [], id="collaborate, by a parent"),
        pytest.param(collaborate(1, 2, 3, status="in-progress"), collaborate(1, 2, 3, by=PARENT), [made(collaborate(1, 2, 3))],
                     [("o", "amended", Decimal("2.00"))], [], id="collaborate, adopted from another"),
        pytest.param(collaborate(1, 2, 3), collaborate(1, 2, 3, scale="0-4"), [made(collaborate(1, 2, 3))],
                     [("o", "amended", Decimal("2.00"))], [], id="collaborate on the other scale"),
        pytest.param(collaborate(1, 2, 3), one(), [made(collaborate(1, 2, 3))],
                     [("o", IN_ERROR, Decimal("2.00"))], NEW, id="from collaborate to a session"),
    ],
)  # fmt: skip
def test_what_becomes_of_what_is_stored(before, after, stored, revised, missing):
    assert shown(outcome(before, after, stored)) == (revised, missing, [])


# Before and after of a client's own Observation, beside what is stored; what is refused, what is missing.
@pytest.mark.parametrize(
    ("before", "after", "stored", "written", "refused", "missing"),
    [
        pytest.param(None, one(), [], [("o", None, made(one()))], [], [], id="in the same unit"),
        pytest.param(None, one(), [], [("o", None, made(one(Decimal("5.0"))))], [], [], id="in other digits"),
        pytest.param(None, one(), [], [("o", None, made(one(4)))], ["score-differs-from-response"], [], id="another value"),
        pytest.param(None, one(), [], [("o", None, made(one(), status="preliminary"))],
                     ["score-differs-from-response"], [], id="unfinished"),
        pytest.param(None, one(), [], [("o", None, made(one(), status="cancelled"))],
                     ["score-differs-from-response"], [], id="cancelled"),
        pytest.param(None, one(), [], [("o", None, made(session(slot(1, level=level(1)))))],
                     ["score-differs-from-response"], [], id="a level"),
        pytest.param(None, one(), [], [("o", None, made(one(), valueQuantity={"value": 5, "comparator": "<"}))],
                     ["score-differs-from-response"], [], id="below it"),
        pytest.param(None, one(), [], [("o", None, made(one(by=PARENT)))], [], NEW, id="by another rater"),
        pytest.param(None, one(by=PARENT), [], [("o", None, made(one(by=PARENT)))], [], [], id="by the same parent"),
        pytest.param(None, one(by=PARENT), [], [("o", None, made(one(by=PARENT), performer=[OTHER_PARENT]))],
                     ["score-differs-from-response"], [], id="by the other parent"),
        pytest.param(None, one(by=PARENT), [], [("o", None, made(one(by=PARENT), performer=[{"display": "x"}]))],
                     [], [], id="by a parent, untold which"),
        pytest.param(None, one(by=STAFF), [], [("o", None, made(one(by=STAFF), performer=[{"reference": "Practitioner/y"}]))],
                     [], [], id="by the same clinician in a role"),
        pytest.param(None, one(), [], [("o", None, made(one(), performer=[{"reference": "Patient/known-elsewhere"}]))],
                     [], [], id="by the young person under another id"),
        pytest.param(None, one(by=NOBODY), [], [("o", None, made(one(by=NOBODY), performer=[{"reference": "Device/y"}]))],
                     [], [], id="by somebody, untold whom"),
        pytest.param(None, one(), [], [("o", None, made(one(), status=IN_ERROR))], [], NEW, id="in error"),
        pytest.param(None, one(), [], [("o", None, made(one(), derivedFrom=[]))], [], NEW, id="of no response"),
        pytest.param(None, one(), [], [("a", None, made(one(), "a")), ("b", None, made(one(), "b"))],
                     ["score-extracted-already"], [], id="twice"),
        pytest.param(one(), one(), [made(one(), "x")], [("o", None, made(one()))],
                     ["score-extracted-already"], [], id="beside a stored one"),
        pytest.param(one(), one(), [made(one(), "x", status=IN_ERROR)], [("o", None, made(one()))], [], [],
                     id="beside one in error"),
        pytest.param(one(by=PARENT), one(), [], [("o", made(one(by=PARENT)), made(one(by=PARENT)))],
                     ["score-differs-from-response"], [], id="by who it was before"),
        pytest.param(one(), one(), [], [("o", made(one()), None)], ["score-held-by-response"], [], id="deleted"),
        pytest.param(one(), one(), [], [("o", made(one()), made(one(), status=IN_ERROR))],
                     ["score-held-by-response"], [], id="retracted"),
        pytest.param(one(), one(), [], [("o", made(one(), status=IN_ERROR), None)], [], NEW, id="deleted, retracted before"),
        pytest.param(one(), one(), [made(one(), "x")], [("o", made(one()), None)], [], [], id="one of two deleted"),
        pytest.param(one(), one(), [], [("o", made(one()), None), ("p", None, made(one(), "p"))], [], [], id="replaced"),
        pytest.param(one(), DELETED, [], [("o", made(one()), None)], [], [], id="deleted with its response"),
        pytest.param(one(), DELETED, [], [("o", made(one()), made(one()))],
                     ["score-differs-from-response"], [], id="kept though its response goes"),
        pytest.param(one(), session(), [], [("o", made(one()), made(one()))],
                     ["score-differs-from-response"], [], id="kept though it is no longer said"),
        pytest.param(one(), session(), [], [("o", made(one()), made(one(), status=IN_ERROR))], [], [],
                     id="retracted as it is no longer said"),
        pytest.param(one(), session(), [], [("o", made(one()), made(one(), derivedFrom=[]))], [], [],
                     id="let go as it is no longer said"),
        pytest.param(one(), one(), [], [("o", None, made(one(), derivedFrom=[{"reference": "QuestionnaireResponse/s"}]))],
                     [], NEW, id="of another response"),
        pytest.param(one(), one(), [], [("o", made(one()), made(one(), derivedFrom=[S]))], ["score-held-by-response"], [],
                     id="moved to another response"),
        pytest.param(one(), one(), [], [("o", made(one(), derivedFrom=[S]), made(one(), status=IN_ERROR))], [], NEW,
                     id="moved from another response, and in error"),
        pytest.param(one(), one(), [], [("o", made(one(), derivedFrom=[S]), made(one()))], [], [],
                     id="moved from another response"),
        pytest.param(one(), one(), [made(one(), "x")],
                     [("o", made(one(), derivedFrom=[{"reference": "QuestionnaireResponse/s"}]), None)],
                     [], [], id="another response's deleted"),
        pytest.param(None, collaborate(1, 2, 3), [], [("o", None, made(collaborate(1, 2, 3)))], [], [], id="collaborate"),
        pytest.param(None, collaborate(1, 2, 3), [], [("o", None, made(collaborate(3, 2, 1)))],
                     ["score-differs-from-response"], [], id="collaborate, other items"),
        pytest.param(None, collaborate(1, 2, 3), [], [("o", None, made(collaborate(1, 2, 3, scale="0-4")))],
                     ["score-differs-from-response"], [], id="collaborate, other scale"),
        pytest.param(None, session(slot(1, level=level(1))), [], [("o", None, made(session(slot(1, level=level(1)))))],
                     [], [], id="a level by hand"),
        pytest.param(None, session(slot(1, level=level(1))), [], [("o", None, made(session(slot(1, level=level(2)))))],
                     ["score-differs-from-response"], [], id="another level"),
        pytest.param(None, session(slot(1, level=level(1))), [],
                     [("o", None, made(session(slot(1, level=level(1))), valueCodeableConcept={"coding": [
                         {"system": LOINC, "code": "LA34480-6"}, {"system": "urn:x", "code": "better"}]}))],
                     [], [], id="a level with a second code"),
    ],
)  # fmt: skip
def test_what_a_client_writes_itself(before, after, stored, written, refused, missing):
    revised, lacking, issues = shown(outcome(before, after, stored, written))
    assert (revised, lacking, [slug for _, slug in issues]) == ([], missing, refused)


def test_refusals_say_where():
    written = [("a", None, made(one(4), "a")), ("b", None, made(one(5), "b"))]
    found = outcome(None, one(), [], written).issues
    assert [(id_, issue.slug, issue.expression) for id_, issue in found] == [
        ("a", "score-differs-from-response", "Observation.value"),
        ("b", "score-extracted-already", "Observation.derivedFrom"),
    ]
    [(id_, issue)] = outcome(one(), one(), [], [("o", made(one()), None)]).issues
    assert (id_, issue.expression) == ("o", "Observation")
    assert {(issue.severity, issue.code) for _, issue in found} == {("error", "business-rule")}


def test_what_the_client_wrote_beside_stays():
    by_hand = {
        **made(one(4)),
        "code": concept(SNOMED, "1034351000000101"),
        "effectiveDateTime": "2026-03-09",
        "note": [{"text": "x"}],
        "interpretation": [{"text": "low"}],
    }
    [revised] = outcome(one(4), one(6), [by_hand]).revised
    kept = {name: value for name, value in by_hand.items() if name != "interpretation"}
    assert revised == {**kept, "status": "amended", "valueQuantity": {**by_hand["valueQuantity"], "value": 6}}


def test_where_no_value_was_said_there_is_one_now():
    absent = {**made(one()), "dataAbsentReason": {"text": "x"}}
    del absent["valueQuantity"]
    [revised] = outcome(one(status="in-progress"), one(), [absent]).revised
    assert "dataAbsentReason" not in revised
    assert revised["valueQuantity"]["value"] == 5


@pytest.mark.parametrize(
    ("element", "before", "after", "name"),
    [
        ("authored", "2026-03-10", "2026-03-11", "effectiveDateTime"),
        ("encounter", {"reference": "Encounter/a"}, {"reference": "Encounter/b"}, "encounter"),
        ("subject", {"reference": "Patient/ash"}, {"reference": "Patient/elm"}, "subject"),
    ],
)
def test_elements_follow(element, before, after, name):
    old, new = one(**{element: before}), one(**{element: after})
    [revised] = outcome(old, new, [made(old)]).revised
    assert revised == {**made(old), name: after, "status": "amended"}


def test_an_element_that_goes_goes():
    old = one(encounter={"reference": "Encounter/a"})
    [revised] = outcome(old, one(), [made(old)]).revised
    assert "encounter" not in revised


def test_another_rater_is_another_code_on_the_same_observation():
    [revised] = outcome(one(), one(by=PARENT), [made(one())]).revised
    assert revised["code"]["coding"][0]["code"] == "parent-rated-goal-score"
    assert revised["performer"] == [PARENT]


def test_another_slot_is_another_code():
    goal = {"reference": "Goal/g1"}
    [revised] = outcome(one(), session(slot(2, goal, score=score(5))), [made(one())]).revised
    assert revised["code"]["coding"][0]["code"] == "1638541000000106"


def test_a_change_of_the_code_set_changes_no_code():
    [revised] = outcome(one(5), one(6), [made(one(5))], codes="progress-chart").revised
    assert revised["code"]["coding"][0]["code"] == "1638531000000102"


def test_a_baseline_stays_a_baseline_and_a_follow_up_follows_its_rater():
    old, new = session(slot(1, level=level(1))), session(slot(1, level=level(2)), by=PARENT)
    [saying] = sayings(old, locate)
    baseline = {**observation(old, saying, "goal-tool", is_first=True), "id": "o"}
    [revised] = outcome(old, new, [baseline]).revised
    assert revised["code"] == {"coding": [{"system": LOINC, "code": "112296-9"}]}
    [revised] = outcome(old, new, [made(old)]).revised
    assert revised["code"] == {"coding": [{"system": LOINC, "code": "107331-1"}]}
    assert revised["valueCodeableConcept"]["coding"][0]["code"] == "LA34479-8"


def test_two_goals_of_which_nothing_changes():
    both = session(slot(1, score=score(5)), slot(2, score=score(6)))
    stored = [made(one(5), "a"), made(session(slot(2, score=score(6))), "b")]
    assert shown(outcome(both, both, stored)) == NOTHING


def test_a_goal_score_without_a_goal_is_no_collaborate_score():
    stray = {**made(one()), "focus": []}
    assert shown(outcome(collaborate(1, 2, 3), collaborate(1, None, 3), [stray])) == NOTHING


def test_collaborate_is_corrected_with_its_items_and_scale():
    old, new = collaborate(1, 2, 3), collaborate(2, 2, 2, scale="0-4")
    [revised] = outcome(old, new, [made(old)]).revised
    assert revised == {**made(new), "status": "amended"}


def test_an_adopted_score_gets_the_labels_of_its_response_beside_its_own():
    stored = {**made(one()), "meta": {"security": [{"code": "own"}, {"code": "R"}]}}
    after = one(meta={"security": [{"code": "R"}]})
    [revised] = outcome(one(status="in-progress"), after, [stored]).revised
    assert revised["meta"] == {"security": [{"code": "R"}, {"code": "own"}]}


def test_labels_follow_and_others_stay():
    old, new = one(meta={"security": [{"code": "R"}]}), one(meta={"security": [{"code": "V"}]})
    stored = {**made(old), "meta": {"security": [{"code": "R"}], "tag": [{"code": "t"}]}}
    [revised] = outcome(old, new, [stored]).revised
    assert revised["meta"] == {"security": [{"code": "V"}], "tag": [{"code": "t"}]}
    [revised] = outcome(old, one(), [stored]).revised
    assert revised["meta"] == {"tag": [{"code": "t"}]}
    assert outcome(one(), one(meta={"tag": [{"code": "u"}]}), [made(one())]).revised == ()


def test_what_is_read_of_an_observation():
    taken = read_taken(made(one()), locate)
    assert (taken.id, taken.kind, taken.about, taken.rater) == ("o", "score", "Goal/g1", "young-person")
    assert taken.sources == {("QuestionnaireResponse", "r")}
    assert (taken.is_in_error, taken.is_for_good, taken.rates("Goal/g1"), taken.rates("Goal/g2")) == (
        False, True, True, False,
    )  # fmt: skip
    gone = read_taken(made(one(), status=IN_ERROR), locate)
    assert (gone.is_in_error, gone.is_for_good, gone.rates("Goal/g1")) == (True, False, False)
    assert read_taken(made(session(slot(1, level=level(1)))), locate).kind == "level"
    assert read_taken(made(collaborate(1, 1, 1)), locate).kind == "collaborate"
    assert (
        read_taken({"resourceType": "Observation", "id": "o", "code": concept("urn:x", "y")}, locate) is None
    )
    assert read_taken(None, locate) is None
    generic = {**made(one()), "code": concept(SNOMED, "959951000000108"), "performer": [PARENT]}
    assert read_taken(generic, locate).rater == "parent-or-carer"
    ours = {**made(one(by=PARENT)), "performer": [ASH]}
    assert read_taken(ours, locate).rater == "parent-or-carer"
    assert (
        read_taken({"id": "o", "code": concept(f"{OURS}/CodeSystem/goal-score", "goal-score")}, locate).about
        == ""
    )
    two = {**made(one()), "focus": [{"display": "x"}, {"reference": "Goal/g7"}]}
    assert read_taken(two, locate).about == "Goal/g7"


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (made(one()), made(one(6)), True),
        (None, made(one()), False),
        (made(one()), None, False),
        (made(one()), made(one(), status=IN_ERROR), False),
        (made(one(), status=IN_ERROR), made(one()), False),
        (made(one()), made(one(by=PARENT)), False),
        (made(one()), made(one(), focus=[{"reference": "Goal/x"}]), False),
        (made(one()), made(one(), derivedFrom=[]), False),
    ],
)
def test_whether_it_keeps_its_link(before, after, kept):
    writing = Writing("o", read_taken(before, locate), read_taken(after, locate))
    assert writing.keeps_its_link is kept


def test_what_a_writing_is_about():
    [g1], [g2] = sayings(one(), locate), sayings(session(slot(2, score=score(1))), locate)
    [whole] = sayings(collaborate(1, 1, 1), locate)
    new = Writing("o", None, read_taken(made(one()), locate))
    old = Writing("o", read_taken(made(one()), locate), None)
    for writing in (new, old):
        assert [writing.is_about(saying) for saying in (g1, g2, whole)] == [True, False, False]
