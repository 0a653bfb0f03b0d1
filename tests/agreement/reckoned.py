"""Progress reckoned anew from everything that was ever written, plainly and slowly, with nothing of the service in it.

Written from docs/operations/progress.md, so that the two readings of it can be held against each other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime
from fractions import Fraction

SCT = "http://snomed.info/sct"
SLOTS = {
    "1034351000000101": 1,
    "1638531000000102": 1,
    "1034361000000103": 2,
    "1638541000000106": 2,
    "1034371000000105": 3,
    "1638551000000109": 3,
}
BY_CODE = {
    "parent-rated-goal-score": "parent-or-carer",
    "clinician-rated-goal-score": "clinician",
    "other-rated-goal-score": "other",
    "107333-7": "clinician",
    "107334-5": "young-person",
    "107331-1": "parent-or-carer",
    **dict.fromkeys(SLOTS, "young-person"),
}
BY_TYPE = {
    "Patient": "young-person",
    "RelatedPerson": "parent-or-carer",
    "Practitioner": "clinician",
    "PractitionerRole": "clinician",
}
LEVEL = {"LA34479-8": 2, "LA34480-6": 1, "LA34481-4": 0, "LA34483-0": -1, "LA34484-8": -2}


def current(versions):
    """The last content of each resource, by type and id; what was deleted is not there."""
    last = {}
    for type_, id_, content in versions:
        last[type_, id_] = content
    return {key: content for key, content in last.items() if content is not None}


def instant(when):
    if len(when) == 10:
        return datetime.fromisoformat(when).replace(tzinfo=UTC)
    return datetime.fromisoformat(when)


def rows_of(resources):
    """One row a rating that counts, oldest first."""
    rows = []
    for (type_, id_), one in resources.items():
        if type_ != "Observation":
            continue
        if one["status"] in {"preliminary", "registered", "cancelled", "entered-in-error"}:
            continue
        goal = one["focus"][0]["reference"].removeprefix("Goal/")
        held = resources.get(("Goal", goal))
        if held is None or held["lifecycleStatus"] == "entered-in-error":
            continue
        coding = one["code"]["coding"][0]
        person = one["performer"][0]["reference"]
        rater = BY_CODE.get(coding["code"]) or BY_TYPE[person.split("/")[0]]
        value = None
        if "valueQuantity" in one:
            value = Fraction(one["valueQuantity"]["value"])
        if "valueCodeableConcept" in one:
            value = Fraction(LEVEL[one["valueCodeableConcept"]["coding"][0]["code"]])
        rows.append(
            {
                "id": id_,
                "goal": goal,
                "rater": rater,
                "person": None if rater == "clinician" else person,
                "kind": "level" if coding["system"] == "http://loinc.org" else "score",
                "system": coding["system"],
                "code": coding["code"],
                "value": value,
                "when": one["effectiveDateTime"],
                "day": one["effectiveDateTime"][:10],
                "form": one["derivedFrom"][0]["reference"] if "derivedFrom" in one else None,
            }
        )
    rows.sort(key=lambda row: (instant(row["when"]), row["id"]))
    return without_doubles(rows)


def without_doubles(rows):
    """Of those from one form for one goal, kind, rater and person: extracted first, then with a value, then early."""
    kept = []
    for row in rows:
        same = [
            other
            for other in rows
            if row["form"] is not None
            and all(row[name] == other[name] for name in ("form", "goal", "kind", "rater", "person"))
        ]
        if same:
            extracted = [other for other in same if re.match(r"^[0-9a-f]{8}-[0-9a-f]{4}-8", other["id"])]
            pool = extracted or same
            pool = [other for other in pool if other["value"] is not None] or pool
            if row is not pool[0]:
                continue
        kept.append(row)
    return kept


def verdict(change):
    if change is None:
        return "not-rated-twice"
    if change >= 3:
        return "improved"
    if change <= -3:
        return "deteriorated"
    return "no-change"


def together(verdicts):
    counted = [each for each in verdicts if each != "not-rated-twice"]
    for wanted in ("deteriorated", "improved"):
        if wanted in counted:
            return wanted
    return "no-change" if counted else "not-rated-twice"


def change(rows):
    values = [row["value"] for row in rows if row["value"] is not None]
    return values[-1] - values[0] if len(values) >= 2 else None


def series(rows):
    found = defaultdict(list)
    for row in rows:
        found[row["goal"], row["rater"], row["person"], row["kind"]].append(row)
    shown = {}
    for key, of in found.items():
        rated = [row for row in of if row["value"] is not None]
        shown[key] = {
            "ratings": len(rated),
            "not-rated": len(of) - len(rated),
            "baseline": rated[0]["id"] if rated else None,
            "latest": rated[-1]["id"] if rated else None,
            "change": change(of),
            "each-slot": verdict(change(of)) if key[3] == "score" else None,
            "all": [(row["id"], row["value"]) for row in of],
        }
    return shown


def rules(rows):
    """By rater and person: goals rated twice, total, verdict of the mean, verdict of the slots."""
    found = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["kind"] == "score":
            found[row["rater"], row["person"]][row["goal"]].append(row)
    shown = {}
    for key, goals in found.items():
        changes = [change(of) for of in goals.values()]
        twice = [each for each in changes if each is not None]
        mean = "not-rated-twice"
        if twice:
            average = sum(twice) / len(twice)
            mean = "no-change"
            if average > Fraction(245, 100):
                mean = "improved"
            if average < Fraction(-245, 100):
                mean = "deteriorated"
        shown[key] = (len(twice), sum(twice), mean, together(verdict(each) for each in changes))
    return shown


def pairs(rows):
    """By code: ids of the first and last rating, how many, the change."""
    found = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["day"]):
        if row["system"] == SCT and row["kind"] == "score" and row["value"] is not None:
            said = [(other["day"], other["value"]) for other in found[row["code"]]]
            if (row["day"], row["value"]) not in said:
                found[row["code"]].append(row)
    return {code: (of[0]["id"], of[-1]["id"], len(of), change(of)) for code, of in found.items()}


def cautions(rows):
    """What is warned of, each with its goals and codes."""
    own = [
        row for row in rows if row["system"] == SCT and row["kind"] == "score" and row["value"] is not None
    ]
    found = set()
    for code in {row["code"] for row in own}:
        goals = frozenset(row["goal"] for row in own if row["code"] == code)
        if len(goals) > 1:
            found.add(("slot-reused", goals, frozenset({code})))
    for goal in {row["goal"] for row in own}:
        codes = frozenset(row["code"] for row in own if row["goal"] == goal)
        if len(codes) > 1:
            found.add(("code-set-switched", frozenset({goal}), codes))
        others = frozenset(
            row["code"] for row in own if row["goal"] == goal and row["rater"] != "young-person"
        )
        if others:
            found.add(("counted-as-own", frozenset({goal}), others))
    return found
