from benchmarks.extraction import GOAL, PATIENT, SCORE, floor, variant
from service.fhir.validation.validator import Validator


def test_every_resource_of_a_batch_is_another_and_valid(registry):
    validator = Validator(registry)
    for raw in (SCORE, PATIENT, GOAL):
        resources = [variant(raw, number) for number in range(50)]
        assert len({str(resource) for resource in resources}) == 50
        assert [issue for one in resources for issue in validator.check(one) if issue.is_fault] == []


def test_every_resource_is_worked_on_once():
    seen = []
    assert floor(seen.append, [{"number": number} for number in range(1200)]) > 0
    assert [one["number"] for one in seen] == list(range(1200))
