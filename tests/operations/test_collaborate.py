"""CollaboRATE figures of an agency, its teams and its clinicians, asked of a store."""

from __future__ import annotations

import pytest

from service.access.callers import Caller
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Forbidden, Gone, Malformed, Missing
from service.fhir.search.sight import Sight
from service.interactions.context import Act
from service.interactions.delete import delete
from service.operations import collaborate
from service.operations.operation import Call
from tests.interactions.builders import body
from tests.operations.rated_agency import OURS, encounter, organization, rated, refer, response, stored, told

MASKED = "masked"
FOUR = {"questionnaire": f"{OURS}/Questionnaire/collaborate-0-4"}


@pytest.fixture
def put(context, act):
    async def putting(*resources):
        await stored(context, act, *resources)

    return putting


@pytest.fixture
def ask(context, act):
    """Asks of an organisation, and gives the answer."""

    async def asking(id_="camhs", /, **pairs):
        inputs = read_inputs(collaborate.OPERATION.inputs, list(pairs.items()), None)
        answer = await collaborate.collaborate(context, act, Call("Organization", id_, inputs))
        assert answer.status == 200
        return body(answer)

    return asking


@pytest.fixture
def nine(ask):
    """Asks, and gives what is said of the scale 0 to 9."""

    async def asking(id_="camhs", /, **pairs):
        ten_points, five_points = told(await ask(id_, **pairs))["scale"]
        assert (ten_points["scale"], five_points["scale"]) == ("scale-0-9", "scale-0-4")
        return ten_points

    return asking


def row(found):
    """Encounters, top score and mean; or that they are not shown."""
    if "absent-reason" in found:
        assert not {"encounters", "top-score", "mean", "completeness", "counted"} & found.keys()
        return found["absent-reason"]["code"]
    share = found["top-score"]
    return f"{found['encounters']}: {share.get('comparator', '')}{share['value']} % {found['mean']}"


def rows(found, kind):
    return {each["who"]["reference"].partition("/")[2]: row(each) for each in found.get(kind, ())}


async def test_figures_of_an_agency(put, ask):
    await put(organization("camhs"), *rated(12), *rated(14, items="8 8 8"), *rated(1, items="9 - 9"))
    answer = told(await ask())
    assert answer == {
        "organization": refer("Organization/camhs"),
        "least-encounters": 25,
        "least-young-people": 5,
        "scale": [
            {
                "scale": "scale-0-9",
                "counted": {"start": "2023-03-01", "end": "2023-03-31"},
                "encounters": 25,
                "top-score": {"value": 46, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
                "mean": answer["scale"][0]["mean"],
                "completeness": {
                    "value": 96,
                    "unit": "%",
                    "system": "http://unitsofmeasure.org",
                    "code": "%",
                },
            },
            {
                "scale": "scale-0-4",
                "absent-reason": {
                    "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
                    "code": "masked",
                    "display": "Masked",
                },
            },
        ],
    }
    assert str(answer["scale"][0]["mean"]) == "8.5"


@pytest.mark.parametrize(("encounters", "said"), [(24, MASKED), (25, "25: <20 % 8.0"), (0, MASKED)])
async def test_from_25_complete_encounters_up(put, nine, encounters, said):
    await put(organization("camhs"), *rated(encounters, items="8 8 8"), *rated(9, items="9 9 -"))
    assert row(await nine()) == said


@pytest.mark.parametrize(("people", "said"), [(1, MASKED), (4, MASKED), (5, "40: >87 % 9.0")])
async def test_many_encounters_of_few_young_people_are_nobody_s_figures(put, nine, people, said):
    made = rated(40)
    for number, answers in enumerate(made[1::2]):
        answers["subject"] = refer(f"Patient/child{number % people}")
    await put(organization("camhs"), *made)
    assert row(await nine()) == said


async def test_scales_are_never_put_together(put, ask):
    await put(organization("camhs"), *rated(24), *rated(24, items="4 4 4", **FOUR))
    assert [row(each) for each in told(await ask())["scale"]] == [MASKED, MASKED]
    await put(*rated(1, items="0 0 0"), *rated(2, items="3 3 3", **FOUR))
    assert [row(each) for each in told(await ask())["scale"]] == ["25: >80 % 8.6", "25: >80 % 3.9"]


async def test_encounters_count_not_responses(put, nine):
    made = rated(24)
    of_one = made[1]
    again = {**of_one, "id": "again", "authored": "2023-03-12", "source": refer("RelatedPerson/mum")}
    await put(organization("camhs"), *made, again, {**again, "id": "and-again"})
    assert row(await nine()) == MASKED
    await put(*rated(1, items="0 0 0"))
    # Of one encounter the young person's own answers count, whatever the mother's are.
    assert row(await nine()) == "25: >80 % 8.6"


async def test_what_does_not_count(put, nine):
    await put(
        organization("camhs"),
        organization("school"),
        *rated(25),
        *rated(30, at="school", items="0 0 0"),
        *rated(30, at=None, items="0 0 0"),
        *rated(5, items="0 0 0", status="in-progress"),
        *rated(5, items="0 0 0", status="entered-in-error"),
        *rated(5, items="0 0 0", questionnaire=f"{OURS}/Questionnaire/other"),
        encounter("wrong", "camhs", status="entered-in-error"),
        response("wrong", "0 0 0", "child-wrong"),
        response("nowhere", "0 0 0", "child-nowhere"),
        {**response("x", "0 0 0", "child-x"), "encounter": {"display": "one that is not said"}},
    )
    assert row(await nine()) == "25: >80 % 9.0"


async def test_only_months_that_are_over_count(put, nine, clock):
    await put(organization("camhs"), *rated(25), *rated(30, items="0 0 0", authored="2023-11-10T10:00:00Z"))
    assert row(await nine()) == "25: >80 % 9.0"  # it is 14 November 2023
    clock.now = 1_701_388_799_000  # 23:59:59 on 30 November, a minute before
    assert row(await nine()) == "25: >80 % 9.0"
    clock.now = 1_701_388_800_000  # December
    assert row(await nine()) == "55: 45 % 4.1"


async def test_a_month_is_over_by_the_day_in_the_uk(put, nine, clock):
    await put(organization("camhs"), *rated(25, authored="2024-06-30"))
    clock.now = 1_719_788_399_000  # 23:59:59 in summer time
    assert row(await nine()) == MASKED
    clock.now = 1_719_788_400_000  # midnight of the first of July, an hour before that of UTC
    assert row(await nine()) == "25: >80 % 9.0"


async def test_a_period_counts_whole_stretches(put, ask, nine):
    await put(
        organization("camhs"),
        *rated(30, items="9 9 9", authored="2023-01-31"),
        *rated(20, items="8 8 8", authored="2023-02-01"),
        *rated(20, items="7 7 7", authored="2023-03-31"),
        *rated(3, items="0 0 0", authored="2023-04-01"),
    )
    assert row(await nine()) == "70: 43 % 8.1"
    assert row(await nine(end="2023-01-31")) == "30: >83 % 9.0"
    assert row(await nine(end="2023-02")) == "30: >83 % 9.0"
    assert row(await nine(start="2023-02", end="2023-02-28")) == MASKED
    assert row(await nine(start="2023-02-01")) == "40: <13 % 7.5"
    assert row(await nine(start="2023-03")) == MASKED
    assert row(await nine(start="2023")) == "70: 43 % 8.1"
    assert row(await nine(start="2024", end="2024")) == MASKED
    answer = told(await ask(start="2023-01", end="2023-04-30"))
    assert answer["period"] == {"start": "2023-01-01", "end": "2023-04-30"}
    assert answer["scale"][0]["counted"] == {"start": "2023-01-01", "end": "2023-03-31"}


async def test_by_clinician(put, nine):
    await put(
        organization("camhs"),
        *rated(60, by="ash", items="9 9 9"),
        *rated(30, by="elm", items="6 6 6"),
        *rated(1, by="fir", items="0 0 0"),
        *rated(24, by="oak", items="5 5 5"),
    )
    found = await nine(by="clinician")
    assert row(found) == "115: 52 % 7.3"
    assert rows(found, "clinician") == {
        "ash": "60: >91 % 9.0",
        "elm": "30: <17 % 6.0",
        "fir": MASKED,
        "oak": MASKED,
    }
    # The two with too few are 25 together. A figure by name is that of the row.
    for name, said in rows(found, "clinician").items():
        alone = await nine(clinician=f"Practitioner/{name}")
        assert (row(alone), alone["unit"]) == (said, refer(f"Practitioner/{name}"))
    assert row(await nine(clinician="Practitioner/nobody")) == MASKED


async def test_what_is_left_of_a_breakdown_is_not_to_be_worked_out(put, nine):
    await put(
        organization("camhs"),
        *rated(60, by="ash", items="9 9 9"),
        *rated(30, by="elm", items="6 6 6"),
        *rated(1, by="fir", items="0 0 0"),
    )
    found = await nine(by="clinician")
    assert row(found) == "90: 66 % 7.9"
    assert rows(found, "clinician") == {"ash": "60: >91 % 9.0", "elm": MASKED, "fir": MASKED}
    assert row(await nine(clinician="Practitioner/elm")) == MASKED


async def test_encounters_of_several_clinicians_are_of_none(put, nine):
    made = rated(25, by="ash", items="0 0 0")
    for held in made[::2]:
        held["participant"].append({"individual": refer("Practitioner/elm")})
    await put(organization("camhs"), *rated(30, by="ash"), *made)
    found = await nine(by="clinician")
    assert row(found) == "55: 55 % 4.9"
    assert rows(found, "clinician") == {"ash": "30: >83 % 9.0"}


async def test_a_clinician_by_role(put, nine):
    role = {"resourceType": "PractitionerRole", "id": "role", "practitioner": refer("Practitioner/ash")}
    made = rated(26)
    for number, held in enumerate(made[::2]):
        held["participant"] = [{"individual": refer("PractitionerRole/role")}]
        if number == 0:
            held["participant"].append({"individual": refer("Practitioner/ash")})
    made[2]["participant"].append({"individual": refer("RelatedPerson/mum")})
    await put(organization("camhs"), role, *made)
    assert rows(await nine(by="clinician"), "clinician") == {"ash": "25: >80 % 9.0"}


async def test_a_clinician_by_a_role_that_is_not_known(put, nine):
    made = rated(30)
    for held in made[::2]:
        held["participant"] = [{"individual": refer("PractitionerRole/gone")}]
    await put(organization("camhs"), *made)
    found = await nine(by="clinician")
    assert row(found) == "30: >83 % 9.0"
    assert "clinician" not in found


async def test_teams_that_are_parts_of_the_agency(put, nine):
    await put(
        organization("camhs"),
        organization("north", "camhs"),
        organization("north-east", "north"),
        organization("south", "camhs"),
        *rated(40, at="camhs", items="9 9 9"),
        *rated(20, at="north", items="8 8 8"),
        *rated(10, at="north-east", items="6 6 6"),
        *rated(25, at="south", items="0 0 0"),
    )
    found = await nine(by="team")
    assert row(found) == "95: 42 % 6.1"
    assert rows(found, "team") == {"north": "30: <17 % 7.3", "south": "25: <20 % 0.0"}
    assert row(await nine(team="Organization/south")) == "25: <20 % 0.0"
    assert row(await nine("south")) == "25: <20 % 0.0"
    assert row(await nine("north")) == "30: <17 % 7.3"
    # What is not directly a part is no team here; and as an organisation it is too small.
    assert row(await nine(team="Organization/north-east")) == MASKED
    assert row(await nine("north-east")) == MASKED


async def test_a_part_of_an_agency_gives_away_no_more_than_its_row(put, nine):
    await put(
        organization("camhs"),
        organization("north", "camhs"),
        organization("south", "camhs"),
        *rated(40, at="north"),
        *rated(1, at="south", items="0 0 0"),
    )
    assert row(await nine()) == "40: >87 % 8.8"
    assert rows(await nine(by="team"), "team") == {"north": MASKED, "south": MASKED}
    assert row(await nine("north")) == MASKED
    assert row(await nine("north", by="clinician")) == MASKED
    assert row(await nine("north", clinician="Practitioner/rowan")) == MASKED


async def test_teams_of_staff_by_the_episode(put, nine):
    def episode(id_, *teams, **more):
        return {
            "resourceType": "EpisodeOfCare",
            "id": id_,
            "managingOrganization": refer("Organization/camhs"),
            "team": [refer(f"CareTeam/{team}") for team in teams],
            **more,
        }

    def of_episode(made, id_):
        for held in made[::2]:
            held["episodeOfCare"] = [refer(f"EpisodeOfCare/{id_}")]
        return made

    staff = {"resourceType": "CareTeam", "id": "staff"}
    around = {"resourceType": "CareTeam", "id": "around-kim", "subject": refer("Patient/kim")}
    elsewhere = episode("elsewhere", managingOrganization=refer("Organization/school"))
    await put(
        organization("camhs"),
        organization("school"),
        staff,
        around,
        {"resourceType": "CareTeam", "id": "other"},
        episode("one", "staff", "around-kim"),
        episode("two", "staff", "other"),
        elsewhere,
        *of_episode(rated(30), "one"),
        # An encounter that does not say who held it is of the episode's agency.
        *of_episode(rated(30, at=None, items="6 6 6"), "one"),
        *of_episode(rated(30, items="0 0 0"), "two"),
        *of_episode(rated(30, at=None, items="0 0 0"), "elsewhere"),
    )
    found = await nine(by="team")
    assert row(found) == "90: 33 % 5.0"
    assert rows(found, "team") == {"staff": "60: 50 % 7.5"}
    assert row(await nine(team="CareTeam/staff")) == "60: 50 % 7.5"
    assert row(await nine(team="CareTeam/around-kim")) == MASKED


@pytest.mark.parametrize(
    ("pairs", "slug"),
    [
        ({"start": "2023-03-02"}, "collaborate-period"),
        ({"end": "2023-03-30"}, "collaborate-period"),
        ({"start": "2023-04", "end": "2023-03"}, "operation-period-inverted"),
        ({"start": "spring"}, "operation-parameter-type"),
        ({"by": "clinician", "clinician": "Practitioner/ash"}, "collaborate-units"),
        ({"by": "team", "clinician": "Practitioner/ash"}, "collaborate-units"),
        ({"team": "Organization/north", "clinician": "Practitioner/ash"}, "collaborate-units"),
        ({"by": "child"}, "operation-parameter-value"),
        ({"clinician": "Patient/kim"}, "operation-parameter-value"),
        ({"clinician": "ash"}, "operation-parameter-value"),
        ({"team": "Practitioner/ash"}, "operation-parameter-value"),
        ({"team": "Patient/kim"}, "operation-parameter-value"),
    ],
)
async def test_what_cannot_be_asked(put, ask, pairs, slug):
    await put(organization("camhs"))
    with pytest.raises(Malformed) as refused:
        await ask(**pairs)
    assert refused.value.issues[0].slug == slug


async def test_an_organisation_that_is_not_here(put, ask, context, act):
    with pytest.raises(Missing):
        await ask("nowhere")
    await put(organization("closed"))
    await delete(context, act, "Organization", "closed")
    with pytest.raises(Gone):
        await ask("closed")


async def test_nobody_s_answers_are_in_an_answer(put, context, act, ask):
    await put(organization("camhs"), *rated(30))
    shown = str(await ask(by="clinician"))
    assert "Patient/" not in shown
    assert "Encounter/" not in shown
    assert "QuestionnaireResponse/" not in shown


async def test_another_locality_sees_nothing(put, context, elsewhere, act, ask):
    await put(organization("camhs"), *rated(30))
    await stored(context, elsewhere, organization("camhs"), *rated(3))
    inputs = read_inputs(collaborate.OPERATION.inputs, [], None)
    answer = await collaborate.collaborate(context, elsewhere, Call("Organization", "camhs", inputs))
    assert [row(each) for each in told(body(answer))["scale"]] == [MASKED, MASKED]


async def test_an_agency_is_told_its_own_figures_alone_whoever_wrote_the_answers(
    put, context, act, localities
):
    """Figures of many are of all that there are: of what each sees, they would differ from one to another by few."""
    await put(organization("camhs"), organization("east", "camhs"), organization("other"), *rated(30))
    inputs = read_inputs(collaborate.OPERATION.inputs, [], None)

    async def ask_as(agency, id_="camhs", **more):
        caller = Caller("their-system", agency, localities[0], **more)
        by = Act(caller, "request-9")
        eyes = context.seen_by(by, Sight(agency, every=caller.administrator))
        answer = await collaborate.collaborate(eyes, by, Call("Organization", id_, inputs))
        return told(body(answer))["scale"][0].get("encounters")

    assert [await ask_as(agency) for agency in ("camhs", "east")] == [30, 30]
    assert await ask_as("other", governance=True) == 30
    assert await ask_as("other", administrator=True) == 30
    with pytest.raises(Forbidden) as refused:
        await ask_as("other")
    assert [issue.slug for issue in refused.value.issues] == ["collaborate-of-another-agency"]
    assert await ask_as("other", "other") is None
