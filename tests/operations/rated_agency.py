"""An agency with teams and clinicians, whose encounters were rated by CollaboRATE; and what was told of them."""

from __future__ import annotations

import itertools
from typing import Any

from service.storage.store import AuditEntry, Change, Unit

Json = dict[str, Any]

OURS = "https://thrive-fhir.example"
SYSTEM = f"{OURS}/CodeSystem/collaborate"
NAMES = ("understand", "listen", "include")

_numbers = itertools.count(1)


def refer(text: str) -> Json:
    return {"reference": text}


def organization(id_: str, part_of: str | None = None) -> Json:
    made: Json = {"resourceType": "Organization", "id": id_}
    return made if part_of is None else {**made, "partOf": refer(f"Organization/{part_of}")}


def encounter(id_: str, at: str | None = "camhs", *staff: str, **more: Any) -> Json:
    made: Json = {"resourceType": "Encounter", "id": id_, "status": "finished"}
    if at is not None:
        made["serviceProvider"] = refer(f"Organization/{at}")
    if staff:
        made["participant"] = [{"individual": refer(each)} for each in staff]
    return {**made, **more}


def response(of: str, items: str = "9 9 9", child: str = "kim", **more: Any) -> Json:
    """A completed response about an encounter; `-` stands for an item not answered."""
    given = [
        {"linkId": name, "answer": [{"valueInteger": int(value)}]}
        for name, value in zip(NAMES, items.split(), strict=True)
        if value != "-"
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "id": f"{of}-answers",
        "questionnaire": f"{OURS}/Questionnaire/collaborate-0-9",
        "status": "completed",
        "subject": refer(f"Patient/{child}"),
        "encounter": refer(f"Encounter/{of}"),
        "authored": "2023-03-10T16:00:00Z",
        "source": refer(f"Patient/{child}"),
        "item": given,
        **more,
    }


def score(of: str, items: str = "9 9 9", child: str = "kim", **more: Any) -> Json:
    """The score of a response, which is here only where `derivedFrom` says so."""
    codes = [{"coding": [{"system": SYSTEM, "code": name}]} for name in NAMES]
    return {
        "resourceType": "Observation",
        "id": f"{of}-score",
        "status": "final",
        "code": {"coding": [{"system": SYSTEM, "code": "collaborate-mean"}]},
        "subject": refer(f"Patient/{child}"),
        "encounter": refer(f"Encounter/{of}"),
        "effectiveDateTime": "2023-03-10",
        "performer": [refer(f"Patient/{child}")],
        "method": {"coding": [{"system": SYSTEM, "code": "scale-0-9"}]},
        "component": [
            {"code": code, "valueInteger": int(value)}
            for code, value in zip(codes, items.split(), strict=True)
        ],
        **more,
    }


def rated(
    count: int, at: str | None = "camhs", by: str = "rowan", items: str = "9 9 9", **more: Any
) -> list[Json]:
    """So many encounters of a clinician, each of a young person of its own, each with its response."""
    made = []
    for _ in range(count):
        number = next(_numbers)
        made.append(encounter(f"s{number}", at, f"Practitioner/{by}"))
        made.append(response(f"s{number}", items, f"child{number}", **more))
    return made


async def stored(context, act, *resources: Json) -> None:
    """Stores them as they are: what writes refuse, warn of and extract is not what is asked here."""
    changes = [Change(each["resourceType"], each["id"], "PUT", None, None, each) for each in resources]
    entry = AuditEntry("epr", "camhs", "create", "request-1")
    await context.store.commit(act.caller.locality, Unit(tuple(changes), entry))


def told(entry: Json) -> Json:
    """What a parameter with parts says, by name; those that repeat, as lists."""
    found: Json = {}
    for part in entry.get("part", entry.get("parameter", ())):
        if "part" in part:
            found.setdefault(part["name"], []).append(told(part))
        else:
            [found[part["name"]]] = [value for name, value in part.items() if name.startswith("value")]
    return found
