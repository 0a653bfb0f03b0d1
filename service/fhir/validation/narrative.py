"""The XHTML of a narrative: well formed, made of the permitted elements, and harmless to show in a browser.

The text is read by expat; a document type is refused before anything in it is read, so no
entity is ever expanded. Browsers read the div as HTML, not as XML: what the two read
differently (CDATA sections, processing instructions, comments that end early) is refused
as well, so that nothing hides there. This is FHIR's `htmlChecks()`, rules txt-1 and txt-2.

Source: https://hl7.org/fhir/R4/narrative.html#xhtml, https://hl7.org/fhir/R4/security.html#narrative
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from xml.parsers import expat

NAMESPACE: Final = "http://www.w3.org/1999/xhtml"

# The lists of rule txt-1, with address, bdo and kbd, which its prose permits (HTML 4.0, chapters 7 to 9).
ELEMENTS: Final = frozenset({
    "a", "abbr", "acronym", "address", "b", "bdo", "big", "blockquote", "br", "caption", "cite", "code",
    "col", "colgroup", "dd", "dfn", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i",
    "img", "kbd", "li", "ol", "p", "pre", "q", "samp", "small", "span", "strong", "sub", "sup", "table",
    "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "ul", "var",
})  # fmt: skip
ATTRIBUTES: Final = frozenset({
    "abbr", "accesskey", "align", "alt", "axis", "bgcolor", "border", "cellhalign", "cellpadding",
    "cellspacing", "cellvalign", "char", "charoff", "charset", "cite", "class", "colspan", "compact",
    "coords", "dir", "frame", "headers", "height", "href", "hreflang", "hspace", "id", "lang", "longdesc",
    "name", "nowrap", "rel", "rev", "rowspan", "rules", "scope", "shape", "span", "src", "start", "style",
    "summary", "tabindex", "title", "type", "valign", "value", "vspace", "width",
})  # fmt: skip
XML_LANG: Final = "http://www.w3.org/XML/1998/namespace lang"
LINKS: Final = frozenset({"href", "src", "cite", "longdesc"})
SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "urn"})

SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
UNSEEN: Final = re.compile(
    r"[\x00-\x20\x7f-\x9f]"
)  # browsers leave these out of a link before they read its scheme
IMAGE_DATA: Final = re.compile(r"data:image/(?:png|gif|jpeg|webp|bmp);", re.IGNORECASE)
ACTIVE_STYLE: Final = re.compile(
    r"\\|expression\s*\(|url\s*\(|@import|behaviou?r\s*:|-moz-binding|script\s*:", re.IGNORECASE
)
FAULTS_LISTED: Final = 20  # of one narrative; nobody mends more at once
EARLY_END: Final = (">", "->")  # HTML ends a comment here, XML does not


@dataclass(frozen=True, slots=True)
class NarrativeFault:
    """What is wrong with a div: our slug and a sentence."""

    slug: str
    text: str


class Unreadable(Exception):  # noqa: N818 - stops expat at what must not be read further
    """A construct that ends the reading."""


def is_safe(div: Any) -> bool:
    """Whether the div is a string without any fault."""
    return type(div) is str and not faults(div)


def faults(div: str) -> list[NarrativeFault]:
    """Everything that is wrong with the div, each kind of fault once; empty if nothing is."""
    reading = Reading()
    try:
        reading.read(div)
    except Unreadable as construct:
        reading.add("narrative-construct", f"The narrative may not contain {construct}.")
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        if error.code == expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]:
            reason = "named entities such as &nbsp; are not defined in XML, write &#160; instead"
        where = f"line {error.lineno}, column {error.offset + 1}"
        reading.add("narrative-malformed", f"The narrative is not well-formed XHTML: {reason} ({where}).")
    except UnicodeEncodeError:
        reading.add("narrative-malformed", "The narrative holds half of a surrogate pair.")
    else:
        if not reading.says_something:
            reading.add("narrative-empty", "The narrative must have some text or an image.")
    return list(reading.faults)


class Reading:
    """One reading of a div, gathering faults as it goes."""

    def __init__(self) -> None:
        """Begins before the first element."""
        self.faults: dict[NarrativeFault, None] = {}
        self.says_something = False
        self.begun = False

    def add(self, slug: str, text: str) -> None:
        """Notes a fault, once, as long as there is room."""
        if len(self.faults) < FAULTS_LISTED:
            self.faults[NarrativeFault(slug, text)] = None

    def read(self, div: str) -> None:
        """Reads the text to its end.

        Raises:
            expat.ExpatError: it is not well-formed.
            Unreadable: it holds what no narrative may hold.
        """
        parser = expat.ParserCreate("utf-8", " ")
        parser.StartElementHandler = self._start
        parser.CharacterDataHandler = self._characters
        parser.CommentHandler = self._comment
        parser.StartDoctypeDeclHandler = lambda *_: refuse("a document type")
        parser.ProcessingInstructionHandler = lambda *_: refuse("a processing instruction")
        parser.XmlDeclHandler = lambda *_: refuse("an XML declaration")
        parser.StartCdataSectionHandler = lambda: refuse("a CDATA section")
        parser.Parse(div.encode(), True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if not self.begun:
            self.begun = True
            if local != "div" or namespace != NAMESPACE:
                self.add("narrative-malformed", f'The narrative must be one <div xmlns="{NAMESPACE}">.')
        if namespace != NAMESPACE or local not in ELEMENTS:
            self.add("narrative-element", f"The narrative may not contain the element <{local[:64]}>.")
        elif local == "img":
            self.says_something = True
        for attribute, value in attributes.items():
            self._attribute(local, attribute, value)

    def _attribute(self, element: str, name: str, value: str) -> None:
        if name == XML_LANG:
            return
        if name not in ATTRIBUTES:
            shown = name.rpartition(" ")[2][:64]
            self.add("narrative-attribute", f"The narrative may not use the attribute {shown}.")
        elif name in LINKS and not is_harmless_link(value, image=element == "img"):
            self.add(
                "narrative-link",
                f"The narrative has a link of a kind that is not permitted, in {name} of <{element}>.",
            )
        elif name == "style" and ACTIVE_STYLE.search(value):
            self.add(
                "narrative-style",
                "The narrative has a style that fetches or runs something, or hides it behind a backslash.",
            )

    def _characters(self, text: str) -> None:
        if not self.says_something and not text.isspace():
            self.says_something = True

    def _comment(self, text: str) -> None:
        if text.startswith(EARLY_END):
            refuse("a comment that HTML and XML end at different places")


def refuse(construct: str) -> None:
    """Ends the reading.

    Raises:
        Unreadable: always.
    """
    raise Unreadable(construct)


def is_harmless_link(value: str, *, image: bool) -> bool:
    """Whether a link is relative, of a permitted scheme, or the data of a picture in an img."""
    seen = UNSEEN.sub("", value)
    scheme = SCHEME.match(seen)
    if scheme is None or scheme[1].lower() in SCHEMES:
        return True
    return image and IMAGE_DATA.match(seen) is not None
