from __future__ import annotations

import pytest

from service.fhir.validation.narrative import FAULTS_LISTED, faults, is_safe

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


def div(content: str, attributes: str = XHTML) -> str:
    return f"<div {attributes}>{content}</div>"


@pytest.mark.parametrize(
    "text",
    [
        div("text"),
        div("  <p>a <b>b</b><br/>&amp; &lt; &#160; &#xA0;</p>"),
        div(
            "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td colspan='2'>b</td></tr></tbody></table>"
        ),
        div('<img src="data:image/png;base64,aGk=" alt=""/>'),
        div('<img src="#picture"/>'),
        div(
            '<a href="https://example.org/a?b#c">a</a> <a href="mailto:a@example.org">b</a> <a href="../a:b">c</a>'
        ),
        div('<p style="color: red; text-align: left" class="a" id="p1" title="1 &lt; 2" lang="cy">text</p>'),
        div("text", f'{XHTML} xml:lang="en" lang="en"'),
        div("<!-- a remark -->text"),
        f"\n{div('text')}\n",
        div("Ysgol &#233; 😀"),
    ],
)
def test_a_plain_narrative_is_safe(text):
    assert faults(text) == []
    assert is_safe(text)


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        # well-formedness
        ("", ["narrative-malformed"]),
        ("text", ["narrative-malformed"]),
        (div("<p>a"), ["narrative-malformed"]),
        (div("a") + div("b"), ["narrative-malformed"]),
        (div("a & b"), ["narrative-malformed"]),
        (div("&nbsp;"), ["narrative-malformed"]),
        (div("&reg;"), ["narrative-malformed"]),
        (div("<p a=1>b</p>"), ["narrative-malformed"]),
        ("<div>text</div>", ["narrative-malformed", "narrative-element"]),
        (f"<p {XHTML}>text</p>", ["narrative-malformed"]),
        ('<div xmlns="http://example.org">text</div>', ["narrative-malformed", "narrative-element"]),
        (div("\ud800"), ["narrative-malformed"]),
        # elements
        (div("<script>alert(1)</script>"), ["narrative-element"]),
        (div("<SCRIPT>alert(1)</SCRIPT>"), ["narrative-element"]),
        (div("<iframe src='a'/>text"), ["narrative-element"]),
        (div("<object data='a'/>text"), ["narrative-element", "narrative-attribute"]),
        (div("<form><input/></form>text"), ["narrative-element", "narrative-element"]),
        (div("<style>p { color: red }</style>"), ["narrative-element"]),
        (div("<link rel='stylesheet' href='a'/>text"), ["narrative-element"]),
        (div("<base href='http://example.org'/>text"), ["narrative-element"]),
        (div("<body>text</body>"), ["narrative-element"]),
        (div("<font>text</font>"), ["narrative-element"]),
        (div('<svg xmlns="http://www.w3.org/2000/svg"><p>a</p></svg>'), ["narrative-element", "narrative-element"]),
        (div('<x:script xmlns:x="http://www.w3.org/1999/xhtml">a</x:script>'), ["narrative-element"]),
        # attributes
        (div("<p onclick='a()'>b</p>"), ["narrative-attribute"]),
        (div("<p ONCLICK='a()'>b</p>"), ["narrative-attribute"]),
        (div("text", f"{XHTML} onload='a()'"), ["narrative-attribute"]),
        (div("<p data-a='1'>b</p>"), ["narrative-attribute"]),
        (div("<a xlink:href='a' xmlns:xlink='http://www.w3.org/1999/xlink'>b</a>"), ["narrative-attribute"]),
        # links
        (div("<a href='javascript:a()'>b</a>"), ["narrative-link"]),
        (div("<a href=' JavaScript:a()'>b</a>"), ["narrative-link"]),
        (div("<a href='java&#10;script:a()'>b</a>"), ["narrative-link"]),
        (div("<a href='&#1;javascript:a()'>b</a>"), ["narrative-malformed"]),
        (div("<a href='vbscript:a()'>b</a>"), ["narrative-link"]),
        (div("<a href='data:text/html,a'>b</a>"), ["narrative-link"]),
        (div("<img src='data:text/html;base64,aGk='/>"), ["narrative-link"]),
        (div("<img src='data:image/svg+xml;base64,aGk='/>"), ["narrative-link"]),
        (div("<blockquote cite='javascript:a()'>b</blockquote>"), ["narrative-link"]),
        # styles
        (div("<p style='width: expression(a())'>b</p>"), ["narrative-style"]),
        (div("<p style='background: URL (http://example.org)'>b</p>"), ["narrative-style"]),
        (div("<p style='behavior: a'>b</p>"), ["narrative-style"]),
        (div("<p style='w\\69dth: 1'>b</p>"), ["narrative-style"]),
        # what HTML reads differently from XML
        (div("<![CDATA[><img src='x' onerror='a()'>]]>"), ["narrative-construct"]),
        (div("<!--><img src='x' onerror='a()'/>-->text"), ["narrative-construct"]),
        (div("<!---><img src='x' onerror='a()'/>-->text"), ["narrative-construct"]),
        (div("<?php a() ?>text"), ["narrative-construct"]),
        ("<?xml version='1.0'?>" + div("text"), ["narrative-construct"]),
        # entities never get as far as to be expanded
        (f"<!DOCTYPE div [<!ENTITY a 'b'>]>{div('&a;')}", ["narrative-construct"]),
        (f"<!DOCTYPE div [<!ENTITY a SYSTEM 'file:///etc/hostname'>]>{div('&a;')}", ["narrative-construct"]),
        # content
        (div(""), ["narrative-empty"]),
        (div("<p> \n<br/></p>"), ["narrative-empty"]),
        # all faults at once, each once
        (div("<script/><script/><p onclick='a()' onload='b()'>c</p>"),
         ["narrative-element", "narrative-attribute", "narrative-attribute"]),
    ],
)  # fmt: skip
def test_anything_else_is_refused(text, slugs):
    found = faults(text)
    assert [fault.slug for fault in found] == slugs
    assert not is_safe(text)
    assert all(fault.text.endswith(".") for fault in found)


def test_a_named_entity_is_explained():
    (fault,) = faults(div("a&nbsp;b"))
    assert "&#160;" in fault.text


def test_the_deepest_nesting_does_no_harm():
    assert is_safe(div("<b>" * 50_000 + "a" + "</b>" * 50_000))


def test_no_more_faults_are_kept_than_anybody_reads():
    many = "".join(f"<a{number}/>" for number in range(1000))
    assert len(faults(div(many + "text"))) == FAULTS_LISTED


def test_what_is_no_string_is_not_safe():
    assert not is_safe(None)
    assert not is_safe(7)
