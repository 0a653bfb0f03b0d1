"""Every encounter of an agency that was rated, from the store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.fhir.problems import Invalid, Malformed
from service.interactions.delete import delete
from service.operations import collaborated
from service.operations.collaborated import Agency, agency_of, rated_encounters
from tests.operations.rated_agency import encounter, organization, rated, refer, response, score, stored

CAMHS = Agency("camhs", {})
# camhs: north (north-east, north-west), south
TREE = Agency("camhs", {"north": "camhs", "north-east": "north", "north-west": "north", "south": "camhs"})


@pytest.fixture
def put(context, act):
    async def putting(*resources):
        await stored(context, act, *resources)

    return putting


@pytest.fixture
def sources(context, act):
    """The ids of the responses and scores of an agency's rated encounters, in order."""

    async def asking(agency=CAMHS):
        return sorted(each.source[1] for each in await rated_encounters(context, act, agency))

    return asking


@pytest.mark.parametrize(
    ("id_", "path"),
    [
        ("camhs", ()),
        ("north", ("north",)),
        ("north-east", ("north", "north-east")),
        ("school", ()),
    ],
)
def test_the_way_down_to_a_part(id_, path):
    assert TREE.path(id_) == path


@pytest.mark.parametrize(
    ("provider", "of", "branch"),
    [
        ("north", "camhs", "north"),
        ("north-east", "camhs", "north"),
        ("north-east", "north", "north-east"),
        ("camhs", "camhs", None),
        ("south", "north", None),
        ("north", "north", None),
        ("school", "camhs", None),
    ],
)
def test_the_branch_that_a_provider_is_in(provider, of, branch):
    assert TREE.branch(provider, of) == branch


def test_what_an_agency_holds():
    assert all(TREE.holds(id_) for id_ in ("camhs", "south", "north-west"))
    assert not TREE.holds("school")


def test_organisations_in_a_circle_have_an_end():
    circle = Agency("a", {"b": "c", "c": "b"})
    assert circle.branch("b", "a") is None
    assert circle.path("c") == ("b", "c")


async def test_the_agency_of_a_part(put, context, act):
    await put(
        organization("camhs"),
        organization("north", "camhs"),
        organization("north-east", "north"),
        organization("school"),
    )
    for id_ in ("camhs", "north", "north-east"):
        assert await agency_of(context, act, id_) == Agency(
            "camhs", {"north": "camhs", "north-east": "north"}
        )
    assert await agency_of(context, act, "school") == Agency("school", {})


async def test_an_agency_whose_whole_is_not_here(put, context, act):
    await put(organization("trust"), organization("camhs", "trust"), organization("north", "camhs"))
    await delete(context, act, "Organization", "trust")
    assert await agency_of(context, act, "north") == Agency("camhs", {"north": "camhs"})
    await put({**organization("lone"), "partOf": refer("https://elsewhere.example/Organization/trust")})
    assert await agency_of(context, act, "lone") == Agency("lone", {})


async def test_organisations_that_are_part_of_each_other(put, context, act):
    await put(organization("a", "b"), organization("b", "a"))
    found = await agency_of(context, act, "a")
    assert found.root in {"a", "b"}
    assert {found.root, *found.parents} == {"a", "b"}


async def test_many_pages(put, sources, monkeypatch):
    monkeypatch.setattr(collaborated, "STEP", 2)
    monkeypatch.setattr(collaborated, "_READ_AT_ONCE", 2)
    made = rated(7)
    await put(*made, *rated(3, at="school"))
    assert await sources() == sorted(each["id"] for each in made[1::2])


@pytest.mark.parametrize("most", [4, 5])
async def test_more_than_one_agency_s(put, sources, monkeypatch, most):
    monkeypatch.setattr(collaborated, "STEP", 2)
    monkeypatch.setattr(collaborated, "MOST", 4)
    await put(*rated(most))
    if most == 4:
        assert len(await sources()) == 4
        return
    with pytest.raises(Invalid) as refused:
        await sources()
    assert refused.value.issues[0].slug == "collaborate-too-many"


async def test_scores_count_where_their_response_is_not_here(put, sources):
    derived = {"derivedFrom": [refer("QuestionnaireResponse/s1-answers")]}
    elsewhere = {"derivedFrom": [refer("https://elsewhere.example/QuestionnaireResponse/1")]}
    await put(
        *(encounter(f"s{number}") for number in range(1, 5)),
        response("s1"),
        score("s1", **derived),
        score("s2", **elsewhere),
        score("s3"),
        # Its response is here, and was entered in error: so there is nothing to count.
        response("s4", status="entered-in-error"),
        score("s4", derivedFrom=[refer("QuestionnaireResponse/s4-answers")]),
    )
    assert await sources() == ["s1-answers", "s2-score", "s3-score"]


async def test_a_response_that_was_deleted(put, sources, context, act):
    await put(encounter("s1"), encounter("s2"), response("s1"), response("s2"))
    await delete(context, act, "QuestionnaireResponse", "s1-answers")
    assert await sources() == ["s2-answers"]


async def test_whose_an_encounter_was(put, context, act):
    await put(
        organization("camhs"),
        organization("north", "camhs"),
        {"resourceType": "PractitionerRole", "id": "role", "practitioner": refer("Practitioner/sage")},
        {"resourceType": "CareTeam", "id": "staff"},
        {
            "resourceType": "EpisodeOfCare",
            "id": "one",
            "managingOrganization": refer("Organization/camhs"),
            "team": [refer("CareTeam/staff"), refer("CareTeam/gone")],
        },
        encounter("s1", "north", "PractitionerRole/role", "RelatedPerson/mum"),
        encounter(
            "s2", None, "Practitioner/rowan", "Practitioner/sage", episodeOfCare=[refer("EpisodeOfCare/one")]
        ),
        encounter("s3", "camhs", "Practitioner/rowan"),
        *(response(f"s{number}") for number in (1, 2, 3)),
    )
    found = await rated_encounters(context, act, await agency_of(context, act, "north"))
    whose = {each.encounter[1]: (each.provider, each.team, each.clinician) for each in found}
    assert whose == {
        "s1": ("north", None, ("Practitioner", "sage")),
        "s2": ("camhs", ("CareTeam", "staff"), None),
        "s3": ("camhs", None, ("Practitioner", "rowan")),
    }


async def test_nothing_is_counted_while_an_index_is_incomplete(put, context, act):
    async def pending():
        return lambda type_: frozenset({"encounter"} if type_ == "QuestionnaireResponse" else ())

    class Reindexing:
        """The store while responses are not all found by their encounter yet."""

        def __init__(self, store):
            self.pending = pending
            self.search = store.search
            self.read_many = store.read_many

    await put(*rated(3))
    with pytest.raises(Malformed):
        await rated_encounters(replace(context, store=Reindexing(context.store)), act, CAMHS)
