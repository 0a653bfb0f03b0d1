"""SVG as text: whatever stands in a text or an attribute stays there."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pages.charts.lettering import clean
from service.pages.charts.markup import element, number, write


@given(st.text())
def test_a_text_and_an_attribute_come_out_as_they_went_in(text):
    # What XML cannot hold is taken out before: `clean`.
    shown = clean(text)
    root = ET.fromstring(write(element("text", shown, element("b", shown), title=shown)))
    assert (root.text or "") == shown
    assert root.get("title") == shown
    assert [each.text or "" for each in root] == [shown]


def test_names_of_attributes_and_what_is_left_out():
    one = element("line", class_="scale", stroke_width=1.25, xml__lang="cy", x1=-0.01, x2=None, y1=12)
    assert write(one) == '<line class="scale" stroke-width="1.2" xml:lang="cy" x1="0" y1="12"/>'


def test_a_quote_ends_no_attribute():
    assert write(element("a", b="\"/><script>'&")) == '<a b="&quot;/&gt;&lt;script&gt;\'&amp;"/>'


@pytest.mark.parametrize(
    ("value", "written"), [(0, "0"), (-0.04, "0"), (1.06, "1.1"), (10.0, "10"), (-2.5, "-2.5"), (100, "100")]
)
def test_numbers_to_a_tenth(value, written):
    assert number(value) == written
