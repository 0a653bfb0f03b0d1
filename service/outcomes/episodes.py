"""Episodes of care: a re-referral reopens the one that ended, rather than starting again.

Source: issue 5 (re-referral that reopens), https://hl7.org/fhir/R4/episodeofcare.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.problems import Issue
from service.outcomes.days import LONG_AGO, days_of
from service.outcomes.recognition import Resource
from service.outcomes.references import Locate, Target, target

ENDED: Final = frozenset({"finished", "cancelled"})
OPEN: Final = frozenset({"planned", "waitlist", "active", "onhold"})
# A referral that was never to be acted on, or no longer is, brings nobody back.
_NO_REFERRAL: Final = frozenset({"entered-in-error", "revoked", "draft"})

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Episode:
    """What the rules look at in an episode: whose it is, of which agency, how it stands, and by which referrals.

    `until` is the first day on which it may have ended, or where it tells no end, have begun.

    Units: days as Python's date ordinals.
    """

    id: str
    child: Target | None
    agency: Target | None
    status: str
    until: int
    referrals: frozenset[Target | None] = frozenset()


def read_episode(resource: Resource, locate: Locate) -> Episode:
    """What the rules look at in an EpisodeOfCare."""
    period = resource.get("period", {})
    until = days_of(period.get("end")) or days_of(period.get("start"))
    return Episode(
        id=resource.get("id", ""),
        child=target(resource.get("patient"), locate),
        agency=target(resource.get("managingOrganization"), locate),
        status=resource.get("status", ""),
        until=LONG_AGO if until is None else until.first,
        referrals=frozenset(target(each, locate) for each in resource.get("referralRequest", ())),
    )


def could_reopen(episode: Episode, others: Iterable[Episode]) -> list[Issue]:
    """The warning of a new episode beside an ended one of the same young person with the same agency."""
    if episode.status not in OPEN or episode.child is None or episode.agency is None:
        return []
    if not any(
        other.status in ENDED
        and other.child == episode.child
        and other.agency == episode.agency
        and other.id != episode.id
        for other in others
    ):
        return []
    text = (
        "The young person has an ended episode with this agency."
        " A re-referral may reopen it ($reopen), so that the history of help stays in one."
    )
    return [Issue("warning", "business-rule", "episode-could-be-reopened", text, "EpisodeOfCare.status")]


def may_be_reopened(
    episode: Episode, referral: Resource, by: Target, day: int, today: int, locate: Locate
) -> list[Issue]:
    """The issues of reopening an ended episode on a day by a referral, which is the resource `by`.

    Units: days as Python's date ordinals.
    """
    issues = []
    if target(referral.get("subject"), locate) != episode.child:
        text = "The referral is of another young person than the episode."
        issues.append(Issue("error", "business-rule", "reopen-referral-of-another-child", text))
    if referral.get("status") in _NO_REFERRAL:
        text = "The referral is a draft, was revoked, or was entered in error; it brings nobody back."
        issues.append(Issue("error", "business-rule", "reopen-referral-status", text))
    if by in episode.referrals:
        text = "The episode was opened by this referral before; reopening it takes a new one."
        issues.append(
            Issue("error", "business-rule", "reopen-referral-not-new", text, "EpisodeOfCare.referralRequest")
        )
    if day > today:
        text = "Reopening is recorded when it has come: its day is today or before."
        issues.append(Issue("error", "business-rule", "reopen-in-future", text))
    if day < episode.until:
        text = "The day of reopening is before the episode ended."
        issues.append(Issue("error", "business-rule", "reopen-before-end", text, "EpisodeOfCare.period"))
    return issues


def reopened(episode: Resource, referral: Json, day: str) -> Json:
    """The episode, active again from the day on, by a further referral.

    Its history says that it had ended until then, as of the end of its period.
    """
    period = {name: value for name, value in episode.get("period", {}).items() if name != "end"}
    active: Json = {
        **episode,
        "status": "active",
        "statusHistory": [*_ended(episode, day), {"status": "active", "period": {"start": day}}],
        "referralRequest": [*episode.get("referralRequest", ()), referral],
        "period": period,
    }
    if not period:
        del active["period"]
    return active


def _ended(episode: Resource, day: str) -> list[Json]:
    """The history up to the day, on which what the episode was until then ends."""
    history: list[Json] = list(episode.get("statusHistory", ()))
    if history and history[-1].get("status") == episode.get("status"):
        last = history.pop()
        period = last.get("period", {})
        return [*history, {**last, "period": {**period, "end": period.get("end", day)}}]
    until: Json = {"end": day}
    ended = episode.get("period", {}).get("end")
    if ended is not None:
        until = {"start": ended, "end": day}
    return [*history, {"status": episode.get("status"), "period": until}]
