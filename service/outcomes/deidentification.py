"""De-identification: what is left of a resource for those who may not know whom it is about.

What is named in the rules is kept, by code; ids are replaced, dates shifted, rare values generalised; all else is
dropped. What was there and is dropped is marked as masked where R4 wants it, or a reader would take a part of
something for the whole of it. What cannot be told apart from others is left out whole: resources about several
people or unknown ones, about restricted ones, those that bear a sensitive label or a modifier that is not understood.

Source: docs/deidentification.md, http://hl7.org/fhir/StructureDefinition/data-absent-reason,
domain facts section 8, https://hl7.org/fhir/R4/security-labels.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from service.fhir.validation.properties import Property, properties
from service.outcomes import deidentification_values as values
from service.outcomes.deidentification_dates import (
    shifted,
    shifted_instant,
    shifted_period,
    year_of_birth,
)
from service.outcomes.deidentification_rules import (
    ETHNIC_CATEGORY,
    ETHNIC_CODES,
    ETHNIC_GROUP_OF,
    ETHNIC_GROUPS,
    EXTENSIONS,
    KEPT,
    KEPT_TAGS,
    MASKED_ALWAYS,
    MASKED_PRIMITIVES,
    OF_NOBODY,
    OLDEST,
    OTHER_SECTOR,
    SECTORS,
    SECTORS_TOLD,
    TYPES,
    YOUNGEST,
)
from service.outcomes.labels import label_of

if TYPE_CHECKING:
    from service.fhir.registry import Registry
    from service.outcomes.deidentification_keys import Keyring

Json = dict[str, Any]
Treatment = Callable[[Any, "int | None"], Any]
"""What is left of a value, None where nothing is. It is told by how many days to shift, None: dates are dropped."""

PSEUDED: Final[Mapping[str, str]] = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "PSEUDED",
}
"""The label of what is de-identified."""
MASKED: Final[Mapping[str, Any]] = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
    ]
}
"""In place of what is dropped and must be there."""

REMOVED: Final = "removed"
REPLACED: Final = "replaced"
SHIFTED: Final = "shifted"
GENERALISED: Final = "generalised"
TEXT_REMOVED: Final = "text removed"
LEFT_OUT: Final = "left out"
"""What was done to an element, and to a resource as a whole."""

GENDER: Final = "gender"
ETHNICITY: Final = "ethnicity"
BORN: Final = "born"
COUNTED: Final = (GENDER, ETHNICITY, BORN)
"""What of young people is told only where enough of them have the same."""

# They change what the rest means: what is not understood may not be passed over.
_MODIFIERS: Final = frozenset({"modifierExtension", "implicitRules", "_implicitRules"})
# What every resource has instead of its own, and what is no element.
_HEAD: Final = frozenset({"resourceType", "id", "meta"})
_LINK: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/-]{0,63}", re.ASCII)
_COMPLEX: Final = frozenset({"CodeableConcept", "Coding", "Reference", "Period", "Quantity", "Range"})


class LeftOut(Exception):  # noqa: N818 - what becomes of a resource, and no fault
    """The resource is left out; the argument says why, in words that tell nothing of it."""


@dataclass(slots=True)
class Deidentifier:
    """De-identifies the resources of one export. `counts` says, by type, element and what was done, how often it was.

    `restricted` are the ids of the Patients who are left out with all that is about them. `year` is that of the
    export. `told` are, by what is counted, the values that are common enough to be told; None: all are.
    """

    registry: Registry
    keys: Keyring
    restricted: frozenset[str]
    year: int
    told: Mapping[str, frozenset[str]] | None = None
    counts: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _parts: dict[str, _Part] = field(default_factory=dict)
    _addresses: dict[str, Json | None] = field(default_factory=dict)

    def line(self, resource: Json, child: str | None, *, closed: bool = False) -> Json | None:
        """What is left of the resource, None where it is left out.

        `child` is the id of the Patient about whom it is, None where it is about nobody; `closed`: it is about
        several people or unknown ones.
        """
        type_ = resource["resourceType"]
        try:
            _require_in(type_, resource, child, self.restricted, closed=closed)
            shown = self.part(type_).of(
                resource, None if child is None or type_ in OF_NOBODY else self.keys.days(child)
            )
        except LeftOut as why:
            self.counts[type_, f"{LEFT_OUT}: {why}"] += 1
            return None
        head: Json = {
            "resourceType": type_,
            "id": self.keys.pseudonym(type_, resource["id"]),
            "meta": _meta(resource),
        }
        if shown.pop("deceasedDateTime", False):
            shown["deceasedBoolean"] = True
        always = MASKED_ALWAYS.get(type_)
        return {**head, **shown, **({always: dict(MASKED)} if always else {})}

    def part(self, name: str) -> _Part:
        """How a resource or a part of one of that type is treated."""
        found = self._parts.get(name)
        if found is None:
            found = self._parts[name] = _Part(name, self.counts)
            kept = KEPT[name]
            for property_ in properties(self.registry, self.registry.definition(name)).values():
                if property_.name in kept and not property_.sibling:
                    found.add(property_, self._treatment(name, property_))
        return found

    def _treatment(self, name: str, property_: Property) -> tuple[Treatment, str | None]:
        """How the element is treated, and what that is called where it is not just kept."""
        own: Mapping[tuple[str, str], tuple[Treatment, str]] = {
            ("Patient", "gender"): (self.gender, GENERALISED),
            ("Patient", "birthDate"): (self.born, GENERALISED),
        }
        found = own.get((name, property_.name)) or _SPECIAL.get((name, property_.name))
        if found is not None:
            return found
        if property_.type == "Extension":
            return self._extension(name, EXTENSIONS[name]), None
        if property_.type == "Reference":
            return self.reference, REPLACED
        if "." in property_.type:
            return self.part(property_.type).inner, None
        return _OF_TYPE[property_.type]

    def reference(self, value: Json, _: int | None) -> Json | None:
        """The reference, to the pseudonym of what it leads to; None where that is nothing that is exported here."""
        text = value.get("reference")
        if not isinstance(text, str):
            return None
        if text not in self._addresses:
            self._addresses[text] = self._led(text)
        return self._addresses[text]

    def _led(self, text: str) -> Json | None:
        type_, _, rest = text.partition("/")
        id_, _, version = rest.partition("/")
        if type_ not in TYPES or not id_ or (version and not version.startswith("_history/")):
            return None
        if type_ == "Patient" and id_ in self.restricted:
            return None
        return {"reference": f"{type_}/{self.keys.pseudonym(type_, id_)}"}

    def gender(self, value: Any, _: int | None) -> str | None:
        """Male and female, and others where they are not rare."""
        return values.code(value, None) if self._is_told(GENDER, value) else None

    def born(self, value: Any, days: int | None) -> str | None:
        """The year of birth, with the days by which all is shifted; None where it is rare."""
        year = self._year(value, days)
        return year if year is not None and self._is_told(BORN, year) else None

    def _year(self, value: Any, days: int | None) -> str | None:
        """The year of birth, None where it is not of those for whom the service is."""
        year = None if days is None else year_of_birth(value, days)
        if year is None or not self.year - OLDEST <= year <= self.year - YOUNGEST:
            return None
        return f"{year:04d}"

    def ethnicity(self, value: Json, _: int | None) -> Json | None:
        """The group of the ethnic category; None where it is rare, or cannot be told."""
        group = ethnic_group(value)
        if group is None or not self._is_told(ETHNICITY, group):
            return None
        return {"coding": [{"system": ETHNIC_GROUPS, "code": group}]}

    def _is_told(self, what: str, value: Any) -> bool:
        return self.told is None or value in self.told[what]

    def counted(self, patient: Json) -> dict[str, str | None]:
        """What is counted of a young person, before it is known what is rare."""
        days = self.keys.days(patient["id"])
        extended = {each.get("url"): each for each in patient.get("extension", ())}
        category = extended.get(ETHNIC_CATEGORY, {}).get("valueCodeableConcept", {})
        return {
            GENDER: patient.get("gender"),
            ETHNICITY: ethnic_group(category),
            BORN: self._year(patient.get("birthDate"), days),
        }

    def _extension(self, name: str, rules: Mapping[str, str | Mapping[str, str]]) -> Treatment:
        """Keeps the extensions that are named, and of those in them the same."""

        def kept(extension: Json, days: int | None) -> Json | None:
            url = extension.get("url", "")
            rule = rules.get(url)
            if rule is None:
                return None
            if isinstance(rule, str):
                found = self._extended(url, rule, extension, days)
            else:
                inner = [
                    each
                    for nested in extension.get("extension", ())
                    if (value := rule.get(nested.get("url", ""))) is not None
                    and (each := self._extended(nested["url"], value, nested, days)) is not None
                ]
                found = {"url": url, "extension": inner} if inner else None
            if found is not None and found != extension:
                self.counts[name, f"extension: {_called(url, rule)}"] += 1
            return found

        return kept

    def _extended(self, url: str, name: str, extension: Json, days: int | None) -> Json | None:
        if name not in extension:
            return None
        type_ = name.removeprefix("value")
        treat: Treatment
        if url == ETHNIC_CATEGORY:
            treat = self.ethnicity
        elif type_ == "Reference":
            treat = self.reference
        else:
            treat = _OF_TYPE.get(type_, _OF_TYPE.get(type_[:1].lower() + type_[1:], (values.nothing, None)))[
                0
            ]
        value = treat(extension[name], days)
        return None if value is None else {"url": url, name: value}


class _Part:
    """How an object of one type is treated: what its elements are, and what is done to each."""

    __slots__ = ("_counts", "_masks", "_name", "_treated")

    def __init__(self, name: str, counts: dict[tuple[str, str], int]) -> None:
        self._name = name
        self._counts = counts
        self._treated: dict[str, tuple[Treatment, str | None, bool]] = {}
        self._masks: set[str] = set()

    def add(self, property_: Property, treated: tuple[Treatment, str | None]) -> None:
        """Takes an element, how it is treated and what that is called."""
        treat, how = treated
        is_wanted = property_.element.minimum > 0 or (self._name, property_.name) in MASKED_PRIMITIVES
        self._treated[property_.name] = (treat, how, property_.element.repeats)
        if is_wanted or property_.type in _COMPLEX:
            self._masks.add(f"_{property_.name}" if property_.primitive else property_.name)

    def inner(self, node: Json, days: int | None) -> Json | None:
        """What is left of a part of a resource; None where nothing is."""
        return self.of(node, days) or None

    def of(self, node: Json, days: int | None) -> Json:
        """What is left of the object.

        Raises:
            LeftOut: something changes what it means that is not understood.
        """
        shown: Json = {}
        counts, name_ = self._counts, self._name
        for name, value in node.items():
            treated = self._treated.get(name)
            if treated is None:
                if name in _MODIFIERS:
                    raise LeftOut("it has a modifier")
                if name not in _HEAD:
                    counts[name_, f"{name.removeprefix('_')}: {REMOVED}"] += 1
                    self._mask(shown, name, node)
                continue
            treat, how, repeats = treated
            kept: Any
            if repeats:
                kept = self._each(name, value, treat, how, days)
                if kept:
                    shown[name] = kept
                continue
            kept = treat(value, days)
            if kept is None:
                counts[name_, f"{name}: {REMOVED}"] += 1
                self._masked(shown, name)
            else:
                shown[name] = kept
                if how is not None and kept != value:
                    counts[name_, f"{name}: {how}"] += 1
        return shown

    def _each(
        self, name: str, items: list[Any], treat: Treatment, how: str | None, days: int | None
    ) -> list[Any]:
        kept: list[Any] = []
        for item in items:
            found = treat(item, days)
            if found is None:
                self._counts[self._name, f"{name}: {REMOVED}"] += 1
            else:
                kept.append(found)
                if how is not None and found != item:
                    self._counts[self._name, f"{name}: {how}"] += 1
        return kept or ([dict(MASKED)] if name in self._masks else kept)

    def _mask(self, shown: Json, name: str, node: Json) -> None:
        """Marks what stands in place of a primitive that must be there."""
        if name[0] == "_" and name in self._masks and name[1:] not in node:
            shown[name] = dict(MASKED)

    def _masked(self, shown: Json, name: str) -> None:
        if name in self._masks:
            shown[name] = dict(MASKED)
        elif f"_{name}" in self._masks:
            shown[f"_{name}"] = dict(MASKED)


def _require_in(
    type_: str, resource: Json, child: str | None, restricted: frozenset[str], *, closed: bool
) -> None:
    """Lets a resource pass that can be told.

    Raises:
        LeftOut: it cannot.
    """
    if type_ not in TYPES:
        raise LeftOut("its type is not exported so")
    if closed:
        raise LeftOut("it is about several people, or unknown ones")
    if child is None and type_ not in OF_NOBODY:
        raise LeftOut("it is about no young person")
    if child in restricted:
        raise LeftOut("it is about somebody who is restricted")
    if label_of(resource):
        raise LeftOut("it has a sensitive label")


def _meta(resource: Json) -> Json:
    """That it is de-identified, and those tags that tell nothing but of the data as such."""
    meta: Json = {"security": [dict(PSEUDED)]}
    tags = [
        {"system": tag["system"], "code": tag["code"]}
        for tag in resource.get("meta", {}).get("tag", ())
        if (tag.get("system"), tag.get("code")) in KEPT_TAGS
    ]
    return {**meta, "tag": tags} if tags else meta


def ethnic_group(category: Any) -> str | None:
    """The group of an ethnic category; None where it is none that we know."""
    for coding in category.get("coding", ()) if isinstance(category, dict) else ():
        if coding.get("system") == ETHNIC_CODES and coding.get("code") in ETHNIC_GROUP_OF:
            return ETHNIC_GROUP_OF[coding["code"]]
    return None


def _called(url: str, rule: str | Mapping[str, str]) -> str:
    """What was done to an extension of which not all is left as it was."""
    if url == ETHNIC_CATEGORY:
        return GENERALISED
    return {"valueReference": REPLACED, "valueDate": SHIFTED}.get(str(rule), TEXT_REMOVED)


def _day(value: Any, days: int | None) -> str | None:
    return None if days is None else shifted(value, days)


def _instant(value: Any, days: int | None) -> str | None:
    return None if days is None else shifted_instant(value, days)


def _period(value: Any, days: int | None) -> Json | None:
    return None if days is None else shifted_period(value, days)


def _link(value: Any, _: int | None) -> str | None:
    """The number of a question in its form; None where it could be a text."""
    return value if _LINK.fullmatch(value) else None


def _sector(value: Json, _: int | None) -> Json | None:
    """The sector of an agency, those that are rare as one; None where it does not say."""
    for coding in value.get("coding", ()):
        if coding.get("system") == SECTORS and "code" in coding:
            code = coding["code"] if coding["code"] in SECTORS_TOLD else OTHER_SECTOR
            return {"coding": [{"system": SECTORS, "code": code}]}
    return None


def _was(value: Any, _: int | None) -> bool:
    """That somebody died, and not when."""
    return value is not False


_OF_TYPE: Final[Mapping[str, tuple[Treatment, str | None]]] = {
    **dict.fromkeys(("date", "dateTime"), (_day, SHIFTED)),
    "instant": (_instant, SHIFTED),
    "Period": (_period, SHIFTED),
    **dict.fromkeys(("boolean", "integer", "positiveInt", "unsignedInt", "decimal"), (values.number, None)),
    "code": (values.code, None),
    "canonical": (values.canonical, None),
    "CodeableConcept": (values.concept, TEXT_REMOVED),
    "Coding": (values.coding, TEXT_REMOVED),
    "Quantity": (values.quantity, TEXT_REMOVED),
    "Range": (values.range_, TEXT_REMOVED),
}
_SPECIAL: Final[Mapping[tuple[str, str], tuple[Treatment, str | None]]] = {
    ("Patient", "deceasedDateTime"): (_was, GENERALISED),
    ("Organization", "type"): (_sector, GENERALISED),
    ("Consent.policy", "uri"): (values.canonical, None),
    ("QuestionnaireResponse.item", "linkId"): (_link, None),
}
