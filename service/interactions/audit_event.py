"""An entry of the audit as an AuditEvent, in the shape of IHE's Basic Audit Log Patterns.

An act that showed several young people's data is one event with as many of them as entities, and
then of the profile without patient: BALP would have one event for each of them.

Source: https://profiles.ihe.net/ITI/BALP/, https://hl7.org/fhir/R4/auditevent.html, docs/audit.md
"""

from __future__ import annotations

import base64
import hmac
import re
import struct
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from service.fhir import stamping
from service.interactions.identity import is_id
from service.interactions.noting import DOWNLOAD, OPERATION, TOKEN
from service.outcomes.grants import Ground
from service.outcomes.recognition import OURS
from service.storage import audit
from service.storage.audit import ACTIONS, CREATED, DELETED, EXECUTED, READ, UPDATED, Entry, Event
from service.storage.ledger import FILES_EXPORTED, OPERATED
from service.storage.store import Stored

AUDIT_EVENT: Final = "AuditEvent"
GROUND: Final = f"{OURS}/StructureDefinition/audit-ground"
ACTS: Final = f"{OURS}/CodeSystem/audit-act"
CLIENTS: Final = f"{OURS}/client"
INTERACTIONS: Final = "http://hl7.org/fhir/restful-interaction"
TYPES: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
IHE_EVENTS: Final = "urn:ihe:event-type-code"
REASONS: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

SIGN_IN: Final = "110114"  # User Authentication
SECURITY_ALERT: Final = "110113"
EXPORT: Final = "110106"
GET_TOKEN: Final = "ITI-71"  # noqa: S105 - the code of IHE's transaction Get Access Token
BREAK_GLASS: Final = "break-glass"
OPERATOR: Final = "operator"
"""What is said of who runs the server: commands know of nobody by name."""
FHIR_INTERACTIONS: Final = frozenset(
    {
        "read",
        "vread",
        "update",
        "patch",
        "delete",
        "history-instance",
        "history-type",
        "history-system",
        "create",
        "search-type",
        "search-system",
        "transaction",
        "batch",
        "capabilities",
        "operation",
    }
)
SUCCESS: Final = "0"
_REFUSED, _FAILED = 400, 500  # HTTP's, from which on an act was refused, or failed
_OUTCOMES: Final = ((_FAILED, "8"), (_REFUSED, "4"))

_SOURCE: Final = {"system": DICOM, "code": "110153", "display": "Source Role ID"}
_DESTINATION: Final = {"system": DICOM, "code": "110152", "display": "Destination Role ID"}
_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_ENTITIES: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLES: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_BALP: Final = "https://profiles.ihe.net/ITI/BALP"
_PROFILES: Final = {CREATED: "Create", READ: "Read", UPDATED: "Update", DELETED: "Delete", EXECUTED: "Query"}
_QUERIES: Final = frozenset({"search-type", "search-system"})
_READS: Final = frozenset({"read", "vread"})

_BLOCK: Final = 16  # bytes of AES
_EVENT_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_MOST: Final = 1 << 63  # a number of the database is less

Json = dict[str, Any]


class EventIds:
    """The logical ids of events: their places in the audit, in a form that tells nothing of others.

    An entry's serial counts what is done in the whole locality, by whomever; so the place is
    enciphered. It is one block, so each place has one id, and an id that was made up leads nowhere.

    Source: https://csrc.nist.gov/pubs/fips/197/final
    """

    def __init__(self, key: bytes) -> None:
        """Takes the secret that is the same for every worker and after a restart."""
        secret = hmac.digest(key, b"audit-event ids", "sha256")[:_BLOCK]
        cipher = Cipher(algorithms.AES(secret), modes.ECB())  # noqa: S305 - of one block each, none of which comes twice
        self._encipher = cipher.encryptor()
        self._decipher = cipher.decryptor()

    def of(self, entry: Entry) -> str:
        """The id of an entry."""
        return self._encipher.update(struct.pack(">QQ", entry.event.at, entry.serial)).hex()

    def place(self, id_: str) -> tuple[int, int] | None:
        """The time and serial of the entry with that id; None where the id can be of none."""
        if _EVENT_ID.fullmatch(id_) is None:
            return None
        at, serial = struct.unpack(">QQ", self._decipher.update(bytes.fromhex(id_)))
        return (at, serial) if max(at, serial) < _MOST else None


@lru_cache(maxsize=8)  # one a process; tests have several
def event_ids(key: bytes) -> EventIds:
    """The ids of events under that secret."""
    return EventIds(key)


def stored(entry: Entry, base_url: str, ids: EventIds) -> Stored:
    """The event as a version that a client can be given."""
    id_ = ids.of(entry)
    head, tail = stamping.parts(audit_event(entry, base_url, id_))
    at = entry.event.at
    return Stored(AUDIT_EVENT, id_, 1, at, "POST", stamping.stamp(head, 1, at, tail), 0)


def audit_event(entry: Entry, base_url: str, id_: str) -> Json:
    """The AuditEvent of that id, without version and time of its own."""
    event = entry.event
    shown: Json = {"resourceType": AUDIT_EVENT, "id": id_}
    if (profile := _profile(event)) is not None:
        shown["meta"] = {"profile": [profile]}
    shown["type"] = _type(event)
    shown["subtype"] = _subtypes(event)
    shown["action"] = ACTIONS[event.action]
    if entry.delay:
        done = stamping.instant(event.at - entry.delay)
        shown["period"] = {"start": done, "end": done}
    shown["recorded"] = stamping.instant(event.at)
    shown["outcome"] = outcome(event.status)
    if event.reason:
        shown["outcomeDesc"] = event.reason
    if event.purpose:
        shown["purposeOfEvent"] = [_purpose(event)]
    shown["agent"] = _agents(event, base_url)
    shown["source"] = {
        "observer": {"identifier": _server(base_url)},
        "type": [{"system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "4"}],
    }
    if entities := _entities(event):
        shown["entity"] = entities
    return shown


def outcome(status: int) -> str:
    """The code of audit-event-outcome for a status of HTTP."""
    return next((code for least, code in _OUTCOMES if status >= least), SUCCESS)


def interaction(event: Event) -> str:
    """The code of FHIR's for what was done; empty where it has none."""
    match event.action:
        case audit.CREATED:
            return "create"
        case audit.UPDATED:
            return "patch" if event.what == "patch" else "update"
        case audit.DELETED:
            return "delete"
        case _ if event.what.startswith(OPERATION):
            return "operation"
        case _:
            return event.what if event.what in FHIR_INTERACTIONS else ""


def _type(event: Event) -> Json:
    if event.what == TOKEN:
        return {"system": DICOM, "code": SIGN_IN, "display": "User Authentication"}
    if event.what in OPERATED:
        return {"system": DICOM, "code": SECURITY_ALERT, "display": "Security Alert"}
    if event.what == FILES_EXPORTED:
        return {"system": DICOM, "code": EXPORT, "display": "Export"}
    return {"system": TYPES, "code": "rest", "display": "Restful Operation"}


def _subtypes(event: Event) -> list[Json]:
    if event.what == TOKEN:
        return [{"system": IHE_EVENTS, "code": GET_TOKEN, "display": "Get Access Token"}]
    found: list[Json] = []
    code = interaction(event)
    if code:
        found.append({"system": INTERACTIONS, "code": code})
    further = event.what.removeprefix(OPERATION)
    if further != code:
        system = INTERACTIONS if event.what in FHIR_INTERACTIONS else ACTS
        found.append({"system": system, "code": further})
    if event.what in OPERATED:
        found.append({"system": DICOM, "code": "110129", "display": "Security Configuration"})
    if further == DOWNLOAD:
        found.append({"system": DICOM, "code": EXPORT, "display": "Export"})
    if further == BREAK_GLASS:
        found.append({"system": DICOM, "code": "110127", "display": "Emergency Override Started"})
    return found


def _profile(event: Event) -> str | None:
    """BALP's profile of such an event; None where it has none, or wants what is not known."""
    if event.status >= _REFUSED or not event.address:
        return None
    code = interaction(event)
    known = {READ: code in _READS, EXECUTED: code in _QUERIES}.get(event.action, True)
    if not known or not (event.query if event.action == EXECUTED else event.id):
        return None
    patient = "Patient" if len(event.children) == 1 else ""
    return f"{_BALP}/StructureDefinition/IHE.BasicAudit.{patient}{_PROFILES[event.action]}"


def _purpose(event: Event) -> Json:
    return {"coding": [{"system": REASONS, "code": event.purpose}]}


def _server(base_url: str) -> Json:
    return {"system": "urn:ietf:rfc:3986", "value": base_url}


def _agents(event: Event, base_url: str) -> list[Json]:
    """The client, for its agency; the server; and the user where one is known.

    Source: https://profiles.ihe.net/ITI/BALP/content.html (a read flows from the server, all else from the client)
    """
    reads = event.action == READ
    client: Json = {"type": {"coding": [_DESTINATION if reads else _SOURCE]}, "who": _who(event)}
    if event.client:
        client |= {"altId": event.client, "name": event.client}
    client["requestor"] = not event.person
    if event.address:
        client["network"] = {"address": event.address, "type": "2"}
    if event.purpose and not event.person:
        client["purposeOfUse"] = [_purpose(event)]
    server: Json = {
        "type": {"coding": [_SOURCE if reads else _DESTINATION]},
        "who": {"identifier": _server(base_url)},
        "requestor": False,
        "network": {"address": urlsplit(base_url).hostname or base_url, "type": "1"},
    }
    return [client, server, *_user(event)]


def _who(event: Event) -> Json:
    """For which agency the client acted; where none is known, which client it says it is."""
    if is_id(event.agency):
        return {"reference": f"Organization/{event.agency}"}
    if event.client:
        return {"identifier": {"system": CLIENTS, "value": event.client}}
    return {"display": OPERATOR if event.what in {*OPERATED, FILES_EXPORTED} else "unknown"}


def _user(event: Event) -> list[Json]:
    if not event.person:
        return []
    reads = event.action in {READ, EXECUTED}
    user: Json = {
        "type": {"coding": [{"system": _PARTICIPATION, "code": "IRCP" if reads else "AUT"}]},
        "who": {"reference": event.person},
        "requestor": True,
    }
    if event.purpose:
        user["purposeOfUse"] = [_purpose(event)]
    return [user]


def _entities(event: Event) -> list[Json]:
    found = [_patient(child, ground) for child, ground in event.children]
    if event.id or event.query:
        found.append(_object(event))
    if event.request:
        found.append(
            {
                "what": {"identifier": {"value": event.request}},
                "type": {"system": f"{_BALP}/CodeSystem/BasicAuditEntityType", "code": "XrequestId"},
            }
        )
    return found


def _patient(child: str, ground: int) -> Json:
    shown: Json = {
        "what": {"reference": f"Patient/{child}"},
        "type": {"system": _ENTITIES, "code": "1", "display": "Person"},
        "role": {"system": _ROLES, "code": "1", "display": "Patient"},
    }
    if ground:
        shown = {"extension": [{"url": GROUND, "valueCode": ground_code(ground)}], **shown}
    return shown


def ground_code(ground: int) -> str:
    """The code of a ground of access in our CodeSystem."""
    return Ground(ground).name.lower()


def _object(event: Event) -> Json:
    """What was asked for: a resource, or a query."""
    shown: Json = {}
    if event.id and event.what not in _QUERIES:
        version = f"/_history/{event.version}" if event.version else ""
        shown["what"] = {"reference": f"{event.type}/{event.id}{version}"}
    shown["type"] = {"system": _ENTITIES, "code": "2", "display": "System Object"}
    role = ("4", "Domain Resource") if "what" in shown else ("24", "Query")
    shown["role"] = {"system": _ROLES, "code": role[0], "display": role[1]}
    if event.query:
        shown["query"] = base64.b64encode(event.query.encode()).decode()
    return shown
