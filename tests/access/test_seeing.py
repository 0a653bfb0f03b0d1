"""With which eyes a caller looks, by what the act needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.callers import SANDBOX_CALLER, Caller
from service.access.needs import NOTHING, Need, Needs, of, together
from service.access.scopes import read_scopes
from service.access.seeing import sight
from service.fhir.registry import Registry
from service.fhir.search.asked import Setting
from service.fhir.search.expressions import And, Expression, Or, Token
from service.fhir.search.sight import Sight
from service.outcomes.rated_clinicians import unrated
from tests.conftest import BASE_URL

SURVEY = Token("category", None, "survey")
TAGGED = Token("_tag", None, "a")


def seen(registry: Registry, text: str | None, needs: Needs, **told: object) -> Sight:
    scopes = None if text is None else read_scopes(Setting(registry, BASE_URL, now=0), text)
    caller = replace(
        Caller("epr", "camhs", sectors=frozenset({"health"}), purpose="ETREAT", scopes=scopes), **told
    )
    found = sight(registry, caller, needs)
    assert found is not None
    assert sight(registry, caller, needs) is found
    return found


def test_administrators_see_everything_that_their_token_leaves(registry: Registry) -> None:
    assert sight(registry, SANDBOX_CALLER, of("read", "Goal")) is None
    narrowed = seen(registry, "system/Goal.rs", of("read", "Goal"), administrator=True)
    assert narrowed.every
    assert narrowed.readable == {"Goal"}


def test_without_scopes_the_agency_is_all_there_is_to_it(registry: Registry) -> None:
    found = seen(registry, None, of("read", "Goal"))
    assert (found.agency, found.sectors, found.purpose) == ("camhs", {"health"}, "ETREAT")
    assert (found.narrowed, found.readable, found.every) == ({}, None, False)


@pytest.mark.parametrize(
    ("interaction", "narrowed"),
    [("read", {"Observation": SURVEY}), ("search-type", {"Observation": TAGGED})],
)
def test_what_is_read_is_narrowed_as_for_reading_and_what_is_searched_as_for_searching(
    registry: Registry, interaction: str, narrowed: dict[str, Expression]
) -> None:
    text = "system/Observation.r?category=survey system/Observation.s?_tag=a system/Patient.r system/Goal.c"
    found = seen(registry, text, of(interaction, "Observation"))
    assert found.narrowed == narrowed
    assert found.readable == {"Observation", "Patient"}


def test_what_an_operation_reads_and_searches_must_fit_both(registry: Registry) -> None:
    text = "system/Observation.r?category=survey system/Observation.s?_tag=a"
    found = seen(registry, text, Needs((Need("Observation", "rs"),)))
    assert found.narrowed == {"Observation": And((SURVEY, TAGGED))}


def test_search_of_everything_shows_what_may_be_searched_alone(registry: Registry) -> None:
    text = "system/Patient.r system/Goal.s system/Observation.r system/Observation.s?_tag=a"
    found = seen(registry, text, of("search-system", ""))
    assert found.readable == {"Goal", "Observation"}
    assert found.narrowed == {"Observation": TAGGED}


def test_who_writes_sees_of_other_types_what_the_agency_may(registry: Registry) -> None:
    text = "system/Goal.cu?_tag=a system/Patient.r?_tag=b"
    found = seen(registry, text, of("update", "Goal"))
    assert found.readable is None
    assert found.narrowed == {"Goal": TAGGED}
    assert seen(registry, text, of("create", "Goal")).narrowed == {}


def test_condition_of_a_change_is_asked_of_what_may_be_searched_and_changed(registry: Registry) -> None:
    text = "system/Goal.u?_tag=a system/Goal.s?category=survey system/Patient.r?_tag=a system/Flag.c"
    found = seen(registry, text, of("update", "Goal", conditional=True))
    assert found.readable == {"Goal", "Patient"}
    assert found.narrowed == {"Goal": And((TAGGED, SURVEY)), "Patient": TAGGED}


def test_changes_of_several_entries_are_narrowed_by_all_their_letters(registry: Registry) -> None:
    text = "system/Goal.u?_tag=a system/Goal.d?category=survey system/Flag.d"
    found = seen(registry, text, together([of("update", "Goal"), of("delete", "Flag")]))
    assert found.narrowed == {"Goal": And((TAGGED, SURVEY))}


def test_scopes_of_one_type_are_alternatives(registry: Registry) -> None:
    text = "system/Observation.r?category=survey system/Observation.r?_tag=a"
    found = seen(registry, text, of("read", "Observation"))
    assert found.narrowed == {"Observation": Or((SURVEY, TAGGED))}


def test_what_asks_for_nothing_shows_what_may_be_read(registry: Registry) -> None:
    assert seen(registry, "system/Goal.r system/Flag.c", NOTHING).readable == {"Goal"}


def test_clinician_is_not_shown_what_rates_them_whatever_the_token_allows(registry: Registry) -> None:
    user = ("Practitioner", "one")
    hidden = unrated(user)
    for text in (None, "system/*.cruds"):
        found = seen(registry, text, of("search-type", "Goal"), user=user)
        assert found.narrowed == hidden
    narrowed = seen(registry, "system/Observation.r?_tag=a", of("read", "Observation"), user=user)
    assert narrowed.narrowed["Observation"] == And((hidden["Observation"], TAGGED))
    assert seen(registry, None, of("read", "Goal"), user=user, administrator=True).narrowed == hidden
    assert seen(registry, None, of("read", "Goal"), user=("Patient", "young")).narrowed == {}
