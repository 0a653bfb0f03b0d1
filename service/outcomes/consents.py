"""Consents: what a decision about sharing permits and denies, as rows.

A provision is read whole or not at all. A permission of which any part cannot be read grants
nothing; a denial of which a part cannot be read is about everything that this part would have
narrowed. What young people and what parents decide are told apart by who decided.

Source: ADR 0022, https://hl7.org/fhir/R4/consent.html, domain facts section 8 (capacity; lawful basis)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, Final

from service.fhir.problems import Issue
from service.outcomes import labels, purposes
from service.outcomes.grants import EVERYONE, MOST_ROWS, NOBODY_NAMED, Effect, Row, sector_party
from service.outcomes.moments import EVER, Span, span_of
from service.outcomes.recognition import OURS, Coding, Resource, codings
from service.outcomes.references import Locate, Target, target

_HL7: Final = "http://terminology.hl7.org/CodeSystem"
PRIVACY: Final[Coding] = (f"{_HL7}/consentscope", "patient-privacy")
# Other scopes are about treatment, research and advance directives, and open or close no record.
_OTHER_SCOPES: Final = frozenset(
    {(f"{_HL7}/consentscope", code) for code in ("treatment", "research", "adr")}
)
RECIPIENT: Final[Coding] = (f"{_HL7}/v3-ParticipationType", "IRCP")
SECTOR_SYSTEM: Final = f"{OURS}/CodeSystem/sector"
SHARING_SYSTEM: Final = f"{OURS}/CodeSystem/sharing"
EVERY_AGENCY: Final[Coding] = (SHARING_SYSTEM, "every-agency")
BREAK_GLASS: Final[Coding] = (SHARING_SYSTEM, "break-glass")
TYPES_SYSTEM: Final = "http://hl7.org/fhir/resource-types"
OPTING_OUT: Final = frozenset({(f"{_HL7}/v3-ActCode", code) for code in ("OPTOUT", "OPTOUTE")})

# What breaking the glass opens closes again after this time, whatever the Consent says. Source: the
# setting THRIVE_BREAK_GLASS_HOURS has the same bound.
LONGEST_EMERGENCY: Final = 24 * 3_600_000

_READ: Final = frozenset({"id", "type", "period", "actor", "securityLabel", "purpose", "class"})
_YOUNG: Final = (Effect.YOUNG_PERMIT, Effect.YOUNG_DENY)
_PARENT: Final = (Effect.PARENT_PERMIT, Effect.PARENT_DENY)

Party = tuple[str, str]  # party and team of a row
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a provision says, and whether every part of it could be read; what could not is as wide as can be."""

    parties: tuple[Party, ...]
    types: tuple[str, ...]
    purposes: tuple[str, ...]
    mask: int
    span: Span
    is_whole: bool

    def rows(self, child: str, effect: Effect) -> Iterator[Row]:
        for (party, team), type_, purpose in product(self.parties, self.types, self.purposes):
            yield Row(child, party, effect, type_, purpose, self.mask, self.span.low, self.span.high, team)


@dataclass(frozen=True, slots=True)
class Recipients:
    """The care teams that a Consent names in place of agencies, each with its place, and whose it is.

    `too_wide`: it names so much that it could not be read.
    """

    child: Target | None
    teams: tuple[tuple[Target, str], ...]
    too_wide: bool = False


def read_recipients(consent: Resource, locate: Locate) -> Recipients:
    """The care teams that a Consent names in its outermost provision."""
    said = [
        (target(actor.get("reference"), locate), f"Consent.provision.actor[{index}].reference")
        for index, actor in enumerate(consent.get("provision", {}).get("actor", ()))
    ]
    teams = tuple((team, place) for team, place in said if team is not None and team[0] == "CareTeam")
    child = target(consent.get("patient"), locate)
    return Recipients(child, teams, is_too_wide(consent, "" if child is None else child[1], locate))


def names_teams_of_its_child(recipients: Recipients, known: Mapping[Target, Target | None]) -> list[Issue]:
    """The issues of care teams that are another young person's: a denial that names one would deny nobody.

    `known` says whose the teams are that are here. One that names too much has an issue as well.
    """
    if recipients.too_wide:
        text = f"This comes to more than {MOST_ROWS} decisions; write several Consents, or one for a sector."
        return [Issue("error", "business-rule", "consent-too-wide", text, "Consent.provision")]
    text = "The care team is not of the young person that this is about; name their own, or an agency."
    return [
        Issue("error", "business-rule", "consent-team-of-another-child", text, place)
        for team, place in recipients.teams
        if team in known and known[team] != recipients.child
    ]


def is_too_wide(consent: Resource, child: str, locate: Locate) -> bool:
    """Whether a Consent comes to more rows than are read."""
    return len(list(islice(_rows(consent, child, locate), MOST_ROWS + 1))) > MOST_ROWS


def rows_of_consent(consent: Resource, child: str, locate: Locate) -> Iterator[Row]:
    """What an active Consent of the child permits and denies.

    One that comes to too many rows permits nothing, and denies everything where it denies anything.
    """
    rows = list(islice(_rows(consent, child, locate), MOST_ROWS + 1))
    if len(rows) <= MOST_ROWS:
        yield from rows
    elif _denies_anything(consent.get("provision")):
        yield Row(child, EVERYONE, _effects(consent, child, locate)[1])


def _denies_anything(provision: Any) -> bool:
    """Whether there is a denial in a provision, or one that cannot be told from it."""
    if not isinstance(provision, dict) or provision.get("type") != "permit":
        return True
    nested = provision.get("provision")
    if nested is None:
        return False
    return any(map(_denies_anything, nested if isinstance(nested, list) else [nested]))


def _rows(consent: Resource, child: str, locate: Locate) -> Iterator[Row]:
    scopes = set(codings(consent.get("scope")))
    if consent.get("status") != "active" or (scopes & _OTHER_SCOPES and PRIVACY not in scopes):
        return
    permits, denies = _effects(consent, child, locate)
    is_whole = permits is not None and PRIVACY in scopes and "modifierExtension" not in consent
    provision = consent.get("provision")
    if provision is not None:
        yield from _permitted(consent, provision, child, locate, permits if is_whole else None)
        yield from _denied(provision, child, locate, denies, root=True)
    if not OPTING_OUT.isdisjoint(codings(consent.get("policyRule"))):
        yield Row(child, EVERYONE, denies)


def _permitted(
    consent: Resource, provision: Any, child: str, locate: Locate, effect: Effect | None
) -> Iterator[Row]:
    """The rows of a permission that can be read whole."""
    if not isinstance(provision, dict) or provision.get("type") != "permit":
        return
    reading = _read(provision, locate)
    if not reading.is_whole or "actor" not in provision:
        return
    if is_break_glass(consent):
        yield from _emergency(reading, child)
    elif effect is not None:
        yield from reading.rows(child, effect)


def _emergency(reading: _Reading, child: str) -> Iterator[Row]:
    """The rows of broken glass: named agencies, for all types and whatever they say they ask for, for a short time.

    The purpose in the Consent tells why the glass was broken; it narrows nothing.
    """
    span = reading.span
    if span.high - span.low > LONGEST_EMERGENCY:
        return
    for party, team in reading.parties:
        if not team and party != EVERYONE and "|" not in party:
            yield Row(child, party, Effect.EMERGENCY, low=span.low, high=span.high)


def _denied(provision: Any, child: str, locate: Locate, effect: Effect, *, root: bool) -> Iterator[Row]:
    """The rows of all denials in a provision and in those inside it.

    Only the outermost may leave its type out, as the base does where it says nothing itself.
    """
    if not isinstance(provision, dict):
        yield Row(child, EVERYONE, effect)
        return
    said = provision.get("type")
    if said != "permit" and not (root and said is None and "_type" not in provision):
        yield from _read(provision, locate).rows(child, effect)
    nested = provision.get("provision")
    if nested is not None:
        for each in nested if isinstance(nested, list) else [nested]:
            yield from _denied(each, child, locate, effect, root=False)


def is_break_glass(consent: Resource) -> bool:
    """Whether a Consent is one that breaking the glass made."""
    return any(
        isinstance(tag, dict) and (tag.get("system"), tag.get("code")) == BREAK_GLASS
        for tag in consent.get("meta", {}).get("tag", ())
    )


def _effects(consent: Resource, child: str, locate: Locate) -> tuple[Effect | None, Effect]:
    """What the Consent's permissions and denials are; no permission where it cannot be told who decided.

    A denial by somebody unknown is taken for the young person's own, which nothing sets aside.
    """
    deciders = {_decider(performer, child, locate) for performer in consent.get("performer", ())}
    if deciders == {_YOUNG}:
        return _YOUNG
    return _PARENT if deciders == {_PARENT} else (None, Effect.YOUNG_DENY)


def _decider(performer: Any, child: str, locate: Locate) -> tuple[Effect, Effect] | None:
    match target(performer, locate):
        case ("Patient", id_) if id_ == child:
            return _YOUNG
        case ("RelatedPerson" | "Organization", _):
            return _PARENT
        case _:
            return None


def _read(provision: Json, locate: Locate) -> _Reading:
    """What a provision says by itself."""
    parties = _values(provision, "actor", lambda actor: _party(actor, locate))
    types = _values(provision, "class", _type)
    given = _values(provision, "purpose", _purpose)
    about = labels.bits(provision.get("securityLabel", ()))
    span = span_of(provision.get("period"))
    is_whole = (
        None not in (parties, types, given, span) and not about & labels.UNKNOWN and provision.keys() <= _READ
    )
    under = {purpose for each in given or () for purpose in purposes.under(each)}
    return _Reading(
        parties=tuple(parties or [(EVERYONE, "")]),
        types=tuple(types or [""]),
        purposes=tuple(sorted(under)) or ("",),
        mask=about,
        span=EVER if span is None else span,
        is_whole=is_whole,
    )


def _values(provision: Json, name: str, read: Callable[[Any], Any]) -> list[Any] | None:
    """What `read` makes of each value of an element, each once; None where one cannot be read."""
    said = provision.get(name)
    if said is None:
        return []
    if not isinstance(said, list):
        return None
    found = list(dict.fromkeys(read(each) for each in said))
    return None if None in found else found


def _party(actor: Any, locate: Locate) -> Party | None:
    """Whom an actor is: an agency or a team by its address, or a sector, or everyone, by its role."""
    if not isinstance(actor, dict) or not actor.keys() <= {"id", "role", "reference"}:
        return None
    roles = set(codings(actor.get("role")))
    leads_to = target(actor.get("reference"), locate)
    is_addressed = isinstance(actor.get("reference"), dict) and "reference" in actor["reference"]
    named = _named(leads_to) if is_addressed else None
    wide = _wide(roles)
    if wide is not None:
        return None if is_addressed else wide
    return named if RECIPIENT in roles else None


def _named(leads_to: Target | None) -> Party | None:
    match leads_to:
        case ("Organization", id_):
            return id_, ""
        case ("CareTeam", id_):
            return NOBODY_NAMED, id_
        case _:
            return None


def _wide(roles: set[Coding]) -> Party | None:
    """Everyone, or the one sector that the roles say."""
    if EVERY_AGENCY in roles:
        return EVERYONE, ""
    sectors = [code for system, code in roles if system == SECTOR_SYSTEM]
    return (sector_party(sectors[0]), "") if len(sectors) == 1 else None


def _type(class_: Any) -> str | None:
    match class_:
        case {"system": system, "code": str() as code} if system == TYPES_SYSTEM and code:
            return code
        case _:
            return None


def _purpose(purpose: Any) -> str | None:
    match purpose:
        case {"system": system, "code": str() as code} if system == purposes.SYSTEM:
            return code if code in purposes.KNOWN else None
        case _:
            return None
