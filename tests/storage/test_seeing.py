from service.fhir.search.expressions import Everything, Query
from service.fhir.search.sight import Seen, Sight
from service.outcomes.grants import Effect
from service.storage.names import Kind
from service.storage.open import open_store
from service.storage.store import Share
from tests.storage.builders import LOCALITY, patient, stored
from tests.storage.circle import CAMHS, CHARITY, SCHOOL, labelled, team, world, wrote


async def test_all_that_is_said_of_a_child_is_told_with_who_says_it(store):
    await world(store)
    shares = await store.sharing(LOCALITY, "ash")
    assert {(share.source, share.party, share.effect) for share in shares} == {
        (("CareTeam", "ash-team"), CAMHS, Effect.TEAM),
        (("CareTeam", "ash-team"), SCHOOL, Effect.TEAM),
    }
    [restricted] = [share for share in await store.sharing(LOCALITY, "birch") if share.party == ""]
    assert restricted == Share(
        ("Patient", "birch"), "", Effect.RESTRICTED, "", "", 1, restricted.low, restricted.high, ""
    )
    assert await store.sharing(LOCALITY, "nobody") == ()
    assert await store.sharing("elsewhere", "ash") == ()


async def test_who_comes_first_from_a_locality_gives_it_a_number(store):
    assert await store.localities() == ("default", "elsewhere")
    assert await store.read("somewhere", "Patient", "ash") is None
    assert await store.localities() == ("default", "elsewhere", "somewhere")
    await stored(store, patient("ash"), "somewhere")
    assert await store.read("somewhere", "Patient", "ash") is not None
    assert await store.read("default", "Patient", "ash") is None


async def test_names_that_another_process_has_numbered_are_learnt(
    store, database_url, registry, extractor, clock
):
    other = await open_store(database_url, registry, extractor, clock)
    await wrote(store, SCHOOL, labelled(patient("birch")), team("birch-team", "birch", CHARITY))
    assert (await other.read(LOCALITY, "Patient", "birch")).author == SCHOOL
    page = await other.search(LOCALITY, Query("CareTeam", Everything(), 10))
    assert [one.author for one in page.items] == [SCHOOL]
    assert CHARITY in {share.party for share in await other.sharing(LOCALITY, "birch")}
    await other.close()


async def test_who_looks_for_the_first_time_gets_a_number_once(store):
    sight = Sight("newcomer", frozenset({"school"}), "HRESCH")
    sighted = store.seen_by(LOCALITY, sight, Seen())
    assert await sighted.read(LOCALITY, "Patient", "ash") is None
    names = store._names
    assert names.code(Kind.AGENCY, "newcomer") is not None
    assert names.code(Kind.AGENCY, "sector|school") is not None
    assert names.code(Kind.PURPOSE, "HRESCH") is not None


async def test_a_whole_store_is_itself_and_looks_with_no_eyes(store):
    assert store.whole is store
    assert store.sight is None
    sight = Sight(CAMHS)
    sighted = store.seen_by(LOCALITY, sight, Seen())
    assert (sighted.whole, sighted.sight) == (store, sight)
    again = sighted.seen_by(LOCALITY, None, Seen())
    assert (again.whole, again.sight) == (store, None)
