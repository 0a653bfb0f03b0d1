from benchmarks.validation import bodies
from service.fhir import codec
from service.fhir.validation.validator import Validator


def test_what_is_measured_is_sound_but_for_the_one_that_is_not(registry):
    validator = Validator(registry)
    found = {
        name: [issue.slug for issue in validator.check(codec.decode(body))] for name, body in bodies().items()
    }
    assert found.pop("score with a fault") == ["code-not-in-value-set"]
    assert set(map(tuple, found.values())) == {()}
    assert len(bodies()["Observation score"]) in range(900, 1200)
