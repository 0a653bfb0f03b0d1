"""Resources that a page includes, followed from their references and to them, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from service.storage.store import Store
from tests.storage.builders import LOCALITY, creation, deletion, patient, score, stored, unit, update

FORM = "http://clinic.example/Questionnaire/form"
ANSWERED = [("QuestionnaireResponse", "questionnaire")]


def form(id_: str, version: str | None = None, url: str = FORM) -> dict[str, Any]:
    made = {"resourceType": "Questionnaire", "id": id_, "status": "active", "url": url}
    return made if version is None else made | {"version": version}


def answers(id_: str, canonical: str) -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": id_,
        "status": "completed",
        "questionnaire": canonical,
        "subject": {"reference": "Patient/a"},
    }


async def all_stored(store: Store, *resources: dict[str, Any]) -> dict[str, int]:
    made = await store.commit(LOCALITY, unit(*map(creation, resources)))
    return {one.id: one.key for one in made}


def ids(resources) -> list[str]:
    return [one.id for one in resources]


async def test_a_page_includes_whom_its_scores_are_about_each_once(store: Store):
    keys = await all_stored(
        store, patient("b"), patient("a"), score("s1", "a"), score("s2", "a"), score("s3", "b")
    )
    scores = [keys["s3"], keys["s1"], keys["s2"]]
    included = await store.referred(LOCALITY, scores, [("Observation", "subject")], frozenset(), 10)
    assert ids(included) == ["b", "a"]
    assert included[1] == await store.read(LOCALITY, "Patient", "a")
    assert ids(await store.referred(LOCALITY, scores[1:], [("Observation", "subject")], frozenset(), 10)) == [
        "a"
    ]


async def test_only_resources_of_the_wanted_types_are_included(store: Store):
    group = {"resourceType": "Group", "id": "a", "type": "person", "actual": True}
    about = score("s2", "a") | {"subject": {"reference": "Group/a"}}
    keys = await all_stored(store, patient("a"), group, score("s1", "a"), about)
    scores, subject = [keys["s1"], keys["s2"]], [("Observation", "subject")]
    only = await store.referred(LOCALITY, scores, subject, frozenset({"Group"}), 10)
    assert [one.type for one in only] == ["Group"]
    assert await store.referred(LOCALITY, scores, subject, frozenset({"Practitioner"}), 10) == ()
    every = await store.referred(LOCALITY, scores, subject, frozenset({"Group", "Patient"}), 10)
    assert [one.type for one in every] == ["Patient", "Group"]


async def test_what_is_deleted_or_elsewhere_or_not_asked_for_is_not_included(store: Store):
    gone = await stored(store, patient("gone"))
    made = await all_stored(store, patient("a"), score("s1", "gone"), score("s2", "never"), score("s3", "a"))
    await store.commit(LOCALITY, unit(deletion(gone)))
    await stored(store, patient("never"), locality="elsewhere")
    keys = [made["s1"], made["s2"]]
    assert await store.referred(LOCALITY, keys, [("Observation", "subject")], frozenset(), 10) == ()
    assert await store.referred(LOCALITY, [made["s3"]], [("Observation", "encounter")], frozenset(), 10) == ()
    assert await store.referred(LOCALITY, [], [("Observation", "subject")], frozenset(), 10) == ()
    assert (
        await store.referred("elsewhere", [made["s3"]], [("Observation", "subject")], frozenset(), 10) == ()
    )


@pytest.mark.parametrize(
    ("canonical", "expected"),
    [
        (FORM, ["first", "second", "plain"]),
        (f"{FORM}|1", ["first"]),
        (f"{FORM}|2", ["second"]),
        (f"{FORM}|3", []),
        (f"{FORM}#part", ["first", "second", "plain"]),
        ("http://clinic.example/Questionnaire/unknown", []),
        ("http://clinic.example/Questionnaire/form2", ["other"]),
    ],
)
async def test_a_canonical_leads_to_the_form_of_its_url_and_version(store: Store, canonical, expected):
    forms = (form("first", "1"), form("second", "2"), form("plain"), form("other", "1", url=f"{FORM}2"))
    keys = await all_stored(store, *forms, answers("r", canonical))
    for types in (frozenset[str](), frozenset({"Questionnaire"})):
        assert ids(await store.referred(LOCALITY, [keys["r"]], ANSWERED, types, 10)) == expected
    assert await store.referred(LOCALITY, [keys["r"]], ANSWERED, frozenset({"Measure"}), 10) == ()


async def test_what_refers_to_the_children_of_a_page_is_found(store: Store):
    await all_stored(store, patient("a"), patient("b"), patient("c"), score("s1", "a"), score("s2", "c"))
    await all_stored(store, score("s3", "a"), score("s4", "b"), answers("r", FORM))
    by_subject = [("Observation", "subject")]
    targets = [("Patient", "a"), ("Patient", "b")]
    assert ids(await store.referring(LOCALITY, targets, by_subject, 10)) == ["s1", "s3", "s4"]
    both = [*by_subject, ("Observation", "patient"), ("QuestionnaireResponse", "subject")]
    assert ids(await store.referring(LOCALITY, targets, both, 10)) == ["s1", "s3", "s4", "r"]
    assert await store.referring(LOCALITY, [("Group", "a")], both, 10) == ()
    assert await store.referring(LOCALITY, [], both, 10) == ()
    assert await store.referring("elsewhere", targets, both, 10) == ()


async def test_what_no_longer_refers_here_is_not_found(store: Store):
    await stored(store, patient("a"))
    moved, gone = await stored(store, score("s1", "a")), await stored(store, score("s2", "a"))
    await store.commit(LOCALITY, unit(update(moved, score("s1", "b")), deletion(gone)))
    assert await store.referring(LOCALITY, [("Patient", "a")], [("Observation", "subject")], 10) == ()


@pytest.mark.parametrize(
    ("target", "expected"),
    [("first", ["any", "one"]), ("second", ["any", "two"]), ("plain", ["any"]), ("other", ["else"])],
)
async def test_who_answered_a_form_is_found_by_the_canonical(store: Store, target, expected):
    forms = (form("first", "1"), form("second", "2"), form("plain"), form("other", "1", url=f"{FORM}2"))
    await all_stored(
        store, *forms, answers("any", FORM), answers("one", f"{FORM}|1"), answers("two", f"{FORM}|2")
    )
    await all_stored(store, answers("else", f"{FORM}2|1"), answers("unknown", f"{FORM}|10"))
    assert ids(await store.referring(LOCALITY, [("Questionnaire", target)], ANSWERED, 10)) == expected


async def test_no_more_than_the_limit_and_the_first_of_them(store: Store):
    keys = await all_stored(store, *(patient(f"p{number}") for number in range(6)))
    made = await all_stored(store, *(score(f"s{number}", f"p{number % 6}") for number in range(30)))
    targets = [("Patient", id_) for id_ in keys]
    by_subject = [("Observation", "subject")]
    assert ids(await store.referring(LOCALITY, targets, by_subject, 7)) == [f"s{n}" for n in range(7)]
    assert ids(await store.referring(LOCALITY, targets[:1], by_subject, 3)) == ["s0", "s6", "s12"]
    referred = await store.referred(LOCALITY, list(made.values()), by_subject, frozenset(), 4)
    assert ids(referred) == ["p0", "p1", "p2", "p3"]
