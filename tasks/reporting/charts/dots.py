"""One mean score by name, a dot for each judge: told apart by colour and by shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import altair as alt

from tasks.reporting.palette import light
from tasks.reporting.wording import clip

ROW = 19


class Look(NamedTuple):
    """How one judge is drawn beside others: a palette colour and a shape of Vega."""

    colour: str
    shape: str


LOOKS = (
    Look("heat", "circle"), Look("mixture", "diamond"), Look("sensibility", "triangle-up"),
    Look("rationality", "square"), Look("ink", "cross"), Look("discard", "triangle-down"),
    Look("mixture", "square"), Look("heat", "triangle-up"), Look("ink", "circle"),
)  # fmt: skip
"""Of the judges in their order; whoever is compared later than these looks like an earlier one."""


def look_of(place: int) -> Look:
    """Return how the judge at a place is drawn."""
    return LOOKS[place % len(LOOKS)]


def draw_dots(names: Sequence[str], means: Sequence[tuple[str, Mapping[str, float]]], width: int) -> alt.LayerChart:
    """Return a row for each (name, mean by judge), in the order given; `names` are the judges in theirs."""
    judges = [clip(name, 40) for name in names]
    rows = [
        {"name": name, "score": of_judge[full], "judge": judge, "tip": f"{name}, {judge}: mean {of_judge[full]:.2f}"}
        for name, of_judge in means
        for full, judge in zip(names, judges, strict=True)
        if full in of_judge
    ]
    looks = [look_of(place) for place in range(len(names))]
    legend = alt.Legend(symbolStrokeWidth=0, columns=2, labelLimit=150, symbolOpacity=1) if len(names) > 1 else None
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("score:Q", title="Mean score", scale=alt.Scale(zero=False, padding=12), axis=alt.Axis(tickCount=5)),
        y=alt.Y("name:N", sort=[name for name, _ in means], title=None, axis=alt.Axis(labelLimit=140, grid=True)),
        color=alt.Color("judge:N", legend=legend,
                        scale=alt.Scale(domain=judges, range=[light(look.colour) for look in looks])),
        shape=alt.Shape("judge:N", legend=legend,
                        scale=alt.Scale(domain=judges, range=[look.shape for look in looks])),
        description="tip:N",
    )  # fmt: skip
    dots = base.mark_point(filled=True, size=60, opacity=0.9)
    return alt.LayerChart(layer=[dots]).properties(width=width, height=ROW * len(means) + 60)
