import pytest

from service.fhir.problems import Malformed, Missing
from service.rest import handlers
from service.rest.routes import UNKNOWN, Table, Target, require_id, route, type_routes


@pytest.fixture(scope="module")
def table(registry):
    return Table(registry, {"metadata": route("/fhir/metadata", "", {"GET": handlers.search}, public=True)})


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
        ("/Goal/_x/", "path-unknown"),
        ("/Goal/1/2/", "path-unknown"),
        ("/Goal/1/_history/2/3/", "path-unknown"),
        ("/Goal/_history/_history/", "path-unknown"),
    ],
)
def test_where_a_path_does_not_lead(table, path, slug):
    assert table.find(path).route is UNKNOWN
    assert table.missing(path).issues[0].slug == slug


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
