"""How fast a cohort is invented, and what is in it: `python -m benchmarks.sandbox`, from the repository root.

Prints resources a second on one core (the best of several runs, for the machine is shared),
the same with encoding to bytes, and the mix per young person.

Source: issue 2, item 7 (at least 5,000 resources a second with validation and storage)
"""

from __future__ import annotations

import time
from collections import Counter
from statistics import mean, median

from service.fhir.codec import encode
from service.sandbox.cohort import cohort

PATIENTS = 2_000
SEED = 1
RUNS = 5
TARGET = 40_000  # resources a second; loading needs most of the time for validation and storage


def measure() -> None:
    """Prints the figures."""
    inventing, encoding = float("inf"), float("inf")
    batches = []
    size = 0
    for _ in range(RUNS):
        begun = time.perf_counter()
        batches = list(cohort(PATIENTS, SEED))
        invented = time.perf_counter()
        size = sum(len(encode(resource)) for batch in batches for resource in batch)
        inventing = min(inventing, invented - begun)
        encoding = min(encoding, time.perf_counter() - invented)
    counts = Counter(resource["resourceType"] for batch in batches for resource in batch)
    total = counts.total()
    records = [len(batch) for batch in batches if batch[0]["resourceType"] == "Patient"]
    print(
        f"{PATIENTS} young people, seed {SEED}: {total} resources, {size / total:.0f} bytes each on average"
    )
    print(f"invented: {total / inventing:,.0f} resources/s (target {TARGET:,})")
    print(f"invented and encoded: {total / (inventing + encoding):,.0f} resources/s")
    print(
        f"per young person: mean {mean(records):.1f}, median {median(records):.0f}, {min(records)} to {max(records)}"
    )
    for type_, count in counts.most_common():
        print(f"{type_:24}{count:>9,}{count / PATIENTS:>9.2f}")


if __name__ == "__main__":
    measure()
