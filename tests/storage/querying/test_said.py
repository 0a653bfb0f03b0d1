"""What is said as text. What it comes to is held in tests/agreement/test_sharing_agreement.py, on both databases."""

from __future__ import annotations

from service.outcomes import labels
from service.outcomes.grants import Effect, Ground
from service.storage.querying import decision, said


def test_numbers_mean_what_the_rule_means_by_them():
    assert list(Effect) == [said.TEAM, said.PLAN, said.YOUNG_PERMIT, said.YOUNG_DENY, said.PARENT_PERMIT,
            said.PARENT_DENY, said.EMERGENCY, said.OF_AGE, said.RESTRICTED]  # fmt: skip
    assert list(Ground)[1:] == [said.DIRECTORY, said.AUTHOR, said.IN_TEAM, said.COORDINATES, said.PERMITTED,
            said.BROKE_GLASS, decision.SERVICE]  # fmt: skip
    assert max(Ground) == said.GROUND < said.WITHHELD
    assert labels.WHEREABOUTS == said.PLACES


def test_all_that_is_said_has_room_in_the_number_of_postgresql():
    bits = [effect.value for effect in Effect]
    bits += [
        said._OF_PLACES + said._KINDS * effect + kind
        for effect in Effect
        for kind in range(said._ALL_LABELS + 1)
    ]
    assert len(set(bits)) == len(bits)
    assert max(bits) < 63  # the last is the sign of a bigint
