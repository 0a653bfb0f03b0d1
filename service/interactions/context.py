"""What every interaction is given, and what it answers.

Source: ADR 0003
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from service.access.callers import Caller
from service.fhir.guide import Guide
from service.fhir.problems import Issue
from service.fhir.registry import Registry
from service.fhir.search.extraction import Extractor
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator
from service.outcomes.extraction import CodeSet
from service.storage.store import Store, Stored

Clock = Callable[[], int]  # milliseconds since 1970-01-01T00:00:00Z
IdSource = Callable[[], str]  # a new logical id


@dataclass(frozen=True, slots=True)
class Limits:
    """Configured limits.

    Units: `bundle_entries` entries, `page` and `page_default` resources a page,
    `conditional_matches` resources that one conditional delete may take, `included` resources
    that a page of a search shows beside its matches.
    """

    bundle_entries: int = 10_000
    page: int = 1000
    page_default: int = 20
    conditional_matches: int = 1000
    included: int = 5000


@dataclass(frozen=True, slots=True)
class Context:
    """The parts that interactions work with; made once by the composition root.

    `references`: what a write refers to on this server must be there. `goal_codes` is the set of
    SNOMED CT codes that young people's own scores are taken in. `response_key` makes the ids of
    responses that are posted; the same for every worker and after a restart.
    """

    registry: Registry
    validator: Validator
    store: Store
    clock: Clock
    ids: IdSource
    base_url: str  # without trailing slash, such as http://127.0.0.1:8080/fhir
    limits: Limits
    link_key: bytes  # signs page links; the same for every worker and after a restart
    extractor: Extractor  # the store's own: lets a transaction find what it is about to store
    guide: Guide  # profiles, value sets and forms: ours and those of added packages
    terminology: Terminology  # which codes are in which value set, from the guide and from R4
    references: bool = False
    goal_codes: CodeSet = "goal-tool"
    response_key: bytes = bytes(32)


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts, and under which request id (both go into the audit entry)."""

    caller: Caller
    request_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What an interaction came to. `status` is FHIR's HTTP status for it.

    `stored` is the version the answer is about (its ETag, Last-Modified, body);
    `location` is `Type/id/_history/version`, relative to the base, where one is due;
    `document` is a finished JSON document (Bundle, Parameters, CapabilityStatement) in
    place of a version, or one in the media type `media`, where that is not empty;
    `issues` are warnings and information for an OperationOutcome.
    """

    status: int
    stored: Stored | None = None
    location: str | None = None
    document: bytes | None = None
    issues: tuple[Issue, ...] = ()
    media: str = ""
