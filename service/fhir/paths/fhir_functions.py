"""The functions that FHIR adds to FHIRPath.

Source: https://hl7.org/fhir/R4/fhirpath.html#functions
"""

from __future__ import annotations

from collections.abc import Callable

from service.fhir.paths.compiled import Compiled, One, lifted, like, of_one
from service.fhir.paths.compiler import Function, Invocation
from service.fhir.paths.faults import EvaluationError, PathError
from service.fhir.paths.nodes import Item, Items, Node, Scope
from service.fhir.paths.references import resolved
from service.fhir.paths.scalars import TEXT, scalar, value_of
from service.fhir.paths.types import BOOLEAN, SYSTEM_OF, is_primitive
from service.fhir.paths.values import exported, item_type, system_value
from service.fhir.validation import narrative

Asked = Callable[[Node, str], bool | None]


def _extension(call: Invocation) -> Compiled:
    """The extensions of the target that have the URL."""
    extensions = call.compiler.member(call.target, "extension", call.position)
    source, url = extensions.many, value_of(call.argument(0), TEXT, "extension()", call.position)

    def many(this: Item, scope: Scope) -> Items:
        items = source(this, scope)
        if not items:
            return items
        wanted = url(this, scope)
        return [item for item in items if _url(item) == wanted]

    return like(extensions, many, single=False)


def _has_extension(call: Invocation) -> Compiled:
    source = _extension(call).many
    return of_one(lambda this, scope: bool(source(this, scope)), BOOLEAN)


def _url(item: Item) -> str | None:
    value = item.value if item.__class__ is Node else item
    return value.get("url") if isinstance(value, dict) else None


def _has_value(call: Invocation) -> Compiled:
    """Whether there is one item, and it is a FHIR primitive with a value."""
    many, raw = call.target.many, call.target.raw
    if call.target.single and raw in SYSTEM_OF:
        return of_one(_valued(call.target.one), BOOLEAN)

    def one(this: Item, scope: Scope) -> bool:
        items = many(this, scope)
        return (
            len(items) == 1
            and is_primitive(item_type(items[0], raw))
            and system_value(items[0], raw) is not None
        )

    return of_one(one, BOOLEAN)


def _valued(one: One) -> One:
    """As hasValue(), of an element that does not repeat and is known to be a primitive."""

    def has_value(this: Item, scope: Scope) -> bool:
        item = one(this, scope)
        return item is not None and (item.__class__ is not Node or item.value is not None)

    return has_value


def _get_value(call: Invocation) -> Compiled:
    """The System value of the only item, where it is a FHIR primitive with a value."""
    many, raw = call.target.many, call.target.raw

    def one(this: Item, scope: Scope) -> Item:
        items = many(this, scope)
        if len(items) != 1 or not is_primitive(item_type(items[0], raw)):
            return None
        return system_value(items[0], raw)

    types = call.target.types
    systems = (
        None
        if types is None or not types <= SYSTEM_OF.keys()
        else frozenset(SYSTEM_OF[type_] for type_ in types)
    )
    return of_one(one, None, systems)


def _asked(call: Invocation, service: Asked | None, what: str) -> Compiled:
    """What a service answers about the only item and the URL that is the argument.

    Raises:
        PathError: the service is not given.
    """
    if service is None:
        raise PathError(f"{call.name}() needs {what}, and none is given here.", call.position)
    one, raw = call.target.one, call.target.raw
    url = value_of(call.argument(0), TEXT, f"{call.name}()", call.position)

    def answer(this: Item, scope: Scope) -> bool | None:
        item, wanted = one(this, scope), url(this, scope)
        return None if item is None or wanted is None else service(exported(item, raw), wanted)

    return of_one(answer, BOOLEAN)


def _conforms_to(call: Invocation) -> Compiled:
    return _asked(call, call.compiler.services.conforms_to, "profiles")


def _member_of(call: Invocation) -> Compiled:
    return _asked(call, call.compiler.services.member_of, "a terminology")


def _subsumes(call: Invocation) -> Compiled:
    return _subsumption(call, call.target, call.argument(0))


def _subsumed_by(call: Invocation) -> Compiled:
    return _subsumption(call, call.argument(0), call.target)


def _subsumption(call: Invocation, general: Compiled, special: Compiled) -> Compiled:
    """Whether the first coded element subsumes the second.

    Raises:
        PathError: there is no terminology to ask.
    """
    service = call.compiler.services.subsumes
    if service is None:
        raise PathError(f"{call.name}() needs a terminology, and none is given here.", call.position)
    first, second = lifted(general), lifted(special)

    def answer(this: Item, scope: Scope) -> bool | None:
        one, other = first.one(this, scope), second.one(this, scope)
        return None if one is None or other is None else service(exported(one, None), exported(other, None))

    return of_one(answer, BOOLEAN)


def _check_modifiers(call: Invocation) -> Compiled:
    """The items as they are, once it is sure that none has a modifier extension but those named."""
    source = call.target.many
    known = [
        value_of(call.argument(place), TEXT, "checkModifiers()", call.position)
        for place in range(len(call.arguments))
    ]

    def many(this: Item, scope: Scope) -> Items:
        items = source(this, scope)
        allowed = {url(this, scope) for url in known}
        for item in items:
            value = item.value if item.__class__ is Node else item
            for extension in value.get("modifierExtension", ()) if isinstance(value, dict) else ():
                if extension.get("url") not in allowed:
                    raise EvaluationError("There is a modifier extension that the expression does not know.")
        return items

    return like(call.target, many)


FHIR_FUNCTIONS = {
    "extension": Function(_extension, 1, 1),
    "hasExtension": Function(_has_extension, 1, 1),
    "hasValue": Function(_has_value),
    "getValue": Function(_get_value),
    "resolve": Function(resolved),
    "conformsTo": Function(_conforms_to, 1, 1),
    "memberOf": Function(_member_of, 1, 1),
    "subsumes": Function(_subsumes, 1, 1),
    "subsumedBy": Function(_subsumed_by, 1, 1),
    "checkModifiers": Function(_check_modifiers, 0, 16),
    "htmlChecks": scalar(narrative.is_safe, TEXT, BOOLEAN),
}
