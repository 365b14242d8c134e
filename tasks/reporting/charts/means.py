"""Mean scores by name: a dot for each dimension on a scale of its own figures."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from tasks.reporting.palette import light

ROW = 19
DIMENSIONS = ("sensibility", "rationality")


def draw_means(means: Sequence[tuple[str, float, float]], width: int) -> alt.LayerChart:
    """Return a row for each (name, mean sensibility, mean rationality), in the order given."""
    rows = [
        {"name": name, "score": score, "dimension": dimension.capitalize(),
         "tip": f"{name}: mean {dimension} {score:.2f}"}
        for name, *scores in means
        for dimension, score in zip(DIMENSIONS, scores, strict=True)
    ]  # fmt: skip
    scale = alt.Scale(domain=[d.capitalize() for d in DIMENSIONS], range=[light(d) for d in DIMENSIONS])
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("score:Q", title="Mean score", scale=alt.Scale(zero=False, padding=12), axis=alt.Axis(tickCount=5)),
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=140, grid=True)),
    )
    dots = base.mark_circle(size=70, opacity=1).encode(
        color=alt.Color("dimension:N", scale=scale, legend=alt.Legend(symbolType="circle", symbolStrokeWidth=0)),
        description="tip:N",
    )
    return alt.LayerChart(layer=[dots]).properties(width=width, height=ROW * len(means) + 60)
