"""What the grammar is told of value sets, code systems and time."""

from __future__ import annotations

import pytest

from service.fhir import codec
from service.interactions.search import search
from service.interactions.searching import known_members, setting, setting_of, stored_members
from service.interactions.update import update
from service.storage.store import AuditEntry, Change, Unit
from tests.interactions.builders import ids, score

GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"
MALE = ("http://hl7.org/fhir/administrative-gender", "male")


def test_the_time_is_in_microseconds(context, clock):
    assert setting_of(context).now == clock.now * 1000


def test_value_sets_are_known_by_their_addresses(context):
    assert MALE in setting_of(context).members(GENDERS)
    assert setting_of(context).members("https://elsewhere.example/ValueSet/none") is None


def test_what_clients_make_up_is_not_remembered(context):
    before = len(context.terminology._members)
    for number in range(50):
        assert known_members(context, f"https://elsewhere.example/ValueSet/{number}") is None
    assert len(context.terminology._members) == before


def test_codes_below_one_are_known_from_its_code_system(context):
    (url, content), *_ = context.guide.all("CodeSystem").items()
    code = content["concept"][0]["code"]
    assert (url, code) in setting_of(context).related(url, code, "below")
    assert setting_of(context).related("https://elsewhere.example", code, "below") is None


async def keep(context, act, content):
    """Stores a value set, as publishing does: no client can write one."""
    change = Change("ValueSet", content["id"], "PUT", None, None, content)
    await context.store.commit(act.caller.locality, Unit((change,), AuditEntry("c", "a", "publish", "r")))


@pytest.fixture
async def published(context, act):
    """The id and address of one of the guide's value sets, kept as a resource of the locality."""
    url, content = next(
        (url, content)
        for url, content in context.guide.all("ValueSet").items()
        if context.terminology.members(url)
    )
    await keep(context, act, content)
    return content["id"], url


async def test_a_value_set_of_an_older_guide_is_worked_out(context, act):
    content = {
        "resourceType": "ValueSet",
        "id": "left-over",
        "url": "https://elsewhere.example/ValueSet/left-over",
        "status": "active",
        "compose": {"include": [{"system": "urn:x", "concept": [{"code": "a"}, {"code": "b"}]}]},
    }
    await keep(context, act, content)
    members = await stored_members(context, act, [("code:in", "ValueSet/left-over")])
    assert members == {"ValueSet/left-over": {("urn:x", "a"), ("urn:x", "b")}}


async def test_a_value_set_without_codes_is_known_to_have_none(context, act):
    listed = {"system": "urn:x", "concept": [{"code": "a"}]}
    content = {
        "resourceType": "ValueSet",
        "id": "empty",
        "url": "https://elsewhere.example/ValueSet/empty",
        "status": "active",
        "compose": {"include": [listed], "exclude": [listed]},
    }
    await keep(context, act, content)
    await update(context, act, "Observation", "s1", score("Patient/p1", id="s1"))
    for name, found in (("code:in", []), ("code:not-in", ["s1"])):
        pairs = [(name, "ValueSet/empty")]
        assert (await setting(context, act, pairs)).members("ValueSet/empty") == frozenset()
        assert ids(await search(context, act, "Observation", pairs)) == found


@pytest.mark.parametrize(("version", "known"), [("", True), ("|4.0.1", True), ("|9", False), ("|4.0", False)])
def test_one_of_r4s_value_sets_is_known_in_its_version_alone(context, version, known):
    codes = known_members(context, GENDERS + version)
    assert (codes is not None and MALE in codes) is known


async def test_an_older_version_of_a_value_set_has_its_own_codes(context, act, published):
    _, url = published
    content = {
        "resourceType": "ValueSet",
        "id": "older",
        "url": url,
        "version": "0.0.0-of-old",
        "status": "active",
        "compose": {"include": [{"system": "urn:x", "concept": [{"code": "a"}]}]},
    }
    await keep(context, act, content)
    members = await stored_members(context, act, [("code:in", "ValueSet/older")])
    assert members == {"ValueSet/older": {("urn:x", "a")}}


async def test_a_value_set_that_is_kept_here_is_named_by_its_reference(context, act, published):
    id_, url = published
    for reference in (f"ValueSet/{id_}", f"{context.base_url}/ValueSet/{id_}"):
        members = await stored_members(context, act, [("subject.code:in", f"x,{reference}")])
        assert members == {reference: context.terminology.members(url)}
        assert setting_of(context, members).members(reference) == context.terminology.members(url)


@pytest.mark.parametrize(
    "pair",
    [("code", "ValueSet/{}"), ("code:in", "ValueSet/none"), ("code:not-in", "Patient/{}"), ("code:in", "{}")],
)
async def test_what_is_no_value_set_here_is_not_looked_for(context, act, published, pair):
    name, value = pair
    assert await stored_members(context, act, [(name, value.format(published[0]))]) == {}


async def test_a_value_set_that_was_deleted_is_not_there(context, act, published):
    id_, _ = published
    before = await context.store.read(act.caller.locality, "ValueSet", id_)
    change = Change("ValueSet", id_, "DELETE", before, codec.decode(before.body), None)
    await context.store.commit(act.caller.locality, Unit((change,), AuditEntry("c", "a", "publish", "r")))
    assert await stored_members(context, act, [("code:in", f"ValueSet/{id_}")]) == {}


async def test_another_localitys_value_sets_are_not_seen(context, elsewhere, published):
    pair = ("code:in", f"ValueSet/{published[0]}")
    assert await stored_members(context, elsewhere, [pair]) == {}


async def test_a_setting_knows_all_of_it(context, act, published):
    id_, url = published
    found = await setting(context, act, [("code:in", f"ValueSet/{id_}")])
    assert found.members(f"ValueSet/{id_}") == context.terminology.members(url)
    assert found.pending("Observation") == frozenset()
