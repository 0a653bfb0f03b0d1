"""An entry of the audit as a resource: valid R4, and in the shape that BALP gives each kind of act."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir import codec
from service.interactions.audit_event import (
    ACTS,
    DICOM,
    GROUND,
    INTERACTIONS,
    EventIds,
    audit_event,
    ground_code,
    outcome,
    stored,
)
from service.interactions.identity import is_id
from service.operations.offered import OPERATIONS
from service.outcomes.grants import Ground
from service.rest.auditing import OF_JOBS, UNKNOWN
from service.storage import audit
from service.storage.audit import ACTIONS, Entry
from service.storage.ledger import FILES_EXPORTED, OPERATED
from tests.conftest import BASE_URL
from tests.storage.audits import entry

IDS = EventIds(bytes(32))
ACTS_OF_ALL_KINDS = {
    "read": {"what": "read"},
    "vread": {"what": "vread", "version": 2},
    "history": {"what": "history-instance", "query": "Patient/a/_history"},
    "search": {"what": "search-type", "action": audit.EXECUTED, "id": "", "query": "Patient?name=x"},
    "search of everything": {
        "what": "search-system",
        "action": audit.EXECUTED,
        "type": "",
        "id": "",
        "query": "?_type=Goal",
    },
    "operation": {"what": "$progress", "action": audit.EXECUTED, "query": "Patient/a/$progress?system=x"},
    "create": {"what": "create", "action": audit.CREATED, "version": 1, "status": 201},
    "create in a transaction": {"what": "transaction", "action": audit.CREATED, "version": 1, "status": 201},
    "update": {"what": "update", "action": audit.UPDATED, "version": 2},
    "patch": {"what": "patch", "action": audit.UPDATED, "version": 2},
    "hand-over": {"what": "hand-over", "action": audit.UPDATED, "version": 2},
    "delete": {"what": "delete", "action": audit.DELETED, "version": 2, "status": 204},
    "token": {
        "what": "token",
        "action": audit.EXECUTED,
        "type": "",
        "id": "",
        "query": "system/*.rs",
        "children": (),
    },
    "client added": {
        "what": "client-add",
        "action": audit.EXECUTED,
        "type": "",
        "id": "",
        "query": "client=epr&agency=camhs",
        "purpose": "HSYSADMIN",
        "client": "",
        "agency": "",
        "children": (),
    },
    "refused token": {
        "what": "token",
        "action": audit.EXECUTED,
        "type": "",
        "id": "",
        "status": 401,
        "reason": "invalid_client",
        "client": "",
        "agency": "",
        "children": (),
    },
    "refusal": {"status": 403, "reason": "insufficient-scope", "children": (("a", 0),)},
    "failure": {"status": 500, "children": ()},
    "unknown path": {
        "what": "unknown",
        "action": audit.EXECUTED,
        "type": "",
        "id": "",
        "status": 404,
        "children": (),
    },
    "break-glass": {
        "what": "break-glass",
        "action": audit.CREATED,
        "type": "Consent",
        "id": "c",
        "version": 1,
        "purpose": "ETREAT",
    },
    "of several": {
        "what": "search-type",
        "action": audit.EXECUTED,
        "query": "Patient",
        "children": (("a", 3), ("b", 5)),
    },
}


@pytest.mark.parametrize("said", ACTS_OF_ALL_KINDS.values(), ids=ACTS_OF_ALL_KINDS)
@pytest.mark.parametrize("person", ["", "Practitioner/p"])
def test_every_kind_of_act_is_a_valid_resource(validator, said, person):
    one = entry(**({"address": "192.0.2.7", "purpose": "TREAT", "person": person} | said))
    resource = codec.decode(stored(one, BASE_URL, IDS).body)
    assert [issue for issue in validator.check(resource) if issue.is_fault] == []
    assert resource["meta"]["versionId"] == "1"
    assert resource["recorded"] == resource["meta"]["lastUpdated"] == "2023-11-14T22:13:20.000Z"


def shown(**said):
    return audit_event(entry(**({"address": "192.0.2.7"} | said)), BASE_URL, "x")


def codes(codings, system) -> list[str]:
    return [coding["code"] for coding in codings if coding["system"] == system]


def of_type(resource, code: str):
    return [one for one in resource.get("entity", ()) if one["type"]["code"] == code]


def test_a_read_flows_from_the_server_to_the_client():
    resource = shown()
    assert resource["meta"]["profile"] == [
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"
    ]
    assert (resource["type"]["code"], resource["action"], resource["outcome"]) == ("rest", "R", "0")
    assert codes(resource["subtype"], INTERACTIONS) == ["read"]
    client, server = resource["agent"]
    assert client["type"]["coding"][0] == {
        "system": DICOM,
        "code": "110152",
        "display": "Destination Role ID",
    }
    assert server["type"]["coding"][0] == {"system": DICOM, "code": "110153", "display": "Source Role ID"}
    assert client["who"] == {"reference": "Organization/camhs"}
    assert (client["altId"], client["requestor"], server["requestor"]) == ("epr", True, False)
    assert client["network"] == {"address": "192.0.2.7", "type": "2"}
    assert of_type(resource, "2")[0]["what"] == {"reference": "Patient/a"}
    assert of_type(resource, "2")[0]["role"]["code"] == "4"
    [patient] = of_type(resource, "1")
    assert patient["what"] == {"reference": "Patient/a"}
    assert patient["extension"] == [{"url": GROUND, "valueCode": "team"}]
    assert of_type(resource, "XrequestId")[0]["what"]["identifier"]["value"] == "request-0"


def test_a_search_flows_to_the_server_and_tells_the_query_word_for_word():
    query = "Observation?patient=Patient/a&code:text=žal"
    resource = shown(what="search-type", action=audit.EXECUTED, type="Observation", id="", query=query)
    assert resource["meta"]["profile"][0].endswith("IHE.BasicAudit.PatientQuery")
    assert resource["agent"][0]["type"]["coding"][0]["code"] == "110153"
    [data] = of_type(resource, "2")
    assert data["role"]["code"] == "24"
    assert base64.b64decode(data["query"]).decode() == query
    assert "what" not in data


BALP = {
    ("create", audit.CREATED): "Create",
    ("update", audit.UPDATED): "Update",
    ("patch", audit.UPDATED): "Update",
    ("delete", audit.DELETED): "Delete",
    ("read", audit.READ): "Read",
    ("vread", audit.READ): "Read",
    ("search-type", audit.EXECUTED): "Query",
    ("history-type", audit.EXECUTED): None,
    ("$progress", audit.EXECUTED): None,
    ("token", audit.EXECUTED): None,
}


@pytest.mark.parametrize(("act", "profile"), BALP.items(), ids=str)
def test_the_profile_is_that_of_the_act_and_of_one_patient(act, profile):
    what, action = act
    for children, prefix in (((), ""), ((("a", 3),), "Patient"), ((("a", 3), ("b", 3)), "")):
        resource = shown(what=what, action=action, query="Goal", children=children)
        wanted = [] if profile is None else [f"IHE.BasicAudit.{prefix}{profile}"]
        assert [each.rpartition("/")[2] for each in resource.get("meta", {}).get("profile", [])] == wanted


def test_no_profile_is_claimed_of_what_it_is_not_for():
    assert "meta" not in shown(status=404)
    assert "meta" not in shown(address="")


def test_a_version_tells_what_was_done_and_in_what():
    resource = shown(what="transaction", action=audit.CREATED)
    assert codes(resource["subtype"], INTERACTIONS) == ["create", "transaction"]
    resource = shown(what="hand-over", action=audit.UPDATED)
    assert codes(resource["subtype"], INTERACTIONS) == ["update"]
    assert codes(resource["subtype"], ACTS) == ["hand-over"]
    resource = shown(what="$progress", action=audit.EXECUTED)
    assert codes(resource["subtype"], INTERACTIONS) == ["operation"]
    assert codes(resource["subtype"], ACTS) == ["progress"]


def test_a_broken_glass_stands_out():
    resource = shown(what="break-glass", action=audit.CREATED, purpose="ETREAT")
    assert codes(resource["subtype"], DICOM) == ["110127"]
    assert resource["purposeOfEvent"][0]["coding"][0]["code"] == "ETREAT"


def test_a_user_is_the_one_who_asks():
    resource = shown(person="Practitioner/p", purpose="TREAT")
    client, _, user = resource["agent"]
    assert (client["requestor"], user["requestor"]) == (False, True)
    assert user["who"] == {"reference": "Practitioner/p"}
    assert "purposeOfUse" not in client
    assert user["purposeOfUse"][0]["coding"][0]["code"] == "TREAT"


@pytest.mark.parametrize("what", OPERATED)
def test_what_was_done_to_a_client_is_the_operators_act_and_about_its_access(what):
    act = entry(what=what, action=audit.EXECUTED, client="", agency="", type="", id="", query="client=epr")
    resource = audit_event(act, BASE_URL, "x")
    assert (resource["type"]["system"], resource["type"]["code"]) == (DICOM, "110113")
    assert [each["code"] for each in resource["subtype"]] == [what, "110129"]
    assert resource["agent"][0]["who"] == {"display": "operator"}
    assert "altId" not in resource["agent"][0]
    assert base64.b64decode(resource["entity"][1]["query"]) == b"client=epr"
    assert "meta" not in resource


def test_files_that_the_operator_had_written_are_an_export():
    act = entry(
        what=FILES_EXPORTED, action=audit.EXECUTED, client="", agency="", type="", id="", query="$export"
    )
    resource = audit_event(act, BASE_URL, "x")
    assert (resource["type"]["system"], resource["type"]["code"]) == (DICOM, "110106")
    assert [each["code"] for each in resource["subtype"]] == [FILES_EXPORTED]
    assert resource["agent"][0]["who"] == {"display": "operator"}
    assert "meta" not in resource


def test_nobody_known_is_nobody_known():
    resource = shown(client="", agency="")
    assert resource["agent"][0]["who"] == {"display": "unknown"}
    resource = shown(client="anonymous", agency="")
    assert resource["agent"][0]["who"]["identifier"]["value"] == "anonymous"


def test_what_was_written_down_late_says_when_it_was():
    late = Entry(entry().event, entry().serial, 7_000)
    resource = audit_event(late, BASE_URL, "x")
    assert resource["recorded"] == "2023-11-14T22:13:20.000Z"
    assert resource["period"] == {"start": "2023-11-14T22:13:13.000Z", "end": "2023-11-14T22:13:13.000Z"}


def test_outcomes_are_those_of_fhir():
    assert [outcome(status) for status in (200, 304, 399, 400, 404, 499, 500, 503)] == list("00044488")


@given(st.integers(0, 2**48), st.integers(0, 2**63 - 1))
def test_an_id_is_of_one_place_and_a_place_has_one_id(at, serial):
    one = Entry(entry(at=at).event, serial)
    assert IDS.place(IDS.of(one)) == (at, serial)
    assert is_id(IDS.of(one))


def test_an_id_tells_nothing_of_what_was_done_beside():
    ids = [IDS.of(entry(number, at=1)) for number in range(3)]
    assert len({id_[:8] for id_ in ids}) == len({id_[-8:] for id_ in ids}) == 3
    assert EventIds(b"another").of(entry()) != IDS.of(entry())


@pytest.mark.parametrize("id_", ["", "-", "a", "0" * 31, "0" * 33, "A" * 32, "g" * 32, "٣" * 32])
def test_another_id_is_of_no_place(id_):
    assert IDS.place(id_) is None


def test_an_id_that_was_made_up_leads_to_no_entry():
    made_up = [IDS.place(f"{number:032x}") for number in range(1000)]
    # Far from any time of ours.
    assert all(found is None or found[0] > 1 << 48 for found in made_up)


def test_every_ground_has_a_code_and_every_action_a_letter():
    assert [ground_code(ground) for ground in Ground] == [ground.name.lower() for ground in Ground]
    assert len(set(ACTIONS.values())) == len(ACTIONS)


def test_every_act_that_is_none_of_fhirs_is_in_our_code_system(guide):
    known = {concept["code"] for concept in guide.find("CodeSystem", ACTS)["concept"]}
    units = {"publish", "hand-over", "reopen", "break-glass"}
    assert (
        known
        == {each.name for each in OPERATIONS} | units | {UNKNOWN} | {FILES_EXPORTED, *OPERATED} | OF_JOBS
    )


def test_every_ground_is_in_our_code_system(guide):
    system = guide.find("CodeSystem", ACTS.replace("audit-act", "access-ground"))
    assert [concept["code"] for concept in system["concept"]] == [ground_code(ground) for ground in Ground]
