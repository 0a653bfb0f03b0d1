"""What is kept of each type when resources are de-identified: an allow-list, element by element.

What is not named here is dropped, so an element that nobody has thought of never gets out. Texts, names, addresses,
identifiers, attachments and narrative are not of a kind that can be kept, whatever stands here.

Source: docs/deidentification.md; domain facts section 8 (ISB/DCB1523; goal text dropped, dates shifted)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from service.outcomes.recognition import LOINC, OURS, SNOMED

_R4: Final = "http://hl7.org/fhir"
_UK: Final = "https://fhir.hl7.org.uk"

KEPT: Final[Mapping[str, frozenset[str]]] = {
    type_: frozenset(names.split())
    for type_, names in {
        "CarePlan": "extension basedOn replaces partOf status intent category subject encounter period created"
        " author contributor careTeam addresses supportingInfo goal activity",
        "CarePlan.activity": "outcomeCodeableConcept outcomeReference reference detail",
        "CarePlan.activity.detail": "kind code reasonCode reasonReference goal status statusReason doNotPerform"
        " scheduledPeriod performer",
        "CareTeam": "status category subject encounter period participant managingOrganization",
        "CareTeam.participant": "role member onBehalfOf period",
        "Communication": "basedOn partOf inResponseTo status statusReason category priority medium subject topic"
        " about encounter sent received recipient sender reasonCode reasonReference",
        "Consent": "status scope category patient dateTime performer organization policy policyRule provision",
        "Consent.policy": "uri",
        "Consent.provision": "type period actor action securityLabel purpose class code dataPeriod data provision",
        "Consent.provision.actor": "role reference",
        "Consent.provision.data": "meaning reference",
        "Encounter": "extension status statusHistory class type serviceType priority subject episodeOfCare basedOn"
        " participant period reasonCode reasonReference serviceProvider partOf",
        "Encounter.statusHistory": "status period",
        "Encounter.participant": "type period individual",
        "EpisodeOfCare": "status statusHistory type patient managingOrganization period referralRequest"
        " careManager team",
        "EpisodeOfCare.statusHistory": "status period",
        "Flag": "status category code subject period encounter author",
        "Goal": "extension lifecycleStatus achievementStatus category priority description subject startDate"
        " startCodeableConcept target statusDate expressedBy addresses outcomeCode outcomeReference",
        "Goal.target": "measure detailQuantity detailRange detailCodeableConcept detailBoolean detailInteger dueDate",
        "HealthcareService": "active providedBy program characteristic location appointmentRequired",
        "List": "status mode code subject encounter date source orderedBy entry emptyReason",
        "List.entry": "flag deleted date item",
        "Location": "status mode managingOrganization partOf",
        "MeasureReport": "status type measure subject date reporter period improvementNotation group"
        " evaluatedResource",
        "MeasureReport.group": "code population measureScore",
        "MeasureReport.group.population": "code count",
        "Observation": "extension basedOn partOf status category code subject focus encounter effectiveDateTime"
        " effectivePeriod effectiveInstant issued performer valueQuantity valueCodeableConcept valueBoolean"
        " valueInteger valueRange valueDateTime valuePeriod dataAbsentReason interpretation method hasMember"
        " derivedFrom component",
        "Observation.component": "code valueQuantity valueCodeableConcept valueBoolean valueInteger valueRange"
        " valueDateTime valuePeriod dataAbsentReason interpretation",
        "Organization": "active type partOf",
        "Patient": "extension active gender birthDate deceasedBoolean deceasedDateTime managingOrganization"
        " link",
        "Patient.link": "other type",
        "Practitioner": "active",
        "PractitionerRole": "active practitioner organization location healthcareService",
        "Provenance": "target occurredDateTime occurredPeriod recorded reason activity agent entity",
        "Provenance.agent": "type role who onBehalfOf",
        "Provenance.entity": "role what agent",
        "QuestionnaireResponse": "basedOn partOf questionnaire status subject encounter authored author source item",
        "QuestionnaireResponse.item": "linkId answer item",
        "QuestionnaireResponse.item.answer": "valueBoolean valueDecimal valueInteger valueCoding valueQuantity"
        " valueReference item",
        "RelatedPerson": "active patient relationship",
        "ServiceRequest": "basedOn replaces status intent category priority doNotPerform code subject encounter"
        " occurrenceDateTime occurrencePeriod authoredOn requester performerType performer reasonCode"
        " reasonReference supportingInfo relevantHistory",
        "Task": "basedOn partOf status statusReason businessStatus intent priority code focus for encounter"
        " executionPeriod authoredOn lastModified requester performerType owner reasonCode reasonReference"
        " relevantHistory",
    }.items()
}
"""By type, or type of a part of one, the names in JSON of what is kept. A resource type that is not here is left out."""

TYPES: Final = frozenset(type_ for type_ in KEPT if "." not in type_)
"""The resource types that there are de-identified."""

OF_NOBODY: Final = frozenset(
    {"HealthcareService", "Location", "Organization", "Practitioner", "PractitionerRole"}
)
"""Types of resources about no young person. They have no dates: there is nobody by whose days to shift them."""

EXTENSIONS: Final[Mapping[str, Mapping[str, str | Mapping[str, str]]]] = {
    "CarePlan": {
        f"{OURS}/StructureDefinition/plan-coordinator": "valueReference",
        f"{OURS}/StructureDefinition/plan-coordinating-agency": "valueReference",
        f"{OURS}/StructureDefinition/plan-review-date": "valueDate",
        f"{OURS}/StructureDefinition/plan-grouping": "valueCodeableConcept",
        f"{OURS}/StructureDefinition/plan-risk-support": {"agreed": "valueDate"},
    },
    "Encounter": {
        f"{OURS}/StructureDefinition/attendance-status": "valueCoding",
        f"{OURS}/StructureDefinition/consultation-mechanism": "valueCoding",
        f"{_UK}/StructureDefinition/Extension-UKCore-OutcomeOfAttendance": "valueCodeableConcept",
    },
    "Goal": {
        f"{OURS}/StructureDefinition/goal-slot": "valuePositiveInt",
        f"{OURS}/StructureDefinition/goal-agency": "valueReference",
        f"{OURS}/StructureDefinition/goal-replaces": "valueReference",
        f"{OURS}/StructureDefinition/goal-weight": "valueDecimal",
        f"{_R4}/us/pco/StructureDefinition/pco-goal-attainment-scaling": {"level": "valueCoding"},
    },
    "Observation": {f"{_R4}/StructureDefinition/resource-pertainsToGoal": "valueReference"},
    "Patient": {f"{_UK}/StructureDefinition/Extension-UKCore-EthnicCategory": "valueCodeableConcept"},
}
"""By type and address, under which name an extension's value is kept, or those of the extensions in it."""
ETHNIC_CATEGORY: Final = f"{_UK}/StructureDefinition/Extension-UKCore-EthnicCategory"
ETHNIC_CODES: Final = f"{_UK}/CodeSystem/UKCore-EthnicCategoryEngland"
ETHNIC_GROUPS: Final = f"{OURS}/CodeSystem/ethnic-group"

ETHNIC_GROUP_OF: Final[Mapping[str, str]] = {
    code: group
    for group, codes in {
        "white": "A B C",
        "mixed": "D E F G",
        "asian": "H J K L",
        "black": "M N P",
        "other": "R S",
        "not-told": "Z 99",
    }.items()
    for code in codes.split()
}
"""The group of each ethnic category of England.

Source: NHS Data Dictionary, ethnic category (2001); domain facts section 6.2
"""

SECTORS: Final = f"{OURS}/CodeSystem/sector"
SECTORS_TOLD: Final = frozenset({"nhs-trust", "general-practice", "local-authority", "school", "charity"})
"""Sectors of which a locality has several agencies, so that the sector does not tell which one it is."""
OTHER_SECTOR: Final = "other"
"""In place of every other sector."""

# Codes of a system that anybody may make up can be names, and so can the address of such a system.
_HL7: Final = frozenset(
    [
        "communication-category",
        "communication-topic",
        "communication-not-done-reason",
        "consentaction",
        "consentcategorycodes",
        "consentpolicycodes",
        "consentscope",
        "contractsignertypecodes",
        "data-absent-reason",
        "encounter-type",
        "episodeofcare-type",
        "extra-security-role-type",
        "flag-category",
        "goal-achievement",
        "goal-category",
        "goal-priority",
        "list-empty-reason",
        "list-example-use-codes",
        "list-order",
        "measure-improvement-notation",
        "measure-population",
        "observation-category",
        "organization-type",
        "participant-type",
        "program",
        "provenance-participant-type",
        "service-category",
        "service-type",
        "v2-0131",
        "v3-ActCode",
        "v3-ActPriority",
        "v3-ActReason",
        "v3-Confidentiality",
        "v3-DataOperation",
        "v3-DocumentCompletion",
        "v3-NullFlavor",
        "v3-ObservationInterpretation",
        "v3-ObservationValue",
        "v3-ParticipationFunction",
        "v3-ParticipationMode",
        "v3-ParticipationType",
        "v3-RoleClass",
        "v3-RoleCode",
    ]
)
_THIS_GUIDE: Final = frozenset(
    [
        "care-form",
        "care-place",
        "collaborate",
        "decision-outcome",
        "ethnic-group",
        "goal-score",
        "measures",
        "mhsds-attendance-status",
        "mhsds-care-plan-type",
        "mhsds-consultation-mechanism",
        "needs-based-grouping",
        "observable",
        "rater",
        "request-kind",
        "sector",
        "service-access",
        "sharing",
        "worklist-reason",
    ]
)
SYSTEMS: Final = frozenset(
    {
        SNOMED,
        LOINC,
        "http://unitsofmeasure.org",
        f"{_R4}/resource-types",
        f"{_UK}/CodeSystem/UKCore-EthnicCategoryEngland",
        f"{_UK}/CodeSystem/UKCore-OutcomeOfAttendanceEngland",
        *(f"http://terminology.hl7.org/CodeSystem/{name}" for name in _HL7),
        *(f"{OURS}/CodeSystem/{name}" for name in _THIS_GUIDE),
    }
)
"""The code systems whose codes are kept: each by its whole address.

Source: the bindings of R4 (4.0.1) and of this guide for the elements that are kept
"""
CANONICALS_BELOW: Final = (f"{OURS}/", f"{_R4}/", f"{_UK}/")
"""Where the address of a definition tells nothing of who made it."""
KEPT_TAGS: Final = frozenset(
    {
        ("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST"),
        ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "SUBSETTED"),
    }
)
"""Tags that are kept: that the data is invented, and that elements were not asked for."""

# A definition's text identifies nobody; what a name is and may be left out of must stay true.
MASKED_ALWAYS: Final[Mapping[str, str]] = {"Organization": "_name"}
"""What R4 wants of a type and is dropped: an Organization has a name or an identifier (org-1)."""
MASKED_PRIMITIVES: Final = frozenset({("Consent.policy", "uri")})
"""Primitives beside the mandatory ones that are marked as masked where they are dropped: a policy is one (ppc-1)."""

FEWEST: Final = 5
"""A value that fewer young people of an export have is not told. Source: domain facts section 8 (suppression)"""
YOUNGEST: Final = 4
OLDEST: Final = 25
"""Of whoever is younger or older (years, by the year of birth) the year of birth is not told: the service is for
people up to 25, few are outside. Source: domain facts section 8 (records to the 25th birthday)"""
