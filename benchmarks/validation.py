"""How long reading and validating a body takes: `python -m benchmarks.validation`, from the repository root.

Prints what a start costs, then for the guide's own examples the floor of many short
batches on one core: decoding, validating with every profile and invariant that is due, and
what fhir.resources takes to parse the same bytes into its models of R4B, which checks neither.
Last come single invariants.

Source: the budget of one create in docs/performance.md, design.md section 6
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final

from fhir.resources.R4B import get_fhir_model_class

from benchmarks import paths, resources
from service.fhir import artefacts, codec, registry
from service.fhir.paths import Dialect, Environment, compile_path
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.fhir.guide import Guide
    from service.fhir.registry import Registry

Json = dict[str, Any]

SECONDS: Final = 1.0  # that one figure may take
BATCH: Final = 0.005  # seconds of one batch: short, so that some batches have the core to themselves
SEED: Final = 7
SCORE_TARGET: Final = 15_000  # validations a second and core of a goal's score, design.md section 6
FAULTS: Final = 100  # in one resource, all told in one answer
DEPTH: Final = 64  # nested arrays and objects of an example

EXAMPLES: Final = {
    "goal's score": "example-gbo-score",
    "goal": "example-gbo-goal",
    "plan": "example-thrive-plan",
    "CollaboRATE score": "example-collaborate-score",
    "session's response": "example-gbo-session",
}
CIRCLE: Final = resources.Circle(
    "Patient/young-person-1",
    "Practitioner/practitioner-1",
    "Organization/agency-1",
    "Encounter/session-1",
    "Goal/goal-1",
)


def floor(act: Callable[[], object]) -> float:
    """The microseconds that one call takes in the fastest batch."""
    begun = time.perf_counter()
    act()
    calls = max(1, round(BATCH / (time.perf_counter() - begun)))
    best = float("inf")
    until = begun + SECONDS
    while best == float("inf") or time.perf_counter() < until:
        begun = time.perf_counter()
        for _ in range(calls):
            act()
        best = min(best, time.perf_counter() - begun)
    return best / calls * 1e6


def bodies() -> dict[str, bytes]:
    """What is measured: name and body. The first is the one that the target is of."""
    folder = artefacts.shipped() / "examples" / "valid"
    examples = {
        name: codec.decode((folder / f"{id_}.json").read_bytes(), max_depth=DEPTH)
        for name, id_ in EXAMPLES.items()
    }
    score = examples["goal's score"]
    generic = {
        "generic observation": resources.score(Random(SEED), CIRCLE) | {"code": {"text": "Steps a day"}},
        "person of no profile": resources.patient(Random(SEED), CIRCLE.organization),
    }
    faulty = {
        "score without its goal": {name: value for name, value in score.items() if name != "focus"},
        f"score with {FAULTS} faults": score | {"note": [{"authorString": "nobody"}] * FAULTS},
    }
    return {name: codec.encode(one) for name, one in (examples | generic | faulty).items()}


@dataclass(frozen=True, slots=True)
class Row:
    """What one body costs. Units: bytes, microseconds; `peer` is fhir.resources', None where it refuses the body."""

    name: str
    size: int
    decoding: float
    validating: float
    issues: int
    peer: float | None

    def __str__(self) -> str:
        both = self.decoding + self.validating
        peer = f"{'refused':>10}{'':9}" if self.peer is None else f"{self.peer:10.0f}{self.peer / both:8.0f}x"
        return (
            f"{self.name:24}{self.size:7}{self.decoding:9.1f}{self.validating:10.1f}"
            f"{1e6 / self.validating:10,.0f}{1e6 / both:10,.0f}{self.issues:8}{peer}"
        )


HEADS: Final = (
    f"{'':24}{'bytes':>7}{'decode':>9}{'validate':>10}{'/s':>10}{'both /s':>10}{'issues':>8}{'fhir.res.':>10}"
)


def row(name: str, body: bytes, validator: Validator) -> Row:
    """What the body costs to decode and to validate, and the peer to parse."""
    document = codec.decode(body)
    decoding = floor(partial(codec.decode, body))
    validating = floor(partial(validator.check, document))
    return Row(name, len(body), decoding, validating, len(validator.check(document)), peer(document, body))


def peer(document: Json, body: bytes) -> float | None:
    """The microseconds that fhir.resources takes to parse the body, None where it refuses it."""
    model = get_fhir_model_class(document["resourceType"])
    try:
        model.model_validate_json(body)
    except ValueError:
        return None
    return floor(partial(model.model_validate_json, body))


def invariants(known: Registry, guide: Guide, validator: Validator) -> Iterator[tuple[str, float, Any]]:
    """Some invariants of R4 and those of the goal score's profile: key, microseconds, whether it holds."""
    for key, type_, element, resource in paths.INVARIANTS:
        expression = next(rule.expression for rule in known.definition(type_).invariants if rule.key == key)
        path = compile_path(expression, known, type_, dialect=Dialect(resource_type=resource["resourceType"]))
        environment = Environment(resource=resource, root=resource)
        cost = floor(partial(path.holds, element, environment))
        yield f"{key} on {type_}", cost, path.holds(element, environment)
    score = codec.decode(bodies()["goal's score"])
    environment = Environment(resource=score, root=score)
    profile = guide.with_id("StructureDefinition", "gbo-score") or {}
    for rule in profile["differential"]["element"][0].get("constraint", ()):
        path = compile_path(rule["expression"], known, "Observation", services=validator.profiles.services)
        yield rule["key"], floor(partial(path.holds, score, environment)), path.holds(score, environment)


def timed(name: str, act: Callable[[], Any]) -> Any:
    """What it gives, having said how long it took."""
    begun = time.perf_counter()
    given = act()
    print(f"{name:44}{(time.perf_counter() - begun) * 1e3:8.1f} ms")
    return given


def measure() -> None:
    """Prints the tables."""
    loaded = timed("registry loaded", registry.load)
    guide = timed("guide read", artefacts.load)
    validator = timed("profiles compiled", lambda: Validator(loaded, guide, Terminology(loaded, guide)))
    documents = bodies()
    timed("first score checked", partial(validator.check, codec.decode(documents["goal's score"])))
    print(f"\nmicroseconds on one core{'':62}{'times both':>20}\n{HEADS}")
    for name, body in documents.items():
        print(row(name, body, validator))
    print(f"target: {SCORE_TARGET:,} goal scores a second and core\n")
    print(f"{'invariant':48}{'us':>8}  holds")
    for key, cost, holds in invariants(loaded, guide, validator):
        print(f"{key:48}{cost:8.2f}  {holds}")


if __name__ == "__main__":
    measure()
