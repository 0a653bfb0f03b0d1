"""Permission: whether the caller's agency may make the changes of a unit, and whose each change is.

The rule is in `service/outcomes/stewardship.py`, pure; here it gets its facts. What somebody sees is
decided by the store; this decides what they may do to it. A caller who sees everything because
they administer the service may do everything.

Source: ADR 0022, docs/sharing.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from service.access import needs
from service.fhir.guide import CANONICAL_BASE, KINDS
from service.fhir.matching import matches
from service.fhir.problems import Conflict, Forbidden, Invalid, Issue, Missing, Problem
from service.fhir.search import about
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.outlook import Nowhere
from service.interactions.pauses import breathe
from service.interactions.shares import rows_of
from service.interactions.surroundings import Surroundings
from service.outcomes.claims import claims
from service.outcomes.consents import is_break_glass
from service.outcomes.grants import Effect, Ground
from service.outcomes.labels import label_of
from service.outcomes.references import Locate, Target, target
from service.outcomes.sharing import Viewer, facts, is_named_in_denial
from service.outcomes.stewardship import GOVERNING, Deed, Nobody, favours, opens, permits, refusal
from service.outcomes.whose import PATIENT, whose
from service.storage.store import Change, Key, Stored

Json = dict[str, Any]

_ORGANIZATION: Final = "Organization"
_ROLE: Final = "PractitionerRole"
_LETTERS: Final[Mapping[str, str]] = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_CANONICAL: Final = frozenset({*KINDS, "Measure"})
_CIRCLE: Final = frozenset({Effect.TEAM, Effect.PLAN})
_MICROSECONDS: Final = 1000  # in a millisecond


def is_unbounded(context: Context, act: Act) -> bool:
    """Whether the caller may do everything: the service itself, and who administers it."""
    sight = context.store.sight
    return sight is None or sight.every or act.caller.administrator


async def require_choice(context: Context, act: Act, type_: str, id_: str) -> Stored | None:
    """Lets an id be used that the caller saw nothing under, for a resource that a PUT creates.

    None, or what has been stored under it since they looked and they do see. Whether nothing is there,
    or something that they may not see, is told to none but those who choose the ids of what they write;
    they cannot do without.

    Raises:
        Missing: the caller does not choose ids.
        Conflict: there is something that they do not see.
    """
    if context.store.sight is None:
        return None
    if not (act.caller.chooses_ids or is_unbounded(context, act)):
        raise Missing("resource-missing", f"There is no {type_}/{id_}.")
    locality = act.caller.locality
    if await context.store.whole.read(locality, type_, id_) is None:
        return None
    since = await context.store.read(locality, type_, id_)
    if since is None:
        raise Conflict("id-taken", f"The id of this {type_} cannot be used.", f"{type_}.id")
    return since


def require_whole(before: Stored) -> None:
    """Lets a change be made of what the caller was shown wholly; else they would write back what was masked.

    Raises:
        Forbidden: a part of it is withheld from them.
    """
    if before.withheld:
        issue = refusal(Deed(before.type, is_new=False, is_withheld=True))
        raise Forbidden.of([] if issue is None else [issue])


def require_fitting(context: Context, act: Act, changes: Iterable[Change]) -> None:
    """Lets resources be written that fit what the caller's token is narrowed to.

    Raises:
        Forbidden: one does not.
    """
    for change in changes:
        problem = unfitting(context, act, change)
        if problem is not None:
            raise problem


def unfitting(context: Context, act: Act, change: Change) -> Forbidden | None:
    """The refusal of what a change writes where it does not fit what the caller's token is narrowed to."""
    scopes = act.caller.scopes
    if scopes is None or change.resource is None:
        return None
    need = needs.of(_LETTERS[change.method], change.type)
    where = scopes.narrowed(change.type, need.letters)
    if where is None:
        return None
    values = context.extractor.values(change.resource)
    now = context.clock() * _MICROSECONDS
    where = about.told(where, _child_told(context, change.type, change.id, change.resource))
    if matches(where, change.type, change.id, now, values, Nowhere()):
        return None
    problem = needs.InsufficientScope(
        "insufficient-scope", f"The access token does not allow {change.type} resources such as this one."
    )
    problem.needed = f"system/{change.type}.{need.letters}"
    return problem


def _child_told(context: Context, type_: str, id_: str, resource: Json) -> str | None:
    """The one young person whom what is written is about, as far as it names them itself."""
    if type_ == PATIENT:
        return id_
    found = whose(resource, Addresses(context.registry, context.base_url).target)
    if found.child is not None or len(found.through) != 1:
        return found.child
    ((of_type, of),) = found.through
    return of if of_type == PATIENT else None


async def refusals(
    context: Context, act: Act, changes: Sequence[Change], around: Surroundings
) -> dict[Key, Problem]:
    """Why the caller's agency may not make changes, by the resource; those that it may make are not in it."""
    if is_unbounded(context, act):
        return {}
    asked = [_Asked.of(change, around.addresses.target) for change in changes]
    await around.fetch((PATIENT, child) for each in asked for child in each.needed(context))
    found: dict[Key, Problem] = {}
    for done, each in enumerate(asked):
        problem = await _refusal(context, act, each, around)
        if problem is not None:
            found[each.change.type, each.change.id] = problem
        await breathe(done)
    return found


class _Asked:
    """A change with the young people that it is, and was, about; None where that is nobody whom it names."""

    __slots__ = ("change", "child", "claims", "former")

    def __init__(self, change: Change, child: str | None, former: str | None, *, claims: bool) -> None:
        self.change = change
        self.child = child
        self.former = former
        self.claims = claims

    @classmethod
    def of(cls, change: Change, locate: Locate) -> _Asked:
        before = change.before
        if change.former is not None:
            former = whose(change.former, locate).child
        else:
            former = None if before is None else before.child or None
        child = former if change.resource is None else whose(change.resource, locate).child
        # Of what is new, the young person is asked for in any case.
        is_change = before is not None and change.resource is not None
        is_claim = is_change and claims(change.former, change.resource or {}, locate)
        return cls(change, child, former, claims=is_claim)

    @property
    def is_anothers(self) -> bool:
        """Whether it will be about a young person that it was not about before."""
        return self.child is not None and self.child != self.former

    @property
    def moves(self) -> bool:
        """Whether it takes the resource from one young person to another, or to nobody."""
        return self.former is not None and self.child != self.former

    def needed(self, context: Context) -> Iterable[str]:
        """The young people whom the answer depends on."""
        governs = self.change.type in GOVERNING
        # Where references are enforced, it is asked already whether that young person is seen.
        is_asked_here = self.claims or (self.is_anothers and not context.references)
        if self.child is not None and (governs or self.moves or is_asked_here):
            yield self.child
        if self.former is not None and self.moves:
            yield self.former


async def _refusal(context: Context, act: Act, asked: _Asked, around: Surroundings) -> Problem | None:
    change, before = asked.change, asked.change.before
    needed = set(asked.needed(context))
    needs_child = asked.claims or asked.is_anothers
    if needs_child and asked.child in needed and not _is_seen(asked.child, around):
        text = f"There is no such {PATIENT} on this server. Create it first, or in the same transaction."
        return Invalid.of([Issue("error", "not-found", "reference-missing", text, change.type)])
    deed = Deed(
        change.type,
        is_new=before is None,
        is_author=before is not None and before.author == act.caller.agency,
        ground=Ground.NONE if before is None else before.ground,
        child=_ground(asked.child, needed, around),
        former=_ground(asked.former, needed, around),
        moves=asked.moves,
        owns=await _owns(context, act, change, around.addresses.target),
        is_withheld=before is not None and before.withheld,
        breaks_glass=change.type == "Consent"
        and any(each is not None and is_break_glass(each) for each in (change.former, change.resource)),
        is_agency=change.type == _ORGANIZATION and await _has_clients(context, act, change.id),
        changes_sector=_changes_sector(change),
        is_reserved=_is_reserved(context, change),
        keeps_circle=await _keeps_circle(context, act, asked, needed, around),
        unties=await _unties(context, act, change),
        **await _gain(context, act, change, asked, around),
    )
    issue = refusal(deed)
    if issue is not None:
        return Forbidden.of([issue])
    if change.type in GOVERNING and deed.child in {Ground.TEAM, Ground.PLAN}:
        await _rely_on_circle(context, act, asked.child or "", around)
    return None


async def _gain(
    context: Context, act: Act, change: Change, asked: _Asked, around: Surroundings
) -> dict[str, bool]:
    """Whether the caller's agency, or others by it, would see more of the record by what governs access."""
    if change.type not in GOVERNING or asked.child is None:
        return {}
    locate = around.addresses.target
    before, after = (
        () if each is None else facts(each, locate).rows for each in (change.former, change.resource)
    )
    patient = around.seen((PATIENT, asked.child))
    agency, sectors = act.caller.agency, await _sectors(context, act)
    return {
        "favours_itself": favours(agency, sectors, before, after),
        "permits_itself": permits(agency, sectors, before, after),
        "opens_labels": opens(before, after),
        "knows_whereabouts": patient is None or not patient.withheld,
    }


async def _sectors(context: Context, act: Act) -> frozenset[str]:
    """The sectors that the caller's agency is of, by any of its clients: what one may not write, none may."""
    registered = await context.store.whole.registrations.all()
    mine = (each for each in registered if (each.agency, each.locality) == _agency(act))
    return act.caller.sectors.union(*(each.sectors for each in mine))


def _agency(act: Act) -> tuple[str, str]:
    return act.caller.agency, act.caller.locality


async def _unties(context: Context, act: Act, change: Change) -> bool:
    """Whether an agency against which a denial stands changes what that hangs on: a date of birth, labels.

    Parents' denials end at sixteen, and those of labels with the label. What puts a Patient back counts as
    a change of these.
    """
    if change.type != PATIENT or change.before is None or change.resource is None:
        return False
    if change.former is not None and _decides(change.former) == _decides(change.resource):
        return False
    shares = await context.store.whole.sharing(act.caller.locality, change.id)
    viewer = Viewer(act.caller.agency, await _sectors(context, act), act.caller.purpose, context.clock())
    return is_named_in_denial(change.id, rows_of(change.id, shares), viewer)


def _decides(patient: Json) -> tuple[Any, int]:
    """Of a Patient, what decides who sees the record."""
    return patient.get("birthDate"), label_of(patient)


async def _keeps_circle(
    context: Context, act: Act, asked: _Asked, needed: set[str], around: Surroundings
) -> bool:
    """Whether the caller's agency made the young person's record, and no agency coordinates a plan of theirs."""
    change, child = asked.change, asked.child
    if change.type != "CareTeam" or change.before is None or child is None:
        return False
    if change.before.author == act.caller.agency or _ground(child, needed, around) != Ground.AUTHOR:
        return False
    now = context.clock()
    shares = await context.store.whole.sharing(act.caller.locality, child)
    return not any(share.effect == Effect.PLAN and share.low <= now < share.high for share in shares)


def _is_seen(child: str | None, around: Surroundings) -> bool:
    presence = around.presence((PATIENT, child or ""))
    return presence is not None and not presence.deleted


def _ground(child: str | None, needed: set[str], around: Surroundings) -> int | Nobody:
    """On what ground the caller sees the Patient; what the unit itself creates is its agency's."""
    if child is None or child not in needed:
        return Nobody.NOBODY
    if around.creates((PATIENT, child)):
        return Ground.AUTHOR
    stored = around.seen((PATIENT, child))
    return Ground.NONE if stored is None or stored.deleted else stored.ground


async def _owns(context: Context, act: Act, change: Change, locate: Locate) -> bool:
    """Whether what is there is a Task that the caller's agency has to do, by itself or by somebody of its own."""
    if change.type != "Task" or change.former is None:
        return False
    owner = target(change.former.get("owner"), locate)
    me = (_ORGANIZATION, act.caller.agency)
    if owner is None or owner[0] != _ROLE:
        return owner == me
    role = await context.store.whole.read(act.caller.locality, *owner)
    return role is not None and not role.deleted and _works_for(role, locate) == me


def _works_for(role: Stored, locate: Locate) -> Target | None:
    return target(content(role).get("organization"), locate)


async def _has_clients(context: Context, act: Act, id_: str) -> bool:
    """Whether an Organization is an agency for which a client acts."""
    if id_ == act.caller.agency:
        return True
    registered = await context.store.whole.registrations.all()
    return any(
        each.agency == id_ and each.locality == act.caller.locality and each.revoked is None
        for each in registered
    )


def _is_reserved(context: Context, change: Change) -> bool:
    """Whether a change is of a form or measure that says that it is one of the guide: every agency would get it."""
    if change.type not in _CANONICAL:
        return False
    known = context.guide.all(change.type) if change.type in KINDS else {}
    urls = {str(each.get("url", "")) for each in (change.former, change.resource) if each is not None}
    return any(url.startswith(CANONICAL_BASE) or url in known for url in urls)


def _changes_sector(change: Change) -> bool:
    """Whether a change gives an Organization that is there other types."""
    if change.type != _ORGANIZATION or change.former is None or change.resource is None:
        return False
    return bool(change.former.get("type") != change.resource.get("type"))


async def _rely_on_circle(context: Context, act: Act, child: str, around: Surroundings) -> None:
    """Notes that what puts the caller's agency into the circle must still be so when the unit is stored."""
    locality, now = act.caller.locality, context.clock()
    shares = await context.store.whole.sharing(locality, child)
    sources = {
        share.source
        for share in shares
        if share.party == act.caller.agency and share.effect in _CIRCLE and share.low <= now < share.high
    }
    others = [source for source in sorted(sources) if not around.is_own(source)]
    found = await context.store.whole.read_many(locality, others)
    around.rely_on(found.values())
