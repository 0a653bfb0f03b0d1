from __future__ import annotations

import pytest

from service.interactions.entries import read_entries
from service.interactions.faults import Faults
from service.interactions.subjects import decide_subjects
from service.interactions.update import update
from tests.interactions.builders import bundle, criteria, entry, patient


async def decided(context, act, *given):
    """Subjects by entry as (id, version in the store, met), what was expected, and the faults' slugs by entry."""
    entries = (await read_entries(context, bundle(*given))).entries
    faults = Faults()
    new_ids = {one.index: f"new-{one.index}" for one in entries}
    found = await decide_subjects(context, act, entries, new_ids, {}, faults)
    subjects = {
        index: [(one.id, one.before.version if one.before else None, one.met) for one in subjects]
        for index, subjects in found.by_entry.items()
    }
    slugs = {index: [issue.slug for issue in problem.issues] for index, problem in faults.by_entry()}
    return subjects, [sorted(one.ids) for one in found.expectations], slugs


@pytest.fixture
async def stored(context, act):
    for id_, number in [("p1", "1"), ("p2", "2"), ("p3", "3"), ("p4", "3")]:
        await update(context, act, "Patient", id_, patient(number, id=id_))


@pytest.mark.parametrize(
    ("given", "subjects", "expected"),
    [
        (entry("POST", "Patient", patient()), [("new-0", None, False)], []),
        (entry("POST", "Patient", patient(), ifNoneExist=criteria("1")), [("p1", 1, True)], [["p1"]]),
        (entry("POST", "Patient", patient(), ifNoneExist=criteria("9")), [("new-0", None, False)], [[]]),
        (entry("PUT", "Patient/p1", patient(id="p1")), [("p1", 1, False)], []),
        (entry("PUT", "Patient/p9", patient(id="p9")), [("p9", None, False)], []),
        (entry("PUT", "Patient?" + criteria("1"), patient()), [("p1", 1, False)], [["p1"]]),
        (entry("PUT", "Patient?" + criteria("9"), patient()), [("new-0", None, False)], [[]]),
        (entry("PUT", "Patient?" + criteria("9"), patient(id="p9")), [("p9", None, False)], [[]]),
        (entry("PATCH", "Patient/p1", patient()), [("p1", 1, False)], []),
        (entry("PATCH", "Patient?" + criteria("2"), patient()), [("p2", 1, False)], [["p2"]]),
        (entry("DELETE", "Patient/p1"), [("p1", 1, False)], []),
        (entry("DELETE", "Patient/p9"), [("p9", None, False)], []),
        (entry("DELETE", "Patient?" + criteria("9")), [], [[]]),
        (
            entry("DELETE", "Patient?" + criteria("3")),
            [("p3", 1, False), ("p4", 1, False)],
            [["p3", "p4"]],
        ),
    ],
)
async def test_subjects(context, act, stored, given, subjects, expected):
    assert await decided(context, act, given) == ({0: subjects}, expected, {})


@pytest.mark.parametrize(
    ("given", "slug"),
    [
        (entry("POST", "Patient", patient(), ifNoneExist=criteria("3")), "criteria-ambiguous"),
        (entry("PUT", "Patient?" + criteria("3"), patient()), "criteria-ambiguous"),
        (entry("PUT", "Patient?" + criteria("1"), patient(id="p2")), "id-mismatch"),
        (entry("PUT", "Patient?" + criteria("9"), patient(id="p2")), "id-taken"),
        (entry("PATCH", "Patient?" + criteria("9"), patient()), "criteria-unmatched"),
        (entry("PATCH", "Patient?" + criteria("3"), patient()), "criteria-ambiguous"),
        (entry("DELETE", "Patient?_lastUpdated=gt2000"), None),
    ],
)
async def test_without_a_subject(context, act, stored, given, slug):
    subjects, _, slugs = await decided(context, act, given)
    assert slugs == ({} if slug is None else {0: [slug]})
    assert (0 in subjects) is (slug is None)


async def test_more_than_a_conditional_delete_may_take(context, act, stored):
    """The context's limit is 5."""
    for number in range(5, 10):
        await update(context, act, "Patient", f"p{number}", patient("3", id=f"p{number}"))
    assert (await decided(context, act, entry("DELETE", "Patient?" + criteria("3"))))[2] == {
        0: ["criteria-too-wide"]
    }
