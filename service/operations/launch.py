"""Launch: what a form is opened with, such as the encounter and whoever is at the keyboard.

Source: https://hl7.org/fhir/uv/sdc/StructureDefinition-sdc-questionnaire-launchContext.html,
https://hl7.org/fhir/uv/sdc/OperationDefinition-Questionnaire-populate.html (context)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir.problems import Issue
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.outcomes.references import Locate, Target

if TYPE_CHECKING:
    from service.interactions.context import Act, Context

Json = dict[str, Any]

USER: Final = "user"
# Who may write a response down, and who may have answered it: who answers for themselves has done both.
# Source: https://hl7.org/fhir/R4/questionnaireresponse-definitions.html#QuestionnaireResponse.author, #source
_AUTHORS: Final = frozenset({"Practitioner", "PractitionerRole", "Patient", "RelatedPerson"})
_ANSWERING: Final = frozenset({"Patient", "RelatedPerson"})


@dataclass(frozen=True, slots=True)
class Launch:
    """The resources that a form is opened with, by name; and what was passed over."""

    resources: Mapping[str, Json]
    issues: tuple[Issue, ...]

    def resource(self, name: str) -> Json | None:
        """The resource of that name."""
        return self.resources.get(name)

    def reference(self, name: str) -> Json | None:
        """A Reference to the resource of that name; None where there is none, or it has no id."""
        found = self.resources.get(name, {})
        return {"reference": f"{found['resourceType']}/{found['id']}"} if "id" in found else None

    def authorship(self) -> Json:
        """The elements of a response that say who writes it down and who answers."""
        user, type_ = self.reference(USER), self.resources.get(USER, {}).get("resourceType")
        if user is None or type_ not in _AUTHORS:
            return {}
        return {"author": user, "source": user} if type_ in _ANSWERING else {"author": user}

    def who(self, locate: Locate) -> Target | None:
        """Who is about to answer; None where that is not known."""
        author = self.authorship().get("author")
        return None if author is None else locate(author["reference"])


async def read_launch(context: Context, act: Act, given: Iterable[Sequence[Json]]) -> Launch:
    """What the parts of `context` parameters name: resources as they are sent, or as they are stored here."""
    resources: dict[str, Json] = {}
    issues: list[Issue] = []
    for parts in given:
        name = next((part.get("valueString") for part in parts if part.get("name") == "name"), None)
        for part in parts:
            if part.get("name") != "content":
                continue
            found = await _content(context, act, part)
            if found is None or not isinstance(name, str) or name in resources:
                text = "A context without a name, or that is not found here, or given before, is passed over."
                issues.append(Issue("information", "not-supported", "populate-context", text))
            else:
                resources[name] = found
    return Launch(resources, tuple(issues))


async def _content(context: Context, act: Act, part: Json) -> Json | None:
    if "resource" in part:
        return dict(part["resource"])
    text = part.get("valueReference", {}).get("reference", "")
    target = Addresses(context.registry, context.base_url).local(text)
    current = None if target is None else await context.store.read(act.caller.locality, *target)
    return None if current is None or current.deleted else content(current)
