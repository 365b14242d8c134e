"""Charts as SVG for the page and as PNG for everything else, from one specification.

The page holds drawings, not the Vega library: smaller, readable without JavaScript, on paper at once, and in
the reader's light or dark scheme, because each palette colour is swapped for its CSS variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from tasks.reporting.palette import PALETTE, light

if TYPE_CHECKING:
    import altair as alt

SVG = "http://www.w3.org/2000/svg"
VARIABLE_OF = {colour.light: f"var(--{name})" for name, colour in PALETTE.items()}
ARIA = ("role", "aria-roledescription", "aria-hidden")


def style_chart(chart: alt.Chart | alt.LayerChart) -> dict[str, Any]:
    """Return a chart's Vega-Lite specification in the house style."""
    spec = chart.to_dict(validate=False)  # half of the time it takes; the tests draw every chart with it
    text = {"labelColor": light("muted"), "titleColor": light("muted"), "labelFontSize": 12, "titleFontSize": 12}
    spec["autosize"] = {"type": "fit", "contains": "padding"}
    spec["config"] = {
        "background": "transparent",
        "font": "Arial, sans-serif",
        "padding": 2,
        "view": {"stroke": None},
        "axis": {
            **text,
            "titleFontWeight": "normal",
            "gridColor": light("line"),
            "domain": False,
            "ticks": False,
            "labelPadding": 6,
            "titlePadding": 10,
        },
        "legend": {**text, "orient": "top", "title": None, "symbolStrokeWidth": 2, "columnPadding": 16},
        "title": {"color": light("ink"), "fontSize": 16, "anchor": "start", "offset": 14},
    }
    return spec


def draw_svg(chart: alt.Chart | alt.LayerChart, prefix: str) -> str:
    """Return a chart as an SVG element whose ids start with `prefix` and whose colours are CSS variables."""
    import vl_convert

    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(style_chart(chart)))  # noqa: S314 - our own renderer wrote it
    for element in root.iter():
        fit_to_page(element, prefix)
    for name in ("class", "version"):
        root.attrib.pop(name, None)
    root.set("aria-hidden", "true")  # the figure around it carries the description and the numbers
    return ElementTree.tostring(root, encoding="unicode")


def fit_to_page(element: ElementTree.Element, prefix: str) -> None:
    """Swap colours for variables, keep ids apart from other drawings', and turn a mark's label into its tip."""
    for name, value in list(element.attrib.items()):
        if value in VARIABLE_OF:
            element.set(name, VARIABLE_OF[value])
        elif name == "id":
            element.set(name, f"{prefix}-{value}")
        elif value.startswith("url(#"):
            element.set(name, f"url(#{prefix}-{value[5:]}")
    label = element.attrib.pop("aria-label", None)
    if label and element.get("aria-roledescription") not in ("axis", "legend", "title"):
        element.set("data-tip", label)
    for name in ARIA:
        element.attrib.pop(name, None)


def draw_png(chart: alt.Chart | alt.LayerChart, title: str) -> bytes:
    """Return a chart as a PNG with its title, twice as dense as the page, on white."""
    import vl_convert

    spec = style_chart(chart)
    spec["config"] |= {"background": light("page"), "padding": 20}
    return vl_convert.vegalite_to_png(spec | {"title": title}, scale=2)
