"""What commands start with: the kernel by their settings, and the address that goes into links.

Source: docs/commands.md, docs/settings.md
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

import click

from service import asgi
from service.settings import Settings
from service.storage import packages

HOST = "127.0.0.1"
PORT = 8080
BASE_PATH = "/fhir"


def kernel(settings: Settings, base_url: str | None = None) -> asgi.Kernel:
    """The kernel with our own artefacts, those of added packages, and the deployer's search parameters."""
    parts = asgi.kernel(
        base_url or settings.base_url or address(HOST, PORT),
        *packages.folders(Path(settings.packages)),
        search_parameters=Path(settings.search_parameters),
    )
    for sentence in parts.left_out:
        click.echo(f"Warning: a search parameter of a package is not in force. {sentence}", err=True)
    return parts


def address(host: str, port: int) -> str:
    """The FHIR base that clients on this machine use where no setting says another.

    Links with 0.0.0.0 in them would lead nowhere.
    """
    try:
        anywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        anywhere = False
    if anywhere:
        click.echo(f"Warning: set THRIVE_BASE_URL; until then links say {HOST}.", err=True)
    shown = HOST if anywhere else host
    return f"http://[{shown}]:{port}{BASE_PATH}" if ":" in shown else f"http://{shown}:{port}{BASE_PATH}"
