"""Questions by which a service could tell what it should not: every way to return, find, count or order data.

Each is a template; what stands in braces is filled with what there is in the world, seen or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.agreement.worlds import AGENCIES, CHILDREN, STAFF

# Types that agencies write.
TYPES = (
    "Binary",
    "CarePlan",
    "CareTeam",
    "Communication",
    "Consent",
    "Encounter",
    "EpisodeOfCare",
    "Flag",
    "Goal",
    "Group",
    "HealthcareService",
    "List",
    "Location",
    "Measure",
    "MeasureReport",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Provenance",
    "Questionnaire",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Subscription",
    "Task",
)
OF_CHILDREN = (
    "CarePlan",
    "CareTeam",
    "Communication",
    "Consent",
    "Encounter",
    "EpisodeOfCare",
    "Flag",
    "Goal",
    "List",
    "MeasureReport",
    "Observation",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Task",
)
MEMBERS = (*(type_ for type_ in OF_CHILDREN if type_ != "Task"), "Group", "Patient", "Provenance")

OF_EACH_TYPE = (
    "{type}",
    "{type}?_count=3&_total=accurate",
    "{type}?_summary=count",
    "{type}?_count=0&_total=accurate",
    "{type}?_sort=-_lastUpdated&_count=4",
    "{type}?_id={id},{id2}",
    "{type}?_lastUpdated=ge2026-11-17T12:20:00Z&_total=accurate",
    "{type}?_security=http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R",
    "{type}?_security:not=V&_summary=count",
    "{type}?_elements=id&_count=5",
)

SEARCHES = (
    # of one child, in every way to say so
    "{of_child}?{whose}=Patient/{child}",
    "{of_child}?{whose}={child}&_total=accurate&_count=1",
    "{of_child}?{whose}.identifier=https://thrive-fhir.example/Id/number|{child}",
    "{of_child}?{whose}:Patient.family=Family-{child}",
    "{of_child}?{whose}:Patient.birthdate=lt2012-01-01&_total=accurate",
    "{of_child}?{whose}:missing=true",
    "{of_child}?{whose}:Patient.organization=Organization/{agency}",
    "{of_child}?{whose}:Patient._has:Goal:subject:lifecycle-status=active",
    # who has what
    "Patient?_has:{of_child}:{whose}:_id={id}",
    "Patient?_has:{of_child}:{whose}:_security=R&_summary=count",
    "Patient?_has:Goal:subject:lifecycle-status=active&_total=accurate",
    "Patient?_has:CareTeam:patient:participant=Organization/{agency}",
    "Patient?_has:Consent:patient:actor=Organization/{agency}",
    "Patient?_has:Encounter:patient:practitioner=Practitioner/{staff}",
    "Patient?_has:Observation:patient:_has:Provenance:target:agent=Organization/{agency}",
    "Goal?_has:Observation:focus:value-quantity=gt5",
    "Organization?_has:CareTeam:participant:patient=Patient/{child}",
    "Organization?_has:Encounter:service-provider:patient=Patient/{child}",
    "Organization?_has:Patient:organization:_id={child}",
    "Organization?_has:CarePlan:plan-coordinating-agency:subject=Patient/{child}&_total=accurate",
    "Practitioner?_has:Encounter:practitioner:patient=Patient/{child}",
    "Practitioner?_has:Patient:general-practitioner:_id={child}",
    "Location?_has:Encounter:location:patient=Patient/{child}",
    "Practitioner?_has:EpisodeOfCare:care-manager:patient=Patient/{child}",
    # what tells where a young person is
    "Patient?organization=Organization/{agency}",
    "Patient?organization:missing=true",
    "Patient?organization:missing=false&_summary=count",
    "Patient?address-city=Town-{agency}",
    "Patient?address=Town-{agency}&_total=accurate",
    "Patient?general-practitioner=Practitioner/{staff}",
    "Patient?organization.name=Agency {agency} of Nowhere",
    "Patient?telecom:missing=false",
    "Encounter?service-provider=Organization/{agency}",
    "Encounter?practitioner=Practitioner/{staff}",
    "Encounter?location=Location/site&_total=accurate",
    "Encounter?service-provider:missing=true",
    "EpisodeOfCare?organization=Organization/{agency}",
    "EpisodeOfCare?care-manager:Practitioner.family=Staff {staff}",
    "Goal?goal-agency=Organization/{agency}",
    "Goal?goal-agency:missing=true",
    "CarePlan?plan-coordinating-agency=Organization/{agency}",
    "CarePlan?plan-coordinator=Practitioner/{staff}&_summary=count",
    "CareTeam?participant=Organization/{agency}",
    "Task?owner=Organization/{agency}",
    "Communication?recipient=Organization/{agency}",
    "ServiceRequest?requester=Organization/{agency}",
    "Consent?actor=Organization/{agency}",
    "QuestionnaireResponse?author=Practitioner/{staff}",
    "Observation?performer=Organization/{agency}",
    "Flag?author=Organization/{agency}",
    "Provenance?agent=Organization/{agency}",
    # chains through what may be hidden
    "Observation?focus:Goal.lifecycle-status=active",
    "Observation?focus:Goal.goal-agency=Organization/{agency}",
    "Observation?derived-from:QuestionnaireResponse.author=Practitioner/{staff}",
    "RelatedPerson?patient.organization:missing=true",
    "Observation?focus:Goal.subject:Patient.organization:missing=true",
    "QuestionnaireResponse?encounter.location=Location/site",
    "QuestionnaireResponse?encounter:missing=false&_total=accurate",
    "CarePlan?care-team.participant=Organization/{agency}",
    "CarePlan?care-team:CareTeam.status=active",
    "List?item:Goal.lifecycle-status=active",
    "List?item:Observation.value-quantity=ge3&_total=accurate",
    "Provenance?target:Goal.subject=Patient/{child}",
    "Group?member:Patient.family=Family-{child}",
    "Task?focus:Patient.family=Family-{child}",
    "PractitionerRole?organization._has:CareTeam:participant:patient=Patient/{child}",
    # what is not there
    "Goal?subject:not=Patient/{child}&_total=accurate",
    "Observation?focus:missing=true",
    "Observation?code:not=mood&_summary=count",
    "Patient?_has:Goal:subject:_id:not={child}-goal-0",
    "Goal?lifecycle-status:not=active&_total=accurate",
    # beside what was searched for
    "Goal?_include=Goal:subject&_include=Goal:goal-agency",
    "Goal?subject=Patient/{child}&_revinclude=Observation:focus&_revinclude=List:item",
    "Patient?_id={child}&_revinclude=*",
    "Patient?_revinclude=Goal:subject&_revinclude:iterate=Observation:focus&_count=2&_total=accurate",
    "Observation?_include=Observation:focus&_include:iterate=Goal:subject&_include:iterate=Patient:organization",
    "Encounter?_include=*",
    "CarePlan?_include=CarePlan:care-team&_include:iterate=CareTeam:participant",
    "QuestionnaireResponse?_include=QuestionnaireResponse:encounter&_include:iterate=Encounter:practitioner",
    "Organization?_revinclude=Patient:organization&_revinclude=Encounter:service-provider",
    "Practitioner?_revinclude=Encounter:practitioner&_revinclude=EpisodeOfCare:care-manager",
    "Location?_revinclude=Encounter:location",
    "Group?_include=Group:member",
    "List?_include=List:item&_count=2",
    "Consent?_include=Consent:patient&_include:iterate=Patient:general-practitioner",
    "Provenance?_include=Provenance:target",
    # in order, by what tells no place
    "Patient?_sort=birthdate&_total=accurate&_count=2",
    "Patient?_sort=-family",
    "Goal?_sort=lifecycle-status,-_lastUpdated&_count=3",
    "Observation?_sort=-date&_count=4&_total=accurate",
    "Observation?_sort=value-quantity",
    # of all types
    "?_type=Goal,Patient&_lastUpdated=gt2026-01-01&_total=accurate&_count=7",
    "?_type=Observation,Encounter,Consent&_summary=count",
    "?_id={id}",
)

OPERATIONS = (
    "Patient/{child}/$everything",
    "Patient/{child}/$everything?_count=4",
    "Patient/{child}/$everything?_type=Patient,Goal,Organization",
    "Patient/{child}/$everything?start=2026-05-01&end=2026-06-30&_count=10",
    "Patient/{child}/$progress",
    "Patient/{child}/$progress?mode=nhse-parity",
    "Patient/{child}/$groupings",
    "Patient/{child}/$measures",
    "Patient/{child}/$chart?contentType=image/svg%2Bxml",
    "Patient/{child}/$progress?_format=text/csv&rows=points",
    "Patient/{child}/$measures?_format=text/csv",
    "Patient/{child}/$chart?_format=image/svg%2Bxml",
    "Goal/{child}-goal-{n}/$progress",
    "Goal/{child}-goal-{n}/$chart",
    "Observation/$lastn?patient=Patient/{child}&max=3",
    "Observation/$lastn?subject:Patient.family=Family-{child}",
    "QuestionnaireResponse/{child}-answers/$extract",
    "Questionnaire/$populate?canonical={form}&subject=Patient/{child}&local=true",
    "Questionnaire/form/$populate?subject=Patient/{child}&local=true",
    "$worklist?list=plans-past-review&on=2027-02-01",
    "$worklist?list=plans-past-review&on=2027-02-01&agency=Organization/{agency}",
    "$worklist?list=goals-not-rated&_count=2",
    "$worklist?list=goals-not-rated&agency={agency}",
    "$worklist?list=closing-without-second-score&days=40",
    "$worklist?list=closing-without-second-score&agency={agency}&days=40",
    "$worklist?list=plans-without-coordinator",
    "$worklist?list=plans-without-coordinator&agency={agency}&_count=1",
)

COMPARTMENTS = (
    "Patient/{child}/*",
    "Patient/{child}/*?_count=5&_total=accurate",
    "Patient/{child}/{member}",
    "Patient/{child}/{member}?_summary=count",
)


def whose(type_: str) -> str:
    """By which search parameter a type says whose it is."""
    return (
        "patient" if type_ in {"CareTeam", "Consent", "EpisodeOfCare", "RelatedPerson", "Task"} else "subject"
    )


def questions(rng: Random, ids: list[str]) -> Iterator[str]:
    """Every template once, and those of each type for each type, filled by chance."""
    for template in OF_EACH_TYPE:
        for type_ in TYPES:
            yield _filled(template, rng, ids, type_)
    for template in (*SEARCHES, *OPERATIONS, *COMPARTMENTS):
        yield _filled(template, rng, ids, rng.choice(TYPES))
    for member in MEMBERS:
        yield _filled("Patient/{child}/{member}", rng, ids, "", member)


def _filled(template: str, rng: Random, ids: list[str], type_: str, member: str = "") -> str:
    of_child = rng.choice(OF_CHILDREN)
    return template.format(
        type=type_,
        of_child=of_child,
        whose=whose(of_child),
        child=rng.choice(CHILDREN),
        agency=rng.choice(tuple(AGENCIES)),
        staff=rng.choice(STAFF),
        id=rng.choice(ids),
        id2=rng.choice(ids),
        n=rng.randint(0, 1),
        form="https://thrive-fhir.example/Questionnaire/gbo-session",
        member=member or rng.choice(MEMBERS),
    )
