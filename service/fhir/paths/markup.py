"""Whether a narrative keeps to the XHTML that FHIR allows: the check behind txt-1 and txt-2.

Source: https://hl7.org/fhir/R4/narrative.html#xhtml
"""

from __future__ import annotations

import re
from html.entities import html5
from xml.etree import ElementTree as ET

_NAMESPACE = "{http://www.w3.org/1999/xhtml}"

# HTML 4.0 chapters 7 to 11 (without section 9.4) and 15, links and images.
_ELEMENTS = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "address",
        "area",
        "b",
        "bdo",
        "big",
        "blockquote",
        "br",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "dfn",
        "dir",
        "div",
        "dl",
        "dt",
        "em",
        "font",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "kbd",
        "li",
        "map",
        "menu",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
    ]
)
_ATTRIBUTES = frozenset(
    [
        "abbr",
        "accesskey",
        "align",
        "alt",
        "axis",
        "bgcolor",
        "border",
        "cellpadding",
        "cellspacing",
        "char",
        "charoff",
        "charset",
        "cite",
        "class",
        "clear",
        "color",
        "colspan",
        "compact",
        "coords",
        "dir",
        "face",
        "frame",
        "headers",
        "height",
        "href",
        "hreflang",
        "hspace",
        "id",
        "ismap",
        "lang",
        "longdesc",
        "name",
        "noshade",
        "nowrap",
        "rel",
        "rev",
        "rowspan",
        "rules",
        "scope",
        "shape",
        "size",
        "span",
        "src",
        "start",
        "style",
        "summary",
        "tabindex",
        "target",
        "title",
        "type",
        "usemap",
        "valign",
        "value",
        "vspace",
        "width",
    ]
)
_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})

# Links that run something rather than lead somewhere.
_ACTIVE = re.compile(r"\s*(?:javascript|vbscript|data:text/html)", re.IGNORECASE)


def is_narrative(text: str) -> bool:
    """Whether the text is one XHTML div with content, of the elements and attributes that a narrative may have."""
    if "<!" in text.replace("<!--", ""):
        return False
    try:
        root = ET.fromstring(_ENTITY.sub(_character, text))  # noqa: S314 - no document type, no entities
    except ET.ParseError:
        return False
    if root.tag != f"{_NAMESPACE}div":
        return False
    return all(_is_allowed(element) for element in root.iter()) and _has_content(root)


def _character(match: re.Match[str]) -> str:
    """The character that a named entity of HTML stands for; those of XML stay."""
    name = match.group(1)
    return match.group() if name in _XML_ENTITIES else html5.get(name, match.group())


def _is_allowed(element: ET.Element) -> bool:
    if not isinstance(element.tag, str):
        return False
    if element.tag.removeprefix(_NAMESPACE) not in _ELEMENTS or not element.tag.startswith(_NAMESPACE):
        return False
    names = element.attrib.keys() - {_XML_LANGUAGE}
    return names <= _ATTRIBUTES and not any(_ACTIVE.match(element.get(name, "")) for name in ("href", "src"))


def _has_content(root: ET.Element) -> bool:
    """Whether there is text, or an image, to be seen."""
    return any(text.strip() for text in root.itertext()) or root.find(f".//{_NAMESPACE}img") is not None
