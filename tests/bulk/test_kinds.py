"""Every kind of job that can be asked for has somebody who carries it out."""

from __future__ import annotations

from inspect import iscoroutinefunction

from service.bulk.export_request import EXPORT
from service.bulk.import_request import IMPORT
from service.bulk.kinds import kinds


def test_exports_and_imports_are_carried_out():
    assert set(kinds()) == {EXPORT, IMPORT}
    assert all(iscoroutinefunction(kind.perform) for kind in kinds().values())
