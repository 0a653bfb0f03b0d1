"""A small clinic of nobody for the story of search: two young people, what they work on, and how it goes.

Everything is put under ids that say what it is, so that a test can be read.
"""

from __future__ import annotations

from typing import Any

Resource = dict[str, Any]

SCT = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
NUMBERS = "https://clinic.example/numbers"
FORMS = "https://clinic.example/forms"
SLOT_1 = "1638531000000102"
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"

# The scores of the goal `sleep`, oldest first, by the day on which they were given.
SCORED = {
    "2026-03-02": 2, "2026-03-16": 3, "2026-03-30": 3, "2026-04-13": 5, "2026-04-27": 6, "2026-05-11": 8,
}  # fmt: skip


def concept(system: str, code: str, display: str = "", text: str = "") -> Resource:
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]} | ({"text": text} if text else {})


def narrative(words: str) -> Resource:
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{words}</div>'}


def young_people() -> list[Resource]:
    return [
        {
            "resourceType": "Patient", "id": "kite", "active": True, "gender": "female", "birthDate": "2011-05-17",
            "identifier": [
                {"type": concept(IDENTIFIER_TYPES, "MR"), "system": NUMBERS, "value": "12-K"},
                {"system": "urn:old", "value": "a,b|c"},
            ],
            "name": [{"family": "Teapotmoss-Wumpet", "given": ["Zibbo"]}],
            "address": [{"city": "Marmalade Ness", "postalCode": "ZZ99 3CZ"}],
            "telecom": [{"system": "phone", "value": "07700 900001"}],
            "generalPractitioner": [{"reference": "Organization/surgery"}],
            "managingOrganization": {"reference": "Organization/team"},
            "meta": {
                "tag": [{"system": "https://clinic.example/tags", "code": "pilot"}],
                "security": [{"system": "https://clinic.example/labels", "code": "hush"}],
                "source": "https://clinic.example/feeds/north",
            },
        },
        {
            "resourceType": "Patient", "id": "moss", "active": False, "gender": "male", "birthDate": "2012",
            "identifier": [{"system": NUMBERS, "value": "13"}],
            "name": [{"family": "Flumédle", "given": ["Quorkin"]}],
        },
        {
            "resourceType": "RelatedPerson", "id": "aunt", "patient": {"reference": "Patient/kite"},
            "name": [{"family": "Teapotmoss", "given": ["Yumbloo"]}],
        },
        {"resourceType": "Practitioner", "id": "keeper", "name": [{"family": "Lanternquartz"}]},
        {"resourceType": "Organization", "id": "trust", "name": "Marmalade Trust"},
        {"resourceType": "Organization", "id": "team", "name": "Teapot Vale Team", "partOf": {"reference": "Organization/trust"}},
        {"resourceType": "Organization", "id": "surgery", "name": "Kettle Row Surgery"},
    ]  # fmt: skip


def goals() -> list[Resource]:
    shared = {"resourceType": "Goal", "lifecycleStatus": "active"}
    return [
        {
            **shared, "id": "sleep", "subject": {"reference": "Patient/kite"}, "startDate": "2026-03-02",
            "description": {"text": "Invented goal about slumber"}, "text": narrative("Slumber through the <b>night</b>"),
            "target": [{"dueDate": "2026-09-01"}],
        },
        {
            **shared, "id": "bike", "subject": {"reference": "Patient/kite"}, "startDate": "2026-04-01",
            "description": {"text": "Invented goal about cycling"},
            "expressedBy": {"identifier": {"system": NUMBERS, "value": "kin-1"}},
        },
        {
            **shared, "id": "drum", "subject": {"reference": "Patient/moss"},
            "description": {"text": "Invented goal about drumming"},
        },
    ]  # fmt: skip


def scores() -> list[Resource]:
    """The scores of `sleep`, `score-1` the oldest."""
    return [
        {
            "resourceType": "Observation", "id": f"score-{number}", "status": "final",
            "category": [concept(CATEGORIES, "survey")],
            "code": concept(SCT, SLOT_1, text="How near the goal is"),
            "subject": {"reference": "Patient/kite"}, "focus": [{"reference": "Goal/sleep"}],
            "encounter": {"reference": "Encounter/visit"}, "performer": [{"reference": "Patient/kite"}],
            "effectiveDateTime": f"{day}T16:00:00Z",
            "valueQuantity": {"value": value, "system": UCUM, "code": "{ScoreOf}"},
        }
        for number, (day, value) in enumerate(SCORED.items(), 1)
    ]  # fmt: skip


def measured(id_: str, subject: str, code: str, **elements: Any) -> Resource:
    return {
        "resourceType": "Observation", "id": id_, "status": "final", "code": concept(LOINC, code),
        "subject": {"reference": f"Patient/{subject}"}, **elements,
    }  # fmt: skip


def measures() -> list[Resource]:
    return [
        measured("weight-kg", "kite", "29463-7", valueQuantity=quantity(50, "kg"), effectiveDateTime="2026-03-02"),
        measured("weight-g", "moss", "29463-7", valueQuantity=quantity(49600, "g"), effectiveDateTime="2026-03"),
        measured("height", "moss", "8302-2", valueQuantity=quantity(160, "cm"), effectivePeriod={"start": "2026-02-01"}),
        measured(
            "pressure", "kite", "85354-9",
            component=[
                {"code": concept(LOINC, "8480-6"), "valueQuantity": quantity(120, "mm[Hg]")},
                {"code": concept(LOINC, "8462-4"), "valueQuantity": quantity(70, "mm[Hg]")},
            ],
        ),
    ]  # fmt: skip


def quantity(value: int, code: str) -> Resource:
    return {"value": value, "unit": code, "system": UCUM, "code": code}


def others() -> list[Resource]:
    form = {"resourceType": "Questionnaire", "status": "active"}
    return [
        {
            "resourceType": "Encounter", "id": "visit", "status": "finished", "subject": {"reference": "Patient/kite"},
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "period": {"start": "2026-03-02T15:00:00Z", "end": "2026-03-02T17:00:00Z"},
            "serviceProvider": {"reference": "Organization/team"},
        },
        {
            "resourceType": "CarePlan", "id": "plan", "status": "active", "intent": "plan",
            "subject": {"reference": "Patient/kite"}, "goal": [{"reference": "Goal/sleep"}, {"reference": "Goal/bike"}],
        },
        {**form, "id": "form", "url": f"{FORMS}/slumber", "version": "2", "title": "Slumber"},
        {**form, "id": "short-form", "url": f"{FORMS}/slumber/short", "version": "1", "title": "Slumber, short"},
        {"resourceType": "Location", "id": "house", "name": "Custard House", "position": {"latitude": 51.5, "longitude": -0.1}},
        {"resourceType": "Location", "id": "room", "name": "Custard Room", "partOf": {"reference": "Location/house"}},
        {
            "resourceType": "List", "id": "register", "status": "current", "mode": "working",
            "entry": [{"item": {"reference": "Patient/kite"}}],
        },
    ]  # fmt: skip


def transaction() -> Resource:
    """All of it at once."""
    resources = [*young_people(), *goals(), *scores(), *measures(), *others()]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": resource,
                "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"},
            }
            for resource in resources
        ],
    }
