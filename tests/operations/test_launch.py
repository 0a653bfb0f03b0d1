"""What a form is opened with, and who is at the keyboard."""

from __future__ import annotations

import pytest

from service.interactions.delete import delete
from service.interactions.update import update
from service.operations.launch import Launch, read_launch


def named(name, *contents):
    return [{"name": "name", "valueString": name}, *({"name": "content", **content} for content in contents)]


def referring(text):
    return {"valueReference": {"reference": text}}


def locate(text):
    type_, _, id_ = text.partition("/")
    return type_, id_


@pytest.fixture
async def staff(context, act):
    await update(context, act, "Practitioner", "kit", {"resourceType": "Practitioner", "id": "kit"})


@pytest.mark.usefixtures("staff")
async def test_what_is_sent_and_what_is_stored_here(context, act):
    patient = {"resourceType": "Patient", "id": "ash"}
    given = [named("patient", {"resource": patient}), named("user", referring("Practitioner/kit"))]
    launch = await read_launch(context, act, given)
    assert launch.issues == ()
    assert launch.resource("patient") == patient
    assert launch.resource("user")["resourceType"] == "Practitioner"
    assert launch.reference("user") == {"reference": "Practitioner/kit"}
    assert launch.reference("encounter") is None


@pytest.mark.usefixtures("staff")
@pytest.mark.parametrize(
    "given",
    [
        [{"name": "content", **referring("Practitioner/kit")}],
        named("user", referring("Practitioner/nobody")),
        named("user", referring("https://other.example/Practitioner/kit")),
        named("user", {"valueReference": {"display": "kit"}}),
        named("user", {"valueString": "kit"}),
    ],
)
async def test_what_leads_nowhere_is_passed_over_and_told_of(context, act, given):
    launch = await read_launch(context, act, [given])
    assert launch.resources == {}
    [issue] = launch.issues
    assert (issue.severity, issue.slug) == ("information", "populate-context")


@pytest.mark.usefixtures("staff")
async def test_the_first_of_a_name_counts(context, act):
    given = named(
        "user", referring("Practitioner/kit"), {"resource": {"resourceType": "Patient", "id": "ash"}}
    )
    launch = await read_launch(context, act, [given])
    assert launch.reference("user") == {"reference": "Practitioner/kit"}
    assert len(launch.issues) == 1


@pytest.mark.usefixtures("staff")
async def test_what_was_deleted_or_is_of_another_locality_is_not_there(context, act, elsewhere):
    given = [named("user", referring("Practitioner/kit"))]
    assert (await read_launch(context, elsewhere, given)).resources == {}
    await delete(context, act, "Practitioner", "kit")
    assert (await read_launch(context, act, given)).resources == {}


@pytest.mark.parametrize(
    ("type_", "roles"),
    [
        # Who answers for themselves writes it down as well.
        ("Patient", {"author", "source"}),
        ("RelatedPerson", {"author", "source"}),
        # Staff may only write down what somebody else says.
        ("Practitioner", {"author"}),
        ("PractitionerRole", {"author"}),
        ("Organization", set()),
    ],
)
def test_who_writes_and_who_answers(type_, roles):
    launch = Launch({"user": {"resourceType": type_, "id": "1"}}, ())
    assert launch.authorship() == {role: {"reference": f"{type_}/1"} for role in roles}
    assert launch.who(locate) == ((type_, "1") if roles else None)


def test_a_user_without_id_is_nobody():
    launch = Launch({"user": {"resourceType": "Patient"}}, ())
    assert launch.authorship() == {}
    assert launch.who(locate) is None
    assert Launch({}, ()).who(locate) is None
