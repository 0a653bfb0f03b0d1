from __future__ import annotations

import pytest

from service.fhir.paths.compiled import condition, lifted, like, of_many, of_one, only
from service.fhir.paths.faults import EvaluationError
from service.fhir.paths.nodes import Environment, Node, Scope
from service.fhir.paths.types import BOOLEAN, INTEGER, STRING

SCOPE = Scope(None, None, Environment())


def test_one_and_many_say_the_same():
    some, none = of_one(lambda this, _: this, INTEGER), of_one(lambda _this, _scope: None, INTEGER)
    assert (some.many(7, SCOPE), none.many(7, SCOPE)) == ([7], [])
    several = of_many(lambda this, _: this, None, None)
    assert (several.one([], SCOPE), several.one([7], SCOPE)) == (None, 7)


def test_only_refuses_several():
    with pytest.raises(EvaluationError):
        only(lambda this, _: this)([1, 2], SCOPE)


def test_lifting_makes_nodes_of_raw_elements_alone():
    raw = of_many(lambda this, _: this, "code", frozenset({"code"}))
    node = Node("code", "b", {"id": "x"})
    assert [(one.type, one.value) for one in lifted(raw).many(["a", node], SCOPE)] == [
        ("code", "a"),
        ("code", "b"),
    ]
    system = of_many(lambda this, _: this, None, frozenset({STRING}))
    assert lifted(system) is system


@pytest.mark.parametrize(
    ("items", "truth"),
    [([], None), ([True], True), ([False], False), ([0], True), (["x"], True), ([Node("boolean", False)], False), ([Node("code", "a")], True),
     ([Node("boolean", None)], None)],
)  # fmt: skip
def test_the_truth_of_a_collection(items: list, truth: object):
    assert condition(of_many(lambda this, _: this, None, None))(items, SCOPE) is truth


def test_what_items_may_be():
    known = of_many(lambda this, _: this, None, frozenset({"code", "Quantity"}))
    assert known.may_be(frozenset({STRING}))
    assert not known.may_be(frozenset({BOOLEAN}))
    assert of_many(lambda this, _: this, None, None).may_be(frozenset({BOOLEAN}))
    assert of_many(lambda this, _: this, None, frozenset({"Element"})).may_be(frozenset({BOOLEAN}))


def test_a_part_of_a_collection_is_no_plain_path_any_more(model):
    from service.fhir.paths.compiled import Link
    from service.fhir.paths.navigation import plain_path

    plain = plain_path((Link("name", primitive=False, repeats=True),), "HumanName")
    assert plain.links is not None
    assert like(plain, plain.many).links is None
