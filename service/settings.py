"""Settings: one frozen object, read once from the environment, never looked up again.

Source: docs/settings.md
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PREFIX = "THRIVE_"
LOG_LEVELS = ("debug", "info", "warning", "error")
DATABASES = ("sqlite", "postgresql")
REFERENCES = ("enforced", "free")
GOAL_CODES = ("goal-tool", "progress-chart")

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE


class WrongSettings(Exception):  # noqa: N818 - what was found, said to a person, and no fault of the program
    """Settings that cannot be used. `sentences` says what is wrong, one sentence for each."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set from outside, and its default.

    Units: `body_bytes` bytes, `json_depth` nested arrays and objects, `bundle_entries`
    entries, `page_*` and `conditional_matches` resources, `…_seconds` seconds, `…_hours` hours, `requests` and
    `client_requests` requests under way, `…_rate` requests a second (0: as many as come).
    """

    database_url: str = "sqlite:///var/thrive.db"
    files_url: str = "var/files"
    files_endpoint: str | None = None
    packages: str = "var/packages"
    search_parameters: str = "var/search-parameters"
    base_url: str | None = None
    workers: int = 2
    log: str = "info"
    body_bytes: int = 10 * MEBIBYTE
    json_depth: int = 64
    bundle_entries: int = 10_000
    page_default: int = 20
    page_limit: int = 1000
    conditional_matches: int = 1000
    references: str = "enforced"
    goal_codes: str = "goal-tool"
    issuers: str | None = None
    break_glass: tuple[str, ...] | None = None
    break_glass_hours: int = 4
    stop_seconds: int = 30
    body_seconds: int = 60
    request_seconds: int = 120
    requests: int = 256
    client_requests: int = 64
    client_rate: int = 200
    stranger_rate: int = 20
    job_workers: int = 1
    job_tasks: int = 2
    job_hours: int = 24
    jobs_per_client: int = 8
    import_bytes: int = 1024 * 1024 * 1024
    import_sources: tuple[str, ...] | None = None
    trusted_proxies: tuple[str, ...] | None = None
    cors_origins: tuple[str, ...] | None = None


def _database_url(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme not in DATABASES or not rest.strip("/"):
        raise ValueError("must be sqlite:///path/to/file or postgresql://user@host/database")
    return value


def _files_url(value: str) -> str:
    scheme, found, rest = value.partition("://")
    bucket = rest.partition("/")[0]
    if not value.strip() or (found and not (scheme == "s3" and bucket and not set("@?#") & set(rest))):
        raise ValueError("must be a folder, or s3://bucket/folder")
    return value


def _endpoint(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise ValueError("must be the address of an S3-compatible store, such as https://store.example:9000")
    return value.rstrip("/")


def _folder(value: str) -> str:
    if not value.strip():
        raise ValueError("must be a folder")
    return value


def _file(value: str) -> str:
    if not value.strip():
        raise ValueError("must be a file")
    return value


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            "must be the address that clients use, such as https://fhir.example/fhir, without ? or #"
        )
    return value.rstrip("/")


def _log(value: str) -> str:
    if value.lower() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
    return value.lower()


def _references(value: str) -> str:
    if value.lower() not in REFERENCES:
        raise ValueError(f"must be one of {', '.join(REFERENCES)}")
    return value.lower()


def _localities(value: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in value.split(","))
    if not all(names):
        raise ValueError("must be names of localities with commas between")
    return names


def _goal_codes(value: str) -> str:
    if value.lower() not in GOAL_CODES:
        raise ValueError(f"must be one of {', '.join(GOAL_CODES)}")
    return value.lower()


def _whole(minimum: int, maximum: int) -> Callable[[str], int]:
    def read_whole(value: str) -> int:
        digits = value.strip()
        if not (digits.isascii() and digits.isdigit()) or not minimum <= int(digits) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(digits)

    return read_whole


def _networks(value: str) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(part.strip())) for part in value.split(","))
    except ValueError:
        raise ValueError("must be addresses or networks with commas between, such as 10.0.0.0/8") from None


def _origins(value: str) -> tuple[str, ...]:
    return tuple(_origin(part.strip()) for part in value.split(","))


def _sources(value: str) -> tuple[str, ...]:
    """Addresses below which files may be fetched: over TLS, or from this machine."""
    found = tuple(each.strip() for each in value.split(",") if each.strip())
    for each in found:
        parts = urlsplit(each)
        near = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
        if not (parts.scheme == "https" or near) or not parts.hostname or parts.username or parts.query:
            raise ValueError("must be addresses such as https://files.example/exports, with commas between")
    return found


def _origin(value: str) -> str:
    """An origin as browsers send it (RFC 6454): scheme, host and port. HTTP is for pages of this machine alone."""
    parts = urlsplit(value)
    local = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not (parts.scheme == "https" or local) or value != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(
            "must be origins with commas between, such as https://app.example, without a slash at the end"
        )
    if not parts.hostname or set("*@") & set(value) or value != value.lower():
        raise ValueError("must name each origin in full and in small letters; there is no wildcard")
    return value


# The upper bounds keep a slip of the keyboard from becoming an outage: none is near a sensible value.
READERS: Mapping[str, Callable[[str], Any]] = {
    "database_url": _database_url,
    "files_url": _files_url,
    "files_endpoint": _endpoint,
    "packages": _folder,
    "search_parameters": _folder,
    "base_url": _base_url,
    "workers": _whole(1, 256),
    "log": _log,
    "body_bytes": _whole(1024, GIBIBYTE),
    "json_depth": _whole(8, 256),
    "bundle_entries": _whole(1, 1_000_000),
    "page_default": _whole(1, 10_000),
    "page_limit": _whole(1, 10_000),
    "conditional_matches": _whole(1, 100_000),
    "references": _references,
    "goal_codes": _goal_codes,
    "issuers": _file,
    "break_glass": _localities,
    "break_glass_hours": _whole(1, 24),
    "stop_seconds": _whole(1, 3600),
    "body_seconds": _whole(1, 3600),
    "request_seconds": _whole(1, 86_400),
    "requests": _whole(1, 100_000),
    "client_requests": _whole(1, 100_000),
    "client_rate": _whole(0, 1_000_000),
    "stranger_rate": _whole(0, 1_000_000),
    "job_workers": _whole(0, 64),
    "job_tasks": _whole(1, 64),
    "job_hours": _whole(1, 8760),
    "jobs_per_client": _whole(1, 10_000),
    "import_bytes": _whole(1024, 1024**4),
    "import_sources": _sources,
    "trusted_proxies": _networks,
    "cors_origins": _origins,
}


def read(environment: Mapping[str, str]) -> Settings:
    """The settings that the environment gives; an empty value counts as not set.

    Raises:
        WrongSettings: with a sentence for every wrong value, none of which quotes the value:
            an address of a database may hold a password.
    """
    given: dict[str, Any] = {}
    sentences: list[str] = []
    for name, reader in READERS.items():
        value = environment.get(PREFIX + name.upper(), "")
        if not value:
            continue
        try:
            given[name] = reader(value)
        except ValueError as fault:
            sentences.append(f"{PREFIX}{name.upper()} {fault}.")
    settings = Settings(**given)
    if not sentences and settings.page_default > settings.page_limit:
        sentences.append(f"{PREFIX}PAGE_DEFAULT must not be above {PREFIX}PAGE_LIMIT.")
    if sentences:
        raise WrongSettings(sentences)
    return settings


def unknown(environment: Mapping[str, str]) -> list[str]:
    """Names in the environment that look like a setting and are none, most likely a slip of the keyboard."""
    known = {PREFIX + name.upper() for name in READERS}
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in known)


def environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ  # noqa: TID251 - this is the one place that reads it
