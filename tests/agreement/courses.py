"""Invented courses of help: the goals of a young person and their ratings, with every version that was ever written.

Made by chance from a seed, and of everything that makes counting hard: goals replaced in their
slot or entered in error, both sets of codes and the generic one, all raters, zeros, decimals,
what was not asked, two ratings from one form, corrections, deletions, days and instants in any zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from random import Random

from tests.outcomes.clinic import (
    DAD,
    GENERIC,
    GOAL_TOOL,
    LEVELS,
    LOINC,
    MUM,
    PROGRESS_CHART,
    ROWAN,
    SAGE,
    SNOMED,
    concept,
    extension,
    rated_by,
    rating,
    refer,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
VALUES = ("0", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "2.45", "4.5", "0.5", "7.50")
FOLLOW_UPS = {"107334-5": None, "107331-1": MUM, "107333-7": ROWAN}
UNCOUNTED = ("preliminary", "cancelled", "entered-in-error")


class Course:
    """One young person's course. `versions` are what was written, in order; None as content is a deletion."""

    def __init__(self, seed: int) -> None:
        """Makes it all up."""
        self._chance = Random(seed)
        self.child = ("Patient", f"child-{seed}")
        self.goals: list[str] = []
        self.versions: list[tuple[str, str, dict | None]] = []
        self._prefix = f"c{seed}"
        self._set_up_goals()
        self._rate()
        self._correct()

    def _write(self, resource: dict) -> None:
        self.versions.append((resource["resourceType"], resource["id"], resource))

    def _set_up_goals(self) -> None:
        for number in range(self._chance.randint(1, 5)):
            id_ = f"{self._prefix}-goal-{number}"
            self.goals.append(id_)
            goal = {
                "resourceType": "Goal",
                "id": id_,
                "lifecycleStatus": self._chance.choice(("active", "active", "completed", "cancelled")),
                "description": {"text": "invented"},
                "subject": refer(self.child),
            }
            if self._chance.random() < 0.8:
                goal["extension"] = [extension("goal-slot", valuePositiveInt=self._chance.randint(1, 3))]
            if self._chance.random() < 0.7:
                goal["startDate"] = f"2026-0{self._chance.randint(1, 6)}-01"
            self._write(goal)

    def _rate(self) -> None:
        for number in range(self._chance.randint(0, 40)):
            goal = self._chance.choice(self.goals)
            made = self._rating(f"{self._prefix}-{number}", goal)
            self._write(made)
            if self._chance.random() < 0.1:
                self._write({**made, "id": f"{self._prefix}-{number}-again"})

    def _rating(self, id_: str, goal: str) -> dict:
        if self._chance.random() < 0.15:
            # What the service itself takes from a form has a UUID of version 8.
            id_ = f"{self._chance.getrandbits(32):08x}-0000-8000-8000-{self._chance.getrandbits(48):012x}"
        more: dict = {"subject": refer(self.child)}
        if self._chance.random() < 0.3:
            more["derivedFrom"] = [
                refer(("QuestionnaireResponse", f"{self._prefix}-form-{self._chance.randint(1, 4)}"))
            ]
        if self._chance.random() < 0.1:
            more["status"] = self._chance.choice(("preliminary", "amended", "corrected"))
        value = None if self._chance.random() < 0.1 else self._chance.choice(VALUES)
        code, by = self._code()
        observation = rating(id_, goal, value, self._when(), code, by, **more)
        if code["coding"][0]["system"] == LOINC and value is not None:
            del observation["valueQuantity"]
            observation["valueCodeableConcept"] = concept(LOINC, LEVELS[self._chance.randint(-2, 2)])
        return observation

    def _code(self) -> tuple[dict, tuple[str, str]]:
        slot = self._chance.randint(1, 3)
        match self._chance.randint(0, 9):
            case 0 | 1 | 2:
                return concept(SNOMED, GOAL_TOOL[slot]), self.child
            case 3 | 4:
                return concept(SNOMED, PROGRESS_CHART[slot]), self.child
            case 5:
                return concept(SNOMED, GENERIC), self._chance.choice((self.child, MUM, ROWAN))
            case 6:
                return rated_by("parent"), self._chance.choice((MUM, DAD))
            case 7:
                return rated_by("clinician"), self._chance.choice((ROWAN, SAGE))
            case 8:
                return rated_by("other"), self._chance.choice((MUM, DAD))
            case _:
                code = self._chance.choice((*FOLLOW_UPS, "112296-9"))
                return concept(LOINC, code), FOLLOW_UPS.get(code, ROWAN) or self.child

    def _when(self) -> str:
        moment = START + timedelta(minutes=self._chance.randint(0, 200 * 24 * 60))
        match self._chance.randint(0, 3):
            case 0:
                return moment.strftime("%Y-%m-%d")
            case 1:
                return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            case 2:
                return moment.astimezone(timezone(timedelta(hours=1))).isoformat(timespec="seconds")
            case _:
                zone = timezone(timedelta(minutes=self._chance.choice((-480, -60, 330, 600))))
                return moment.astimezone(zone).isoformat(timespec="milliseconds")

    def _correct(self) -> None:
        """Some of what was written is written again: another value, another day, taken back, or deleted."""
        for type_, id_, content in list(self.versions):
            if content is None or self._chance.random() < 0.75:
                continue
            if type_ == "Goal":
                self._correct_goal(id_, content)
            elif self._chance.random() < 0.15:
                self.versions.append((type_, id_, None))
            else:
                self._write(self._corrected(content))

    def _correct_goal(self, id_: str, content: dict) -> None:
        fate = self._chance.random()
        if fate < 0.2:
            self.versions.append(("Goal", id_, None))
        elif fate < 0.5:
            self._write({**content, "lifecycleStatus": "entered-in-error"})
        else:
            self._write({**content, "lifecycleStatus": "on-hold"})

    def _corrected(self, content: dict) -> dict:
        match self._chance.randint(0, 3):
            case 0:
                return {**content, "status": self._chance.choice(UNCOUNTED)}
            case 1 if "valueQuantity" in content:
                value = Decimal(self._chance.choice(VALUES))
                return {**content, "status": "amended", "valueQuantity": {"value": value}}
            case 2:
                return {**content, "status": "corrected", "effectiveDateTime": self._when()}
            case _:
                return {**content, "status": "final"}
