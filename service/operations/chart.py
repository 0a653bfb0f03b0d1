"""chart: a goal's ratings over time, or those of all of a young person's goals, as a picture.

Source: docs/operations/chart.md; domain facts section 7; https://hl7.org/fhir/R4/binary.html
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir import codec
from service.fhir.codec import FHIR_JSON
from service.fhir.parameters import Input, Inputs
from service.fhir.problems import Invalid, Issue, Malformed
from service.fhir.search.expressions import Reference
from service.fhir.search.references import Addresses
from service.interactions.context import Act, Answer, Context
from service.operations import picturing
from service.operations.asked import all_chosen, chosen, days_asked
from service.operations.charted import Wanted, missed_days, panels
from service.operations.operation import Call, Operation
from service.operations.rated import Rated, rated_for_child, rated_for_goal, resources_where
from service.outcomes.recognition import OURS
from service.outcomes.references import child
from service.outcomes.series import RATERS
from service.pages.charts import drawing, languages, raster
from service.pages.charts.drawing import TooLow
from service.pages.charts.palettes import PALETTES
from service.pages.charts.pictures import Chart

if TYPE_CHECKING:
    from service.pages.charts.markup import Element
    from service.pages.charts.raster import Order

SVG: Final = "image/svg+xml"
PNG: Final = "image/png"

# As wide as a column of text; a page of paper and a telephone ask for what suits them.
_WIDTH: Final = 720
_PALETTE: Final = next(iter(PALETTES))
_MOST_SCALE: Final = 4
# More pixels take seconds to draw and are more than any paper shows.
MOST_PIXELS: Final = 16_000_000
# More goals than this are no one person's.
MOST_PANELS: Final = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """How the chart shall look. Units: `width` and `height` in CSS pixels, `scale` pixels of PNG to one of them."""

    width: int
    height: int | None
    scale: int
    locale: str
    palette: str


async def chart(context: Context, act: Act, call: Call) -> Answer:
    """200 with a picture, or with a Binary that holds one, of the Goal or of the goals of the Patient of the path.

    Raises:
        Malformed: a parameter cannot be used.
        Missing, Gone: there is no such Goal or Patient.
        Invalid: there are more ratings or goals than any one person has.
        Unavailable: the picture could not be drawn in time.
    """
    inputs = call.inputs
    asked = _asked(inputs)
    media = _media(call)
    wanted = Wanted(
        all_chosen(inputs, "rater", RATERS),
        days_asked(inputs),
        titles=inputs.one("titles") is not False,
        whole=call.type == "Goal",
    )
    fetch = rated_for_goal if call.type == "Goal" else rated_for_child
    rated = await fetch(context, act, call.id)
    missed = await _missed(context, act, call, rated)
    root = _drawn(
        Chart(panels(rated, missed, wanted), asked.width, asked.height, asked.locale, asked.palette)
    )
    picture = drawing.svg(root) if media == SVG else await picturing.png(_order(root, asked.scale))
    if call.wanted in (SVG, PNG):
        return Answer(200, document=picture, media=call.wanted)
    binary = {
        "resourceType": "Binary",
        "contentType": media,
        "securityContext": {"reference": f"{call.type}/{call.id}"},
        "data": b64encode(picture).decode(),
    }
    return Answer(200, document=codec.encode(binary))


async def _missed(context: Context, act: Act, call: Call, rated: Rated) -> list[int]:
    """The days of the young person's sessions that did not take place."""
    whose: Any = ("Patient", call.id)
    if call.type == "Goal":
        locate = Addresses(context.registry, context.base_url).target
        whose = next((child(goal, locate) for goal in rated.goals.values()), None)
    if whose is None or whose[0] != "Patient":
        return []
    where = Reference("subject", *whose)
    return list(
        missed_days([encounter async for encounter in resources_where(context, act, "Encounter", where)])
    )


def _drawn(picture: Chart) -> Element:
    if len(picture.panels) > MOST_PANELS:
        text = (
            f"More than {MOST_PANELS} goals would be shown; ask for the chart of one goal, or for some days."
        )
        raise Invalid.of([Issue("error", "too-costly", "chart-too-many-goals", text)])
    try:
        return drawing.draw(picture)
    except TooLow as low:
        text = f"With these goals the chart is at least {low.least} pixels high, or as high as needed without height."
        raise Malformed("chart-size", text) from None


def _order(root: Element, scale: int) -> Order:
    size = dict(root.attributes)
    if int(size["width"]) * int(size["height"]) * scale * scale > MOST_PIXELS:
        raise Malformed(
            "chart-size", f"The picture would have more than {MOST_PIXELS} pixels; ask for a smaller scale."
        )
    return raster.order(root, scale)


def _asked(inputs: Inputs) -> Asked:
    given: str | None = inputs.one("locale")
    words = languages.find(languages.DEFAULT if given is None else given)
    if words is None:
        named = ", ".join(languages.LOCALES)
        raise Malformed("operation-parameter-value", f"The parameter locale is one of: {named}.")
    return Asked(
        _size(inputs, "width", drawing.NARROWEST, drawing.WIDEST) or _WIDTH,
        _size(inputs, "height", drawing.LOWEST, drawing.HIGHEST),
        _size(inputs, "scale", 1, _MOST_SCALE) or 1,
        words.language,
        chosen(inputs, "palette", tuple(PALETTES)) or _PALETTE,
    )


def _size(inputs: Inputs, name: str, least: int, most: int) -> int | None:
    given: int | None = inputs.one(name)
    if given is not None and not least <= given <= most:
        raise Malformed("chart-size", f"The parameter {name} is a whole number from {least} to {most}.")
    return given


def _media(call: Call) -> str:
    """The media type of the picture, whether it is the answer or in a Binary."""
    held = chosen(call.inputs, "contentType", (SVG, PNG))
    return call.wanted if call.wanted in (SVG, PNG) else held or SVG


OPERATION: Final = Operation(
    name="chart",
    definition=f"{OURS}/OperationDefinition/chart",
    summary="Goals as a picture: their ratings over time, by each rater.",
    types=frozenset({"Goal", "Patient"}),
    levels=frozenset({"instance"}),
    readable=frozenset({"instance"}),
    needs=(("", "r"), ("Goal", "s"), ("Observation", "s")),
    inputs=(
        Input("start", "date"),
        Input("end", "date"),
        Input("rater", "code", repeats=True),
        Input("titles", "boolean"),
        Input("width", "positiveInt"),
        Input("height", "positiveInt"),
        Input("scale", "positiveInt"),
        Input("locale", "code"),
        Input("palette", "code"),
        Input("contentType", "code"),
    ),
    perform=chart,
    media=(SVG, PNG, FHIR_JSON),
)
