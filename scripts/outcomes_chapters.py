"""Which tests of the rules docs/outcomes.md prints, in which order, and under which headings.

Source: docs/outcomes.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

INTRODUCTION: Final = """\
# What the rules say

The rules by which goals, scores, CollaboRATE, groupings and plans are counted, case by case. Each table is printed from the test that holds it (`make outcomes`), and a test keeps this page equal to them, so that what stands here is what the program does. What may not be stored at all is in [rules](rules.md); how to ask for figures is in [operations](operations/).

Everybody in the tables is invented: Ash and Bramble are young people, Mum and Dad Ash's parents, Rowan, Sage, Hazel, Fern and Moss clinicians, the trust and the school agencies."""


# What stands in a cell where there is nothing.
NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, the argument of the test that stands in it, and the way to show it, if it has one."""

    heading: str
    argument: str
    way: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its title, `module::test`, its columns, and what must be said before it."""

    title: str
    test: str
    columns: tuple[Column, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter: its title, what must be said before its tables, and these."""

    title: str
    text: str
    tables: tuple[Table, ...]


def side_by_side(texts: list[str]) -> str:
    """Several texts in one cell, told apart."""
    return " · ".join(texts)


def who(target: tuple[str, str]) -> str:
    """The id of whom a reference leads to, which is their name in the tests."""
    return target[1]


def people(references: list[dict[str, Any]]) -> str:
    """Types of whom references lead to, or say that they do."""
    found = [each.get("type", each.get("reference", "somebody")).partition("/")[0] for each in references]
    return ", ".join(found)


def slugs(issues: list[tuple[str, Any]]) -> str:
    """The slugs of issues."""
    return ", ".join(f"`{slug}`" for slug, _ in issues)


def dated(scores: list[tuple[str, int]]) -> str:
    """Scores with their days of 2026."""
    return ", ".join(f"{value} on {day}" for day, value in scores)


def dated_one(score: tuple[str, str] | None) -> str | None:
    """A score with its day of 2026."""
    return None if score is None else f"{score[1]} on {score[0]}"


def rated(scores: list[tuple[str, str | None]]) -> str:
    """Scores with their days, missed ones among them."""
    return ", ".join(f"{'missed' if value is None else value} on {day}" for day, value in scores)


def of_raters(views: list[tuple[str, str, int, int, int]]) -> str:
    """What each rater's measures come to, with how many improved, deteriorated and did not change."""
    return "; ".join(
        f"{rater}: {verdict} ({up} up, {down} down, {same} same)" for rater, verdict, up, down, same in views
    )


def of_attainment(rows: list[tuple[Any, ...]]) -> str:
    """Baseline T, latest T and their difference in each rater's view."""
    return "; ".join(
        f"{rater}: {' to '.join(str(each or NONE) for each in (before, after))} ({change or NONE})"
        for rater, _, _, before, after, change, _ in rows
    )


def figure(text: str) -> str:
    """A figure, or that there is none."""
    return NONE if text == str(None) else text


def counts(numbers: dict[str, int]) -> str:
    """Names with their numbers."""
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


def by_both_rules(verdicts: tuple[str, str]) -> str:
    """The verdicts of both rules on goals."""
    return f"mean rule {verdicts[0]}, slot rule {verdicts[1]}"


def corrected(changes: dict[str, tuple[str, str]]) -> str | None:
    """Which rating was given which score and status afterwards."""
    found = [f"rating {id_[-1]} is {value}, {status}" for id_, (value, status) in changes.items()]
    return ", ".join(found) or None


GOALS: Final = Chapter(
    "Goals",
    "Two rules say whether goals have moved, and they disagree; whoever shows a verdict says by which. By the"
    " **mean rule** (Edbrooke-Childs 2015, as CORC has it) the mean change of the goals that were rated twice is"
    " more than 2.45, strictly. By the **slot rule** (NHS England) each goal stands for itself and has moved by 3"
    " or more; all together have deteriorated where one has. A goal that was not rated twice is left out, and 0"
    " is a score. Goals stand as their ratings, a week apart: `2 - 6` was rated 2, then missed, then rated 6.",
    (
        Table(
            "A young person's goals by both rules",
            "test_progress::test_what_the_young_persons_scores_say",
            (
                Column("case", "what"),
                Column("goals", "goals", side_by_side),
                Column("rated twice", "number"),
                Column("change in all", "total"),
                Column("mean", "mean", figure),
                Column("mean rule", "mean_rule"),
                Column("slot rule", "slot_rule"),
            ),
        ),
        Table(
            "Goals that are replaced, slots used again, code sets switched",
            "test_goals_and_codes::test_the_slot_rule_by_goal_and_by_code",
            (
                Column("case", "what"),
                Column("ratings", "ratings"),
                Column("by goal", "by_goal"),
                Column("by code, as national figures pair", "by_code"),
                Column("cautions", "warned"),
            ),
            "A rating stands as goal, code and score: `new-1` is the newer code of slot 1, `old-1` the older one.",
        ),
        Table(
            "Late corrections",
            "test_progress::test_late_corrections",
            (
                Column("case", "what"),
                Column("afterwards", "corrected", corrected),
                Column("change", "total"),
                Column("verdicts", "verdicts", by_both_rules),
            ),
            "A goal was rated 2 (rating 0), 4 (rating 1) and 6 (rating 2).",
        ),
        Table(
            "Whose rating it is",
            "test_series::test_raters",
            (Column("code", "what"), Column("counts as", "rater")),
        ),
    ),
)

ATTAINMENT: Final = Chapter(
    "Goal attainment scaling",
    "Five levels from -2 to +2, 0 being what was expected."
    " `T = 50 + 10 * sum(w * x) / sqrt((1 - rho) * sum(w^2) + rho * sum(w)^2)` with rho = 0.3, to two places.",
    (
        Table(
            "T of levels and weights",
            "test_attainment::test_t_of_levels_and_weights",
            (Column("levels", "levels"), Column("weights", "weights"), Column("T", "t")),
        ),
        Table(
            "Baseline and latest in each rater's view",
            "test_attainment::test_what_each_rater_s_goals_come_to",
            (Column("ratings", "ratings"), Column("T from and to, and the change", "rows", of_attainment)),
            "A rating stands as goal, code, who and level; B is the code of a baseline, y, c and p are those of"
            " follow-ups by the young person, a caregiver and a practitioner.",
        ),
    ),
)

COLLABORATE: Final = Chapter(
    "CollaboRATE",
    "Three answers on one of two scales, 0 to 9 or 0 to 4, which are never mixed. Who is rated is never shown"
    " one person's answers.",
    (
        Table(
            "One response",
            "test_collaborate_scores::test_a_complete_response",
            (
                Column("answers", "items"),
                Column("top of the scale", "top"),
                Column("mean", "mean"),
                Column("all at the top", "all_at_top"),
            ),
        ),
        Table(
            "Responses without a score",
            "test_collaborate_scores::test_a_response_without_a_score",
            (Column("answers", "items"), Column("top of the scale", "top")),
        ),
        Table(
            "How many a figure stands on",
            "test_collaborate_figures::test_a_figure_stands_on_25_encounters_of_five_young_people",
            (
                Column("complete encounters", "encounters"),
                Column("young people", "people"),
                Column("shown", "enough"),
            ),
        ),
        Table(
            "Months that wait for those after them",
            "test_collaborate_figures::test_months_with_few_encounters_go_with_those_after_them",
            (
                Column("encounters each month from January", "each_month"),
                Column("counted together", "stretches"),
            ),
        ),
        Table(
            "What is said of many",
            "test_collaborate_figures::test_what_is_said_of_encounters",
            (
                Column("answers", "given_"),
                Column("encounters", "encounters"),
                Column("top score, %", "top"),
                Column("mean", "mean"),
                Column("answered in full, %", "completeness"),
            ),
            "`10x999` are ten encounters that were rated 9, 9 and 9.",
        ),
        Table(
            "Which clinicians a breakdown shows",
            "test_collaborate_figures::test_what_a_breakdown_does_not_show_is_enough_or_nothing",
            (Column("encounters", "clinicians", counts), Column("shown", "rows")),
        ),
    ),
)

MEASURES: Final = Chapter(
    "Other measures",
    "In the mode `clinical` a measure is read as a clinician would; in the mode `nhse-parity` as England's metric"
    " has it, wrong way round where that is so. [$measures](operations/measures.md) says how they differ.",
    (
        Table(
            "Clinically",
            "test_measure_changes::test_what_became_of_a_measure",
            (
                Column("measure", "code"),
                Column("given by", "by", who),
                Column("first", "first"),
                Column("last", "last"),
                Column("change", "moved"),
                Column("verdict", "verdict"),
            ),
        ),
        Table(
            "T scores of RCADS",
            "test_norms::test_t_scores",
            (Column("score", "raw"), Column("T", "t_score")),
            "Depression of a boy of 8: mean 8.25, standard deviation 4.09.",
        ),
        Table(
            "RCADS is judged on T scores",
            "test_measure_changes::test_rcads_is_judged_on_t_scores",
            (
                Column("the threshold of 17.73 points is", "threshold_is"),
                Column("first", "first"),
                Column("last", "last"),
                Column("verdict", "verdict"),
            ),
            "Depression of a girl of 13, whose standard deviation is 3.91.",
        ),
        Table(
            "Which scores the metric compares",
            "test_national::test_pairs_within_a_referral",
            (
                Column("case", "what"),
                Column("scores", "given", dated),
                Column("first", "first", dated_one),
                Column("last", "last", dated_one),
            ),
            "Contacts that count on 1 and 8 February 2026, closed on 30 May.",
        ),
        Table(
            "What the metric says",
            "test_national::test_what_the_metric_says",
            (
                Column("measure", "code"),
                Column("given by", "by", who),
                Column("first", "first"),
                Column("last", "last"),
                Column("counts as", "rater"),
                Column("verdict", "verdict"),
                Column("cautions", "cautions"),
            ),
        ),
        Table(
            "What a rater's measures come to",
            "test_national::test_what_all_measures_of_a_rater_come_to",
            (Column("case", "what"), Column("view", "told", of_raters)),
        ),
        Table(
            "Which referrals the metric leaves out",
            "test_national::test_why_the_metric_leaves_a_referral_out",
            (Column("case", "what"), Column("given", "given"), Column("reasons", "reasons")),
            "Born on 10 March 2012, received on 5 January 2026, closed on 30 May; the period is May 2026.",
        ),
    ),
)

GROUPINGS: Final = Chapter(
    "Needs-based groupings",
    "A grouping says what is needed for a time, and has no order.",
    (
        Table(
            "One at a time",
            "test_groupings::test_one_grouping_at_a_time",
            (Column("another grouping", "what"), Column("refused", "refused")),
            "Ash was in one from 10 March to 1 June 2026.",
        ),
        Table(
            "The grouping of a day",
            "test_grouping_history::test_the_grouping_of_a_day",
            (Column("day", "on"), Column("grouping", "which")),
            "One lasted from 5 January to 10 March 2026 (winter), one from 10 March to 1 June (spring), one since"
            " 1 September (autumn).",
        ),
        Table(
            "Chosen together",
            "test_grouping_history::test_who_chose_it",
            (Column("performers", "performers", people), Column("together", "together")),
        ),
    ),
)

PLANS: Final = Chapter(
    "THRIVE plans",
    "One person and one agency coordinate at a time.",
    (
        Table(
            "One coordinator at a time",
            "test_plans::test_one_coordinator_at_a_time",
            (Column("another plan", "what"), Column("refused", "refused")),
            "Ash has a plan from 10 March to 1 June 2026, coordinated by Fern of the trust.",
        ),
        Table(
            "What may be handed over",
            "test_handovers::test_what_may_be_handed_over",
            (Column("case", "what"), Column("refused with", "issues", slugs)),
            "The plan began on 1 September 2026, with Fern of the trust; today is 27 November.",
        ),
        Table(
            "Who is in the circle",
            "test_circles::test_who_is_in_the_circle",
            (Column("the school is", "what"), Column("in it", "included")),
            "Today is 27 November 2026.",
        ),
        Table(
            "An episode that could be reopened",
            "test_episodes::test_a_new_episode_beside_one_that_ended",
            (Column("a new episode", "what"), Column("warned of", "warned")),
            "Ash had help from the trust, which has ended.",
        ),
    ),
)

WORKLISTS: Final = Chapter(
    "Worklists",
    "Lists of 27 November 2026.",
    (
        Table(
            "When help ends soon",
            "test_closing::test_when_help_ends_soon",
            (
                Column("type", "type_"),
                Column("status", "status"),
                Column("end", "end"),
                Column("days ahead", "days"),
                Column("ends", "ends"),
            ),
        ),
        Table(
            "Plans past review",
            "test_overdue_reviews::test_when_a_plan_is_past_its_review",
            (
                Column("review", "review"),
                Column("status", "status"),
                Column("days at least", "days"),
                Column("days overdue", "late"),
            ),
        ),
        Table(
            "Goals not rated",
            "test_unrated_goals::test_how_long_ago_a_goal_was_rated",
            (
                Column("ratings", "ratings", rated),
                Column("days at least", "days"),
                Column("days since", "since"),
            ),
        ),
    ),
)

CHAPTERS: Final = (GOALS, ATTAINMENT, COLLABORATE, MEASURES, GROUPINGS, PLANS, WORKLISTS)
