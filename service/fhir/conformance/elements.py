"""From a snapshot to checks: what a profile asks beyond R4's own definitions, compiled element by element.

What R4 asks of every resource is checked before (`validation`), so that only the
difference is compiled: a narrower cardinality, a type left out, a value fixed, a slice, a
rule. A profile that asks nothing more of an element costs nothing there.

Source: https://hl7.org/fhir/R4/profiling.html, https://hl7.org/fhir/R4/elementdefinition.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from service.fhir.conformance import faults, leaves
from service.fhir.conformance.discriminators import Discriminators
from service.fhir.conformance.invariants import NOT_ASKED, NOWHERE, Invariants, Rule, Uncompilable
from service.fhir.conformance.items import Item, gathering
from service.fhir.conformance.objects import Counted, Demands, Ruled, guard_of, keys_of
from service.fhir.conformance.places import Place, expression
from service.fhir.conformance.runs import Check, Json, Run, telling
from service.fhir.conformance.slicing import Slice, Slicing
from service.fhir.definitions import Element, Invariant
from service.fhir.guide import CANONICAL_BASE, CORE
from service.fhir.paths import Node

if TYPE_CHECKING:
    from service.fhir.conformance.profiles import Profiles
    from service.fhir.conformance.trees import Branch
    from service.fhir.registry import Registry

IMPLIED_BY_URL: Final[Json] = {"discriminator": [{"type": "value", "path": "url"}], "rules": "open"}
IMPLIED_BY_TYPE: Final[Json] = {"discriminator": [{"type": "type", "path": "$this"}], "rules": "open"}
ANY: Final = "Resource"
CONTAINED: Final = "contained"
EXTENSIONS = frozenset({"extension", "modifierExtension"})


class Compiler:
    """Compiles the snapshot of one profile. `owner` is what sentences call it."""

    def __init__(self, profiles: Profiles, url: str, owner: str) -> None:
        """Takes the profiles among which others are found, and the address of the one to compile."""
        self.profiles = profiles
        self.registry: Registry = profiles.registry
        self.invariants: Invariants = profiles.invariants
        self.url = url
        self.owner = owner
        self._discriminators = Discriminators(self)

    def root(self, branch: Branch, type_: str) -> Demands:
        """What is asked of a whole resource or datatype of the type."""
        definition = self.registry.definition(type_)
        known = {rule.key for rule in definition.invariants}
        ruled = tuple(
            Ruled(rule, self._invariant(rule), guard_of(rule, definition.elements, self.profiles.terminology))
            for rule in self._rules(branch, (type_,), known)
        )
        return Demands(
            self.registry, type_, tuple(self.children(branch, type_)), ruled, self.invariants.memory
        )

    def children(self, branch: Branch, type_: str) -> Iterator[Counted]:
        """What is asked of an object of the type, one for each child of which the profile asks anything."""
        primitive = self.registry.definition(type_).kind == "primitive"
        for child in branch.children.values():
            if primitive and child.name in {"id", "value"}:
                continue  # they are the primitive itself, of which its own element has said all
            found = self._element(type_, child)
            if found is None:
                raise Uncompilable(f"{self.owner}: {type_} has no element {child.name}.")
            element, types = found
            counted = self._child(child, element, types)
            if counted is not None:
                yield counted

    def _element(self, type_: str, child: Branch) -> tuple[Element, tuple[str, ...]] | None:
        """R4's element behind a child, and the types that its name leaves it; None where there is none."""
        elements = self.registry.definition(type_).elements
        if child.name in elements:
            return elements[child.name], elements[child.name].types
        for element in elements.values():
            for one in element.types if element.choice else ():
                if child.name == f"{element.name}{one[0].upper()}{one[1:]}":
                    return element, (one,)
        return None

    def _child(self, child: Branch, element: Element, types: tuple[str, ...]) -> Counted | None:
        checks = tuple(self.item_checks(child, element, types))
        permitted = self.types(child, types)
        is_open = set(permitted) == set(element.types) or not leaves.ANY_TYPE.isdisjoint(permitted)
        left = () if is_open or not (element.choice or element.types == (ANY,)) else permitted
        slicing = self._slicing(child, element, types)
        least = int(child.element.get("min", element.minimum))
        most = _most(child.element.get("max"), element.maximum)
        least = least if least > element.minimum else 0
        most = most if most != element.maximum else None
        if not checks and not left and slicing is None and least == 0 and most is None:
            return None
        names = keys_of(element.name, element.types, choice=element.choice)
        keys = dict(zip(names, element.types, strict=False))
        gather = gathering(self.registry, element)
        return Counted(self.owner, element.name, keys, gather, least, most, checks, slicing, left)

    def item_checks(
        self, branch: Branch, element: Element, types: tuple[str, ...], above: Branch | None = None
    ) -> Iterator[Check]:
        """The checks of each value of an element; `above` is the sliced element where the branch is a slice."""
        permitted = self.types(branch, types)
        yield from leaves.of_value(branch, self.owner)
        if self._rebinds(branch, element, above) and self.profiles.terminology is not None:
            bound = leaves.of_binding(branch, self.owner, self.profiles.terminology)
            if bound is not None:
                yield bound
        targets = leaves.target_types(branch.element, self.profiles.type_of)
        if targets is not None and targets != frozenset(element.targets):
            yield leaves.of_targets(branch, self.owner, targets)
        if element.name not in EXTENSIONS:  # an extension is held to its definition wherever it stands
            yield from self._profiled(branch)
        yield from self._ruled(branch, element, permitted, above)
        yield from self._nested(branch, permitted)

    def free_checks(self, branch: Branch, type_: str) -> tuple[Check, ...]:
        """All that the branch says of a value of the type, wherever that stands."""
        anything = Element(branch.name, 0, None, (type_,))
        return tuple(self.item_checks(branch, anything, (type_,)))

    def types(self, branch: Branch, types: tuple[str, ...]) -> tuple[str, ...]:
        """Of R4's types for an element, those that the snapshot leaves."""
        codes = {type_["code"] for type_ in branch.element.get("type", ())}
        if types == (ANY,):
            return tuple(sorted(codes)) or types  # any resource, of which the profile may name some
        return tuple(type_ for type_ in types if type_ in codes) or types

    def _rebinds(self, branch: Branch, element: Element, above: Branch | None) -> bool:
        binding = branch.element.get("binding", {})
        if above is not None and above.element.get("binding") == binding:
            return False
        known = element.binding
        url = binding.get("valueSet", "").partition("|")[0]
        return known is None or (known.value_set, known.strength) != (url, binding.get("strength"))

    def _profiled(self, branch: Branch) -> Iterator[Check]:
        """The check that a value conforms to one of the profiles of its type."""
        for type_ in branch.element.get("type", ()):
            urls = [url for url in type_.get("profile", ()) if self._asks(url)]
            if urls:
                yield self._conforming(type_["code"], urls, contained=branch.name == CONTAINED)

    def _asks(self, url: str) -> bool:
        """Whether a profile may ask for more than its type does: an R4 type asks nothing more."""
        if not url.startswith(CORE):
            return True
        known = self.profiles.profile(url)
        return known is not None and bool(known.demands)

    def _conforming(self, type_: str, urls: list[str], *, contained: bool) -> Check:
        def tell(item: Item, place: Place, run: Run) -> None:
            if type_ != item.type and type_ not in leaves.ANY_TYPE:
                return
            members = item.members
            around = run.entered(members, contained=contained) if "resourceType" in members else run
            trials = []
            for url in urls:
                trial = around.trial()
                self.profiles.check_value(members, url, place, trial)
                trials.append(trial)
            best = min(trials, key=lambda trial: sum(issue.is_fault for issue in trial.issues))
            run.issues += best.issues

        return telling(tell)

    def _ruled(
        self, branch: Branch, element: Element, types: tuple[str, ...], above: Branch | None
    ) -> Iterator[Check]:
        known = {rule.key for rule in element.invariants}
        for type_ in types:
            known |= {rule.key for rule in self.registry.definition(type_).invariants}
        if above is not None:
            known |= {rule["key"] for rule in above.element.get("constraint", ())}
        # In a rule on a resource within another, %resource is that other: its type is not the context's.
        within = any(type_ in leaves.ANY_TYPE or self.registry.is_resource(type_) for type_ in types)
        for rule in self._rules(branch, None if within else types, known):
            yield self._invariant(rule)

    def _rules(self, branch: Branch, context: tuple[str, ...] | None, known: set[str]) -> Iterator[Rule]:
        """The rules that the profile adds to an element of one of the types, or (None) of any."""
        for rule in branch.element.get("constraint", ()):
            if rule["key"] in known | NOT_ASKED or "expression" not in rule:
                continue
            invariant = Invariant(rule["key"], rule["severity"], rule["expression"], rule["human"])
            source = rule.get("source", self.url)
            yield self.invariants.rule(invariant, source, context)

    def _invariant(self, rule: Rule) -> Check:
        fault = faults.rule_broken if rule.owner.startswith(CANONICAL_BASE) else faults.invariant_broken
        invariant = rule.invariant

        def tell(item: Item, place: Place, run: Run) -> None:
            if not run.sound:
                return
            if not rule.holds(Node(item.type, item.value, item.sibling), run.environment):
                issue = fault(expression(place), invariant.severity, invariant.key, invariant.text)
                run.issues.append(issue)

        if rule.is_closed:
            return Check(tell, lambda value, type_, _run: rule.holds(Node(type_, value), NOWHERE))
        return Check(tell, lambda value, type_, run: rule.holds(Node(type_, value), run.around(rule)))

    def _nested(self, branch: Branch, types: tuple[str, ...]) -> Iterator[Check]:
        if not branch.children:
            return
        type_ = types[0] if len(types) == 1 else "Element"
        demands = Demands(self.registry, type_, tuple(self.children(branch, type_)))
        if not demands:
            return
        if self.registry.is_resource(type_) or type_ in leaves.ANY_TYPE:
            yield _within(demands, type_, contained=branch.name == CONTAINED)
            return

        def tell(item: Item, place: Place, run: Run) -> None:
            demands.tell(item.members, place, run)

        def accepts(value: Any, _type: str, run: Run) -> bool:
            return demands.accepts(value if value.__class__ is dict else {}, run)

        yield Check(tell, accepts)

    def _slicing(self, branch: Branch, element: Element, types: tuple[str, ...]) -> Slicing | None:
        if not branch.slices:
            return None
        stated = branch.element.get("slicing")
        if stated is None:
            stated = IMPLIED_BY_URL if element.name in EXTENSIONS else IMPLIED_BY_TYPE
        slices = tuple(
            self._slice(slice_, branch, element, types, stated.get("discriminator", ()))
            for slice_ in branch.slices.values()
        )
        rules, ordered = stated.get("rules", "open"), bool(stated.get("ordered"))
        nested = any(slice_.inner is not None for slice_ in slices)
        return Slicing(self.owner, element.name, rules, ordered, slices, nested)

    def _slice(
        self,
        slice_: Branch,
        above: Branch,
        element: Element,
        types: tuple[str, ...],
        discriminators: Iterable[Json],
    ) -> Slice:
        narrowed = self.types(slice_, types)
        return Slice(
            name=slice_.slice or "",
            matches=self._discriminators.matcher(discriminators, slice_, narrowed),
            least=int(slice_.element.get("min", 0)),
            most=_most(slice_.element.get("max"), None),
            checks=tuple(self.item_checks(slice_, element, narrowed, above)),
            inner=self._slicing(slice_, element, narrowed),
        )


def _within(demands: Demands, type_: str, *, contained: bool) -> Check:
    """The check of a resource within the one that is held: rules on its elements see it as their resource."""

    def tell(item: Item, place: Place, run: Run) -> None:
        if type_ == item.type or type_ in leaves.ANY_TYPE:
            inner = run.entered(item.members, contained=contained)
            demands.tell(item.members, place, inner)
            run.issues += inner.issues

    return telling(tell)


def _most(stated: str | None, base: int | None) -> int | None:
    """The greatest number of values that a snapshot permits; None for any number."""
    if stated is None:
        return base
    return None if stated == "*" else int(stated)
