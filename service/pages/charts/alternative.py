"""The chart in words: what it shows, with every figure, for whoever does not see it.

Source: https://www.w3.org/TR/SVG2/struct.html#DescriptionAndTitleElements,
https://www.w3.org/TR/graphics-aria-1.0/, https://www.w3.org/TR/WCAG22/#non-text-content
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from service.outcomes.series import SCORE
from service.pages.charts import lettering
from service.pages.charts.pictures import Chart, Line, Panel
from service.pages.charts.plots import crossed
from service.pages.charts.words import Words

# As much of a wording as is read out; a goal is a sentence or a few.
MOST_LETTERS: Final = 2_000


def title(chart: Chart, words: Words) -> str:
    """What the chart is called: its goal, where it shows one."""
    if len(chart.panels) != 1:
        return words.chart
    [panel] = chart.panels
    return f"{words.chart}: {words.goal_name(panel.slot)}"


def description(chart: Chart, words: Words) -> str:
    """The chart in sentences, a goal to a paragraph."""
    return "\n".join(_goal(panel, words) for panel in chart.panels) or words.no_goals


def _goal(panel: Panel, words: Words) -> str:
    state = words.states[panel.state]
    name = words.goal_name(panel.slot) + (f" ({state})" if state else "")
    told = [f"{name}.", *_wording(panel, words)]
    told.append(words.score_scale if panel.kind == SCORE else words.level_scale)
    if panel.drawn:
        told += [_line(panel, line, words) for line in panel.drawn]
    else:
        told.append(f"{words.none}.")
    days = crossed(panel)
    if days:
        told.append(words.missed_on.format("; ".join(words.day(day) for day in days)))
    return " ".join(told)


def _wording(panel: Panel, words: Words) -> Iterator[str]:
    wording = lettering.clean(panel.wording[:MOST_LETTERS])
    if wording:
        said = words.wording.format(wording)
        yield said if said.endswith((".", "!", "?", "…")) else f"{said}."


def _line(panel: Panel, line: Line, words: Words) -> str:
    show = words.number if panel.kind == SCORE else words.signed
    who = words.who(line.rater, line.number)
    first, last = line.marks[0], line.marks[-1]
    if len(line.marks) == 1:
        return words.figures_of_one.format(who, show(first.value), words.day(first.day))
    change = words.signed(last.value - first.value)
    told = words.figures.format(
        who,
        len(line.marks),
        show(first.value),
        words.day(first.day),
        show(last.value),
        words.day(last.day),
        change,
    )
    every = "; ".join(f"{words.day(mark.day)}: {show(mark.value)}" for mark in line.marks)
    return f"{told} {words.every_rating.format(every)}"
