"""The guide's artefacts as resources: published once, changed with the guide, and left to who made them their own."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from service.fhir import codec
from service.fhir.guide import KINDS, Guide
from service.interactions.delete import delete
from service.interactions.publishing import digest, publish, publish_everywhere
from service.interactions.search import search
from service.interactions.update import update
from service.storage.open import migrate, open_store
from tests.interactions.builders import body

SET = {
    "resourceType": "ValueSet",
    "id": "set",
    "url": "https://elsewhere.example/ValueSet/set",
    "status": "draft",
}
FORM = {
    "resourceType": "Questionnaire",
    "id": "form",
    "url": "https://elsewhere.example/Questionnaire/form",
    "status": "draft",
    "item": [
        {"linkId": "1", "type": "decimal", "initial": [{"valueDecimal": codec.decode(b'{"a":7.10}')["a"]}]}
    ],
}


@pytest.fixture
def published(context, act):
    """Publishes a guide of the artefacts and gives how many became a version."""

    async def publish_guide(*artefacts):
        return await publish(replace(context, guide=Guide(artefacts)), act.caller.locality)

    return publish_guide


@pytest.fixture
def stored(context, act):
    async def current(artefact):
        return await context.store.read(act.caller.locality, artefact["resourceType"], artefact["id"])

    return current


def changed(artefact, **elements):
    return {**copy.deepcopy(artefact), **elements}


async def test_our_guide_can_be_read_and_found_by_its_addresses(context, act, guide):
    count = await publish(context, act.caller.locality)
    assert count == len(list(guide))
    for kind in KINDS:
        assert guide.all(kind)
        for url, artefact in guide.all(kind).items():
            found = body(await search(context, act, kind, (("url", url),), lenient=False))
            [entry] = found["entry"]
            assert entry["resource"]["id"] == artefact["id"]
            assert entry["resource"]["url"] == url


async def test_it_can_be_published_in_every_locality(bare, guide, registry, extractor, clock, tmp_path):
    # A database of its own: the others' localities are many.
    url, there = f"sqlite:///{tmp_path / 'thrive.db'}", ("here", "elsewhere", "beyond")
    migrate(url)
    store = await open_store(url, registry, extractor, clock, there)
    try:
        context = replace(bare, store=store)
        assert await publish(context, there[0]) == len(list(guide))
        assert await publish_everywhere(context) == len(list(guide)) * (len(there) - 1)
        assert await publish_everywhere(context) == 0
        for locality in there:
            assert await store.read(locality, "StructureDefinition", "gbo-score") is not None
    finally:
        await store.close()


async def test_again_nothing_is_stored(context, act):
    assert await publish(context, act.caller.locality) > 0
    assert await publish(context, act.caller.locality) == 0


async def test_the_store_holds_what_the_guide_says(published, stored):
    await published(SET, FORM)
    found = codec.decode((await stored(SET)).body)
    del found["meta"]
    assert found == SET
    assert b"7.10" in (await stored(FORM)).body


async def test_only_what_changed_becomes_a_version(published, stored):
    other = changed(SET, id="other", url="https://elsewhere.example/ValueSet/other")
    await published(SET, other)
    assert await published(changed(SET, title="New"), other) == 1
    assert ((await stored(SET)).version, (await stored(other)).version) == (2, 1)


async def test_what_the_guide_no_longer_holds_is_deleted_and_comes_back_with_it(published, stored):
    await published(SET, FORM)
    assert await published() == 1
    assert (await stored(SET)).deleted
    assert not (await stored(FORM)).deleted  # there may be answers to it
    assert await published(SET) == 1
    assert (await stored(SET)).version == 3


async def test_a_questionnaire_that_nobody_touched_follows_the_guide(published, stored):
    await published(FORM)
    assert await published(changed(FORM, title="New")) == 1
    assert codec.decode((await stored(FORM)).body)["title"] == "New"


async def test_a_questionnaire_changed_by_hand_stays_so(context, act, published, stored):
    await published(FORM)
    worded = codec.decode((await stored(FORM)).body)
    worded["item"][0]["text"] = "Our own words"
    await update(context, act, "Questionnaire", "form", worded)
    assert await published(changed(FORM, title="New")) == 0
    assert await published() == 0
    found = codec.decode((await stored(FORM)).body)
    assert found["item"][0]["text"] == "Our own words"
    assert "title" not in found


async def test_a_questionnaire_that_was_there_before_is_somebodys(context, act, published, stored):
    await update(context, act, "Questionnaire", "form", changed(FORM, title="Theirs"))
    assert await published(FORM) == 0
    assert await published() == 0
    assert (await stored(FORM)).version == 1


async def test_a_questionnaire_deleted_by_hand_stays_away(context, act, published, stored):
    await published(FORM)
    await delete(context, act, "Questionnaire", "form")
    assert await published(changed(FORM, title="New")) == 0
    assert (await stored(FORM)).deleted


async def test_what_cannot_have_an_address_is_left_out(published):
    nameless = {key: value for key, value in SET.items() if key != "id"}
    assert await published(nameless, changed(SET, id="not an id", url="urn:x")) == 0


async def test_more_than_one_unit(published, stored):
    many = [changed(SET, id=f"s-{number}", url=f"urn:{number}") for number in range(250)]
    assert await published(*many) == 250
    assert await published(*many) == 0
    assert (await stored(many[-1])).version == 1


def test_a_digest_tells_contents_apart_and_nothing_else():
    meta = {"versionId": "3", "lastUpdated": "2026-01-01T00:00:00Z", "source": "urn:x"}
    assert digest(FORM) == digest(changed(FORM, meta=meta)) == digest(dict(reversed(FORM.items())))
    others = [
        changed(FORM, title="New"),
        changed(FORM, meta={**meta, "tag": [{"code": "a"}]}),
        changed(FORM, item=[{"linkId": "1", "type": "integer"}]),
    ]
    assert len({digest(each) for each in [FORM, *others]}) == 4
