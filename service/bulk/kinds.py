"""The kinds of jobs that there are, and who carries them out.

Source: ADR 0024
"""

from __future__ import annotations

from service.bulk.export_request import EXPORT
from service.bulk.exporting import Export
from service.bulk.import_request import IMPORT
from service.bulk.importing import Importing
from service.bulk.running import Kind


def kinds(together: int = 0) -> dict[str, Kind]:
    """Each kind of jobs by its name, as it stands in `Job.kind`. `together` as in `Importing`."""
    return {EXPORT: Export(), IMPORT: Importing(together)}
