"""How sure the gates become over the steps of training."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from tasks.reporting.palette import light

LINES = (("Entropy, share of ln 2", "muted", (6, 3)), ("Distance from one half", "mixture", (1, 0)))


def draw_gate_course(points: Sequence[tuple[int, float, float]], width: int) -> alt.LayerChart:
    """Return a line for each measure of (step, entropy share, mean distance from one half)."""
    rows = [
        {"step": step, "value": value, "line": name, "tip": f"{name}, step {step}: {value:.3f}"}
        for step, *values in points
        for (name, _, _), value in zip(LINES, values, strict=True)
    ]
    names = [name for name, _, _ in LINES]
    legend = alt.Legend(symbolType="stroke", labelLimit=180, symbolSize=220)
    colour = alt.Scale(domain=names, range=[light(colour) for _, colour, _ in LINES])
    dash = alt.Scale(domain=names, range=[list(dash) for _, _, dash in LINES])
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("step:Q", title="Step", axis=alt.Axis(grid=False, tickMinStep=1)),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=4)),
        color=alt.Color("line:N", scale=colour, legend=legend),
        strokeDash=alt.StrokeDash("line:N", scale=dash, legend=legend),
    )
    lines = base.mark_line(strokeWidth=2, interpolate="linear")
    points_found = base.mark_circle(size=90, opacity=0).encode(description="tip:N")  # what the pointer finds
    return (lines + points_found).properties(width=width, height=220)
