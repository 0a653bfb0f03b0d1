from random import Random

import pytest
from fhir.resources.R4B import get_fhir_model_class

from benchmarks import resources
from benchmarks.resources import Circle

U = "0196b2f0-7a3c-7b1e-9c55-0242ac120002"
AROUND = Circle(
    *(f"{type_}/{U}" for type_ in ("Patient", "Practitioner", "Organization", "Encounter", "Goal"))
)

BUILDERS = {
    "organization": lambda _: resources.organization(),
    "practitioner": lambda _: resources.practitioner(),
    "encounter": lambda _: resources.encounter(AROUND),
    "patient": lambda random: resources.patient(random, AROUND.organization),
    "goal": lambda random: resources.goal(random, AROUND),
    "goal of a slot": lambda random: resources.goal(random, AROUND, slot=random.randrange(1, 4)),
    "score": lambda random: resources.score(random, AROUND),
    "response": lambda random: resources.response(random, AROUND),
    "session": lambda random: resources.session(random, AROUND),
}
# Bytes, as the benchmarks' descriptions have them.
SIZES = {"patient": (700, 900), "goal": (900, 1300), "score": (900, 1200), "response": (1400, 4000)}


def built(kind, count=40):
    random = Random(kind)
    return [BUILDERS[kind](random) for _ in range(count)]


@pytest.mark.parametrize("kind", BUILDERS)
def test_a_second_opinion_finds_them_valid(kind):
    for resource in built(kind):
        get_fhir_model_class(resource["resourceType"]).model_validate_json(resources.encode(resource))


@pytest.mark.parametrize("kind", BUILDERS)
def test_our_own_validation_finds_nothing(kind, registry):
    from service.fhir import artefacts
    from service.fhir.codec import decode
    from service.fhir.terminology import Terminology
    from service.fhir.validation.validator import Validator

    guide = artefacts.load()
    validator = Validator(registry, guide, Terminology(registry, guide))
    for resource in built(kind):
        assert validator.check(decode(resources.encode(resource))) == []


@pytest.mark.parametrize("kind", SIZES)
def test_they_are_of_realistic_size(kind):
    least, most = SIZES[kind]
    assert all(least <= len(resources.encode(resource)) <= most for resource in built(kind))


@pytest.mark.parametrize("kind", BUILDERS)
def test_each_has_the_mark_of_its_serial_and_stays_as_long(kind):
    from benchmarks.scenarios import Serials

    for resource in built(kind, 5):
        body = resources.encode(resource)
        serials = Serials(7)
        first, second = serials.stamp(body), serials.stamp(body)
        assert len({body, first, second}) == 3
        assert len(body) == len(first) == len(second)


def test_decimals_keep_their_digits():
    bodies = b"".join(resources.encode(resource) for resource in built("score", 200))
    assert b'0,"unit"' in bodies
    assert b'.00,"unit"' in bodies


def test_a_session_is_one_response_and_four_scores_that_derive_from_it():
    [bundle] = built("session", 1)
    response, *scores = bundle["entry"]
    assert response["resource"]["resourceType"] == "QuestionnaireResponse"
    assert len(scores) == 4
    assert all(score["resource"]["derivedFrom"] == [{"reference": response["fullUrl"]}] for score in scores)
    assert len({entry["fullUrl"] for entry in bundle["entry"]}) == 5


def test_the_same_seed_gives_the_same_bytes():
    assert built("response") == built("response")
