"""The distribution of one score, with the threshold as a line."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from tasks.reporting.palette import light


def draw_histogram(
    bins: Sequence[tuple[float, int]], step: float, colour: str, bound: tuple[float | None, str], width: int
) -> alt.LayerChart:
    """Return bars of `step` centred on each (score, count) of a scale from 0 to 10; `bound` is a line and its name."""
    gap, most = 0.06 * step, max((n for _, n in bins), default=1)
    rows = [
        {"low": score - step / 2 + gap, "high": score + step / 2 - gap, "n": n, "tip": f"Score {score:g}: {n:,} turns"}
        for score, n in bins
    ]
    height = alt.Scale(domain=[0, most * 1.18])  # room for the threshold's label
    bars = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(color=light(colour), cornerRadiusEnd=2)
        .encode(
            x=alt.X("low:Q", title="Score", scale=alt.Scale(domain=[-0.5, 10.5], nice=False),
                    axis=alt.Axis(values=list(range(11)), grid=False, format="d")),
            x2="high:Q",
            y=alt.Y("n:Q", title=None, scale=height, axis=alt.Axis(tickCount=4, format="~s")),
            y2=alt.datum(0),
            description="tip:N",
        )
    )  # fmt: skip
    return with_bound(bars, *bound).properties(width=width, height=210)


def with_bound(bars: alt.Chart, bound: float | None, name: str) -> alt.LayerChart:
    """Lay a named line over the bars, if it is known."""
    if bound is None:
        return alt.LayerChart(layer=[bars])
    text = f"{name} {bound:.4g}"
    base = alt.Chart(alt.Data(values=[{"t": bound, "text": text, "tip": text.capitalize()}])).encode(
        x="t:Q", description="tip:N"
    )
    rule = base.mark_rule(color=light("ink"), strokeDash=[4, 3], strokeWidth=1.5)
    label = base.mark_text(align="right", dx=-5, dy=2, color=light("ink"), fontSize=11, baseline="top").encode(
        y=alt.value(0), text="text:N"
    )
    return alt.LayerChart(layer=[bars, rule, label])
