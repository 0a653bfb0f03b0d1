"""Entity tags: how a version number is written in ETag, If-Match and If-None-Match.

Source: https://hl7.org/fhir/R4/http.html#versionaware, RFC 9110 section 8.8.3
"""

from __future__ import annotations

import re

from service.fhir.problems import Malformed

_TAG = re.compile(r'(?:W/)?"([^"]*)"')
# 18 digits stay below 2^63, the largest number that a database column holds.
_VERSION = re.compile(r"[1-9][0-9]{0,17}")

NEVER = 0
"""The number of no version: versions count from 1."""


def etag(version: int) -> str:
    """The weak entity tag of a version, such as `W/"3"`."""
    return f'W/"{version}"'


def version_number(text: str) -> int:
    """The version that `text` names, NEVER where it cannot be one of ours."""
    return int(text) if _VERSION.fullmatch(text) else NEVER


def tagged_version(tag: str) -> int:
    """The version that an entity tag names, NEVER where it is a tag but none of ours.

    Raises:
        Malformed: it is no entity tag.
    """
    match = _TAG.fullmatch(tag.strip())
    if match is None:
        raise Malformed("etag-malformed", 'An entity tag is written W/"1".')
    return version_number(match[1])
