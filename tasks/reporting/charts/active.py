"""How much of the full run's subset each strategy finds with a share of its calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from tasks.reporting.palette import light

LOOKS = {
    "active": ("mixture", [1, 0]), "random": ("muted", [6, 3]), "random, distilled": ("heat", [8, 3]),
    "distilled alone": ("ink", [2, 2]),
}  # fmt: skip
OTHER = ("heat", [4, 1])
Point = tuple[float, float, float | None, float | None]
"""Share of the calls, Jaccard, and its interval."""


def draw_active(curves: Mapping[str, Sequence[Point]], width: int) -> alt.LayerChart:
    """Return a line with its band for each strategy's points, in the order of their shares."""
    rows = [
        {"share": share, "jaccard": jaccard, "low": low, "high": high, "strategy": name.capitalize(),
         "tip": f"{name.capitalize()}, {share:.0%} of the calls: {jaccard:.3f}"
         + ("" if low is None or high is None else f" ({low:.3f} to {high:.3f})")}
        for name, points in curves.items()
        for share, jaccard, low, high in points
    ]  # fmt: skip
    names, looks = [name.capitalize() for name in curves], [LOOKS.get(name, OTHER) for name in curves]
    legend = alt.Legend(symbolType="stroke", symbolSize=220, symbolOpacity=1)
    colour = alt.Color("strategy:N", legend=legend,
                       scale=alt.Scale(domain=names, range=[light(colour) for colour, _ in looks]))  # fmt: skip
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("share:Q", title="Share of the judge's calls", scale=alt.Scale(nice=False, padding=10),
                axis=alt.Axis(format="%", grid=False, tickCount=6)),
        color=colour,
    )  # fmt: skip
    y = alt.Y("jaccard:Q", title="Jaccard with the full run", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
    bands = base.transform_filter("isValid(datum.low) && isValid(datum.high)").mark_area(opacity=0.18, line=False)
    dash = alt.StrokeDash("strategy:N", legend=legend, scale=alt.Scale(domain=names, range=[d for _, d in looks]))
    lines = base.mark_line(strokeWidth=2.2, interpolate="linear").encode(y=y, strokeDash=dash, description="strategy:N")
    points = base.mark_circle(size=55, opacity=1).encode(y="jaccard:Q", description="tip:N")
    layers = [bands.encode(y=alt.Y("low:Q", title=None), y2="high:Q", description="strategy:N"), lines, points]
    return alt.LayerChart(layer=layers).properties(width=width, height=260)
