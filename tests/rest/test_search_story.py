"""The story of search: what the clinic asks, one test for each thing that search can do.

Against a real server of two workers, on both databases. The clinic is in `searched.py`; its
pages and their links have a story of their own.

Source: issue 4 «Search», https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from service.fhir.registry import APART
from tests.rest.asking import refused
from tests.rest.searched import CATEGORIES, FORMS, LOINC, NUMBERS, SCORED, SCT, SLOT_1, UCUM
from tests.rest.searching import links, outcome, shown
from tests.rest.serving import ROOT, command, serving

pytestmark = pytest.mark.slow

OLDEST_FIRST = [f"score-{number}" for number in range(1, len(SCORED) + 1)]
OURS = sorted((ROOT / "fhir_profiles" / "SearchParameter").glob("*.json"))
KITES = [("subject", "Patient/kite"), ("focus", "Goal/sleep")]


# 1. Every type of parameter, every parameter.

ASKED = [
    # In each: what is asked, where, by which name and value, and who is found.
    ("a code", "Observation", "code", SLOT_1, set(OLDEST_FIRST)),
    ("a code of its system", "Observation", "code", f"{SCT}|{SLOT_1}", set(OLDEST_FIRST)),
    ("a code of another system", "Observation", "code", f"{LOINC}|{SLOT_1}", set()),
    ("a code without system", "Observation", "code", f"|{SLOT_1}", set()),
    ("any code of a system", "Observation", "code", f"{LOINC}|", {"weight-kg", "weight-g", "height", "pressure"}),
    ("either of two codes", "Observation", "code", "8302-2,85354-9", {"height", "pressure"}),
    ("a boolean", "Patient", "active", "false", {"moss"}),
    ("an identifier", "Patient", "identifier", f"{NUMBERS}|13", {"moss"}),
    ("an identifier with separators in it", "Patient", "identifier", r"urn:old|a\,b\|c", {"kite"}),
    ("a contact point", "Patient", "phone", "07700 900001", {"kite"}),
    ("how a name begins", "Patient", "name", "teapot", {"kite"}),
    ("how the second half of a double name begins", "Patient", "family", "wump", {"kite"}),
    ("a name without its accent", "Patient", "family", "FLUMEDLE", {"moss"}),
    ("a name by its sound", "Patient", "phonetic", "quorkyn", {"moss"}),
    ("a town", "Patient", "address-city", "marmalade", {"kite"}),
    ("a date", "Patient", "birthdate", "2011-05-17", {"kite"}),
    ("a year", "Patient", "birthdate", "2011", {"kite"}),
    ("an address of a form", "Questionnaire", "url", f"{FORMS}/slumber", {"form"}),
    ("a reference", "Goal", "subject", "Patient/kite", {"sleep", "bike"}),
    ("a reference by its id alone", "Goal", "patient", "kite", {"sleep", "bike"}),
    ("a reference by its whole address", "Goal", "subject", "{base}Patient/kite", {"sleep", "bike"}),
    ("a quantity as it was written", "Observation", "value-quantity", f"50.0|{UCUM}|kg", {"weight-kg"}),
    ("a quantity in another unit", "Observation", "value-quantity", f"50000|{UCUM}|g", {"weight-kg"}),
    ("a quantity with less care", "Observation", "value-quantity", f"50|{UCUM}|kg", {"weight-kg", "weight-g"}),
    ("a length in metres", "Observation", "value-quantity", f"ge1.5|{UCUM}|m", {"height"}),
    ("a quantity without a unit", "Observation", "value-quantity", "160", {"height"}),
    ("more than a quantity", "Observation", "value-quantity", f"gt49.6|{UCUM}|kg", {"weight-kg"}),
    ("a code and its value", "Observation", "code-value-quantity", f"{LOINC}|29463-7$lt49.9|{UCUM}|kg", {"weight-g"}),
    (
        "both of one component", "Observation", "component-code-value-quantity",
        f"{LOINC}|8480-6$120|{UCUM}|mm[Hg]", {"pressure"},
    ),
    ("what two components have", "Observation", "component-code-value-quantity", f"{LOINC}|8462-4$120|{UCUM}|mm[Hg]", set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "name", "value", "expected"), [case[1:] for case in ASKED], ids=[case[0] for case in ASKED]
)
def test_every_type_of_parameter(clinic, path, name, value, expected):
    assert clinic.found(path, (name, value.format(base=clinic.http.base_url))) == expected


PREFIXED = {
    # prefix: kite is born 2011-05-17, moss in 2012
    "eq2012": {"moss"}, "ne2012": {"kite"}, "lt2012": {"kite"}, "gt2011": {"moss"}, "ge2012": {"moss"},
    "le2011-05-17": {"kite"}, "sa2011-05-17": {"moss"}, "eb2012": {"kite"}, "gt2012-06": {"moss"},
    "sa2012-06": set(), "eq2012-06": set(), "ap2012-06": {"kite", "moss"}, "lt2011-05-17": set(),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), PREFIXED.items())
def test_dates_are_ranges_and_prefixes_compare_them(clinic, value, expected):
    assert clinic.found("Patient", ("birthdate", value)) == expected


# What any value of a kind may be, for the parts of a combination; R4 has no `:missing` for these.
VALUES = {"token": "x", "quantity": "1", "date": "2026", "string": "x", "reference": "x"}


def test_every_search_parameter_of_every_type_answers(clinic, registry):
    """R4's and ours: whether a value is missing can be asked of each, and each is in the CapabilityStatement."""
    told = {
        (one["type"], parameter["name"], parameter["type"])
        for one in clinic.bundle("metadata")["rest"][0]["resource"]
        for parameter in one.get("searchParam", [])
    }
    ours = {
        (base, one["code"], one["type"])
        for one in map(json.loads, map(Path.read_bytes, OURS))
        for base in one["base"]
    }
    assert ours
    assert ours <= told
    for type_, name, kind in sorted(told):
        if type_ in APART:  # the audit is asked in test_audit_story.py
            continue
        if kind == "composite":
            known = registry.search_parameters(type_)
            asked = (name, "$".join(VALUES[known[code].type] for code, _ in known[name].components))
        else:
            asked = (name, "x") if name in {"_text", "_content", "_list"} else (f"{name}:missing", "true")
        answer = clinic.get(type_, ("_count", "0"), asked)
        assert answer.status_code == 200, (type_, name, answer.text)


# 2. Modifiers, parameters of all types, chains.

MODIFIED = [
    # In each: what is asked, where, by which name and value, and who is found.
    ("exactly", "Patient", "family:exact", "Flumédle", {"moss"}),
    ("exactly, accents too", "Patient", "family:exact", "flumedle", set()),
    ("somewhere in it", "Patient", "family:contains", "moss-wum", {"kite"}),
    ("nobody's value", "Goal", "start-date:missing", "true", {"drum"}),
    ("somebody's value", "Goal", "start-date:missing", "false", {"sleep", "bike"}),
    ("any other code", "Patient", "gender:not", "male", {"kite"}),
    ("neither of two codes, none at all included", "Patient", "gender:not", "male,female", set()),
    ("words of a code", "Observation", "code:text", "how NEAR", set(OLDEST_FIRST)),
    ("words in the middle of it are not its beginning", "Observation", "code:text", "near the", set()),
    ("a code of a value set", "Patient", "gender:in", "http://hl7.org/fhir/ValueSet/administrative-gender", {"kite", "moss"}),
    ("no code of a value set", "Patient", "gender:not-in", "http://hl7.org/fhir/ValueSet/administrative-gender", set()),
    (
        "an identifier of its type", "Patient", "identifier:of-type",
        "http://terminology.hl7.org/CodeSystem/v2-0203|MR|12-K", {"kite"},
    ),
    ("an identifier of another type", "Patient", "identifier:of-type", "http://terminology.hl7.org/CodeSystem/v2-0203|NI|12-K", set()),
    ("whose reference has an identifier", "Patient", "general-practitioner:identifier", f"{NUMBERS}|none", set()),
    ("an address below", "Questionnaire", "url:below", f"{FORMS}/slumber", {"form", "short-form"}),
    ("an address above", "Questionnaire", "url:above", f"{FORMS}/slumber/short", {"form", "short-form"}),
    ("a place in a place", "Location", "partof:below", "Location/house", {"room"}),
    ("a reference of a type", "Goal", "subject:Patient", "moss", {"drum"}),
    ("an id", "Goal", "_id", "sleep,drum,none", {"sleep", "drum"}),
    ("any other id", "Goal", "_id:not", "sleep,drum", {"bike"}),
    ("a tag", "Patient", "_tag", "pilot", {"kite"}),
    ("a label", "Patient", "_security", "https://clinic.example/labels|hush", {"kite"}),
    ("a source", "Patient", "_source", "https://clinic.example/feeds/north", {"kite"}),
    ("a source below", "Patient", "_source:below", "https://clinic.example/feeds", {"kite"}),
    ("no profile", "Goal", "_profile:missing", "true", {"sleep", "bike", "drum"}),
    ("since before", "Goal", "_lastUpdated", "gt2020-01-01", {"sleep", "bike", "drum"}),
    ("since a time to come", "Goal", "_lastUpdated", "gt2999", set()),
    ("those on a list", "Patient", "_list", "register", {"kite"}),
    ("words of the narrative", "Goal", "_text", "slumb NIGHT", {"sleep"}),
    ("words of the narrative alone", "Goal", "_text", "cycling", set()),
    ("words of all of it", "Goal", "_content", "cycling", {"bike"}),
    ("a chain", "Observation", "subject:Patient.birthdate", "2012", {"weight-g", "height"}),
    ("a chain of three", "Goal", "subject:Patient.organization.partof.name", "marmalade", {"sleep", "bike"}),
    ("a chain with a modifier", "Goal", "patient.family:contains", "umé", {"drum"}),
    ("a reverse chain", "Patient", "_has:Observation:patient:code", "8302-2", {"moss"}),
    ("a reverse chain in a reverse chain", "Organization", "_has:Patient:organization:_has:Goal:patient:start-date", "2026-04-01", {"team"}),
    ("a reverse chain in a chain", "Observation", "focus:Goal._has:CarePlan:goal:status", "active", set(OLDEST_FIRST)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "name", "value", "expected"), [case[1:] for case in MODIFIED], ids=[case[0] for case in MODIFIED]
)
def test_modifiers_and_chains(clinic, path, name, value, expected):
    assert clinic.found(path, (name, value)) == expected


def test_parameters_beside_one_another_must_all_hold(clinic):
    both = [("date", "ge2026-04-01"), ("date", "lt2026-05-01")]
    assert clinic.found("Observation", ("code", SLOT_1), *both) == {"score-4", "score-5"}


# 3. What is shown, in which order, and how much of it.


def test_this_childs_scores_for_this_goal_newest_first(clinic):
    assert clinic.ids("Observation", *KITES, ("code", SLOT_1), ("_sort", "-date")) == OLDEST_FIRST[::-1]


def test_several_keys_and_what_has_none_comes_last(clinic):
    by_value = clinic.ids("Observation", *KITES, ("_sort", "-value-quantity,date"))
    assert by_value == ["score-6", "score-5", "score-4", "score-2", "score-3", "score-1"]
    for rule in ("start-date,_id", "-start-date,_id"):
        assert clinic.ids("Goal", ("_sort", rule))[-1] == "drum"
    assert clinic.ids("Goal", ("_sort", "start-date")) == ["sleep", "bike", "drum"]


def test_what_nobody_can_be_sorted_by_is_refused_with_what_they_can(clinic):
    for rule in ("colour", "_score", "code-value-quantity", "date,date", ""):
        refused(clinic.get("Observation", ("_sort", rule)), 400)
    assert "`date`" in refused(clinic.get("Observation", ("_sort", "colour")), 400)["diagnostics"]


def test_what_matches_refer_to_comes_along(clinic):
    one = ("_id", "score-1")
    bundle = clinic.bundle(
        "Observation", one, ("_include", "Observation:focus"), ("_include", "Observation:subject")
    )
    assert shown(bundle) == ["score-1"]
    assert sorted(shown(bundle, "include")) == ["kite", "sleep"]
    further = clinic.bundle(
        "Observation", one, ("_include", "Observation:subject:Patient"), ("_include:iterate", "Patient:organization"),
        ("_include:iterate", "Organization:partof"),
    )  # fmt: skip
    assert sorted(shown(further, "include")) == ["kite", "team", "trust"]
    assert sorted(shown(clinic.bundle("Observation", one, ("_include", "*")), "include")) == [
        "kite",
        "sleep",
        "visit",
    ]
    assert (
        shown(clinic.bundle("Observation", one, ("_include", "Observation:subject:Group")), "include") == []
    )


def test_what_refers_to_matches_comes_along(clinic):
    bundle = clinic.bundle(
        "Goal", ("_id", "sleep"), ("_revinclude", "Observation:focus"), ("_revinclude", "CarePlan:goal")
    )
    assert shown(bundle) == ["sleep"]
    assert set(shown(bundle, "include")) == {*OLDEST_FIRST, "plan"}
    everything = clinic.bundle("Goal", ("_id", "sleep"), ("_revinclude", "*"))
    assert set(shown(everything, "include")) == {*OLDEST_FIRST, "plan"}


def test_a_page_of_so_many_and_the_number_of_all(clinic):
    first = clinic.bundle("Observation", *KITES, ("_count", "4"), ("_total", "accurate"))
    assert (len(first["entry"]), first["total"]) == (4, 6)
    assert "total" not in clinic.bundle("Observation", *KITES, ("_count", "4"), ("_total", "none"))
    assert clinic.bundle("Observation", *KITES, ("_count", "4"), ("_total", "estimate"))["total"] >= 0
    number = clinic.bundle("Observation", *KITES, ("_count", "0"))
    assert (number["total"], "entry" in number) == (6, False)


def test_summaries(clinic):
    sleep = ("_id", "sleep")

    def goal(summary):
        [entry] = clinic.bundle("Goal", sleep, ("_summary", summary))["entry"]
        return entry["resource"]

    assert "text" not in goal("data")
    assert "description" in goal("data")
    text = goal("text")
    assert {"text", "id", "meta", "lifecycleStatus", "description", "subject"} <= text.keys()
    assert "target" not in text
    assert {"lifecycleStatus", "subject", "description"} <= goal("true").keys()
    assert "text" not in goal("true")
    for subset in ("true", "text", "data"):
        assert "SUBSETTED" in [tag["code"] for tag in goal(subset)["meta"]["tag"]]
    assert "tag" not in goal("false").get("meta", {})
    count = clinic.bundle("Goal", sleep, ("_summary", "count"))
    assert (count["total"], "entry" in count) == (1, False)
    refused(clinic.get("Observation", ("_summary", "text"), ("_include", "Observation:subject")), 400)


def test_some_elements(clinic):
    [entry] = clinic.bundle("Goal", ("_id", "sleep"), ("_elements", "startDate"))["entry"]
    goal = entry["resource"]
    assert {"resourceType", "id", "startDate", "lifecycleStatus", "description", "subject"} <= goal.keys()
    assert {"text", "target"}.isdisjoint(goal)
    assert "SUBSETTED" in [tag["code"] for tag in goal["meta"]["tag"]]
    assert clinic.get("Goal/sleep").json().get("meta", {}).get("tag", []) == [], "what is stored is whole"


def test_contained_resources_are_not_searched_and_it_is_said(clinic):
    for pair in (("_contained", "true"), ("_containedType", "contained")):
        refused(clinic.get("Observation", pair), 400)


def test_the_last_scores(clinic):
    last = clinic.bundle(
        "Observation/$lastn", ("patient", "Patient/kite"), ("category", f"{CATEGORIES}|survey")
    )
    assert shown(last) == ["score-6"]
    two = clinic.bundle("Observation/$lastn", ("patient", "kite"), ("code", SLOT_1), ("max", "2"))
    assert shown(two) == ["score-6", "score-5"]


def test_everything_of_a_young_person_page_by_page(clinic):
    first = clinic.bundle("Patient/kite/$everything", ("_count", "5"))
    pages = [first]
    while "next" in links(pages[-1]):
        pages.append(clinic.bundle(links(pages[-1])["next"]))
    there = [entry["resource"]["id"] for page in pages for entry in page.get("entry", [])]
    matches = [one for page in pages for one in shown(page)]
    assert len(matches) == len(set(matches))
    assert {"kite", "aunt", "sleep", "bike", *OLDEST_FIRST, "weight-kg", "pressure", "visit", "plan"} <= set(
        matches
    )
    assert {"team", "surgery"} <= set(there), "what they refer to outside the compartment comes along"
    assert {"moss", "drum", "weight-g", "height"}.isdisjoint(there)


def test_a_compartment(clinic):
    assert clinic.found("Patient/kite/Goal") == {"sleep", "bike"}
    assert clinic.found("Patient/kite/Observation", ("code", "29463-7")) == {"weight-kg"}
    assert clinic.found("Patient/moss/*") == {"moss", "drum", "weight-g", "height"}
    assert clinic.found("Patient/moss/*", ("_type", "Goal,Encounter")) == {"drum"}
    assert clinic.found("Patient/nobody/Goal") == set()


def test_several_types_at_once(clinic):
    assert clinic.found("", ("_type", "Goal,Patient"), ("_id", "kite,drum,plan")) == {"kite", "drum"}
    assert clinic.found("", ("_id", "kite,drum,plan")) == {"kite", "drum", "plan"}
    assert clinic.ids("", ("_type", "Patient,Goal"), ("_sort", "-_id")) == [
        "sleep",
        "moss",
        "kite",
        "drum",
        "bike",
    ]
    refused(clinic.get("", ("_type", "Goal,Colour")), 400)


# 4. Ways to ask, and what is said of it.


def test_a_form_with_parameters_beside_it(clinic):
    form = {"subject": "Patient/kite", "date": "ge2026-04-27T00:00:00+01:00", "_sort": "date"}
    posted = clinic.http.post("Observation/_search", params={"code": f"{SCT}|{SLOT_1}"}, data=form)
    assert shown(posted.json()) == ["score-5", "score-6"]
    assert clinic.ids(links(posted.json())["self"]) == ["score-5", "score-6"]
    everywhere = clinic.http.post("_search", data={"_type": "Goal", "patient": "kite"})
    assert set(shown(everywhere.json())) == {"sleep", "bike"}


def test_the_self_link_says_what_was_understood(clinic):
    bundle = clinic.bundle(
        "Goal", ("patient", "kite"), ("colour", "red"), ("_sort", "-start-date"), Prefer="handling=lenient"
    )
    told = dict(parse_qsl(urlsplit(links(bundle)["self"]).query))
    assert told["patient"] == "kite"
    assert told["_sort"] == "-start-date"
    assert "colour" not in told
    assert "colour" in json.dumps(outcome(bundle))
    assert clinic.ids(links(bundle)["self"]) == shown(bundle) == ["bike", "sleep"]


@pytest.mark.parametrize(
    ("pair", "listed"),
    [
        (("colour", "red"), "`birthdate`"),
        (("Name", "teapot"), "`name`"),
        (("name:beginning", "teapot"), "`:contains`"),
        (("gender:exact", "male"), "`:not`"),
        (("birthdate:not", "2012"), "`:missing`"),
        (("general-practitioner:Goal", "x"), "`Practitioner`"),
        (("_sort", "colour"), "`birthdate`"),
        (("_include", "Patient:colour"), "`general-practitioner`"),
    ],
)
def test_what_is_unknown_is_refused_and_what_is_known_is_listed(clinic, pair, listed):
    assert listed in refused(clinic.get("Patient", pair), 400)["diagnostics"]
    strict = clinic.get("Patient", pair, Prefer="handling=strict")
    refused(strict, 400)


@pytest.mark.parametrize(
    "pair", [("name:beginning", "teapot"), ("birthdate", "yesterday"), ("gender:exact", "male")]
)
def test_lenience_never_passes_over_a_modifier_or_a_value(clinic, pair):
    refused(clinic.get("Patient", pair, Prefer="handling=lenient"), 400)


# 5. The plan.


def test_the_plan_and_its_time_are_shown_and_nothing_of_the_values(clinic):
    bundle = clinic.bundle("Patient", ("family", "teapotmoss"), ("_explain", "true"))
    assert shown(bundle) == ["kite"]
    told = json.dumps(outcome(bundle))
    assert "SELECT" in told
    assert "teapotmoss" not in told.lower()


# A deployer's own parameter (1).


def test_a_parameter_of_the_deployers_own(tmp_path, searched_database, clinic):
    """One file and `thrive-fhir reindex`: what was there before is found, and what comes afterwards at once."""
    folder = tmp_path / "parameters"
    folder.mkdir()
    definition = {
        "resourceType": "SearchParameter", "url": "https://clinic.example/SearchParameter/goal-due", "name": "due",
        "status": "active", "description": "When a goal is due.", "code": "due", "base": ["Goal"], "type": "date",
        "expression": "Goal.target.due.ofType(date)",
    }  # fmt: skip
    (folder / "due.json").write_text(json.dumps(definition))
    settings = {"SEARCH_PARAMETERS": str(folder)}
    refused(clinic.get("Goal", ("due", "2026-09-01")), 400, "search-parameter-unknown")
    told = command("reindex", database_url=searched_database, **settings)
    assert "The index is complete" in told.stdout
    with serving(tmp_path, searched_database, "--sandbox", "--workers", "1", **settings) as server:
        goals = f"{server.url}/fhir/Goal"
        assert shown(httpx.get(f"{goals}?due=2026-09-01").json()) == ["sleep"]
        bike = clinic.get("Goal/bike").json() | {"target": [{"dueDate": "2026-09-01"}]}
        assert httpx.put(f"{goals}/bike", json=bike).status_code == 200
        assert sorted(shown(httpx.get(f"{goals}?due=2026-09-01").json())) == ["bike", "sleep"]
        assert shown(httpx.get(f"{goals}?due:missing=true").json()) == ["drum"]
