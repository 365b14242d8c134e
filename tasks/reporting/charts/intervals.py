"""One metric of every system, as a point with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from tasks.reporting.palette import light, style_of

ROW = 26


def draw_intervals(points: Sequence[tuple[str, float, float, float]], width: int) -> alt.LayerChart:
    """Return a row for each (system, value, low, high), in the order given."""
    rows = [
        {"system": style_of(system).label, "value": value, "low": low, "high": high,
         "colour": light(style_of(system).colour),
         "tip": f"{style_of(system).label}: {value:.2f} ({low:.2f} to {high:.2f})"}
        for system, value, low, high in points
    ]  # fmt: skip
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("system:N", sort=None, title=None, axis=alt.Axis(labelLimit=180, grid=True)),
        color=alt.Color("colour:N", scale=None),
        description="tip:N",
    )
    x = alt.X("low:Q", title=None, scale=alt.Scale(zero=False, padding=10), axis=alt.Axis(tickCount=4, grid=False))
    lines = base.mark_rule(strokeWidth=2.5, strokeCap="round").encode(x=x, x2="high:Q")
    dots = base.mark_circle(size=70, opacity=1).encode(x="value:Q")
    return (lines + dots).properties(width=width, height=ROW * len(rows) + 30)
