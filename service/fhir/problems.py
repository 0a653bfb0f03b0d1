"""Faults: what a check found (`Issue`), and the one tree of exceptions (`Problem`).

Checks return issues as values, all of them. At a boundary they are raised as one
Problem, and `rest/errors.py` alone turns that into an answer.

    Problem
    ├── Malformed      400  cannot be read as what it claims to be
    ├── Unauthorized   401  no caller
    ├── Forbidden      403  a caller who may not
    ├── Missing        404  not here
    ├── Unoffered      405  the type exists, the interaction does not
    ├── Unacceptable   406  no such format to answer in
    ├── TooSlow        408  not whole in time
    ├── Conflict       409  collides with what is stored
    ├── Gone           410  was deleted
    ├── Precondition   412  If-Match or a conditional does not hold
    ├── TooLarge       413  over a configured limit
    ├── Unsupported    415  no such format to read
    ├── Invalid        422  readable, but breaks a rule
    ├── TooMany        429  over a rate
    └── Unavailable    503  try again later

Source: https://hl7.org/fhir/R4/operationoutcome.html, https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

Severity = Literal["fatal", "error", "warning", "information"]

SLUG_SYSTEM = "https://thrive-fhir.example/CodeSystem/rule-slug"


@dataclass(frozen=True, slots=True)
class Issue:
    """One fault: `code` is from IssueType, `slug` is ours and stable, `text` one plain sentence.

    `expression` is the FHIRPath of the element at fault, such as `Goal.target[0].dueDate`.
    """

    severity: Severity
    code: str
    slug: str
    text: str
    expression: str | None = None

    @property
    def is_fault(self) -> bool:
        """Whether this refuses the act (errors do, warnings do not)."""
        return self.severity in {"fatal", "error"}

    def outcome(self) -> dict[str, object]:
        """This issue as an element of OperationOutcome.issue."""
        issue: dict[str, object] = {
            "severity": self.severity,
            "code": self.code,
            "details": {"coding": [{"system": SLUG_SYSTEM, "code": self.slug}], "text": self.text},
            "diagnostics": self.text,
        }
        if self.expression is not None:
            issue["expression"] = [self.expression]
        return issue


def operation_outcome(issues: list[Issue] | tuple[Issue, ...]) -> dict[str, object]:
    """An OperationOutcome resource with the issues, or with one that says all is well."""
    shown = issues or (Issue("information", "informational", "ok", "All is well."),)
    return {"resourceType": "OperationOutcome", "issue": [issue.outcome() for issue in shown]}


class Problem(Exception):  # noqa: N818 - the field's word, and the root of the tree
    """An act refused: carries every issue and the HTTP status that FHIR gives it."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"

    def __init__(
        self, slug: str, text: str, expression: str | None = None, *, issues: list[Issue] | None = None
    ) -> None:
        """Takes one slug and sentence, or `issues` where a check found several."""
        super().__init__(text)
        self.issues = issues or [Issue("error", type(self).code, slug, text, expression)]

    @classmethod
    def of(cls, issues: list[Issue]) -> Problem:
        """This problem with every issue found; the first fault gives its slug and sentence."""
        first = next((issue for issue in issues if issue.is_fault), issues[0])
        return cls(first.slug, first.text, first.expression, issues=issues)


class Malformed(Problem):
    """Cannot be read as what it claims to be."""

    status = 400
    code = "structure"


class Unauthorized(Problem):
    """No caller, or none that we can believe."""

    status = 401
    code = "login"


class Forbidden(Problem):
    """A caller who may not do this."""

    status = 403
    code = "forbidden"


class Missing(Problem):
    """Not here."""

    status = 404
    code = "not-found"


class Unoffered(Problem):
    """The resource type exists, this interaction with it does not."""

    status = 405
    code = "not-supported"


class Unacceptable(Problem):
    """No format that the client accepts."""

    status = 406
    code = "not-supported"


class TooSlow(Problem):
    """Not whole in time."""

    status = 408
    code = "timeout"


class Conflict(Problem):
    """Collides with what is stored."""

    status = 409
    code = "conflict"


class Gone(Problem):
    """Was here, and was deleted. `version` is that of the deletion."""

    status = 410
    code = "deleted"


class Precondition(Problem):
    """If-Match, or a conditional's criteria, do not hold."""

    status = 412
    code = "conflict"


class TooLarge(Problem):
    """Over a configured limit."""

    status = 413
    code = "too-long"


class Unsupported(Problem):
    """A format that we do not read."""

    status = 415
    code = "not-supported"


class Invalid(Problem):
    """Readable, but breaks a rule of FHIR, of a profile or of the clinic."""

    status = 422
    code = "invariant"


class TooMany(Problem):
    """Over a rate. `retry_after`: seconds after which it is worth trying again."""

    status = 429
    code = "throttled"
    retry_after: int = 1


class Unavailable(Problem):
    """Not now; worth trying again."""

    status = 503
    code = "transient"


_OF_SERVERS: Final = 500  # RFC 9110 section 15.6: from this status on the fault is the server's
_PROBLEMS: Final[tuple[type[Problem], ...]] = (Problem, *Problem.__subclasses__())
OURS: Final = frozenset(each.code for each in _PROBLEMS if each.status >= _OF_SERVERS)
"""The codes of issues about which whoever asked can do nothing: those of the problems that are answered 5xx."""
