"""Asking one criterion of the grammar."""

import pytest

from service.fhir.search.asked import Setting
from service.fhir.search.criteria import condition
from service.fhir.search.dates import moment

BASE = "http://127.0.0.1:8080/fhir"
NOW = moment("2026-11-22")[0]


@pytest.fixture
def ask(registry):
    """The condition that one `name=value` puts on a type."""
    setting = Setting(registry, BASE, NOW)
    return lambda type_, name, value: condition(setting, type_, name, value)
