"""Stewardship: which agency may create, change or end what of a young person's record.

An agency corrects what it wrote; whoever coordinates the young person's plan keeps goals, plans,
teams and the young person's own details; and who is not around a young person cannot put
themselves there.

Source: ADR 0022, docs/sharing.md, issue 6 (an agency corrects its own scores, the coordinator's agency
changes the plan)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Final

from service.fhir.problems import Issue
from service.outcomes.grants import EVERYONE, Effect, Ground, Row, sector_party

# They say who may see the record: only who is around the young person writes them.
GOVERNING: Final = frozenset({"CarePlan", "CareTeam", "Consent"})
# They are kept by the agency that coordinates, whoever wrote them.
COORDINATED: Final = frozenset({"CarePlan", "CareTeam", "Goal", "Patient"})
# The grounds on which an agency is around a young person; a Consent or broken glass lets it look only.
AROUND: Final = frozenset({Ground.AUTHOR, Ground.PLAN, Ground.TEAM})
# Those on which it answers for who is around them: who made the record, and who coordinates the plan.
ANSWERING: Final = frozenset({Ground.AUTHOR, Ground.PLAN})
_GRANTING: Final = frozenset(
    {Effect.TEAM, Effect.PLAN, Effect.YOUNG_PERMIT, Effect.PARENT_PERMIT, Effect.EMERGENCY}
)
_PERMITTING: Final = frozenset({Effect.YOUNG_PERMIT, Effect.PARENT_PERMIT})
_DENYING: Final = frozenset({Effect.YOUNG_DENY, Effect.PARENT_DENY})


class Nobody(Enum):
    """In place of a ground: there is no one young person."""

    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Deed:
    """What an agency is about to do with a resource of that type.

    `is_new`: there is nothing yet under that id. `is_author`: the agency wrote what is there.
    `ground` is that on which it sees what is there. `child` is the ground on which it sees the
    Patient that the resource will be about, `former` that of the Patient that it was about where
    that is another. `owns`: what is there is a Task that the agency has to do. `keeps_circle`: it
    made the young person's record, and nobody coordinates. `favours_itself`: it would see more by it,
    `permits_itself` by a permission. `opens_labels`: it permits what has sensitive labels.
    `knows_whereabouts`: nothing of the young person is withheld from it. `is_reserved`: it says that it is what the service itself works with.
    `unties`: a denial stands against the agency, and what that denial hangs on would be another.
    """

    type: str
    is_new: bool
    is_author: bool = False
    ground: int = Ground.NONE
    child: int | Nobody = Nobody.NOBODY
    former: int | Nobody = Nobody.NOBODY
    moves: bool = False
    owns: bool = False
    is_withheld: bool = False
    breaks_glass: bool = False
    is_agency: bool = False
    changes_sector: bool = False
    is_reserved: bool = False
    keeps_circle: bool = False
    favours_itself: bool = False
    opens_labels: bool = False
    knows_whereabouts: bool = True
    permits_itself: bool = False
    unties: bool = False


def refusal(deed: Deed) -> Issue | None:
    """Why the agency may not do it; None where it may."""
    found = _kept_from_agencies(deed)
    if found is None and not deed.is_new:
        found = _of_change(deed)
    return found or _of_child(deed)


def _kept_from_agencies(deed: Deed) -> Issue | None:
    """Why no agency may do it by itself."""
    if deed.breaks_glass:
        text = "Access in an emergency is opened by Patient/$break-glass alone, and ends by itself."
        return _issue(deed, text, slug="break-glass-by-operation")
    if deed.is_agency:
        text = "An agency for which clients act is changed by administrators of the service."
        return _issue(deed, text, slug="agency-kept-by-administrators")
    if deed.is_reserved:
        text = "What the service itself works with has this url; administrators of the service write it."
        return _issue(deed, text, "url", slug="canonical-reserved")
    if deed.changes_sector:
        text = (
            "Of which sector an agency is decides what it may see; administrators of the service change it."
        )
        return _issue(deed, text, "type", slug="agency-kept-by-administrators")
    return None


def _of_change(deed: Deed) -> Issue | None:
    if deed.is_withheld:
        text = "A part of this is withheld from you, so that you cannot say how it shall be."
        return _issue(deed, text, slug="withheld-unchanged")
    if deed.unties:
        text = (
            "The date of birth and the labels decide who may see the record; an agency that is denied a part"
            " of it does not change them."
        )
        return _issue(deed, text, slug="denied-unchanged")
    if deed.is_author or deed.owns or (deed.type in COORDINATED and deed.ground == Ground.PLAN):
        return None
    if deed.type == "CareTeam" and deed.keeps_circle:
        return None
    text = f"It is changed by the agency that wrote it{_besides(deed.type)}."
    return _issue(deed, text, slug="not-the-author")


def _besides(type_: str) -> str:
    if type_ in COORDINATED:
        return ", or that coordinates the young person's plan"
    return ", or that has to do the task" if type_ == "Task" else ""


def _of_child(deed: Deed) -> Issue | None:
    """Why a resource may not be about that young person, as far as that depends on who they are to the agency."""
    if deed.moves and not (_is_around(deed.child) and _is_around(deed.former)):
        text = "A resource is moved between young people by an agency that is around both."
        return _issue(deed, text, slug="young-person-changed")
    if deed.type in GOVERNING and not _is_around(deed.child):
        text = (
            f"A {deed.type} says who may see a young person's record; it is written by an agency that"
            " made the record, is in the care team or coordinates the plan."
        )
        return _issue(deed, text, slug="not-in-the-circle")
    return _of_gain(deed)


def _of_gain(deed: Deed) -> Issue | None:
    """Why an agency may not open the record so far, to itself or at all."""
    answers = deed.child is Nobody.NOBODY or deed.child in ANSWERING
    if deed.permits_itself:
        text = (
            "Your agency would be permitted more by this. Another agency that is around the young person"
            " records it: who gains by a permission does not write it."
        )
        return _issue(deed, text, slug="grants-itself")
    if deed.favours_itself and not answers:
        text = (
            "Your agency would see more by this. That is written by the agency that made the young person's"
            " record, or that coordinates their plan."
        )
        return _issue(deed, text, slug="grants-itself")
    if deed.opens_labels and not (answers and deed.knows_whereabouts):
        text = (
            "What has a sensitive label is opened by the agency that made the young person's record, or that"
            " coordinates their plan and has nothing of it withheld."
        )
        return _issue(deed, text, slug="opens-labels")
    return None


def favours(agency: str, sectors: Iterable[str], before: Iterable[Row], after: Iterable[Row]) -> bool:
    """Whether an agency sees more by the rows that come, or by the denials that go.

    What is for the members of a care team counts as for it: it may be one of them, or make itself one.
    """
    old, new = set(before), set(after)
    gained = (row for row in new - old if row.effect in _GRANTING and not _is_within(row, old))
    lifted = (row for row in old - new if row.effect in _DENYING and not _is_within(row, new))
    return any(_is_about(row, agency, sectors) for row in chain(gained, lifted))


def permits(agency: str, sectors: Iterable[str], before: Iterable[Row], after: Iterable[Row]) -> bool:
    """Whether rows come that permit an agency more; as in `favours`, of a care team too."""
    old, new = set(before), set(after)
    gained = (row for row in new - old if row.effect in _PERMITTING and not _is_within(row, old))
    return any(_is_about(row, agency, sectors) for row in gained)


def _is_about(row: Row, agency: str, sectors: Iterable[str]) -> bool:
    return not row.party or row.party in {agency, EVERYONE, *map(sector_party, sectors)}


def _is_within(row: Row, others: Iterable[Row]) -> bool:
    """Whether one of the others says all that a row says, so that its coming, or going, changes nothing."""
    return any(
        (other.child, other.party, other.effect, other.team) == (row.child, row.party, row.effect, row.team)
        and other.type in {"", row.type}
        and other.purpose in {"", row.purpose}
        and other.low <= row.low
        and row.high <= other.high
        and _is_masked_within(row, other)
        for other in others
    )


def _is_masked_within(row: Row, other: Row) -> bool:
    """Whether a row is about no more labels: a denial without labels is about everything."""
    if row.effect in _DENYING:
        return other.mask == 0 or (row.mask != 0 and not row.mask & ~other.mask)
    return not row.mask & ~other.mask


def opens(before: Iterable[Row], after: Iterable[Row]) -> bool:
    """Whether rows come that permit what has sensitive labels."""
    old, new = set(before), set(after)
    return any(row.effect in _PERMITTING and row.mask and not _is_within(row, old) for row in new - old)


def _is_around(ground: int | Nobody) -> bool:
    return ground is Nobody.NOBODY or ground in AROUND


def _issue(deed: Deed, text: str, element: str = "", *, slug: str) -> Issue:
    return Issue("error", "forbidden", slug, text, f"{deed.type}.{element}" if element else deed.type)
