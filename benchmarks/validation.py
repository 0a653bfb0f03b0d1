"""How long reading and validating a body takes: `python -m benchmarks.validation`, from the repository root.

Prints the floor of many short batches on one core, in microseconds, and validations a
second at that floor. The last row is the same score with one fault, which the walker
describes; before it stands what the registry costs at start.

Source: the budget of one create in docs/performance.md, tech.md section 6
"""

from __future__ import annotations

import time
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from benchmarks import resources
from service.fhir import codec, registry
from service.fhir.validation.validator import Validator

if TYPE_CHECKING:
    from collections.abc import Callable

BATCHES = 60
BATCH = 300
SEED = 7
SCORE_TARGET = 25_000  # validations a second and core, of a score of 1 kB

CIRCLE = resources.Circle(
    "Patient/young-person-1",
    "Practitioner/practitioner-1",
    "Organization/agency-1",
    "Encounter/session-1",
    "Goal/goal-1",
)


def floor(act: Callable[[], object]) -> float:
    """The microseconds that one call takes in the fastest batch."""
    best = float("inf")
    for _ in range(BATCHES):
        begun = time.perf_counter()
        for _ in range(BATCH):
            act()
        best = min(best, time.perf_counter() - begun)
    return best / BATCH * 1e6


def bodies() -> dict[str, bytes]:
    """What is measured: name and body."""
    random = Random(SEED)
    score = resources.score(random, CIRCLE)
    sound = {
        "Observation score": score,
        "Goal": resources.goal(random, CIRCLE),
        "QuestionnaireResponse": resources.response(random, CIRCLE),
        "Patient": resources.patient(random, CIRCLE.organization),
    }
    return {name: codec.encode(resource) for name, resource in sound.items()} | {
        "score with a fault": codec.encode(score | {"status": "done"})
    }


def measure() -> None:
    """Prints the table."""
    begun = time.perf_counter()
    loaded = registry.load()
    print(f"registry loaded in {(time.perf_counter() - begun) * 1e3:.1f} ms")
    validator = Validator(loaded)
    documents = {name: codec.decode(body) for name, body in bodies().items()}
    begun = time.perf_counter()
    validator.check(documents["Observation score"])
    print(f"first score ever checked in {(time.perf_counter() - begun) * 1e3:.1f} ms")
    print(f"{'':24}{'bytes':>8}{'decode us':>12}{'validate us':>13}{'validations/s':>15}{'issues':>8}")
    for name, document in documents.items():
        body = codec.encode(document)
        decoding = floor(partial(codec.decode, body))
        validating = floor(partial(validator.check, document))
        issues = len(validator.check(document))
        print(f"{name:24}{len(body):8}{decoding:12.1f}{validating:13.1f}{1e6 / validating:15,.0f}{issues:8}")
    print(f"target: {SCORE_TARGET:,} scores a second")


if __name__ == "__main__":
    measure()
