"""The languages that a chart can be asked for in: English, Welsh and Polish.

Wales has two, and Polish is the language spoken most beside them in England and Wales. The words
are our own; they name the points of the scales and take nothing from the rating sheets.

Source: month names and decimal signs as in Unicode CLDR 46 (https://cldr.unicode.org); Census 2021,
main language, England and Wales; anchors of the scales: domain facts sections 1 and 2.4
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from service.outcomes.series import CLINICIAN, OTHER, PARENT_OR_CARER, YOUNG_PERSON
from service.pages.charts.words import Words

DEFAULT: Final = "en-GB"

_ENGLISH: Final = Words(
    language="en-GB",
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"),
    decimal_sign=".",
    raters={
        YOUNG_PERSON: "Young person",
        PARENT_OR_CARER: "Parent or carer",
        CLINICIAN: "Clinician",
        OTHER: "Somebody else",
    },
    states={"open": "", "on-hold": "on hold", "completed": "completed", "ended": "ended"},
    score_ends={10: "goal reached", 5: "half-way", 0: "no progress"},
    level_ends={
        2: "much better than expected",
        1: "better than expected",
        0: "as expected",
        -1: "less than expected",
        -2: "much less than expected",
    },
    goal="Goal {}",
    goal_without_slot="Goal",
    chart="Progress of goals",
    wording="In these words: {}",
    score_scale="Rated from 0, no progress, to 10, goal reached.",
    level_scale="Levels from \u22122, much less than expected, through 0, as expected, to +2, much better.",
    rated_once="{} (rated once)",
    figures="{}: number of ratings {}; first {} on {}; latest {} on {}; change {}.",
    figures_of_one="{}: rated once, {} on {}.",
    every_rating="Every rating: {}.",
    none="Not rated yet",
    no_goals="No goals to show",
    band="Shaded: less than {} points from the first rating ({}). "
    "A change of {} points or more counts in national figures.",
    missed="Session missed, or goal not rated",
    missed_on="Session missed, or goal not rated, on: {}.",
)

_WELSH: Final = Words(
    language="cy-GB",
    months=("Ion", "Chwef", "Maw", "Ebr", "Mai", "Meh", "Gorff", "Awst", "Medi", "Hyd", "Tach", "Rhag"),
    decimal_sign=".",
    raters={
        YOUNG_PERSON: "Person ifanc",
        PARENT_OR_CARER: "Rhiant neu ofalwr",
        CLINICIAN: "Clinigydd",
        OTHER: "Rhywun arall",
    },
    states={
        "open": "",
        "on-hold": "wedi\u2019i oedi",
        "completed": "wedi\u2019i gwblhau",
        "ended": "wedi dod i ben",
    },
    score_ends={10: "nod wedi\u2019i gyrraedd", 5: "hanner ffordd", 0: "dim cynnydd"},
    level_ends={
        2: "llawer gwell na\u2019r disgwyl",
        1: "gwell na\u2019r disgwyl",
        0: "yn ôl y disgwyl",
        -1: "llai na\u2019r disgwyl",
        -2: "llawer llai na\u2019r disgwyl",
    },
    goal="Nod {}",
    goal_without_slot="Nod",
    chart="Cynnydd tuag at nodau",
    wording="Yn y geiriau hyn: {}",
    score_scale="Sgôr o 0, dim cynnydd, i 10, nod wedi\u2019i gyrraedd.",
    level_scale="Lefelau o \u22122, llawer llai na\u2019r disgwyl, drwy 0, yn ôl y disgwyl, i +2, llawer gwell.",
    rated_once="{} (un sgôr)",
    figures="{}: nifer y sgoriau {}; cyntaf {} ar {}; diweddaraf {} ar {}; newid {}.",
    figures_of_one="{}: un sgôr, {} ar {}.",
    every_rating="Pob sgôr: {}.",
    none="Dim sgôr eto",
    no_goals="Dim nodau i\u2019w dangos",
    band="Ardal wedi\u2019i lliwio: llai na {} phwynt o\u2019r sgôr gyntaf ({}). "
    "Mae newid o {} phwynt neu fwy yn cyfrif yn y ffigurau cenedlaethol.",
    missed="Sesiwn wedi\u2019i cholli, neu nod heb sgôr",
    missed_on="Sesiwn wedi\u2019i cholli, neu nod heb sgôr, ar: {}.",
)

_POLISH: Final = Words(
    language="pl-PL",
    months=("sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź", "lis", "gru"),
    decimal_sign=",",
    raters={
        YOUNG_PERSON: "Młoda osoba",
        PARENT_OR_CARER: "Rodzic lub opiekun",
        CLINICIAN: "Terapeuta",
        OTHER: "Ktoś inny",
    },
    states={"open": "", "on-hold": "wstrzymany", "completed": "zakończony", "ended": "przerwany"},
    score_ends={10: "cel osiągnięty", 5: "w połowie drogi", 0: "brak postępu"},
    level_ends={
        2: "znacznie lepiej, niż oczekiwano",
        1: "lepiej, niż oczekiwano",
        0: "zgodnie z oczekiwaniami",
        -1: "mniej, niż oczekiwano",
        -2: "znacznie mniej, niż oczekiwano",
    },
    goal="Cel {}",
    goal_without_slot="Cel",
    chart="Postępy w realizacji celów",
    wording="W tych słowach: {}",
    score_scale="Ocena od 0, brak postępu, do 10, cel osiągnięty.",
    level_scale="Poziomy od \u22122, znacznie mniej, niż oczekiwano, przez 0, zgodnie z oczekiwaniami, "
    "do +2, znacznie lepiej.",
    rated_once="{} (jedna ocena)",
    figures="{}: liczba ocen {}; pierwsza {} ({}); ostatnia {} ({}); zmiana {}.",
    figures_of_one="{}: jedna ocena, {} ({}).",
    every_rating="Wszystkie oceny: {}.",
    none="Jeszcze bez oceny",
    no_goals="Brak celów do pokazania",
    band="Obszar zacieniony: mniej niż {} punkty od pierwszej oceny ({}). "
    "W statystykach krajowych liczy się zmiana o co najmniej {} punkty.",
    missed="Opuszczona sesja lub cel bez oceny",
    missed_on="Opuszczona sesja lub cel bez oceny: {}.",
)

LOCALES: Final[Mapping[str, Words]] = MappingProxyType(
    {words.language: words for words in (_ENGLISH, _WELSH, _POLISH)}
)


def find(tag: str) -> Words | None:
    """The words for a language tag such as `cy-GB` or `cy`; None where there are none.

    Source: https://www.rfc-editor.org/rfc/rfc4647#section-3.4 (lookup), by the language alone
    """
    language = tag.replace("_", "-").lower().partition("-")[0]
    return next((words for name, words in LOCALES.items() if name.partition("-")[0] == language), None)
