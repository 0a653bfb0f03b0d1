"""The Questionnaire that an operation is asked of, found in the store and in the guide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir.problems import Gone, Missing
from service.interactions.context import Act
from service.interactions.delete import delete
from service.interactions.update import update
from service.operations import forms

URL = "https://elsewhere.example/Questionnaire/sleep"
SESSION = "https://thrive-fhir.example/Questionnaire/gbo-session"


def form(id_, status="active", version=None, url=URL, **more):
    made = {"resourceType": "Questionnaire", "id": id_, "url": url, "status": status, **more}
    return made | ({"version": version} if version else {})


@pytest.fixture
def put(context, act):
    async def putting(*resources):
        for resource in resources:
            await update(context, act, "Questionnaire", resource["id"], resource)

    return putting


@pytest.fixture
def found(context, act):
    async def finding(canonical):
        held = await forms.of_canonical(context, act, canonical)
        return None if held is None else held["id"]

    return finding


async def test_a_form_is_found_by_its_canonical(put, found):
    await put(form("a", version="1"), form("other", url=f"{URL}-2"))
    assert await found(URL) == "a"
    assert await found(f"{URL}|1") == "a"
    assert await found(f"{URL}|2") is None
    assert await found("https://elsewhere.example/Questionnaire/mood") is None


async def test_of_several_the_one_in_use_then_the_latest(put, found):
    await put(
        form("a", version="1"), form("b", version="2"), form("c", "retired", "3"), form("d", "draft", "4")
    )
    assert await found(URL) == "b"
    assert await found(f"{URL}|1") == "a"
    assert await found(f"{URL}|3") == "c"
    await put(form("a", version="1", title="Changed"))
    assert await found(URL) == "a"


async def test_a_form_of_another_agency_takes_the_place_of_none_of_ones_own(put, found, context, act):
    await put(form("ours", status="draft"))
    theirs = Act(replace(act.caller, agency="another"), "request-9")
    await update(context, theirs, "Questionnaire", "theirs", form("theirs", version="9"))
    assert await found(URL) == "ours"
    assert (await forms.of_canonical(context, theirs, URL))["id"] == "theirs"


async def test_what_the_service_ships_is_found_too_and_what_is_stored_comes_first(put, found, context, act):
    assert await found(SESSION) == "gbo-session"
    assert (await forms.of_canonical(context, act, f"{SESSION}|0.1.0"))["title"] == "Goals rated at a session"
    await put(form("worded", url=SESSION, title="In our own words"))
    assert await found(SESSION) == "worded"


async def test_another_localitys_form_is_not_found(put, context, elsewhere):
    await put(form("a"))
    assert await forms.of_canonical(context, elsewhere, URL) is None


async def test_by_identifier(put, context, act):
    await put(form("a", identifier=[{"system": "urn:x", "value": "1"}]))
    assert (await forms.of_identifier(context, act, {"system": "urn:x", "value": "1"}))["id"] == "a"
    assert (await forms.of_identifier(context, act, {"value": "1"}))["id"] == "a"
    assert await forms.of_identifier(context, act, {"system": "urn:y", "value": "1"}) is None
    assert await forms.of_identifier(context, act, {"system": "urn:x"}) is None


async def test_by_reference(put, context, act):
    await put(form("a", identifier=[{"value": "1"}]))

    async def led(**reference):
        return await forms.of_reference(context, act, reference)

    assert (await led(reference="Questionnaire/a"))["id"] == "a"
    assert (await led(reference=f"{context.base_url}/Questionnaire/a"))["id"] == "a"
    assert (await led(reference=URL))["id"] == "a"
    assert (await led(identifier={"value": "1"}))["id"] == "a"
    assert await led(reference="https://other.example/Questionnaire/a") is None
    assert await led(display="a") is None
    with pytest.raises(Missing) as caught:
        await led(reference="Patient/a")
    assert caught.value.issues[0].slug == "questionnaire-unknown"


async def test_by_id(put, context, act):
    await put(form("a"))
    assert (await forms.of_id(context, act, "a"))["url"] == URL
    with pytest.raises(Missing):
        await forms.of_id(context, act, "b")
    await delete(context, act, "Questionnaire", "a")
    with pytest.raises(Gone):
        await forms.of_id(context, act, "a")
