"""What the rows of a child come to for who looks, as SQL: on what ground something is seen, and what is withheld.

Both databases decide the same, each as it does so at least cost. SQLite, which is asked seldom
(`service.storage.remembered`), looks at the rows twice, once for each. PostgreSQL looks once: what is
said becomes bits of one number, which the ground and what is withheld are read from. There it is the
preparation of a statement for each run that costs, more than the rows: the fewer nodes the better.

Source: ADR 0019, ADR 0028
"""
# ruff: noqa: S608 - the texts are made of names of our own table and columns; values are arguments

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

Fill = Callable[[str], str]  # a parameter's name as it stands in the text

# Effects of rows, as in `service.outcomes.sharing.Effect`; grounds as in its `Ground`.
TEAM, PLAN, YOUNG_PERMIT, YOUNG_DENY, PARENT_PERMIT, PARENT_DENY, EMERGENCY, OF_AGE, RESTRICTED = range(1, 10)
DIRECTORY, AUTHOR, IN_TEAM, COORDINATES, PERMITTED, BROKE_GLASS = range(1, 7)

GROUND: Final = 7
"""The bits of the number that are the ground."""
WITHHELD: Final = 8
"""The bit of the number that says that places are withheld."""
PLACES: Final = 3
"""The bits of labels that a young person has whose places are withheld, as `service.outcomes.labels.WHEREABOUTS`."""

# The bits of PostgreSQL's number. The bit of an effect: a row that has it concerns what is looked at. Behind them
# stand, for each effect, which of the bits of `PLACES` its rows are about, whatever is looked at; the last: all.
_OF_PLACES: Final = 10
_KINDS: Final = PLACES + 2
_ALL_LABELS: Final = PLACES + 1


@dataclass(frozen=True, slots=True)
class Said:
    """What the rows of a child come to, for what is of a type: both are texts."""

    child: str
    type: str
    slots: int
    fill: Fill

    def _now(self, alias: str) -> str:
        """Rows of the child that hold now."""
        now = self.fill("now")
        return (
            f"{alias}.locality = {self.fill('locality')} AND {alias}.child = {self.child}"
            f" AND {alias}.low <= {now} AND {now} < {alias}.high"
        )

    def _parties(self) -> list[str]:
        return [self.fill(f"party{index}") for index in range(self.slots)]

    def _in_my_team(self) -> str:
        """Whether a row is of the members of a team that who looks is in."""
        return (
            f"length(s.team) > 0 AND s.team IN (SELECT t.team FROM index_sharing AS t WHERE {self._now('t')}"
            f" AND t.party = {self.fill('me')} AND t.effect = {TEAM})"
        )


class SaidOnSqlite(Said):
    """As SQLite says it. Its parser has little room for what is nested."""

    __slots__ = ()

    def number(self, label: str, *, whole: bool) -> str:
        """The ground on which what has the label is seen; the `whole` number with what is withheld."""
        return f"{self.ground(label)} + {self.withheld()}" if whole else self.ground(label)

    def ground(self, label: str) -> str:
        """The ground on which what has the label is seen."""
        circle = {effect: self._any(effect, f"{label} = 0") for effect in (PLAN, TEAM, EMERGENCY)}
        denied, permitted = self._decided(label)
        return (
            f"(SELECT CASE WHEN {denied} THEN 0 WHEN {circle[PLAN]} THEN {COORDINATES}"
            f" WHEN {circle[TEAM]} THEN {IN_TEAM} WHEN {permitted} THEN {PERMITTED}"
            f" WHEN {circle[EMERGENCY]} THEN {BROKE_GLASS} ELSE 0 END"
            f" FROM index_sharing AS s WHERE {self._fitting()})"
        )

    def withheld(self) -> str:
        """Whether places are withheld: from all who would not see what has the label that the young person has."""
        denied, permitted = self._decided("q.places")
        return (
            f"(SELECT CASE WHEN count(*) = 0 THEN 0 WHEN {denied} THEN {WITHHELD} WHEN {permitted} THEN 0"
            f" ELSE {WITHHELD} END FROM (SELECT max(q.mask) AS places FROM index_sharing AS q"
            f" WHERE {self._now('q')} AND q.effect = {RESTRICTED}) AS q CROSS JOIN index_sharing AS s"
            f" WHERE q.places IS NOT NULL AND {self._fitting()})"
        )

    def _fitting(self) -> str:
        """Rows that say anything about who looks: of their agency, of all, or of the members of a team; or of the child."""
        # What is nested most stands first: then the parser has least to remember.
        return (
            f"(s.party = 0 AND {self._in_my_team()} OR s.party = 0 AND s.effect >= {OF_AGE}"
            f" OR s.party IN ({', '.join(self._parties())})) AND {self._now('s')} AND s.type IN (0, {self.type})"
            f" AND s.purpose IN (0, {self.fill('purpose')})"
        )

    def _any(self, effect: int, condition: str = "") -> str:
        """Whether any of the rows has the effect."""
        return f"max(s.effect = {effect}{f' AND {condition}' if condition else ''})"

    def _decided(self, label: str) -> tuple[str, str]:
        """Whether the young person or the parents deny what has the label, and whether either permits it."""
        covers, refuses = f"{label} & ~s.mask = 0", f"(s.mask = 0 OR {label} & s.mask <> 0)"
        minor, young = f"NOT {self._any(OF_AGE)}", self._any(YOUNG_PERMIT, covers)
        denied = f"{self._any(YOUNG_DENY, refuses)} OR {self._any(PARENT_DENY, refuses)} AND {minor} AND NOT {young}"
        return denied, f"({young} OR {self._any(PARENT_PERMIT, covers)} AND {minor})"


class SaidOnPostgresql(Said):
    """As PostgreSQL says it: what the rows say as the bits of one number, and what they come to from these."""

    __slots__ = ()

    def number(self, label: str, *, whole: bool) -> str:
        """As `SaidOnSqlite.number`."""
        said = f"CASE WHEN {_concerns(label)} THEN 1::bigint << s.effect ELSE 0 END"
        if whole:
            return self._read(f"{_GROUND_OF} + {_WITHHELD_OF}", f"{said} | {_ABOUT_PLACES}")
        return self._read(_GROUND_OF, said)

    def withheld(self) -> str:
        """As `SaidOnSqlite.withheld`."""
        of_age = f"CASE WHEN s.effect = {OF_AGE} THEN {_bits(OF_AGE)} ELSE 0 END"
        return self._read(_WITHHELD_OF, f"{of_age} | {_ABOUT_PLACES}")

    def _read(self, found: str, said: str) -> str:
        return (
            f"(SELECT {found} FROM (SELECT coalesce(bit_or({said}), 0) AS has"
            f" FROM index_sharing AS s WHERE {self._fitting()}) AS h)"
        )

    def _fitting(self) -> str:
        """As `SaidOnSqlite._fitting`. No IN: its list would be made anew for each row."""
        mine = " OR ".join(f"s.party = {party}" for party in self._parties())
        return (
            f"(s.party = 0 AND (s.effect >= {OF_AGE} OR {self._in_my_team()}) OR {mine}) AND {self._now('s')}"
            f" AND (s.type = 0 OR s.type = {self.type})"
            f" AND (s.purpose = 0 OR s.purpose = {self.fill('purpose')})"
        )


def _bits(*effects: int) -> int:
    return sum(1 << effect for effect in effects)


def _about(effect: int, kinds: Iterable[int]) -> int:
    """The bits of rows with the effect that are about any of those sets of `PLACES`, or of all labels."""
    return sum(1 << (_OF_PLACES + _KINDS * effect + kind) for kind in kinds)


_ABOUT_PLACES: Final = (
    f"(1::bigint << ({_OF_PLACES} + {_KINDS} * s.effect"
    f" + CASE WHEN s.mask = 0 THEN {_ALL_LABELS} ELSE s.mask & {PLACES} END))"
)
_YOUNG_PERMIT_OR_OF_AGE: Final = _bits(YOUNG_PERMIT, OF_AGE)
_PERMITS: Final = (
    f"(h.has & {_bits(YOUNG_PERMIT)} <> 0 OR h.has & {_bits(PARENT_PERMIT, OF_AGE)} = {_bits(PARENT_PERMIT)})"
)
_GROUND_OF: Final = (
    f"CASE WHEN h.has & {_bits(YOUNG_DENY)} <> 0 THEN 0"
    f" WHEN h.has & {_bits(PARENT_DENY) | _YOUNG_PERMIT_OR_OF_AGE} = {_bits(PARENT_DENY)} THEN 0"
    f" WHEN h.has & {_bits(PLAN)} <> 0 THEN {COORDINATES} WHEN h.has & {_bits(TEAM)} <> 0 THEN {IN_TEAM}"
    f" WHEN {_PERMITS} THEN {PERMITTED} WHEN h.has & {_bits(EMERGENCY)} <> 0 THEN {BROKE_GLASS} ELSE 0 END"
)


def _concerns(label: str) -> str:
    """Whether a row concerns what has the label: permissions for all its labels, denials of any, circles for none."""
    unlabelled = f"s.effect NOT IN ({YOUNG_DENY}, {PARENT_DENY}) OR s.mask = 0"
    if label == "0":
        return f"({unlabelled})"
    return (
        f"CASE WHEN {label} = 0 THEN {unlabelled} WHEN s.effect IN ({YOUNG_DENY}, {PARENT_DENY})"
        f" THEN s.mask = 0 OR {label} & s.mask <> 0 WHEN s.effect IN ({YOUNG_PERMIT}, {PARENT_PERMIT})"
        f" THEN {label} & ~s.mask = 0 ELSE s.effect >= {OF_AGE} END"
    )


def _withheld_of(places: int) -> str:
    """What is withheld where the young person has these bits of `PLACES`."""
    covering = [kind for kind in range(1, _ALL_LABELS) if places & ~kind == 0]
    refusing = [_ALL_LABELS, *(kind for kind in range(1, _ALL_LABELS) if places & kind)]
    young, parent = _about(YOUNG_PERMIT, covering), _about(PARENT_PERMIT, covering)
    return (
        f"CASE WHEN h.has & {_about(YOUNG_DENY, refusing)} <> 0 THEN {WITHHELD}"
        f" WHEN h.has & {_about(PARENT_DENY, refusing)} <> 0 AND h.has & {young | _bits(OF_AGE)} = 0 THEN {WITHHELD}"
        f" WHEN h.has & {young} <> 0 OR h.has & {parent} <> 0 AND h.has & {_bits(OF_AGE)} = 0 THEN 0"
        f" ELSE {WITHHELD} END"
    )


_WITHHELD_OF: Final = (
    f"CASE WHEN h.has & {_about(RESTRICTED, range(1, _ALL_LABELS))} = 0 THEN 0"
    + "".join(
        f" WHEN h.has & {_about(RESTRICTED, [kind])} <> 0 THEN {_withheld_of(kind)}"
        for kind in range(PLACES, 0, -1)
    )
    + " END"
)
