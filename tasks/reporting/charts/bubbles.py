"""How often two sources of scores give each pair of values: a circle a pair, its area the number of turns."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from tasks.reporting.palette import light
from tasks.reporting.wording import clip

LARGEST, SMALLEST = 720, 9
"""Areas in square pixels: of the most frequent pair, and the least that is seen."""
HEIGHT = 320


def draw_bubbles(
    cells: Sequence[tuple[float, float, int]], names: tuple[str, str], top: tuple[float, float] | None, colour: str,
    width: int,
) -> alt.LayerChart:  # fmt: skip
    """Return circles at each (x, y, count) of whole scores; `top` is the range of y, None where it is that of x.

    Scores of one scale get the line of equal scores.
    """
    most = max((n for _, _, n in cells), default=1)
    rows = [
        {"x": x, "y": y, "area": max(SMALLEST, round(LARGEST * n / most, 1)),
         "tip": clip(f"{names[0]} {x:g}, {names[1]} {y:g}: {n:,} turns")}
        for x, y, n in cells
    ]  # fmt: skip
    low, high = top or (0.0, 10.0)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("x:Q", title=clip(names[0], 50), scale=make_scale(0, 10), axis=make_axis(0, 10)),
        y=alt.Y("y:Q", title=clip(names[1], 50), scale=make_scale(low, high), axis=make_axis(low, high)),
        size=alt.Size("area:Q", scale=None),
        description="tip:N",
    )
    circles = base.mark_circle(color=light(colour), opacity=0.75)
    layers = [circles] if top else [draw_identity(), circles]
    return alt.LayerChart(layer=layers).properties(width=width, height=HEIGHT)


def make_scale(low: float, high: float) -> alt.Scale:
    """Return a scale with room for the circles at its ends."""
    room = max(0.35, 0.07 * (high - low))
    return alt.Scale(domain=[low - room, high + room], nice=False)


def make_axis(low: float, high: float) -> alt.Axis:
    """Return an axis that names whole values."""
    return alt.Axis(values=list(range(int(low), int(high) + 1)), format="d")


def draw_identity() -> alt.Chart:
    """Return the line on which both say the same."""
    ends = [{"x": at, "y": at, "order": at, "tip": "equal scores"} for at in (0, 10)]
    line = alt.Chart(alt.Data(values=ends)).mark_line(color=light("muted"), strokeDash=[4, 3], strokeWidth=1.2)
    return line.encode(x="x:Q", y="y:Q", order="order:Q", description="tip:N")
