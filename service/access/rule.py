"""The rule of who may see what, in the form in which a store takes it.

Source: ADR 0019, ADR 0022
"""

from __future__ import annotations

from functools import partial

from service.fhir.registry import Registry
from service.fhir.search.references import Addresses
from service.outcomes import sharing, withholding
from service.storage.sharing import Rule


def sharing_rule(registry: Registry, base_url: str) -> Rule:
    """The clinic's rule for resources under that base, which has no trailing slash."""
    facts = partial(sharing.facts, locate=Addresses(registry, base_url).target)
    everywhere = {(type_, code) for type_ in registry.served for code in withholding.REVEALING_IN_ALL}
    return Rule(facts, withholding.masked, withholding.REVEALING | everywhere, withholding.PLACES)
