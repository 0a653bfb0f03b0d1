"""Entries of batches and transactions take the scopes of their interactions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.needs import InsufficientScope, Need, Needs
from service.access.scopes import read_scopes
from service.interactions.context import Act, Context
from service.interactions.entries import read_entries
from service.interactions.read import read
from service.interactions.search import search
from service.interactions.searching import setting_of
from service.interactions.transaction import bundle as carry_out
from service.interactions.transaction import rehearse
from tests.interactions.builders import body, bundle, criteria, entries, entry, goal, patient, statuses, urn
from tests.interactions.transactions import put


def with_scopes(context: Context, act: Act, text: str) -> Act:
    return Act(replace(act.caller, scopes=read_scopes(setting_of(context), text)), act.request_id)


async def test_entry_takes_what_its_interaction_takes(bare):
    given = [
        (entry("POST", "Goal", goal()), "Goal", "c"),
        (entry("POST", "Goal", goal(), ifNoneExist="_tag=a"), "Goal", "cs"),
        (entry("PUT", "Goal/g", goal(id="g")), "Goal", "u"),
        (entry("PUT", "Goal?_tag=a", goal()), "Goal", "us"),
        (entry("PATCH", "Goal/g", {"resourceType": "Parameters"}), "Goal", "u"),
        (entry("DELETE", "Goal/g"), "Goal", "d"),
        (entry("DELETE", "Goal?_tag=a"), "Goal", "ds"),
        (entry("GET", "Goal/g"), "Goal", "r"),
        (entry("HEAD", "Goal/g/_history/1"), "Goal", "r"),
        (entry("GET", "Goal/g/_history"), "Goal", "r"),
        (entry("GET", "Goal/_history"), "Goal", "s"),
        (entry("GET", "Goal?_tag=a"), "Goal", "s"),
        (entry("GET", "Patient/p/Goal"), "Goal", "s"),
        (entry("GET", "Patient/p/*"), "", "s"),
        (entry("GET", "_history"), "", "s"),
    ]
    reading = await read_entries(bare, bundle(*(one for one, _, _ in given), type_="batch"))
    assert not reading.faults.by_entry()
    expected = [Needs((Need(type_, letters),)) for _, type_, letters in given]
    assert [one.needs for one in reading.entries] == expected


async def test_entry_of_a_batch_that_the_token_does_not_allow_is_refused_alone(context, act):
    await put(context, act, "p1")
    narrow = with_scopes(context, act, "system/Patient.rs system/Goal.c")
    answer = await carry_out(
        context,
        narrow,
        bundle(
            entry("POST", "Goal", goal()),
            entry("PUT", "Patient/p1", patient("9", id="p1")),
            entry("GET", "Patient/p1"),
            entry("GET", "Goal?_count=1"),
            type_="batch",
        ),
        representation=True,
    )
    assert statuses(answer) == ["201 Created", "403 Forbidden", "200 OK", "403 Forbidden"]
    created, refused, read_, _ = entries(answer)
    assert "resource" not in created  # who may not read it is not shown it
    [issue] = refused["response"]["outcome"]["issue"]
    assert issue["details"]["coding"][0]["code"] == "insufficient-scope"
    assert read_["resource"]["id"] == "p1"
    assert (await read(context, act, "Patient", "p1")).stored.version == 1


@pytest.mark.parametrize("carried", [carry_out, rehearse])
async def test_transaction_of_which_an_entry_is_not_allowed_is_refused_before_anything_is_looked_at(
    context, act, carried
):
    narrow = with_scopes(context, act, "system/Patient.c system/Goal.c")
    given = bundle(
        entry("POST", "Patient", patient("2"), full_url=urn(1)),
        entry("PUT", "Patient/never", patient("3", id="never"), ifMatch='W/"4"'),
        entry("POST", "Goal", goal(subject="Patient/nobody"), ifNoneExist="_tag=a"),
        entry("PUT", "Patient/too", patient("5", id="too")),
    )
    with pytest.raises(InsufficientScope) as refusal:
        await carried(context, narrow, given)
    assert refusal.value.needed == "system/Patient.u system/Goal.cs"
    assert [(issue.slug, issue.expression) for issue in refusal.value.issues] == [
        ("insufficient-scope", f"Bundle.entry[{index}].request") for index in (1, 2, 3)
    ]
    assert body(await search(context, act, "Patient", [("_total", "accurate")]))["total"] == 0


async def test_transaction_whose_reading_is_not_allowed_is_refused_too(context, act):
    narrow = with_scopes(context, act, "system/Patient.c")
    given = bundle(entry("POST", "Patient", patient("2")), entry("GET", "Patient?" + criteria("1")))
    with pytest.raises(InsufficientScope) as refusal:
        await carry_out(context, narrow, given)
    assert refusal.value.needed == "system/Patient.s"


async def test_what_is_stored_is_shown_to_those_who_may_read_it(context, act):
    for text, shown in (("system/Patient.cr", True), ("system/Patient.c", False)):
        narrow = with_scopes(context, act, text)
        answer = await carry_out(
            context, narrow, bundle(entry("POST", "Patient", patient("2"))), representation=True
        )
        assert ("resource" in entries(answer)[0]) is shown
