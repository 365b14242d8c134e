"""What calls to a judge took over the days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from tasks.reporting.palette import light

DASHES = ([1, 0], [6, 3])


def draw_calls(lines: Mapping[str, Sequence[tuple[str, float]]], title: str, digits: int, width: int) -> alt.LayerChart:
    """Return a line for each name's (day, value); the days are labels, in the order given."""
    rows = [
        {"day": day, "value": value, "line": name, "tip": f"{name}, {day}: {value:,.{digits}f}"}
        for name, points in lines.items()
        for day, value in points
    ]
    names = list(lines)
    dash = alt.Scale(domain=names, range=list(DASHES[: len(names)]))
    legend = alt.Legend(symbolType="stroke", symbolSize=220) if len(names) > 1 else None
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("day:O", sort=None, title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True, labelSeparation=8)),
        y=alt.Y("value:Q", title=title, axis=alt.Axis(tickCount=4)),
    )
    drawn = base.mark_line(strokeWidth=2, color=light("heat"), interpolate="linear").encode(
        strokeDash=alt.StrokeDash("line:N", scale=dash, legend=legend)
    )
    points = base.mark_circle(size=40, opacity=1, color=light("heat")).encode(description="tip:N")
    return alt.LayerChart(layer=[drawn, points]).properties(width=width, height=210)
