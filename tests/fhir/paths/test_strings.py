from __future__ import annotations

import pytest

from service.fhir.paths.faults import EvaluationError, PathError
from service.fhir.paths.strings import MAXIMUM_PATTERN, pattern

# Source: https://hl7.org/fhirpath/N1/#string-manipulation and its examples
TABLE = [
    ("'abcdefg'.indexOf('bc')", [1]),
    ("'abcdefg'.indexOf('')", [0]),
    (r"'a\uD83D\uDD25b'.indexOf('b')", [2]),
    ("'abc abc'.lastIndexOf('a')", [4]),
    ("'abcdefg'.substring(1, 2)", ["bc"]),
    ("'abcdefg'.substring(6, 2)", ["g"]),
    ("'abcdefg'.substring(7, 1)", []),
    ("'abcdefg'.substring(-1, -1)", []),
    ("'abcdefg'.substring(3, 0)", [""]),
    ("'abcdefg'.substring(3, {})", ["defg"]),
    ("'abcdefg'.substring({})", []),
    ("'abc'.startsWith('')", [True]),
    ("'abc'.endsWith('bc')", [True]),
    ("'abc'.contains('d')", [False]),
    ("'aß'.upper()", ["ASS"]),
    ("'abc'.replace('', 'x')", ["xaxbxcx"]),
    ("'a\\nb'.matches('a.b')", [True]),
    (r"'first\nsecond'.matches('^second', 'm')", [True]),
    (r"'first\nsecond'.matches('^SECOND', 'im')", [True]),
    (r"'first\nsecond'.matches('^second')", [False]),
    ("'N8000123123'.matchesFull('N[0-9]{8}')", [False]),
    (
        r"'11/30/1972'.replaceMatches('\\b(?<month>\\d{1,2})/(?<day>\\d{1,2})/(?<year>\\d{2,4})\\b', '${day}-${month}-${year}')",
        ["30-11-1972"],
    ),
    ("'aaabaa'.replaceMatches('aa', '[aa]')", ["[aa]ab[aa]"]),
    ("'ab'.replaceMatches('(a)(b)', '$2$1')", ["ba"]),
    (r"'\u0065\u0301'.length()", [2]),
    ("'t2'.toChars()", ["t", "2"]),
    ("'a,,b'.split(',')", ["a", "", "b"]),
    ("'ab'.split('')", ["a", "b"]),
    ("('a' | 'b').join('-')", ["a-b"]),
    ("('a' | 'b').join()", ["ab"]),
    ("{}.join(',')", []),
    ("' a '.trim()", ["a"]),
    ("'dGVzdA=='.decode('base64')", ["test"]),
    ("'no base 64'.decode('base64')", []),
    ("'ff'.decode('hex')", []),
    ("'a'.encode('morse')", []),
    ("'<a>'.escape('html')", ["&lt;a&gt;"]),
    (r"'a\\nb'.unescape('json')", ["a\nb"]),
    ("'a'.unescape('morse')", []),
    ("{}.upper()", []),
    ("'a'.startsWith({})", []),
]


@pytest.mark.parametrize(("expression", "expected"), TABLE)
def test_strings(expression: str, expected: list, evaluate):
    assert evaluate(expression) == expected


@pytest.mark.parametrize(
    "expression", ["1.upper()", "'a'.indexOf(1)", "'a'.substring('b')", "name.matches('x')"]
)
def test_other_types_are_refused_before_evaluation(expression: str, patient, evaluate):
    with pytest.raises(PathError):
        evaluate(expression, patient)


@pytest.mark.parametrize(
    "expression",
    ["('a' | 'b').upper()", "'a'.matches('(')", "'a'.matches('a', 'z')", "'a'.replaceMatches('a', '$7')", "(1 | 2).select($this.toString()).upper()",
     "(1 | 2).join()"],
)  # fmt: skip
def test_what_fails_on_the_data(expression: str, evaluate):
    with pytest.raises(EvaluationError):
        evaluate(expression)


def test_patterns_are_bounded():
    with pytest.raises(EvaluationError, match="at most"):
        pattern("a" * (MAXIMUM_PATTERN + 1))


def test_an_element_with_extensions_alone_has_no_text(patient, evaluate):
    assert evaluate("name[1].given.last().upper()", patient) == []
    assert evaluate("name[1].given.first().upper()", patient) == ["NICK"]
