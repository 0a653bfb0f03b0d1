"""Conditions of a request on versions and times: weak ETags and HTTP dates.

Source: https://hl7.org/fhir/R4/http.html#versioning, https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests
"""

from __future__ import annotations

from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache

from service.interactions.etags import tagged_version


def etag(version: int) -> bytes:
    """The weak ETag of a version."""
    return b'W/"%d"' % version


def if_match(value: bytes) -> int:
    """The version that If-Match names; NEVER for an ETag that none of ours can have.

    Strong ETags are taken as weak ones: clients and proxies mix them up, and our versions
    are exact either way.

    Raises:
        Malformed: not one ETag. `*` and lists are refused too: passing over a condition
            that guards a write would lose somebody's update.
    """
    return tagged_version(value.decode("latin-1"))


def if_none_match(value: bytes) -> tuple[int, ...] | None:
    """The versions that If-None-Match names; None for `*`, which stands for any.

    Raises:
        Malformed: neither `*` nor a list of ETags.
    """
    text = value.decode("latin-1").strip()
    return None if text == "*" else tuple(tagged_version(tag) for tag in text.split(","))


def moment(value: bytes) -> int | None:
    """Milliseconds since 1970 of an HTTP date; None where it is none, which the standard says to pass over."""
    try:
        date = parsedate_to_datetime(value.decode("latin-1"))
    except (ValueError, OverflowError):
        return None
    return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * 1000)


@lru_cache(1024)  # versions of the same second share it
def _http_date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")


def http_date(updated: int) -> bytes:
    """Milliseconds since 1970 as an HTTP date, which counts whole seconds."""
    return _http_date(updated // 1000)
