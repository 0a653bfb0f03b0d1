"""Resources of invented young people and the agencies around them, as small as their profiles allow."""

from __future__ import annotations

from typing import Any

OURS = "https://thrive-fhir.example"
SNOMED = "http://snomed.info/sct"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
SECTOR = f"{OURS}/CodeSystem/sector"
POLICY = f"{OURS}/policy/sharing-around-a-young-person"
NUMBERS = f"{OURS}/Id/number"
RESOURCE_TYPES = "http://hl7.org/fhir/resource-types"

Json = dict[str, Any]


def refer(type_: str, id_: str, display: str = "") -> Json:
    made = {"reference": f"{type_}/{id_}"}
    return {**made, "display": display} if display else made


def coding(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def extension(name: str, **value: Any) -> Json:
    return {"url": f"{OURS}/StructureDefinition/{name}", **value}


def named(type_: str, id_: str, **more: Any) -> Json:
    """A resource with its id, and with a number by which it can be found."""
    return {"resourceType": type_, "id": id_, **more}


def labelled(resource: Json, codes: tuple[str, ...]) -> Json:
    """The resource with these codes of confidentiality, and no others."""
    if not codes:
        return {name: value for name, value in resource.items() if name != "meta"}
    return {**resource, "meta": {"security": [label(code) for code in codes]}}


def label(code: str) -> Json:
    """A label of confidentiality, of what is sensitive, or (`?`) one that nobody knows."""
    systems = {
        "SEX": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
        "?": "https://elsewhere.example/labels",
    }
    return {"system": systems.get(code, CONFIDENTIALITY), "code": "hush" if code == "?" else code}


def agency(id_: str, sector: str, part_of: str | None = None) -> Json:
    more = {} if part_of is None else {"partOf": refer("Organization", part_of)}
    return named(
        "Organization",
        id_,
        active=True,
        identifier=[
            {"system": NUMBERS, "value": id_},
            {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": f"EE{_digits(id_)}"},
        ],
        type=[coding(SECTOR, sector)],
        name=f"Agency {id_} of Nowhere",
        **more,
    )


def _digits(text: str) -> str:
    return f"{sum(map(ord, text)):06d}"


def practitioner(id_: str) -> Json:
    return named("Practitioner", id_, name=[{"family": f"Staff {id_}"}])


def role(id_: str, practitioner_: str, organization: str) -> Json:
    return named(
        "PractitionerRole",
        id_,
        practitioner=refer("Practitioner", practitioner_),
        organization=refer("Organization", organization),
    )


def location(id_: str, organization: str) -> Json:
    return named(
        "Location", id_, name=f"Site {id_}", managingOrganization=refer("Organization", organization)
    )


def service(id_: str, organization: str, place: str) -> Json:
    return named(
        "HealthcareService",
        id_,
        name=f"Service {id_}",
        providedBy=refer("Organization", organization),
        location=[refer("Location", place)],
    )


def patient(id_: str, birth: str | None, organization: str, gp: str, contact: str) -> Json:
    made = named(
        "Patient",
        id_,
        identifier=[{"system": NUMBERS, "value": id_}],
        name=[{"family": f"Family-{id_}", "given": [f"Given-{id_}"]}],
        gender="other",
        address=[{"city": f"Town-{organization}", "postalCode": "ZZ99 9ZZ"}],
        telecom=[{"system": "phone", "value": f"0000 {_digits(organization)}"}],
        generalPractitioner=[refer("Practitioner", gp)],
        managingOrganization=refer("Organization", organization),
        contact=[{"organization": refer("Organization", contact)}],
    )
    return made if birth is None else {**made, "birthDate": birth}


def related_person(id_: str, child: str) -> Json:
    return named(
        "RelatedPerson", id_, patient=refer("Patient", child), name=[{"family": f"Carer {id_}"}], active=True
    )


def care_team(id_: str, child: str | None, status: str, period: Json, members: list[Json]) -> Json:
    made = named("CareTeam", id_, status=status, name=f"Team {id_}", participant=members)
    if period:
        made["period"] = period
    return made if child is None else {**made, "subject": refer("Patient", child)}


def member(organization: str, period: Json) -> Json:
    made: Json = {"role": [{"text": "Agency involved"}], "member": refer("Organization", organization)}
    return {**made, "period": period} if period else made


def on_behalf(practitioner_: str, organization: str, period: Json) -> Json:
    made: Json = {
        "role": [{"text": "Clinician"}],
        "member": refer("Practitioner", practitioner_),
        "onBehalfOf": refer("Organization", organization),
    }
    return {**made, "period": period} if period else made


def plan(
    id_: str, child: str, status: str, period: Json, coordinator: str, organization: str, team: str
) -> Json:
    grouping = coding(f"{OURS}/CodeSystem/needs-based-grouping", "getting-advice-signposting")
    return named(
        "CarePlan",
        id_,
        extension=[
            extension("plan-coordinator", valueReference=refer("Practitioner", coordinator)),
            extension("plan-coordinating-agency", valueReference=refer("Organization", organization)),
            extension("plan-review-date", valueDate=period["start"]),
            extension("plan-grouping", valueCodeableConcept=grouping),
        ],
        status=status,
        intent="plan",
        category=[coding(SNOMED, "718347000")],
        title="THRIVE plan",
        subject=refer("Patient", child),
        period=period,
        careTeam=[refer("CareTeam", team)],
    )


def consent(id_: str, child: str, performer: Json, status: str, provision: Json, scope: str) -> Json:
    return named(
        "Consent",
        id_,
        status=status,
        scope=coding("http://terminology.hl7.org/CodeSystem/consentscope", scope),
        category=[coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IDSCL")],
        patient=refer("Patient", child),
        dateTime="2026-01-01",
        performer=[performer],
        policy=[{"uri": POLICY}],
        provision=provision,
    )


def recipient(organization: str = "", sector: str = "", team: str = "") -> Json:
    """Who a provision is about: an agency, those of a sector, or a team."""
    if sector:
        return {"role": coding(SECTOR, sector), "reference": {"display": "agencies of the sector"}}
    about = refer("CareTeam", team) if team else refer("Organization", organization)
    return {
        "role": coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP"),
        "reference": about,
    }


def everybody() -> Json:
    """Every agency of the locality, as whom a provision is about."""
    return {
        "role": coding(f"{OURS}/CodeSystem/sharing", "every-agency"),
        "reference": {"display": "every agency"},
    }


def goal(id_: str, child: str, organization: str, status: str = "active", slot: int | None = None) -> Json:
    extensions = [extension("goal-agency", valueReference=refer("Organization", organization))]
    if slot is not None:
        extensions.append(extension("goal-slot", valuePositiveInt=slot))
    return named(
        "Goal",
        id_,
        extension=extensions,
        identifier=[{"system": NUMBERS, "value": id_}],
        lifecycleStatus=status,
        description={"text": f"Invented goal {id_}"},
        subject=refer("Patient", child),
        startDate="2026-03-01",
        statusDate="2026-03-01",
        expressedBy=refer("Patient", child),
    )


def score(id_: str, child: str, of: str, value: int, day: str, performer: Json) -> Json:
    """A parent's score of a goal, of no slot."""
    return named(
        "Observation",
        id_,
        status="final",
        category=[coding("http://terminology.hl7.org/CodeSystem/observation-category", "survey")],
        code=coding(f"{OURS}/CodeSystem/goal-score", "parent-rated-goal-score"),
        subject=refer("Patient", child),
        focus=[refer("Goal", of)],
        effectiveDateTime=day,
        performer=[performer],
        valueQuantity={
            "value": value,
            "unit": "score",
            "system": "http://unitsofmeasure.org",
            "code": "{ScoreOf}",
        },
    )


def mood(id_: str, child: str | None, value: int, performer: Json) -> Json:
    """A score by a code of nobody's guide; of nobody where no child is named."""
    made = named(
        "Observation",
        id_,
        status="final",
        identifier=[{"system": NUMBERS, "value": id_}],
        code=coding("https://elsewhere.example/codes", "mood"),
        effectiveDateTime="2026-05-05",
        performer=[performer],
        valueInteger=value,
        note=[{"text": f"A remark {id_}"}],
    )
    return made if child is None else {**made, "subject": refer("Patient", child)}


def grouping(id_: str, child: str, start: str, staff: str) -> Json:
    """A needs-based grouping from a day on."""
    return named(
        "Observation",
        id_,
        status="final",
        code=coding(f"{OURS}/CodeSystem/observable", "needs-based-grouping"),
        subject=refer("Patient", child),
        effectivePeriod={"start": start},
        performer=[refer("Patient", child), refer("Practitioner", staff)],
        valueCodeableConcept=coding(f"{OURS}/CodeSystem/needs-based-grouping", "getting-help"),
    )


def response(id_: str, child: str, encounter: str | None, author: Json) -> Json:
    """Answers to CollaboRATE; what is stored with them is a score."""
    made = named(
        "QuestionnaireResponse",
        id_,
        questionnaire=f"{OURS}/Questionnaire/collaborate-0-9",
        status="completed",
        subject=refer("Patient", child),
        authored="2026-06-01T10:00:00Z",
        author=author,
        source=refer("Patient", child),
        item=[
            {"linkId": link, "answer": [{"valueInteger": 7}]} for link in ("understand", "listen", "include")
        ],
    )
    return made if encounter is None else {**made, "encounter": refer("Encounter", encounter)}


def encounter(id_: str, child: str | None, staff: str, organization: str, place: str) -> Json:
    made = named(
        "Encounter",
        id_,
        status="finished",
        **{"class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}},
        participant=[{"individual": refer("Practitioner", staff, f"Staff {staff}")}],
        period={"start": "2026-06-01T09:00:00Z", "end": "2026-06-01T10:00:00Z"},
        serviceProvider=refer("Organization", organization, f"Agency {organization}"),
        location=[{"location": refer("Location", place)}],
    )
    return made if child is None else {**made, "subject": refer("Patient", child)}


def episode(id_: str, child: str, organization: str, staff: str, status: str) -> Json:
    return named(
        "EpisodeOfCare",
        id_,
        status=status,
        patient=refer("Patient", child),
        managingOrganization=refer("Organization", organization),
        careManager=refer("Practitioner", staff),
        period={"start": "2026-02-01", "end": "2026-11-30"},
    )


def referral(id_: str, child: str, organization: str) -> Json:
    return named(
        "ServiceRequest",
        id_,
        status="active",
        intent="order",
        subject=refer("Patient", child),
        requester=refer("Organization", organization),
        performer=[refer("Organization", organization)],
        patientInstruction=f"Come to Town-{organization}",
        authoredOn="2026-02-01",
    )


def task(id_: str, child: str | None, owner: str, focus: Json) -> Json:
    made = named("Task", id_, status="requested", intent="order", focus=focus)
    made["owner"] = refer("Organization", owner)
    made["description"] = f"Call Agency {owner}"
    return made if child is None else {**made, "for": refer("Patient", child)}


def flag(id_: str, child: str, organization: str) -> Json:
    return named(
        "Flag",
        id_,
        status="active",
        code={"text": "an invented flag"},
        subject=refer("Patient", child),
        author=refer("Organization", organization),
    )


def communication(id_: str, child: str | None, sender: str, to: str) -> Json:
    made = named(
        "Communication",
        id_,
        status="completed",
        sender=refer("Organization", sender),
        recipient=[refer("Organization", to)],
        payload=[{"contentString": f"A message {id_} to Agency {to}"}],
        reasonCode=[{"text": f"moved to Town-{to}"}],
        sent="2026-07-01T10:00:00Z",
    )
    return made if child is None else {**made, "subject": refer("Patient", child)}


def group(id_: str, children: list[str]) -> Json:
    """A group of young people; of nobody, and only described, where none is named."""
    made = named("Group", id_, type="person", actual=bool(children), name=f"Group {id_}")
    if children:
        return {**made, "member": [{"entity": refer("Patient", child)} for child in children]}
    return {
        **made,
        "characteristic": [
            {"code": {"text": "age"}, "valueCodeableConcept": {"text": "young"}, "exclude": False}
        ],
    }


def list_(id_: str, child: str, entries: list[Json]) -> Json:
    return named(
        "List",
        id_,
        status="current",
        mode="working",
        title=f"List {id_}",
        subject=refer("Patient", child),
        entry=[{"item": entry} for entry in entries],
    )


def report(id_: str, child: str | None) -> Json:
    made = named(
        "MeasureReport",
        id_,
        status="complete",
        type="individual" if child else "summary",
        measure=f"{OURS}/Measure/anything",
        period={"start": "2026-01-01", "end": "2026-06-30"},
    )
    return made if child is None else {**made, "subject": refer("Patient", child)}


def provenance(id_: str, target: Json, who: str) -> Json:
    return named(
        "Provenance",
        id_,
        target=[target],
        recorded="2026-07-01T10:00:00Z",
        agent=[{"who": refer("Organization", who)}],
    )


def binary(id_: str, about: Json) -> Json:
    return named(
        "Binary", id_, contentType="text/plain", data="YW4gaW52ZW50ZWQgdGV4dA==", securityContext=about
    )


def form(id_: str) -> Json:
    return named(
        "Questionnaire",
        id_,
        url=f"https://elsewhere.example/Questionnaire/{id_}",
        status="active",
        item=[{"linkId": "one", "text": "An invented question", "type": "string"}],
    )


def measure(id_: str) -> Json:
    return named("Measure", id_, status="draft", url=f"https://elsewhere.example/Measure/{id_}")


def subscription(id_: str) -> Json:
    return named(
        "Subscription",
        id_,
        status="requested",
        reason="an invented reason",
        criteria="Goal?lifecycle-status=active",
        channel={"type": "rest-hook", "endpoint": "https://elsewhere.example/hook"},
    )
