"""Counts by name, as horizontal bars with the count at their end."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from tasks.reporting.palette import light

ROW = 19


def draw_bars(counts: Sequence[tuple[str, int]], width: int) -> alt.LayerChart:
    """Return one bar a (name, count), in the order given."""
    rows = [{"name": name, "n": n, "text": f"{n:,}", "tip": f"{name}: {n:,}"} for name, n in counts]
    most = max((n for _, n in counts), default=1)
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("n:Q", axis=None, scale=alt.Scale(domain=[0, most * 1.18])),
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=140)),
        description="tip:N",
    )
    bars = base.mark_bar(color=light("heat"), height={"band": 0.68}, cornerRadiusEnd=2)
    labels = base.mark_text(align="left", dx=5, color=light("muted"), fontSize=11).encode(text="text:N")
    return (bars + labels).properties(width=width, height=ROW * len(rows) + 8)
