"""What a token allows: letters, narrowing, and in whose name."""

from __future__ import annotations

from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as some

from service.access.grants import MOST_CONDITIONS, Grant, read_grants
from service.access.scopes import OPEN, Scopes, granted, narrowing, read_scopes
from service.fhir.matching import matches
from service.fhir.registry import Registry
from service.fhir.search.about import told
from service.fhir.search.asked import Setting
from service.fhir.search.expressions import About, And, Ids, Nothing, Or, Reference, Token
from service.fhir.search.extraction import Extractor
from service.fhir.search.grammar import parse
from service.fhir.search.sizes import conditions
from tests.conftest import BASE_URL

SURVEY = Token("category", None, "survey")


@pytest.fixture(scope="module")
def setting(registry: Registry) -> Setting:
    return Setting(registry, BASE_URL, now=0)


def allowed(scopes: Scopes, type_: str) -> str:
    return "".join(letter for letter in "cruds" if scopes.may(type_, letter))


@pytest.mark.parametrize(
    ("text", "goals", "patients"),
    [
        ("system/Goal.read", "rs", ""),
        ("system/Goal.write system/*.r", "crud", "r"),
        ("system/*.*", "cruds", "cruds"),
        ("system/Goal.c system/Goal.s", "cs", ""),
        ("openid fhirUser launch", "", ""),
        ("", "", ""),
    ],
)
def test_letters_are_those_of_all_scopes_of_the_type(
    setting: Setting, text: str, goals: str, patients: str
) -> None:
    scopes = read_scopes(setting, text)
    assert (allowed(scopes, "Goal"), allowed(scopes, "Patient")) == (goals, patients)


def test_types_are_those_with_which_it_may_be_done(setting: Setting) -> None:
    scopes = read_scopes(setting, "system/Goal.rs system/Patient.r")
    assert scopes.types("s") == {"Goal"}
    assert scopes.types("r") == {"Goal", "Patient"}
    assert scopes.types("d") == frozenset()


def test_narrowing_is_the_search_that_its_parameters_ask_for(setting: Setting) -> None:
    scopes = read_scopes(setting, "system/Observation.rs?category=survey system/Observation.c")
    assert scopes.narrowed("Observation", "r") == SURVEY
    assert scopes.narrowed("Observation", "c") is None
    assert scopes.narrowed("Observation", "d") == Nothing()


def test_any_scope_of_the_letter_will_do_and_the_widest_lifts_the_narrowing(setting: Setting) -> None:
    two = read_scopes(setting, "system/Observation.r?category=survey system/Observation.r?_tag=a")
    assert two.narrowed("Observation", "r") == Or((SURVEY, Token("_tag", None, "a")))
    three = read_scopes(setting, "system/Observation.r?category=survey system/*.r")
    assert three.narrowed("Observation", "r") is None


def test_narrowing_of_all_types_is_read_in_each_of_them(setting: Setting) -> None:
    scopes = read_scopes(setting, "system/*.r?status=final")
    assert scopes.narrowed("Observation", "r") == Token("status", None, "final")
    assert not scopes.may("Patient", "r")  # has no such parameter


@pytest.mark.parametrize(
    "query",
    [
        "no-such=1",
        "category:nonsense=1",
        "subject.name=x",
        "subject:Patient.name=x",
        "_has:Provenance:target:agent=x",
        "_list=1",
        "_text=x",
        "_content=x",
        "_count=1",
        "_sort=date",
        "_include=Observation:subject",
        "_format=json",
        "_type=Goal",
        "_filter=x",
        "category=",
    ],
)
def test_narrowing_that_cannot_be_read_or_looks_elsewhere_allows_nothing(
    setting: Setting, query: str
) -> None:
    scopes = read_scopes(setting, f"system/Observation.rs?{query}")
    assert allowed(scopes, "Observation") == ""
    assert not granted(setting, f"system/Observation.rs?{query}", "system/*.cruds")
    assert allowed(read_scopes(setting, f"system/*.rs?{query}"), "Observation") == ""


def test_audit_is_allowed_whole_or_not_at_all(setting: Setting) -> None:
    assert allowed(read_scopes(setting, "system/AuditEvent.rs"), "AuditEvent") == "rs"
    assert allowed(read_scopes(setting, "system/*.rs?_tag=a"), "AuditEvent") == ""
    assert allowed(read_scopes(setting, "patient/*.rs", patient="young"), "AuditEvent") == ""
    assert not granted(setting, "system/AuditEvent.rs?agent=x", "system/*.cruds")


def test_what_is_granted_is_the_part_that_is_allowed(setting: Setting) -> None:
    found = granted(
        setting,
        "launch/patient system/Patient.read system/Nonsense.read system/Goal.cruds openid",
        "system/Patient.rs system/Goal.rs",
    )
    assert found.text == "system/Patient.read system/Goal.rs"
    assert found


def test_nothing_is_granted_where_nothing_is_allowed(setting: Setting) -> None:
    assert not granted(setting, "system/Goal.c openid", "system/Goal.rs openid")
    assert granted(setting, "", "system/*.cruds").text == ""


def test_scope_in_the_name_of_a_young_person_is_about_their_compartment(setting: Setting) -> None:
    scopes = read_scopes(setting, "patient/*.cruds", patient="young")
    themselves = About("young", unlabelled=True)  # whose token it is, it does not say
    assert scopes.narrowed("Goal", "r") == And((Reference("patient", "Patient", "young"), themselves))
    assert scopes.narrowed("Patient", "u") == And(
        (Or((Ids(frozenset({"young"})), Reference("link", "Patient", "young"))), themselves)
    )
    assert scopes.narrowed("Task", "s") == And((Reference("patient", "Patient", "young"), themselves))
    narrowed = read_scopes(setting, "patient/Observation.r?category=survey", patient="young")
    found = narrowed.narrowed("Observation", "r")
    assert isinstance(found, And)
    assert found.parts[0] == SURVEY


@pytest.mark.parametrize("type_", sorted(OPEN))
def test_what_is_about_nobody_may_be_read_in_a_young_persons_name_and_not_written(
    setting: Setting, type_: str
) -> None:
    assert allowed(read_scopes(setting, "patient/*.cruds", patient="young"), type_) == "rs"


def test_of_no_other_type_is_more_seen_than_the_compartment(setting: Setting) -> None:
    scopes = read_scopes(setting, "patient/*.cruds", patient="young")
    unbounded = {type_ for type_ in setting.registry.served if scopes.narrowed(type_, "r") is None}
    assert unbounded == OPEN & setting.registry.served.keys()


def test_types_that_are_open_have_no_reference_to_a_young_person(registry: Registry) -> None:
    for type_ in OPEN - {"Measure"}:  # whose references are canonical addresses
        assert not registry.patient_parameters(type_)
        for parameter in registry.search_parameters(type_).values():
            assert parameter.type != "reference" or (
                parameter.targets and "Patient" not in parameter.targets
            ), f"{type_}.{parameter.code}"


def test_scope_in_a_name_that_the_token_does_not_say_allows_nothing(setting: Setting) -> None:
    assert allowed(read_scopes(setting, "patient/*.cruds"), "Goal") == ""
    assert allowed(read_scopes(setting, "user/*.cruds"), "Goal") == ""
    assert allowed(read_scopes(setting, "user/*.cruds", patient="young"), "Goal") == ""
    related = ("RelatedPerson", "parent")
    assert allowed(read_scopes(setting, "user/*.cruds", user=related), "Goal") == ""


def test_scope_of_a_user_is_bounded_by_who_the_user_is(setting: Setting) -> None:
    of_young = Reference("patient", "Patient", "young")
    staff = read_scopes(setting, "user/*.cruds", user=("Practitioner", "one"))
    themselves = read_scopes(setting, "user/*.cruds", user=("Patient", "young"), patient="other")
    related = read_scopes(setting, "user/*.cruds", user=("RelatedPerson", "parent"), patient="young")
    assert staff.narrowed("Goal", "r") is None
    assert themselves.narrowed("Goal", "r") == And((of_young, About("young")))
    # What is labelled is kept from families.
    assert related.narrowed("Goal", "r") == And((of_young, About("young", unlabelled=True)))


@pytest.mark.parametrize("letter", "cruds")
def test_whatever_is_done_in_a_young_persons_name_is_about_them(setting: Setting, letter: str) -> None:
    scopes = read_scopes(setting, "patient/*.cruds", patient="young")
    for type_ in setting.registry.served.keys() - OPEN:
        found = scopes.narrowed(type_, letter)
        if found != Nothing():
            assert isinstance(found, And)
            assert found.parts[-1] == About("young", unlabelled=True), type_


def test_what_means_the_same_in_every_type_is_read_once_for_all(setting: Setting) -> None:
    for query in (
        "_tag=a,b",
        "_tag:not=https://x.example|a",
        "_id=one,two",
        "_profile=https://x.example/p",
        "_source=https://x.example/s",
        "_lastUpdated=ge2026-01-01",
        "_security=R",
        "_tag:nonsense=x",
    ):
        [grant] = read_grants(f"system/*.rs?{query}")
        assert grant.is_common
        types = setting.registry.served.keys() - {"AuditEvent"}
        assert len({narrowing(setting, type_, grant) for type_ in types}) == 1, query
        scopes = read_scopes(setting, f"system/*.rs?{query}")
        for type_ in types:
            assert scopes.narrowed(type_, "r") == narrowing(setting, type_, grant)
        assert not scopes.may("AuditEvent", "r")
        assert not scopes.may("Nonsense", "r")


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"system/*.cruds?_tag=x|{number}" for number in range(400)),
        " ".join(f"system/*.cruds?status=x{number}" for number in range(400)),
        " ".join(f"system/Observation.cruds?date=ge20{number:02}" for number in range(400)),
        " ".join(f"system/*.cruds?_tag={','.join(map(str, range(number, 150)))}" for number in range(150)),
        "system/*.cruds?" + "&".join(f"_tag={number}" for number in range(100)),
    ],
)
def test_however_much_is_asked_for_little_is_made_out(
    setting: Setting, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(setting_: Setting, type_: str, *given: object, **more: object) -> object:
        read.append(type_)
        return parse(setting_, type_, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("service.access.scopes.parse", counted)
    allowed_ = granted(setting, text, text)
    scopes = read_scopes(setting, allowed_.text)
    assert scopes.grants == allowed_.grants
    for type_ in setting.registry.served:
        for letter in "cruds":
            found = scopes.narrowed(type_, letter)
            assert found is not None
            assert conditions(found) <= MOST_CONDITIONS
    assert len(read) <= 2 * MOST_CONDITIONS + len(setting.registry.served) * MOST_CONDITIONS / 10


def test_what_asks_for_more_than_a_search_may_allows_nothing(registry: Registry) -> None:
    many = frozenset(("https://x.example", str(number)) for number in range(600))
    setting = Setting(registry, BASE_URL, now=0, members=lambda _: many)
    assert not read_scopes(setting, "system/Observation.rs?code:in=https://x.example/v").may(
        "Observation", "r"
    )


class Alone:
    """Nothing else is looked at for a resource."""

    def referred(self, *_: object) -> NoReturn:
        raise AssertionError("a scope looks at the resource at hand alone")

    referring = referred


TAGS = "https://elsewhere.example"
written = some.builds(
    lambda context, type_, letters, tags: Grant(
        context, type_, letters, tuple(("_tag", f"{TAGS}|{tag}") for tag in tags)
    ).written(),
    some.sampled_from(["system", "patient", "user"]),
    some.sampled_from(["*", "Goal", "Observation"]),
    some.sampled_from(["r", "rs", "cu", "cruds"]),
    some.lists(some.sampled_from("ab"), unique=True, max_size=2),
)


@given(
    some.lists(written, max_size=4),
    some.sampled_from(["kim", "sam", None]),
    some.sampled_from([("Practitioner", "p"), ("Patient", "sam"), ("RelatedPerson", "x"), None]),
    some.sampled_from(["Goal", "Observation"]),
    some.sampled_from(["kim", "sam"]),
    some.sets(some.sampled_from("ab")),
    some.sampled_from("cruds"),
)
def test_allowed_is_what_some_scope_allows_in_its_own_words(
    setting: Setting,
    extractor: Extractor,
    texts: list[str],
    patient: str | None,
    user: tuple[str, str] | None,
    type_: str,
    child: str,
    tags: set[str],
    letter: str,
) -> None:
    """Against each scope read by itself, word by word."""

    def allows(text: str) -> bool:
        context, rest = text.split("/", 1)
        of, _, others = rest.partition(".")
        letters, _, query = others.partition("?")
        wanted = {part.rpartition("|")[2] for part in query.split("&") if part}
        mine = {"Patient": user[1] if user else None, "RelatedPerson": patient}
        whose = {
            "system": child,
            "patient": patient,
            "user": None if user is None else mine.get(user[0], child),
        }[context]
        return of in {"*", type_} and letter in letters and wanted <= tags and whose == child

    scopes = read_scopes(setting, " ".join(texts), patient=patient, user=user)
    resource = {
        "resourceType": type_,
        "id": "one",
        "meta": {"tag": [{"system": TAGS, "code": tag} for tag in sorted(tags)]},
        "subject": {"reference": f"Patient/{child}"},
    }
    where = scopes.narrowed(type_, letter)
    values = extractor.values(resource)
    found = where is None or matches(told(where, child), type_, "one", 0, values, Alone())
    assert found == any(map(allows, texts))
    assert scopes.may(type_, letter) or not found
