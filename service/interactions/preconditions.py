"""What must hold before an interaction goes on: If-Match, If-None-Match, If-Modified-Since.

Source: https://hl7.org/fhir/R4/http.html#concurrency, https://hl7.org/fhir/R4/http.html#cread
"""

from __future__ import annotations

from service.fhir.problems import Precondition
from service.storage.store import Stored

_SECOND = 1000  # milliseconds: HTTP dates carry no fractions


def require_version(type_: str, id_: str, current: Stored | None, if_match: int | None) -> None:
    """Lets a change go on where the current version is the one that If-Match names.

    Raises:
        Precondition: another version is current, or the id was never used.
    """
    if if_match is None or (current is not None and current.version == if_match):
        return
    if current is None:
        text = f"If-Match names a version of {type_}/{id_}, which does not exist."
    else:
        text = f"If-Match does not name the current version of {type_}/{id_}, which is {current.version}."
    raise Precondition("version-mismatch", text)


def is_unmodified(current: Stored, if_none_match: int | None, if_modified_since: int | None) -> bool:
    """Whether the client has this version already.

    If-None-Match counts alone where it is given (RFC 9110 section 13.2.2).

    Units: `if_modified_since` in milliseconds since 1970, compared in whole seconds.
    """
    if if_none_match is not None:
        return current.version == if_none_match
    return if_modified_since is not None and current.updated // _SECOND <= if_modified_since // _SECOND
