from __future__ import annotations

import base64
import hmac
import struct
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir.problems import Malformed
from service.interactions import links
from service.interactions.links import PagedList, address, open_seal, page_address, seal

KEY = b"0123456789abcdef0123456789abcdef"
LISTED = PagedList("search", "default", "Patient", None, (("identifier", "urn:x|1"), ("_count", "5")))
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
NUMBER = st.integers(min_value=-(2**63), max_value=2**63 - 1)


@settings(max_examples=50, derandomize=True)
@given(st.binary(max_size=150), st.binary(max_size=300))
def test_our_digest_is_that_of_the_library(key, message):
    assert links._digest(key, message) == hmac.digest(key, message, "sha256")


@settings(max_examples=50, derandomize=True)
@given(st.lists(NUMBER, min_size=1, max_size=3))
def test_what_was_sealed_comes_out(place):
    token = seal(KEY, LISTED, place)
    assert open_seal(KEY, LISTED, token, len(place)) == tuple(place)
    assert open_seal(KEY, LISTED, token) == tuple(place)
    assert set(token) <= set(LETTERS)


@pytest.mark.parametrize(
    "other",
    [
        replace(LISTED, kind="history"),
        replace(LISTED, locality="elsewhere"),
        replace(LISTED, type="Goal"),
        replace(LISTED, id="p1"),
        replace(LISTED, pairs=()),
        replace(LISTED, pairs=LISTED.pairs[::-1]),
        replace(LISTED, pairs=(("identifier", "urn:x|1&_count=5"),)),
    ],
)
def test_a_token_opens_its_own_list_only(other):
    token = seal(KEY, LISTED, (42,))
    with pytest.raises(Malformed):
        open_seal(KEY, other, token, 1)


def test_nobody_reads_the_place_in_a_token():
    shown = {number: base64.urlsafe_b64decode(f"{seal(KEY, LISTED, (number,))}==") for number in range(500)}
    assert all(struct.pack(">q", number) not in raw for number, raw in shown.items())
    # Nor how far two places are from each other: the streams that hide them differ.
    beside = {bytes(a ^ b for a, b in zip(shown[n][-8:], shown[n + 1][-8:], strict=True)) for n in range(499)}
    assert len(beside) == 499


def test_another_key_opens_nothing():
    with pytest.raises(Malformed):
        open_seal(bytes(32), LISTED, seal(KEY, LISTED, (42,)), 1)


def test_another_number_of_numbers_is_refused():
    with pytest.raises(Malformed):
        open_seal(KEY, LISTED, seal(KEY, LISTED, (42,)), 3)


@pytest.mark.parametrize("place", [(42,), (0, 1, 2), (1, 0, 7, 9), (1, 0, 7, 9, 3, 2)])
def test_no_single_character_can_be_changed(place):
    """Not even the last, of which some bits say nothing."""
    token = seal(KEY, LISTED, place)
    for index, character in enumerate(token):
        for other in LETTERS:
            if other != character:
                with pytest.raises(Malformed):
                    open_seal(KEY, LISTED, token[:index] + other + token[index + 1 :])


@pytest.mark.parametrize("more", ["=", "==", "A", "AAAA", " ", "\n", "%3D"])
@pytest.mark.parametrize("place", [(42,), (0, 1, 2), (1, 0, 7, 9)])
def test_nothing_can_be_put_behind_a_token(place, more):
    with pytest.raises(Malformed):
        open_seal(KEY, LISTED, seal(KEY, LISTED, place) + more)


@settings(max_examples=100, derandomize=True)
@given(st.text(max_size=60))
def test_no_text_of_others_opens(text):
    with pytest.raises(Malformed) as refusal:
        open_seal(KEY, LISTED, text, 1)
    assert refusal.value.issues[0].slug == "page-link-invalid"


@pytest.mark.parametrize(
    ("pairs", "url"),
    [
        ((), "http://x/Patient"),
        ((("_count", "5"),), "http://x/Patient?_count=5"),
        ((("subject", "Patient/1,Patient/2"),), "http://x/Patient?subject=Patient/1,Patient/2"),
        ((("code", "http://loinc.org|1 2"),), "http://x/Patient?code=http://loinc.org%7C1+2"),
    ],
)
def test_addresses(pairs, url):
    assert address("http://x", "", pairs) == url.replace("/Patient", "", 1)
    assert address("http://x", "Patient", pairs) == url


@settings(max_examples=50, derandomize=True)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=9), st.text(max_size=9)), max_size=3))
def test_the_address_of_a_page_says_all_that_its_list_is_sealed_for(pairs):
    listed = replace(LISTED, pairs=tuple(pairs))
    token = seal(KEY, listed, (42,))
    assert page_address("http://x", "Patient", listed) == address("http://x", "Patient", pairs)
    whole = page_address("http://x", "Patient", listed, token)
    assert whole == address("http://x", "Patient", [*pairs, ("_page", token)])
    assert parse_qsl(urlsplit(whole).query, keep_blank_values=True) == [*pairs, ("_page", token)]


def test_the_parameters_are_written_once_for_all_links():
    listed = replace(LISTED)
    seal(KEY, listed, (42,))
    assert listed.query is listed.query
    assert listed == LISTED
