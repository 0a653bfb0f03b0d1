from __future__ import annotations

import pytest

from service.fhir.patching.pointers import expression, find, index, parse
from service.fhir.problems import Invalid, Malformed

# Source: RFC 6901 section 5
DOCUMENT = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "m~n": 8, " ": 7}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/m~0n", 8),
        ("/ ", 7),
    ],
)
def test_the_rfc_s_examples(pointer: str, value: object):
    assert find(DOCUMENT, parse(pointer, "path")) == value


@pytest.mark.parametrize("pointer", ["foo", "/a~", "/a~2", 7, None, ["foo"]])
def test_what_is_no_pointer(pointer: object):
    with pytest.raises(Malformed) as caught:
        parse(pointer, "path of operation 3")
    assert caught.value.issues[0].slug == "json-patch-pointer-malformed"
    assert "operation 3" in str(caught.value)


@pytest.mark.parametrize("pointer", ["/nothing", "/foo/0/deeper", "/foo/nothing/0"])
def test_where_nothing_is(pointer: str):
    with pytest.raises(Invalid):
        find(DOCUMENT, parse(pointer, "path"))


@pytest.mark.parametrize("token", ["-1", "01", "1.0", "+1", " 1", "", "1e0", "\u0661", "-"])
def test_what_is_no_index(token: str):
    with pytest.raises(Invalid) as caught:
        index(DOCUMENT, ["a", "b"], ("foo", token))
    assert caught.value.issues[0].slug == "patch-index-malformed"


@pytest.mark.parametrize("token", ["2", "9" * 5000])
def test_beyond_the_array(token: str):
    with pytest.raises(Invalid) as caught:
        index(DOCUMENT, ["a", "b"], ("foo", token))
    assert caught.value.issues[0].slug == "patch-index-out-of-range"


def test_behind_the_array():
    assert index(DOCUMENT, ["a", "b"], ("foo", "-"), behind=True) == 2
    assert index(DOCUMENT, ["a", "b"], ("foo", "2"), behind=True) == 2


@pytest.mark.parametrize(
    ("pointer", "path"),
    [
        ("/name/0/given/1", "Patient.name[0].given[1]"),
        ("/name/0/0", "Patient.name[0].`0`"),
        ("/name/-", "Patient.name"),
        ("/x y", "Patient.`x y`"),
        ("", "Patient"),
    ],
)
def test_pointers_as_fhirpath(pointer: str, path: str):
    assert expression({"resourceType": "Patient", "name": [{"given": ["a"]}]}, parse(pointer, "path")) == path
    assert expression(["x"], ("0",)) == "Resource[0]"
