"""Checks of one value that a profile makes: fixed and pattern values, ranges, lengths, bindings, reference targets.

Source: https://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from service.fhir.conformance import faults
from service.fhir.conformance.items import Item
from service.fhir.conformance.matches import Test, fixed, pattern
from service.fhir.conformance.places import Place, expression
from service.fhir.conformance.runs import Check, Json, Run
from service.fhir.paths.references import literal_type

if TYPE_CHECKING:
    from service.fhir.conformance.trees import Branch
    from service.fhir.problems import Issue
    from service.fhir.terminology import Terminology

CODED: Final = frozenset({"code", "string", "uri", "Coding", "CodeableConcept", "Quantity"})
ANY_TYPE: Final = frozenset({"Resource", "DomainResource"})
_NUMBERS: Final = (int, Decimal)


def of_value(branch: Branch, owner: str) -> Iterator[Check]:
    """The checks of `fixed[x]`, `pattern[x]`, `minValue[x]`, `maxValue[x]` and `maxLength`."""
    name = branch.name
    if (stated := branch.valued("fixed")) is not None:
        yield _demanding(fixed(stated[1]), faults.not_fixed, owner, name, stated[1])
    if (stated := branch.valued("pattern")) is not None:
        yield _demanding(pattern(stated[1]), faults.not_pattern, owner, name, stated[1])
    if (least := branch.valued("minValue")) is not None:
        yield _bounding(lambda value, limit: value >= limit, owner, name, "at least", least[1])
    if (most := branch.valued("maxValue")) is not None:
        yield _bounding(lambda value, limit: value <= limit, owner, name, "at most", most[1])
    if (longest := branch.element.get("maxLength")) is not None:
        yield _measuring(owner, name, longest)


def _demanding(
    fits: Test, fault: Callable[[str, str, str, Any], Issue], owner: str, name: str, wanted: Any
) -> Check:
    def tell(item: Item, place: Place, run: Run) -> None:
        if not fits(item.value):
            run.issues.append(fault(expression(place), owner, name, wanted))

    return Check(tell, lambda value, _type, _run: fits(value))


def _bounding(within: Callable[[Any, Any], bool], owner: str, name: str, bound: str, limit: Any) -> Check:
    """The check of a range: of numbers, of dates and times in the same form, and of quantities in the same unit."""

    def accepts(value: Any, _type: str, _run: Run) -> bool:
        pair = _comparable(value, limit)
        return pair is None or within(*pair)

    def tell(item: Item, place: Place, run: Run) -> None:
        if not accepts(item.value, item.type, run):
            shown = limit["value"] if isinstance(limit, dict) else limit
            run.issues.append(faults.out_of_range(expression(place), owner, name, bound, shown))

    return Check(tell, accepts)


def _comparable(value: Any, limit: Any) -> tuple[Any, Any] | None:
    """The two values as they can be compared; None where they cannot."""
    if isinstance(limit, dict):
        same = isinstance(value, dict) and value.get("code") == limit.get("code")
        return _comparable(value.get("value"), limit.get("value")) if same else None
    if isinstance(limit, _NUMBERS):
        return (value, limit) if isinstance(value, _NUMBERS) else None
    if isinstance(limit, str) and isinstance(value, str):
        # Of two dates or times of one length and offset the text decides; a shorter one covers all of its time.
        size = min(len(value), len(limit))
        return value[:size], limit[:size]
    return None


def _measuring(owner: str, name: str, longest: int) -> Check:
    def accepts(value: Any, _type: str, _run: Run) -> bool:
        return not isinstance(value, str) or len(value) <= longest

    def tell(item: Item, place: Place, run: Run) -> None:
        if not accepts(item.value, item.type, run):
            run.issues.append(faults.too_long(expression(place), owner, name, longest))

    return Check(tell, accepts)


def of_binding(branch: Branch, owner: str, terminology: Terminology) -> Check | None:
    """The check of a required or extensible binding; None where there is none."""
    binding = branch.element.get("binding", {})
    value_set, strength = binding.get("valueSet"), binding.get("strength")
    if value_set is None or strength not in {"required", "extensible"}:
        return None
    required = strength == "required"
    fault = faults.not_in_value_set if required else faults.outside_value_set
    members = terminology.members(value_set) or frozenset()

    def tell(item: Item, place: Place, run: Run) -> None:
        if item.type in CODED and is_member(item, value_set, terminology, required=required) is False:
            run.issues.append(fault(expression(place), owner, branch.name, value_set))

    def accepts(value: Any, type_: str, _run: Run) -> bool:
        if type_ == "CodeableConcept" and has_member(value, members):
            return True
        if type_ not in CODED:
            return True
        item = Item(value, type_, None, None)
        return is_member(item, value_set, terminology, required=required) is not False

    return Check(tell, accepts)


def has_member(concept: Json, members: AbstractSet[tuple[Any, Any]]) -> bool:
    """Whether one of a CodeableConcept's codings is among the systems and codes."""
    for coding in concept.get("coding", ()):  # noqa: SIM110 - on every write; a generator doubles its cost
        if (coding.get("system"), coding.get("code")) in members:
            return True
    return False


def is_member(item: Item, value_set: str, terminology: Terminology, *, required: bool) -> bool | None:
    """Whether a coded item is in the value set: one of its codings is; None where that cannot be told.

    Without any code it is not, where the binding is required and no extension says why.
    """
    codings = list(_codings(item))
    if not codings:
        return not required or "extension" in item.members
    verdicts = [terminology.contains(value_set, system, code) for system, code in codings]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _codings(item: Item) -> Iterator[tuple[str | None, str]]:
    """The systems and codes of a code, Coding, CodeableConcept or Quantity."""
    value = item.value
    if isinstance(value, str):
        yield None, value
    elif isinstance(value, dict):
        said = value.get("coding", ()) if item.type == "CodeableConcept" else (value,)
        for coding in said if isinstance(said, list | tuple) else ():
            if isinstance(coding, dict) and isinstance(coding.get("code"), str):
                system = coding.get("system", "")
                yield system if isinstance(system, str) else "", coding["code"]


def of_targets(branch: Branch, owner: str, targets: frozenset[str]) -> Check:
    """The check that a reference is to a resource of one of the types, as far as it says or what is contained says."""
    types = sorted(targets)

    def accepts(value: Any, type_: str, run: Run) -> bool:
        if type_ != "Reference":
            return True
        head, slash, id_ = value.get("reference", "").partition("/")
        if slash and head in targets and "/" not in id_:
            return True
        target = target_type(value, run)
        return target is None or target in targets

    def tell(item: Item, place: Place, run: Run) -> None:
        target = target_type(item.value, run) if item.type == "Reference" else None
        if target is not None and target not in targets:
            run.issues.append(faults.wrong_target(expression(place), owner, branch.name, types))

    return Check(tell, accepts)


def target_type(reference: Json, run: Run) -> str | None:
    """The type of the resource that a Reference is to; None where that cannot be told without looking it up."""
    literal = reference.get("reference")
    if isinstance(literal, str):
        if literal.startswith("#"):
            inner = run.contained(literal[1:])
            return None if inner is None else str(inner.get("resourceType"))
        if (type_ := literal_type(literal)) is not None:
            return type_
    stated = reference.get("type")
    return stated if isinstance(stated, str) else None


def target_types(element: Json, type_of: Callable[[str], str | None]) -> frozenset[str] | None:
    """The R4 types that a snapshot's element lets a Reference be to; None for any.

    `type_of` gives the type that a profile constrains, None where it is not known: then any type is let pass.
    """
    found: set[str] = set()
    for type_ in element.get("type", ()):
        if type_["code"] != "Reference":
            continue
        for profile in type_.get("targetProfile", ()):
            name = type_of(profile)
            if name is None or name in ANY_TYPE:
                return None
            found.add(name)
        if "targetProfile" not in type_:
            return None
    return frozenset(found) or None
