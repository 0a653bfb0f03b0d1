"""`thrive-fhir client`: which systems may sign in, for whom they act, and what they may do at most.

Servers may run beside it: they see what it did within a second.

Source: docs/commands.md, docs/access.md
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from service import asgi
from service.access.authority import ASSERTION, GRANT, addresses
from service.access.callers import DEFAULT_LOCALITY, TREATMENT
from service.access.keys import ALGORITHMS, KeyRefused, read_keys
from service.access.registration import faults, faults_of_keys
from service.commands.starting import kernel
from service.commands.telling import audited, settings_now, told_plainly
from service.fhir import codec
from service.fhir.guide import CANONICAL_BASE
from service.fhir.search.asked import Setting
from service.interactions import publishing
from service.interactions.context import Context
from service.interactions.noting import operated
from service.settings import Settings
from service.storage.ledger import CLIENT_ADDED, CLIENT_CHANGED, CLIENT_KEYS, CLIENT_REVOKED
from service.storage.open import NotMigrated, current_revision, session
from service.storage.registrations import Registration, Registrations
from service.storage.tables import REVISION

SECTOR: Final = f"{CANONICAL_BASE}CodeSystem/sector"
_SECOND: Final = 1000  # milliseconds
_MICROSECONDS: Final = 1000  # in a millisecond
# Units: bytes of a file of keys; more is something else.
LARGEST: Final = 1024 * 1024

Json = dict[str, Any]
T = TypeVar("T")
Added = tuple[Registration | None, list[str]]

_key = click.option(
    "--key",
    "key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Its public key or keys: a JWK, a JWK Set, or PEM.",
)
_jwks_url = click.option("--jwks-url", metavar="URL", help="Where it publishes its keys (JWK Set), by https.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def client() -> None:
    """Register the systems that may sign in, list them, and end what they may do."""


@client.command()
@click.option("--name", required=True, help="What people call it.")
@click.option("--agency", required=True, metavar="ID", help="The id of the Organization that it acts for.")
@click.option(
    "--scope",
    "scopes",
    required=True,
    multiple=True,
    metavar="SCOPES",
    help="What its tokens may allow at most, such as 'system/*.rs system/Goal.cud'; may be repeated.",
)
@_key
@_jwks_url
@click.option("--locality", default=DEFAULT_LOCALITY, show_default=True, help="The locality that it is in.")
@click.option(
    "--sector",
    "sectors",
    multiple=True,
    metavar="CODE",
    help="A sector of its agency; may be repeated. Without it, those that its Organization says.",
)
@click.option(
    "--purpose", default=TREATMENT, show_default=True, metavar="CODE", help="Why it looks (v3-ActReason)."
)
@click.option("--id", "id_", metavar="ID", help="The client id; without it, one is made.")
@click.option("--administrator", is_flag=True, help="It may do everything in its locality.")
@click.option("--governance", is_flag=True, help="It may ask who has seen what in its whole locality.")
@click.option("--chooses-ids", is_flag=True, help="It may create by PUT, under ids of its own.")
@_json
def add(key: Path | None, scopes: tuple[str, ...], *, as_json: bool, **given: Any) -> None:
    """Register a client, and print what its vendor needs."""
    with told_plainly():
        settings = settings_now()
        parts = kernel(settings)
        registration = Registration(
            id=given["id_"] or asgi.new_id(),
            locality=given["locality"],
            agency=given["agency"],
            name=given["name"],
            scopes=" ".join(" ".join(scopes).split()),
            keys=_keys(key),
            jwks_url=given["jwks_url"],
            administrator=given["administrator"],
            governance=given["governance"],
            chooses_ids=given["chooses_ids"],
            sectors=given["sectors"],
            purpose=given["purpose"],
            created=asgi.clock(),
        )
        _require_sound(registration, parts)
        added, warnings = asyncio.run(_opened(settings, parts, registration))
    if added is None:
        raise click.ClickException("There is a client with this id already, revoked or not.")
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)
    told = for_vendor(added, parts.base_url)
    click.echo(codec.encode(told).decode() if as_json else "\n".join(_lines(told)))


@client.command(name="list")
@_json
def list_(*, as_json: bool) -> None:
    """List the clients, those that were revoked among them."""
    with told_plainly():
        settings = settings_now()
        found = asyncio.run(_asked(settings, lambda registrations: registrations.all()))
    for each in found:
        click.echo(codec.encode(_shown(each)).decode() if as_json else _line(each))
    if not found and not as_json:
        click.echo("No client was registered.")


@client.command()
@click.argument("client_id")
def revoke(client_id: str) -> None:
    """End what a client may do; its tokens count no longer within a second."""
    with told_plainly():
        settings = settings_now()
        # Nothing that the audit needs can keep somebody from being shut out.
        done = asyncio.run(_asked(settings, lambda found: found.revoke(client_id, asgi.clock())))
        if not done:
            raise click.ClickException("There is no client with this id, or it was revoked before.")
        asyncio.run(_told(settings, CLIENT_REVOKED, client_id))
    click.echo("It can sign in no longer, and its tokens count no longer.")


@client.command()
@click.argument("client_id")
@_key
@_jwks_url
def keys(client_id: str, key: Path | None, jwks_url: str | None) -> None:
    """Give a client other keys; those it had count no longer."""
    with told_plainly():
        settings = settings_now()
        given = _keys(key)
        if sentences := list(faults_of_keys(given, jwks_url)):
            raise click.ClickException("\n".join(sentences))
        done = asyncio.run(_asked(settings, lambda found: found.replace_keys(client_id, given, jwks_url)))
        if done:
            asyncio.run(_told(settings, CLIENT_KEYS, client_id))
    if not done:
        raise click.ClickException("There is no client with this id, or it was revoked.")
    click.echo("It signs in with these keys from now on.")


@client.command()
@click.argument("client_id")
@click.option("--name", help="What people call it.")
@click.option(
    "--scope", "scopes", multiple=True, metavar="SCOPES", help="All that its tokens may allow at most."
)
@_key
@_jwks_url
@click.option("--sector", "sectors", multiple=True, metavar="CODE", help="All sectors of its agency.")
@click.option("--purpose", metavar="CODE", help="Why it looks (v3-ActReason).")
@click.option(
    "--administrator/--no-administrator", default=None, help="It may do everything in its locality."
)
@click.option("--governance/--no-governance", default=None, help="It may ask who has seen what.")
@click.option(
    "--chooses-ids/--no-chooses-ids", default=None, help="It may create by PUT, under ids of its own."
)
def change(client_id: str, key: Path | None, jwks_url: str | None, **given: Any) -> None:
    """Change what a client may do at most, or by what it signs in; what is not said stays as it is."""
    with told_plainly():
        settings = settings_now()
        parts = kernel(settings)
        said = {name: value for name, value in given.items() if value not in {None, ()}}
        if "scopes" in said:
            said["scopes"] = " ".join(" ".join(said["scopes"]).split())
        if key is not None or jwks_url is not None:
            said |= {"keys": _keys(key), "jwks_url": jwks_url}
        if not said:
            raise click.ClickException("Say what is to be another.")
        done = asyncio.run(_changing(settings, parts, client_id, said))
    if not done:
        raise click.ClickException("There is no client with this id, or it was revoked.")
    click.echo("It is so from now on; tokens that it has allow no more within a second.")


async def _changing(settings: Settings, parts: asgi.Kernel, client_id: str, said: dict[str, Any]) -> bool:
    """Whether the client was changed as that is said.

    Raises:
        ClickException: it could not be registered so.
    """
    async with asgi.opened(settings, parts) as context:
        registrations = context.store.registrations
        before = await registrations.find(client_id)
        if before is None or before.revoked is not None:
            return False
        after = replace(before, **said)
        _require_sound(after, parts)
        has_other_keys = (before.keys, before.jwks_url) != (after.keys, after.jwks_url)
        # Told first: nobody shall be able to do anything of which the audit knows nothing.
        if replace(after, keys=before.keys, jwks_url=before.jwks_url) != before:
            await _tell(context, CLIENT_CHANGED, after)
        if has_other_keys:
            await _tell(context, CLIENT_KEYS, after)
        return await registrations.change(after, keys=has_other_keys)


def _keys(path: Path | None) -> str | None:
    if path is None:
        return None
    if path.stat().st_size > LARGEST:
        raise click.ClickException("The file of the key is too large to be one.")
    try:
        return read_keys(path.read_bytes())
    except KeyRefused as refused:
        raise click.ClickException(str(refused)) from None


def _require_sound(registration: Registration, parts: asgi.Kernel) -> None:
    setting = Setting(parts.registry, parts.base_url, asgi.clock() * _MICROSECONDS)
    if sentences := faults(registration, setting):
        raise click.ClickException("\n".join(sentences))


async def _asked(settings: Settings, ask: Callable[[Registrations], Awaitable[T]]) -> T:
    """What the clients of the database are asked. Nothing else is loaded: a client can be revoked at any time."""
    if await current_revision(settings.database_url) != REVISION:
        raise NotMigrated
    async with session(settings.database_url) as own:
        return await ask(Registrations(own.fetch, own.run))


async def _opened(settings: Settings, parts: asgi.Kernel, registration: Registration) -> Added:
    async with asgi.opened(settings, parts) as context:
        return await _add(context, registration)


async def _add(context: Context, registration: Registration) -> Added:
    """The client as it was added, None where its id is taken; and what its registrar should know."""
    registrations = context.store.registrations
    locality = registration.locality
    known = {DEFAULT_LOCALITY, *(each.locality for each in await registrations.all())}
    if locality not in known:
        # What the first client of a locality finds there: profiles, value sets and questionnaires.
        await publishing.publish(context, locality)
    warnings: list[str] = []
    stored = await context.store.read(locality, "Organization", registration.agency)
    if stored is None or stored.deleted:
        warnings.append("There is no Organization with the agency's id yet; somebody has to store it.")
    elif not registration.sectors:
        registration = replace(registration, sectors=sectors_of(codec.decode(stored.body)))
    if not registration.sectors:
        warnings.append(
            "Its agency has no sector, so nothing that young people shared with a sector is shown."
        )
    if await registrations.find(registration.id) is not None:
        return None, warnings
    # Told first: nobody shall sign in of whom the audit knows nothing.
    await _tell(context, CLIENT_ADDED, registration)
    return (registration if await registrations.add(registration) else None), warnings


async def _told(settings: Settings, what: str, client_id: str) -> None:
    """Tells the audit what was done to a client; where that fails, it was done all the same.

    Raises:
        ClickException: the audit could not be told.
    """
    try:
        async with asgi.opened(settings, kernel(settings)) as context:
            registration = await context.store.registrations.find(client_id)
            if registration is not None:
                await _tell(context, what, registration)
    except Exception as fault:
        text = "It is done, and the audit could not be told of it: note it yourself."
        raise click.ClickException(text) from fault


async def _tell(context: Context, what: str, registration: Registration) -> None:
    await audited(context.store.audit, [operated(what, registration, context.clock())])


def sectors_of(organization: Json) -> tuple[str, ...]:
    """The sectors that an Organization says it is of."""
    codings = (coding for type_ in organization.get("type", []) for coding in type_.get("coding", []))
    return tuple(
        dict.fromkeys(each["code"] for each in codings if each.get("system") == SECTOR and "code" in each)
    )


def for_vendor(registration: Registration, base_url: str) -> Json:
    """What the vendor of a client needs to sign in and work."""
    at = addresses(base_url)
    return {
        "client_id": registration.id,
        "fhir_base": at.fhir,
        "smart_configuration": f"{at.fhir}/.well-known/smart-configuration",
        "token_endpoint": at.token,
        "scope": registration.scopes,
        "grant_type": GRANT,
        "client_assertion_type": ASSERTION,
        "algorithms": list(ALGORITHMS),
        "agency": registration.agency,
        "locality": registration.locality,
        "sectors": list(registration.sectors),
        "purpose": registration.purpose,
    }


def _lines(told: Json) -> list[str]:
    return [
        f"Client id:      {told['client_id']}",
        f"FHIR base:      {told['fhir_base']}",
        f"Token endpoint: {told['token_endpoint']}",
        f"Scopes:         {told['scope']}",
        f"Acts for:       Organization/{told['agency']} in {told['locality']}",
        f"Sectors:        {', '.join(told['sectors']) or 'none'}",
        "To sign in, POST a form to the token endpoint:",
        f"  grant_type             {told['grant_type']}",
        "  scope                  the scopes wanted, of those above",
        f"  client_assertion_type  {told['client_assertion_type']}",
        "  client_assertion       a JSON Web Token that the client signs with its private key",
        f"Header: alg one of {', '.join(told['algorithms'])}; typ JWT; kid where the key has one.",
        "Claims: iss and sub the client id, aud the token endpoint, exp within 300 seconds, jti never used before.",
    ]


def _shown(registration: Registration) -> Json:
    shown = {
        "client_id": registration.id,
        "name": registration.name,
        "agency": registration.agency,
        "locality": registration.locality,
        "scope": registration.scopes,
        "jwks_url": registration.jwks_url,
        "keys": None if registration.keys is None else codec.decode(registration.keys.encode())["keys"],
        "sectors": list(registration.sectors),
        "purpose": registration.purpose,
        "administrator": registration.administrator,
        "governance": registration.governance,
        "chooses_ids": registration.chooses_ids,
        "created": _day(registration.created),
        "revoked": None if registration.revoked is None else _day(registration.revoked),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _line(registration: Registration) -> str:
    marks = [
        name
        for name, holds in (
            ("administrator", registration.administrator),
            ("governance", registration.governance),
            ("chooses ids", registration.chooses_ids),
        )
        if holds
    ]
    if registration.revoked is not None:
        marks.append(f"revoked {_day(registration.revoked)}")
    ends = f" ({', '.join(marks)})" if marks else ""
    return (
        f"{registration.id} {registration.name}: Organization/{registration.agency} in {registration.locality};"
        f" {registration.scopes}{ends}"
    )


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / _SECOND, UTC).isoformat(timespec="seconds")
