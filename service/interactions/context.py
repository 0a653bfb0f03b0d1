"""What every interaction is given, and what it answers.

Source: ADR 0003
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from operator import attrgetter

from service.access.callers import Caller
from service.fhir.guide import Guide
from service.fhir.problems import Issue
from service.fhir.registry import Registry
from service.fhir.search.extraction import Extractor
from service.fhir.search.recalled import Recalled
from service.fhir.search.sight import Seen, Sight
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator
from service.outcomes.extraction import CodeSet
from service.storage.files import Files, NoFiles
from service.storage.store import Store, Stored
from service.storage.trail import NoTrail, Trail

Clock = Callable[[], int]  # milliseconds since 1970-01-01T00:00:00Z
IdSource = Callable[[], str]  # a new logical id
_TOLD_TO_NOBODY = NoTrail()
MEBIBYTE = 1024 * 1024


def _nothing(_count: int) -> None:
    """What further requests cost where nobody counts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Configured limits.

    Units: `bundle_entries` entries, `page` and `page_default` resources a page,
    `conditional_matches` resources that one conditional delete may take, `included` resources
    that a page of a search shows beside its matches, `answer_bytes` bytes that the answers to the
    entries of one Bundle may have together, `client_jobs` jobs that a client may have under way, `job_hours`
    hours that the files of a job are kept, `import_bytes` bytes of a file that is sent to be imported.
    """

    bundle_entries: int = 10_000
    page: int = 1000
    page_default: int = 20
    conditional_matches: int = 1000
    included: int = 5000
    answer_bytes: int = 64 * MEBIBYTE
    client_jobs: int = 8
    job_hours: int = 24
    import_bytes: int = 1024 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Emergencies:
    """In which localities the glass may be broken, and for how long at most.

    Units: `hours` hours.
    """

    localities: frozenset[str] = frozenset()
    hours: int = 4


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
    import_sources: tuple[str, ...] = ()  # below which addresses files to be imported may be fetched
    emergencies: Emergencies = Emergencies()  # nowhere, unless the deployment says so
    trail: Trail = _TOLD_TO_NOBODY  # where acts are told to the audit
    files: Files = field(default_factory=NoFiles)  # where the files of jobs are kept
    recalled: Recalled = field(default_factory=Recalled)  # what searches mean that were read before
    seen: Seen = field(default_factory=Seen)  # what the act at hand was shown

    def seen_by(self, act: Act, sight: Sight | None, seen: Seen | None = None) -> Context:
        """This for one act: the store as these eyes see it (None: all of the caller's locality).

        What is shown is noted in `seen`, where that is given.
        """
        seen = Seen() if seen is None else seen
        # What `dataclasses.replace` does, in a third of its time: every request asks.
        parts = list(_PARTS(self))
        parts[_STORE] = self.store.whole.seen_by(act.caller.locality, sight, seen)
        parts[_SEEN] = seen
        return Context(*parts)


_NAMES = tuple(each.name for each in fields(Context))
_PARTS = attrgetter(*_NAMES)
_STORE, _SEEN = _NAMES.index("store"), _NAMES.index("seen")


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts, under which request id, and from which address (all go into the audit).

    `charge` counts so many requests more against the caller's rate: for an act that has many acts in
    it. It raises `TooMany` where the caller has none left.
    """

    caller: Caller
    request_id: str
    address: str = ""
    charge: Callable[[int], None] = field(default=_nothing, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an interaction came to. `status` is FHIR's HTTP status for it.

    `stored` is the version the answer is about (its ETag, Last-Modified, body);
    `location` is `Type/id/_history/version`, relative to the base, where one is due;
    `document` is a finished JSON document (Bundle, Parameters, CapabilityStatement) in
    place of a version, or one in the media type `media`, where that is not empty;
    `issues` are warnings and information for an OperationOutcome; `headers` go out beside those of any answer.
    """

    status: int
    stored: Stored | None = None
    location: str | None = None
    document: bytes | None = None
    issues: tuple[Issue, ...] = ()
    media: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
