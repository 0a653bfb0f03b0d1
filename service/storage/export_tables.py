"""The table of the moments that exports are of, beside those of resources and with the same metadata.

Source: ADR 0025
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, SmallInteger, Table

from service.storage.tables import metadata

# The last moment of which an export was made in the locality, in milliseconds since 1970 UTC: whoever stores a
# version from then on stamps it with a later time.
export_moment = Table(
    "export_moment",
    metadata,
    Column("locality", SmallInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("locality", name="export_moment_pkey"),
)
