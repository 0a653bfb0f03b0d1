from __future__ import annotations

from service.access.rule import sharing_rule
from service.outcomes import withholding
from service.outcomes.sharing import Effect
from tests.conftest import BASE_URL


def test_the_store_is_given_the_clinics_rule(registry):
    rule = sharing_rule(registry, BASE_URL)
    team = {
        "resourceType": "CareTeam",
        "id": "t",
        "status": "active",
        "subject": {"reference": f"{BASE_URL}/Patient/ash"},
        "participant": [{"member": {"reference": "Organization/school"}}],
    }
    told = rule.facts(team)
    assert (told.child, told.closed, told.label) == ("ash", False, 0)
    assert [(row.party, row.effect) for row in told.rows] == [("school", Effect.TEAM)]
    assert rule.facts({**team, "subject": {"reference": "https://elsewhere.example/Patient/ash"}}).closed
    assert rule.masked is withholding.masked
    assert rule.revealing >= withholding.REVEALING | {
        ("Goal", "_source"),
        ("Goal", "_text"),
        ("Goal", "_content"),
    }
    assert all(withholding.reveals(type_, code) for type_, code in rule.revealing)
