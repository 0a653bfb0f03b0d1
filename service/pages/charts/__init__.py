"""Charts of goals: what was rated, drawn as SVG and, from that, as PNG.

Pure drawing: what is drawn is given (`pictures`), and nothing is read but the fonts that come
along. `drawing` makes the SVG, `raster` makes it ready for PNG, and `pixels` draws that.

Source: domain facts section 7 (lines at 0, 5 and 10; a chart a goal with baseline and threshold band;
young person and parent side by side), https://www.w3.org/TR/SVG2/, https://www.w3.org/TR/WCAG22/
"""
