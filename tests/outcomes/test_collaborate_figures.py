"""CollaboRATE figures: what stands in them, and what is not shown so that nobody's answers can be worked out."""

from __future__ import annotations

import itertools
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.outcomes.collaborate_figures import (
    LEAST_ENCOUNTERS,
    LEAST_YOUNG_PEOPLE,
    Months,
    counted,
    figures,
    is_enough,
    shown,
    split,
    whole,
)
from service.outcomes.collaborate_scores import score_of
from service.outcomes.rated_contacts import Rated

JANUARY = 2026 * 12
ALL = Months(0, JANUARY + 11)
NAMES = ("jan", "feb", "mar", "apr", "may", "jun")

_numbers = itertools.count(1)


def rated(month=JANUARY, items=(9, 9, 9), clinician="rowan", child=None, top=9):
    """One encounter; of a child of its own where none is named."""
    number = next(_numbers)
    return Rated(
        source=("QuestionnaireResponse", f"r{number}"),
        encounter=("Encounter", f"s{number}"),
        child=("Patient", child or f"child{number}"),
        is_own=True,
        month=month,
        order=(number, f"r{number}"),
        top=top,
        score=score_of(items, top),
        clinician=None if clinician == "-" else ("Practitioner", clinician),
    )


def months(text, clinician="rowan", **more):
    """So many encounters a month, such as `10 0 15`."""
    return [
        rated(JANUARY + index, clinician=clinician, **more)
        for index, count in enumerate(text.split())
        for _ in range(int(count))
    ]


def of_clinician(each):
    return each.clinician


def named(found):
    return " ".join(f"{NAMES[each.first - JANUARY]}-{NAMES[each.last - JANUARY]}" for each in found)


@pytest.mark.parametrize(
    ("encounters", "people", "enough"),
    [
        (24, 24, False),
        (25, 25, True),
        (25, 5, True),
        (25, 4, False),
        (1000, 4, False),
        (25, 1, False),
        (0, 0, False),
    ],
)
def test_a_figure_stands_on_25_encounters_of_five_young_people(encounters, people, enough):
    assert (LEAST_ENCOUNTERS, LEAST_YOUNG_PEOPLE) == (25, 5)
    assert is_enough([rated(child=f"c{n % people}") for n in range(encounters)]) is enough


def test_encounters_of_nobody_are_of_no_young_person():
    unnamed = [rated(child="x") for _ in range(30)]
    assert not is_enough(
        [Rated(**{**{f: getattr(e, f) for f in Rated.__slots__}, "child": None}) for e in unnamed]
    )


@pytest.mark.parametrize(
    ("each_month", "stretches"),
    [
        ("25", "jan-jan"),
        ("24", ""),
        ("24 1", "jan-feb"),
        ("25 25", "jan-jan feb-feb"),
        # few wait for the months after them
        ("10 10 10", "jan-mar"),
        ("30 3", "jan-jan"),
        ("30 3 22", "jan-jan feb-mar"),
        ("0 30", "feb-feb"),
        ("0 10 0 15", "feb-apr"),
        ("12 13 40 24 1", "jan-feb mar-mar apr-may"),
    ],
)
def test_months_with_few_encounters_go_with_those_after_them(each_month, stretches):
    group = whole(months(each_month), ALL.last)
    assert named(stretch.months for stretch in group) == stretches
    assert all(is_enough(stretch.encounters) for stretch in group)


def test_months_that_are_not_over_do_not_count():
    both = months("25 25")
    assert named(stretch.months for stretch in whole(both, JANUARY)) == "jan-jan"
    assert whole(both, JANUARY - 1) == ()


def test_encounters_not_rated_in_full_do_not_count():
    incomplete = [rated(items=(9, None, 9)) for _ in range(25)]
    assert whole(incomplete, ALL.last) == ()
    assert whole([*incomplete, *months("24")], ALL.last) == ()


@pytest.mark.parametrize(
    ("first", "last", "stretches"),
    [
        ("jan", "jun", "jan-feb mar-mar apr-may"),
        ("jan", "feb", "jan-feb"),
        ("feb", "may", "mar-mar apr-may"),
        ("jan", "apr", "jan-feb mar-mar"),
        ("mar", "mar", "mar-mar"),
        ("jan", "jan", ""),
        ("apr", "apr", ""),
    ],
)
def test_a_period_counts_the_stretches_that_lie_in_it_whole(first, last, stretches):
    group = whole(months("12 13 40 24 1"), ALL.last)
    asked = Months(JANUARY + NAMES.index(first), JANUARY + NAMES.index(last))
    assert named(stretch.months for stretch in counted(group, asked)) == stretches


def answers(text):
    """Encounters such as `15x999 10x987 2x9-9`."""
    found = []
    for part in text.split():
        times, _, items = part.partition("x")
        given_ = tuple(None if item == "-" else int(item) for item in items)
        found += [rated(items=given_) for _ in range(int(times))]
    return found


@pytest.mark.parametrize(
    ("given_", "encounters", "top", "mean", "completeness"),
    [
        # 10 of 25 at the top; (10 * 9 + 15 * 8) / 25 = 8.4
        ("10x999 15x888", 25, "40", "8.4", 100),
        ("10x999 15x987", 25, "40", "8.4", 100),
        # 12 of 26 is 46.2 %; (12 * 27 + 14 * 24) / 78 = 8.46
        ("12x999 14x888", 25, "46", "8.5", 100),
        # 14 of 28 and two that were not rated in full: 28 of 30 is 93.3 %
        ("14x999 14x888 2x9-9", 30, "50", "8.5", 93),
        ("15x999 15x000", 30, "50", "4.5", 100),
        # halves go up: 8.25 and 12.5 %
        ("5x999 35x000", 40, "13", "1.1", 100),
        ("27x999 9x666", 35, "75", "8.3", 100),
        # fewer than five on one side: the share is a bound
        ("4x999 21x888", 25, "<20", "8.2", 100),
        ("5x999 20x888", 25, "20", "8.2", 100),
        ("0x999 25x888", 25, "<20", "8.0", 100),
        ("20x999 5x888", 25, "80", "8.8", 100),
        ("21x999 4x888", 25, ">80", "8.8", 100),
        ("25x999", 25, ">80", "9.0", 100),
        ("1x999 29x888", 30, "<17", "8.0", 100),
        ("29x999 1x888", 30, ">83", "9.0", 100),
        # to the nearest five
        ("10x999 17x888", 25, "37", "8.4", 100),
        ("10x999 18x888", 30, "36", "8.4", 100),
        ("24x999", None, None, None, None),
        ("24x999 30x9-9", None, None, None, None),
        ("", None, None, None, None),
    ],
)
def test_what_is_said_of_encounters(given_, encounters, top, mean, completeness):
    encounters_rated = answers(given_)
    found = figures(whole(encounters_rated, ALL.last), ALL, encounters_rated)
    if encounters is None:
        assert found is None
        return
    assert (found.encounters, f"{found.bound}{found.top_share}") == (encounters, top)
    assert (found.mean, found.completeness) == (Decimal(mean), completeness)
    assert found.months == Months(JANUARY, JANUARY)


def test_figures_are_of_the_months_that_are_counted():
    of_winter = [*months("30"), rated(items=(9, None, 9))]
    of_march = [*months("0 0 3"), rated(JANUARY + 2, items=(9, None, 9))]
    found = figures(whole([*of_winter, *of_march], ALL.last), ALL, [*of_winter, *of_march])
    assert found.months == Months(JANUARY, JANUARY)
    assert found.completeness == 97  # 30 of 31: the one of March is not counted


@pytest.mark.parametrize(
    ("clinicians", "rows"),
    [
        # each has enough, nothing is left: all are shown
        ({"ash": 30, "elm": 25}, "ash elm"),
        ({"ash": 30}, "ash"),
        # one has too few: with the smallest of the others it is many
        ({"ash": 60, "elm": 30, "fir": 24}, "ash"),
        ({"ash": 60, "elm": 30, "fir": 1}, "ash"),
        ({"ash": 60, "fir": 1}, ""),
        # those with too few are many together
        ({"ash": 60, "elm": 30, "fir": 24, "oak": 1}, "ash elm"),
        ({"ash": 30, "fir": 13, "oak": 12}, "ash"),
        ({"ash": 30, "fir": 12, "oak": 12}, ""),
        # encounters of several clinicians, or of none, are nobody's row, and are left, too
        ({"ash": 60, "elm": 30, "-": 1}, "ash"),
        ({"ash": 60, "elm": 30, "-": 25}, "ash elm"),
        ({"ash": 60, "-": 24}, ""),
        # two as small: always the same one goes
        ({"ash": 30, "elm": 30, "fir": 3}, "elm"),
    ],
)
def test_what_a_breakdown_does_not_show_is_enough_or_nothing(clinicians, rows):
    all_ = [each for name, count in clinicians.items() for each in months(str(count), name)]
    group = whole(all_, ALL.last)
    assert " ".join(sorted(unit[1] for unit in shown(group, split(group, of_clinician), ALL))) == rows


def test_what_is_left_is_of_five_young_people():
    of_one = [rated(clinician="elm", child="kim") for _ in range(40)]
    all_ = [*months("30", "ash"), *months("30", "oak"), *of_one]
    group = whole(all_, ALL.last)
    assert {unit[1] for unit in shown(group, split(group, of_clinician), ALL)} == {"oak"}


def test_a_unit_counts_in_stretches_of_the_whole():
    all_ = [*months("30 20 5", "ash"), *months("0 5 40", "elm")]
    group = whole(all_, ALL.last)
    units = split(group, of_clinician)
    assert named(stretch.months for stretch in group) == "jan-jan feb-feb mar-mar"
    assert named(stretch.months for stretch in units["Practitioner", "ash"]) == "jan-jan feb-mar"
    assert named(stretch.months for stretch in units["Practitioner", "elm"]) == "feb-mar"


def test_a_breakdown_of_what_is_not_shown_itself_shows_nothing():
    group = whole(months("20 20", "ash"), ALL.last)
    assert shown(group, split(group, of_clinician), Months(JANUARY, JANUARY)) == frozenset()


# Whatever a clinic's months look like, nothing small can be worked out by taking figures from each other.

CLINIC = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["ash", "elm", "fir", "-"]),
        st.sampled_from(["kim", "lee", "max", "noa", "own", "own", "own"]),
        st.integers(1, 20),
    ),
    max_size=24,
)


def clinic(drawn):
    return [
        rated(JANUARY + month, clinician=clinician, child=None if child == "own" else child)
        for month, clinician, child, count in drawn
        for _ in range(count)
    ]


def periods():
    return [Months(JANUARY + first, JANUARY + last) for first in range(6) for last in range(first, 6)]


def ids(stretches):
    return frozenset(each.encounter for stretch in stretches for each in stretch.encounters)


def differs_by_enough(one, other, all_):
    for rest in (one - other, other - one):
        assert not rest or is_enough([all_[encounter] for encounter in rest])


@settings(max_examples=150)
@given(CLINIC)
def test_two_periods_differ_by_nothing_or_by_enough(drawn):
    encounters = clinic(drawn)
    all_ = {each.encounter: each for each in encounters}
    group = whole(encounters, ALL.last)
    for view in (group, *split(group, of_clinician).values()):
        answered = [ids(counted(view, asked)) for asked in periods()]
        for one, other in itertools.combinations(answered, 2):
            differs_by_enough(one, other, all_)


@settings(max_examples=150)
@given(CLINIC)
def test_a_breakdown_leaves_nothing_or_enough(drawn):
    encounters = clinic(drawn)
    all_ = {each.encounter: each for each in encounters}
    group = whole(encounters, ALL.last)
    units = split(group, of_clinician)
    for asked in periods():
        total = ids(counted(group, asked))
        rows = [ids(counted(units[unit], asked)) for unit in shown(group, units, asked)]
        assert all(row and row <= total for row in rows)
        assert all(count == 1 for count in Counter(itertools.chain(*rows)).values())
        differs_by_enough(total, frozenset().union(*rows), all_)


@settings(max_examples=150)
@given(CLINIC)
def test_a_month_later_nothing_that_was_counted_counts_in_another_way(drawn):
    encounters = clinic(drawn)
    for over in range(JANUARY, JANUARY + 5):
        before, after = whole(encounters, over), whole(encounters, over + 1)
        assert after[: len(before)] == before
