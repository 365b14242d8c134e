"""The maps of a calibration over the line of equal scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from tasks.reporting.charts.bubbles import HEIGHT, draw_identity
from tasks.reporting.palette import light

DASHES = {"sensibility": [1, 0], "rationality": [6, 3]}


def draw_maps(maps: Mapping[str, Sequence[tuple[float, float]]], titles: tuple[str, str], width: int) -> alt.LayerChart:
    """Return a line through the corners (score, mapped score) of each dimension, flat beyond them."""
    rows = [
        {"x": x, "y": y, "dimension": name.capitalize(), "tip": f"{name.capitalize()}: {x:g} becomes {y:.2f}"}
        for name, corners in maps.items()
        for x, y in spread(corners)
    ]
    names = [name.capitalize() for name in maps]
    legend = alt.Legend(symbolType="stroke", symbolSize=220)
    axis, scale = alt.Axis(values=list(range(11)), format="d"), alt.Scale(domain=[0, 10], nice=False)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("x:Q", title=titles[0], scale=scale, axis=axis),
        y=alt.Y("y:Q", title=titles[1], scale=scale, axis=axis),
        color=alt.Color("dimension:N", legend=legend, scale=alt.Scale(domain=names, range=[light(n) for n in maps])),
        strokeDash=alt.StrokeDash("dimension:N", legend=legend,
                                  scale=alt.Scale(domain=names, range=[DASHES[n] for n in maps])),
    )  # fmt: skip
    lines = base.mark_line(strokeWidth=2.2, interpolate="linear").encode(description="dimension:N")
    points = base.mark_circle(size=90, opacity=0).encode(description="tip:N")  # what the pointer finds
    return alt.LayerChart(layer=[draw_identity(), lines, points]).properties(width=width, height=HEIGHT)


def spread(corners: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the corners with the flat ends of the line."""
    (first_x, first_y), (last_x, last_y) = corners[0], corners[-1]
    before = [(0.0, first_y)] if first_x > 0 else []
    return [*before, *corners, *([(10.0, last_y)] if last_x < 10 else [])]
