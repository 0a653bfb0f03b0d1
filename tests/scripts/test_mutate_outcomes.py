from __future__ import annotations

from scripts.mutate_outcomes import RULES, mutants

EXAMPLE = '''"""A sentence that nobody tests."""

from __future__ import annotations

Answer = Literal["late", "early"]


def is_late(day: int, end: int | None = None) -> bool:
    """Whether it is late."""
    if end is not None and day > end:
        return True
    return not any(("a sentence", "code") == (day, 1))
'''


def test_each_mutant_is_one_change_and_sentences_are_left_alone(tmp_path):
    path = tmp_path / "example.py"
    path.write_text(EXAMPLE)
    made = list(mutants(path))
    assert {mutant.name for mutant in made} == {
        f"example.py: {change}"
        for change in (
            "if end is not None and day > end -> if True",
            "if end is not None and day > end -> if False",
            "end is not None and day > end -> end is not None or day > end",
            "end is not None and day > end -> end is not None",
            "end is not None and day > end -> day > end",
            "end is not None -> end is None",
            "day > end -> day >= end",
            "day > end -> day < end",
            "True -> False",
            "not any(('a sentence', 'code') == (day, 1)) -> any(('a sentence', 'code') == (day, 1))",
            "any -> all",
            "('a sentence', 'code') == (day, 1) -> ('a sentence', 'code') != (day, 1)",
            "'code' -> 'code~'",
            "1 -> 2",
            "1 -> 0",
        )
    }
    sources = [mutant.source() for mutant in made]
    assert len(set(sources)) == len(made)
    assert EXAMPLE not in sources
    assert all("A sentence that nobody tests." in source for source in sources)


def test_there_are_rules_to_change():
    assert sum(1 for path in RULES.glob("*.py") for _ in mutants(path)) > 300
