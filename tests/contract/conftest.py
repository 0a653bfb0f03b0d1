"""The same application and client as the tests of the HTTP side have."""

from tests.rest.conftest import client, context, log, make_app, validator

__all__ = ["client", "context", "log", "make_app", "validator"]
