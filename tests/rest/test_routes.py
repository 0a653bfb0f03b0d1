import pytest

from service.fhir.problems import Malformed, Missing
from service.operations.offered import OPERATIONS
from service.rest import handlers
from service.rest.routes import UNKNOWN, Table, Target, require_id, route, served_routes, type_routes


@pytest.fixture(scope="module")
def table(registry):
    system = {"metadata": route("/fhir/metadata", "", {"GET": handlers.search}, public=True)}
    return Table(registry, system, OPERATIONS)


@pytest.mark.parametrize(
    ("path", "template", "id_", "version"),
    [
        ("/Goal/", "/fhir/Goal", "", ""),
        ("/Goal/_search/", "/fhir/Goal/_search", "", ""),
        ("/Goal/_history/", "/fhir/Goal/_history", "", ""),
        ("/Goal/a.b-C/", "/fhir/Goal/{id}", "a.b-C", ""),
        ("/Goal/1/_history/", "/fhir/Goal/{id}/_history", "1", ""),
        ("/Goal/1/_history/2/", "/fhir/Goal/{id}/_history/{version}", "1", "2"),
        ("/metadata/", "/fhir/metadata", "", ""),
        ("/MeasureReport/1/", "/fhir/MeasureReport/{id}", "1", ""),
        ("/Measure/1/", "/fhir/Measure/{id}", "1", ""),
        ("/$validate/", "/fhir/$validate", "", ""),
        ("/Goal/$validate/", "/fhir/Goal/$validate", "", ""),
        ("/Goal/1/$validate/", "/fhir/Goal/{id}/$validate", "1", ""),
        ("/Bundle/$validate/", "/fhir/Bundle/$validate", "", ""),
        ("/ValueSet/1/$expand/", "/fhir/ValueSet/{id}/$expand", "1", ""),
        ("/Patient/1/$everything/", "/fhir/Patient/{id}/$everything", "1", ""),
        ("/Observation/$lastn/", "/fhir/Observation/$lastn", "", ""),
        ("/Patient/1/Goal/", "/fhir/Patient/{id}/Goal", "1", ""),
        ("/Patient/1/Goal/_search/", "/fhir/Patient/{id}/Goal/_search", "1", ""),
        ("/Patient/1/Patient/", "/fhir/Patient/{id}/Patient", "1", ""),
        ("/Patient/1/*/", "/fhir/Patient/{id}/*", "1", ""),
        ("/Patient/1/*/_search/", "/fhir/Patient/{id}/*/_search", "1", ""),
    ],
)
def test_where_a_path_leads(table, path, template, id_, version):
    target = table.find(path)
    assert (target.route.template, target.id, target.version) == (template, id_, version)
    assert table.find(path.rstrip("/")) == target


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/", "type-not-served"),
        ("/goal/1/", "type-not-served"),
        ("/Goals/", "type-not-served"),
        ("/metadata/1/", "type-not-served"),
        ("/Goal/$x/", "operation-unknown"),
        ("/Goal/1/$x/", "operation-unknown"),
        ("/$x/", "operation-unknown"),
        ("/$expand/", "operation-unknown"),
        ("/Goal/$expand/", "operation-unknown"),
        ("/Goal/_history/$validate/", "operation-unknown"),
        ("/Goal/1/_history/1/$validate/", "operation-unknown"),
        ("/Goal/$validate/1/", "operation-unknown"),
        ("/CodeSystem/1/$lookup/", "operation-unknown"),
        ("/Bundle/", "type-not-served"),
        ("/Bundle/1/$validate/", "type-not-served"),
        ("/Goal/_x/", "path-unknown"),
        ("/Goal/1/2/", "path-unknown"),
        ("/Goal/1/_history/2/3/", "path-unknown"),
        ("/Goal/_history/_history/", "path-unknown"),
        ("/Patient/$everything/", "operation-unknown"),
        ("/Goal/1/$everything/", "operation-unknown"),
        ("/Observation/1/$lastn/", "operation-unknown"),
        ("/Goal/1/Goal/", "path-unknown"),
        ("/Goal/1/*/", "path-unknown"),
        ("/Patient/1/Organization/", "path-unknown"),
        ("/Patient/1/Medication/", "path-unknown"),
        ("/Patient/1/goal/", "path-unknown"),
        ("/Patient/1/_search/", "path-unknown"),
        ("/Patient/1/Goal/2/", "path-unknown"),
        ("/Patient/1/Goal/_search/2/", "path-unknown"),
        ("/Patient/1/Goal/_history/", "path-unknown"),
        ("/Patient/_x/Goal/", "path-unknown"),
        ("/Patient//Goal/", "path-unknown"),
    ],
)
def test_where_a_path_does_not_lead(table, path, slug):
    assert table.find(path).route is UNKNOWN
    assert table.missing(path).issues[0].slug == slug


def test_where_an_operation_is_not_its_places_are_told(table):
    text = table.missing("/CodeSystem/1/$lookup").issues[0].text
    assert "/fhir/CodeSystem/$lookup" in text
    assert "/fhir/Goal" not in text


def test_compartments_are_searched_by_get_and_by_a_form(table):
    found = table.find("/Patient/1/Goal").route
    assert (found.type, found.member, set(found.methods), found.form) == (
        "Patient",
        "Goal",
        {"GET", "HEAD"},
        False,
    )
    assert found.allow == b"GET, HEAD"
    found = table.find("/Patient/1/*/_search").route
    assert (found.type, found.member, set(found.methods), found.form) == ("Patient", "*", {"POST"}, True)


def test_where_a_type_is_in_no_compartment_those_that_are_are_told(table):
    text = table.missing("/Patient/1/Organization").issues[0].text
    assert "Goal" in text
    assert "Organization" not in text
    assert "compartment" not in table.missing("/Goal/1/Goal").issues[0].text


def test_only_patients_have_compartments(registry):
    for type_ in registry.served:
        assert bool(served_routes(registry, type_).compartment) is (type_ == "Patient")


def test_operations_are_asked_by_post_and_where_a_query_says_it_all_by_get(table):
    assert set(table.find("/Goal/$validate").route.methods) == {"POST"}
    assert set(table.find("/Goal/1/$validate").route.methods) == {"POST", "GET", "HEAD"}
    assert set(table.find("/ValueSet/$expand").route.methods) == {"POST", "GET", "HEAD"}


def test_what_starts_a_job_is_asked_for_no_head(table):
    for path in ("/$export", "/Patient/$export", "/Group/1/$export"):
        route = table.find(path).route
        assert set(route.methods) == {"POST", "GET"}
        assert route.allow == b"GET, POST"
    assert table.find("/Group/$export").route is UNKNOWN
    assert table.find("/Patient/1/$export").route is UNKNOWN


def test_jobs_and_their_files(table):
    job = table.find("/jobs/a1/")
    assert (job.route.template, job.id) == ("/fhir/jobs/{id}", "a1")
    assert set(job.route.methods) == {"GET", "HEAD", "DELETE"}
    file = table.find("/jobs/a1/1-0.Goal.ndjson")
    assert (file.route.template, file.id, file.version) == ("/fhir/jobs/{id}/{file}", "a1", "1-0.Goal.ndjson")
    assert table.find("/jobs").route is UNKNOWN
    assert table.find("/jobs/a1/b/c").route is UNKNOWN


def test_every_route_is_found_by_its_own_path(table):
    for found in table.routes:
        path = found.template.removeprefix("/fhir").replace("{id}", "1").replace("{version}", "2")
        assert table.find(path).route is found


def test_methods_are_those_of_what_is_served():
    routes = type_routes("Flag", frozenset({"read", "search-type"}))
    assert set(routes.instance.methods) == {"GET", "HEAD"}
    assert routes.instance.allow == b"GET, HEAD"
    assert set(routes.search.methods) == {"POST"}
    assert not routes.version.methods
    assert routes.version.allow == b""


def test_ids_that_reach_a_database():
    target = Target(type_routes("Flag", frozenset({"read"})).instance, "a" * 64)
    require_id(target, "GET")
    for id_ in ("a" * 65, "a b", "a\x00", "ä", "a/b", "٣"):
        wrong = Target(target.route, id_)
        with pytest.raises(Missing):
            require_id(wrong, "GET")
        with pytest.raises(Malformed):
            require_id(wrong, "PUT")
