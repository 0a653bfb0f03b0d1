"""The versions that resources were at a moment, as SQL: one statement for any number of them.

Source: ADR 0014
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import Dialect

from service.storage.statements import COLUMNS
from service.storage.store import SERVICE


def _columns(table: str) -> str:
    return ", ".join([*(f"{table}.{column}" for column in COLUMNS), str(SERVICE)])


# Each rid is looked up for itself, whatever the planner knows or believes of the tables.
_POSTGRESQL = " UNION ALL ".join(
    f"SELECT {_columns('at')} FROM"  # noqa: S608 - constants only
    " (SELECT unnest($2::bigint[]) AS rid, unnest($3::int[]) AS version) AS asked CROSS JOIN LATERAL"
    f" (SELECT * FROM {table} WHERE locality = $1 AND rid = asked.rid"
    " AND (version = asked.version OR asked.version = 0 AND (updated <= $4 OR version = 1))"
    f" ORDER BY locality DESC, rid DESC, version DESC LIMIT 1) AS at"
    for table in ("resource", "resource_version")
)
_SQLITE = " UNION ALL ".join(
    f"SELECT {_columns(table)} FROM json_each(?2) AS asked CROSS JOIN {table}"  # noqa: S608 - constants only
    f" WHERE {table}.locality = ?1 AND {table}.rid = json_extract(asked.value, '$[0]') AND {table}.version ="
    f" (SELECT version FROM {table} AS at WHERE at.locality = ?1 AND at.rid = json_extract(asked.value, '$[0]')"
    " AND (at.version = json_extract(asked.value, '$[1]')"
    " OR json_extract(asked.value, '$[1]') = 0 AND (at.updated <= ?3 OR at.version = 1)) ORDER BY version DESC LIMIT 1)"
    for table in ("resource", "resource_version")
)
_AS_OF = 0  # in place of a version: the one at the moment is wanted


def versions_at(
    dialect: Dialect,
    locality: int,
    rids: Sequence[int],
    moment: int,
    pinned: Mapping[int, int] = MappingProxyType({}),
) -> tuple[str, Sequence[Any]]:
    """SQL and arguments of the versions that the resources were at the moment, milliseconds since 1970.

    That is the newest version no later than the moment, or else the first; of a resource in `pinned`
    it is the version said there. Of a resource there may be two rows: then the one with the greater
    version is meant. The columns are those of `statements.CURRENT` and the ground: what is asked for was found before.
    """
    versions = [pinned.get(rid, _AS_OF) for rid in rids]
    if dialect.name == "sqlite":
        return _SQLITE, (locality, json.dumps(list(zip(rids, versions, strict=True))), moment)
    return _POSTGRESQL, (locality, list(rids), versions, moment)
