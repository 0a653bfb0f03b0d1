"""What the search grammar is told of this server: its parameters, value sets, code systems and indexes.

Source: ADR 0004
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from service.fhir import codec
from service.fhir.packages import FHIR_VERSION
from service.fhir.search.asked import Codes, Setting, nothing_pending
from service.fhir.search.escapes import split, unescape
from service.fhir.search.references import Addresses
from service.fhir.terminology import hierarchies
from service.interactions.context import Act, Context

Members = Mapping[str, Codes]
Pending = Callable[[str], frozenset[str]]

NONE_READ: Members = MappingProxyType({})

_MICROSECONDS = 1_000  # in a millisecond
_OF_VALUE_SETS = (":in", ":not-in")


async def setting(context: Context, act: Act, pairs: Sequence[tuple[str, str]]) -> Setting:
    """The setting of a search by these pairs now."""
    return setting_of(context, await stored_members(context, act, pairs), await context.store.pending())


def setting_of(context: Context, members: Members = NONE_READ, pending: Pending = nothing_pending) -> Setting:
    """The setting of a search now. `members` are the codes of stored value sets that were looked up for it."""

    def of_value_set(address: str) -> Codes | None:
        stored = members.get(address)
        return known_members(context, address) if stored is None else stored

    return Setting(
        context.registry,
        context.base_url,
        context.clock() * _MICROSECONDS,
        members=of_value_set,
        related=partial(hierarchies.related, context.terminology.code_systems),
        pending=pending,
    )


def known_members(context: Context, canonical: str) -> Codes | None:
    """The codes of a value set by its canonical address; None where it is not held, or they cannot all be told."""
    # The terminology remembers whatever it is asked for: it must not be asked for what a client made up.
    if context.terminology.find(canonical) is None or _is_of_other_version(context, canonical):
        return None
    return context.terminology.members(canonical)


def _is_of_other_version(context: Context, canonical: str) -> bool:
    """Whether it names a version of one of R4's own value sets that is not R4's; definitions may, criteria not."""
    url, _, version = canonical.partition("|")
    if version in {"", FHIR_VERSION} or context.terminology.guide.find("ValueSet", url) is not None:
        return False
    return context.registry.codes(url) is not None


async def stored_members(context: Context, act: Act, pairs: Sequence[tuple[str, str]]) -> Members:
    """The codes of the value sets that criteria name as resources kept here, by the reference to each.

    Those named by their canonical addresses are known to the terminology.
    """
    references = {
        reference
        for name, value in pairs
        if name.endswith(_OF_VALUE_SETS)
        for reference in map(unescape, split(value, ","))
    }
    return dict(await _looked_up(context, act, references)) if references else NONE_READ


async def _looked_up(context: Context, act: Act, references: Iterable[str]) -> list[tuple[str, Codes]]:
    addresses = Addresses(context.registry, context.base_url)
    found = []
    for reference in references:
        target = addresses.local(reference)
        if target is None or target[0] != "ValueSet":
            continue
        stored = await context.store.read(act.caller.locality, *target)
        if stored is None or stored.deleted:
            continue
        codes = _codes(context, stored.body)
        if codes is not None:
            found.append((reference, codes))
    return found


def _codes(context: Context, body: bytes) -> Codes | None:
    """The codes of a stored value set; None where they cannot all be told."""
    content = codec.decode(body)
    canonical = "|".join(content[name] for name in ("url", "version") if name in content)
    known = known_members(context, canonical)
    if known is not None:
        return known
    extent = context.terminology.of_content(content)
    return frozenset(extent.sure) if extent.is_whole else None
