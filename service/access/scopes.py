"""Scopes: what a token lets its client do with which resources.

Scopes only ever narrow what the agency may do. What cannot be read allows nothing.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html, ADR 0021
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from service.access.grants import ALL, Grant, Pairs, common, read_grants
from service.fhir.problems import Malformed
from service.fhir.search import compartments
from service.fhir.search.asked import Setting
from service.fhir.search.expressions import (
    About,
    And,
    Chain,
    Expression,
    Has,
    Not,
    Nothing,
    Or,
    Reference,
    Within,
)
from service.fhir.search.grammar import FORMAT_PARAMETERS, parse
from service.fhir.search.results import RESULT_PARAMETERS
from service.fhir.search.sizes import MOST_CONDITIONS, conditions

Person = tuple[str, str]
"""Type and id of who uses a client: a Practitioner, PractitionerRole, RelatedPerson or Patient."""

# Types of which no resource is about a young person: whoever has the letter for them may read them,
# also in the name of one young person.
OPEN: Final = frozenset(
    {
        "CodeSystem",
        "HealthcareService",
        "Location",
        "Measure",
        "OperationDefinition",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Questionnaire",
        "SearchParameter",
        "StructureDefinition",
        "ValueSet",
    }
)
# Types that R4 leaves out of a Patient's compartment, and the parameter that says who they are about.
_BESIDE: Final[Mapping[str, str]] = {"Task": "patient"}
# What is kept apart from resources, and narrowed by nothing: a scope that would narrow it allows nothing.
_UNNARROWED: Final = frozenset({"AuditEvent"})

# What looks beyond the resource at hand, or is about how results are shown, narrows nothing.
_NOT_PLAIN: Final = frozenset(
    {*RESULT_PARAMETERS, *FORMAT_PARAMETERS, "_has", "_list", "_text", "_content", "_type"}
)
_STAFF: Final = frozenset({"Practitioner", "PractitionerRole"})

Conditions = Mapping[str, Expression | None]
"""By letter: what must hold of the resource; None where nothing must. A letter that is not allowed is not in it."""


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a token allows. `patient` and `user` are those of the token, None where it names none.

    A scope in the name of a young person (`patient/`, and `user/` where the user is one or is
    related to one) is about that young person's compartment alone; one of a user whom the token does
    not name allows nothing.
    """

    grants: tuple[Grant, ...]
    setting: Setting = field(compare=False, repr=False)
    patient: str | None = None
    user: Person | None = None
    _by_type: dict[str, Conditions] = field(default_factory=dict, init=False, compare=False, repr=False)
    _by_letter: dict[str, frozenset[str]] = field(default_factory=dict, init=False, compare=False, repr=False)

    _narrowings: dict[tuple[str, Pairs], Expression | None] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def __bool__(self) -> bool:
        """Whether anything is allowed."""
        return bool(self.grants)

    @property
    def text(self) -> str:
        """The scopes as a token says them."""
        return " ".join(grant.text or grant.written() for grant in self.grants)

    def may(self, type_: str, letter: str) -> bool:
        """Whether something may be done (a letter of `cruds`) with some resources of the type."""
        return letter in self.of(type_)

    def narrowed(self, type_: str, letter: str) -> Expression | None:
        """What must hold of a resource of the type for it to be done; None where nothing must."""
        return self.of(type_).get(letter, Nothing())

    def of(self, type_: str) -> Conditions:
        """What is allowed with resources of the type."""
        found = self._by_type.get(type_)
        if found is None:
            found = self._by_type[type_] = self._conditions(type_)
        return found

    def types(self, letter: str) -> frozenset[str]:
        """The served types with which this may be done."""
        found = self._by_letter.get(letter)
        if found is None:
            served = self.setting.registry.served
            found = self._by_letter[letter] = frozenset(filter(lambda type_: self.may(type_, letter), served))
        return found

    def _conditions(self, type_: str) -> Conditions:
        by_letter: dict[str, list[Expression | None]] = {}
        for grant in self.grants:
            if grant.type in {ALL, type_}:
                for letter in grant.letters:
                    by_letter.setdefault(letter, []).append(self._condition(grant, type_, letter))
        joined = {letter: _any(parts) for letter, parts in by_letter.items()}
        return {
            letter: found
            for letter, found in joined.items()
            if found is None or (found != Nothing() and conditions(found) <= MOST_CONDITIONS)
        }

    def _narrowing(self, type_: str, grant: Grant) -> Expression | None:
        """As `narrowing`, made out once for all letters, and where it means the same for all types."""
        if type_ not in self.setting.registry.served.keys() - _UNNARROWED:
            return narrowing(self.setting, type_, grant)
        key = ("" if grant.is_common else type_, grant.pairs)
        if key not in self._narrowings:
            self._narrowings[key] = narrowing(self.setting, type_, grant)
        return self._narrowings[key]

    def _condition(self, grant: Grant, type_: str, letter: str) -> Expression | None:
        parts = (self._narrowing(type_, grant), self._of_person(grant, type_, letter))
        if Nothing() in parts:
            return Nothing()
        given = tuple(part for part in parts if part is not None)
        if given and type_ in _UNNARROWED:
            return Nothing()
        return And(given) if len(given) > 1 else given[0] if given else None

    def _of_person(self, grant: Grant, type_: str, letter: str) -> Expression | None:
        """What must hold because the scope is in somebody's name."""
        if grant.context == "system":
            return None
        if grant.context == "user" and self.user is not None and self.user[0] in _STAFF:
            return None
        id_ = self._young_person(grant)
        if id_ is None:
            return Nothing()
        if type_ in OPEN:
            return None if letter in "rs" else Nothing()
        if type_ in _BESIDE:
            found: Expression = Reference(_BESIDE[type_], compartments.PATIENT, id_)
        else:
            found = compartments.condition(self.setting.registry, compartments.PATIENT, id_, type_)
        # R4 counts among what is somebody's also what they did or were told about somebody else.
        # What is labelled is kept from families, of whom it may tell: they are named in no Consent.
        themselves = self.user == (compartments.PATIENT, id_)
        return found if found == Nothing() else And((found, About(id_, unlabelled=not themselves)))

    def _young_person(self, grant: Grant) -> str | None:
        """The id of the young person in whose name the scope is; None where the token does not say."""
        if grant.context == "user":
            if self.user is None:
                return None
            if self.user[0] == compartments.PATIENT:
                return self.user[1]
        return self.patient


def read_scopes(
    setting: Setting, text: str, *, patient: str | None = None, user: Person | None = None
) -> Scopes:
    """The scopes of a token; what is not understood, or is about signing in, is left out."""
    return Scopes(read_grants(text), setting, patient, user)


def granted(setting: Setting, requested: str, allowed: str) -> Scopes:
    """What of the scopes that a client requests it is allowed, each as it was requested where all of it is.

    It is false where nothing is left. What is not understood is not granted, nor what is about a
    type that is not served or is narrowed in a way that cannot be read.
    """
    met = common(read_grants(requested), read_grants(allowed))
    return Scopes(tuple(grant for grant in met if _is_sound(setting, grant)), setting)


def narrowing(setting: Setting, type_: str, grant: Grant) -> Expression | None:
    """What a scope's search parameters ask of resources of the type; None where it has none.

    It is Nothing where they cannot be read, or look beyond the resource at hand.
    """
    if not grant.pairs:
        return None
    if type_ not in setting.registry.served.keys() - _UNNARROWED or not all(
        map(_is_plain, (name for name, _ in grant.pairs))
    ):
        return Nothing()
    try:
        found = parse(setting, type_, grant.pairs, count_default=1, count_limit=1, lenient=False)
    except Malformed:
        return Nothing()
    where = found.query.where
    return where if _stays(where) else Nothing()


def _is_sound(setting: Setting, grant: Grant) -> bool:
    if grant.type == ALL:
        return True
    return grant.type in setting.registry.served and narrowing(setting, grant.type, grant) != Nothing()


def _is_plain(name: str) -> bool:
    return "." not in name and name.partition(":")[0] not in _NOT_PLAIN


def _stays(expression: Expression) -> bool:
    """Whether the condition is about the resource at hand alone."""
    match expression:
        case And(parts) | Or(parts):
            return all(map(_stays, parts))
        case Not(part):
            return _stays(part)
        case Chain() | Has() | Within():
            return False
        case _:
            return True


def _any(parts: list[Expression | None]) -> Expression | None:
    """True where any part is, and everywhere where a part is None."""
    if None in parts:
        return None
    found = dict.fromkeys(part for part in parts if part is not None and part != Nothing())
    if not found:
        return Nothing()
    return next(iter(found)) if len(found) == 1 else Or(tuple(found))
