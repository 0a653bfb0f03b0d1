r"""Primitive values: whether a JSON value is one of a FHIR primitive type, and if not, why not.

`ACCEPTS` holds one quick predicate per type. A predicate may raise TypeError where the
JSON type is wrong altogether (a regular expression is given a number); callers on the
fast path take that as a no.

We hold to the standard's regular expressions with these differences. Empty strings are
refused everywhere (`\S*` would let them pass). Dates must be in the calendar. White space
in codes is a single space, as the standard's prose has it. `urn:uuid:` and `urn:oid:` must
be followed by one. A decimal must lie within the range of a double, since it is indexed
as one. base64 is read by `binascii`, white space between its characters left out.

Source: https://hl7.org/fhir/R4/datatypes.html#primitive, tech.md section 6
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from service.fhir.validation import narrative

Predicate = Callable[[Any], object]

LONGEST_STRING: Final = 1024 * 1024  # characters; datatypes.html#string
INTEGER_LIMIT: Final = 2**31
DOUBLE_EXPONENT: Final = 308  # sys.float_info.max_10_exp
WIDEST_INTEGER: Final = 10**DOUBLE_EXPONENT

CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

_YEAR = "(?!0000)[0-9]{4}"
_MONTH = "(?:0[1-9]|1[0-2])"
_LEAP_YEAR = "(?!0000)(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DAY_OF_MONTH = f"(?:{_MONTH}-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"  # February apart
_DAY = f"(?:{_YEAR}-{_DAY_OF_MONTH}|{_LEAP_YEAR}-02-29)"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = "(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_UUID = "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OID = r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"

is_id: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
is_date: Final = re.compile(f"{_YEAR}(?:-{_MONTH})?|{_DAY}").fullmatch
is_datetime: Final = re.compile(f"{_DAY}(?:T{_TIME}{_ZONE})?|{_YEAR}(?:-{_MONTH})?").fullmatch
is_instant: Final = re.compile(f"{_DAY}T{_TIME}{_ZONE}").fullmatch
is_time: Final = re.compile(_TIME).fullmatch
is_uuid: Final = re.compile(_UUID).fullmatch
is_oid: Final = re.compile(_OID).fullmatch
_is_spaceless: Final = re.compile(r"[^\x00-\x20]+").fullmatch
_is_single_spaced: Final = re.compile(r"[^\x00-\x20]+(?: [^\x00-\x20]+)*").fullmatch
_is_urn: Final = re.compile(
    rf"(?:{_UUID}|{_OID})(?:[#?|][^\x00-\x20]*)?|(?!urn:uuid:|urn:oid:)[^\x00-\x20]+"  # a fragment or version may follow
).fullmatch


def is_boolean(value: Any) -> bool:
    """Whether it is true or false."""
    return type(value) is bool


def is_integer(value: Any) -> bool:
    """Whether it is a whole number of 32 bits."""
    return type(value) is int and -INTEGER_LIMIT <= value < INTEGER_LIMIT


def is_unsigned(value: Any) -> bool:
    """Whether it is a whole number of 31 bits, 0 included."""
    return type(value) is int and 0 <= value < INTEGER_LIMIT


def is_positive(value: Any) -> bool:
    """Whether it is a whole number of 31 bits above 0."""
    return type(value) is int and 0 < value < INTEGER_LIMIT


def is_decimal(value: Any) -> bool:
    """Whether it is a number within the range of a double."""
    if type(value) is Decimal:
        return value.is_finite() and -DOUBLE_EXPONENT <= value.adjusted() < DOUBLE_EXPONENT
    return type(value) is int and -WIDEST_INTEGER < value < WIDEST_INTEGER


def is_string(value: Any) -> bool:
    """Whether it is text that says something: not blank, not over the limit, no control characters."""
    return (
        type(value) is str
        and value != ""
        and not value.isspace()
        # Printable is the usual case, and asked for in one call; most else is line ends.
        and (value.isprintable() or CONTROL_CHARACTER.search(value) is None)
        and len(value) <= LONGEST_STRING
    )


def is_code(value: Any) -> object:
    """Whether it is words joined by single spaces."""
    return type(value) is str and (value.isalnum() or _is_single_spaced(value))


def is_uri(value: Any) -> object:
    """Whether it is without white space, and a good UUID or OID where it says that it is one."""
    if type(value) is not str or value[:4] == "urn:":
        return _is_urn(value)
    return (value.isprintable() and " " not in value and value != "") or _is_spaceless(value)


def is_base64(value: Any) -> bool:
    """Whether it is base64, padded, with or without white space between its characters."""
    if type(value) is not str or not value.isascii() or not value:
        return False
    try:
        binascii.a2b_base64(value, strict_mode=True)
    except binascii.Error:
        joined = "".join(value.split())
        return joined != value and is_base64(joined)
    return True


ACCEPTS: Final[Mapping[str, Predicate]] = {
    "base64Binary": is_base64,
    "boolean": is_boolean,
    "canonical": is_uri,
    "code": is_code,
    "date": is_date,
    "dateTime": is_datetime,
    "decimal": is_decimal,
    "id": is_id,
    "instant": is_instant,
    "integer": is_integer,
    "markdown": is_string,
    "oid": is_oid,
    "positiveInt": is_positive,
    "string": is_string,
    "time": is_time,
    "unsignedInt": is_unsigned,
    "uri": is_uri,
    "url": is_uri,
    "uuid": is_uuid,
    "xhtml": narrative.is_safe,
}

NUMBERS: Final = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})

# What a type's values look like, to end the sentence "<element> must be ...".
EXPECTED: Final[Mapping[str, str]] = {
    "base64Binary": "base64, with its padding",
    "boolean": "true or false, without quotation marks",
    "canonical": "a canonical URL without white space, such as https://example.org/ValueSet/a|1.0",
    "code": "a code: no white space at either end, and single spaces within",
    "date": "a date of the calendar: 2026, 2026-03 or 2026-03-04",
    "dateTime": "a date of the calendar (2026, 2026-03 or 2026-03-04), with a time only if it has seconds and a"
    " zone: 2026-03-04T16:30:00+00:00",
    "decimal": "a number, without quotation marks",
    "id": "1 to 64 of A-Z, a-z, 0-9, hyphen and full stop",
    "instant": "a moment with seconds and zone: 2026-03-04T16:30:00.000Z",
    "integer": "a whole number from -2147483648 to 2147483647, without quotation marks or fraction",
    "markdown": "text",
    "oid": "an OID such as urn:oid:1.2.3",
    "positiveInt": "a whole number from 1 to 2147483647, without quotation marks or fraction",
    "string": "text",
    "time": "a time of day with seconds and no zone: 16:30:00",
    "unsignedInt": "a whole number from 0 to 2147483647, without quotation marks or fraction",
    "uri": "a URI without white space (after urn:uuid: a UUID in lower case, after urn:oid: an OID)",
    "url": "a URL without white space",
    "uuid": "a UUID in lower case: urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "xhtml": "a div in XHTML",
}


def json_kind(type_: str) -> str:
    """How values of the primitive type are written in JSON: string, number or boolean."""
    return "boolean" if type_ == "boolean" else "number" if type_ in NUMBERS else "string"


def kind_of(value: Any) -> str:
    """What a decoded value is in JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float() | Decimal():
            return "number"
        case list():
            return "array"
        case _:
            return "object"
