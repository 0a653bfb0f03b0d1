"""Refusals in OAuth's words.

Source: RFC 6749 section 5.2
"""

from __future__ import annotations

from service.access.refusing import Refusal, unavailable
from tests.access.vendors import Vendor


def test_a_refusal_is_the_clients_fault_unless_said_otherwise():
    refusal = Refusal("invalid_scope", "Nothing is left.")
    assert (refusal.error, refusal.reason, refusal.status, refusal.client) == (
        "invalid_scope",
        "Nothing is left.",
        400,
        None,
    )
    assert str(refusal) == "Nothing is left."


def test_what_may_be_otherwise_in_a_while():
    registration = Vendor().registration()
    refusal = unavailable("Not now.", registration)
    assert (refusal.error, refusal.status, refusal.client) == ("temporarily_unavailable", 503, registration)
