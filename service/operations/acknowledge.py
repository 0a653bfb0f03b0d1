"""acknowledge: an agency says that it has notices, which are not shown to it any more.

Source: docs/operations/acknowledge.md, ADR 0017
"""

from __future__ import annotations

from typing import Final

from service.fhir import codec
from service.fhir.parameters import Entry, Input, parameters
from service.fhir.problems import TooLarge
from service.interactions.context import Act, Answer, Context
from service.operations.notices import COMMUNICATION, ORGANIZATION, require_agency, require_ids, require_own
from service.operations.operation import Call, Operation
from service.operations.unnarrowed import reads_every, require_unnarrowed
from service.outcomes.recognition import OURS

INPUTS: Final = (Input("notice", "id", required=True, repeats=True),)


async def acknowledge(context: Context, act: Act, call: Call) -> Answer:
    """200 with Parameters: the ids of those of the notices that nobody had acknowledged before.

    Those about resources that the token is not for reading are as if they were not there, as for `$notices`.

    Raises:
        Malformed: one is named by what is no id.
        TooLarge: more are named than a page may show.
        Forbidden: the caller acts for another agency, or the token is narrowed or in a name.
        Missing, Gone: there is no such agency.
    """
    require_unnarrowed(act.caller, (ORGANIZATION, "r"), (COMMUNICATION, "u"))
    require_own(act, call)
    ids: tuple[str, ...] = call.inputs.all("notice")
    require_ids(ids)
    if len(ids) > context.limits.page:
        raise TooLarge("notices-too-many", f"{context.limits.page} notices at most are acknowledged at once.")
    await require_agency(context, act, call)
    caller = act.caller
    known = frozenset(type_ for type_ in context.registry.served if reads_every(caller, type_)) | {
        COMMUNICATION
    }
    named = tuple(dict.fromkeys(ids))
    done = await context.store.acknowledge(caller.locality, call.id, caller.client, named, known)
    entries: list[Entry] = [("acknowledged", "valueId", id_) for id_ in dict.fromkeys(ids) if id_ in done]
    return Answer(200, document=codec.encode(parameters(*entries)))


OPERATION: Final = Operation(
    name="acknowledge",
    definition=f"{OURS}/OperationDefinition/acknowledge",
    summary="The agency has these notices; they are not shown to it any more.",
    types=frozenset({ORGANIZATION}),
    levels=frozenset({"instance"}),
    readable=frozenset(),
    inputs=INPUTS,
    perform=acknowledge,
    # Nobody at the agency is shown them any more: that is a change.
    needs=(("", "r"), (COMMUNICATION, "u")),
)
