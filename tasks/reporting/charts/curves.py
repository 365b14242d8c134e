"""Loss over the steps of training, one line a system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from tasks.reporting.blocks import WIDE
from tasks.reporting.palette import light, style_of


def draw_curves(curves: Mapping[str, Sequence[tuple[int, float]]], width: int) -> alt.LayerChart:
    """Return the (step, loss) points of each system as a line, in the system's colour and dash."""
    styles = [style_of(system) for system in curves]
    rows = [
        {"step": step, "loss": loss, "system": style_of(system).label,
         "tip": f"{style_of(system).label}, step {step}: loss {loss:.3f}"}
        for system, points in curves.items()
        for step, loss in points
    ]  # fmt: skip
    labels = [style.label for style in styles]
    legend = alt.Legend(columns=4 if width == WIDE else 2, symbolType="stroke", labelLimit=160, symbolSize=220)
    colour = alt.Scale(domain=labels, range=[light(style.colour) for style in styles])
    dash = alt.Scale(domain=labels, range=[list(style.dash) for style in styles])
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("step:Q", title="Step", axis=alt.Axis(grid=False, tickMinStep=1)),
        y=alt.Y("loss:Q", title="Loss", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
        color=alt.Color("system:N", scale=colour, legend=legend),
        strokeDash=alt.StrokeDash("system:N", scale=dash, legend=legend),
    )
    lines = base.mark_line(strokeWidth=2, interpolate="linear")
    points = base.mark_circle(size=90, opacity=0).encode(description="tip:N")  # what the pointer finds
    return (lines + points).properties(width=width, height=320)
