"""What the CapabilityStatement says is what the server does: all of it, and nothing else.

Source: https://hl7.org/fhir/R4/http.html#summary, https://hl7.org/fhir/R4/capabilitystatement.html
"""

import httpx

from service.fhir.guide import CANONICAL_BASE
from service.operations.offered import OPERATIONS
from service.sandbox.cohort import cohort
from service.sandbox.loading import load
from tests.rest.asking import refused

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# The standard's table: how each interaction of a type is asked for, {} standing for the id.
ASKED = {
    "read": {("GET", "/{}"), ("HEAD", "/{}")},
    "vread": {("GET", "/{}/_history/1"), ("HEAD", "/{}/_history/1")},
    "update": {("PUT", "/{}")},
    "patch": {("PATCH", "/{}")},
    "delete": {("DELETE", "/{}")},
    "history-instance": {("GET", "/{}/_history"), ("HEAD", "/{}/_history")},
    "history-type": {("GET", "/_history"), ("HEAD", "/_history")},
    "create": {("POST", "")},
    "search-type": {("GET", ""), ("HEAD", ""), ("POST", "/_search")},
}
CONDITIONAL = {"conditionalUpdate": ("PUT", ""), "conditionalDelete": ("DELETE", "")}
SYSTEM = {
    "transaction": {("POST", "")},
    "batch": {("POST", "")},
    "history-system": {("GET", "/_history"), ("HEAD", "/_history")},
    "search-system": {("GET", ""), ("HEAD", ""), ("POST", "/_search")},
}
SHAPES = ("", "/_search", "/_history", "/{}", "/{}/_history", "/{}/_history/1")
NOWHERE = (
    "/$everything",
    "/_history/$validate",
    "/{}/_history/1/$validate",
    "/{}/$everything",
    "/{}/_search",
    "/_history/1",
    "/{}/_history/1/2",
    "/{}/Patient",
    "/_anything",
    "/{}/{}/_history",
)

# Operations that are asked of one resource alone.
OF_INSTANCES = {operation.definition for operation in OPERATIONS if operation.levels == {"instance"}}
DEFINITIONS = (
    "http://hl7.org/fhir/OperationDefinition/",
    "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/",
    f"{CANONICAL_BASE}OperationDefinition/",
)
ROUTE_MISSING = {"type-not-served", "path-unknown", "operation-unknown"}


def slug(response: httpx.Response) -> str | None:
    if response.status_code < 400 or not response.content:
        return None
    return response.json()["issue"][0]["details"]["coding"][0]["code"]


async def offered(client) -> dict[str, set[tuple[str, str]]]:
    """By type, what can be asked for according to the statement."""
    statement = (await client.get("/fhir/metadata")).json()
    found = {}
    for resource in statement["rest"][0]["resource"]:
        if "interaction" not in resource:
            continue  # of which there are operations alone
        codes = {interaction["code"] for interaction in resource["interaction"]}
        asked = set().union(*(ASKED[code] for code in codes))
        asked |= {CONDITIONAL[flag] for flag in CONDITIONAL if resource[flag] not in {False, "not-supported"}}
        if "patch" in codes:
            asked.add(("PATCH", ""))  # R4's statement has no flag for a conditional patch
        found[resource["type"]] = asked
    return found


async def test_every_interaction_of_every_type_answers(client, context):
    known = {}
    batches = list(cohort(3, 1))
    for resource in (resource for batch in batches for resource in batch):
        known.setdefault(resource["resourceType"], resource["id"])
    await load(context, batches, lambda _: None)
    for type_, asked in (await offered(client)).items():
        for method, shape in sorted(asked, key=lambda pair: METHODS.index(pair[0])):
            path = f"/fhir/{type_}{shape}".format(known.get(type_, "none"))
            response = await client.request(method, path)
            assert response.status_code < 500, (method, path, response.text)
            assert response.status_code != 405, (method, path)
            assert slug(response) not in ROUTE_MISSING, (method, path)
            if type_ in known and method == "GET":
                assert response.status_code == 200, (method, path, response.text)


async def test_nothing_else_answers(client):
    for type_, asked in (await offered(client)).items():
        for shape in SHAPES:
            allowed = {method for method, of in asked if of == shape}
            for method in sorted(set(METHODS) - allowed):
                response = await client.request(method, f"/fhir/{type_}{shape}".format("none"))
                assert response.status_code == 405, (method, type_, shape)
                listed = {name.strip() for name in response.headers["allow"].split(",") if name.strip()}
                assert listed == allowed, (type_, shape)


async def test_no_other_shape_of_path_leads_anywhere(client):
    types = sorted(await offered(client))
    for type_ in (types[0], "Goal", "MeasureReport"):
        for shape in NOWHERE:
            for method in METHODS:
                response = await client.request(method, f"/fhir/{type_}{shape}".format("none", "none"))
                assert response.status_code == 404, (method, type_, shape)


async def test_no_other_type_is_there(client, registry):
    served = await offered(client)
    assert set(served) == set(registry.served)
    for type_ in (
        "Medication",
        "Condition",
        "Bundle",
        "Parameters",
        "Element",
        "goal",
        "GOAL",
        "Goals",
        "Goa",
        "*",
    ):
        assert type_ not in served
        for shape in SHAPES:
            for method in METHODS:
                response = await client.request(method, f"/fhir/{type_}{shape}".format("none"))
                assert response.status_code == 404, (method, type_, shape)


async def test_the_system_does_what_it_says(client):
    statement = (await client.get("/fhir/metadata")).json()
    codes = {interaction["code"] for interaction in statement["rest"][0]["interaction"]}
    assert codes == set(SYSTEM)
    asked = set().union(*SYSTEM.values())
    asked |= {("OPTIONS", ""), ("GET", "/metadata"), ("HEAD", "/metadata")}  # the statement itself
    for path in ("", "/_history", "/_search", "/metadata"):
        for method in METHODS:
            response = await client.request(method, f"/fhir{path}")
            if (method, path) in asked:
                assert response.status_code not in {404, 405}, (method, path)
            else:
                assert response.status_code == 405, (method, path)


async def test_every_operation_that_is_named_is_there_and_defined(client):
    (rest,) = (await client.get("/fhir/metadata")).json()["rest"]
    named = [("", each) for each in rest["operation"]]
    named += [(one["type"], each) for one in rest["resource"] for each in one.get("operation", ())]
    assert len(named) > 30
    for type_, operation in named:
        assert operation["definition"].startswith(DEFINITIONS)
        of = "x" if operation["definition"] in OF_INSTANCES else ""
        path = "/".join(part for part in ("/fhir", type_, of, f"${operation['name']}") if part)
        response = await client.post(path)
        assert response.status_code < 500
        assert response.status_code != 405
        assert slug(response) not in ROUTE_MISSING, path


async def test_no_other_operation_is_there(client):
    for path in (
        "$everything",
        "Goal/$expand",
        "Patient/$everything",
        "Goal/x/$everything",
        "$lastn",
        "Patient/$lastn",
        "Observation/x/$lastn",
        "ValueSet/$lookup",
        "CodeSystem/x/$lookup",
    ):
        for method in METHODS:
            response = await client.request(method, f"/fhir/{path}")
            assert response.status_code == 404, (method, path)
    refused(await client.post("/fhir/CodeSystem/x/$lookup"), 404, "operation-unknown")


async def test_operations_answer_get_only_where_a_query_says_it_all(client):
    response = await client.get("/fhir/Goal/$validate")
    refused(response, 405, "interaction-not-offered")
    assert response.headers["allow"] == "POST"
    refused(await client.get("/fhir/Goal/none/$validate"), 404, "resource-missing")


async def test_the_compartments_that_are_named_are_searched_and_no_others(client):
    (rest,) = (await client.get("/fhir/metadata")).json()["rest"]
    assert rest["compartment"] == ["http://hl7.org/fhir/CompartmentDefinition/patient"]
    types = sorted(one["type"] for one in rest["resource"] if "interaction" in one)
    searched = set()
    for member in (*types, "*"):
        path = f"/fhir/Patient/none/{member}"
        answer = await client.get(path)
        if slug(answer) in ROUTE_MISSING:
            assert (await client.post(f"{path}/_search")).status_code == 404
            continue
        assert answer.status_code == 200
        assert answer.json()["total"] == 0
        searched.add(member)
        for method in METHODS:
            for shape, allowed in (("", {"GET", "HEAD"}), ("/_search", {"POST"})):
                answer = await client.request(method, path + shape)
                assert answer.status_code == (200 if method in allowed else 405), (method, path + shape)
    assert {"*", "Goal", "Observation", "CarePlan", "QuestionnaireResponse", "Patient"} <= searched
    assert not {"Organization", "Practitioner", "Questionnaire"} & searched
    for type_ in sorted(set(types) - {"Patient"}):
        assert (await client.get(f"/fhir/{type_}/none/Goal")).status_code == 404
        assert (await client.get(f"/fhir/{type_}/none/*")).status_code == 404


async def test_options_gives_the_statement(client):
    assert (await client.options("/fhir")).json() == (await client.get("/fhir/metadata")).json()


async def test_every_search_parameter_that_is_named_can_be_used(client):
    statement = (await client.get("/fhir/metadata")).json()
    values = {"date": "2026", "number": "1", "quantity": "1", "reference": "1", "near": "51.5|-0.1"}
    for resource in statement["rest"][0]["resource"]:
        for parameter in resource.get("searchParam", ()):
            if parameter["type"] == "composite":
                continue  # each takes a value of its own form
            value = values.get(parameter["name"]) or values.get(parameter["type"], "x")
            path = f"/fhir/{resource['type']}?{parameter['name']}={value}"
            response = await client.get(path)
            assert response.status_code == 200, (path, response.text)


async def test_what_is_not_named_cannot_be_searched_by(client):
    refused(await client.get("/fhir/Goal?never-named=1"), 400)
