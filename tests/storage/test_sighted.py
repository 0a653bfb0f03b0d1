"""A store as somebody sees it: what is not visible to them is as if it never was, by every method that reads."""

from __future__ import annotations

import pytest

from service.fhir import codec
from service.fhir.problems import Malformed
from service.fhir.search.expressions import (
    About,
    And,
    Chain,
    Everything,
    Has,
    Ids,
    Missing,
    Not,
    Or,
    Query,
    Reference,
    SortKey,
    String,
    Token,
)
from service.fhir.search.sight import Seen, Sight
from service.outcomes.sharing import Ground
from service.storage.store import (
    CLOSED,
    Elsewhere,
    Expectation,
    HistoryQuery,
    Stale,
    Unit,
)
from tests.storage.builders import AUDIT, LOCALITY, creation, deletion, found, patient, score, unit, update
from tests.storage.circle import CAMHS, CHARITY, SCHOOL, eyes, labelled, world, wrote


@pytest.fixture
async def clinic(store):
    await world(store)
    return store


async def ids(store, type_, where=None, **more):
    page = await store.search(LOCALITY, Query(type_, where or Everything(), 100, **more))
    return sorted(one.id for one in page.items)


async def test_each_sees_what_is_theirs_their_circles_or_everybodys(clinic):
    assert await ids(eyes(clinic, CAMHS), "Observation") == ["ash-1", "ash-2", "ash-3", "birch-1"]
    assert await ids(eyes(clinic, SCHOOL), "Observation") == ["ash-1", "ash-3"]
    assert await ids(eyes(clinic, CHARITY), "Observation") == ["ash-3", "birch-1"]
    assert await ids(eyes(clinic, "stranger"), "Observation") == []
    assert await ids(eyes(clinic, "stranger"), "Organization") == [CAMHS, CHARITY, SCHOOL]
    assert await ids(eyes(clinic, SCHOOL), "Patient") == ["ash"]


async def test_reads_tell_on_what_ground_and_nothing_of_the_rest(clinic):
    school = eyes(clinic, SCHOOL)
    score = await school.read(LOCALITY, "Observation", "ash-1")
    assert (score.ground, score.author, score.child, score.withheld) == (Ground.TEAM, CAMHS, "ash", False)
    assert (await eyes(clinic, CAMHS).read(LOCALITY, "Observation", "ash-1")).ground == Ground.AUTHOR
    assert (await school.read(LOCALITY, "Organization", CAMHS)).ground == Ground.DIRECTORY
    for id_ in ("ash-2", "birch-1", "never-was"):
        assert await school.read(LOCALITY, "Observation", id_) is None
        assert await school.read_version(LOCALITY, "Observation", id_, 1) is None
        history = await school.history(LOCALITY, HistoryQuery("Observation", id_, 10))
        assert (history.items, history.more, history.total) == ((), False, 0)
    keys = [("Observation", "ash-1"), ("Observation", "ash-2"), ("Patient", "birch")]
    assert (await school.read_many(LOCALITY, keys)).keys() == {keys[0]}


async def test_who_administers_sees_everything_and_is_noted_all_the_same(clinic):
    seen = Seen()
    everything = clinic.seen_by(LOCALITY, None, seen)
    assert await ids(everything, "Observation") == await ids(clinic, "Observation")
    assert (await everything.read(LOCALITY, "Patient", "birch")).ground == Ground.SERVICE
    assert seen.children == {"ash": Ground.SERVICE, "birch": Ground.SERVICE}
    assert everything.sight is None
    assert everything.whole is clinic


async def test_what_was_given_out_is_noted_and_nothing_else(clinic):
    seen = Seen()
    charity = eyes(clinic, CHARITY, seen)
    await charity.read(LOCALITY, "Patient", "ash")
    await charity.read(LOCALITY, "Organization", CAMHS)
    assert seen.children == {}
    await charity.search(LOCALITY, Query("Observation", Everything(), 100))
    assert seen.children == {"ash": Ground.AUTHOR, "birch": Ground.TEAM}


async def test_nobody_looks_into_another_locality(clinic):
    school = eyes(clinic, SCHOOL)
    with pytest.raises(Elsewhere):
        await school.read("elsewhere", "Patient", "ash")
    with pytest.raises(Elsewhere):
        await school.search("elsewhere", Query("Patient", Everything(), 1))
    with pytest.raises(Elsewhere):
        await school.commit("elsewhere", unit(creation(patient("new"))))
    assert await school.localities() == (LOCALITY,)


async def test_chains_and_reverse_chains_lead_along_what_is_seen(clinic):
    by_number = Chain("subject", "Patient", Token("identifier", None, "1"))
    assert await ids(eyes(clinic, SCHOOL), "Observation", by_number) == ["ash-1", "ash-3"]
    # The charity wrote a score of ash and does not see who ash is.
    assert await ids(eyes(clinic, CHARITY), "Observation", by_number) == []
    assert await ids(eyes(clinic, CHARITY), "Observation", Not(by_number)) == ["ash-3", "birch-1"]
    scored = Has("Observation", "subject", Ids(frozenset({"ash-2"})))
    assert await ids(eyes(clinic, CAMHS), "Patient", scored) == ["ash"]
    assert await ids(eyes(clinic, SCHOOL), "Patient", scored) == []
    assert await ids(eyes(clinic, SCHOOL), "Patient", Not(scored)) == ["ash"]
    visited = Has("Encounter", "subject", Reference("service-provider", "Organization", CAMHS))
    assert await ids(eyes(clinic, SCHOOL), "Patient", visited) == ["ash"]


async def test_totals_orders_and_pages_count_what_is_seen(clinic):
    school = eyes(clinic, SCHOOL)
    for where in (Everything(), Reference("subject", "Patient", "ash"), Token("status", None, "final")):
        page = await school.search(LOCALITY, Query("Observation", where, 1, total="accurate"))
        assert (len(page.items), page.more, page.total) == (1, True, 2)
        rest = await school.search(LOCALITY, Query("Observation", where, 1, after=page.items[0].key))
        assert (len(rest.items), rest.more) == (1, False)
        sort = (SortKey("date", "date", descending=True), SortKey("_id", "_id", descending=True))
        ordered = await school.search(LOCALITY, Query("Observation", where, 10, sort=sort))
        assert [one.id for one in ordered.items] == ["ash-3", "ash-1"]
        assert (await school.search(LOCALITY, Query("Observation", where, 0, total="accurate"))).total == 2


async def test_includes_are_of_what_is_seen(clinic):
    charity = eyes(clinic, CHARITY)
    [score] = (await charity.search(LOCALITY, Query("Observation", Ids(frozenset({"ash-3"})), 1))).items
    asked = ([score.key], [("Observation", "subject")], frozenset())
    assert await charity.referred(LOCALITY, *asked, 10) == ()
    assert [one.id for one in await clinic.referred(LOCALITY, *asked, 10)] == ["ash"]
    of_ash = ([("Patient", "ash")], [("Observation", "subject")])
    assert [one.id for one in await eyes(clinic, SCHOOL).referring(LOCALITY, *of_ash, 10)] == [
        "ash-1",
        "ash-3",
    ]
    # What is hidden takes no place within the limit.
    assert [one.id for one in await charity.referring(LOCALITY, *of_ash, 1)] == ["ash-3"]


async def test_history_shows_versions_that_both_the_version_and_the_resource_let_be_seen(clinic):
    first = await clinic.read(LOCALITY, "Observation", "ash-1")
    content = codec.decode(first.body)
    [second] = await clinic.commit(LOCALITY, unit(update(first, labelled(content))))
    school = eyes(clinic, SCHOOL)
    assert await school.read(LOCALITY, "Observation", "ash-1") is None
    assert await school.read_version(LOCALITY, "Observation", "ash-1", 1) is None
    await clinic.commit(LOCALITY, unit(update(second, content)))
    page = await school.history(LOCALITY, HistoryQuery("Observation", "ash-1", 10))
    assert ([one.version for one in page.items], page.total) == ([3, 1], 2)
    assert await school.read_version(LOCALITY, "Observation", "ash-1", 2) is None
    assert (await school.read_version(LOCALITY, "Observation", "ash-1", 1)).child == "ash"
    of_type = await school.history(LOCALITY, HistoryQuery("Observation", None, 10))
    assert [(one.id, one.version) for one in of_type.items] == [("ash-1", 3), ("ash-3", 1), ("ash-1", 1)]
    everything = await school.history(LOCALITY, HistoryQuery(None, None, 100))
    assert {one.child for one in everything.items} == {"ash", None}


async def test_who_could_see_a_resource_sees_that_it_is_gone_and_nobody_else_does(clinic):
    for id_ in ("ash-1", "ash-2"):
        await clinic.commit(LOCALITY, unit(deletion(await clinic.read(LOCALITY, "Observation", id_))))
    school = eyes(clinic, SCHOOL)
    gone = await school.read(LOCALITY, "Observation", "ash-1")
    assert (gone.deleted, gone.child, gone.author) == (True, "ash", CAMHS)
    assert await school.read(LOCALITY, "Observation", "ash-2") is None
    assert await ids(school, "Observation") == ["ash-3"]


async def test_the_author_stays_and_a_child_may_change(clinic):
    before = await clinic.read(LOCALITY, "Observation", "ash-3")
    content = codec.decode(before.body) | {"subject": {"reference": "Patient/birch"}}
    [after] = await clinic.commit(LOCALITY, unit(update(before, content)))
    assert (after.author, after.child) == (CHARITY, "birch")
    assert await clinic.read(LOCALITY, "Observation", "ash-3") == after
    assert await ids(eyes(clinic, SCHOOL), "Observation") == ["ash-1"]


async def test_what_names_no_one_child_is_its_authors_alone(clinic):
    group = {"resourceType": "Group", "id": "group", "type": "person", "actual": True}
    [made] = await wrote(clinic, SCHOOL, group)
    assert made.child == CLOSED
    assert await eyes(clinic, SCHOOL).read(LOCALITY, "Group", "group") is not None
    assert await eyes(clinic, CAMHS).read(LOCALITY, "Group", "group") is None


async def test_of_a_restricted_young_person_places_are_not_told(clinic):
    charity, camhs = eyes(clinic, CHARITY), eyes(clinic, CAMHS)
    visit = await charity.read(LOCALITY, "Encounter", "birch-visit")
    assert visit.withheld
    assert CAMHS.encode() not in visit.body
    assert not (await camhs.read(LOCALITY, "Encounter", "birch-visit")).withheld
    at_camhs = Reference("service-provider", "Organization", CAMHS)
    by_name = Chain("service-provider", "Organization", String("name", CAMHS, "starts"))
    for where, of_camhs in (
        (at_camhs, ["ash-visit", "birch-visit"]),
        (by_name, ["ash-visit", "birch-visit"]),
    ):
        assert await ids(camhs, "Encounter", where) == of_camhs
        assert await ids(charity, "Encounter", where) == []
        assert await ids(charity, "Encounter", Not(where)) == ["birch-visit"]
    assert await ids(charity, "Encounter", Missing("service-provider", missing=True)) == ["birch-visit"]
    assert await ids(charity, "Encounter", Missing("service-provider", missing=False)) == []
    leads = ([visit.key], [("Encounter", "service-provider")], frozenset())
    assert await charity.referred(LOCALITY, *leads, 10) == ()
    assert [one.id for one in await camhs.referred(LOCALITY, *leads, 10)] == [CAMHS]
    back = ([("Organization", CAMHS)], [("Encounter", "service-provider")])
    assert await charity.referring(LOCALITY, *back, 10) == ()
    assert [one.id for one in await camhs.referring(LOCALITY, *back, 10)] == ["ash-visit", "birch-visit"]
    visits = Has("Encounter", "service-provider", Everything())
    assert await ids(charity, "Organization", visits) == []
    assert await ids(camhs, "Organization", visits) == [CAMHS]


@pytest.mark.parametrize(("code", "words"), [("title", "near the clinic"), ("notes", "ask there first")])
async def test_the_words_of_a_list_about_a_restricted_young_person_are_not_found(clinic, code, words):
    options = {
        "resourceType": "List",
        "id": "options",
        "status": "current",
        "mode": "working",
        "title": "Near the clinic",
        "note": [{"text": "Ask there first"}],
        "subject": {"reference": "Patient/birch"},
    }
    await wrote(clinic, CAMHS, options)
    charity, where = eyes(clinic, CHARITY), String(code, words, "starts")
    shown = await charity.read(LOCALITY, "List", "options")
    assert shown.withheld
    assert b"clinic" not in shown.body
    assert await ids(eyes(clinic, CAMHS), "List", where) == ["options"]
    assert await ids(charity, "List", where) == []
    assert await ids(charity, "List", Missing(code, missing=False)) == []


async def test_places_stay_withheld_when_the_patient_is_gone_until_it_is_back_without_the_label(clinic):
    charity = eyes(clinic, CHARITY)
    before = await clinic.read(LOCALITY, "Patient", "birch")
    [gone] = await clinic.commit(LOCALITY, unit(deletion(before)))
    assert (await charity.read(LOCALITY, "Encounter", "birch-visit")).withheld
    [back] = await clinic.commit(LOCALITY, unit(update(gone, patient("birch", "2"))))
    assert not (await charity.read(LOCALITY, "Encounter", "birch-visit")).withheld
    [gone] = await clinic.commit(LOCALITY, unit(deletion(back)))
    assert not (await charity.read(LOCALITY, "Encounter", "birch-visit")).withheld
    await clinic.commit(LOCALITY, unit(update(gone, labelled(patient("birch", "2")))))
    assert (await charity.read(LOCALITY, "Encounter", "birch-visit")).withheld


async def test_nobody_who_sees_not_all_can_sort_by_places(clinic):
    query = Query("Encounter", Everything(), 10, sort=(SortKey("service-provider", "reference"),))
    with pytest.raises(Malformed) as refused:
        await eyes(clinic, CAMHS).search(LOCALITY, query)
    assert refused.value.issues[0].slug == "sort-withheld"
    assert len((await clinic.search(LOCALITY, query)).items) == 2


NARROWED = {"Observation": Token("status", None, "final")}


async def test_a_type_that_cannot_be_read_is_as_if_there_were_none(clinic):
    blind = eyes(clinic, CAMHS, readable=frozenset({"Observation"}))
    assert await blind.read(LOCALITY, "Patient", "ash") is None
    assert await blind.read_version(LOCALITY, "Patient", "ash", 1) is None
    assert await ids(blind, "Patient") == []
    assert await ids(blind, "Observation", Chain("subject", "Patient", Everything())) == []
    score = await blind.read(LOCALITY, "Observation", "ash-1")
    assert await blind.referred(LOCALITY, [score.key], [("Observation", "subject")], frozenset(), 10) == ()
    assert (await blind.history(LOCALITY, HistoryQuery("Patient", None, 10))).items == ()
    assert {one.type for one in (await blind.history(LOCALITY, HistoryQuery(None, None, 100))).items} == {
        "Observation"
    }
    of_both = blind.everything(LOCALITY, ["Patient", "Observation"])
    assert {one.type async for one in of_both} == {"Observation"}


@pytest.mark.parametrize("every", [False, True], ids=["an agency", "an administrator"])
async def test_what_a_token_narrows_is_seen_so_by_every_method(clinic, every):
    amended = await clinic.read(LOCALITY, "Observation", "ash-1")
    content = codec.decode(amended.body) | {"status": "amended"}
    await clinic.commit(LOCALITY, unit(update(amended, content)))
    narrow = eyes(clinic, CAMHS, narrowed=NARROWED, every=every)
    assert await ids(narrow, "Observation") == ["ash-2", "ash-3", "birch-1"]
    assert await narrow.read(LOCALITY, "Observation", "ash-1") is None
    assert await narrow.read_version(LOCALITY, "Observation", "ash-1", 1) is None
    assert (await narrow.history(LOCALITY, HistoryQuery("Observation", "ash-1", 10))).items == ()
    keys = [("Observation", id_) for id_ in ("ash-1", "ash-2")]
    assert (await narrow.read_many(LOCALITY, keys)).keys() == {keys[1]}
    of_type = await narrow.history(LOCALITY, HistoryQuery("Observation", None, 10))
    assert {one.id for one in of_type.items} == {"ash-2", "ash-3", "birch-1"}
    referring = await narrow.referring(LOCALITY, [("Patient", "ash")], [("Observation", "subject")], 10)
    assert [one.id for one in referring] == ["ash-2", "ash-3"]
    every_one = narrow.everything(LOCALITY, ["Observation"])
    assert {one.id async for one in every_one} == {"ash-2", "ash-3", "birch-1"}
    has = Has("Observation", "subject", Ids(frozenset({"ash-1"})))
    assert await ids(narrow, "Patient", has) == []
    query = Query("Observation", Everything(), 1, total="accurate")
    assert (await narrow.search(LOCALITY, query)).total == 3


@pytest.mark.parametrize("every", [False, True], ids=["an agency", "an administrator"])
async def test_what_is_about_one_young_person_alone_is_told_by_whom_the_store_keeps_it_for(clinic, every):
    nobodys = score("nobodys", "ash", "5")
    del nobodys["subject"]
    await wrote(clinic, CAMHS, nobodys)
    moved = await clinic.read(LOCALITY, "Observation", "birch-1")
    await clinic.commit(LOCALITY, unit(update(moved, score("birch-1", "ash", "3"))))
    about = dict.fromkeys(("Observation", "Patient", "CareTeam", "Organization"), About("ash"))
    ash = eyes(clinic, CAMHS, narrowed=about, every=every)
    shown = ["ash-1", "ash-2", "ash-3", "birch-1"]
    assert await ids(ash, "Observation") == shown
    assert await ids(ash, "Patient") == ["ash"]
    assert await ids(ash, "Organization") == []  # about nobody
    for where in (
        Or((Ids(frozenset({"ash-1", "nobodys"})), Token("status", None, "final"))),
        Chain("subject", "Patient", Everything()),
        Not(Reference("subject", "Patient", "birch")),
    ):
        assert await ids(ash, "Observation", where) == shown
    by_date = (SortKey("date", "date"), SortKey("_id", "_id"))
    assert await ids(ash, "Observation", sort=by_date) == shown
    counted = await ash.search(LOCALITY, Query("Observation", Everything(), 1, total="accurate"))
    assert counted.total == len(shown)
    assert await ids(ash, "CareTeam", Chain("subject", "Patient", Ids(frozenset({"birch"})))) == []
    assert await ids(ash, "Patient", Has("Observation", "subject", Ids(frozenset({"birch-1"})))) == ["ash"]
    referring = await ash.referring(LOCALITY, [("Patient", "ash")], [("Observation", "subject")], 10)
    assert sorted(one.id for one in referring) == shown
    every_one = ash.everything(LOCALITY, ["Observation", "Organization"])
    assert sorted([one.id async for one in every_one]) == shown
    for id_ in ("nobodys", "never-was"):
        assert await ash.read(LOCALITY, "Observation", id_) is None
    # Of what was about another before only the versions since then.
    assert (await ash.read(LOCALITY, "Observation", "birch-1")).version == 2
    assert await ash.read_version(LOCALITY, "Observation", "birch-1", 1) is None
    assert await ash.read_version(LOCALITY, "Observation", "birch-1", 2) is not None
    history = await ash.history(LOCALITY, HistoryQuery("Observation", "birch-1", 10))
    assert ([one.version for one in history.items], history.total) == ([2], 1)
    of_type = await ash.history(LOCALITY, HistoryQuery("Observation", None, 100))
    assert sorted((one.id, one.version) for one in of_type.items) == [
        (id_, 2 if id_ == "birch-1" else 1) for id_ in shown
    ]
    # Either may do, and then what was about another is seen by the other.
    either = {"Observation": Or((About("birch"), Token("status", None, "final")))}
    wide = eyes(clinic, CAMHS, narrowed=either, every=every)
    assert await wide.read_version(LOCALITY, "Observation", "birch-1", 1) is not None
    none = eyes(clinic, CAMHS, narrowed={"Observation": About("birch")}, every=every)
    assert await ids(none, "Observation") == []
    assert await none.read_version(LOCALITY, "Observation", "birch-1", 1) is None


async def test_what_is_labelled_is_kept_from_a_family_in_all_its_versions(clinic):
    await wrote(clinic, CAMHS, score("ash-8", "ash", "5"), labelled(score("ash-9", "ash", "5")))
    family = eyes(clinic, CAMHS, narrowed={"Observation": About("ash", unlabelled=True)})
    themselves = eyes(clinic, CAMHS, narrowed={"Observation": About("ash")})
    assert "ash-9" in await ids(themselves, "Observation")
    assert "ash-9" not in await ids(family, "Observation")
    assert await family.read(LOCALITY, "Observation", "ash-9") is None
    before = await clinic.read(LOCALITY, "Observation", "ash-8")
    assert before is not None
    await clinic.commit(LOCALITY, unit(update(before, labelled(score("ash-8", "ash", "5")))))
    assert await family.read(LOCALITY, "Observation", "ash-8") is None
    assert await family.read_version(LOCALITY, "Observation", "ash-8", 1) is None
    assert await themselves.read_version(LOCALITY, "Observation", "ash-8", 1) is not None


async def test_what_is_narrowed_asks_the_whole_truth(clinic):
    """Else what is hidden by one condition would let through what another is to hide."""
    at_camhs = Chain("subject", "Patient", Has("Encounter", "subject", Everything()))
    narrow = eyes(clinic, CHARITY, narrowed={"Observation": Not(at_camhs)})
    assert await ids(narrow, "Observation") == []
    assert (await narrow.history(LOCALITY, HistoryQuery("Observation", None, 10))).items == ()


async def test_an_expectation_looks_with_the_eyes_that_it_is_told(clinic):
    query = Query("Patient", Token("identifier", None, "2"), 10)
    sight = Sight(SCHOOL)
    unseen = Expectation(query, frozenset(), sight)
    change = creation(patient("other", "2"))
    [made] = await clinic.commit(LOCALITY, Unit((change,), AUDIT, (unseen,)))
    assert made.id == "other"
    with pytest.raises(Stale):
        await clinic.commit(
            LOCALITY, Unit((creation(patient("third", "2")),), AUDIT, (Expectation(query, frozenset()),))
        )


async def test_a_new_permission_and_a_denial_take_effect_with_their_commit(clinic):
    consent = {
        "resourceType": "Consent",
        "id": "refused",
        "status": "active",
        "scope": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
            ]
        },
        "category": [
            {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/consentcategorycodes", "code": "acd"}
                ]
            }
        ],
        "patient": {"reference": "Patient/ash"},
        "performer": [{"reference": "Patient/ash"}],
        "provision": {"type": "deny"},
    }
    assert await ids(eyes(clinic, SCHOOL), "Observation") == ["ash-1", "ash-3"]
    [made] = await wrote(clinic, CAMHS, consent)
    assert await ids(eyes(clinic, SCHOOL), "Observation") == []
    assert [share.source for share in await clinic.sharing(LOCALITY, "ash") if share.party == "*"] == [
        ("Consent", "refused")
    ]
    await clinic.commit(LOCALITY, unit(update(made, consent | {"status": "inactive"})))
    assert await ids(eyes(clinic, SCHOOL), "Observation") == ["ash-1", "ash-3"]


async def test_a_chain_within_what_is_asked_of_one_child_stays_seen(clinic):
    both = And(
        (Reference("subject", "Patient", "ash"), Chain("subject", "Patient", Token("identifier", None, "1")))
    )
    assert await found(eyes(clinic, SCHOOL), "Observation", both) == ["ash-1", "ash-3"]
