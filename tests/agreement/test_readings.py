"""What R4's search page says that a search means, read and matched in memory: both sides of each bound.

The databases agree with this reading, as the other tests of this folder show; so what is true here is true there.

Source: https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.asked import Setting
from service.fhir.search.grammar import parse
from tests.agreement.neighbours import neighbours
from tests.conftest import BASE_URL

NOW = 1_700_000_000_000_000  # microseconds: November 2023
UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
REFUSED = "refused"


def observation(**elements):
    code = {"coding": [{"system": LOINC, "code": "1-1", "display": "Weight of body"}], "text": "Kilo grams"}
    return {"resourceType": "Observation", "id": "o", "status": "final", "code": code, **elements}


def patient(**elements):
    return {"resourceType": "Patient", "id": "p", **elements}


def on(date):
    return observation(effectiveDateTime=date)


def during(**period):
    return observation(effectivePeriod=period)


def measured(value, code="", **elements):
    coded = {"system": UCUM, "code": code} if code else {}
    return observation(valueQuantity={"value": value, **coded, **elements})


def named(**name):
    return patient(name=[name])


def about(reference):
    return observation(subject={"reference": reference})


def numbered(**identifier):
    return patient(identifier=[identifier])


def form(url, **elements):
    return {"resourceType": "Questionnaire", "id": "q", "status": "active", "url": url, **elements}


@pytest.fixture(scope="module")
def finds(registry, extractor):
    """Whether a search finds the resource; others may be around it."""

    def run(resource, *pairs, around=()):
        setting = Setting(registry, BASE_URL, NOW)
        type_ = resource["resourceType"]
        try:
            search = parse(setting, type_, pairs, count_default=10, count_limit=10, lenient=False)
        except Malformed:
            return REFUSED
        there = [resource, *around]
        return resource["id"] in neighbours(there, extractor, [NOW] * len(there)).found(search.query)

    return run


DATES = [
    (on("2013-01-14T00:00:00Z"), "eq2013-01-14", True),
    (on("2013-01-14T10:00:00Z"), "2013-01-14", True),
    (on("2013-01-15T00:00:00Z"), "eq2013-01-14", False),
    (on("2013"), "eq2013-01-14", False),
    (on("2013-01-15T00:00:00Z"), "ne2013-01-14", True),
    (on("2013-01-14T00:00:00Z"), "ne2013-01-14", False),
    (on("2013-01-14"), "lt2013-01-14T10:00Z", True),
    (on("2013-01-14"), "gt2013-01-14T10:00Z", True),
    (during(start="2013-01-21"), "ge2013-03-14", True),
    (during(end="2013-01-21"), "le2013-03-14", True),
    (on("2013-03-15"), "sa2013-03-14", True),
    (during(start="2013-01-21"), "sa2013-03-14", False),
    (during(end="2013-03-13"), "eb2013-03-14", True),
    (during(start="2013-01-21"), "eb2013-03-14", False),
    (on("2013-01-21"), "eb2013-01-21", False),
    (on("2013-03-14"), "ap2013-03-14", True),
    (on("2013-01-14T23:30:00-02:00"), "2013-01-15", True),
    (on("2013-01-14T10:00:00Z"), "2013-01-14T11:00:00+01:00", True),
    (on("2013-01-14T10:00:00Z"), "2013-01-14T11:00:00 01:00", True),  # a plus sign that was not encoded
    (on("2013-01-14T10:00:00.500Z"), "2013-01-14T10:00:00Z", True),
    (on("2013-01-14T10:00:00.500Z"), "2013-01-14T10:00:00.4Z", False),
    (on("2013"), "2013-1-1", REFUSED),
    (on("2013"), "2013-02-30", REFUSED),
    (on("2013"), "GE2013", REFUSED),
    (on("2013"), "ge 2013", REFUSED),
    (on("2013"), "2013,", REFUSED),
    (on("2013"), "ge", REFUSED),
]

QUANTITIES = [
    (measured(Decimal("99.5")), "100", True),
    (measured(Decimal("100.49")), "100", True),
    (measured(Decimal("100.5")), "100", False),
    (measured(Decimal("99.995")), "100.00", True),
    (measured(Decimal("99.99")), "100.00", False),
    (measured(Decimal("100.1")), "gt100", True),
    (measured(100), "gt100", False),
    (measured(100), "ge100", True),
    (measured(100), "le100.0", True),
    (measured(100), "ne100", False),
    (measured(101), "ne100", True),
    (measured(110), "ap100", True),
    (measured(90), "ap100", True),
    (measured(89), "ap100", False),
    (measured(-5), "-5", True),
    (measured(-5), "lt-4", True),
    (measured(5), "4,5", True),
    (measured(5, "mg"), f"5.0e-3|{UCUM}|g", True),
    (measured(Decimal("0.0054"), "g"), f"5.4|{UCUM}|mg", True),
    (measured(Decimal("5.4"), "mg"), "5.4||mg", True),
    (measured(Decimal("5.4"), unit="mg"), "5.4||mg", True),
    (measured(5, "mg"), f"5|{UCUM}|mm", False),
    (measured(37, "Cel"), f"98.6|{UCUM}|[degF]", True),
    (measured(38, "Cel"), f"98.6|{UCUM}|[degF]", False),
    (measured(7, "{ScoreOf}"), f"7|{UCUM}|{{ScoreOf}}", True),
    (measured(50, "%"), f"50|{UCUM}|1", False),
    (measured(5, "mg", comparator="<"), f"lt5|{UCUM}|mg", True),
    (measured(5, "mg", comparator="<"), f"gt5|{UCUM}|mg", False),
    (measured(5, "mg", comparator=">"), f"gt6|{UCUM}|mg", True),
    (measured(5), "5|mg", REFUSED),
    (measured(5), "5|||", REFUSED),
    (measured(5), "five", REFUSED),
    (measured(5), "NaN", REFUSED),
    (measured(5), "1e999", REFUSED),
]

TWO = observation(category=[{"coding": [{"code": "a"}, {"code": "b"}]}])
RECORD = {"coding": [{"system": "http://t.example", "code": "MR"}], "text": "Medical record"}
BY_EMAIL = patient(telecom=[{"system": "email", "value": "a@x.example"}])

TOKENS = [
    (observation(), "code", "1-1", True),
    (observation(), "code", f"{LOINC}|1-1", True),
    (observation(), "code", "|1-1", False),
    (observation(), "code", f"{LOINC}|", True),
    (observation(), "code", "1-1,2-2", True),
    (observation(), "code", "|", REFUSED),
    (observation(), "code", "a|b|c", REFUSED),
    (observation(), "code", "1-1,", REFUSED),
    (observation(), "Code", "1-1", REFUSED),
    (observation(), "code:Text", "weight", REFUSED),
    (observation(), "code:text", "weight", True),
    (observation(), "code:text", "KILO", True),
    (observation(), "code:text", "body", False),
    (observation(), "code:not", "1-1", False),
    (observation(), "code:not", "2-2,1-1", False),
    (observation(), "code:not", "2-2,3-3", True),
    (observation(), "category:not", "a", True),  # none at all
    (TWO, "category:not", "a", False),  # b is not a, but a is there
    (observation(), "status", f"{BASE_URL}|final", False),
    (observation(), "status", "http://hl7.org/fhir/observation-status|final", True),
    (observation(), "status", "FINAL", False),
    (patient(active=True), "active", "true", True),
    (patient(active=True), "active:not", "true", False),
    (patient(), "active:not", "true", True),
    (numbered(value="1"), "identifier", "|1", True),
    (numbered(system="s", value="1"), "identifier", "|1", False),
    (numbered(system="s", value="1"), "identifier", "1", True),
    (numbered(system="s", value="aB"), "identifier", "ab", False),
    (numbered(system="s", value="a,b|c$d\\e"), "identifier", r"s|a\,b\|c\$d\\e", True),
    (numbered(system="s", value="1"), "identifier", r"s|\1", REFUSED),
    (numbered(system="s", value="1"), "identifier", "s|1\\", REFUSED),
    (numbered(type=RECORD, system="s", value="1"), "identifier:of-type", "http://t.example|MR|1", True),
    (numbered(type=RECORD, system="s", value="1"), "identifier:of-type", "http://t.example|MR|2", False),
    (numbered(type=RECORD, value="a|b"), "identifier:of-type", r"http://t.example|MR|a\|b", True),
    (numbered(type=RECORD, value="1"), "identifier:of-type", "MR|1", REFUSED),
    (numbered(type=RECORD, value="1"), "identifier:text", "medical", True),
    (BY_EMAIL, "email", "a@x.example", True),
    (BY_EMAIL, "phone", "a@x.example", False),
]

STRINGS = [
    (named(family="van der Eve"), "name", "eve", True),
    (named(given=["Ève"]), "given", "eve", True),
    (named(given=["Severine"]), "given", "eve", False),
    (named(given=["Severine"]), "given:contains", "eve", True),
    (named(given=["Eve"]), "given:exact", "Eve", True),
    (named(given=["eve"]), "given:exact", "Eve", False),
    (named(given=["Evelyn"]), "given:exact", "Eve", False),
    (named(given=["a,b"]), "given:exact", r"a\,b", True),
    (named(given=["a"]), "given", r"a\b", REFUSED),
    (named(given=["a"]), "given", "", REFUSED),
    (named(given=["a"]), "given", "-", REFUSED),
    (named(given=["a"]), "given:Exact", "a", REFUSED),
    (named(given=["a"]), "given:", "a", REFUSED),
    (named(given=["a"]), "given:exact:missing", "true", REFUSED),
    (patient(), "given:missing", "true", True),
    (patient(), "given:missing", "false", False),
    (patient(), "given:missing", "TRUE", REFUSED),
    (patient(), "given:missing", "true,false", REFUSED),
    (patient(address=[{"city": "Ness", "line": ["1 Row"]}]), "address", "1 row", True),
]

REFERENCES = [
    (about("Patient/1"), "subject", "Patient/1", True),
    (about("Patient/1"), "subject", "1", True),
    (about("Patient/1"), "subject:Patient", "1", True),
    (about("Group/1"), "subject:Patient", "1", False),
    (about("Group/1"), "patient", "1", False),
    (about("Patient/1"), "subject", f"{BASE_URL}/Patient/1", True),
    (about(f"{BASE_URL}/Patient/1"), "subject", "Patient/1", True),
    (about("http://x.example/fhir/Patient/1"), "subject", "http://x.example/fhir/Patient/1", True),
    (about("http://x.example/fhir/Patient/1"), "subject", "Patient/1", False),
    (about("Patient/1/_history/2"), "subject", "Patient/1", True),
    (about("Patient/1"), "subject", "Goal/1", REFUSED),
    (about("Patient/1"), "subject:Goal", "1", REFUSED),
    (about("Patient/1"), "subject:patient", "1", REFUSED),
    (observation(subject={"identifier": {"system": "s", "value": "1"}}), "subject:identifier", "s|1", True),
    (observation(subject={"identifier": {"system": "s", "value": "1"}}), "subject:missing", "true", False),
    (observation(), "subject:missing", "true", True),
]

URIS = [
    (form("http://a.example/b/c"), "url", "http://a.example/b", False),
    (form("http://a.example/b/c"), "url:below", "http://a.example/b", True),
    (form("http://a.example/b/c"), "url:below", "http://a.example/b/", True),
    (form("http://a.example/bc"), "url:below", "http://a.example/b", False),
    (form("http://a.example/b"), "url:above", "http://a.example/b/c", True),
    (form("http://A.example/b"), "url", "http://a.example/b", False),
    (form("urn:x:y"), "url:below", "urn:x", REFUSED),
    (form("http://a.example/b", version="1"), "url", "http://a.example/b|1", True),
    (form("http://a.example/b", version="1"), "url", "http://a.example/b|2", False),
]

PRESSURE = observation(
    component=[
        {"code": {"coding": [{"code": code}]}, "valueQuantity": {"value": value, "system": UCUM, "code": "mm[Hg]"}}
        for code, value in (("upper", 120), ("lower", 70))
    ]
)  # fmt: skip
BY_COMPONENT = "component-code-value-quantity"

COMPOSITES = [
    (PRESSURE, BY_COMPONENT, "upper$120", True),
    (PRESSURE, BY_COMPONENT, "upper$70", False),
    (PRESSURE, BY_COMPONENT, "lower$lt80", True),
    (PRESSURE, BY_COMPONENT, f"upper$16.0|{UCUM}|kPa", True),
    (PRESSURE, BY_COMPONENT, "none$1,lower$70", True),
    (PRESSURE, "combo-code-value-quantity", "upper$120", True),
    (PRESSURE, BY_COMPONENT, "upper", REFUSED),
    (PRESSURE, BY_COMPONENT, "upper$1$2", REFUSED),
    (PRESSURE, BY_COMPONENT, "$1", REFUSED),
    (PRESSURE, f"{BY_COMPONENT}:missing", "true", REFUSED),
    (observation(valueString="Hello"), "code-value-string", "1-1$hel", True),
    (observation(valueDateTime="2020-01-01"), "code-value-date", "1-1$ge2019", True),
    (observation(valueCodeableConcept={"coding": [{"code": "v"}]}), "code-value-concept", "1-1$v", True),
    (observation(valueCodeableConcept={"coding": [{"code": "v"}]}), "code-value-concept", "2-2$v", False),
]

# What others make up is asked of each of them.
WEIGHT = observation(valueQuantity={"value": 5, "unit": "kg"})
COMBINED = [
    (PRESSURE, "combo-code", "1-1", True),
    (PRESSURE, "combo-code", f"{LOINC}|1-1", True),
    (PRESSURE, "combo-code", "lower", True),
    (PRESSURE, "combo-code", "other", False),
    (PRESSURE, "combo-code", "other,upper", True),
    (PRESSURE, "combo-code:not", "upper", False),
    (PRESSURE, "combo-code:not", "1-1", False),
    (PRESSURE, "combo-code:not", "other", True),
    (PRESSURE, "combo-code:missing", "true", False),
    (PRESSURE, "combo-code:missing", "false", True),
    (PRESSURE, "combo-value-quantity", "70", True),
    (PRESSURE, "combo-value-quantity", "lt70", False),
    (PRESSURE, "combo-value-quantity", f"16.0|{UCUM}|kPa", True),
    (PRESSURE, "combo-value-concept:missing", "true", True),
    (PRESSURE, "combo-value-concept:missing", "false", False),
    (WEIGHT, "combo-value-quantity", "5||kg", True),
    (WEIGHT, "combo-value-quantity", "gt5", False),
    (WEIGHT, "combo-value-quantity:missing", "false", True),
    (observation(), "combo-value-quantity:missing", "true", True),
    (observation(valueCodeableConcept={"coding": [{"code": "v"}]}), "combo-value-concept", "v", True),
]

OF_ALL_TYPES = [
    (observation(meta={"tag": [{"system": "s", "code": "t"}]}), "_tag", "s|t", True),
    (observation(meta={"profile": ["http://p.example/a|1"]}), "_profile", "http://p.example/a", True),
    (observation(meta={"profile": ["http://p.example/a/b"]}), "_profile:below", "http://p.example/a", True),
    (observation(meta={"source": "http://s.example#x"}), "_source", "http://s.example#x", True),
    (observation(), "_id", "o,x", True),
    (observation(), "_id:not", "o,x", False),
    (observation(), "_id:missing", "true", False),
    (observation(), "_id", "a b", REFUSED),
    (observation(), "_lastUpdated", "2023-11", True),
    (observation(note=[{"text": "Sleeps badly"}]), "_content", "badly sleep", True),
    (observation(note=[{"text": "Sleeps badly"}]), "_content", "leep", False),
    (observation(note=[{"text": "Sleeps badly"}]), "_text", "badly", False),
    (observation(), "_text", "-", REFUSED),
    (observation(), "_text:exact", "a", REFUSED),
    (observation(), "_list", "$current-problems", REFUSED),
]


def cases():
    by_name = [("date", DATES), ("value-quantity", QUANTITIES)]
    yield from ((resource, name, value, told) for name, some in by_name for resource, value, told in some)
    for some in (TOKENS, STRINGS, REFERENCES, URIS, COMPOSITES, COMBINED, OF_ALL_TYPES):
        yield from some


@pytest.mark.parametrize(("resource", "name", "value", "told"), list(cases()))
def test_what_a_value_means(finds, resource, name, value, told):
    assert finds(resource, (name, value)) == told


def test_repeated_parameters_must_all_hold_and_alternatives_need_not(finds):
    assert finds(TWO, ("category", "a"), ("category", "b"))
    assert not finds(TWO, ("category", "a"), ("category", "c"))
    assert finds(TWO, ("category", "a,c"))
    assert not finds(observation(), ("code:not", "2-2"), ("code:not", "1-1"))


SURGERY = {"resourceType": "Organization", "id": "g", "name": "Surgery"}
CHILD = patient(name=[{"family": "Testing"}], generalPractitioner=[{"reference": "Organization/g"}])
SCORE = observation(subject={"reference": "Patient/p"})
PART = [
    {"resourceType": "Location", "id": id_, **({"partOf": {"reference": f"Location/{of}"}} if of else {})}
    for id_, of in (("room", "floor"), ("floor", "house"), ("house", ""))
]
REGISTER = {"resourceType": "List", "id": "r", "entry": [{"item": {"reference": "Patient/p"}}]}

FOLLOWED = [
    (SCORE, "subject:Patient.name", "test", True),
    (SCORE, "subject.name", "test", True),
    (SCORE, "patient.general-practitioner:Organization.name", "surg", True),
    (SCORE, "patient.general-practitioner.name", "surg", True),
    (SCORE, "patient.birthdate:missing", "true", True),
    (SCORE, "patient.gender:not", "male", True),
    (SCORE, "patient._id", "q", False),
    (
        about("Patient/gone"),
        "patient.name:missing",
        "true",
        False,
    ),  # nobody is there of whom it could be true
    (SCORE, "patient.colour", "x", REFUSED),
    (SCORE, "code.name", "x", REFUSED),
    (SCORE, "patient.", "x", REFUSED),
    (SCORE, ".name", "x", REFUSED),
    (CHILD, "_has:Observation:patient:code", "1-1", True),
    (CHILD, "_has:Observation:patient:code:not", "2-2", True),
    (CHILD, "_has:Observation:patient:code", "2-2", False),
    (CHILD, "_has:Observation:patient:_lastUpdated", "ge2000", True),
    (SURGERY, "_has:Patient:general-practitioner:_has:Observation:patient:code", "1-1", True),
    (CHILD, "_has:Observation:patient", "x", REFUSED),
    (CHILD, "_has:Observation:code:code", "x", REFUSED),
    (CHILD, "_has:Nothing:patient:code", "x", REFUSED),
    (CHILD, "_has", "x", REFUSED),
    (CHILD, "_list", "r", True),
    (CHILD, "_list", "s", False),
    (PART[0], "partof:below", "house", True),
    (PART[0], "partof:below", "Location/floor", True),
    (PART[0], "partof:below", "room", False),
    (PART[1], "partof:above", "room", True),
    (PART[0], "partof:above", "floor", True),
    (PART[0], "partof:above", "house", False),
]


@pytest.mark.parametrize(("resource", "name", "value", "told"), FOLLOWED)
def test_where_references_lead(finds, resource, name, value, told):
    around = [one for one in (SURGERY, CHILD, SCORE, *PART, REGISTER) if one["id"] != resource["id"]]
    assert finds(resource, (name, value), around=around) == told
