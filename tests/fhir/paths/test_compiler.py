from __future__ import annotations

import pytest

from service.fhir.paths import Dialect, Environment, EvaluationError, PathError, compile_path


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("nonsense", "Patient has no element nonsense"),
        ("name.nonsense", "HumanName has no element nonsense"),
        ("Encounter.status", "Patient has no element Encounter"),
        ("deceasedBoolean", "Patient has no element deceasedBoolean"),
        ("name.given.family", "string has no element family"),
        ("deceased.start", "has no element start"),
        ("birthDate.value", "date has no element value"),
        ("nonsense()", "no function nonsense"),
        ("name.first(1)", "first() does not take 1 arguments"),
        ("name.where()", "where() does not take 0 arguments"),
        ("%nonsense", "no variable %nonsense"),
        ("name.select(given.nonsense)", "string has no element nonsense"),
        ("4 days.nonsense", "System.Quantity has no element nonsense"),
        ("name.conformsTo('x')", "conformsTo() needs profiles"),
        ("gender.memberOf('x')", "memberOf() needs a terminology"),
        ("gender.subsumes(gender)", "subsumes() needs a terminology"),
    ],
)
def test_what_cannot_be_compiled_says_why(expression: str, said: str, model):
    with pytest.raises(PathError) as caught:
        compile_path(expression, model, "Patient")
    assert said in str(caught.value)


def test_the_place_of_the_fault_is_told(model):
    with pytest.raises(PathError) as caught:
        compile_path("name.where(use = 'usual').nonsense", model, "Patient")
    assert caught.value.position == 26


@pytest.mark.parametrize("context", ["Nonsense", "Observation.nonsense"])
def test_a_context_that_there_is_not(context: str, model):
    with pytest.raises(PathError):
        compile_path("id", model, context)


@pytest.mark.parametrize("head", ["Patient", "DomainResource", "Resource"])
def test_a_path_may_begin_with_the_type_of_its_context(head: str, patient, evaluate):
    assert evaluate(f"{head}.id", patient) == ["p1"]


def test_an_element_goes_before_a_type_of_its_name(evaluate):
    assert evaluate("url", {"url": "x"}, "Extension") == ["x"]


def test_contexts_below_the_resource(observation, patient, evaluate):
    assert evaluate("code.text", observation["component"][0], "Observation.component") == ["first"]
    assert evaluate("HumanName.given", patient["name"][0], "HumanName") == ["Testgiven", "Second"]
    assert evaluate("$this + 'x'", "a", "string") == ["ax"]


def test_resources_of_any_type(observation, patient, evaluate):
    assert evaluate("id", observation, None) == ["o1"]
    assert evaluate("Observation.value.code", observation, None) == ["mg"]
    assert evaluate("Observation.value.code", patient, None) == []


def test_one_of_several_types(model):
    path = compile_path("low.empty() or low.code = '%'", model, frozenset({"Range", "decimal"}))
    from service.fhir.paths import Node

    assert path.holds(Node("decimal", 1)) is True
    assert path.holds(Node("Range", {"low": {"code": "mg"}})) is False
    with pytest.raises(PathError):
        compile_path("nonsense", model, frozenset({"Range", "decimal"}))


def test_what_is_too_long_is_refused(model):
    expression = "1"
    for _ in range(5):
        expression = f"coalesce({','.join([expression] * 8)})"
    with pytest.raises(PathError, match="too long"):
        compile_path(expression, model, "Basic")


def test_arguments_see_the_this_around_the_call(patient, evaluate):
    assert evaluate("name.select(given.combine($this.use))", patient) == [
        "Testgiven",
        "Second",
        "official",
        "Nick",
        None,
        "usual",
    ]
    assert evaluate("name.first().subsetOf($this.name)", patient) == [True]


def test_evaluation_leaves_no_trace_of_a_failed_one(model, patient):
    path = compile_path(
        "name.select(iif($index = 1, given.single(), 'x'))", model, "Patient", dialect=Dialect()
    )
    for _ in range(2):
        with pytest.raises(EvaluationError):
            path.values(patient, Environment())


def test_what_is_the_same_for_every_item_is_evaluated_once(model, patient):
    told: list[int] = []
    environment = Environment(trace=lambda _, nodes: told.append(len(nodes)))
    path = compile_path(
        "name.where(given.first() in %resource.name.given.trace('given')).use", model, "Patient"
    )
    for _ in range(2):
        assert [node.value for node in path.values(patient, environment)] == ["official", "usual"]
    assert told == [4, 4]


def test_what_depends_on_the_item_is_evaluated_for_each(model, patient):
    path = compile_path(
        "name.where(use in %resource.name.where(given = %context.name[1].given).use)", model, "Patient"
    )
    assert [node.value["use"] for node in path.values(patient, Environment())] == []
    path = compile_path("name.select(given.where($this in %resource.name.given))", model, "Patient")
    assert [node.value for node in path.values(patient, Environment())] == ["Testgiven", "Second", "Nick"]
