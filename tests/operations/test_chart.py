"""Charts asked of a store, in every format, with everything that can be asked for."""

from __future__ import annotations

import json
from base64 import b64decode
from xml.etree import ElementTree as ET

import pytest

from service.fhir.codec import FHIR_JSON
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Gone, Invalid, Malformed, Missing
from service.interactions.delete import delete
from service.operations import chart
from service.operations.chart import PNG, SVG
from service.operations.operation import Call
from service.storage.store import AuditEntry, Change, Unit
from tests.outcomes.clinic import ASH, BRAMBLE, MUM, about, extension, own, rated_by, rating
from tests.pages.charts.drawings import Picture, named, texts


def goal(id_, slot, child=ASH, status="active", wording="Sleep through the night"):
    return {
        "resourceType": "Goal",
        "id": id_,
        "lifecycleStatus": status,
        "description": {"text": wording},
        "extension": [extension("goal-slot", valuePositiveInt=slot)],
        **about(child),
    }


def missed(id_, when, child=ASH):
    return {
        "resourceType": "Encounter",
        "id": id_,
        "status": "cancelled",
        "class": {"code": "AMB"},
        "period": {"start": when},
        **about(child),
    }


RECORD = (
    {"resourceType": "Patient", "id": "ash"},
    {"resourceType": "Patient", "id": "bramble"},
    goal("g1", 1),
    goal("g2", 2, wording="Get to school <on time> & stay"),
    goal("gone", 3, status="entered-in-error"),
    rating("a", "g1", "2", "2026-03-05", own(1)),
    rating("b", "g1", "6", "2026-03-19", own(1)),
    rating("c", "g1", "4", "2026-03-19", rated_by("parent"), MUM),
    rating("d", "g2", "0", "2026-03-05", own(2)),
    rating("e", "g2", "0.5", "2026-03-26", own(2)),
    rating("f", "gone", "9", "2026-03-26", own(3)),
    missed("m", "2026-03-12T10:00:00Z"),
    missed("n", "2026-03-12T10:00:00Z", BRAMBLE),
)


@pytest.fixture
def put(context, act):
    """Stores resources as they are."""

    async def putting(*resources):
        changes = tuple(
            Change(each["resourceType"], each["id"], "PUT", None, None, each) for each in resources
        )
        entry = AuditEntry("invented", "invented", "update", "request-1")
        await context.store.commit(act.caller.locality, Unit(changes, entry))

    return putting


@pytest.fixture
async def ask(put, context, act):
    await put(*RECORD)

    async def asked(path, *pairs, wanted=SVG, given=None):
        type_, _, id_ = path.partition("/")
        inputs = read_inputs(chart.OPERATION.inputs, pairs, given)
        return await chart.chart(context, act, Call(type_, id_, inputs, wanted=wanted))

    return asked


@pytest.fixture
def draw(ask):
    async def drawn(path, *pairs, **more):
        answer = await ask(path, *pairs, **more)
        assert (answer.status, answer.media) == (200, SVG)
        return ET.fromstring(answer.document)

    return drawn


async def test_a_goal(draw):
    root = await draw("Goal/g1")
    assert "Young person: 2 → 6 (+4)" in texts(root)
    assert "Parent or carer: 4 (rated once)" in texts(root)
    assert "Sleep through the night" in texts(root)
    assert len(named(root, "g", "goal")) == 1
    assert len(named(root, "path", "gap")) == 1


async def test_a_young_person_with_a_panel_a_goal(draw):
    root = await draw("Patient/ash")
    assert [each[0].text for each in named(root, "g", "goal")] == ["Goal 1", "Goal 2"]
    assert "Get to school <on time> & stay" in texts(root)
    assert "Young person: 0 → 0.5 (+0.5)" in texts(root)
    assert "9" not in [text.split()[0] for text in texts(root)]


async def test_nobody_elses_sessions_are_missed(draw):
    assert texts(await draw("Patient/bramble")) == ["No goals to show"]


async def test_png(ask):
    answer = await ask("Goal/g1", ("width", "400"), ("height", "360"), ("scale", "2"), wanted=PNG)
    assert answer.media == PNG
    picture = Picture(answer.document, 1)
    assert (picture.width, answer.status) == (800, 200)


@pytest.mark.parametrize("wanted", [FHIR_JSON, "application/json", "text/json"])
async def test_a_binary_where_json_is_wanted(ask, wanted):
    answer = await ask("Goal/g1", wanted=wanted)
    assert answer.media == ""
    binary = json.loads(answer.document)
    assert (binary["resourceType"], binary["contentType"]) == ("Binary", SVG)
    assert binary["securityContext"] == {"reference": "Goal/g1"}
    assert b64decode(binary["data"]) == (await ask("Goal/g1")).document


async def test_a_binary_with_a_png(ask, context, validator):
    binary = json.loads((await ask("Patient/ash", ("contentType", PNG), wanted=FHIR_JSON)).document)
    assert binary["contentType"] == PNG
    assert b64decode(binary["data"])[:4] == b"\x89PNG"
    assert validator.check(binary) == []


async def test_a_goal_that_was_entered_in_error_has_no_chart(draw):
    assert texts(await draw("Goal/gone")) == ["No goals to show"]


async def test_without_titles(draw):
    root = await draw("Patient/ash", ("titles", "false"))
    assert "night" not in ET.tostring(root, encoding="unicode")
    assert "night" in ET.tostring(await draw("Patient/ash", ("titles", "true")), encoding="unicode")


async def test_whose_ratings(draw):
    root = await draw("Goal/g1", ("rater", "parent-or-carer"))
    assert [each.get("class") for each in named(root, "g", "marks")] == ["marks parent-or-carer"]
    both = await draw("Goal/g1", ("rater", "parent-or-carer"), ("rater", "young-person"))
    assert len(named(both, "g", "marks")) == 2


async def test_which_days(draw):
    root = await draw("Goal/g1", ("start", "2026-03-06"), ("end", "2026-03"))
    assert "Young person: 6 (rated once)" in texts(root)


async def test_language_palette_and_size(draw):
    root = await draw(
        "Goal/g1", ("locale", "cy"), ("palette", "greyscale"), ("width", "500"), ("height", "444")
    )
    assert "Nod 1" in texts(root)
    assert (root.get("width"), root.get("height")) == ("500", "444")
    assert "#0072b2" not in ET.tostring(root, encoding="unicode")


async def test_what_is_asked_in_a_body(draw):
    given = {
        "resourceType": "Parameters",
        "parameter": [{"name": "width", "valuePositiveInt": 500}, {"name": "titles", "valueBoolean": False}],
    }
    root = await draw("Goal/g1", given=given)
    assert root.get("width") == "500"
    assert "Sleep through the night" not in texts(root)


@pytest.mark.parametrize(
    ("pairs", "slug"),
    [
        ([("width", "319")], "chart-size"),
        ([("width", "2001")], "chart-size"),
        ([("height", "199")], "chart-size"),
        ([("height", "8001")], "chart-size"),
        ([("height", "250")], "chart-size"),
        ([("scale", "0")], "chart-size"),
        ([("scale", "5")], "chart-size"),
        ([("locale", "xx")], "operation-parameter-value"),
        ([("palette", "rainbow")], "operation-parameter-value"),
        ([("rater", "teacher")], "operation-parameter-value"),
        ([("contentType", "image/gif")], "operation-parameter-value"),
        ([("start", "soon")], "operation-parameter-type"),
        ([("start", "2026-04"), ("end", "2026-03")], "operation-period-inverted"),
    ],
)
async def test_what_cannot_be_drawn_so(ask, pairs, slug):
    with pytest.raises(Malformed) as caught:
        await ask("Patient/ash", *pairs)
    assert caught.value.issues[0].slug == slug


@pytest.mark.parametrize(
    "pairs", [[("width", "320")], [("width", "2000"), ("height", "8000")], [("scale", "4")]]
)
async def test_bounds_are_within(draw, pairs):
    await draw("Patient/ash", *pairs)


async def test_a_picture_of_too_many_pixels(ask):
    pairs = [("width", "2000"), ("height", "2000"), ("scale", "3")]
    with pytest.raises(Malformed) as caught:
        await ask("Patient/ash", *pairs, wanted=PNG)
    assert caught.value.issues[0].slug == "chart-size"
    # SVG has none.
    assert (await ask("Patient/ash", *pairs)).status == 200


async def test_so_many_goals_that_it_is_no_one_person(ask, put, monkeypatch):
    monkeypatch.setattr(chart, "MOST_PANELS", 2)
    assert (await ask("Patient/ash")).status == 200
    await put(goal("g4", 3))
    with pytest.raises(Invalid) as caught:
        await ask("Patient/ash")
    assert caught.value.issues[0].slug == "chart-too-many-goals"


async def test_who_or_what_is_not_there(ask, context, act):
    for path in ("Patient/nobody", "Goal/none"):
        with pytest.raises(Missing):
            await ask(path)
    await delete(context, act, "Goal", "g2")
    with pytest.raises(Gone):
        await ask("Goal/g2")
