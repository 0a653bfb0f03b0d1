from service.fhir.search.sight import Seen, Sight
from service.outcomes.sharing import Ground


def test_of_several_grounds_the_one_is_kept_that_tells_most():
    seen = Seen()
    for ground in (Ground.EMERGENCY, Ground.CONSENT, Ground.TEAM, Ground.PLAN, Ground.TEAM):
        seen.note("ash", ground)
    seen.note("birch", Ground.CONSENT)
    assert seen.children == {"ash": Ground.PLAN, "birch": Ground.CONSENT}
    seen.note("ash", Ground.AUTHOR)
    assert seen.children["ash"] == Ground.AUTHOR


def test_every_ground_has_its_place_among_them():
    seen = Seen()
    for ground in Ground:
        seen.note("ash", Ground.NONE)
        seen.note("ash", ground)
    assert seen.children == {"ash": Ground.AUTHOR}


def test_every_type_is_read_unless_types_are_told():
    assert Sight("camhs").reads("Goal")
    some = Sight("camhs", readable=frozenset({"Goal"}))
    assert some.reads("Goal")
    assert not some.reads("Patient")


def test_eyes_are_told_apart_by_themselves_and_not_by_what_they_see():
    """They stand in queries, which are compared and remembered."""
    one, other = Sight("camhs"), Sight("camhs")
    assert one != other
    assert hash(one) != hash(other)
