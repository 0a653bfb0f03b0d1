"""Subjects: the value set or code system that a terminology operation is asked of, by its place, name or content.

Source: https://hl7.org/fhir/R4/valueset-operations.html, https://hl7.org/fhir/R4/codesystem-operations.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.fhir.problems import Malformed
from service.fhir.terminology.code_systems import CodeSystem
from service.interactions.content import content
from service.interactions.read import require_current

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.interactions.context import Act, Context
    from service.operations.operation import Call

Json = dict[str, Any]


async def value_set(context: Context, act: Act, call: Call) -> str | Json:
    """The value set that is asked about: its canonical where the guide may hold it, else its content.

    Raises:
        Malformed: not exactly one is named.
        Missing, Gone: there is no such resource.
    """
    named = ["the path"] if call.id else []
    require_one("value set", ("url", "valueSet"), call, named)
    if call.id:
        stored = await _stored(context, act, call)
        url = stored.get("url")
        return url if url is not None and context.guide.find("ValueSet", url) is not None else stored
    given: Json | None = call.inputs.one("valueSet")
    return (
        given if given is not None else canonical(call.inputs.one("url"), call.inputs.one("valueSetVersion"))
    )


async def code_system(context: Context, act: Act, call: Call, named: str | None) -> CodeSystem:
    """The code system that is asked about: that of the path, or the one of the URI `named`.

    Raises:
        Malformed: not exactly one is named.
        Missing, Gone: there is no such code system here.
    """
    if not call.id:
        if named is None:
            raise missing("the code system")
        return context.terminology.require_system(*_parts(named))
    stored = await _stored(context, act, call)
    system = CodeSystem(stored)
    if named is not None and named.partition("|")[0] != system.url:
        raise Malformed(
            "operation-parameter-choice", "The code system of the path is another one than that named."
        )
    return context.terminology.code_systems.find(system.url) or system


def canonical(url: str | None, version: str | None) -> str:
    """`url|version`, or what there is of it."""
    if url is None:
        raise missing("url")
    return url if version is None or "|" in url else f"{url}|{version}"


def require_one(what: str, names: Sequence[str], call: Call, besides: Sequence[str] = ()) -> None:
    """Lets a call go on that names a thing by exactly one of the parameters, or by what is `besides` them.

    Raises:
        Malformed: by none or by several.
    """
    given = [*besides, *(name for name in names if name in call.inputs)]
    if not given:
        raise missing(f"one of {', '.join(names)}")
    if len(given) > 1:
        raise Malformed(
            "operation-parameter-choice", f"The {what} is given twice: by {' and by '.join(given)}."
        )


def missing(what: str) -> Malformed:
    """The refusal of a call that lacks a parameter which it needs."""
    return Malformed("operation-parameter-missing", f"The operation needs {what}.")


async def _stored(context: Context, act: Act, call: Call) -> Json:
    current = await context.store.read(act.caller.locality, call.type, call.id)
    return content(require_current(current, call.type, call.id))


def _parts(named: str) -> tuple[str, str | None]:
    url, _, version = named.partition("|")
    return url, version or None
