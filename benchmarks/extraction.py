"""How long the extraction of search values takes: `python benchmarks/extraction.py`, from the repository root.

Prints, for typical resources, the floor of many short batches on one core, in
microseconds, and the number of values found. Every resource of a batch is another: ids,
names and days differ, so that nothing is found in a cache that a real load would not
have put there.

Source: the budget of one create in docs/performance.md
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from service.fhir import codec, registry
from service.fhir.search.extraction import Extractor

BASE_URL = "http://127.0.0.1:8080/fhir"
BATCHES = 40
BATCH = 20_000 // BATCHES

# The budget in microseconds, where one is set.
SCORE_BUDGET = 60
PATIENT_BUDGET = 25

SCORE = b"""{
 "resourceType": "Observation", "id": "score-1",
 "meta": {"profile": ["https://benchmarks.example/StructureDefinition/goal-score"]},
 "status": "final",
 "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey",
   "display": "Survey"}]}],
 "code": {"coding": [{"system": "https://thrive-fhir.example/CodeSystem/measure", "code": "gbo-progress",
   "display": "Goal progress"}], "text": "Goal progress, 0 to 10"},
 "subject": {"reference": "Patient/young-person-000001"},
 "focus": [{"reference": "Goal/goal-000001-1"}],
 "encounter": {"reference": "Encounter/session-000001-4"},
 "effectiveDateTime": "2026-09-14T15:30:00+01:00",
 "issued": "2026-09-14T14:42:11.123Z",
 "performer": [{"reference": "Practitioner/practitioner-12"}],
 "valueQuantity": {"value": 7, "unit": "score", "system": "http://unitsofmeasure.org", "code": "{score}"},
 "method": {"coding": [{"system": "https://thrive-fhir.example/CodeSystem/rater", "code": "young-person"}]},
 "derivedFrom": [{"reference": "QuestionnaireResponse/response-000001-4"}]
}"""

PATIENT = b"""{
 "resourceType": "Patient", "id": "young-person-000001",
 "identifier": [{"system": "https://thrive-fhir.example/invented-number", "value": "000001"}],
 "name": [{"family": "Testlingsson", "given": ["Examplina"]}],
 "gender": "female", "birthDate": "2011-05-17"
}"""

GOAL = b"""{
 "resourceType": "Goal", "id": "goal-000001-1", "lifecycleStatus": "active",
 "identifier": [{"system": "https://thrive-fhir.example/goal-slot", "value": "1"}],
 "description": {"text": "Go to the invented club once a week"},
 "subject": {"reference": "Patient/young-person-000001"},
 "startDate": "2026-06-01", "target": [{"measure": {"text": "Goal progress"}, "dueDate": "2026-12-01"}]
}"""


def variant(raw: bytes, number: int) -> dict[str, Any]:
    """The resource with ids, names and days of its own."""
    name = "".join("aeioulnrst"[int(digit)] for digit in f"{number:05}").encode()
    month, day = f"{number % 12 + 1:02}".encode(), f"{number % 28 + 1:02}".encode()
    changes = (
        (b"000001", b"%06d" % number),
        (b"Testlingsson", b"Testlings" + name),
        (b"Examplina", b"Exam" + name),
    )
    for old, new in (
        *changes,
        (b"2026-09-14T15", b"2026-%b-%bT15" % (month, day)),
        (b"05-17", b"%b-%b" % (month, day)),
    ):
        raw = raw.replace(old, new)
    return codec.decode(raw)


def floor(work: Callable[[dict[str, Any]], object], resources: list[dict[str, Any]]) -> float:
    """The least time of one call in any batch of the resources, in microseconds."""
    least = float("inf")
    for begin in range(0, len(resources), BATCH):
        batch = resources[begin : begin + BATCH]
        begun = time.perf_counter()
        for resource in batch:
            work(resource)
        least = min(least, time.perf_counter() - begun)
    return least / BATCH * 1e6


def main() -> None:
    """Prints the figures."""
    begun = time.perf_counter()
    extractor = Extractor(registry.load(), BASE_URL)
    print(f"registry and extractor ready in {(time.perf_counter() - begun) * 1e3:.0f} ms")
    for name, raw, budget in (
        ("score", SCORE, SCORE_BUDGET),
        ("patient", PATIENT, PATIENT_BUDGET),
        ("goal", GOAL, None),
    ):
        resources = [variant(raw, number) for number in range(BATCHES * BATCH)]
        values = extractor.values(resources[0])
        count = sum(len(getattr(values, field.name)) for field in fields(values))
        least = floor(extractor.values, resources)
        aim = "" if budget is None else f" (aim {budget})"
        print(f"{name:8} {len(codec.encode(resources[0])):5} bytes {count:3} values {least:6.1f} us{aim}")


if __name__ == "__main__":
    main()
