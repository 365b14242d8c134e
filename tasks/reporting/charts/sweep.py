"""A value of each subset over the thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from tasks.reporting.palette import light
from tasks.reporting.wording import join_words

DASHES = {"sensibility": [1, 0], "rationality": [1, 0], "discard": [4, 3]}


def draw_sweep(
    curves: Mapping[str, Sequence[tuple[float, float]]], title: str, marks: Mapping[float, Sequence[str]], width: int
) -> alt.LayerChart:
    """Return a line for each subset's (threshold, value); `marks` are the chosen thresholds with their scores."""
    rows = [
        {"threshold": threshold, "value": value, "subset": name.capitalize(),
         "tip": f"{name.capitalize()} at {threshold:g}: {value:.3g}"}
        for name, points in curves.items()
        for threshold, value in points
    ]  # fmt: skip
    names = [name.capitalize() for name in curves]
    legend = alt.Legend(symbolType="stroke", symbolSize=220, columns=len(names))
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("threshold:Q", title="Both thresholds", axis=alt.Axis(grid=False, values=list(range(11)), format="d")),
        y=alt.Y("value:Q", title=title, axis=alt.Axis(tickCount=5)),
        color=alt.Color("subset:N", scale=alt.Scale(domain=names, range=[light(n) for n in curves]), legend=legend),
        strokeDash=alt.StrokeDash(
            "subset:N", scale=alt.Scale(domain=names, range=[DASHES[n] for n in curves]), legend=legend
        ),
    )
    lines = base.mark_line(strokeWidth=2, interpolate="linear")
    points = base.mark_circle(size=90, opacity=0).encode(description="tip:N")  # what the pointer finds
    layers = [*(draw_mark(*mark) for mark in marks.items()), lines, points]
    return alt.LayerChart(layer=layers).properties(width=width, height=240)


def draw_mark(threshold: float, scores: Sequence[str]) -> alt.Chart:
    """Return a dashed line at a threshold that was chosen, in the colour of its score."""
    rows = [{"at": threshold, "tip": f"Chosen threshold of {join_words(scores)}: {threshold:g}"}]
    colour = light(scores[0] if len(scores) == 1 else "ink")
    rule = alt.Chart(alt.Data(values=rows)).mark_rule(color=colour, strokeDash=[4, 3], strokeWidth=1.5)
    return rule.encode(x="at:Q", description="tip:N")
