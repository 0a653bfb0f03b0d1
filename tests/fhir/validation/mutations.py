"""Changes to a resource, at random but repeatable: what clients get wrong, and what they get right in odd ways."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

Json = Any
Path = tuple[str | int, ...]

VALUES: list[Json] = [
    None, True, False, 0, 1, -1, 7, 2**31, -(2**31) - 1, 10**400, Decimal("7.10"), Decimal("-0.0"), Decimal("1E400"),
    "", " ", "\n", "\x00", "x", "final", "male", "active", "a b", "a  b", " a", "7.10", "true", "2026", "2026-02-29",
    "2024-02-29", "2026-13", "2026-03-04", "2026-03-04T16:30", "2026-03-04T16:30:00Z", "2026-03-04T16:30:60.5+14:00",
    "16:30:00", "24:00:00", "http://example.org/x", "http://example.org/x y", "urn:uuid:x", "urn:oid:1.2.3",
    "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "aGk=", "aGk", "aG k=", "text/plain", "GBP",
    "Patient/1", "Patient/1/_history/2", "Patient/", "Nobody/1", "Patient?identifier=a|b", "#p1", "#", "#a b",
    "https://example.org/fhir/Encounter/1", "Encounter/1", "Goal/1", "Questionnaire",
    '<div xmlns="http://www.w3.org/1999/xhtml">text</div>', '<div xmlns="http://www.w3.org/1999/xhtml"/>',
    '<div xmlns="http://www.w3.org/1999/xhtml"><script>1</script></div>', "<div>text</div>",
    [], {}, [None], [[]], [{}], ["x"], [{"x": 1}], {"x": 1}, {"id": "a"}, {"id": ""}, {"id": 1}, {"extension": []},
    {"extension": [{"url": "http://example.org/e", "valueCode": "a"}]}, {"extension": [{"valueCode": "a"}]},
    {"extension": [{"url": "http://example.org/e", "valueCode": "a", "valueString": "b"}]},
    {"extension": [{"url": "http://example.org/e", "_valueDate": {"id": "a"}}]},
    {"text": "x"}, {"coding": [{"code": "x"}]}, {"coding": [{"system": "http://example.org", "code": "x"}]},
    {"coding": [{"display": "x"}]}, {"system": "http://example.org", "code": "x"}, {"display": "x"},
    {"reference": "Patient/1"}, {"reference": "Patient/1", "type": "Patient"}, {"reference": "Patient/1", "type": "Group"},
    {"type": "Group"}, {"type": "Nobody"}, {"type": "http://example.org/Nobody"}, {"reference": "#a"},
    {"value": Decimal("1.50"), "unit": "x"}, {"start": "2026-03-04", "end": "2026-03"},
    {"resourceType": "Patient", "id": "p1"}, {"resourceType": "Patient"}, {"resourceType": "Nobody", "id": "p1"},
    {"resourceType": "Patient", "id": "p1", "contained": [{"resourceType": "Patient", "id": "p2"}]},
]  # fmt: skip

NAMES = [
    "id", "extension", "modifierExtension", "resourceType", "contained", "text", "status", "code", "subject", "value",
    "valueString", "valueQuantity", "valueMoney", "_status", "_id", "_url", "_valueString", "_subject", "_birthDate",
    "birthDate", "deceasedBoolean", "deceasedDateTime", "given", "_given", "statuss", "fhir_comments", "x y", "",
    "effectiveDateTime", "_effectiveDateTime", "effectivePeriod", "reference", "type", "url", "div", "_div", "language",
]  # fmt: skip


def places(node: Json, path: Path = ()) -> list[Path]:
    """The paths of everything in the document but its root."""
    found: list[Path] = []
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in members:
        found.append((*path, key))
        found += places(value, (*path, key))
    return found


def changed(node: Json, path: Path, change: Callable[[Json, str | int], None]) -> Json:
    """The document with a change made where the path leads; what is not on the path is shared."""
    copy = dict(node) if isinstance(node, dict) else list(node)
    if len(path) == 1:
        change(copy, path[0])
    else:
        copy[path[0]] = changed(copy[path[0]], path[1:], change)
    return copy


def delete(parent: Json, key: str | int, _: Random) -> None:
    del parent[key]


def wrap(parent: Json, key: str | int, _: Random) -> None:
    parent[key] = [parent[key]]


def unwrap(parent: Json, key: str | int, _: Random) -> None:
    value = parent[key]
    parent[key] = value[0] if isinstance(value, list) and value else "x"


def repeat(parent: Json, key: str | int, _: Random) -> None:
    value = parent[key]
    parent[key] = [*value, *value] if isinstance(value, list) else f"{value} {value}"


def reverse(parent: Json, key: str | int, _: Random) -> None:
    value = parent[key]
    if isinstance(value, dict):
        parent[key] = dict(reversed(value.items()))


def shout(parent: Json, key: str | int, _: Random) -> None:
    parent[key] = str(parent[key]).upper()


def replace(parent: Json, key: str | int, random: Random) -> None:
    parent[key] = random.choice(VALUES)


def add(parent: Json, key: str | int, random: Random) -> None:
    target = parent[key]
    if isinstance(target, dict):
        parent[key] = {**target, random.choice(NAMES): random.choice(VALUES)}
    elif isinstance(target, list):
        parent[key] = [*target, random.choice(VALUES)]


def rename(parent: Json, key: str | int, random: Random) -> None:
    if isinstance(parent, dict):
        parent[random.choice([*NAMES, f"_{key}"])] = parent.pop(key)


def accompany(parent: Json, key: str | int, random: Random) -> None:
    """Gives a primitive its sibling, aligned or not."""
    if isinstance(parent, dict):
        extended = {"extension": [{"url": "http://example.org/e", "valueCode": "a"}]}
        sibling = random.choice([None, {}, {"id": "a"}, extended])
        length = len(parent[key]) if isinstance(parent[key], list) else 0
        parent[f"_{key}"] = random.choice(
            [sibling, [sibling] * length, [None] * length, [sibling, *[None] * length]]
        )


def blank(parent: Json, key: str | int, random: Random) -> None:
    """Leaves a place of an array to its sibling."""
    value = parent[key]
    if isinstance(parent, dict) and isinstance(value, list) and value:
        index = random.randrange(len(value))
        parent[key] = [None if place == index else item for place, item in enumerate(value)]
        parent[f"_{key}"] = [{"id": "a"} if place == index else None for place in range(len(value))]


CHANGES = (
    delete, wrap, unwrap, repeat, reverse, shout, rename, blank,
    replace, replace, replace, add, add, accompany, accompany,
)  # fmt: skip


def mutated(resource: Json, random: Random) -> Json:
    """The resource with one to three changes."""
    for _ in range(random.randint(1, 3)):
        found = places(resource)
        if not found:
            return resource
        change = random.choice(CHANGES)
        resource = changed(
            resource, random.choice(found), lambda parent, key, change=change: change(parent, key, random)
        )
    return resource
