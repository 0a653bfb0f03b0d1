from __future__ import annotations

import pytest

from service.fhir.paths.markup import is_narrative


def div(content: str) -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{content}</div>'


@pytest.mark.parametrize(
    "content",
    ["text", "<p class='x'>a <b>b</b></p>", "<table><tr><td colspan='2'>1&nbsp;&copy;</td></tr></table>", "<img src='#p' alt='x'/>",
     "<a href='http://example.org'>x</a>", "a &lt; b", "<!-- note -->x", "<p xml:lang='en'>x</p>"],
)  # fmt: skip
def test_allowed(content: str):
    assert is_narrative(div(content))


@pytest.mark.parametrize(
    "text",
    [
        div(""),
        div("  <p/>"),
        div("<script>x</script>"),
        div("<p onclick='x'>x</p>"),
        div("<a href='javascript:x'>x</a>"),
        div("<form>x</form>"),
        div("<ins>x</ins>"),
        div("&nosuchentity;"),
        div("<p>open"),
        "<div>no namespace</div>",
        '<p xmlns="http://www.w3.org/1999/xhtml">x</p>',
        "",
        '<!DOCTYPE x [<!ENTITY e "x">]>' + div("&e;"),
        '<div xmlns="http://www.w3.org/1999/xhtml"><x xmlns="http://example.org"/>x</div>',
    ],
)
def test_refused(text: str):
    assert not is_narrative(text)


def test_html_checks(patient, evaluate):
    patient["text"] = {"status": "generated", "div": div("x")}
    assert evaluate("text.`div`.htmlChecks()", patient) == [True]
