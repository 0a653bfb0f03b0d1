"""What a search of AuditEvent is understood as; and that nothing is left out silently."""

from __future__ import annotations

import pytest

from service.fhir.problems import Malformed
from service.interactions.audit_search import PARAMETERS, read_search
from service.storage.ledger import Asked, Subtype
from tests.conftest import BASE_URL

DAY = 86_400_000
FIRST = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def place(id_):
    """As ids are made here: two numbers."""
    at, _, serial = id_.partition("-")
    return (int(at), int(serial)) if serial else None


def read(registry, *pairs, lenient=False):
    return read_search(
        registry, BASE_URL, pairs, count_default=10, count_limit=50, lenient=lenient, place=place
    )


UNDERSTOOD = {
    "agent": ([("agent", "Organization/camhs")], Asked(10, agencies=("camhs",))),
    "agents": ([("agent", "Organization/a,Organization/b")], Asked(10, agencies=("a", "b"))),
    "agent by address": ([("agent", f"{BASE_URL}/Organization/a")], Asked(10, agencies=("a",))),
    "a user": ([("agent", "Practitioner/p")], Asked(10, agents=(("Practitioner", "p"),))),
    "an agent of any type": ([("agent", "p")], Asked(10, agents=(("", "p"),))),
    "an agency or a user": (
        [("agent", "Organization/a,Practitioner/p")],
        Asked(10, agents=(("Organization", "a"), ("Practitioner", "p"))),
    ),
    "a patient or another": (
        [("entity", "Patient/a,Goal/g")],
        Asked(10, entities=(("Patient", "a"), ("Goal", "g"))),
    ),
    "an entity of any type": ([("entity", "g")], Asked(10, entities=(("", "g"),))),
    "altid": ([("altid", "epr")], Asked(10, clients=("epr",))),
    "patient": ([("patient", "Patient/a")], Asked(10, children=("a",))),
    "patient by id": ([("patient", "a,b")], Asked(10, children=("a", "b"))),
    "entity": ([("entity", "Goal/g")], Asked(10, entities=(("Goal", "g"),))),
    "entity that is a patient": ([("entity", "Patient/a")], Asked(10, children=("a",))),
    "entity and patient": (
        [("entity", "Goal/g"), ("patient", "a")],
        Asked(10, children=("a",), entities=(("Goal", "g"),)),
    ),
    "action": ([("action", "C,http://hl7.org/fhir/audit-event-action|D")], Asked(10, actions=(1, 4))),
    "outcome": ([("outcome", "0,4")], Asked(10, statuses=((100, 400), (400, 500)))),
    "type": (
        [("type", "http://terminology.hl7.org/CodeSystem/audit-event-type|rest")],
        Asked(10, kinds=("rest",)),
    ),
    "another type": ([("type", "110114")], Asked(10, kinds=("sign-in",))),
    "both types": ([("type", "rest,110114")], Asked(10, kinds=("rest", "sign-in"))),
    "a type of the operator's acts": (
        [("type", "http://dicom.nema.org/resources/ontology/DCM|110113")],
        Asked(10, kinds=("security",)),
    ),
    "one that there is, and one that is none": ([("type", "110113,110112")], Asked(10, kinds=("security",))),
    "subtype": (
        [("subtype", "http://hl7.org/fhir/restful-interaction|read")],
        Asked(10, subtypes=(Subtype("read", own=False),)),
    ),
    "subtype of any system": (
        [("subtype", "progress")],
        Asked(10, subtypes=(Subtype("progress", own=False), Subtype("progress", own=True))),
    ),
    "a day": ([("date", "2026-01-01")], Asked(10, since=FIRST, until=FIRST + DAY)),
    "from and until": (
        [("date", "ge2026-01-01"), ("date", "lt2026-01-03")],
        Asked(10, since=FIRST, until=FIRST + 2 * DAY),
    ),
    "after and up to": (
        [("date", "gt2026-01-01"), ("_lastUpdated", "le2026-01-03")],
        Asked(10, since=FIRST + DAY, until=FIRST + 3 * DAY),
    ),
    "the narrower of two": (
        [("date", "2026"), ("date", "2026-01-02")],
        Asked(10, since=FIRST + DAY, until=FIRST + 2 * DAY),
    ),
    "order": ([("_sort", "date")], Asked(10, rising=True)),
    "order downwards": ([("_sort", "-_lastUpdated")], Asked(10)),
    "count": ([("_count", "3")], Asked(3)),
    "more than there may be": ([("_count", "300")], Asked(50)),
    "format": ([("_format", "json"), ("_pretty", "true")], Asked(10)),
}


@pytest.mark.parametrize(("pairs", "asked"), UNDERSTOOD.values(), ids=UNDERSTOOD)
def test_a_search_is_understood(registry, pairs, asked):
    found = read(registry, *pairs)
    assert found.asked == asked
    assert not found.nothing
    assert found.ids is None


def test_ids_are_places_and_what_is_none_finds_nothing(registry):
    assert read(registry, ("_id", "31-10,x,2-11")).ids == ((31, 10), (2, 11))
    assert read(registry, ("_id", "x")).ids == ()


NOTHING = {
    "no such action": [("action", "X")],
    "no such outcome": [("outcome", "12")],
    "no such type": [("type", "other")],
    "a code of another system": [("type", "http://example.org|rest")],
    "a subtype of another system": [("subtype", "http://example.org|read")],
    "two patients at once": [("patient", "a"), ("entity", "Patient/b")],
}


@pytest.mark.parametrize("pairs", NOTHING.values(), ids=NOTHING)
def test_what_nothing_can_be_finds_nothing(registry, pairs):
    assert read(registry, *pairs).nothing


REFUSED = {
    "an unknown parameter": ([("other", "x")], "search-parameter-unsupported"),
    "one of R4's that is not offered": ([("agent-name", "x")], "search-parameter-unsupported"),
    "a chain": ([("agent.name", "x")], "search-parameter-unsupported"),
    "a reverse chain": ([("_has:Provenance:entity:agent", "x")], "search-parameter-unsupported"),
    "an include": ([("_include", "AuditEvent:patient")], "search-parameter-unsupported"),
    "a modifier": ([("action:not", "C")], "search-modifier-unsupported"),
    "no value": ([("action", "")], "search-value-empty"),
    "an empty alternative": ([("action", "C,")], "search-value-empty"),
    "a parameter twice": ([("action", "C"), ("action", "D")], "search-parameter-repeated"),
    "another order": ([("_sort", "action")], "search-sort-unsupported"),
    "a wrong count": ([("_count", "x")], "search-value-count"),
    "a wrong total": ([("_total", "x")], "search-value-total"),
    "no date": ([("date", "yesterday")], "search-value-date"),
    "dates": ([("date", "2026,2025")], "search-value-date"),
    "another prefix": ([("date", "ap2026")], "search-value-date"),
    "no reference": ([("agent", "camhs/")], "search-value-reference"),
    "a patient of another type": ([("patient", "Goal/g")], "search-reference-target"),
    "two subsets": ([("_summary", "true"), ("_elements", "action")], "search-subset-twice"),
}


@pytest.mark.parametrize(("pairs", "slug"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_understood_is_refused(registry, pairs, slug):
    with pytest.raises(Malformed) as refused:
        read(registry, *pairs)
    assert refused.value.issues[0].slug == slug


def test_everything_wrong_is_told_at_once(registry):
    with pytest.raises(Malformed) as refused:
        read(registry, ("_count", "x"), ("date", "y"), ("z", "1"))
    assert len(refused.value.issues) == 3


def test_who_is_lenient_is_told_what_was_left_out(registry):
    found = read(registry, ("agent-name", "x"), ("action", "C"), lenient=True)
    assert (found.ignored, found.asked.actions, found.pairs) == (("agent-name",), (1,), (("action", "C"),))


def test_a_count_of_none_asks_for_the_total(registry):
    assert read(registry, ("_count", "0")).total == "accurate"
    assert read(registry, ("_summary", "count")).asked.count == 0


def test_what_is_offered_is_in_r4(registry):
    assert set(PARAMETERS) <= set(registry.search_parameters("AuditEvent"))
    assert list(PARAMETERS) == sorted(PARAMETERS, key=lambda code: (not code.startswith("_"), code))
