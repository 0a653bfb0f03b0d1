from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.fhir.codec import count_members, count_names, decode, encode, restore
from service.fhir.problems import Malformed

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

decimals = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(digits), exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
    st.integers(-40, 40),
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ['":', '\\":', '" :', "\\", ": "]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**40), 10**40) | decimals | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
documents = st.dictionaries(texts, values, max_size=5)


def digits(value: Any) -> Any:
    """The value with every number as its type and digits, so that 7.1 and 7.10 differ."""
    match value:
        case Decimal():
            return ("Decimal", value.as_tuple())
        case bool() | None | str():
            return value
        case int():
            return ("int", value)
        case list():
            return [digits(item) for item in value]
        case _:
            return {name: digits(item) for name, item in value.items()}


def slug(raw: bytes, **limits: int) -> tuple[str, str | None]:
    with pytest.raises(Malformed) as refused:
        decode(raw, **limits)
    (issue,) = refused.value.issues
    assert issue.is_fault
    assert issue.text.endswith(".")
    return issue.slug, issue.expression


@given(documents)
def test_what_is_encoded_is_decoded_to_the_same_digits(document):
    # A Decimal without a fraction or an exponent is an integer in JSON, and read as one.
    whole = {str(value) for value in _decimals(document) if not set(str(value)) & set(".E")}
    assume(not whole)
    assert digits(decode(encode(document))) == digits(document)


def _decimals(value: Any) -> list[Decimal]:
    if isinstance(value, Decimal):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for item in inner for found in _decimals(item)]


@given(documents)
def test_what_is_encoded_is_json_that_the_standard_library_reads(document):
    read = json.loads(encode(document), parse_float=Decimal, parse_int=Decimal)
    assert set(read) == set(document)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (b"7.10", b"7.10"),
        (b"1.00", b"1.00"),
        (b"0.0", b"0.0"),
        (b"-0.0", b"-0.0"),
        (b"100", b"100"),
        (b"0.000000001", b"1E-9"),
        (b"1E2", b"1E+2"),
        (b"1e-7", b"1E-7"),
        (b"1.50e+3", b"1.50E+3"),
        (b"18446744073709551616", b"18446744073709551616"),
        (b"-123456789012345678901234567890", b"-123456789012345678901234567890"),
        (
            b"123456789012345678901234567890.12345678901234567890",
            b"123456789012345678901234567890.12345678901234567890",
        ),
    ],
)
def test_numbers_keep_their_digits(written, kept):
    document = decode(b'{"value":' + written + b"}")
    assert encode(document) == b'{"value":' + kept + b"}"
    assert json.loads(kept, parse_float=Decimal, parse_int=Decimal) == Decimal(written.decode())


def test_a_number_with_a_point_or_exponent_is_a_decimal_and_any_other_an_int():
    read = decode(b'{"a":1,"b":1.0,"c":1e0,"d":-0}')
    assert [type(value) for value in read.values()] == [int, Decimal, Decimal, int]


def test_text_is_kept_and_written_as_utf8():
    document = decode('{"name":"Zoë \\u00e9 😀 \\ud83d\\ude00"}'.encode())
    assert document == {"name": "Zoë é 😀 😀"}
    assert encode(document) == '{"name":"Zoë é 😀 😀"}'.encode()


def test_a_byte_order_mark_is_left_out():
    assert decode(BYTE_ORDER_MARK + b'{"a":1}') == {"a": 1}


@pytest.mark.parametrize(
    ("raw", "expected", "where"),
    [
        (b"", "json-malformed", None),
        (b" ", "json-malformed", None),
        (b"{", "json-malformed", None),
        (b'{"a":1,}', "json-malformed", None),
        (b'{"a":1} {"a":1}', "json-malformed", None),
        (b"{'a':1}", "json-malformed", None),
        (b'{"a":01}', "json-malformed", None),
        (b'{"a":1.}', "json-malformed", None),
        (b'{"a":+1}', "json-malformed", None),
        (b'{"a":"\x01"}', "json-malformed", None),
        (b'/* c */ {"a":1}', "json-malformed", None),
        (b'{"a":"\\ud800"}', "json-malformed", None),
        (b'{"a":"\\udc00b"}', "json-malformed", None),
        (b'{"\\ud800\\u0041":1}', "json-malformed", None),
        ('{"a":1}'.encode("utf-16-le"), "json-malformed", None),
        (b'{"a":"\xff"}', "json-not-utf8", None),
        (b'{"a":"\xed\xa0\x80"}', "json-not-utf8", None),
        ('{"a":"é"}'.encode("latin-1"), "json-not-utf8", None),
        ('{"a":1}'.encode("utf-16"), "json-not-utf8", None),
        (b'{"a":NaN}', "json-number-not-finite", None),
        (b'{"a":Infinity}', "json-number-not-finite", None),
        (b'{"a":[-Infinity]}', "json-number-not-finite", None),
        (b'{"a":1e99999999999999999999}', "json-number-too-large", None),
        (b'{"a":' + b"1" * 5000 + b"}", "json-number-too-large", None),
        (b"[]", "json-not-object", None),
        (b'"a"', "json-not-object", None),
        (b"null", "json-not-object", None),
        (b"7", "json-not-object", None),
        (b'{"a":1,"a":2}', "json-duplicate-key", "$this.a"),
        (b'{"a":1,"\\u0061":2}', "json-duplicate-key", "$this.a"),
        (
            b'{"resourceType":"Goal","target":[{"a":1},{"a":1,"a" :1}]}',
            "json-duplicate-key",
            "Goal.target[1].a",
        ),
        (b'{"x y":{"a":[[{"b":0,"b":0}]]}}', "json-duplicate-key", "$this.`x y`.a[0][0].b"),
        (b'{"a":{"b":1,"c":{"d":1,"d":1}},"a":1}', "json-duplicate-key", "$this.a"),
    ],
)
def test_what_is_not_a_document_is_refused(raw, expected, where):
    assert slug(raw) == (expected, where)


def test_the_sentence_leads_to_the_place():
    with pytest.raises(Malformed, match=r"line 2, column 2"):
        decode(b'{"a":1\n "b":2}')


# -- depth --


@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_a_document_may_be_as_deep_as_the_limit_and_no_deeper(opening, closing):
    def nested(levels: int) -> bytes:
        return b'{"a":' + opening * (levels - 1) + b"1" + closing * (levels - 1) + b"}"

    decode(nested(10), max_depth=10)
    assert slug(nested(11), max_depth=10) == ("json-too-deep", None)
    decode(nested(64))
    assert slug(nested(65)) == ("json-too-deep", None)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b',"a":1}',
        b'{"a":' + b"[" * 900 + b"NaN" + b"]" * 900 + b"}",
    ],
)
def test_the_deepest_nesting_is_refused_and_harms_nothing(raw):
    assert slug(raw)[0] in {"json-too-deep", "json-malformed", "json-number-not-finite"}


def test_nesting_near_the_end_of_the_stack_is_refused_by_either_reader():
    # At some depth here msgspec gives up, and at another the standard library.
    for levels in range(800, 1010):
        not_finite = b'{"a":' + b"[" * levels + b"NaN" + b"]" * levels + b"}"
        assert slug(not_finite)[0] in {"json-number-not-finite", "json-too-deep"}
        dropped = b'{"a":' + b"[" * levels + b"]" * levels + b',"a":1}'
        assert slug(dropped)[0] in {"json-duplicate-key", "json-too-deep"}


# -- duplicate keys --


def reference_has_duplicates(text: str) -> bool:
    """The plain way to tell: have the standard library show every member."""
    found = False

    def note(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len(dict(pairs)) != len(pairs)

    json.loads(text, object_pairs_hook=note)
    return found


KEYS = st.sampled_from(["a", "b", 'a"', 'a":', "a\\", "", "é", " :"])
SPACES = st.sampled_from(["", " ", "\n\t", "  "])


def spelled(key: str, *, escaped: bool) -> str:
    """The key as JSON writes it, or every character of it as an escape."""
    return "".join(f"\\u{ord(each):04x}" if escaped else json.dumps(each)[1:-1] for each in key)


@st.composite
def texts_of_objects(draw, depth: int = 3):
    """JSON text of an object in which names may repeat, with white space anywhere, and quotes and colons in the prose."""
    space = lambda: draw(SPACES)  # noqa: E731 - said often
    members = []
    for _ in range(draw(st.integers(0, 4))):
        name = f'"{spelled(draw(KEYS), escaped=draw(st.booleans()))}"'
        kind = draw(st.sampled_from(["text", "number", "object", "array"] if depth else ["text", "number"]))
        if kind == "text":
            value = json.dumps(draw(st.sampled_from(['":', '": "a":', "a : b", 'say "x" : y', "\\", ""])))
        elif kind == "number":
            value = "1.0"
        else:
            value = draw(texts_of_objects(depth=depth - 1))
            value = f"[{value}{space()},{value}]" if kind == "array" else value
        members.append(f"{space()}{name}{space()}:{space()}{value}{space()}")
    return "{" + ",".join(members) + "}"


@given(texts_of_objects())
def test_duplicate_keys_are_found_exactly_where_the_reference_finds_them(text):
    if reference_has_duplicates(text):
        assert slug(text.encode())[0] == "json-duplicate-key"
    else:
        assert decode(text.encode()) == json.loads(text, parse_float=Decimal)


@given(texts_of_objects())
def test_the_cheap_count_never_hides_a_dropped_member(text):
    document = json.loads(text)
    if count_names(text.encode()) == count_members(document, 64):
        assert not reference_has_duplicates(text)


@given(documents)
def test_what_encode_wrote_is_restored_as_decode_reads_it(document):
    assert digits(restore(encode(document))) == digits(decode(encode(document), max_depth=99))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":[{"b":1},{"c":2,"c":2}]}',
        b'{"a":1,"b":"\\u0022:","a":1}',
    ],
)
def test_a_member_that_stands_twice_is_seen_in_compact_text_too(raw):
    with pytest.raises(Malformed) as caught:
        decode(raw)
    assert caught.value.issues[0].slug == "json-duplicate-key"


def test_compact_text_is_not_nested_deeper_than_allowed_either():
    raw = b'{"a":' * 3 + b"1" + b"}" * 3
    assert decode(raw, max_depth=3) == {"a": {"a": {"a": 1}}}
    with pytest.raises(Malformed) as caught:
        decode(raw, max_depth=2)
    assert caught.value.issues[0].slug == "json-too-deep"
