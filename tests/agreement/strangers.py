"""Links of pages in other hands: who is sent one that was made for somebody else learns nothing by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from tests.agreement.comparing import next_of, shown
from tests.agreement.lived import Service
from tests.agreement.looking import Look
from tests.agreement.worlds import CHILDREN

_PAGED = (
    "Observation?_count=2",
    "Goal?_sort=-_lastUpdated&_count=1",
    "Patient?_sort=birthdate&_count=1",
    "Encounter?_count=1&_total=accurate",
    "_history?_count=3",
    "Goal/_history?_count=2",
    f"Patient/{CHILDREN[0]}/$everything?_count=2",
    f"Patient/{CHILDREN[1]}/*?_count=2",
    "$worklist?list=goals-not-rated&_count=1",
)


async def of_others(service: Service, looks: Sequence[Look], rng: Random, tally: Counter[str]) -> list[str]:
    """The faults found where links of each caller are followed by another, of the same locality or not."""
    faults = []
    for look in looks:
        service.hands.set(look.reduction.now)
        for paged in _PAGED:
            link = next_of(await service.ask(look.eyes.name, "GET", paged))
            if link is None:
                continue
            others = [each for each in looks if each.reduction.now == look.reduction.now and each is not look]
            for other in rng.sample(others, min(3, len(others))):
                said = await service.ask(other.eyes.name, "GET", link)
                tally["links"] += 1
                is_elsewhere = other.eyes.locality != look.eyes.locality
                if is_elsewhere and said.status not in {400, 403, 404}:
                    faults.append(f"{other.eyes.name} follows {link} of {look.eyes.name}: {said.status}")
                if not all(other.may_be_shown(resource) for resource in shown(said)):
                    faults.append(f"{other.eyes.name} follows {link} of {look.eyes.name}: {said.body!r}")
    return faults
