"""What a compiled path costs: search expressions and invariants on example resources, in microseconds.

Run: `.venv/bin/python -m benchmarks.paths`. Each figure is the best of several short batches.
"""

from __future__ import annotations

import timeit
from decimal import Decimal
from typing import Any

from service.fhir import registry
from service.fhir.paths import Dialect, Environment, compile_path

BATCHES = 7
CALLS = 2000

SCORE: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "score-1",
    "status": "final",
    "category": [
        {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}
            ]
        }
    ],
    "code": {
        "coding": [{"system": "https://thrive-fhir.example/CodeSystem/measure", "code": "goal-progress"}]
    },
    "subject": {"reference": "Patient/young-person-1"},
    "focus": [{"reference": "Goal/goal-1"}],
    "encounter": {"reference": "Encounter/session-1"},
    "effectiveDateTime": "2026-03-02T15:10:00Z",
    "performer": [{"reference": "Patient/young-person-1"}],
    "valueQuantity": {
        "value": Decimal("6.5"),
        "unit": "score",
        "system": "http://unitsofmeasure.org",
        "code": "{score}",
    },
    "component": [
        {
            "code": {
                "coding": [{"system": "https://thrive-fhir.example/CodeSystem/measure", "code": "confidence"}]
            },
            "valueInteger": 4,
        }
    ],
}

GOAL: dict[str, Any] = {
    "resourceType": "Goal",
    "id": "goal-1",
    "lifecycleStatus": "active",
    "description": {"text": "Sleep through the night again"},
    "subject": {"reference": "Patient/young-person-1"},
    "startDate": "2026-01-12",
    "target": [
        {
            "measure": {
                "coding": [
                    {"system": "https://thrive-fhir.example/CodeSystem/measure", "code": "goal-progress"}
                ]
            },
            "detailQuantity": {"value": 8},
            "dueDate": "2026-06-30",
        }
    ],
}

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "young-person-1",
    "name": [{"family": "Testfamily", "given": ["Testgiven", "Second"]}],
    "telecom": [
        {"system": "phone", "value": "00000"},
        {"system": "email", "value": "nobody@thrive-fhir.example"},
    ],
    "birthDate": "2010-05-06",
    "contained": [{"resourceType": "Organization", "id": "o1", "name": "Example school"}],
    "managingOrganization": {"reference": "#o1"},
}

SEARCH: list[tuple[dict[str, Any], str]] = [
    (SCORE, "Observation.status"),
    (SCORE, "Observation.subject"),
    (SCORE, "Observation.code"),
    (SCORE, "Observation.category"),
    (SCORE, "Observation.value as Quantity"),
    (SCORE, "(Observation.value as Quantity) | (Observation.value as SampledData)"),
    (SCORE, "Observation.subject.where(resolve() is Patient)"),
    (SCORE, "Observation.effective"),
    (SCORE, "Observation.code | Observation.component.code"),
    (SCORE, "Observation.component.value as CodeableConcept"),
    (GOAL, "(Goal.target.due as date)"),
    (GOAL, "(Goal.start as date)"),
    (PATIENT, "Patient.birthDate"),
    (PATIENT, "Patient.name.given"),
    (PATIENT, "Patient.telecom.where(system='phone')"),
    (PATIENT, "Patient.deceased.exists() and Patient.deceased != false"),
]

INVARIANTS: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("obs-6", "Observation", SCORE, SCORE),
    ("obs-7", "Observation", SCORE, SCORE),
    ("dom-2", "Observation", SCORE, SCORE),
    ("dom-3", "Observation", SCORE, SCORE),
    ("dom-3", "Patient", PATIENT, PATIENT),
    ("ele-1", "CodeableConcept", SCORE["code"], SCORE),
    ("ext-1", "Extension", {"url": "https://thrive-fhir.example/x", "valueString": "a"}, SCORE),
    ("qty-3", "Quantity", SCORE["valueQuantity"], SCORE),
    ("per-1", "Period", {"start": "2026-01-12", "end": "2026-02-28"}, GOAL),
    ("per-1", "Period", {"start": "2026-01-12", "end": "2026-02-28T10:00:00Z"}, GOAL),
    ("ref-1", "Reference", PATIENT["managingOrganization"], PATIENT),
    ("gol-1", "Goal.target", GOAL["target"][0], GOAL),
]


def microseconds(run: Any) -> float:
    """The cost of one call, best of the batches."""
    return min(timeit.repeat(run, number=CALLS, repeat=BATCHES)) / CALLS * 1e6


def main() -> None:
    """Prints the two tables."""
    known = registry.load()
    print("search expressions                                                    µs  items")
    for resource, expression in SEARCH:
        path = compile_path(expression, known, resource["resourceType"])
        cost = microseconds(lambda path=path, resource=resource: path.values(resource))
        print(f"{expression:68} {cost:5.2f}  {len(path.values(resource))}")
    print("\ninvariants                                                            µs  holds")
    for key, type_, element, resource in INVARIANTS:
        expression = next(rule.expression for rule in known.definition(type_).invariants if rule.key == key)
        path = compile_path(expression, known, type_, dialect=Dialect(resource_type=resource["resourceType"]))
        environment = Environment(resource=resource, root=resource)
        cost = microseconds(lambda p=path, e=element, env=environment: p.holds(e, env))
        print(f"{key + ' on ' + type_:68} {cost:5.2f}  {path.holds(element, environment)}")
    expression = "Observation.component.where(value > 3).code.coding.code"
    cost = (
        min(timeit.repeat(lambda: compile_path(expression, known, "Observation"), number=200, repeat=5))
        / 200
        * 1e6
    )
    print(f"\ncompiling `{expression}`: {cost:.0f} µs")


if __name__ == "__main__":
    main()
