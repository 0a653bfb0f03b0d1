"""What can be wrong with a profile before anything is held to it.

Source: https://hl7.org/fhir/R4/profiling.html#snapshot
"""

from __future__ import annotations


class SnapshotError(Exception):
    """A differential does not fit its base, or the base is not there: there is no snapshot."""
