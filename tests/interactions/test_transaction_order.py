"""What comes of a transaction does not depend on the order of its entries."""

from __future__ import annotations

import itertools

from service.interactions.read import read
from service.interactions.search import search
from tests.interactions.builders import body, criteria, entries, entry, goal, ids, patient, urn
from tests.interactions.transactions import put, run

# 39 of the 5,040 orders of seven entries: enough to put each before and behind each other.
ORDERS = list(itertools.islice(itertools.permutations(range(7)), 0, None, 131))


def given(number):
    """Seven entries that hang together, about resources that only this number knows."""
    one, two, three = (f"{number}-{kind}" for kind in ("one", "two", "three"))
    return [
        entry("DELETE", f"Patient?{criteria(one)}"),
        entry("POST", "Patient", patient(one), urn(1), ifNoneExist=criteria(one)),
        entry("PUT", f"Patient?{criteria(two)}", patient(two, gender="other"), urn(2)),
        entry("PUT", f"Patient/n{number}", patient(three, id=f"n{number}"), urn(3)),
        entry(
            "POST",
            "Goal",
            goal(urn(1), note=[{"text": "x", "authorReference": {"reference": urn(2)}}]),
            urn(4),
        ),
        entry("POST", "Goal", goal(f"Patient?{criteria(three)}"), urn(5)),
        entry("GET", f"Patient?identifier={two},{one}"),
    ]


async def outcome(context, act, number, order):
    """What the entries came to in the order in which `given` has them, ids named after their entries."""
    await put(context, act, f"old{number}", f"{number}-one")
    await put(context, act, f"two{number}", f"{number}-two")
    sent = given(number)
    answer = await run(context, act, *(sent[index] for index in order))
    responses = dict(zip(order, entries(answer), strict=True))
    made = {responses[index]["response"]["location"].split("/")[1]: f"<{index}>" for index in (1, 2, 3)}
    subjects = []
    for index in (4, 5):
        id_ = responses[index]["response"]["location"].split("/")[1]
        stored = body(await read(context, act, "Goal", id_))
        links = [stored["subject"], *(note["authorReference"] for note in stored.get("note", []))]
        subjects.append([made[link["reference"].removeprefix("Patient/")] for link in links])
    found = responses[6]["resource"]["entry"]
    seen = sorted(made[one["resource"]["id"]] for one in found)
    there = [ids(await search(context, act, "Patient", [("identifier", f"{number}-{kind}")]))
             for kind in ("one", "two", "three")]  # fmt: skip
    named = [[made[id_] for id_ in one] for one in there]
    return [responses[index]["response"]["status"] for index in range(7)], subjects, seen, named


async def test_every_order_comes_to_the_same(context, act):
    outcomes = [await outcome(context, act, number, order) for number, order in enumerate(ORDERS)]
    expected = (
        ["204 No Content", "201 Created", "200 OK", "201 Created", "201 Created", "201 Created", "200 OK"],
        [["<1>", "<2>"], ["<3>"]],
        ["<1>", "<2>"],
        [["<1>"], ["<2>"], ["<3>"]],
    )
    assert outcomes == [expected] * len(ORDERS)
