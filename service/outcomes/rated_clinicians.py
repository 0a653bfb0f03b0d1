"""CollaboRATE is not shown to whom it rates: what must hold of answers and scores for a clinician to see them.

Young people answer freely only where the clinician of the contact does not read it. Figures of
many contacts are shown, of enough that no answer can be told from them (`rated_contacts.py`).

Source: domain facts section 4 (the clinician must not see answers), docs/rules.md
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from service.fhir.search.expressions import (
    Chain,
    Expression,
    Has,
    Ids,
    Not,
    Or,
    Reference,
    Token,
)
from service.outcomes.rated_contacts import FORMS
from service.outcomes.recognition import COLLABORATE

PRACTITIONER: Final = "Practitioner"
ROLE: Final = "PractitionerRole"
_SCORE: Final = Token("code", COLLABORATE, None)
# A response is one by its form, or by the scores that came from it where its form is another's.
_RESPONSE: Final = Or(
    (
        *(Reference("questionnaire", "", form) for form in FORMS.values()),
        Has("Observation", "derived-from", _SCORE),
    )
)
_NOBODY: Final[Mapping[str, Expression]] = MappingProxyType({})


def unrated(user: tuple[str, str] | None) -> Mapping[str, Expression]:
    """By type, what must hold of a resource that the user (type and id) may see; empty for who rates nobody's work.

    A CollaboRATE answer or score is seen only where its encounter is known, and the user had no part
    in it, neither by name nor in a role.
    """
    if user is None or user[0] not in {PRACTITIONER, ROLE}:
        return _NOBODY
    elsewhere = Chain("encounter", "Encounter", Not(_took_part(*user)))
    return {
        "QuestionnaireResponse": Or((Not(_RESPONSE), elsewhere)),
        "Observation": Or((Not(_SCORE), elsewhere)),
    }


def _took_part(type_: str, id_: str) -> Expression:
    """True of an Encounter in which that person took part: by name, or in any role of theirs."""
    named = Reference("participant", type_, id_)
    if type_ == PRACTITIONER:
        return Or((named, Chain("participant", ROLE, Reference("practitioner", PRACTITIONER, id_))))
    in_this_role = Has(ROLE, "practitioner", Ids(frozenset({id_})))
    return Or(
        (
            named,
            Chain("participant", PRACTITIONER, in_this_role),
            Chain("participant", ROLE, Chain("practitioner", PRACTITIONER, in_this_role)),
        )
    )
