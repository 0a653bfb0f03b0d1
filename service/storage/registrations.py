"""Who is registered, and what has been used up or called back: small tables, the same in every locality.

The store's own tables know a client by a number; these know what it may do, and whether it still may.
Every worker asks them, so what is revoked in one is revoked in all. Statements are written with `$1`,
`$2` and so on.

Units: milliseconds since 1970 UTC.

Source: ADR 0021
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

_COLUMNS: Final = (
    "id, locality, agency, name, scopes, keys, jwks_url, administrator, governance, chooses_ids,"
    " sectors, purpose, created, revoked"
)
_ADD: Final = (
    f"INSERT INTO client ({_COLUMNS})"  # noqa: S608 - our own names
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING"
)
_FIND: Final = f"SELECT {_COLUMNS} FROM client WHERE id = $1"  # noqa: S608 - our own names
_ALL: Final = f"SELECT {_COLUMNS} FROM client ORDER BY created, id"  # noqa: S608 - our own names
_KEYS: Final = "UPDATE client SET keys = $2, jwks_url = $3 WHERE id = $1 AND revoked IS NULL"
# What stands as a client was registered with, and its keys where other ones are given.
_CHANGE: Final = (
    "UPDATE client SET name = $2, scopes = $3, administrator = $4, governance = $5, chooses_ids = $6, sectors = $7,"
    " purpose = $8{keys} WHERE id = $1 AND revoked IS NULL"
)
_REVOKE: Final = "UPDATE client SET revoked = $2 WHERE id = $1 AND revoked IS NULL"
_STANDING: Final = (
    f"SELECT {_COLUMNS}, EXISTS (SELECT 1 FROM revoked_token WHERE id = $2)"  # noqa: S608 - our own names
    " FROM client WHERE id = $1"
)
_CALLED_BACK: Final = "SELECT 1 FROM revoked_token WHERE id = $1"
_USE: Final = "INSERT INTO used_assertion (id, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_CALL_BACK: Final = "INSERT INTO revoked_token (id, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_FORGET: Final = (
    "DELETE FROM used_assertion WHERE expires < $1",
    "DELETE FROM revoked_token WHERE expires < $1",
)

Fetch = Callable[..., Awaitable[Sequence[Any]]]  # rows of a text and its arguments
Run = Callable[..., Awaitable[int]]  # how many rows a text with its arguments changed, durably


@dataclass(frozen=True, slots=True)
class Registration:
    """A client as it was registered.

    `scopes` is the most that its tokens may allow. Its public keys are `keys` (JSON of a JWK Set) or
    are asked for at `jwks_url`; a client without either cannot sign in here, such as one whose tokens
    another issuer gives out. `sectors` are codes of its agency's Organization.type. `revoked` is when
    it was, None while it stands.
    """

    id: str
    locality: str
    agency: str
    name: str
    scopes: str
    keys: str | None = None
    jwks_url: str | None = None
    administrator: bool = False
    governance: bool = False
    chooses_ids: bool = False
    sectors: tuple[str, ...] = ()
    purpose: str = "TREAT"
    created: int = 0
    revoked: int | None = None


class Registrations:
    """The clients of one database, and what of theirs was used or called back."""

    def __init__(self, fetch: Fetch, run: Run) -> None:
        self._fetch = fetch
        self._run = run

    async def add(self, registration: Registration) -> bool:
        """Whether the client was added; False where one has that id."""
        row = (
            registration.id,
            registration.locality,
            registration.agency,
            registration.name,
            registration.scopes,
            registration.keys,
            registration.jwks_url,
            registration.administrator,
            registration.governance,
            registration.chooses_ids,
            json.dumps(registration.sectors),
            registration.purpose,
            registration.created,
            registration.revoked,
        )
        return await self._run(_ADD, *row) == 1

    async def find(self, client: str) -> Registration | None:
        """The client with that id, revoked or not."""
        rows = await self._fetch(_FIND, client)
        return _registration(rows[0]) if rows else None

    async def all(self) -> tuple[Registration, ...]:
        """Every client that was ever registered, the first one first."""
        return tuple(_registration(row) for row in await self._fetch(_ALL))

    async def replace_keys(self, client: str, keys: str | None, jwks_url: str | None) -> bool:
        """Whether the client, which stands, has these keys and no others from now on."""
        return await self._run(_KEYS, client, keys, jwks_url) == 1

    async def change(self, registration: Registration, *, keys: bool) -> bool:
        """Whether the client of that id, which stands, is from now on as this says, in the locality and for the agency as before.

        Its keys are changed only where `keys` says so.
        """
        row: list[Any] = [
            registration.id,
            registration.name,
            registration.scopes,
            registration.administrator,
            registration.governance,
            registration.chooses_ids,
            json.dumps(registration.sectors),
            registration.purpose,
        ]
        if keys:
            row += [registration.keys, registration.jwks_url]
        text = _CHANGE.format(keys=", keys = $9, jwks_url = $10" if keys else "")
        return await self._run(text, *row) == 1

    async def revoke(self, client: str, at: int) -> bool:
        """Whether the client stood until now; it does no longer."""
        return await self._run(_REVOKE, client, at) == 1

    async def standing(self, client: str, token: bytes) -> Registration | None:
        """The client of a token, None where the client is unknown or revoked, or the token called back."""
        rows = await self._fetch(_STANDING, client, token)
        if not rows or rows[0][-1]:
            return None
        found = _registration(rows[0][:-1])
        return found if found.revoked is None else None

    async def use(self, assertion: bytes, expires: int) -> bool:
        """Whether the assertion was never used before, in any process; from now on it was.

        It is remembered until `expires`.
        """
        return await self._run(_USE, assertion, expires) == 1

    async def call_back(self, token: bytes, expires: int) -> None:
        """Lets a token, which would last until `expires`, count no longer."""
        await self._run(_CALL_BACK, token, expires)

    async def is_called_back(self, token: bytes) -> bool:
        """Whether the token was called back."""
        return bool(await self._fetch(_CALLED_BACK, token))

    async def forget(self, before: int) -> None:
        """Lets go of what expired before that time and so would be refused anyhow."""
        for text in _FORGET:
            await self._run(text, before)


def _registration(row: Sequence[Any]) -> Registration:
    id_, locality, agency, name, scopes, keys, jwks_url, administrator, governance, chooses_ids = row[:10]
    sectors, purpose, created, revoked = row[10:]
    return Registration(
        id_,
        locality,
        agency,
        name,
        scopes,
        keys,
        jwks_url,
        bool(administrator),
        bool(governance),
        bool(chooses_ids),
        tuple(json.loads(sectors)),
        purpose,
        created,
        revoked,
    )
